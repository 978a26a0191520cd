"""Pictures that were searched before wait once more: for another detector, other limits, or lost crops."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import delete, exists, func, or_, select, update

from kaogae.catalog import Catalog, Face, Item, Picture, Vote, Workspace
from kaogae.errors import PictureError
from kaogae.images import locate

PAGE = 500
"""Pictures of one transaction."""

_VOTED = or_(
    exists().where(Face.picture_id == Picture.id, Vote.face_id == Face.id),
    exists().where(Face.picture_id == Picture.id, Item.face_id == Face.id),
)
_SEARCHED = Picture.state.in_(("searched", "rejected")), Picture.file.is_not(None)
"""What was rejected before it was stored has no file."""


@dataclass(frozen=True)
class Forgotten:
    """How many pictures wait again, and how many don't."""

    pictures: int
    voted: int
    """Left as they are, because somebody voted on their faces, or a campaign asks about them."""
    restored: int
    """Left as they are, because their faces are a shared manifest's."""
    missing: int
    """Left as they are, because their files aren't there."""


def forget(
    workspace: Workspace, catalog: Catalog, progress: Callable[[int, int], None] | None = None
) -> Forgotten:
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
    done = missing = last = 0
    while looked_at := _next_page(catalog, last):
        page = [row for row, file in looked_at.items() if _is_there(workspace, file)]
        _forget_page(catalog, page)
        done, last = done + len(looked_at), max(looked_at)
        missing += len(looked_at) - len(page)
        if progress is not None:
            progress(done, max(total, done))
    return Forgotten(done - missing, voted, restored, missing)


def _next_page(catalog: Catalog, last: int) -> dict[int, str | None]:
    """The files of the next pictures (rows) after `last`."""
    wanted = select(Picture.id, Picture.file).where(*_SEARCHED, ~_VOTED, Picture.id > last)
    with catalog.reading() as session:
        return {row.id: row.file for row in session.execute(wanted.order_by(Picture.id).limit(PAGE))}


def _is_there(workspace: Workspace, file: str | None) -> bool:
    try:
        locate(workspace.folder, file)
    except PictureError:
        return False
    return True


def _forget_page(catalog: Catalog, page: list[int]) -> None:
    """In one transaction; what somebody voted or asked about since stays."""
    with catalog.session() as session:
        page = list(session.scalars(select(Picture.id).where(Picture.id.in_(page), ~_VOTED)))
        faces = list(session.scalars(select(Face.id).where(Face.picture_id.in_(page))))
        for start in range(0, len(faces), PAGE):
            part = Face.duplicate_of.in_(faces[start : start + PAGE])
            freed = update(Face).where(part).values(state="kept", reason=None, duplicate_of=None)
            session.execute(freed.execution_options(synchronize_session=False))
        session.execute(delete(Face).where(Face.picture_id.in_(page)))
        waits = update(Picture).where(Picture.id.in_(page))
        session.execute(waits.values(state="waiting", reason=None, detail=None))
