"""The closer look at two crops whose hashes are near: one drawing, or one character with two expressions?

A perceptual hash hardly sees a mouth or a brow, and those are what this project is about. So the crops are
compared place by place: where one is the other's copy, resampled or saved again, no place differs much;
where the expression changed, the mouth or the eyes do.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 64
"""Side in pixels at which crops are compared."""

REACH = 3
"""How far apart in these pixels two detections may have put the crop of the same face."""

PLACE = 7
"""Side of a place in these pixels: about that of a mouth."""

LIMIT = 0.5
"""Greatest difference of a place in two crops of the same drawing, in standard deviations of grey."""

FAINTEST = 4.0
"""Least standard deviation of grey that counts as contrast."""


def likeness(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A crop RGB [S, S, 3] as it is compared: grey [64, 64], with mean 0 and deviation 1."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    how = cv2.INTER_AREA if crop.shape[0] > SIDE else cv2.INTER_CUBIC
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=how)
    return ((small - small.mean()) / max(float(small.std()), FAINTEST)).astype(np.float32)


def difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The mean difference within the place where two likenesses differ most, one shifted onto the other."""
    inner = other[REACH:-REACH, REACH:-REACH]
    side = inner.shape[0]
    shifts = range(2 * REACH + 1)
    apart = [np.abs(one[y : y + side, x : x + side] - inner) for y in shifts for x in shifts]
    best = min(apart, key=lambda values: float(values.mean()))
    return float(cv2.blur(best, (PLACE, PLACE)).max())


def alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two likenesses show the same drawing."""
    return difference(one, other) <= LIMIT
