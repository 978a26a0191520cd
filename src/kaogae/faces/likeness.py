"""The closer look at two crops whose hashes are near: one drawing, or one character with two expressions?

A perceptual hash hardly sees a mouth or a brow, and those are what this project is about. So the crops are
laid exactly onto each other and compared place by place: where one is the other's copy, resampled or saved
again, no place differs; where the expression changed, the mouth or the eyes do (measured in docs/faces.md).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 96
"""Side in pixels at which crops are compared."""

PLACE = 9
"""Side of a place in these pixels: about that of a small mouth."""

EDGE = 6
"""Pixels at the border that aren't compared: two detections don't cut the same crop."""

LIMIT = 0.15
"""Greatest difference of a place in two crops of one drawing, in standard deviations of grey."""

FAINTEST = 4.0
"""Least standard deviation of grey that counts as contrast."""

SOFT = 1.5
"""Standard deviation in pixels of the blur before comparing: resampling and JPEG change fine detail."""

WARPED = 0.25
"""How far the transform between two crops of one face may be from the identity; beyond, it found nonsense."""

Look = NDArray[np.float32]
"""A crop as it is compared: grey [96, 96], mean 0, deviation 1."""


def likeness(crop: NDArray[np.uint8]) -> Look:
    """What is compared of a crop RGB [S, S, 3]."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    how = cv2.INTER_AREA if crop.shape[0] > SIDE else cv2.INTER_CUBIC
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=how)
    return ((small - small.mean()) / max(float(small.std()), FAINTEST)).astype(np.float32)


def alike(one: Look, other: Look) -> bool:
    """Whether two crops show the same drawing: as they lie, or after laying one onto the other."""
    return _apart(one, other) <= LIMIT or difference(one, other) <= LIMIT


def difference(one: Look, other: Look) -> float:
    """How much the place differs most in which two crops differ most, once one lies on the other.

    Two detections of one face put its eyes up to a tenth apart, so the second crop is registered on the first
    by an affine transform (Evangelidis and Psarakis, "Parametric Image Alignment Using Enhanced Correlation
    Coefficient Maximization", 2008, as OpenCV has it). Infinite if the crops have nothing in common.
    """
    identity = np.eye(2, 3, dtype=np.float32)
    everywhere = np.ones((SIDE, SIDE), np.uint8)
    enough = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-3)
    try:
        _, found = cv2.findTransformECC(one, other, identity.copy(), cv2.MOTION_AFFINE, enough, everywhere, 5)
    except cv2.error:  # it doesn't converge
        return float("inf")
    if np.abs(found[:, :2] - identity[:, :2]).max() > WARPED:
        return float("inf")
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(other, found, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.warpAffine(np.ones_like(other), found, (SIDE, SIDE), flags=how)
    return _apart(one, laid.astype(np.float32), seen.astype(np.float32))


def _apart(one: Look, other: Look, seen: Look | None = None) -> float:
    """The greatest mean difference of a place; `seen` [96, 96] is 0 where `other` has nothing."""
    apart = np.abs(cv2.GaussianBlur(one, (0, 0), SOFT) - cv2.GaussianBlur(other, (0, 0), SOFT))
    if seen is not None:
        apart = apart * (seen > 0.99)
    return float(cv2.blur(apart[EDGE:-EDGE, EDGE:-EDGE], (PLACE, PLACE)).max())
