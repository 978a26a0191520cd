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

OPENCV_SIDE = 32_000
"""Longest side in pixels that OpenCV resamples into."""

MARGIN = 3
"""Pixels beyond the visible part that cubic resampling looks at, and one to spare."""

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

    Enlarging is cubic. Shrinking averages over the pixels that fall together, so that a crop from a large
    picture neither aliases nor has the light seams along dark lines that cubic resampling gives it.
    """
    pixels, matrix = _around(pixels, matrix, size)
    scale = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    finer = min(math.ceil(1 / max(scale, 1e-9) - 1e-6), OPENCV_SIDE // max(size))
    if finer <= 1:
        return _affine(pixels, matrix, size, cv2.INTER_CUBIC, border)
    width, height = size
    large = _affine(pixels, matrix * finer, (width * finer, height * finer), cv2.INTER_LINEAR, border)
    return cv2.resize(large, size, interpolation=cv2.INTER_AREA).astype(pixels.dtype, copy=False)


def _affine(
    pixels: NDArray[Scalar], matrix: Matrix, size: tuple[int, int], how: int, border: int
) -> NDArray[Scalar]:
    shifted = matrix.copy()  # OpenCV puts pixel centres at whole numbers, we at + 0.5
    shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(pixels, shifted, size, flags=how, borderMode=border).astype(
        pixels.dtype, copy=False
    )


def _around(pixels: NDArray[Scalar], matrix: Matrix, size: tuple[int, int]) -> tuple[NDArray[Scalar], Matrix]:
    """The part of `pixels` that is seen, and the matrix from there: OpenCV refuses very long sides."""
    corners = apply_matrix(invert_matrix(matrix), [[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]])
    limits = np.array([pixels.shape[1], pixels.shape[0]])
    low = np.clip(np.floor(corners.min(axis=0)) - MARGIN, 0, limits - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + MARGIN, low + 1, limits).astype(int)
    part = pixels[low[1] : high[1], low[0] : high[0]]
    return np.ascontiguousarray(part), np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ low])
