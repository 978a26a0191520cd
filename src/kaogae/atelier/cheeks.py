"""Cheeks: blush, freckles and moles."""

import random
from dataclasses import dataclass
from typing import Literal

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Pose, ellipse, stroke
from kaogae.atelier.palette import Palette, mix, shift
from kaogae.atelier.rig import Rig
from kaogae.atelier.style import Style

Blush = Literal["none", "soft", "hatch", "oval", "both", "band"]

_FRECKLES = ((-0.6, 0.04), (-0.5, 0.0), (-0.4, 0.05), (0.0, 0.02), (0.4, 0.05), (0.5, 0.0), (0.6, 0.04))


@dataclass(frozen=True)
class CheekTraits:
    """What is on the cheeks of a calm face, and how this artist lets them redden."""

    kind: Blush
    """`none` reddens only a little."""
    calm: float
    """Colour of the calm cheeks (0, 1)."""
    y: float
    """Height as a share of the way from the eyes to the chin (0.26, 0.4)."""
    gloss: float
    """Light spots (0, 1)."""
    freckles: bool
    mole: tuple[float, float] | None
    """x in face units and y as a share of the way to the chin."""

    @classmethod
    def sample(cls, dice: random.Random) -> "CheekTraits":
        """The cheeks of a new character."""
        kinds: tuple[Blush, ...] = ("none", "soft", "hatch", "oval", "both", "band")
        mole = (dice.choice((-1, 1)) * dice.uniform(0.3, 0.6), dice.uniform(0.3, 0.75))
        return cls(
            kind=dice.choices(kinds, (2, 5, 1, 1, 1, 0.8))[0],
            calm=max(0.0, dice.uniform(-0.5, 0.7)),
            y=dice.uniform(0.26, 0.4),
            gloss=dice.choice((0.0, 0.0, dice.random())),
            freckles=dice.random() < 0.03,
            mole=mole if dice.random() < 0.06 else None,
        )


def draw(
    canvas: Canvas, pose: Pose, palette: Palette, rig: Rig, traits: CheekTraits, style: Style, chin: float
) -> None:
    """Both cheeks. `chin` is the y of the chin."""
    strength = 0.45 * rig.blush if traits.kind == "none" else min(1.0, traits.calm + 0.75 * rig.blush)
    y = traits.y * chin
    if strength > 0.02:
        for side in (-1, 1):
            (x, v), (edge, _) = pose([(side * 0.52, y), (side * 0.52 + 0.2, y)]).tolist()
            _draw_blush(canvas, palette, traits, style, strength, (x, v), edge - x)
    if traits.freckles:
        colour = shift(palette.skin_shadow, lightness=-0.15)
        for x, v in pose([(x, y + v) for x, v in _FRECKLES]).tolist():
            canvas.path(ellipse((x, v), 0.012, 0.01), colour)
    if traits.mole:
        x, v = traits.mole
        canvas.path(ellipse(pose([(x, v * chin)])[0].tolist(), 0.014, 0.014), palette.line)


def _draw_blush(
    canvas: Canvas, palette: Palette, traits: CheekTraits, style: Style, strength: float,
    centre: tuple[float, float], reach: float,
) -> None:  # fmt: skip
    x, y = centre
    colour, kind = palette.blush, traits.kind
    if kind in ("none", "soft", "both", "band"):
        wide, tall = (reach * 1.7, 0.1) if kind == "band" else (reach * 1.25, 0.13)
        fade = canvas.radial((0, 0), 1.0, (0, colour, round(0.75 * strength, 3)), (1, colour, 0))
        place = f"translate({x:.4f} {y:.4f}) scale({wide:.4f} {tall:.4f})"
        canvas.path(ellipse((0, 0), 1, 1), fade, transform=place)
    if kind == "oval":
        canvas.path(ellipse(centre, reach * 0.9, 0.07), colour, opacity=f"{0.7 * strength:.3f}")
    if kind in ("hatch", "both"):
        lines = "".join(
            stroke([(x + d + 0.02, y - 0.035), (x + d - 0.02, y + 0.035)], style.feature_line * 0.6, count=4)
            for d in (-0.45 * reach, 0.0, 0.45 * reach)
        )
        canvas.path(lines, mix(palette.line, colour, 0.6), opacity=f"{min(1.0, strength * 1.2):.3f}")
    if traits.gloss > 0.3:
        spot = ellipse((x + reach * 0.4, y - 0.03), 0.025, 0.015)
        canvas.path(spot, "#ffffff", opacity=f"{traits.gloss * strength:.3f}")
