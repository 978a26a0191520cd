"""Noses, from none to shaded."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Points, Pose, ellipse, polygon, smooth, stroke
from kaogae.atelier.palette import Palette
from kaogae.atelier.style import Look, Style

LIFT = 0.16
"""How far the tip stands out of the face."""


@dataclass(frozen=True)
class NoseTraits:
    """A nose, in face units."""

    kind: str
    """A name in `KINDS`, or "none"."""
    y: float
    """Height of its tip as a share of the way from the eyes to the chin (0.38, 0.56)."""
    size: float
    """Against an ordinary one (0.7, 1.4)."""

    @classmethod
    def sample(cls, dice: random.Random, look: Look) -> "NoseTraits":
        """The nose of a new character of this look."""
        adult = look in ("mature", "webtoon", "male")
        weights = [old if adult else young for young, old, _ in KINDS.values()]
        kind = dice.choices(["none", *KINDS], [0.1 if adult else 1.2, *weights])[0]
        return cls(
            kind, dice.uniform(0.42, 0.56) if adult else dice.uniform(0.38, 0.52), dice.uniform(0.7, 1.4)
        )


@dataclass(frozen=True)
class _Brush:
    """Where and with what a nose is drawn: points relative to its tip, x away from the light."""

    canvas: Canvas
    pose: Pose
    palette: Palette
    side: float
    y: float
    size: float
    width: float

    def at(self, *p: tuple[float, float]) -> Points:
        return self.pose([(self.side * x * self.size, self.y + v * self.size) for x, v in p], LIFT)

    def line(
        self, *p: tuple[float, float], weight: float = 0.8, taper: tuple[float, float] = (0.1, 0.35)
    ) -> None:
        self.canvas.path(stroke(self.at(*p), self.width * weight, taper=taper, count=9), self.palette.line)


def draw(canvas: Canvas, pose: Pose, palette: Palette, traits: NoseTraits, style: Style, chin: float) -> None:
    """The nose. `chin` is the y of the chin."""
    if traits.kind != "none":
        brush = _Brush(
            canvas, pose, palette, -style.light, traits.y * chin, traits.size, style.feature_line
        )  # fmt: skip
        KINDS[traits.kind][2](brush)


def _dot(brush: _Brush) -> None:
    brush.canvas.path(
        ellipse(brush.at((0, 0))[0].tolist(), 0.014 * brush.size, 0.01 * brush.size), brush.palette.line
    )


def _tick(brush: _Brush) -> None:
    brush.line((-0.012, -0.05), (0.02, 0), (-0.004, 0.012))


def _wedge(brush: _Brush) -> None:
    brush.canvas.path(polygon(brush.at((0, -0.07), (0.045, 0.01), (-0.02, 0.012))), brush.palette.skin_shadow)
    brush.line((-0.02, 0.012), (0.02, 0.014), weight=0.6, taper=(0.3, 0.3))


def _bridge(brush: _Brush) -> None:
    brush.line((0.03, -0.36), (0.025, -0.18), (0.055, -0.02), (0.01, 0.02), taper=(0.05, 0.5))


def _corner(brush: _Brush) -> None:
    brush.line((0.03, -0.1), (0.05, -0.005), (-0.03, 0.012))


def _nostrils(brush: _Brush) -> None:
    for x in (-0.045, 0.045):
        brush.line((x - 0.018, 0.004), (x, -0.006), (x + 0.018, 0.006), taper=(0, 0))
    brush.line((-0.03, 0.03), (0, 0.038), (0.03, 0.03), weight=0.5, taper=(0, 0))


def _shade(brush: _Brush) -> None:
    side = brush.at((0.012, -0.26), (0.075, -0.02), (0.02, 0.03), (-0.05, 0.02), (0.005, -0.03))
    brush.canvas.path(smooth(side, closed=True), brush.palette.skin_shadow, opacity="0.8")


def _gloss(brush: _Brush) -> None:
    low, high = brush.at((0, 0.01), (0, -0.02)).tolist()
    brush.canvas.path(ellipse(low, 0.05 * brush.size, 0.03 * brush.size), brush.palette.blush, opacity="0.4")
    brush.canvas.path(ellipse(high, 0.015 * brush.size, 0.018 * brush.size), "#ffffff", opacity="0.9")


def _under(brush: _Brush) -> None:
    """Only the shadow below the tip."""
    brush.canvas.path(polygon(brush.at((-0.03, 0), (0.035, -0.004), (0.01, 0.03))), brush.palette.skin_shadow)


KINDS: dict[str, tuple[float, float, Callable[[_Brush], None]]] = {
    # weight in young looks, weight in adult looks
    "dot": (3, 0.6, _dot),
    "tick": (3, 2, _tick),
    "wedge": (2, 2, _wedge),
    "bridge": (0.3, 3, _bridge),
    "corner": (1, 2, _corner),
    "nostrils": (0.3, 1.5, _nostrils),
    "shade": (1, 2, _shade),
    "gloss": (1, 0.7, _gloss),
    "under": (1, 1, _under),
}
"""How noses are drawn."""
