"""Hair as sheets of strands: how a sheet is cut into locks, and how locks are drawn.

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

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Points, Pose
from kaogae.atelier.palette import Palette, mix
from kaogae.atelier.style import Style

Turn = Callable[[Points], Points]
Floats = NDArray[np.float64]
ACROSS, ALONG = 33, 25
"""Strands and points of a strand in a sheet's grid."""
LOW = 0.2
"""Height below which a single lock's end has the colour of the tips, in face units."""


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


def _lock_sides(cut: Comb, i: int, steps: int = 4) -> tuple[Floats, Floats, Floats, Floats]:
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
        left_u, left_v, right_u, right_v = _lock_sides(cut, i)
        pieces += [(right_u, right_v), (left_u[::-1], left_v[::-1])]
    return sheet.place(pieces)


def draw_sheet(
    canvas: Canvas, turn: Turn, flat: Sheet, cut: Comb, ink: Ink, seed: int, *, root_line: bool = True
) -> None:
    """Draw a sheet cut into locks: fill, shadows, gloss, inner lines, and the outline on top."""
    dice = random.Random(seed)
    sheet = flat.turned(turn)
    curves = border(sheet, cut)
    shape = joined(curves)
    width = ink.style.line_width
    canvas.path(shape, _fill(canvas, sheet, ink))
    if ink.style.shading != "flat" or ink.style.detail > 0.6:
        _draw_shadows(canvas, sheet, cut, ink, dice)
    if ink.gloss > 0.05:
        draw_gloss(canvas, sheet, cut, ink, dice)
    if width > 0:
        outlined = shape if root_line else joined([*curves[2:], curves[0]], closed=False)
        canvas.path(outlined, line=ink.line, width=width)
    _draw_lines(canvas, sheet, cut, ink, dice)


def _fill(canvas: Canvas, sheet: Sheet, ink: Ink) -> str:
    soft = ink.style.shading == "soft"
    if ink.tip == ink.base and not soft:
        return ink.base
    top = float(sheet.grid[:, 0, 1].min())
    bottom = max(float(np.sort(sheet.grid[:, -1, 1])[-ACROSS // 4]), top + 0.1)
    crown = mix(ink.base, ink.shadow, 0.45 if soft else 0.0)
    middle = mix(ink.base, ink.light, 0.12 if soft else 0.0)
    stops = ((0, crown, 1), (0.45, middle, 1), (0.6, ink.base, 1), (1, ink.tip, 1))
    return canvas.linear((0, top), (0, bottom), *stops)


def _draw_shadows(canvas: Canvas, sheet: Sheet, cut: Comb, ink: Ink, dice: random.Random) -> None:
    """Dark wedges that run up from the gaps along the locks, and slits within the broad ones."""
    pieces: list[tuple[Floats, Floats]] = []
    t = np.linspace(0, 1, 5)
    swell = np.sin(math.pi * t)
    for i in range(len(cut.tip_u)):
        breadth = cut.gap_u[i + 1] - cut.gap_u[i]
        start = max(cut.gap_v[i] * (1 - dice.uniform(0.15, 0.55)), 0.02)
        left_u, left_v, *_ = _lock_sides(cut, i)
        edge_u = np.concatenate([np.full(2, cut.gap_u[i]), left_u])
        edge_v = np.concatenate([np.linspace(start, cut.gap_v[i], 3)[:2], left_v])
        back_v = cut.tip_v[i] + (start - cut.tip_v[i]) * t
        back_u = np.interp(back_v, edge_v, edge_u) + breadth * dice.uniform(0.15, 0.5) * swell**1.2
        pieces += [(edge_u, edge_v), (back_u, back_v)]
        if dice.random() < 0.5 * ink.style.detail + 0.2:
            at, top = cut.gap_u[i] + breadth * dice.uniform(0.4, 0.8), dice.uniform(0.2, 0.55)
            low, thick = top + dice.uniform(0.2, 0.4), breadth * dice.uniform(0.05, 0.14)
            v = np.minimum(top + (low - top) * t, cut.gap_v[i])
            pieces += [(at + thick * swell, v), (at - thick * swell[::-1], v[::-1])]
    curves = sheet.place(pieces)
    wedges = "".join(joined(pair) for pair in zip(curves[::2], curves[1::2], strict=True))
    soft = ink.style.shading == "soft"
    opacity = (0.2 + 0.4 * ink.style.shadow) if soft else (0.35 + 0.6 * ink.style.shadow)
    canvas.path(wedges, ink.shadow, fill_opacity=f"{opacity:.2f}")


def draw_gloss(canvas: Canvas, sheet: Sheet, cut: Comb, ink: Ink, dice: random.Random) -> None:
    """The angel ring: a jagged band of light across the locks, at the same height over the whole head."""
    rings: list[tuple[Floats, Floats]] = []
    for i in range(len(cut.tip_u)):
        a, b = cut.gap_u[i], cut.gap_u[i + 1]
        if dice.random() < 0.15:
            continue
        a, b = a + (b - a) * dice.uniform(0.04, 0.25), b - (b - a) * dice.uniform(0.04, 0.25)
        count = 2 * max(1, round((b - a) * 18)) + 3
        bow = np.sin(np.linspace(0, math.pi, count)) ** 0.5 * (0.05 + 0.1 * ink.gloss)
        tooth = np.where(np.arange(count) % 2 == 1, 1.0, 0.35)
        tooth *= np.array([dice.uniform(0.6, 1.1) for _ in range(count)])
        rings.append((np.linspace(a, b, count), np.stack([-bow * (0.5 + 0.5 * tooth), bow * tooth])))
    if not rings:
        return
    u = np.concatenate([ring[0] for ring in rings])
    centre = ink.gloss_height + 0.28 * sheet.at(u, np.full(len(u), 0.5))[:, 0] ** 2
    reach = np.concatenate([ring[1] for ring in rings], axis=1)
    top, low = sheet.at(u, sheet.level(u, centre + reach[0])), sheet.at(u, sheet.level(u, centre + reach[1]))
    stops = np.cumsum([len(ring[0]) for ring in rings])[:-1]
    bands = zip(np.split(top, stops), np.split(low, stops), strict=True)
    strength = min(1.0, 0.25 + 0.6 * ink.gloss) * (0.6 if ink.style.shading == "soft" else 1.0)
    data = "".join(straight(np.concatenate([above, below[::-1]])) for above, below in bands)
    canvas.path(data, ink.light, fill_opacity=f"{strength:.2f}")


def straight(ring: Points) -> str:
    """SVG path data of a closed polygon through `ring` [N, 2]."""
    return "M" + (("L%.3f,%.3f" * len(ring)) % tuple(ring.ravel()))[1:] + "Z"


def _draw_lines(canvas: Canvas, sheet: Sheet, cut: Comb, ink: Ink, dice: random.Random) -> None:
    """Strand lines that rise from the gaps and run out, and a few loose ones."""
    width = ink.style.line_width
    if width <= 0:
        return
    t = np.linspace(0, 1, 4)
    pieces: list[tuple[Floats, Floats]] = []
    widths: list[float] = []
    for i in range(1, len(cut.gap_u) - 1):
        length = dice.uniform(0.2, 0.35 + 0.55 * ink.style.detail)
        drift = dice.uniform(-0.02, 0.02)
        pieces.append((cut.gap_u[i] + drift * t, np.maximum(cut.gap_v[i] - length * t, 0.02)))
        widths.append(width)
    for i in range(len(cut.tip_u)):
        if dice.random() < ink.style.detail * 0.8:
            start, length = dice.uniform(0.15, 0.6), dice.uniform(0.1, 0.35)
            u = dice.uniform(cut.gap_u[i], cut.gap_u[i + 1])
            pieces.append((np.full(4, u), np.minimum(start + length * t, cut.gap_v[i])))
            widths.append(width * 0.7)
    lines = sheet.place(pieces)
    if lines:
        canvas.path("".join(_tapered(p, w) for p, w in zip(lines, widths, strict=True)), ink.line)


def draw_lock(canvas: Canvas, turn: Turn, lock: Lock, ink: Ink, seed: int) -> None:
    """Draw a single lock; its outline begins faintly where it leaves the hair below."""
    dice = random.Random(seed)
    left, right = lock.sides(turn)
    canvas.path(joined([left, right[::-1]]), _lock_fill(canvas, left, right, ink))
    if ink.style.shading != "flat":
        share = dice.uniform(0.25, 0.6)
        inner = left + (right - left) * share * np.sin(np.linspace(0, math.pi, len(left)))[:, None]
        opacity = (0.25 if ink.style.shading == "soft" else 0.4) + 0.5 * ink.style.shadow
        canvas.path(joined([left, inner[::-1]]), mix(ink.base, ink.shadow, min(opacity, 1.0)))
    width = ink.style.line_width
    if width > 0:
        start = dice.choice((1, 2, 3))
        edges = (left[start:][::-1], right[dice.choice((1, 2, 3, 4)) :][::-1])
        canvas.path("".join(_tapered(edge, width) for edge in edges), ink.line)


def _lock_fill(canvas: Canvas, left: Points, right: Points, ink: Ink) -> str:
    if ink.tip == ink.base or left[-1, 1] < LOW:
        return ink.base
    root, tip = (left[0] + right[0]) / 2, left[-1]
    ends = ((0, ink.base, 1), (0.5, ink.base, 1), (1, ink.tip, 1))
    return canvas.linear((float(root[0]), float(root[1])), (float(tip[0]), float(tip[1])), *ends)


def _tapered(line: Points, width: float) -> str:
    """A stroke along `line` [N, 2] that is full at its start and runs out at its end."""
    step = np.empty_like(line)
    step[1:-1] = line[2:] - line[:-2]
    step[0], step[-1] = line[1] - line[0], line[-1] - line[-2]
    reach = (
        width / 2 * np.linspace(1, 0, len(line)) ** 0.8 / np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)
    )
    side = np.stack([-step[:, 1] * reach, step[:, 0] * reach], axis=1)
    return joined([line + side, (line - side)[::-1]])
