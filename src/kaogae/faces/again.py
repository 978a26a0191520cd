"""Pictures that were searched before wait once more: for another detector, other limits, or lost crops."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, exists, func, select, update

from kaogae.catalog import Catalog, Face, Picture, Vote

PAGE = 500
"""Pictures of one transaction."""

_VOTED = exists().where(Face.picture_id == Picture.id, Vote.face_id == Face.id)
_SEARCHED = Picture.state.in_(("searched", "rejected")), Picture.file.is_not(None)
"""What was rejected before it was stored has no file."""


@dataclass(frozen=True)
class Forgotten:
    """How many pictures wait again, and how many don't."""

    pictures: int
    voted: int
    """Left as they are, because somebody voted on their faces."""
    restored: int
    """Left as they are, because their faces are a shared manifest's."""


def forget(catalog: Catalog, progress: Callable[[int, int], None] | None = None) -> Forgotten:
    """Delete the faces of every picture that was searched, and let it wait.

    Near-duplicates of deleted faces are kept faces until they are marked afresh. Stopped in the middle, some
    pictures wait and the others are as they were.

    Args:
        progress: called with how many pictures are done, of how many.

    Raises:
        CatalogError: see `Catalog.session`.
    """
    count = select(func.count()).select_from(Picture)
    with catalog.reading() as session:
        voted = session.scalar(count.where(*_SEARCHED, _VOTED)) or 0
        restored = session.scalar(count.where(Picture.state == "restored")) or 0
        total = (session.scalar(count.where(*_SEARCHED)) or 0) - voted
    done = last = 0
    while page := _forget_page(catalog, last):
        done, last = done + len(page), page[-1]
        if progress is not None:
            progress(done, max(total, done))
    return Forgotten(done, voted, restored)


def _forget_page(catalog: Catalog, last: int) -> list[int]:
    """The next pictures (rows) after `last`, in one transaction."""
    wanted = select(Picture.id).where(*_SEARCHED, ~_VOTED, Picture.id > last)
    with catalog.session() as session:
        page = list(session.scalars(wanted.order_by(Picture.id).limit(PAGE)))
        faces = list(session.scalars(select(Face.id).where(Face.picture_id.in_(page))))
        for start in range(0, len(faces), PAGE):
            part = Face.duplicate_of.in_(faces[start : start + PAGE])
            freed = update(Face).where(part).values(state="kept", reason=None, duplicate_of=None)
            session.execute(freed.execution_options(synchronize_session=False))
        session.execute(delete(Face).where(Face.picture_id.in_(page)))
        waits = update(Picture).where(Picture.id.in_(page))
        session.execute(waits.values(state="waiting", reason=None, detail=None))
    return page
