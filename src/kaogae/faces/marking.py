"""Near-duplicates in the catalogue: of faces that show the same, the best one stays."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from kaogae.catalog import Catalog, Face, Item, Vote, Workspace
from kaogae.errors import PictureError
from kaogae.faces.crops import crop_path
from kaogae.faces.duplicates import near_duplicates, representatives
from kaogae.faces.likeness import alike, likeness
from kaogae.images import decode_picture, locate, read_bytes

REASON = "near-duplicate"

UNUSABLE, ANOTHER = BY_VOTES = ("unusable (votes)", "another expression (votes)")
"""Why a face is rejected that people didn't want: a copy of it is no better."""

PAGE = 10_000
"""Rows read at once."""

REMEMBERED = 20_000
"""Looks of crops that are kept in memory."""


_TABLE = np.dtype(
    [
        *[("settled", "?"), ("refused", "?"), ("asked", "?"), ("labelled", "?"), ("side", "f8")],
        *[("blur", "f8"), ("picture", "i8"), ("n", "i8"), ("id", "i8"), ("hash", "i8"), ("digest", "S64")],
        *[("label", "U20"), ("before", "i8")],
    ]
)


@dataclass(frozen=True)
class _Faces:
    """All faces that were kept, or fell to this stage or to people only, best first. Each array has [N]."""

    ids: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    digests: NDArray[np.bytes_]
    """SHA-256 of their pixels, hexadecimal."""
    labels: NDArray[np.str_]
    """Empty where there is none."""
    settled: NDArray[np.bool_]
    """Whether the label is what people agreed on."""
    refused: NDArray[np.bool_]
    """Whether people rejected it. It stays rejected for their reason."""
    before: NDArray[np.int64]
    """The row that each is marked as a duplicate of; 0 if it is kept."""


def mark(
    workspace: Workspace,
    catalog: Catalog,
    distance: int,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Mark the near-duplicates among all faces afresh, as if none had been marked before.

    The best of those that show the same stays: first one whose label people agreed on, then one that they
    voted on or are asked about, then one with a label, then the largest, then the sharpest. The others are
    rejected with the face that stands for them. Of a face that people rejected the copies are rejected too.

    Args:
        distance: how many bits of the perceptual hash may differ; crops within it are then compared.
        progress: called with the faces compared so far, and all that may have to be.

    Returns:
        How many faces are near-duplicates now.

    Raises:
        UsageError: the distance is out of range.
        CatalogError: see `Catalog.session`.
    """
    with catalog.reading() as session:
        faces = _load(session)
    pairs = near_duplicates(faces.hashes, distance)
    standing = representatives(len(faces.ids), pairs, _Eye(workspace.folder, faces, len(pairs), progress))
    after = np.where(standing == np.arange(len(standing)), 0, faces.ids[standing])
    after[faces.refused] = faces.before[faces.refused]
    changed = np.flatnonzero(after != faces.before)
    with catalog.session() as session:
        for part in np.array_split(changed, len(changed) // PAGE + 1):
            if len(part):
                session.execute(update(Face), [_change(int(faces.ids[k]), int(after[k])) for k in part])
    return int(np.count_nonzero(after))


def _change(face: int, duplicate_of: int) -> dict[str, Any]:
    if duplicate_of:
        marks = {"state": "rejected", "reason": REASON, "duplicate_of": duplicate_of}
    else:
        marks = {"state": "kept", "reason": None, "duplicate_of": None}
    return {"id": face, **marks}


def _load(session: Session) -> _Faces:
    asked = {
        face
        for column in (Vote.face_id, Item.face_id)
        for face in session.scalars(select(column).where(column.is_not(None)).distinct())
    }
    wanted = (
        select(
            Face.id,
            Face.phash,
            Face.pixels_sha256,
            Face.expression,
            Face.label_origin,
            Face.reason,
            Face.duplicate_of,
            Face.side,
            Face.blur,
            Face.picture_id,
            Face.number,
        )
        .where(Face.phash.is_not(None), (Face.state == "kept") | Face.reason.in_((REASON, *BY_VOTES)))
        .execution_options(yield_per=PAGE)
    )
    parts = [np.empty(0, _TABLE)]
    for page in session.execute(wanted).partitions():
        values = [
            (
                *(bool(row.expression) and row.label_origin == "votes", row.reason in BY_VOTES),
                *(row.id in asked, bool(row.expression), row.side, row.blur or 0.0, row.picture_id),
                *(row.number, row.id, row.phash, row.pixels_sha256, row.expression or ""),
                row.duplicate_of or 0,
            )
            for row in page
        ]
        parts.append(np.array(values, _TABLE))
    table = np.concatenate(parts)
    table["settled"] &= ~table["refused"]
    decided = (~table["settled"], ~table["refused"], ~table["asked"], ~table["labelled"])
    keys = (*decided, -table["side"], -table["blur"], table["picture"], table["n"])
    table = table[np.lexsort(keys[::-1])]
    hashes = np.ascontiguousarray(table["hash"]).view(np.uint64)
    rest = (table[name] for name in ("digest", "label", "settled", "refused", "before"))
    return _Faces(table["id"], hashes, *rest)


class _Eye:
    """The closer look at two faces whose hashes are near."""

    def __init__(
        self, workspace: Path, faces: _Faces, most: int, progress: Callable[[int, int], None] | None
    ) -> None:
        self._workspace, self._faces, self._most, self._progress = workspace, faces, most, progress
        self._done = 0
        self._look = lru_cache(REMEMBERED)(self._read)

    def __call__(self, i: int, j: int) -> bool:
        """Whether both show the same face with the same expression."""
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._most)
        one, other = self._faces.labels[i], self._faces.labels[j]
        # Two tags, or two verdicts: who is right isn't known. A verdict outdoes a tag
        if one and other and one != other and self._decided(i) == self._decided(j):
            return False
        if self._faces.digests[i] == self._faces.digests[j]:
            return True
        looks = self._look(i), self._look(j)
        return looks[0] is not None and looks[1] is not None and alike(looks[0], looks[1])

    def _decided(self, index: int) -> bool:
        return bool(self._faces.settled[index] or self._faces.refused[index])

    def _read(self, index: int) -> NDArray[np.float32] | None:
        try:
            path = locate(self._workspace, crop_path(self._faces.digests[index].decode()))
            return likeness(decode_picture(read_bytes(path), path.name).pixels)
        except PictureError:  # lost or damaged since: it can't be compared, so it stands for itself
            return None
