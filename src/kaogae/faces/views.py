"""What detectors are shown of a picture: the whole at a size, a square of it, or one face with level eyes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.faces.alignment import CROP_SCALE, Matrix, warp
from kaogae.faces.face import Face

Pixels = NDArray[np.uint8]
View = tuple[Pixels, Matrix]
"""What a detector is shown, RGB [h, w, 3], and the matrix from the picture to it."""

ENOUGH = 256
"""Side in pixels of an aligned crop that is more than any look at one face wants."""
REACH = 1.6
"""How far from the middle of the eyes that sees, in sides of the crop: twice the crop, turned, its drop."""

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


def window(pixels: Pixels, centre: tuple[float, float], side: float, size: int) -> View:
    """The upright square of `side` picture pixels around `centre` at `size` × `size` pixels.

    What lies outside of the picture repeats its border.
    """
    scale = size / side
    shift = size / 2 - scale * np.asarray(centre, np.float64)
    matrix = np.column_stack([np.diag([scale, scale]), shift])
    return warp(pixels, matrix, (size, size)), matrix


def nearby(pixels: Pixels, face: Face) -> View:
    """What lies around `face` as far as looks at it alone reach; shrunk by a whole number if it is large."""
    side = face.eye_distance * CROP_SCALE
    middle = np.add(face.left_eye, face.right_eye) / 2
    low = np.maximum(middle - side * REACH, 0).astype(int)
    high = np.minimum(middle + side * REACH + 1, pixels.shape[1::-1]).astype(int)
    factor = max(int(side / ENOUGH), 1)
    low = np.minimum(low, high - factor).clip(0)
    size = ((high - low) // factor).clip(1)
    width, height = size * factor
    part = pixels[low[1] : low[1] + height, low[0] : low[0] + width]
    small = part if factor == 1 else cv2.resize(part, size.tolist(), interpolation=cv2.INTER_AREA)
    matrix = np.column_stack([np.eye(2) / factor, -low / factor])
    return np.asarray(small, np.uint8), matrix


def upright(pixels: Pixels, face: Face, size: int, margin: int, *, mirrored: bool = False) -> View:
    """The aligned crop of `face` at `size` pixels with `margin` more around it, perhaps left for right."""
    side = size + 2 * margin
    matrix = np.add(face.matrix(size), [[0, 0, margin], [0, 0, margin]])
    view = warp(pixels, matrix, (side, side))
    if not mirrored:
        return view, matrix
    matrix[0] = [0, 0, side] - matrix[0]
    return np.ascontiguousarray(view[:, ::-1]), matrix
