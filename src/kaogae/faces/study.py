"""One picture, from its file to its faces: what every process of every engine does, and nothing else."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kaogae.errors import PictureError, UsageError
from kaogae.faces.alignment import CROP_SCALE, warp
from kaogae.faces.crops import BACKGROUND, crop_size, encoded, pixels_sha256
from kaogae.faces.detector import CONFIDENCE, Detector, find_faces
from kaogae.faces.face import Face, merge
from kaogae.faces.quality import perceptual_hash, sharpness
from kaogae.images import Picture, decode_picture, locate, read_bytes

FLOOR = 0.5
"""Least confidence of a finding that is remembered at all, if only as rejected."""


CRASHED = "crashed the detector"
"""Why a picture is rejected that a process died on."""


@dataclass(frozen=True)
class Filters:
    """Which faces and pictures are kept (paper, III.A steps 2 and 3)."""

    confidence: float = CONFIDENCE
    """Faces below are rejected: 0 to 1."""
    most_faces: int = 6
    """A picture with more is rejected whole."""
    least_side: float = 64.0
    """Faces whose crop is smaller are rejected: picture pixels."""
    blur: float = 0.01
    """Faces less sharp are rejected (`quality.sharpness`)."""

    def __post_init__(self) -> None:
        """Raises UsageError if a number is out of range."""
        if not 0 <= self.confidence <= 1:
            raise UsageError(f"A confidence of {self.confidence} is out of range: 0 to 1.")
        if self.most_faces < 1:
            raise UsageError(f"At least one face per picture must be allowed, not {self.most_faces}.")
        for what, limit in (("least side", self.least_side), ("blur", self.blur)):
            if not 0 <= limit < 1e6:
                raise UsageError(f"A {what} of {limit:g} is out of range: 0 to 1,000,000.")


@dataclass(frozen=True)
class Job:
    """A picture of the catalogue whose faces are to be found."""

    picture: int
    """Its row."""
    sha256: str | None
    file: str | None
    """Relative to the workspace."""
    content: bytes | None = None
    """The file's, where whoever does the job can't read the file."""


@dataclass(frozen=True)
class Finding:
    """A face, kept or rejected."""

    face: Face
    matrix: tuple[tuple[float, ...], ...]
    """[2, 3], from the picture to the crop."""
    side: float
    """Of the crop in picture pixels."""
    size: int
    """Of the crop in its own pixels."""
    reason: str | None = None
    """Why it is rejected; None if it is kept."""
    crop: bytes | None = None
    """PNG, RGB; None if it was rejected before it was cut."""
    pixels_sha256: str | None = None
    blur: float | None = None
    phash: int | None = None


@dataclass(frozen=True)
class Report:
    """What became of a job."""

    picture: int
    findings: tuple[Finding, ...] = ()
    """Largest face first."""
    reason: str | None = None
    """Why the whole picture is rejected; None if it isn't."""
    detail: str = ""
    failed: bool = False
    """Whether that's because it couldn't be looked at."""


def failure(job: Job, reason: str, detail: str = "") -> Report:
    """The report on a picture that couldn't be looked at."""
    return Report(job.picture, (), reason, detail, failed=True)


@dataclass(frozen=True)
class Study:
    """Finds, filters, cuts and measures the faces of one picture at a time, in any process."""

    workspace: Path
    detector: Callable[[float], Detector]
    """Makes the detector for a least confidence: `AnimefaceDetector`, `partial(CascadeDetector, path)`."""
    filters: Filters = Filters()

    def __call__(self, job: Job) -> Report:
        """The faces of one picture, or why there are none. Raises nothing: the picture may be anything."""
        logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it has to say is in the report
        try:
            return self._look_at(job.picture, decode_picture(job.content or self.read(job), job.file))
        except PictureError as error:
            return failure(job, error.reason, str(error))
        except Exception as error:  # what a library makes of a picture that no test thought of
            return failure(job, CRASHED, f"{type(error).__name__}: {error}")

    def read(self, job: Job) -> bytes:
        """The content of the job's file.

        Raises:
            PictureError: there is none, it leads out of the workspace, it isn't the one that was collected.
        """
        data = read_bytes(locate(self.workspace, job.file))
        if job.sha256 and hashlib.sha256(data).hexdigest() != job.sha256:
            raise PictureError(f"{job.file} isn't the file that was collected any more.", "changed")
        return data

    def _look_at(self, number: int, picture: Picture) -> Report:
        faces = self._find(picture)
        sure = [face for face in faces if face.confidence >= self.filters.confidence]
        most = self.filters.most_faces
        if len(sure) > most:
            reason = f"more than {most} faces"
            findings = tuple(_uncut(face, self._doubt(face) or reason) for face in faces)
            return Report(number, findings, reason, f"{len(sure)} faces")
        pixels = picture.over(BACKGROUND)
        findings = tuple(self._cut(pixels, face) for face in faces)
        if not sure:
            detail = f"the surest finding has {faces[0].confidence:.2f}" if faces else ""
            return Report(number, findings, "no face", detail)
        return Report(number, findings)

    def _find(self, picture: Picture) -> list[Face]:
        """All findings, largest first; those that are sure are the ones that a strict detector finds.

        A finding below the threshold ends the search, so where that's all there is, the strict one looks too.
        """
        least = self.filters.confidence
        faces = find_faces(picture, self.detector(min(FLOOR, least)))
        if faces and max(face.confidence for face in faces) < least:
            faces = merge([*faces, *find_faces(picture, self.detector(least))])
        return faces

    def _doubt(self, face: Face) -> str | None:
        """Why a face isn't worth cutting."""
        if face.confidence < self.filters.confidence:
            return f"confidence below {self.filters.confidence:.2f}"
        if face.eye_distance < 1:
            return "eyes at one place"
        if face.eye_distance * CROP_SCALE < self.filters.least_side:
            return "too small"
        return None

    def _cut(self, pixels: NDArray[np.uint8], face: Face) -> Finding:
        if doubt := self._doubt(face):
            return _uncut(face, doubt)
        side = face.eye_distance * CROP_SCALE
        size = crop_size(side)
        matrix = face.matrix(size)
        crop = warp(pixels, matrix, (size, size))
        sharp = sharpness(crop)
        return Finding(
            face,
            tuple(map(tuple, matrix.tolist())),
            side,
            size,
            reason="blurred" if sharp < self.filters.blur else None,
            crop=encoded(crop),
            pixels_sha256=pixels_sha256(crop),
            blur=sharp,
            phash=perceptual_hash(crop),
        )


def _uncut(face: Face, reason: str) -> Finding:
    side = face.eye_distance * CROP_SCALE
    size = crop_size(side)
    try:
        matrix = tuple(map(tuple, face.matrix(size).tolist()))
    except UsageError:  # the eyes coincide
        matrix = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    return Finding(face, matrix, side, size, reason)
