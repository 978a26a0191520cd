"""Measures of a crop: how sharp it is, and the hash by which look-alikes are found."""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

BLUR_SIDE = 128
"""Side in pixels at which sharpness is measured, so that it doesn't depend on the size of the crop."""

FAINTEST = 4.0
"""Least contrast, as standard deviation of grey, that counts as one: below, noise would pass for detail."""


def sharpness(crop: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian at 128 × 128 pixels, as a share of the variance of grey itself.

    Dividing makes pale and stark pictures comparable: the share doesn't change with contrast. Drawings have
    0.2 to 3, crops of 64 pixels 0.07 and more, what is blurred by 2 of 128 pixels about 0.01 (docs/faces.md).

    Args:
        crop: RGB [S, S, 3].
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    shrinks = crop.shape[0] > BLUR_SIDE
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    small = cv2.resize(grey, (BLUR_SIDE, BLUR_SIDE), interpolation=how).astype(np.float32)
    detail = float(cv2.Laplacian(small, cv2.CV_32F).var())
    return detail / max(float(small.var()), FAINTEST**2)


def perceptual_hash(crop: NDArray[np.uint8]) -> int:
    """imagehash's `phash` of a crop RGB [S, S, 3]: 64 bits, as the signed number that databases hold."""
    from imagehash import phash

    bits = np.packbits(phash(Image.fromarray(crop)).hash)
    return int(bits.view(">i8")[0])
