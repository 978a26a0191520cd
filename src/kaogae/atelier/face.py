"""The head without its hair: jaw, ears, neck and the shading of skin."""

import random
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Points, Pose, outline, polygon, smooth, stroke
from kaogae.atelier.palette import Palette, shift
from kaogae.atelier.style import Look, Style

Ear = Literal["round", "elf", "hidden"]

TOP = -1.18
"""y of the crown of the skull."""


@dataclass(frozen=True)
class FaceTraits:
    """Proportions in face units."""

    chin: float
    """y of the chin (0.75 chibi, 1.25 long adult)."""
    temple: float
    """Half width at the forehead."""
    cheek: float
    """Half width at the cheekbones."""
    jaw: float
    """Half width at the jaw's angle, as a share of the cheek's (0.62, 0.92)."""
    jaw_y: float
    """Height of that angle as a share of the chin's (0.6, 0.78)."""
    tip: float
    """Half width near the chin, as a share of the cheek's (0.12 pointed, 0.5 broad)."""
    bulge: float
    """How far the cheeks stand out below the eyes (−0.04, 0.06)."""
    ear: Ear
    ear_size: float
    ear_y: float
    neck: float
    """Half width of the neck."""

    @classmethod
    def sample(cls, dice: random.Random, look: Look) -> "FaceTraits":
        """The face of a new character of this look."""
        chin, cheek, jaw, tip = _PROPORTIONS[look]
        adult = look in ("mature", "webtoon", "male")
        cheek_width = dice.uniform(*cheek)
        return cls(
            chin=dice.uniform(*chin),
            temple=min(cheek_width, 0.92) * dice.uniform(0.95, 1.02),
            cheek=cheek_width,
            jaw=dice.uniform(*jaw),
            jaw_y=dice.uniform(0.62, 0.76),
            tip=dice.uniform(*tip),
            bulge=dice.uniform(-0.02, 0.05) if not adult else dice.uniform(-0.04, 0.02),
            ear=dice.choices(("round", "elf", "hidden"), (7, 0.7, 1.5))[0],
            ear_size=dice.uniform(0.75, 1.2),
            ear_y=dice.uniform(0.02, 0.16),
            neck=dice.uniform(0.36, 0.5) if look == "male" else dice.uniform(0.24, 0.38),
        )


_PROPORTIONS: dict[Look, tuple[tuple[float, float], ...]] = {
    #          chin          cheek         jaw           tip
    "moe": ((0.88, 1.08), (0.81, 0.93), (0.62, 0.80), (0.14, 0.30)),
    "chibi": ((0.74, 0.94), (0.86, 0.97), (0.76, 0.91), (0.30, 0.50)),
    "nineties": ((0.94, 1.14), (0.78, 0.89), (0.58, 0.74), (0.10, 0.22)),
    "webtoon": ((0.95, 1.15), (0.78, 0.87), (0.62, 0.79), (0.15, 0.28)),
    "mature": ((1.00, 1.22), (0.76, 0.85), (0.61, 0.77), (0.15, 0.30)),
    "male": ((1.00, 1.25), (0.77, 0.87), (0.64, 0.83), (0.16, 0.34)),
}


def _jaw(traits: FaceTraits) -> list[tuple[float, float]]:
    """Right half of the contour from the forehead to the chin."""
    t = traits
    return [
        (t.temple, -0.5),
        (t.cheek * 1.0, -0.05),
        (t.cheek * 0.95 + t.bulge, 0.33 * t.chin),
        (t.cheek * t.jaw, t.jaw_y * t.chin),
        (t.cheek * t.tip, t.chin * 0.955),
        (0.0, t.chin),
    ]


def contour(pose: Pose, traits: FaceTraits) -> Points:
    """The visible edge of the face from the left temple over the chin to the right one [11, 2], projected."""
    right = _jaw(traits)
    left = [(-x, y) for x, y in right]
    return pose([*left, *right[-2::-1]])


def outline_of(pose: Pose, traits: FaceTraits) -> str:
    """Path data of the whole head, skull included."""
    t = traits
    w = t.temple
    crown = [(w * 0.88, -0.82), (w * 0.56, -1.08), (0.0, TOP), (-w * 0.56, -1.08), (-w * 0.88, -0.82)]
    return smooth([*contour(pose, traits).tolist(), *pose(crown).tolist()], closed=True)


def draw_neck(canvas: Canvas, pose: Pose, palette: Palette, traits: FaceTraits, style: Style) -> None:
    """Neck with the shadow of the chin on it, and the tops of the shoulders."""
    n, chin = traits.neck, traits.chin
    drift = 0.25 * float(pose([(0.0, chin)])[0, 0])
    right = [
        (n, chin * 0.6),
        (n * 0.96, chin + 0.1),
        (n * 1.08, chin + 0.32),
        (n * 1.9, chin + 0.55),
        (1.3, chin + 0.75),
        (1.45, chin + 1.8),
    ]
    side = [(x + drift, y) for x, y in right]
    other = [(drift - x, y) for x, y in right]
    shape = outline(side, other[::-1])
    canvas.path(shape, palette.skin)
    if style.shading != "flat" or style.shadow > 0.7:
        canvas.open(clip_path=canvas.clip(shape))
        drop = contour(pose, traits) * [0.9, 1.0] + [drift * 0.3 - style.light * 0.05, 0.2 * chin]
        fill = palette.skin_shadow
        canvas.path(
            smooth([*drop.tolist(), (0.9, -0.2), (-0.9, -0.2)], closed=True),
            fill,
            opacity=f"{0.6 + 0.4 * style.shadow:.3f}",
        )
        canvas.close()
    if style.line_width > 0:
        for line in (side[:5], other[:5]):
            canvas.path(stroke(line, style.line_width, taper=(0.6, 0.3), count=11), palette.line)


def draw_head(canvas: Canvas, pose: Pose, palette: Palette, traits: FaceTraits, style: Style) -> None:
    """Ears and head with their shading, and the line around them."""
    if traits.ear != "hidden":
        for side in (-1, 1):
            _draw_ear(canvas, pose, palette, traits, style, side)
    head = outline_of(pose, traits)
    canvas.path(head, palette.skin)
    _shade(canvas, pose, palette, traits, style, head)
    if style.line_width > 0:
        edge = contour(pose, traits)[1:-1]
        weights = [0.55, 0.8, 1.0, 1.1, 1.15, 1.1, 1.0, 0.8, 0.55]
        canvas.path(stroke(edge, [style.line_width * w for w in weights], count=25), palette.line)


def _shade(canvas: Canvas, pose: Pose, palette: Palette, traits: FaceTraits, style: Style, head: str) -> None:
    if style.shading == "flat":
        return
    chin = traits.chin
    canvas.open(clip_path=canvas.clip(head))
    if style.shading == "cel":
        away = -style.light
        edge = contour(pose, traits)
        lit = edge - [away * 0.13 * (0.5 + style.detail), 0.02 + 0.05 * style.detail]
        ring = smooth([*lit.tolist(), (1.0, -1.4), (-1.0, -1.4)], closed=True)
        around = polygon([(-2, -2), (2, -2), (2, 2.5), (-2, 2.5)])
        canvas.path(
            around + ring,
            palette.skin_shadow,
            fill_rule="evenodd",
            opacity=f"{0.35 + 0.5 * style.shadow:.3f}",
        )
    else:
        x, y = pose([(style.light * 0.15, 0.1 * chin)])[0].tolist()
        deep = 0.5 * style.shadow + 0.2
        canvas.path(
            head,
            canvas.radial(
                (x, y), 1.35, (0.45, palette.skin_shadow, 0), (1, palette.skin_shadow, round(deep, 3))
            ),
        )
        warm = shift(palette.blush, lightness=0.05)
        canvas.path(
            head,
            canvas.linear((0, 0.6 * chin), (0, chin), (0, warm, 0), (1, warm, round(0.25 * style.shadow, 3))),
        )
    canvas.close()


def _draw_ear(
    canvas: Canvas, pose: Pose, palette: Palette, traits: FaceTraits, style: Style, side: int
) -> None:
    k, y, c = traits.ear_size, traits.ear_y, traits.cheek
    if traits.ear == "elf":
        rim = [
            (c - 0.05, y - 0.16),
            (c + 0.16 * k, y - 0.28 * k),
            (c + 0.42 * k, y - 0.5 * k),
            (c + 0.3 * k, y - 0.1),
            (c + 0.1 * k, y + 0.2 * k),
            (c - 0.1, y + 0.22 * k),
        ]
        fold = [
            (c + 0.04, y - 0.08),
            (c + 0.2 * k, y - 0.22 * k),
            (c + 0.24 * k, y - 0.12 * k),
            (c + 0.08, y + 0.06),
        ]
    else:
        rim = [
            (c - 0.05, y - 0.16 * k),
            (c + 0.08 * k, y - 0.2 * k),
            (c + 0.17 * k, y - 0.1 * k),
            (c + 0.14 * k, y + 0.1 * k),
            (c + 0.05 * k, y + 0.26 * k),
            (c - 0.08, y + 0.24 * k),
        ]
        fold = [
            (c + 0.02, y - 0.08 * k),
            (c + 0.1 * k, y - 0.1 * k),
            (c + 0.09 * k, y + 0.02 * k),
            (c + 0.03, y + 0.1 * k),
        ]
    shape = _turned([(side * x, v) for x, v in rim], pose, side, traits)
    line = palette.line if style.line_width > 0 else None
    canvas.path(smooth(shape), palette.skin, line=line, width=style.line_width * 0.9)
    inner = _turned([(side * x, v) for x, v in fold], pose, side, traits)
    canvas.path(
        stroke(inner, max(style.line_width * 0.7, 0.01), count=7),
        palette.line if line else palette.skin_shadow,
    )
    if style.shading != "flat":
        canvas.path(smooth(inner, closed=True), palette.skin_shadow, opacity="0.7")


def _turned(p: list[tuple[float, float]], pose: Pose, side: int, traits: FaceTraits) -> Points:
    """An ear turns with the edge of the face, and hides behind the cheek on the far side."""
    edge = pose([(side * traits.cheek, 0.0)])[0] - [side * traits.cheek, 0.0]
    away = 1 + 0.8 * pose.yaw * -side
    pivot = side * traits.cheek
    return np.array([((x - pivot) * away + pivot + edge[0], y + edge[1]) for x, y in p], np.float64)
