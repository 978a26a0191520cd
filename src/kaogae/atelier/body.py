"""The body under the clothes: shoulders, arms, trunk."""

from dataclasses import dataclass

from kaogae.atelier.palette import shift
from kaogae.atelier.pen import Pairs, Pen

HEM = 14.0
"""How far below the chin clothes go on: out of any picture."""


@dataclass(frozen=True)
class Build:
    """Shoulders of one character, the same under every layer of cloth."""

    slope: float
    wide: float
    waist: float

    @classmethod
    def of(cls, t: Pen) -> "Build":
        """Narrow or broad, with or without a waist."""
        wide = t.dice.uniform(1.38, 1.58)
        return cls(t.dice.uniform(0.46, 0.58), wide, wide * t.dice.uniform(0.5, 0.72))

    def flank(self, x: float, y: float) -> Pairs:
        """Right outline of the trunk, from (x, y) beside the neck to the hem."""
        wide = self.wide
        return [
            (x, y),
            (0.85, self.slope - 0.12),
            (wide - 0.14, self.slope + 0.1),
            (wide - 0.2, 1.35),
            (self.waist, 2.9),
            (wide - 0.25, 4.4),
            (wide, 6.5),
            (wide + 0.2, HEM),
        ]

    def bare(self, t: Pen, low: float) -> None:
        """Skin down to `low`, the arms included."""
        self.arms(t, t.palette.skin)
        right = [*self.flank(t.neck * 1.9, 0.5)[:4], (self.waist, low + 0.6)]
        t.even([(0.0, 0.5), *right, (0.0, low + 0.6)], t.palette.skin, line=False)

    def dress(self, t: Pen, top: Pairs, fill: str) -> None:
        """A dress whose upper edge is `top`, its right half from the middle to the armpit."""
        right = [
            *top,
            (self.waist, 2.9),
            (self.wide - 0.25, 4.4),
            (self.wide + 0.4, 6.5),
            (self.wide + 0.8, HEM),
        ]
        t.piece(right, [(-x, y) for x, y in reversed(right)], fill=fill)

    def arms(self, t: Pen, fill: str) -> None:
        """Both arms, behind the trunk."""
        wide = self.wide
        outer = [
            (0.8, self.slope - 0.1),
            (wide - 0.05, self.slope + 0.16),
            (wide + 0.2, 1.5),
            (wide + 0.28, 3.2),
        ]
        outer += [(wide + 0.1, 4.8), (wide - 0.1, 6.0)]
        inner = [
            (wide - 0.1, 6.0),
            (wide - 0.35, 5.8),
            (wide - 0.25, 3.4),
            (wide - 0.3, 1.6),
            (0.8, self.slope - 0.1),
        ]
        t.both(outer, inner, fill=fill)


def draw_body(t: Pen, neckline: Pairs, fill: str, build: Build | None = None) -> None:
    """Trunk and arms under a neckline, given as its right half from the side of the neck to the middle."""
    build = build or Build.of(t)
    build.arms(t, fill)
    right = build.flank(*neckline[0])
    left = [(-a, b) for a, b in reversed(right)]
    t.piece(right, left, [(-a, b) for a, b in neckline], list(reversed(neckline)), fill=fill)
    if t.style.shading == "flat":
        return
    dark = t.palette.cloth_shadow if fill == t.palette.cloth else shift(fill, lightness=-0.12)
    for side in (-1, 1):
        x = side * build.waist
        t.fold([(x * 1.1, 1.5), (x * 0.9, 2.6), (x * 0.7, 4.5), (x * 0.95, 3.0)], dark)
        t.fold([(x * 0.4, 1.3), (x * 0.55, 1.9), (x * 0.3, 2.8), (x * 0.42, 2.0)], dark)
