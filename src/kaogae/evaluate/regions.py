"""What moved: eyes, brows, mouth and the rest, measured apart.

The known failure of expression transfer is that only the mouth moves, so no number here is about the whole
face. Faces that are drawn know exactly where each part is drawn; of others it follows from three landmarks.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaogae.atelier.drawing import regions
from kaogae.atelier.portrait import Portrait
from kaogae.atelier.rig import Rig
from kaogae.errors import UsageError
from kaogae.faces import apply_matrix

PARTS = ("eyes", "brows", "mouth", "rest")
"""In this order in every array here."""

VISIBLE = 4.0
"""A part whose mean change is above this many of the 255 grey levels is seen to have changed."""

MARGIN = 0.04
"""Around what is drawn, in eye distances: lines are soft, and finishes blur them."""

Reach = Literal["little", "mouth only", "mixed", "whole face"]
Pixels = NDArray[np.uint8]
Masks = NDArray[np.bool_]
"""[4, S, S], of `PARTS`: each pixel belongs to exactly one."""
Values = NDArray[np.float64]

# Left, top, right and bottom in eye distances, from each eye's centre and from the mouth's. Of what
# expressions move in 40 drawn characters, 95 % lies in the right part; looked over on real sprites. Lids move
# far more than brows do, so the line between the two lies high.
_EYE, _BROW, _MOUTH = (-0.4, -0.33, 0.4, 0.38), (-0.38, -0.7, 0.38, -0.33), (-0.38, -0.25, 0.38, 0.32)


# --------------------------------------------------------------------------------------------- where they are


def parts(marks: ArrayLike, size: int) -> Masks:
    """Where the parts of a face are, from its landmarks.

    Args:
        marks: [3, 2], the centres (x, y) of left eye, right eye and mouth in pixels of a picture whose pixel
            centres lie at whole + 0.5. The eyes needn't be level.
        size: side of the picture in pixels.

    Raises:
        UsageError: the eyes coincide, or a mark isn't finite.
    """
    left, right, mouth = np.asarray(marks, np.float64)
    along = right - left
    distance = float(np.hypot(*along))
    if not np.isfinite([*left, *right, *mouth]).all() or distance < 1e-6:
        raise UsageError(
            "Where a face's parts are can't be told: its eyes are at one place, or a mark is missing."
        )
    pixels = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), axis=-1)
    turn = np.column_stack([along, [-along[1], along[0]]]) / distance**2  # to eye distances, eyes level

    def within(box: tuple[float, float, float, float], *centres: NDArray[np.float64]) -> NDArray[np.bool_]:
        found = np.zeros((size, size), np.bool_)
        for centre in centres:
            x, y = np.moveaxis((pixels - centre) @ turn, -1, 0)
            found |= (x >= box[0]) & (y >= box[1]) & (x <= box[2]) & (y <= box[3])
        return found

    return _told_apart(within(_EYE, left, right), within(_BROW, left, right), within(_MOUTH, mouth))


def drawn_parts(portrait: Portrait, rigs: Sequence[Rig], size: int) -> Masks:
    """Where the parts of a drawn face are in its crop of `size` pixels, in any of the expressions `rigs`."""
    matrix = portrait.matrix(size)
    y, x = np.mgrid[:size, :size] + 0.5
    found = np.zeros((3, size, size), np.bool_)
    for rig in rigs:
        seen = regions(portrait.character, rig, portrait.pose)
        boxes = [(seen.left_eye, seen.right_eye), (seen.left_brow, seen.right_brow), (seen.mouth,)]
        for mask, part in zip(found, boxes, strict=True):
            for box in part:
                low = apply_matrix(matrix, np.subtract(box[:2], MARGIN))
                high = apply_matrix(matrix, np.add(box[2:], MARGIN))
                mask |= (x >= low[0]) & (y >= low[1]) & (x <= high[0]) & (y <= high[1])
    return _told_apart(*found)


def _told_apart(eyes: NDArray[np.bool_], brows: NDArray[np.bool_], mouth: NDArray[np.bool_]) -> Masks:
    """Where two meet, the eyes win, since they move most, and then the mouth."""
    mouth = mouth & ~eyes
    brows = brows & ~eyes & ~mouth
    return np.stack([eyes, brows, mouth, ~(eyes | brows | mouth)])


# ---------------------------------------------------------------------------------------------- how they move


def changed(before: Pixels, after: Pixels, masks: Masks) -> Values:
    """How much each part changed, whatever it is good for.

    Args:
        before: [N, S, S, 3] RGB, or [N, 5, S, S, 3] where each output is compared with a picture of its own.
        after: [N, 5, S, S, 3], by target.
        masks: [N, P, S, S], of the four `PARTS` or of other places.

    Returns:
        [N, 5, P], mean absolute differences: 0 to 255, NaN for a part that isn't in the picture.
    """
    rows = [np.abs(b - a).mean(-1) for b, a in _pairs(before, after)]
    return np.stack([_means(row, mask) for row, mask in zip(rows, masks, strict=True)])


def spread(pictures: Pixels, masks: Masks) -> Values:
    """How much the pictures for different targets differ from their mean.

    Args:
        pictures: [N, 5, S, S, 3] RGB, by target.
        masks: [N, 4, S, S], of `PARTS`.

    Returns:
        [N, 4], mean absolute differences: 0 to 255, NaN for a part that isn't in the picture.
    """
    found: list[Values] = []
    for five, mask in zip(pictures, masks, strict=True):
        values = five.astype(np.float64)
        apart = np.abs(values - values.mean(0)).mean(-1)
        found.append(_means(apart, mask).mean(0))
    return np.stack(found)


def moved(pictures: Pixels, truths: Pixels, masks: Masks) -> Values:
    """How much the outputs differ by target, as a share of how much the truth does: [4], 1 for as much.

    Noise that differs by target counts as movement; see `moved_rightly`. Arguments as there.
    """
    return np.nanmean(spread(pictures, masks), axis=0) / np.nanmean(spread(truths, masks), axis=0)


def moved_rightly(pictures: Pixels, truths: Pixels, masks: Masks) -> Values:
    """How far the outputs go the truth's way from their mean, by least squares over all faces and targets.

    To this, noise adds nothing, and what is the same for all targets neither.

    Args:
        pictures: [N, 5, S, S, 3] RGB, by target: what a generator made of N faces.
        truths: [N, 5, S, S, 3]: what it should have made.
        masks: [N, 4, S, S], of `PARTS`.

    Returns:
        [4]: 0 for outputs that don't depend on the target, 1 for the truth; NaN where the truth doesn't move.
    """
    dots, squares = np.zeros(len(PARTS)), np.zeros(len(PARTS))
    for five, truth, mask in zip(pictures, truths, masks, strict=True):
        ours, way = five.astype(np.float64), truth.astype(np.float64)
        way -= way.mean(0)
        dots += np.tensordot(mask, (ours * way).sum((0, -1)), 2)
        squares += np.tensordot(mask, (way**2).sum((0, -1)), 2)
    return np.divide(dots, squares, out=np.full(len(PARTS), np.nan), where=squares > 0)


def reach(moved: Sequence[float] | Values) -> Reach:
    """What a generator changes, in a word, from `moved` or `moved_rightly` (the latter is blind to noise).

    Only the mouth: it moves at least a quarter as it should, and eyes and brows less than half as much as it.
    The whole face: each of the three moves at least a quarter, and none less than half as much as the mouth.
    """
    eyes, brows, mouth = moved[:3]
    if max(eyes, brows, mouth) < 0.25:
        return "little"
    if mouth >= 0.25 and max(eyes, brows) < mouth / 2:
        return "mouth only"
    return "whole face" if min(eyes, brows) >= max(0.25, mouth / 2) and mouth >= 0.25 else "mixed"


def _pairs(before: Pixels, after: Pixels) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Face by face, so that memory stays small."""
    for b, a in zip(before, after, strict=True):
        yield b.astype(np.float32), a.astype(np.float32)


def _means(values: NDArray[np.floating], mask: Masks) -> Values:
    """The mean of `values` [5, S, S] over each of the P masks: [5, P]."""
    count = mask.sum((1, 2))
    total = np.tensordot(values.astype(np.float64), mask, ([1, 2], [1, 2]))
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
