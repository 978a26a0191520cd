"""How alike two pictures are: to the input, where nothing should have changed, and to the exact truth.

Source of the structural similarity: Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, Image quality
assessment: from error visibility to structural similarity, IEEE Transactions on Image Processing 13 (2004).
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.metrics import structural_similarity

PEAK = 255.0
SIGMA = 1.5
"""Standard deviation in pixels of the window in which structures are compared."""
WINDOW = 11
"""Its side in pixels."""

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Values = NDArray[np.float64]


def squared_error(a: Pixels, b: Pixels, where: Mask | None = None) -> Values:
    """Mean squared difference of the grey levels of all channels.

    Args:
        a, b: [..., S, S, 3] RGB. Their leading axes are broadcast, as are those of `where`.
        where: [..., S, S], the pixels that count; None: all.

    Returns:
        [...]: 0 for equal pictures, at most 255²; NaN where no pixel counts.
    """

    def error(one: Pixels, other: Pixels, mask: Mask) -> float:
        squares = (one.astype(np.float64) - other) ** 2
        return float(squares[mask].mean()) if mask.any() else np.nan

    return _each(error, a, b, where)


def decibels(error: ArrayLike) -> Values:
    """Peak signal-to-noise ratio for a mean squared `error`: infinite for none.

    That of many pictures is given for the mean of their errors, as if they were one picture: a mean of ratios
    would be infinite as soon as one picture is met exactly.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(PEAK**2 / np.asarray(error, np.float64)), np.float64)


def psnr(a: Pixels, b: Pixels, where: Mask | None = None) -> Values:
    """Peak signal-to-noise ratio [...] of each picture in dB; see `squared_error` and `decibels`."""
    return decibels(squared_error(a, b, where))


def ssim(a: Pixels, b: Pixels, where: Mask | None = None) -> Values:
    """Structural similarity, the mean of the three channels'.

    A pixel counts if all of the window around it lies in the picture and in `where`, so nothing outside of
    `where` has any influence.

    Args:
        a, b: [..., S, S, 3] RGB, S at least 11. Their leading axes are broadcast, as are those of `where`.
        where: [..., S, S], where to look; None: everywhere.

    Returns:
        [...]: −1 to 1, 1 for equal pictures; NaN where no pixel counts.
    """
    edge, window = WINDOW // 2, np.ones((WINDOW, WINDOW), np.uint8)

    def similarity(one: Pixels, other: Pixels, mask: Mask) -> float:
        inside = cv2.erode(mask.astype(np.uint8), window)[edge:-edge, edge:-edge] > 0
        if not inside.any():
            return np.nan
        found: Any = structural_similarity(
            one, other, data_range=PEAK, channel_axis=-1, full=True,
            gaussian_weights=True, sigma=SIGMA, use_sample_covariance=False,
        )  # fmt: skip
        return float(found[1][edge:-edge, edge:-edge][inside].mean())

    return _each(similarity, a, b, where)


def _each(
    measure: Callable[[Pixels, Pixels, Mask], float], a: Pixels, b: Pixels, where: Mask | None
) -> Values:
    """`measure` of each pair of pictures."""
    mask = np.ones(a.shape[-3:-1], np.bool_) if where is None else where
    shape = np.broadcast_shapes(a.shape[:-3], b.shape[:-3], mask.shape[:-2])
    ones, others = (np.broadcast_to(p, (*shape, *p.shape[-3:])) for p in (a, b))
    masks = np.broadcast_to(mask, (*shape, *mask.shape[-2:]))
    found = [measure(ones[i], others[i], masks[i]) for i in np.ndindex(shape)]
    return np.array(found, np.float64).reshape(shape)
