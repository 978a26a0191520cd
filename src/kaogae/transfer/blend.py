"""Putting a changed face back: the change is carried over, and the picture keeps its pixels elsewhere.

The network works on a crop of S × S pixels; the face in the picture may be many times larger. Enlarging the
crop and pasting it would give a blurry square. Instead, with x the crop, y the network's answer and ↑ the
enlargement:

    result = picture + w · (↑y − ↑x − s · (picture − ↑x))

picture − ↑x is the fine detail that the crop lost. Where the network changed little, s is 0: the change of
colour is added below the picture's own sharp lines. Where it changed much, s is 1 and ↑y remains, with its
lines sharpened: those of an eye that is now closed must not shine through. w is a soft mask that is 0 at the
crop's border and wherever the network left the face alone; pixels with w = 0 aren't touched.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.faces import Matrix, apply_matrix, invert_matrix, warp
from kaogae.transfer.redraw import redraw

FEATHER = 0.08
"""Width of the soft edge along the crop's border, as a share of its side."""
ATTENTION = (0.02, 0.15)
"""Attention of the network below the first counts as none, above the second as full."""
NOTICEABLE = (2.0, 8.0)
"""Change of colour (0 to 255) that counts as none and as full, for a network without attention."""
REDRAWN = (12.0, 48.0)
"""Change of colour (0 to 255) that keeps all of the picture's own fine detail, and none of it."""

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Change:
    """What to add to a part of a picture."""

    top: int
    left: int
    colours: Plane
    """[h, w, 3], to be added, in steps of uint8; 0 where `weight` is."""
    weight: Plane
    """[h, w] in [0, 1]: how much of the change is let through."""


def cut(pixels: Pixels, matrix: Matrix, size: int) -> Pixels:
    """The aligned crop [size, size, 3] of a picture; beyond its edge the edge is repeated."""
    return warp(pixels, matrix, (size, size))


def change(pixels: Pixels, matrix: Matrix, answer: Plane, attention: Plane | None) -> Change:
    """What a network's answer to one crop changes in the picture.

    Args:
        pixels: RGB [H, W, 3]; what the crop was cut from.
        matrix: from picture to crop.
        answer: RGB [S, S, 3], 0 to 255, not rounded.
        attention: [S, S] in [0, 1]; None if the network has none.
    """
    size = answer.shape[0]
    crop = cut(pixels, matrix, size).astype(np.float32)
    difference = np.abs(answer - crop).max(axis=-1)
    top, left, bottom, right = _bounds(matrix, size, pixels.shape)
    # From crop to this part of the picture
    back = invert_matrix(matrix) - [[0, 0, left], [0, 0, top]]
    part = (max(right - left, 1), max(bottom - top, 1))
    weight = warp(_window(size) * _gate(difference, attention), back, part).clip(0, 1)
    weight[weight < 1 / 255] = 0
    redrawn = warp(_spread(smoothstep(difference, *REDRAWN), size), back, part).clip(0, 1)
    enlarged = warp(crop, back, part)
    drawn = warp(answer, back, part)
    detail = pixels[top : top + part[1], left : left + part[0]] - enlarged
    sharp, factor = redraw(answer, magnification=1 / float(np.sqrt(np.linalg.det(matrix[:, :2]))))
    crisp = warp(sharp, back @ np.diag([1 / factor, 1 / factor, 1]), part)
    colours = drawn - enlarged + redrawn[..., None] * (crisp - drawn - detail)
    return Change(top, left, (weight[..., None] * colours).astype(np.float32), weight)


def add(pixels: Pixels, changes: list[Change], opacity: Pixels | None) -> tuple[Pixels, Pixels]:
    """The picture with all changes, and the mask [H, W] uint8 of where it may differ from what it was.

    Args:
        pixels: RGB [H, W, 3].
        changes: of one face each; where two overlap both are added.
        opacity: the picture's alpha [H, W]; what is invisible isn't changed.
    """
    result, mask = pixels.copy(), np.zeros(pixels.shape[:2], np.uint8)
    for one in changes:
        height, width = one.weight.shape
        part = np.s_[one.top : one.top + height, one.left : one.left + width]
        weight = one.weight if opacity is None else one.weight * (opacity[part] > 0)
        mixed = np.rint(result[part] + one.colours).clip(0, 255).astype(np.uint8)
        result[part] = np.where(weight[..., None] > 0, mixed, result[part])
        mask[part] = np.maximum(mask[part], np.rint(weight * 255).astype(np.uint8))
    return result, mask


def smoothstep(values: Plane, low: float, high: float) -> Plane:
    """0 up to `low`, 1 from `high`, and a smooth way between."""
    share = ((values - low) / (high - low)).clip(0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def _bounds(matrix: Matrix, size: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of the part of a picture that a crop covers."""
    corners = apply_matrix(invert_matrix(matrix), [[0, 0], [size, 0], [size, size], [0, size]])
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    height, width = shape[:2]
    return min(max(top, 0), height - 1), min(max(left, 0), width - 1), min(bottom, height), min(right, width)


def _window(size: int) -> Plane:
    """[S, S]: 1 inside, falling to 0 at the outermost pixels."""
    edge = np.minimum(np.arange(size), np.arange(size)[::-1]).astype(np.float32)
    ramp = smoothstep(edge, 1, 1 + FEATHER * size)
    return np.minimum(ramp[:, None], ramp[None])


def _gate(difference: Plane, attention: Plane | None) -> Plane:
    """[S, S]: 1 where the network changed something, 0 where it changed nothing."""
    if attention is not None:
        return smoothstep(attention, *ATTENTION)
    return _spread(smoothstep(difference, *NOTICEABLE), len(difference))


def _spread(plane: Plane, size: int) -> Plane:
    """`plane` grown and softened by about a hundredth of the crop: what is drawn has an edge around it."""
    reach = max(1, round(size / 100))
    grown = cv2.dilate(plane, np.ones((2 * reach + 1, 2 * reach + 1)))
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), reach * 0.7), np.float32)
