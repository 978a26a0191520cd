"""The aligned crop: a similarity transform that levels the eyes and frames the face (paper, III.A step 3)."""

import math
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaogae.errors import UsageError

CROP_SCALE = 2.7
"""Side of the crop in eye distances: the paper's 1.35 is read as half the side."""

CROP_DROP = 0.25
"""How far the crop's centre lies below the middle of the eye line, in eye distances."""

Scalar = TypeVar("Scalar", np.uint8, np.float32)
Matrix = NDArray[np.float64]
"""[2, 3], from picture to crop: crop = M[:, :2] @ (x, y) + M[:, 2]. Pixel centres lie at whole + 0.5."""


def crop_matrix(left_eye: ArrayLike, right_eye: ArrayLike, size: int) -> Matrix:
    """Matrix from picture to a `size` × `size` crop in which the eyes are level.

    Args:
        left_eye, right_eye: centres (x, y) in picture pixels; left and right as the viewer sees them.
        size: side of the crop in pixels.

    Raises:
        UsageError: the eyes coincide or aren't finite.
    """
    left, right = np.asarray(left_eye, np.float64), np.asarray(right_eye, np.float64)
    along = right - left
    distance = math.hypot(*along)
    if not math.isfinite(distance) or distance < 1e-6:
        raise UsageError("The two eyes are at the same place, so the face can't be aligned.")
    cos, sin = along / distance
    centre = (left + right) / 2 + CROP_DROP * distance * np.array([-sin, cos])
    scale = size / (CROP_SCALE * distance)
    rotation = scale * np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([rotation, size / 2 - rotation @ centre]).astype(np.float64)


def invert_matrix(matrix: Matrix) -> Matrix:
    """The matrix from crop back to picture."""
    inverse = np.linalg.inv(matrix[:, :2])
    return np.column_stack([inverse, -inverse @ matrix[:, 2]]).astype(np.float64)


def apply_matrix(matrix: Matrix, points: ArrayLike) -> NDArray[np.float64]:
    """`points` [..., 2] through `matrix`."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def warp(
    pixels: NDArray[Scalar], matrix: Matrix, size: tuple[int, int], *, border: int = cv2.BORDER_REPLICATE
) -> NDArray[Scalar]:
    """Resample `pixels` [H, W] or [H, W, C] (uint8 or float32) by `matrix` into (width, height) = `size`.

    Shrinking averages over the pixels that fall together, so that a crop from a large picture doesn't alias.
    """
    scale = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if scale < 0.5:  # an exact area average first, then the small remaining step
        factor = int(1 / scale)
        height, width = pixels.shape[0] // factor * factor, pixels.shape[1] // factor * factor
        if height and width:
            whole = np.ascontiguousarray(pixels[:height, :width])
            small = cv2.resize(whole, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
            return warp(
                small.astype(pixels.dtype), matrix @ np.diag([factor, factor, 1.0]), size, border=border
            )
    # OpenCV puts pixel centres at whole numbers, we at + 0.5
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    warped = cv2.warpAffine(pixels, shifted, size, flags=cv2.INTER_CUBIC, borderMode=border)
    return warped.astype(pixels.dtype, copy=False)
