"""Hair in ink and colour: the fill, shadows, gloss and lines of a sheet of strands or of a single lock."""

import math
import random
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Points
from kaogae.atelier.palette import Palette, mix
from kaogae.atelier.strands import (
    ACROSS,
    Comb,
    Floats,
    Lock,
    Sheet,
    Turn,
    border,
    joined,
    lock_sides,
    straight,
)
from kaogae.atelier.style import Style

Gloss = Literal["ring", "streaks", "band"]

LOW = 0.2
"""Height below which a single lock's end has the colour of the tips, in face units."""


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
    """Strength of the gloss (0, 1)."""
    gloss_height: float = -0.75
    """Its height in the middle of the head, in face units."""
    gloss_kind: Gloss = "ring"
    """A jagged ring, single streaks, or a band without edges."""
    busy: float = 1.0
    """How many of the locks have shadows and lines of their own (0, 1)."""
    flipped: bool = False
    """The sheet's left is the picture's right."""

    @classmethod
    def of(cls, palette: Palette, style: Style) -> "Ink":
        """For the outer side of the hair."""
        return cls(
            palette.hair, palette.hair_shadow, palette.hair_light, palette.hair_line, palette.hair_tip, style
        )

    @classmethod
    def inner(cls, palette: Palette, style: Style) -> "Ink":
        """For the inner side, in shadow."""
        dark = palette.hair_inner
        return cls(dark, mix(dark, palette.hair_line, 0.25), dark, palette.hair_line, dark, style)

    def darker(self, share: float) -> "Ink":
        """For hair that lies `share` in the shadow."""
        base, tip = mix(self.base, self.shadow, share), mix(self.tip, self.shadow, share)
        line, shadow = self.line, mix(self.shadow, self.line, 0.3 * share)
        light, gloss = mix(self.light, base, share), self.gloss * (1 - share)
        return replace(self, base=base, shadow=shadow, light=light, line=line, tip=tip, gloss=gloss)

    @property
    def depth(self) -> float:
        """How far shadows go from the base to the shadow's colour (0, 1)."""
        return (0.25 if self.style.shading == "soft" else 0.4) + 0.55 * self.style.shadow


def draw_sheet(
    canvas: Canvas, turn: Turn, flat: Sheet, cut: Comb, ink: Ink, seed: int, *, root_line: bool = True
) -> None:
    """Draw a sheet cut into locks: fill, shadows, gloss, inner lines, and the outline on top."""
    dice = random.Random(seed)
    sheet = flat.turned(turn)
    curves = border(sheet, cut)
    shape = joined(curves)
    width = ink.style.line_width
    fill = _fill(canvas, sheet, ink)
    canvas.path(shape, fill)
    if ink.style.shading != "flat" or ink.style.detail > 0.6:
        _lay(canvas, _shadows(sheet, cut, ink, dice), ink.shadow, ink.depth, fill)
    if ink.gloss > 0.05:
        strength = min(1.0, 0.3 + 0.6 * ink.gloss) * (0.7 if ink.style.shading == "soft" else 1.0)
        _lay(canvas, _gloss(sheet, cut, ink, dice), ink.light, strength, fill)
    if width > 0:
        outlined = shape if root_line else joined([*curves[2:], curves[0]], closed=False)
        canvas.path(outlined, line=ink.line, width=width)
    _draw_lines(canvas, sheet, cut, ink, dice)


def _lay(canvas: Canvas, data: str, colour: str, strength: float, ground: str) -> None:
    """A tone over `ground`; on a plain colour the mixture is opaque, which is drawn faster."""
    if not data:
        return
    if ground.startswith("#"):
        canvas.path(data, mix(ground, colour, min(strength, 1.0)))
    else:
        canvas.path(data, colour, fill_opacity=f"{strength:.2f}")


def _fill(canvas: Canvas, sheet: Sheet, ink: Ink) -> str:
    """The base colour; with soft shading darker at the crown, and lighter where the gloss is."""
    soft, band = ink.style.shading == "soft", ink.gloss_kind == "band" and ink.gloss > 0
    if ink.tip == ink.base and not soft and not band:
        return ink.base
    top = float(sheet.grid[:, 0, 1].min())
    bottom = max(float(np.sort(sheet.grid[:, -1, 1])[-ACROSS // 4]), top + 0.1)
    at = min(max((ink.gloss_height + 0.08 - top) / (bottom - top), 0.1), 0.8)
    crown = mix(ink.base, ink.shadow, 0.5 * ink.style.shadow if soft else 0.0)
    light = mix(ink.base, ink.light, (0.15 + 0.7 * ink.gloss) if band else 0.15 if soft else 0.0)
    below = min(at + 0.25, 0.9)
    stops = ((0, crown, 1), (at, light, 1), (below, ink.base, 1), (1, ink.tip, 1))
    return canvas.linear((0, top), (0, bottom), *stops)


def _shadows(sheet: Sheet, cut: Comb, ink: Ink, dice: random.Random) -> str:
    """Dark wedges that run up from the gaps along the locks' far sides, and slits within the broad ones."""
    pieces: list[tuple[Floats, Floats]] = []
    t = np.linspace(0, 1, 5)
    swell = np.sin(math.pi * t)
    from_right = (ink.style.light > 0) != ink.flipped
    for i in range(len(cut.tip_u)):
        if dice.random() > 0.35 + 0.65 * ink.busy:
            continue
        breadth = cut.gap_u[i + 1] - cut.gap_u[i]
        left_u, left_v, right_u, right_v = lock_sides(cut, i)
        side_u, side_v, inwards = (left_u, left_v, breadth) if from_right else (right_u, right_v, -breadth)
        start = max(float(side_v[0]) * (1 - dice.uniform(0.15, 0.6)), 0.02)
        edge_u = np.concatenate([np.full(2, side_u[0]), side_u])
        edge_v = np.concatenate([np.linspace(start, side_v[0], 3)[:2], side_v])
        back_v = cut.tip_v[i] + (start - cut.tip_v[i]) * t
        back_u = np.interp(back_v, edge_v, edge_u) + inwards * dice.uniform(0.15, 0.55) * swell**1.2
        pieces += [(edge_u, edge_v), (back_u, back_v)]
        if dice.random() < (0.5 * ink.style.detail + 0.2) * ink.busy:
            at, top = cut.gap_u[i] + breadth * dice.uniform(0.4, 0.8), dice.uniform(0.2, 0.55)
            low, thick = top + dice.uniform(0.2, 0.4), breadth * dice.uniform(0.05, 0.14)
            v = np.minimum(top + (low - top) * t, cut.gap_v[i])
            pieces += [(at + thick * swell, v), (at - thick * swell[::-1], v[::-1])]
    curves = sheet.place(pieces)
    return "".join(joined(pair) for pair in zip(curves[::2], curves[1::2], strict=True))


def _gloss(sheet: Sheet, cut: Comb, ink: Ink, dice: random.Random) -> str:
    """Light on the hair, at the same height over the whole head."""
    if ink.gloss_kind == "band":
        return ""
    shape = _ring if ink.gloss_kind == "ring" else _streaks
    pieces = [shape(cut.gap_u[i], cut.gap_u[i + 1], ink, dice) for i in range(len(cut.tip_u))]
    pieces = [piece for piece in pieces if piece is not None]
    if not pieces:
        return ""
    u = np.concatenate([piece[0] for piece in pieces])
    centre = ink.gloss_height + 0.28 * sheet.at(u, np.full(len(u), 0.5))[:, 0] ** 2
    reach = np.concatenate([piece[1] for piece in pieces], axis=1)
    top, low = (sheet.at(u, sheet.level(u, centre + away)) for away in reach)
    stops = np.cumsum([len(piece[0]) for piece in pieces])[:-1]
    bands = zip(np.split(top, stops), np.split(low, stops), strict=True)
    return "".join(straight(np.concatenate([above, below[::-1]])) for above, below in bands)


def _ring(a: float, b: float, ink: Ink, dice: random.Random) -> tuple[Floats, Floats] | None:
    """A piece of the angel ring between `a` and `b`: u [N], and how far it reaches up and down [2, N]."""
    if dice.random() < 0.15:
        return None
    a, b = a + (b - a) * dice.uniform(0.04, 0.25), b - (b - a) * dice.uniform(0.04, 0.25)
    count = 2 * max(1, round((b - a) * 18)) + 3
    bow = np.sin(np.linspace(0, math.pi, count)) ** 0.5 * (0.05 + 0.1 * ink.gloss)
    tooth = np.where(np.arange(count) % 2 == 1, 1.0, 0.35)
    tooth *= np.array([dice.uniform(0.6, 1.1) for _ in range(count)])
    return np.linspace(a, b, count), np.stack([-bow * (0.5 + 0.5 * tooth), bow * tooth])


def _streaks(a: float, b: float, ink: Ink, dice: random.Random) -> tuple[Floats, Floats] | None:
    """One thin streak along the strands between `a` and `b`."""
    if dice.random() < 0.35:
        return None
    at, half = dice.uniform(a, b), (b - a) * dice.uniform(0.06, 0.16)
    rise = dice.uniform(0.06, 0.12) + 0.12 * ink.gloss
    u = np.array([at - half, at, at + half])
    away = dice.uniform(-0.06, 0.06)
    bow = np.array([0.2, 1.0, 0.2]) * rise
    return u, np.stack([away - bow, away + bow])


def _draw_lines(canvas: Canvas, sheet: Sheet, cut: Comb, ink: Ink, dice: random.Random) -> None:
    """Strand lines that rise from the gaps and run out, and a few loose ones."""
    width = ink.style.line_width
    if width <= 0:
        return
    t = np.linspace(0, 1, 4)
    pieces: list[tuple[Floats, Floats]] = []
    widths: list[float] = []
    for i in range(1, len(cut.gap_u) - 1):
        if dice.random() > 0.45 + 0.55 * ink.busy:
            continue
        length = dice.uniform(0.12, 0.2 + 0.6 * ink.style.detail * ink.busy)
        drift = dice.uniform(-0.02, 0.02)
        pieces.append((cut.gap_u[i] + drift * t, np.maximum(cut.gap_v[i] - length * t, 0.02)))
        widths.append(width)
    for i in range(len(cut.tip_u)):
        if dice.random() < ink.style.detail * ink.busy * 0.8:
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
        share = dice.uniform(0.25, 0.6) * np.sin(np.linspace(0, math.pi, len(left)))[:, None]
        near, far = (left, right) if ink.style.light > 0 else (right, left)
        inner = near + (far - near) * share
        canvas.path(joined([near, inner[::-1]]), mix(ink.base, ink.shadow, min(ink.depth, 1.0)))
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
