"""From pixels to more pixels: batches of equal crops, tiles of large pictures, and bicubic as yardstick."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.errors import UsageError

Pixels = NDArray[np.uint8]

SCALES = (2, 3, 4)
"""By how much pictures are enlarged: what the published networks can."""

TILE = 256
"""Side in input pixels of the tiles of a large picture, without what they see beyond their edges."""


class Enlarger(Protocol):
    """Something that enlarges pictures of one size."""

    method: str
    """What the catalogue calls it."""
    reach: int
    """From how many input pixels away an output pixel can be influenced, at most."""

    def __call__(self, images: Pixels, scale: int) -> Pixels:
        """RGB uint8 [N, H, W, 3] to [N, scale·H, scale·W, 3]."""
        ...

    def begin_thread(self) -> None:
        """Called first in each thread, where several threads use it at once."""


class Bicubic:
    """Plain interpolation, which is what a network is measured against."""

    method = "none"
    reach = 2

    def __call__(self, images: Pixels, scale: int) -> Pixels:
        """RGB uint8 [N, H, W, 3] to [N, scale·H, scale·W, 3].

        Raises:
            UsageError: no such scale, or an array of another shape.
        """
        check_pixels(images, scale)
        height, width = images.shape[1:3]
        size = (width * scale, height * scale)
        return np.stack([cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) for image in images]).astype(
            np.uint8
        )

    def begin_thread(self) -> None:
        """OpenCV's threads are shared by all."""


def enlarge(image: Pixels, enlarger: Enlarger, scale: int, *, tile: int = TILE) -> Pixels:
    """One picture of any size, in tiles if it is large; memory grows with the tile, not with the picture.

    Each tile sees as far beyond its edges as the enlarger reaches, and only its inside is kept: there are no
    seams, the result is the one that the whole picture would give.

    Args:
        image: RGB uint8 [H, W, 3].
        tile: side of the tiles' insides in input pixels.

    Returns:
        RGB uint8 [scale·H, scale·W, 3].

    Raises:
        UsageError: no such scale, a tile of no pixels, or an array of another shape.
    """
    check_pixels(image[None], scale)
    if tile < 1:
        raise UsageError(f"A tile needs at least one pixel, not {tile}.")
    height, width = image.shape[:2]
    larger = np.empty((height * scale, width * scale, 3), np.uint8)
    for (top, bottom), (up, down) in _spans(height, tile, enlarger.reach):
        for (left, right), (near, far) in _spans(width, tile, enlarger.reach):
            seen = enlarger(image[None, up:down, near:far], scale)[0]
            inside = seen[(top - up) * scale :, (left - near) * scale :]
            place = larger[top * scale : bottom * scale, left * scale : right * scale]
            place[:] = inside[: place.shape[0], : place.shape[1]]
    return larger


def _spans(length: int, tile: int, reach: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where each tile begins and ends, and where what it sees does."""
    for start in range(0, length, tile):
        stop = min(start + tile, length)
        yield (start, stop), (max(0, start - reach), min(length, stop + reach))


def check_pixels(images: Pixels, scale: int) -> None:
    """UsageError if the scale is none of `SCALES`, or the array isn't RGB uint8 [N, H, W, 3]."""
    shape: Sequence[int] = images.shape
    if scale not in SCALES:
        raise UsageError(f"Pictures are enlarged by 2, 3 or 4, not by {scale}.")
    if images.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or not images.size:
        raise UsageError(f"RGB uint8 [N, H, W, 3] is enlarged, not {images.dtype} {list(shape)}.")
