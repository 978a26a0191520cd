"""A found face, and telling whether two findings are the same one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kaogae.faces.alignment import Matrix, apply_matrix, crop_matrix

Point = tuple[float, float]
SAME = 0.35
"""Two faces are one if their middles lie closer than this share of the larger one's width."""


@dataclass(frozen=True)
class Face:
    """A face in a picture. Places are (x, y) in picture pixels, left and right as the viewer sees them."""

    box: tuple[float, float, float, float]
    """Left, top, width, height."""
    left_eye: Point
    """Centre of the eye."""
    right_eye: Point
    mouth: Point
    nose: Point
    chin: Point
    confidence: float
    """How sure the detector is: 0 to 1."""

    @property
    def eye_distance(self) -> float:
        """Between the centres of the eyes, in pixels."""
        return float(np.hypot(*np.subtract(self.right_eye, self.left_eye)))

    def matrix(self, size: int) -> Matrix:
        """From the picture to this face's aligned crop of `size` × `size` pixels."""
        return crop_matrix(self.left_eye, self.right_eye, size)

    def mapped(self, matrix: Matrix) -> "Face":
        """The same face seen through `matrix`; if that mirrors it, the eyes change their names."""
        left, top, width, height = self.box
        corners = [(left, top), (left + width, top), (left, top + height), (left + width, top + height)]
        box = apply_matrix(matrix, corners)
        eyes = [_through(matrix, eye) for eye in (self.left_eye, self.right_eye)]
        if np.linalg.det(matrix[:, :2]) < 0:
            eyes.reverse()
        return replace(
            self,
            box=(*box.min(axis=0).tolist(), *np.ptp(box, axis=0).tolist()),
            left_eye=eyes[0],
            right_eye=eyes[1],
            mouth=_through(matrix, self.mouth),
            nose=_through(matrix, self.nose),
            chin=_through(matrix, self.chin),
        )

    def is_same(self, other: "Face") -> bool:
        """Whether this and `other` are two findings of one face."""
        apart = np.subtract(_middle(self), _middle(other))
        return float(np.hypot(*apart)) < SAME * max(self.box[2], other.box[2])


def merge(findings: Iterable[Face]) -> list[Face]:
    """The surest finding of each face, largest face first."""
    kept: list[Face] = []
    for face in sorted(findings, key=lambda face: -face.confidence):
        if not any(face.is_same(other) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.eye_distance)


def joined(findings: Sequence[Face]) -> Face:
    """Several findings of one face as one: places weighted by confidence; the highest confidence."""
    weights = [face.confidence for face in findings]
    each = zip(*map(_places, findings), strict=True)
    corner, size, *points = (_point(np.average(places, axis=0, weights=weights)) for places in each)
    left_eye, right_eye, mouth, nose, chin = points
    return Face((*corner, *size), left_eye, right_eye, mouth, nose, chin, max(weights))


def _places(face: Face) -> tuple[Point, ...]:
    return face.box[:2], face.box[2:], face.left_eye, face.right_eye, face.mouth, face.nose, face.chin


def _middle(face: Face) -> Point:
    return face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2


def _through(matrix: Matrix, point: Point) -> Point:
    return _point(apply_matrix(matrix, point))


def _point(values: np.ndarray) -> Point:
    return float(values[0]), float(values[1])
