"""Lines for drawing: smooth paths, tapered strokes, and the turn of the head.

Face units: the middle of the eye line is (0, 0), x to the viewer's right, y down, and the eyes of a face that
looks straight ahead are 1 apart. The chin of an ordinary face is near y = 1.1, its cheeks near x = ±0.8.

The arrays here have five or ten rows, for which NumPy is slower than plain floats: curves are worked out in
Python.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
"""[N, 2] in face units."""

Pair = Sequence[float]


def points(*pairs: tuple[float, float]) -> Points:
    """[N, 2] from pairs."""
    return np.array(pairs, np.float64)


def _rows(values: ArrayLike) -> list[Pair]:
    return values.tolist() if isinstance(values, np.ndarray) else values  # type: ignore[return-value]


def polygon(corners: ArrayLike) -> str:
    """SVG path data of straight lines through `corners` [N, 2], closed."""
    return "M" + " ".join(f"{x:.4f},{y:.4f}" for x, y in _rows(corners)) + "Z"


def _curves(p: list[Pair], closed: bool, tension: float) -> str:
    n, k = len(p), tension / 6
    parts: list[str] = []
    for i in range(n if closed else n - 1):
        j = (i + 1) % n
        (ax, ay), (bx, by) = p[i], p[j]
        (px, py) = p[i - 1] if i or closed else p[0]
        (qx, qy) = p[(j + 1) % n] if closed or j + 1 < n else p[-1]
        ux, uy, vx, vy = (bx - px) * k, (by - py) * k, (qx - ax) * k, (qy - ay) * k
        # beside a much longer span a short one would overshoot into a loop
        most = (0.45 * math.hypot(bx - ax, by - ay)) ** 2
        if (u := ux * ux + uy * uy) > most:
            share = math.sqrt(most / u)
            ux, uy = ux * share, uy * share
        if (v := vx * vx + vy * vy) > most:
            share = math.sqrt(most / v)
            vx, vy = vx * share, vy * share
        parts.append(f"C{ax + ux:.4f},{ay + uy:.4f} {bx - vx:.4f},{by - vy:.4f} {bx:.4f},{by:.4f}")
    return "".join(parts)


def smooth(knots: ArrayLike, *, closed: bool = False, tension: float = 1.0) -> str:
    """SVG path data of a Catmull-Rom curve through `knots` [N, 2]; `tension` 0 gives straight lines."""
    p = _rows(knots)
    if len(p) < 3:
        return "M" + " ".join(f"{x:.4f},{y:.4f}" for x, y in p)
    return f"M{p[0][0]:.4f},{p[0][1]:.4f}" + _curves(p, closed, tension) + ("Z" if closed else "")


def outline(*arcs: ArrayLike) -> str:
    """SVG path data of a closed shape from smooth arcs [N, 2], with a corner where one follows another."""
    parts: list[str] = []
    for knots in arcs:
        p = _rows(knots)
        parts.append(f"{'L' if parts else 'M'}{p[0][0]:.4f},{p[0][1]:.4f}" + _curves(p, False, 1.0))
    return "".join(parts) + "Z"


def sample(knots: ArrayLike, count: int, *, closed: bool = False) -> Points:
    """`count` points along the same curve as `smooth`, even in the knots' parameter."""
    return np.array(_sample(_rows(knots), count, closed), np.float64)


def _sample(p: list[Pair], count: int, closed: bool = False) -> list[Pair]:
    n = len(p)
    spans = n if closed else n - 1
    steps = count if closed else max(count - 1, 1)
    line: list[Pair] = []
    for s in range(count):
        u = s * spans / steps
        i = min(int(u), spans - 1)
        t = u - i
        b, c = p[i], p[(i + 1) % n]
        a = p[i - 1] if i or closed else b
        d = p[(i + 2) % n] if closed or i + 2 < n else c
        t2, t3 = t * t, t * t * t
        wa, wb, wc, wd = -t + 2 * t2 - t3, 2 - 5 * t2 + 3 * t3, t + 4 * t2 - 3 * t3, t3 - t2
        line.append(
            (
                0.5 * (wa * a[0] + wb * b[0] + wc * c[0] + wd * d[0]),
                0.5 * (wa * a[1] + wb * b[1] + wc * c[1] + wd * d[1]),
            )
        )
    return line


def stroke(
    knots: ArrayLike, width: float | ArrayLike, *, taper: tuple[float, float] = (0.0, 0.0), count: int = 11
) -> str:
    """SVG path data of a brush stroke along `knots`: a filled outline whose width swells and tapers.

    Args:
        width: full width in the middle, or widths at even steps along the stroke.
        taper: width at the start and at the end, as a share of the middle's (for a single `width`).
        count: points along the stroke; the outline between them is smooth.
    """
    line = _sample(_rows(knots), count)
    if isinstance(width, int | float):
        widths = [
            float(width) * (e + (1 - e) * math.sin(math.pi * t) ** 0.7)
            for t in (s / (count - 1) for s in range(count))
            for e in (taper[0] * (1 - t) + taper[1] * t,)
        ]
    else:
        given = np.asarray(width, np.float64)
        widths = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(given)), given).tolist()
    left: list[Pair] = []
    right: list[Pair] = []
    for i, (x, y) in enumerate(line):
        (ax, ay), (bx, by) = line[max(i - 1, 0)], line[min(i + 1, count - 1)]
        reach = widths[i] / 2 / max(math.hypot(bx - ax, by - ay), 1e-9)
        nx, ny = (ay - by) * reach, (bx - ax) * reach
        left.append((x + nx, y + ny))
        right.append((x - nx, y - ny))
    return outline(left, right[::-1])


def ellipse(centre: Pair, radius_x: float, radius_y: float) -> str:
    """SVG path data of an ellipse."""
    x, y = centre
    rx, ry = max(radius_x, 1e-4), max(radius_y, 1e-4)
    arc = f"a{rx:.4f},{ry:.4f} 0 1 0"
    return f"M{x - rx:.4f},{y:.4f}{arc} {2 * rx:.4f},0{arc} {-2 * rx:.4f},0Z"


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
        """Project `p` [N, 2], lying on the head's front plus `lift` (towards the viewer), to the drawing."""
        sin_yaw, cos_yaw = math.sin(self.yaw), math.cos(self.yaw)
        sin_pitch, cos_pitch = math.sin(self.pitch), math.cos(self.pitch)
        projected: list[Pair] = []
        for x, y in _rows(p):
            depth = math.sqrt(max(0.0, 1 - (x / 1.25) ** 2)) - 1 + lift
            turned = x * cos_yaw + (depth + 0.45) * sin_yaw
            depth = depth * cos_yaw - x * sin_yaw + 0.45
            projected.append((turned, y * cos_pitch + depth * sin_pitch))
        return np.array(projected, np.float64)
