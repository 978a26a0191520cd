"""Irises: colour and pattern, pupil and highlights."""

import random
from dataclasses import dataclass
from typing import Literal

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Pose, ellipse
from kaogae.atelier.palette import Palette, shift
from kaogae.atelier.rig import Rig

Pattern = Literal["gradient", "flat", "crescent", "ring", "spokes", "split", "dark"]
Pupil = Literal["round", "oval", "slit", "none", "star", "ring", "light"]
Highlight = Literal["one", "two", "three", "tall", "low", "sparkle", "bar", "none"]


@dataclass(frozen=True)
class IrisTraits:
    """The relaxed iris."""

    height: float
    """Of the relaxed iris, as a share of the eye's height (0.7, 1.4)."""
    aspect: float
    """Its width over its height (0.6, 1.05)."""
    inset: float
    pattern: Pattern
    contrast: float
    rim: float
    """Thickness of the iris's outline as a share of its radius (0, 0.2)."""
    pupil: Pupil
    pupil_size: float
    top_shade: float
    highlight: Highlight
    highlight_size: float
    highlight_side: float
    odd: str | None
    """Colour of the right iris where it differs from the left."""

    @classmethod
    def sample(
        cls, dice: random.Random, palette: Palette, fill: tuple[float, ...], *, adult: bool, light: float
    ) -> "IrisTraits":
        """The iris of a new character.

        Args:
            fill: range of its height over the eye's.
            light: side that the light comes from (−1, 1).
        """
        patterns: tuple[Pattern, ...] = ("gradient", "crescent", "flat", "ring", "spokes", "split", "dark")
        pupils: tuple[Pupil, ...] = ("round", "oval", "none", "slit", "ring", "star", "light")
        highlights: tuple[Highlight, ...] = ("one", "two", "three", "tall", "low", "sparkle", "bar", "none")
        return cls(
            height=dice.uniform(*fill),
            aspect=dice.uniform(0.8, 1.05) if adult else dice.uniform(0.62, 1.0),
            inset=dice.uniform(-0.02, 0.04),
            pattern=dice.choices(patterns, (5, 4, 2, 1.2, 1, 2, 0.7))[0],
            contrast=dice.uniform(0.5, 1.4),
            rim=dice.choice((0.0, dice.uniform(0.05, 0.2))),
            pupil=dice.choices(pupils, (4, 4, 2, 0.7, 0.7, 0.2, 0.7))[0],
            pupil_size=dice.uniform(0.28, 0.6),
            top_shade=dice.choice((0.0, dice.uniform(0.2, 0.7), dice.uniform(0.3, 0.8))),
            highlight=dice.choices(highlights, (4, 5, 2, 1.5, 1, 1.2, 0.7, 0.4))[0],
            highlight_size=dice.uniform(0.6, 1.4),
            highlight_side=light if dice.random() < 0.8 else -light,
            odd=shift(palette.iris, hue=dice.uniform(0.2, 0.8)) if dice.random() < 0.02 else None,
        )


def draw(
    canvas: Canvas,
    pose: Pose,
    palette: Palette,
    rig: Rig,
    traits: IrisTraits,
    side: int,
    eye: tuple[float, float],
) -> None:
    """One iris. `eye` is the width and height of the relaxed opening; the caller clips."""
    half, h = eye[0] / 2, eye[1]
    colour = traits.odd if traits.odd and side > 0 else palette.iris
    ry = 0.5 * h * traits.height
    rx = min(ry * traits.aspect, half * 0.7)
    shrink = rig.iris_size
    wide = max(rig.eye_open - 1.0, 0.0)
    x = side * (0.5 - traits.inset) + rig.gaze_x * 0.5 * half
    y = rig.gaze_y * 0.3 * h - wide * 0.22 * h
    (cx, cy), (ax, _), (bx, _) = pose([(x, y), (x - rx, y), (x + rx, y)])
    rx, ry = (bx - ax) / 2 * shrink, ry * shrink
    deep = shift(colour, saturation=0.05, lightness=-0.28 * traits.contrast)
    light = shift(colour, hue=0.02, saturation=0.1, lightness=0.2 * traits.contrast)
    centre = (float(cx), float(cy))
    whole = ellipse(centre, rx, ry)
    fill = _iris_fill(canvas, centre, ry, traits.pattern, (deep, colour, light))
    rim = traits.rim * rx
    canvas.path(whole, fill, line=shift(deep, lightness=-0.08), width=rim)
    _draw_pattern(canvas, centre, rx, ry, traits.pattern, deep, light)
    _draw_pupil(canvas, centre, rx, ry, traits, shift(deep, lightness=-0.12), light)
    if traits.top_shade > 0:
        cap = ellipse((centre[0], centre[1] - ry * 0.72), rx * 1.02, ry * 0.62)
        canvas.path(cap, shift(deep, lightness=-0.1), opacity=f"{traits.top_shade:.3f}")
    _draw_highlights(canvas, centre, rx, ry, rig, traits)


def _iris_fill(
    canvas: Canvas, centre: tuple[float, float], ry: float, pattern: Pattern, colours: tuple[str, str, str]
) -> str:
    deep, colour, light = colours
    if pattern in ("flat", "ring", "spokes"):
        return colour
    if pattern == "dark":
        return deep
    (x, y) = centre
    middle = 0.5 if pattern != "split" else 0.42
    second = 0.75 if pattern != "split" else 0.5
    return canvas.linear((x, y - ry), (x, y + ry), (0.08, deep, 1), (middle, colour, 1), (second, light, 1))


def _draw_pattern(
    canvas: Canvas, centre: tuple[float, float], rx: float, ry: float, pattern: Pattern, deep: str, light: str
) -> None:
    x, y = centre
    if pattern == "crescent":
        canvas.path(ellipse((x, y + ry * 0.5), rx * 0.66, ry * 0.36), light, opacity="0.85")
    elif pattern == "ring":
        canvas.path(ellipse(centre, rx * 0.68, ry * 0.68), light, line=deep, width=rx * 0.08)
    elif pattern == "spokes":
        rays = ((-0.7, 0.35), (-0.45, 0.62), (-0.15, 0.75), (0.15, 0.75), (0.45, 0.62), (0.7, 0.35))
        data = "".join(
            f"M{x + 0.3 * a * rx:.4f},{y + 0.3 * b * ry:.4f}L{x + a * rx:.4f},{y + b * ry:.4f}"
            for a, b in rays
        )
        canvas.path(data, line=light, width=rx * 0.12)


def _draw_pupil(
    canvas: Canvas,
    centre: tuple[float, float],
    rx: float,
    ry: float,
    traits: IrisTraits,
    deep: str,
    light: str,
) -> None:
    size, (x, y) = traits.pupil_size, centre
    if traits.pupil == "round":
        canvas.path(ellipse(centre, rx * size, min(rx * size * 1.05, ry * size)), deep)
    elif traits.pupil == "oval":
        canvas.path(ellipse((x, y - 0.04 * ry), rx * size * 0.85, ry * size), deep)
    elif traits.pupil == "slit":
        canvas.path(ellipse(centre, rx * 0.16, ry * 0.7), deep)
    elif traits.pupil == "ring":
        canvas.path(ellipse(centre, rx * size, ry * size), line=deep, width=rx * 0.14)
    elif traits.pupil == "light":
        canvas.path(ellipse(centre, rx * size * 0.6, ry * size * 0.6), light)
    elif traits.pupil == "star":
        corners = (
            (0, -1),
            (0.25, -0.25),
            (1, 0),
            (0.25, 0.25),
            (0, 1),
            (-0.25, 0.25),
            (-1, 0),
            (-0.25, -0.25),
        )
        data = " ".join(f"{x + a * rx * 0.6:.4f},{y + b * ry * 0.6:.4f}" for a, b in corners)
        canvas.path(f"M{data}Z", light)


_HIGHLIGHTS: dict[Highlight, tuple[tuple[float, float, float, float], ...]] = {
    # x towards the light, y, radius over rx, height over width
    "one": ((0.38, -0.45, 0.3, 1.1),),
    "two": ((0.38, -0.45, 0.32, 1.15), (-0.4, 0.42, 0.17, 1.0)),
    "three": ((0.35, -0.5, 0.3, 1.1), (-0.35, 0.4, 0.2, 1.0), (-0.5, -0.2, 0.12, 1.0)),
    "tall": ((0.42, -0.2, 0.2, 2.2),),
    "low": ((0.35, -0.45, 0.24, 1.0), (0.0, 0.62, 0.4, 0.45)),
    "sparkle": ((0.35, -0.48, 0.34, 1.2), (-0.45, 0.38, 0.22, 1.1), (-0.1, 0.66, 0.13, 1.0),
                (0.5, 0.25, 0.1, 1.0)),
    "bar": ((0.0, -0.5, 0.6, 0.3),),
    "none": (),
}  # fmt: skip


def _draw_highlights(
    canvas: Canvas, centre: tuple[float, float], rx: float, ry: float, rig: Rig, traits: IrisTraits
) -> None:
    shine = min(max(rig.shine, 0.0), 1.5)
    if shine > 0.02:
        size = traits.highlight_size * (0.45 + 0.55 * shine)
        for x, y, radius, tall in _HIGHLIGHTS[traits.highlight]:
            at = (centre[0] + x * rx * traits.highlight_side, centre[1] + y * ry)
            canvas.path(
                ellipse(at, rx * radius * size, rx * radius * size * tall),
                "#ffffff", opacity=f"{min(1.0, 0.3 + 0.7 * shine):.3f}",
            )  # fmt: skip
    if rig.tear_well > 0.02:  # wet eyes glitter from below
        well = rig.tear_well
        canvas.path(
            ellipse((centre[0], centre[1] + ry * 0.66), rx * 0.7 * well, ry * 0.22 * well),
            "#ffffff", opacity=f"{0.75 * well:.3f}",
        )  # fmt: skip
