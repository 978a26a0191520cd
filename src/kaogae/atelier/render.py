"""From SVG to pixels."""

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def rasterise(svg: str, width: int, height: int) -> Pixels:
    """Draw `svg` at `width` × `height`: [H, W, 4] uint8 RGBA with straight alpha, clear where empty.

    The document's view must have the same proportions: it is never stretched.
    """
    png: bytes = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True)
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.ascontiguousarray(np.asarray(decoded, np.uint8)[..., [2, 1, 0, 3]])


def over(front: Pixels, back: Pixels | str) -> Pixels:
    """`front` [H, W, 4] laid over `back`, an opaque picture [H, W, 3] or a colour `#rrggbb`: [H, W, 3]."""
    if isinstance(back, str):
        back = np.array([int(back[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
    alpha = front[..., 3:].astype(np.uint16)
    mixed = front[..., :3] * alpha + back * (255 - alpha) + 127
    return (mixed // 255).astype(np.uint8)
