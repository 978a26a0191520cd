"""Tears and sweat."""

import random
from dataclasses import dataclass
from typing import Literal

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Points, Pose, ellipse, outline, stroke
from kaogae.atelier.palette import Palette, mix
from kaogae.atelier.rig import Rig
from kaogae.atelier.style import Style

Course = Literal["middle", "outer", "inner", "both", "one side"]


@dataclass(frozen=True)
class TearTraits:
    """How this artist draws water."""

    course: Course
    """Where streams leave the eye."""
    width: float
    wander: float
    opacity: float
    outlined: bool
    blue: float
    """Colour of the water: 0 clear, 1 sky blue."""
    bead: bool
    """Streams end in a drop."""
    drop_size: float
    dashes: bool
    """Streams are a row of drops instead of a ribbon."""

    @classmethod
    def sample(cls, dice: random.Random) -> "TearTraits":
        """The water of a new character."""
        courses: tuple[Course, ...] = ("middle", "outer", "inner", "both", "one side")
        return cls(
            course=dice.choices(courses, (4, 3, 1.5, 1.5, 1))[0],
            width=dice.uniform(0.035, 0.1),
            wander=dice.uniform(-0.05, 0.08),
            opacity=dice.uniform(0.7, 1.0),
            outlined=dice.random() < 0.75,
            blue=dice.random(),
            bead=dice.random() < 0.6,
            drop_size=dice.uniform(0.05, 0.1) if dice.random() < 0.65 else dice.uniform(0.1, 0.17),
            dashes=dice.random() < 0.15,
        )


def _water(traits: TearTraits) -> str:
    return mix("#f8fdff", "#8fd0f5", traits.blue)


def _edge(palette: Palette, traits: TearTraits) -> str:
    return mix(palette.line, "#5a9fd4", 0.25 + 0.55 * traits.blue)


def draw(
    canvas: Canvas, pose: Pose, palette: Palette, rig: Rig, traits: TearTraits, style: Style,
    openings: tuple[Points, Points], eye: tuple[float, float], chin: float,
) -> None:  # fmt: skip
    """Water at both eyes, and sweat.

    Args:
        openings: outlines [14, 2] of the eyes as they are drawn: seven points of the upper lid from the
            inner corner, seven of the lower lid back.
        eye: width and height of the relaxed eye.
    """
    for side, opening in zip((-1, 1), openings, strict=True):
        lid = opening[:6:-1]  # the lower lid from the inner corner outwards
        if rig.tear_stream > 0.02 and not (traits.course == "one side" and side != style.light):
            _draw_streams(canvas, pose, palette, rig, traits, style, side, lid, eye, chin)
        if rig.tear_well > 0.02:
            _draw_well(canvas, palette, rig, traits, style, lid)
        if rig.tear_drop > 0.02:
            _draw_corner_drop(canvas, palette, rig, traits, style, side, lid)
    if rig.sweat > 0.02:
        size = 0.11 * rig.sweat
        (x, y) = pose([(style.light * 0.72, -0.12)])[0].tolist()
        _draw_drop(canvas, palette, traits, style, (x, y), size)


def _draw_well(
    canvas: Canvas, palette: Palette, rig: Rig, traits: TearTraits, style: Style, lid: Points
) -> None:
    openness = min(rig.eye_open, 1.0)
    deep = 0.105 * rig.tear_well * (0.5 + 0.5 * openness)
    fill = [0.0, 0.55, 0.75, 0.8, 1.0, 1.1, 0.3]
    upper, lower = lid.copy(), lid.copy()
    upper[:, 1] -= [deep * share * openness for share in fill]
    lower[:, 1] += [deep * 0.45 * share for share in fill]
    shape = outline(upper, lower[::-1])
    line = _edge(palette, traits) if traits.outlined else None
    canvas.path(
        shape, _water(traits), line=line, width=style.feature_line * 0.5,
        opacity=f"{min(1.0, traits.opacity * (0.4 + 0.6 * rig.tear_well)):.3f}",
    )  # fmt: skip
    (x, y) = lid[4].tolist()
    canvas.path(
        ellipse((x, y - deep * 0.25 * openness), deep * 0.45, deep * 0.3 * openness),
        "#ffffff",
        opacity=f"{rig.tear_well:.3f}",
    )


def _draw_streams(
    canvas: Canvas, pose: Pose, palette: Palette, rig: Rig, traits: TearTraits, style: Style, side: int,
    lid: Points, eye: tuple[float, float], chin: float,
) -> None:  # fmt: skip
    width, height = eye
    starts = {"middle": (0.05,), "outer": (0.6,), "inner": (-0.5,), "both": (-0.45, 0.55), "one side": (0.1,)}
    for u in starts[traits.course]:
        x = side * (0.5 + width / 2 * u)
        top = float(lid[:, 1].mean()) - 0.01
        way = (0.84 * chin - top) * rig.tear_stream
        path = [
            (x, 0.0),
            (x + side * traits.wander * 0.8, way * 0.35),
            (x + side * traits.wander, way * 0.7),
            (x + side * (traits.wander * 0.6 - 0.02), way),
        ]
        line = pose([(px, py + height / 2) for px, py in path])
        line[:, 1] += top - float(line[0, 1])
        if traits.dashes:
            for i, size in ((1, 0.8), (2, 1.0), (3, 0.9)):
                _draw_drop(canvas, palette, traits, style, tuple(line[i].tolist()), traits.drop_size * size)
            continue
        _draw_ribbon(canvas, palette, rig, traits, style, line)


def _draw_ribbon(
    canvas: Canvas, palette: Palette, rig: Rig, traits: TearTraits, style: Style, line: Points
) -> None:
    width = traits.width * min(1.0, 0.3 + rig.tear_stream)
    shape = stroke(line, [width * 1.1, width * 0.8, width * 0.8, width * 0.95, width * 0.5], count=9)
    edge = _edge(palette, traits) if traits.outlined else None
    canvas.path(
        shape, _water(traits), line=edge, width=style.feature_line * 0.5, opacity=f"{traits.opacity:.3f}"
    )
    inner = stroke(line - [width * 0.15, 0.0], width * 0.25, taper=(0.4, 0.2), count=7)
    canvas.path(inner, "#ffffff", opacity=f"{0.85 * traits.opacity:.3f}")
    if traits.bead:
        (x, y) = line[-1].tolist()
        _draw_drop(canvas, palette, traits, style, (x, y), max(width * 1.1, 0.05))


def _draw_corner_drop(
    canvas: Canvas, palette: Palette, rig: Rig, traits: TearTraits, style: Style, side: int, lid: Points
) -> None:
    size = traits.drop_size * rig.tear_drop
    (x, y) = lid[6].tolist()
    _draw_drop(canvas, palette, traits, style, (x + side * size * 0.3, y + size * 0.4), size)


def _draw_drop(
    canvas: Canvas, palette: Palette, traits: TearTraits, style: Style, at: tuple[float, ...], size: float
) -> None:
    (x, y), r = at, size * 0.62
    side = [(x - r * 0.55, y - r * 0.3), (x - r, y + r * 0.5), (x - r * 0.5, y + r * 1.15), (x, y + r * 1.3)]
    other = [(2 * x - px, py) for px, py in side[::-1]]
    shape = outline([(x, y - size), *side, *other[1:], (x, y - size)])
    edge = _edge(palette, traits) if traits.outlined else None
    canvas.path(
        shape, _water(traits), line=edge, width=style.feature_line * 0.6, opacity=f"{traits.opacity:.3f}"
    )
    canvas.path(ellipse((x - r * 0.35, y + r * 0.45), r * 0.22, r * 0.32), "#ffffff")
