"""Faces of a shared manifest, cut again from the pictures: the same crop bit for bit, or a rejected face."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from kaogae.catalog import Annotator, Campaign, Catalog, Face, Picture, Vote, Workspace
from kaogae.collect.shared import SHARED_ROLE, SharedFace, SharedPicture, SharedVote
from kaogae.errors import PictureError
from kaogae.faces.crops import crop_path, cut, pixels_sha256, save_crop
from kaogae.faces.quality import perceptual_hash
from kaogae.images import read_picture

NEAR = 4
"""Bits of the perceptual hash in which a crop may differ that was only rounded otherwise."""

OTHER_CROP = "crop differs"
"""Why a face is rejected whose pixels aren't those that the manifest promises."""


@dataclass(frozen=True)
class FoundFace:
    """What the catalogue has of a face."""

    state: str
    reason: str | None
    pixels_sha256: str | None
    matrix: list[list[float]]


@dataclass(frozen=True)
class Found:
    """What the catalogue has of a picture."""

    id: int
    sha256: str | None
    file: str | None
    state: str
    reason: str | None
    faces: Mapping[int, FoundFace]
    """By number."""

    def lacks(self, picture: SharedPicture) -> list[SharedFace]:
        """The faces that aren't there, or whose crop came out otherwise last time."""
        return [
            face
            for face in picture.faces
            if face.number not in self.faces or self.faces[face.number].reason == OTHER_CROP
        ]


def look_up(catalog: Catalog, pictures: Sequence[SharedPicture]) -> dict[tuple[str, str], Found]:
    """What the catalogue has of `pictures`, by site and post."""
    posts: dict[str, list[str]] = {}
    for picture in pictures:
        posts.setdefault(picture.site, []).append(picture.post)
    found: dict[tuple[str, str], Found] = {}
    with catalog.reading() as session:
        for site, names in posts.items():
            rows = session.scalars(select(Picture).where(Picture.site == site, Picture.post.in_(names))).all()
            faces: dict[int, dict[int, FoundFace]] = {row.id: {} for row in rows}
            for face in session.scalars(select(Face).where(Face.picture_id.in_(faces))):
                known = FoundFace(face.state, face.reason, face.pixels_sha256, face.matrix)
                faces[face.picture_id][face.number] = known
            for row in rows:
                found[row.site, row.post] = Found(
                    row.id, row.sha256, row.file, row.state, row.reason, faces[row.id]
                )
    return found


def cut_again(
    workspace: Workspace, file: str, faces: Sequence[SharedFace], *, inexact: bool = False
) -> list[str | None]:
    """Cut the faces from a stored picture and keep those crops that are what they should be.

    Args:
        inexact: keep a crop too that looks the same but was rounded otherwise, as other processors do.

    Returns:
        For each face the hash of the crop's pixels; None if it isn't the one that the manifest promises.

    Raises:
        PictureError: the picture can't be read, or a crop can't be written.
    """
    picture = read_picture(workspace.folder / file)
    digests: list[str | None] = []
    for face in faces:
        crop = cut(picture, np.array(face.matrix, np.float64), face.size)
        fits = pixels_sha256(crop) == face.pixels_sha256 or (inexact and _looks_the_same(crop, face))
        digests.append(save_crop(crop, workspace.folder) if fits else None)
    return digests


def _looks_the_same(crop: NDArray[np.uint8], face: SharedFace) -> bool:
    if face.phash is None:
        return False
    different = (perceptual_hash(crop) ^ face.phash) & (2**64 - 1)
    return different.bit_count() <= NEAR


def restore(
    workspace: Workspace,
    catalog: Catalog,
    waiting: Sequence[tuple[SharedPicture, Found]],
    *,
    inexact: bool = False,
) -> tuple[Counter[str], dict[str, str]]:
    """Add the faces that `waiting` lacks, with labels and votes: the crops first, then the rows at once.

    Returns:
        How many faces were restored or rejected, per reason ("" for restored ones); and the posts whose
        stored picture can't be read, with why.
    """
    counts, failed = Counter[str](), dict[str, str]()
    cuts: list[tuple[Found, list[SharedFace], list[str | None]]] = []
    for picture, found in waiting:
        faces = found.lacks(picture)
        try:
            digests = cut_again(workspace, found.file or "", faces, inexact=inexact)
            cuts.append((found, faces, digests))
        except PictureError as error:
            failed[f"{picture.site} {picture.post}"] = str(error)
    with catalog.session() as session:
        voices = _Voices(session)
        for found, faces, digests in cuts:
            row = session.get_one(Picture, found.id)
            row.state = "restored"
            present = {face.number: face for face in row.faces}
            for shared, digest in zip(faces, digests, strict=True):
                face = present.get(shared.number)
                if face is None:
                    face = _row(row, shared)
                    session.add(face)
                elif face.reason != OTHER_CROP:  # another stage was quicker
                    continue
                _decide(face, digest)
                session.flush()
                voices.add(face.id, shared.votes)
                counts["" if digest else OTHER_CROP] += 1
    return counts, failed


def _row(picture: Picture, shared: SharedFace) -> Face:
    return Face(
        picture_id=picture.id,
        number=shared.number,
        site=picture.site,
        box=list(shared.box),
        landmarks={name: list(place) for name, place in shared.landmarks.items()},
        confidence=shared.confidence,
        detector=shared.detector,
        matrix=[list(line) for line in shared.matrix],
        side=shared.side,
        size=shared.size,
        blur=shared.blur,
        phash=shared.phash,
        expression=shared.expression,
        label_origin=shared.label_origin,
        character=shared.character,
    )


def _decide(face: Face, digest: str | None) -> None:
    face.state, face.reason = ("kept", None) if digest else ("rejected", OTHER_CROP)
    face.pixels_sha256 = digest
    face.file = crop_path(digest) if digest else None


class _Voices:
    """Adds votes, with annotators and campaigns that are pseudonyms."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._annotators: dict[str, int | None] = {}
        self._campaigns: dict[str, int | None] = {}

    def add(self, face: int, votes: Sequence[SharedVote]) -> None:
        """The votes on a face (row) that aren't known yet, in their order."""
        names = [vote.id for vote in votes]
        known: set[UUID] = (
            set(self.session.scalars(select(Vote.id).where(Vote.id.in_(names)))) if names else set()
        )
        for place, vote in enumerate(votes):
            annotator = self._annotator(vote.annotator) if vote.id not in known else None
            if annotator is None:
                continue
            known.add(vote.id)
            # A share tells the day and the order of votes, not the hour
            cast_at = datetime.combine(vote.day, time(), UTC) + timedelta(microseconds=place)
            self.session.add(
                Vote(
                    id=vote.id,
                    campaign_id=self._campaign(vote),
                    annotator_id=annotator,
                    face_id=face,
                    verdict=vote.verdict,
                    review=vote.review,
                    took_ms=vote.took_ms,
                    cast_at=cast_at,
                )
            )

    def _annotator(self, name: str) -> int | None:
        """None: somebody here is called so who isn't from a manifest, and nobody may vote for them."""
        if name not in self._annotators:
            row = self.session.scalar(select(Annotator).where(Annotator.name == name))
            if row is None:
                row = Annotator(name=name, role=SHARED_ROLE)
                self.session.add(row)
                self.session.flush()
            self._annotators[name] = row.id if row.role == SHARED_ROLE else None
        return self._annotators[name]

    def _campaign(self, vote: SharedVote) -> int | None:
        name = vote.campaign
        if name is None:
            return None
        if name not in self._campaigns:
            row = self.session.scalar(select(Campaign).where(Campaign.name == name))
            if row is None:
                row = Campaign(name=name, kind=vote.kind or "clean", settings={SHARED_ROLE: True})
                self.session.add(row)
                self.session.flush()
            self._campaigns[name] = row.id if row.settings.get(SHARED_ROLE) is True else None
        return self._campaigns[name]
