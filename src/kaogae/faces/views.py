"""What detectors are shown of a picture: the whole at a size, a square of it, or one with more contrast."""

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.faces.alignment import Matrix, warp

Pixels = NDArray[np.uint8]
View = tuple[Pixels, Matrix]
"""What a detector is shown, RGB [h, w, 3], and the matrix from the picture to it."""

MARGIN = 1 / 8
"""What is added around a whole picture, as a share of its longer side: a face at the border isn't found."""
LARGEST_SCALE = 2.0
"""How far small pictures are enlarged at most."""


def scaled(pixels: Pixels, side: int) -> View:
    """The whole picture with a longer side of `side` pixels, or less if that would enlarge it too far."""
    scale = min(side / max(pixels.shape[:2]), LARGEST_SCALE)
    width, height = (max(round(length * scale), 1) for length in pixels.shape[1::-1])
    small = cv2.resize(
        pixels, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    )
    exact = np.diag([width / pixels.shape[1], height / pixels.shape[0]])
    return np.asarray(small, np.uint8), np.column_stack([exact, [0.0, 0.0]])


def whole(pixels: Pixels, side: int) -> View:
    """The whole picture at `side` pixels with a margin of repeated border pixels around it."""
    view, matrix = scaled(pixels, side)
    margin = round(max(view.shape[:2]) * MARGIN)
    padded = cv2.copyMakeBorder(view, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    return np.asarray(padded, np.uint8), np.add(matrix, [[0, 0, margin], [0, 0, margin]])


def window(pixels: Pixels, centre: tuple[float, float], side: float, size: int) -> View:
    """The upright square of `side` picture pixels around `centre` at `size` × `size` pixels.

    What lies outside of the picture repeats its border.
    """
    scale = size / side
    shift = size / 2 - scale * np.asarray(centre, np.float64)
    matrix = np.column_stack([np.diag([scale, scale]), shift])
    return warp(pixels, matrix, (size, size)), matrix


def stronger(view: Pixels, matrix: Matrix) -> View:
    """`view` with its contrast stretched to the whole range."""
    low, high = np.percentile(view, [2, 98])
    stretched = (view.astype(np.float32) - low) * (255 / max(high - low, 1))
    return stretched.clip(0, 255).astype(np.uint8), matrix
