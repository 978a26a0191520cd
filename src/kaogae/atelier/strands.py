"""Hair as sheets of strands: how a sheet is cut into locks, and how locks are drawn.

A sheet is a patch with two coordinates: u across the strands from 0 to 1, v along them from root (0) to tip (1).
Everything that is drawn on hair (cut, lines, shadows, gloss) is laid out in u and v and so follows the hair.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Points, Pose, sample
from kaogae.atelier.palette import Palette, mix
from kaogae.atelier.style import Style

Turn = Callable[[Points], Points]
Floats = NDArray[np.float64]


def turning(pose: Pose, lift: float) -> Turn:
    """The head's turn for hair, which reaches further out than the face for which `Pose` is made."""

    def turn(p: Points) -> Points:
        near = np.column_stack([0.95 * np.tanh(p[:, 0] / 0.95), p[:, 1].clip(-1.5, 1.2)])
        return p + pose(near, lift) - near

    return turn


@dataclass(frozen=True)
class Sheet:
    """Strands side by side: `grid` [U, V, 2] in face units."""

    grid: Floats

    @classmethod
    def through(cls, guides: ArrayLike, across: int = 33, along: int = 25) -> "Sheet":
        """The sheet that runs smoothly through `guides` [G, K, 2], each a strand from root to tip."""
        g = np.asarray(guides, np.float64)
        lengthwise = np.stack([sample(strand, along) for strand in g])
        if len(g) == 2:
            t = np.linspace(0, 1, across)[:, None, None]
            return cls(lengthwise[0] * (1 - t) + lengthwise[1] * t)
        flat = np.stack([sample(lengthwise[:, k], across) for k in range(along)], axis=1)
        return cls(flat)

    def at(self, u: ArrayLike, v: ArrayLike) -> Points:
        """The points at `u`, `v` [N]: [N, 2]."""
        columns, rows = self.grid.shape[:2]
        x = np.clip(np.asarray(u, np.float64), 0, 1) * (columns - 1)
        y = np.clip(np.asarray(v, np.float64), 0, 1) * (rows - 1)
        x, y = np.broadcast_arrays(x, y)
        i, j = np.minimum(x.astype(int), columns - 2), np.minimum(y.astype(int), rows - 2)
        a, b = (x - i)[:, None], (y - j)[:, None]
        near = self.grid[i, j] * (1 - b) + self.grid[i, j + 1] * b
        far = self.grid[i + 1, j] * (1 - b) + self.grid[i + 1, j + 1] * b
        return near * (1 - a) + far * a

    def level(self, u: ArrayLike, height: ArrayLike) -> Floats:
        """The v at which the strands at `u` [N] come down to y = `height` [N]."""
        places, heights = np.atleast_1d(u), np.atleast_1d(height)
        v = np.linspace(0, 1, self.grid.shape[1])
        found: list[float] = []
        for place, level in zip(places, np.broadcast_to(heights, places.shape), strict=True):
            y = np.maximum.accumulate(self.at(np.full(len(v), place), v)[:, 1])
            found.append(float(np.interp(level, y + 1e-6 * v, v)))
        return np.array(found)


@dataclass(frozen=True)
class Comb:
    """Where a sheet is cut: lock i lies between gaps i and i + 1 and ends in tip i."""

    gap_u: Floats
    gap_v: Floats
    tip_u: Floats
    tip_v: Floats
    belly: float = 1.8
    """Shape of the locks: above 1 they stay broad and then close, below 1 they are thorns."""


def comb(
    dice: random.Random,
    count: int,
    *,
    gap: tuple[float, float] = (0.65, 0.9),
    ragged: float = 0.06,
    lean: float = 0.0,
    uneven: float = 0.5,
    belly: float = 1.8,
) -> Comb:
    """Cut into `count` locks.

    Args:
        gap: v of the gaps' upper ends, least and most.
        ragged: how much the tips differ in v.
        lean: where the tips are between their gaps: −1 at the left one, 1 at the right one.
        uneven: how much the locks differ in breadth (0, 1).
    """
    breadths = np.array([1 + uneven * dice.uniform(-0.7, 0.9) for _ in range(count)])
    edges = np.concatenate([[0.0], np.cumsum(breadths) / breadths.sum()])
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    lean_of = np.array([np.clip(lean + dice.uniform(-0.35, 0.35), -1.1, 1.1) for _ in range(count)])
    gap_v = np.array([dice.uniform(*gap) for _ in range(count + 1)])
    gap_v[[0, -1]] = np.maximum(gap_v[[0, -1]], 0.9)
    tip_v = np.array([1 - ragged * dice.random() for _ in range(count)])
    return Comb(edges, gap_v, np.clip(middle + lean_of * half, 0, 1), tip_v, belly)


@dataclass(frozen=True)
class Ink:
    """The colours and the hand with which hair is drawn."""

    base: str
    shadow: str
    light: str
    line: str
    tip: str
    style: Style
    gloss: float = 0.0
    """Strength of the gloss band (0, 1)."""
    gloss_height: float = -0.75
    """Height of the gloss band in the middle of the head, in face units."""

    @classmethod
    def of(cls, palette: Palette, style: Style, **changes: float) -> "Ink":
        """For the outer side of the hair."""
        return cls(
            palette.hair,
            palette.hair_shadow,
            palette.hair_light,
            palette.hair_line,
            palette.hair_tip,
            style,
            **changes,
        )

    @classmethod
    def inner(cls, palette: Palette, style: Style) -> "Ink":
        """For the inner side, in shadow."""
        dark = palette.hair_inner
        return cls(dark, mix(dark, palette.hair_line, 0.25), dark, palette.hair_line, dark, style)


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


def _lock_sides(cut: Comb, i: int, steps: int = 6) -> tuple[Floats, Floats, Floats, Floats]:
    """u and v of lock i's left side, gap to tip, and of its right side, tip to gap."""
    t = np.linspace(0, 1, steps)
    left = cut.gap_u[i] + (cut.tip_u[i] - cut.gap_u[i]) * t**cut.belly
    right = cut.gap_u[i + 1] + (cut.tip_u[i] - cut.gap_u[i + 1]) * t**cut.belly
    down = cut.gap_v[i] + (cut.tip_v[i] - cut.gap_v[i]) * t
    up = cut.gap_v[i + 1] + (cut.tip_v[i] - cut.gap_v[i + 1]) * t
    return left, down, right[::-1], up[::-1]


def outline(sheet: Sheet, cut: Comb, turn: Turn) -> tuple[list[Points], list[Points]]:
    """The sheet's border as curves that meet in corners: sides and root, then the cut ends from right to left."""
    v = np.linspace(0, 1, 10)
    left = turn(sheet.at(np.zeros(10), v[::-1] * cut.gap_v[0]))
    root = turn(sheet.at(np.linspace(0, 1, 9), np.zeros(9)))
    right = turn(sheet.at(np.ones(10), v * cut.gap_v[-1]))
    ends: list[Points] = []
    for i in reversed(range(len(cut.tip_u))):
        left_u, left_v, right_u, right_v = _lock_sides(cut, i)
        ends += [turn(sheet.at(right_u[::-1], right_v[::-1])), turn(sheet.at(left_u[::-1], left_v[::-1]))]
    return [left, root, right], ends


def draw_sheet(
    canvas: Canvas, turn: Turn, sheet: Sheet, cut: Comb, ink: Ink, seed: int, *, root_line: bool = True
) -> None:
    """Draw a sheet cut into locks: fill, shadows, gloss, inner lines, and the outline on top."""
    dice = random.Random(seed)
    body, ends = outline(sheet, cut, turn)
    shape = joined([*body, *ends])
    canvas.path(shape, _fill(canvas, sheet, turn, ink))
    if ink.style.shading != "flat" or ink.style.detail > 0.6:
        _draw_shadows(canvas, turn, sheet, cut, ink, dice)
    if ink.gloss > 0.05:
        draw_gloss(canvas, turn, sheet, cut, ink, dice)
    width = ink.style.line_width
    if width > 0:
        drawn = joined([*body, *ends], closed=True) if root_line else _without_root(body, ends)
        canvas.path(drawn, line=ink.line, width=width)
        _draw_lines(canvas, turn, sheet, cut, ink, dice)


def _without_root(body: list[Points], ends: list[Points]) -> str:
    return joined([body[2], *ends, body[0]], closed=False)


def _fill(canvas: Canvas, sheet: Sheet, turn: Turn, ink: Ink) -> str:
    soft = ink.style.shading == "soft"
    if ink.tip == ink.base and not soft:
        return ink.base
    y = turn(sheet.grid[:, -1])[:, 1]
    top, bottom = float(turn(sheet.grid[:, 0])[:, 1].min()), float(np.percentile(y, 75))
    crown = mix(ink.base, ink.shadow, 0.45 if soft else 0.0)
    middle = mix(ink.base, ink.light, 0.12 if soft else 0.0)
    return canvas.linear(
        (0, top),
        (0, max(bottom, top + 0.1)),
        (0, crown, 1),
        (0.45, middle, 1),
        (0.6, ink.base, 1),
        (1, ink.tip, 1),
    )


def _draw_shadows(canvas: Canvas, turn: Turn, sheet: Sheet, cut: Comb, ink: Ink, dice: random.Random) -> None:
    """Dark wedges that run up from the gaps, and along one side of each lock."""
    wedges: list[str] = []
    t = np.linspace(0, 1, 7)
    for i in range(len(cut.tip_u)):
        breadth = cut.gap_u[i + 1] - cut.gap_u[i]
        rise = dice.uniform(0.15, 0.55) * cut.gap_v[i]
        start = max(cut.gap_v[i] - rise, 0.02)
        inner = breadth * dice.uniform(0.15, 0.5)
        left_u, left_v, *_ = _lock_sides(cut, i)
        edge_u = np.concatenate([np.full(4, cut.gap_u[i]), left_u[1:]])
        edge_v = np.concatenate([np.linspace(start, cut.gap_v[i], 4), left_v[1:]])
        back_v = cut.tip_v[i] + (start - cut.tip_v[i]) * t
        on_edge = np.interp(back_v, edge_v, edge_u)
        back_u = on_edge + inner * np.sin(math.pi * t) ** 1.2
        wedges.append(joined([turn(sheet.at(edge_u, edge_v)), turn(sheet.at(back_u, back_v))]))
        if dice.random() < 0.5 * ink.style.detail + 0.2:  # a slit in the middle of the lock
            at, top = cut.gap_u[i] + breadth * dice.uniform(0.4, 0.8), dice.uniform(0.2, 0.55)
            low, thick = top + dice.uniform(0.2, 0.4), breadth * dice.uniform(0.05, 0.14)
            u = at + np.concatenate([thick * np.sin(math.pi * t), -thick * np.sin(math.pi * t)])
            v = np.concatenate([top + (low - top) * t, low + (top - low) * t])
            wedges.append(joined([turn(sheet.at(u, np.minimum(v, cut.gap_v[i])))]))
    opacity = 0.35 + 0.6 * ink.style.shadow if ink.style.shading != "soft" else 0.2 + 0.4 * ink.style.shadow
    canvas.path("".join(wedges), ink.shadow, opacity=f"{opacity:.2f}")


def draw_gloss(canvas: Canvas, turn: Turn, sheet: Sheet, cut: Comb, ink: Ink, dice: random.Random) -> None:
    """The angel ring: a jagged band of light across the locks, at the same height over the whole head."""
    parts: list[str] = []
    thick = 0.05 + 0.1 * ink.gloss
    for i in range(len(cut.tip_u)):
        a, b = cut.gap_u[i], cut.gap_u[i + 1]
        if dice.random() < 0.15:
            continue
        a, b = a + (b - a) * dice.uniform(0.04, 0.25), b - (b - a) * dice.uniform(0.04, 0.25)
        count = 2 * max(1, round((b - a) * 18)) + 3
        u = np.linspace(a, b, count)
        x = sheet.at(u, np.full(count, 0.5))[:, 0]
        centre = ink.gloss_height + 0.28 * x**2
        bow = np.sin(np.linspace(0, math.pi, count)) ** 0.5 * thick
        tooth = np.where(np.arange(count) % 2 == 1, 1.0, 0.35)
        jitter = np.array([dice.uniform(0.6, 1.1) for _ in range(count)])
        top = sheet.level(u, centre - bow * (0.5 + 0.5 * tooth) * jitter)
        low = sheet.level(u, centre + bow * tooth * jitter)
        ring = np.concatenate([sheet.at(u, top), sheet.at(u[::-1], low[::-1])])
        flat = ("L%.3f,%.3f" * len(ring)) % tuple(turn(ring).ravel())
        parts.append("M" + flat[1:] + "Z")
    strength = min(1.0, 0.25 + 0.6 * ink.gloss) * (0.6 if ink.style.shading == "soft" else 1.0)
    canvas.path("".join(parts), ink.light, opacity=f"{strength:.2f}")


def _draw_lines(canvas: Canvas, turn: Turn, sheet: Sheet, cut: Comb, ink: Ink, dice: random.Random) -> None:
    """Strand lines that rise from the gaps and run out."""
    strokes: list[str] = []
    width = ink.style.line_width
    for i in range(1, len(cut.gap_u) - 1):
        length = dice.uniform(0.25, 0.35 + 0.55 * ink.style.detail)
        strokes.append(
            _tapered(turn, sheet, cut.gap_u[i], cut.gap_v[i], -length, dice.uniform(-0.02, 0.02), width)
        )
    for i in range(len(cut.tip_u)):
        if dice.random() < ink.style.detail * 0.8:
            u = dice.uniform(cut.gap_u[i], cut.gap_u[i + 1])
            start = dice.uniform(0.15, 0.6)
            strokes.append(_tapered(turn, sheet, u, start, dice.uniform(0.1, 0.35), 0.0, width * 0.7))
    if strokes:
        canvas.path("".join(strokes), ink.line)


def _tapered(turn: Turn, sheet: Sheet, u: float, v: float, length: float, drift: float, width: float) -> str:
    """A line along the strands from (u, v), full at its start and running out at its end."""
    t = np.linspace(0, 1, 7)
    line = turn(sheet.at(u + drift * t, np.clip(v + length * t, 0.01, 1)))
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.hypot(along[:, :1], along[:, 1:]), 1e-9)
    side = np.column_stack([-along[:, 1], along[:, 0]]) * (width / 2 * (1 - t) ** 0.8)[:, None]
    ring = np.concatenate([line + side, (line - side)[::-1]])
    return "M" + (("L%.3f,%.3f" * len(ring)) % tuple(ring.ravel()))[1:] + "Z"
