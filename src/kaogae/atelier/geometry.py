"""Lines for drawing: smooth paths, tapered strokes, and the turn of the head.

Face units: the middle of the eye line is (0, 0), x to the viewer's right, y down, and the eyes of a face that looks
straight ahead are 1 apart. The chin of an ordinary face is near y = 1.1, its cheeks near x = ±0.8.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
"""[N, 2] in face units."""


def points(*pairs: tuple[float, float]) -> Points:
    """[N, 2] from pairs."""
    return np.array(pairs, np.float64)


def _format(values: Points) -> str:
    return " ".join(f"{x:.4f},{y:.4f}" for x, y in values)


def polygon(corners: ArrayLike) -> str:
    """SVG path data of straight lines through `corners` [N, 2], closed."""
    return f"M{_format(np.asarray(corners, np.float64))}Z"


def smooth(knots: ArrayLike, *, closed: bool = False, tension: float = 1.0) -> str:
    """SVG path data of a Catmull-Rom curve through `knots` [N, 2]; `tension` 0 gives straight lines."""
    p = np.asarray(knots, np.float64)
    if len(p) < 3:
        return f"M{_format(p)}"
    before, after = (
        (np.roll(p, 1, 0), np.roll(p, -1, 0))
        if closed
        else (p[[0, *range(len(p) - 1)]], p[[*range(1, len(p)), -1]])
    )
    tangent = (after - before) * (tension / 6)
    ends = range(len(p)) if closed else range(len(p) - 1)
    parts = [f"M{_format(p[:1])}"]
    for i in ends:
        j = (i + 1) % len(p)
        parts.append(f"C{_format(np.stack([p[i] + tangent[i], p[j] - tangent[j], p[j]]))}")
    return "".join(parts) + ("Z" if closed else "")


def sample(knots: ArrayLike, count: int, *, closed: bool = False) -> Points:
    """`count` points along the same curve as `smooth`, even in the knots' parameter."""
    p = np.asarray(knots, np.float64)
    n = len(p)
    if closed:
        p = np.concatenate([p[-1:], p, p[:2]])
        n += 1
    else:
        p = np.concatenate([p[:1], p, p[-1:]])
    u = np.linspace(0, n - 1, count, endpoint=not closed)
    i = np.minimum(u.astype(int), n - 2)
    t = (u - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def stroke(
    knots: ArrayLike, width: float | ArrayLike, *, taper: tuple[float, float] = (0.0, 0.0), count: int = 24
) -> str:
    """SVG path data of a brush stroke along `knots`: a filled outline whose width swells and tapers.

    Args:
        width: full width in the middle, or widths at even steps along the stroke.
        taper: width at the start and at the end, as a share of the middle's (for a single `width`).
    """
    line = sample(knots, count)
    t = np.linspace(0, 1, count)
    if np.ndim(width):
        widths = np.interp(t, np.linspace(0, 1, len(np.asarray(width))), np.asarray(width, np.float64))
    else:
        ends = taper[0] * (1 - t) + taper[1] * t
        widths = float(np.asarray(width)) * (ends + (1 - ends) * np.sin(math.pi * t) ** 0.7)
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    normal = np.column_stack([-along[:, 1], along[:, 0]]) * (widths / 2)[:, None]
    return polygon(np.concatenate([line + normal, (line - normal)[::-1]]))


def mirror(p: ArrayLike) -> Points:
    """Left for right."""
    return np.asarray(p, np.float64) * [-1, 1]


@dataclass(frozen=True)
class Pose:
    """Where the head looks. Every point goes through it, so that the whole head turns together.

    Args:
        yaw: turn to the viewer's right in radians, −0.6 to 0.6.
        pitch: nod downwards in radians, −0.3 to 0.3.
    """

    yaw: float = 0.0
    pitch: float = 0.0

    def __call__(self, p: ArrayLike, lift: float = 0.0) -> Points:
        """Project `p` [N, 2], lying on the head's front plus `lift` (towards the viewer), to the drawing plane."""
        p = np.asarray(p, np.float64)
        x, y = p[:, 0], p[:, 1]
        depth = np.sqrt(np.maximum(0.0, 1 - (x / 1.25) ** 2)) - 1 + lift
        turned = x * math.cos(self.yaw) + depth * math.sin(self.yaw) + 0.45 * math.sin(self.yaw)
        depth = depth * math.cos(self.yaw) - x * math.sin(self.yaw) + 0.45
        return np.column_stack([turned, y * math.cos(self.pitch) + depth * math.sin(self.pitch)])
