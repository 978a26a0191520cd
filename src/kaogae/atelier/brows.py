"""Eyebrows."""

import random
from dataclasses import dataclass
from typing import Literal

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.eyes import lash_ink
from kaogae.atelier.geometry import Points, Pose, stroke
from kaogae.atelier.palette import Palette, mix
from kaogae.atelier.rig import Rig
from kaogae.atelier.style import Look, Style

BrowShape = Literal["tapered", "even", "thin", "wedge", "short", "block"]

_WIDTHS: dict[BrowShape, tuple[float, ...]] = {
    # along the brow from the inner to the outer end
    "tapered": (0.7, 1.0, 0.85, 0.5, 0.1),
    "even": (0.7, 1.0, 1.0, 0.9, 0.5),
    "thin": (0.2, 0.8, 1.0, 0.7, 0.1),
    "wedge": (1.2, 1.1, 0.8, 0.4, 0.05),
    "short": (0.6, 1.0, 1.1, 1.0, 0.6),
    "block": (1.0, 1.0, 1.0, 1.0, 1.0),
}


@dataclass(frozen=True)
class BrowTraits:
    """Relaxed brows, in face units."""

    shape: BrowShape
    length: float
    thickness: float
    clearance: float
    """Above the top of the relaxed eye."""
    tilt: float
    """Outer end up, as a share of the length."""
    arch: float
    peak: float
    """Where the arch is highest, from the inner (0) to the outer end (1)."""
    offset: float
    """Outwards of the eye's centre."""
    ink: bool
    """Drawn in the colour of lines instead of the hair's."""
    mobility: float
    """How far expressions move them (0.8, 1.5)."""
    over_hair: bool
    """Seen through the fringe, as many artists draw them."""

    @classmethod
    def sample(cls, dice: random.Random, look: Look) -> "BrowTraits":
        """Brows of a new character of this look."""
        shapes: tuple[BrowShape, ...] = ("tapered", "even", "thin", "wedge", "short", "block")
        shape = dice.choices(shapes, (4, 2, 3, 1.5, 0.7, 0.6))[0]
        heavy = {"male": 1.6, "webtoon": 1.2, "mature": 1.1}.get(look, 0.85)
        thickness = dice.uniform(0.025, 0.055) * heavy * (0.55 if shape == "thin" else 1.0)
        return cls(
            shape=shape,
            length=dice.uniform(0.2, 0.28) if shape == "short" else dice.uniform(0.34, 0.54),
            thickness=thickness,
            clearance=dice.uniform(0.05, 0.17) if look != "male" else dice.uniform(0.04, 0.12),
            tilt=dice.gauss(0.0, 0.07),
            arch=dice.uniform(0.0, 0.09),
            peak=dice.uniform(0.4, 0.75),
            offset=dice.uniform(-0.03, 0.06),
            ink=dice.random() < 0.45,
            mobility=dice.uniform(0.85, 1.4),
            over_hair=dice.random() < 0.65,
        )


def knots(side: int, pose: Pose, rig: Rig, traits: BrowTraits, eye_height: float) -> Points:
    """The middle line [5, 2] of a brow from its inner to its outer end, projected."""
    t, move = traits, traits.mobility
    y0 = -eye_height / 2 - t.clearance - 0.16 * move * rig.brow_raise
    arch = t.arch + 0.07 * move * rig.brow_arch
    line: list[tuple[float, float]] = []
    for along in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = 0.5 + t.offset + t.length * (along - 0.5)
        x -= 0.07 * rig.brow_pinch * (1 - along)
        spread = min(along / t.peak, (1 - along) / (1 - t.peak))
        bow = 1 - (1 - spread) ** 2
        y = y0 - t.tilt * t.length * (along - 0.5) - arch * bow
        # worried: the inner end rises more than the outer one falls, in a curve
        y -= rig.brow_slant * move * (0.15 * (1 - along) ** 1.4 - 0.07 * along)
        line.append((side * x, y))
    return pose(line)


def draw(
    canvas: Canvas,
    pose: Pose,
    palette: Palette,
    rig: Rig,
    traits: BrowTraits,
    style: Style,
    eye_height: float,
) -> None:
    """Both brows."""
    thickness = max(traits.thickness, style.feature_line * 1.2)
    # over hair of their own colour they would not be seen
    inked = traits.ink or traits.over_hair
    colour = mix(palette.brow, lash_ink(palette), 0.8 if inked else 0.2)
    widths = [thickness * share for share in _WIDTHS[traits.shape]]
    for side in (-1, 1):
        line = knots(side, pose, rig, traits, eye_height)
        canvas.path(stroke(line, widths, count=9), colour)
