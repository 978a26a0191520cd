"""From SVG to pixels."""

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def rasterise(svg: str, width: int, height: int) -> Pixels:
    """Draw `svg` at `width` × `height`: [H, W, 4] uint8 RGBA, straight alpha, transparent where nothing is drawn."""
    png = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True)
    return cv2.cvtColor(
        cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA
    )


def over(front: Pixels, back: Pixels | str) -> Pixels:
    """`front` [H, W, 4] laid over `back`, an opaque picture [H, W, 3] or a colour `#rrggbb`: [H, W, 3]."""
    if isinstance(back, str):
        back = np.array([int(back[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
    alpha = front[..., 3:].astype(np.uint16)
    mixed = front[..., :3] * alpha + back * (255 - alpha) + 127
    return (mixed // 255).astype(np.uint8)
