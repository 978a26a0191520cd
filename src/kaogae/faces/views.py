"""What detectors are shown of a picture: the whole at a size, a square of it, and ways to look again."""

from collections.abc import Callable

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


def mirrored(view: Pixels, matrix: Matrix) -> View:
    """`view` left for right."""
    flip = np.array([[-1.0, 0, view.shape[1]], [0, 1, 0]])
    return np.ascontiguousarray(view[:, ::-1]), _then(matrix, flip)


def stronger(view: Pixels, matrix: Matrix) -> View:
    """`view` with its contrast stretched to the whole range."""
    low, high = np.percentile(view, [2, 98])
    stretched = (view.astype(np.float32) - low) * (255 / max(high - low, 1))
    return stretched.clip(0, 255).astype(np.uint8), matrix


def flatter(view: Pixels, matrix: Matrix) -> View:
    """`view` squeezed from above."""
    return _squeezed(view, matrix, 1.0, 0.86)


def narrower(view: Pixels, matrix: Matrix) -> View:
    """`view` squeezed from the sides."""
    return _squeezed(view, matrix, 0.86, 1.0)


def larger(view: Pixels, matrix: Matrix) -> View:
    """`view` enlarged."""
    return _squeezed(view, matrix, 1.4, 1.4)


def turned(degrees: float) -> Callable[[Pixels, Matrix], View]:
    """A way to look that turns the view anticlockwise by `degrees`."""

    def turn(view: Pixels, matrix: Matrix) -> View:
        height, width = view.shape[:2]
        rotation = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        about = cv2.warpAffine(view, rotation, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(about, np.uint8), _then(matrix, np.asarray(rotation, np.float64))

    return turn


def _squeezed(view: Pixels, matrix: Matrix, x: float, y: float) -> View:
    size = (max(round(view.shape[1] * x), 1), max(round(view.shape[0] * y), 1))
    scale = np.diag([size[0] / view.shape[1], size[1] / view.shape[0]])
    return np.asarray(cv2.resize(view, size), np.uint8), _then(matrix, np.column_stack([scale, [0.0, 0.0]]))


def _then(first: Matrix, second: Matrix) -> Matrix:
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])
