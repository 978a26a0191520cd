"""Mouths: the line, the opening and what shows in it, and lips."""

import math
import random
from dataclasses import dataclass

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Points, Pose, ellipse, outline, stroke
from kaogae.atelier.palette import Palette, mix, shift
from kaogae.atelier.rig import Rig
from kaogae.atelier.style import Look, Style

_LIFT = 0.04
_COSINES = tuple(math.cos(math.pi * i / 8) for i in range(9))[::-1]
_CURVE = 0.16  # drop of the middle below the corners of a full smile, over the relaxed half width


@dataclass(frozen=True)
class MouthTraits:
    """The relaxed mouth, in face units."""

    y: float
    """Height of the line as a share of the way from the eyes to the chin (0.55, 0.78)."""
    width: float
    size: float
    """Height of openings against an ordinary one (0.7, 1.4)."""
    weight: float
    """Of its line against other lines (0.7, 1.8)."""
    lips: float
    """Fullness of drawn lips; 0 draws none."""
    lip_colour: float
    """How coloured they are (0, 1)."""
    tongue: float
    """Height of the tongue as a share of the opening; 0 draws none."""
    fang: int
    """Side of a single pointed tooth, or 0."""
    teeth: float
    """Upper teeth that show in any open mouth (0, 1)."""
    point: float
    """Shape of a D-shaped opening: 0 round, 0.3 a triangle."""
    cat: bool
    """Smiles closed with two arcs."""
    gap: float
    """Break in the middle of the closed line as a share of its width (0, 0.4)."""
    chin_line: bool
    """A short line below the lower lip."""
    corner: float
    """Length of the marks at the corners; 0 for none."""
    outlined: bool
    """The opening has a line around it; else only above."""
    rosy: float
    """Colour inside: −1 deep and dark, 1 light pink."""

    @classmethod
    def sample(cls, dice: random.Random, look: Look) -> "MouthTraits":
        """The mouth of a new character of this look."""
        adult = look in ("mature", "webtoon", "male")
        width = {"chibi": (0.2, 0.34), "moe": (0.2, 0.36), "nineties": (0.2, 0.36)}.get(look, (0.3, 0.5))
        return cls(
            y=dice.uniform(0.6, 0.71),
            width=dice.uniform(*width),
            size=dice.uniform(0.75, 1.35),
            weight=dice.uniform(0.7, 1.6),
            lips=dice.uniform(0.02, 0.06)
            if dice.random() < (0.5 if adult and look != "male" else 0.06)
            else 0.0,
            lip_colour=dice.random(),
            tongue=dice.choice((0.0, dice.uniform(0.3, 0.6), dice.uniform(0.3, 0.6))),
            fang=dice.choice((-1, 1)) if dice.random() < 0.08 else 0,
            teeth=dice.choice((0.0, 0.0, dice.uniform(0.2, 0.6))),
            point=dice.uniform(-0.06, 0.22),
            cat=dice.random() < 0.07,
            gap=dice.choice((0.0, 0.0, 0.0, dice.uniform(0.1, 0.4))),
            chin_line=dice.random() < (0.45 if adult else 0.12),
            corner=dice.choice((0.0, 0.0, dice.uniform(0.015, 0.035))),
            outlined=dice.random() < 0.8,
            rosy=dice.uniform(-0.8, 1.0),
        )


def _lips(
    rig: Rig, traits: MouthTraits, chin: float
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Upper and lower edge of the opening from the left to the right corner, unprojected."""
    half = min(traits.width / 2 * rig.mouth_width, 0.4)
    middle = traits.y * chin
    height = 0.42 * traits.size * rig.mouth_open * (0.55 + 0.45 * min(chin, 1.2))
    # even a scream leaves room for the chin
    height = min(height, 1.25 * (0.9 * chin - middle))
    smile = max(-1.0, min(1.0, rig.mouth_curve * 1.6))
    roundness = max(0.0, min(1.0, rig.mouth_round))
    upper_share = 0.5 * roundness + (1 - roundness) * (0.5 - 0.42 * smile)
    sag = 2 * _CURVE * (0.35 * traits.width + 0.65 * half) * rig.mouth_curve * (1 - 0.75 * roundness)
    # an opened mouth bends its lips less than a closed one
    sag *= 1 - 0.35 * min(1.0, rig.mouth_open * 1.5)
    top = middle - min(height * 0.35, 0.1)
    upper: list[tuple[float, float]] = []
    lower: list[tuple[float, float]] = []
    power = 0.5 + traits.point * (1 - roundness)
    for c in _COSINES:
        bump = (1 - c * c) ** power
        x = half * c
        y = top + sag * ((1 - c * c) - 0.5) + rig.mouth_wave * 0.022 * math.sin(3.2 * math.pi * c)
        full = height * (0.4 + 0.6 * roundness * upper_share + 0.6 * (1 - roundness))
        upper.append((x, y - full * upper_share * bump + height * 0.12 * (1 - roundness) * smile))
        lower.append((x, y + full * (1 - upper_share) * bump + height * 0.12 * (1 - roundness) * smile))
    return upper, lower


def edges(pose: Pose, rig: Rig, traits: MouthTraits, chin: float) -> tuple[Points, Points]:
    """Upper and lower edge [9, 2] of the opening from the left to the right corner, projected."""
    upper, lower = _lips(rig, traits, chin)
    return pose(upper, _LIFT), pose(lower, _LIFT)


def draw(
    canvas: Canvas, pose: Pose, palette: Palette, rig: Rig, traits: MouthTraits, style: Style, chin: float
) -> None:
    """The mouth. `chin` is the y of the relaxed chin."""
    upper, lower = edges(pose, rig, traits, chin)
    gap = float((lower - upper)[:, 1].max())
    line = style.feature_line * traits.weight
    if traits.lips > 0:
        _draw_lips(canvas, palette, traits, upper, lower)
    if gap > 0.012:
        _draw_opening(canvas, palette, rig, traits, upper, lower, gap)
        if traits.outlined and line > 0:
            canvas.path(outline(upper, lower[::-1]), line=palette.line, width=line * 0.8)
        canvas.path(stroke(upper, line * 1.1, taper=(0.4, 0.4), count=11), palette.line)
    else:
        _draw_line(canvas, palette, rig, traits, upper, line)
    _draw_marks(canvas, palette, traits, upper, lower, line)


def _draw_opening(
    canvas: Canvas, palette: Palette, rig: Rig, traits: MouthTraits, upper: Points, lower: Points, gap: float
) -> None:
    shape = outline(upper, lower[::-1])
    dark, light = shift(palette.mouth, lightness=-0.18), mix(palette.mouth, "#f4a098", 0.85)
    inside = mix(palette.mouth, light if traits.rosy > 0 else dark, abs(traits.rosy))
    canvas.open(clip_path=canvas.clip(shape))
    canvas.path(shape, inside)
    x0, x1 = float(upper[0, 0]), float(upper[-1, 0])
    middle, width = (x0 + x1) / 2, x1 - x0
    floor = float(lower[:, 1].max())
    if traits.tongue > 0:
        tongue = mix(inside, "#f8a8a4", 0.7)
        canvas.path(ellipse((middle, floor + gap * 0.12), width * 0.34, gap * (0.2 + traits.tongue)), tongue)
    teeth = max(rig.teeth, traits.teeth * 0.7 * min(1.0, gap / 0.1))
    if teeth > 0.02:
        canvas.path(outline(upper - [0.0, 0.05], (upper - [0.0, -0.85 * gap * teeth])[::-1]), "#ffffff")
        if rig.teeth > 0.6:  # clenched: the line between the rows
            bite = (upper + lower) / 2
            canvas.path(stroke(bite, 0.006, taper=(0.5, 0.5), count=7), mix(palette.line, "#ffffff", 0.4))
    if traits.fang:
        i = 6 if traits.fang > 0 else 2
        (x, y) = upper[i].tolist()
        canvas.path(
            f"M{x - 0.03:.4f},{y - 0.01:.4f}L{x + 0.03:.4f},{y - 0.01:.4f}L{x:.4f},{y + 0.06:.4f}Z", "#ffffff"
        )
    canvas.close()


def _draw_line(
    canvas: Canvas, palette: Palette, rig: Rig, traits: MouthTraits, upper: Points, line: float
) -> None:
    if traits.cat and rig.mouth_curve > 0.15:
        (x0, y0), (x1, y1), (xm, ym) = upper[0].tolist(), upper[-1].tolist(), upper[4].tolist()
        drop = max(ym - (y0 + y1) / 2, 0.012) * 1.5
        for a, b in ((x0, xm), (xm, x1)):
            arc = [(a, y0), (a + (b - a) * 0.25, y0 + drop), (a + (b - a) * 0.75, y0 + drop), (b, y0)]
            canvas.path(stroke(arc, line, taper=(0.3, 0.3), count=9), palette.line)
        return
    if traits.gap > 0 and rig.mouth_wave < 0.1:
        first = stroke(upper[:4], line, taper=(0.6, 0.1), count=7)
        second = stroke(upper[5:], line, taper=(0.1, 0.6), count=7)
        canvas.path(first + second, palette.line)
        return
    canvas.path(stroke(upper, line * 1.15, taper=(0.25, 0.25), count=15), palette.line)


def _draw_lips(canvas: Canvas, palette: Palette, traits: MouthTraits, upper: Points, lower: Points) -> None:
    full = traits.lips
    bow = [0.0, 0.45, 0.8, 1.0, 0.75, 1.0, 0.8, 0.45, 0.0]
    fat = [0.0, 0.5, 0.85, 1.05, 1.1, 1.05, 0.85, 0.5, 0.0]
    over = upper.copy()
    under = lower.copy()
    over[:, 1] -= [full * 0.75 * share for share in bow]
    under[:, 1] += [full * 1.1 * share for share in fat]
    colour = mix(mix(palette.skin, palette.lips, 0.45), palette.lips, traits.lip_colour)
    canvas.path(outline(over, upper[::-1]), shift(colour, lightness=-0.05))
    canvas.path(outline(lower, under[::-1]), colour)


def _draw_marks(
    canvas: Canvas, palette: Palette, traits: MouthTraits, upper: Points, lower: Points, line: float
) -> None:
    if traits.chin_line:
        (x, y) = lower[4].tolist()
        y += traits.lips * 1.1 + 0.045
        reach = traits.width * 0.17
        canvas.path(
            stroke([(x - reach, y - 0.003), (x, y + 0.004), (x + reach, y - 0.003)], line * 0.7, count=5),
            palette.line,
        )
    if traits.corner > 0:
        for i, way in ((0, -1), (8, 1)):
            (x, y) = upper[i].tolist()
            mark = [
                (x - way * 0.004, y - traits.corner * 0.6),
                (x + way * traits.corner * 0.4, y),
                (x, y + traits.corner * 0.6),
            ]
            canvas.path(stroke(mark, line * 0.8, taper=(0.2, 0.2), count=5), palette.line)
