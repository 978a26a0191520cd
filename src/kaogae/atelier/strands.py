"""Hair as sheets of strands, and how a sheet is cut into locks.

A sheet is a patch with two coordinates: u across the strands from 0 to 1, v along them from root to tip.
Everything that is drawn on hair (cut, lines, shadows, gloss) is laid out in u and v and so follows the hair.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaogae.atelier.geometry import Points, Pose

Turn = Callable[[Points], Points]
Floats = NDArray[np.float64]
ACROSS, ALONG = 33, 25
"""Strands and points of a strand in a sheet's grid."""


def turning(pose: Pose, lift: float) -> Turn:
    """The head's turn for hair, which reaches further out than the face for which `Pose` is made.

    The same projection as `Pose`, for arrays [..., 2] of any size; far from the head it only moves along.
    """
    sin_yaw, cos_yaw = math.sin(pose.yaw), math.cos(pose.yaw)
    sin_pitch, cos_pitch = math.sin(pose.pitch), math.cos(pose.pitch)

    def turn(p: Points) -> Points:
        x, y = 0.95 * np.tanh(p[..., 0] / 0.95), np.clip(p[..., 1], -1.5, 1.2)
        depth = np.sqrt(1 - (x / 1.25) ** 2) - 1 + lift
        turned = x * cos_yaw + (depth + 0.45) * sin_yaw
        depth = depth * cos_yaw - x * sin_yaw + 0.45
        return p + np.stack([turned - x, y * cos_pitch + depth * sin_pitch - y], axis=-1)

    return turn


@lru_cache(maxsize=64)
def _spread(knots: int, count: int) -> Floats:
    """[count, knots] weights of the Catmull-Rom curve through `knots` points, at even steps."""
    u = np.linspace(0, knots - 1, count)
    i = np.minimum(u.astype(int), knots - 2)
    t = u - i
    weights = np.zeros((count, knots))
    cubic = (
        (-t + 2 * t**2 - t**3) / 2,
        (2 - 5 * t**2 + 3 * t**3) / 2,
        (t + 4 * t**2 - 3 * t**3) / 2,
        (t**3 - t**2) / 2,
    )
    for offset, weight in zip((-1, 0, 1, 2), cubic, strict=True):
        np.add.at(weights, (np.arange(count), np.clip(i + offset, 0, knots - 1)), weight)
    return weights


def resample(knots: ArrayLike, count: int) -> Points:
    """`count` points on the smooth curve through `knots` [K, 2], even in the knots' parameter."""
    p = np.asarray(knots, np.float64)
    return _spread(len(p), count) @ p


@dataclass(frozen=True)
class Sheet:
    """Strands side by side: `grid` [U, V, 2] in face units."""

    grid: Floats

    @classmethod
    def through(cls, guides: Sequence[ArrayLike], across: int = ACROSS) -> "Sheet":
        """The sheet that runs smoothly through `guides`, each a strand [K, 2] from root to tip."""
        strands = np.stack([resample(strand, ALONG) for strand in guides])
        return cls(np.einsum("ug,gvd->uvd", _spread(len(strands), across), strands))

    def turned(self, turn: Turn) -> "Sheet":
        """The same sheet on a turned head."""
        return Sheet(turn(self.grid))

    def at(self, u: ArrayLike, v: ArrayLike) -> Points:
        """The points at `u`, `v` [N]: [N, 2]."""
        columns, rows = self.grid.shape[:2]
        x = np.minimum(np.maximum(np.asarray(u, np.float64), 0), 1) * (columns - 1)
        y = np.minimum(np.maximum(np.asarray(v, np.float64), 0), 1) * (rows - 1)
        i, j = np.minimum(x.astype(int), columns - 2), np.minimum(y.astype(int), rows - 2)
        a, b = (x - i)[:, None], (y - j)[:, None]
        near = self.grid[i, j] * (1 - b) + self.grid[i, j + 1] * b
        far = self.grid[i + 1, j] * (1 - b) + self.grid[i + 1, j + 1] * b
        return near * (1 - a) + far * a

    def place(self, pieces: Sequence[tuple[Floats, Floats]]) -> list[Points]:
        """Each piece of u and v [N] as points [N, 2]; one look-up for all of them."""
        if not pieces:
            return []
        u, v = (np.concatenate(column) for column in zip(*pieces, strict=True))
        stops = np.cumsum([len(piece[0]) for piece in pieces])[:-1]
        return np.split(self.at(u, v), stops)

    def level(self, u: Floats, height: Floats) -> Floats:
        """The v at which the strands at `u` [N] come down to y = `height` [N]."""
        rows = self.grid.shape[1]
        v = np.linspace(0, 1, rows)
        y = self.at(np.repeat(u, rows), np.tile(v, len(u)))[:, 1].reshape(len(u), rows)
        y = np.maximum.accumulate(y, axis=1) + 1e-6 * v
        return np.array([np.interp(h, row, v) for h, row in zip(height, y, strict=True)])


@dataclass(frozen=True)
class Comb:
    """Where a sheet is cut: lock i lies between gaps i and i + 1 and ends in tip i."""

    gap_u: Floats
    gap_v: Floats
    tip_u: Floats
    tip_v: Floats
    belly: Floats
    """[N, 2] shape of each lock's left and right side: above 1 it bulges, below 1 it is hollow."""


def comb(
    dice: random.Random,
    count: int,
    *,
    gap: tuple[float, float] = (0.65, 0.9),
    ragged: float = 0.06,
    lean: float = 0.0,
    uneven: float = 0.5,
    belly: float = 1.5,
) -> Comb:
    """Cut into `count` locks.

    Args:
        gap: v of the gaps' upper ends, least and most.
        ragged: how much the tips differ in v.
        lean: where the tips are between their gaps: −1 at the left one, 1 at the right one.
        uneven: how much the locks differ in breadth (0, 1).
        belly: how far the locks stay broad before they close; the side to which a lock leans is straighter.
    """
    thin = [dice.random() < 0.35 * uneven and count > 3 for _ in range(count)]
    breadths = np.array([dice.uniform(0.3, 0.5) if t else 1 + uneven * dice.uniform(-0.5, 0.7) for t in thin])
    edges = np.concatenate([[0.0], np.cumsum(breadths) / breadths.sum()])
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    leans = np.array([min(max(lean + dice.uniform(-0.8, 0.8), -1.2), 1.2) for _ in range(count)])
    gap_v = np.array([dice.uniform(*gap) for _ in range(count + 1)])
    gap_v[[0, -1]] = np.maximum(gap_v[[0, -1]], 0.9)
    tip_v = np.array([1 - ragged * dice.random() - (ragged if t else 0.0) * 0.5 for t in thin])
    bellies = belly * np.stack([1 + 0.4 * leans, 1 - 0.4 * leans], axis=1)
    return Comb(edges, gap_v, np.clip(middle + leans * half, 0, 1), tip_v, np.maximum(bellies, 0.75))


@dataclass(frozen=True)
class Lock:
    """A single lock over other hair: it grows out of it without a visible root and ends in a point."""

    spine: Points
    """[K, 2] from root to tip."""
    width: float
    """Where it is broadest, in face units."""
    fullness: float = 0.4
    """Where along the spine that is (0.2 to 0.7)."""

    def sides(self, turn: Turn, count: int = 8) -> tuple[Points, Points]:
        """Its left and right edge [count, 2], both from root to tip."""
        line = resample(turn(self.spine), count)
        t = np.linspace(0, 1, count)
        early, late = (
            np.minimum(t / self.fullness, 1),
            np.maximum((t - self.fullness) / (1 - self.fullness), 0),
        )
        half = self.width / 2 * np.sin(0.15 + early * (math.pi / 2 - 0.15)) * (1 - late**1.3)
        step = np.gradient(line, axis=0)
        step /= np.maximum(np.hypot(step[:, :1], step[:, 1:]), 1e-9)
        normal = np.stack([-step[:, 1], step[:, 0]], axis=1) * half[:, None]
        return line + normal, line - normal


def joined(curves: Sequence[Points], *, closed: bool = True) -> str:
    """SVG path data of smooth curves that meet in corners; each starts where the one before ended."""
    parts = ["M{:.3f},{:.3f}".format(*curves[0][0])]
    for p in curves:
        if len(p) < 3:
            parts.append("L{:.3f},{:.3f}".format(*p[-1]))
            continue
        tangent = np.empty_like(p)
        tangent[1:-1] = (p[2:] - p[:-2]) / 6
        tangent[0], tangent[-1] = (p[1] - p[0]) / 6, (p[-1] - p[-2]) / 6
        knots = np.concatenate([p[:-1] + tangent[:-1], p[1:] - tangent[1:], p[1:]], axis=1)
        parts.append(("C%.3f,%.3f %.3f,%.3f %.3f,%.3f" * len(knots)) % tuple(knots.ravel()))
    return "".join(parts) + ("Z" if closed else "")


def straight(ring: Points) -> str:
    """SVG path data of a closed polygon through `ring` [N, 2]."""
    return "M" + (("L%.3f,%.3f" * len(ring)) % tuple(ring.ravel()))[1:] + "Z"


def lock_sides(cut: Comb, i: int, steps: int = 4) -> tuple[Floats, Floats, Floats, Floats]:
    """u and v of lock i's left side and of its right side, both from gap to tip."""
    t = np.linspace(0, 1, steps)
    left = cut.gap_u[i] + (cut.tip_u[i] - cut.gap_u[i]) * t ** cut.belly[i, 0]
    right = cut.gap_u[i + 1] + (cut.tip_u[i] - cut.gap_u[i + 1]) * t ** cut.belly[i, 1]
    down = cut.gap_v[i] + (cut.tip_v[i] - cut.gap_v[i]) * t
    also = cut.gap_v[i + 1] + (cut.tip_v[i] - cut.gap_v[i + 1]) * t
    return left, down, right, also


def border(sheet: Sheet, cut: Comb) -> list[Points]:
    """The sheet's border as curves that meet in corners: left side up, root, right side down, the ends."""
    v = np.linspace(0, 1, 7)
    pieces = [
        (np.zeros(7), v[::-1] * cut.gap_v[0]),
        (np.linspace(0, 1, 7), np.zeros(7)),
        (np.ones(7), v * cut.gap_v[-1]),
    ]
    for i in reversed(range(len(cut.tip_u))):
        left_u, left_v, right_u, right_v = lock_sides(cut, i)
        pieces += [(right_u, right_v), (left_u[::-1], left_v[::-1])]
    return sheet.place(pieces)
