"""Enlarging what the network drew so that it looks drawn: smooth, sharp lines, neither blurred nor stepped.

The coherence-enhancing shock filter (Weickert 2003; OpenCV's sample coherence.py): the structure tensor says
in which direction lines run, and across them each pixel is pulled to the side, darker or lighter, that it is
nearer to. It never leaves the range of colours around it, so there are no halos.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

MOST = 4
"""Largest factor: beyond it the remaining enlargement is done without redrawing."""
PULL = 0.5
"""How far a pixel goes towards its side in one step."""
FLAT = (2.5, 7.5)
"""Structure (square root of the tensor's eigenvalue) that is no line, and a full one: noise stays."""

Plane = NDArray[np.float32]


def redraw(colours: Plane, magnification: float) -> tuple[Plane, int]:
    """`colours` [S, S, 3] (0 to 255) enlarged by a whole factor, and that factor: 1 to `MOST`.

    Args:
        magnification: how much larger it will be shown.
    """
    factor = int(np.clip(np.ceil(magnification), 1, MOST))
    if factor == 1:
        return colours, 1
    large = _enlarged(colours, factor)
    for _ in range(factor - 1):
        large = _shock(large, factor)
    return large, factor


def _enlarged(colours: Plane, factor: int) -> Plane:
    """Cubic, without its ringing."""
    size = (colours.shape[1] * factor, colours.shape[0] * factor)
    near = np.ones((3, 3))
    low, high = (cv2.resize(limit(colours, near), size) for limit in (cv2.erode, cv2.dilate))
    return np.clip(cv2.resize(colours, size, interpolation=cv2.INTER_CUBIC), low, high).astype(np.float32)


def _shock(colours: Plane, factor: int) -> Plane:
    grey = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    tensor = cv2.cornerEigenValsAndVecs(grey, 2 * factor + 1, 3)
    structure, x, y = tensor[..., 0], tensor[..., 2], tensor[..., 3]  # x, y: across the line
    smooth = cv2.GaussianBlur(grey, (0, 0), factor / 2)
    xx, xy, yy = (cv2.Sobel(smooth, cv2.CV_32F, dx, dy) for dx, dy in ((2, 0), (1, 1), (0, 2)))
    lighter = x * x * xx + 2 * x * y * xy + y * y * yy < 0
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    side = np.where(lighter[..., None], cv2.dilate(colours, near), cv2.erode(colours, near))
    low, high = FLAT
    pull = PULL * ((np.sqrt(structure.clip(0)) - low) / (high - low)).clip(0, 1)[..., None]
    return (colours + pull * (side - colours)).astype(np.float32)
