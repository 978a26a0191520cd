"""Between uint8 pixels and what the networks of StarGAN see. Nothing else in Kaogae converts."""

import numpy as np
from numpy.typing import NDArray


def to_network(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """RGB uint8 [..., H, W, 3] to float32 [..., 3, H, W] in [−1, 1]."""
    return np.ascontiguousarray(np.moveaxis(pixels, -1, -3), np.float32) / np.float32(127.5) - np.float32(1)


def from_network(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Float [..., 3, H, W] in [−1, 1] to RGB uint8 [..., H, W, 3], rounded; values outside are clipped."""
    scaled = np.rint((np.moveaxis(values, -3, -1) + 1) * 127.5)
    return np.ascontiguousarray(scaled.clip(0, 255).astype(np.uint8))
