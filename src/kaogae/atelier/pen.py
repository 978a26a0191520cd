"""A pen for what is sewn or forged: smooth shapes, their mirror images, seams and folds."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Points, ellipse, outline, smooth, stroke
from kaogae.atelier.palette import Palette, mix, shift
from kaogae.atelier.style import Style

Pairs = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Pen:
    """Draws with one palette and style. Places are pairs in the frame that `place` maps to face units."""

    canvas: Canvas
    palette: Palette
    style: Style
    dice: random.Random
    place: Callable[[Points], Points]
    chin: float
    """y of the chin in face units."""
    neck: float
    """Half width of the neck."""

    def at(self, pairs: Pairs) -> Points:
        """The places in face units."""
        return self.place(np.array(pairs, np.float64))

    def piece(self, *arcs: Pairs, fill: str, line: bool = True, soft: bool = True) -> str:
        """A closed shape from smooth arcs that meet in corners; returns its path data."""
        data = outline(*(self.at(arc) for arc in arcs))
        shown = self.style.line_width if line else 0.0
        self.canvas.path(data, self._cloth(fill) if soft else fill, line=self.palette.cloth_line, width=shown)
        return data

    def both(self, *arcs: Pairs, fill: str, line: bool = True) -> None:
        """A shape on the right side and its mirror image on the left."""
        self.piece(*arcs, fill=fill, line=line)
        self.piece(*([(-x, y) for x, y in arc] for arc in arcs), fill=fill, line=line)

    def even(self, half: Pairs, fill: str, *, line: bool = True) -> str:
        """A shape that is the same on both sides, from its right half, top to bottom."""
        return self.piece(half, [(-x, y) for x, y in reversed(half)], fill=fill, line=line)

    def seam(
        self, pairs: Pairs, *, weight: float = 0.8, colour: str | None = None, width: float = 0.02
    ) -> None:
        """A line on cloth, or a braid of `colour` that is `width` wide."""
        drawn = self.style.line_width * weight if colour is None else width
        if drawn > 0:
            data = stroke(self.at(pairs), drawn, taper=(0.6, 0.3) if colour is None else (1, 1), count=9)
            self.canvas.path(data, colour or self.palette.cloth_line)

    def fold(self, pairs: Pairs, colour: str) -> None:
        """A dark crease."""
        data = smooth(self.at(pairs), closed=True)
        self.canvas.path(data, colour, fill_opacity=f"{0.3 + 0.6 * self.style.shadow:.2f}")

    def disc(self, x: float, y: float, radius: float, fill: str, *, line: bool = True) -> None:
        """A circle."""
        centre = self.at([(x, y)])[0]
        shown = self.style.line_width if line else 0.0
        data = ellipse((float(centre[0]), float(centre[1])), radius, radius)
        self.canvas.path(data, fill, line=self.palette.cloth_line, width=shown)

    def bow(self, x: float, y: float, size: float, colour: str, *, tails: bool = True) -> None:
        """A tied ribbon; `size` is the breadth of one loop."""
        dark = shift(colour, lightness=-0.1)
        for side in (-1, 1):
            s = side * size
            if tails:
                tail = [(x, y), (x + 0.4 * s, y + 1.1 * size), (x + 0.9 * s, y + 1.6 * size)]
                back = [(x + 0.9 * s, y + 1.6 * size), (x + 0.3 * s, y + 1.5 * size), (x, y)]
                self.piece(tail, back, fill=dark)
            upper = [(x, y), (x + 0.6 * s, y - 0.5 * size), (x + 1.2 * s, y - 0.4 * size)]
            lower = [upper[-1], (x + 1.25 * s, y + 0.3 * size), (x + s, y + 0.5 * size), (x, y)]
            self.piece(upper, lower, fill=colour)
            self.fold([(x + 0.1 * s, y), (x + 0.5 * s, y - 0.1 * size), (x + 0.6 * s, y + 0.15 * size)], dark)
        self.disc(x, y, 0.24 * size, colour)

    def _cloth(self, fill: str) -> str:
        if self.style.shading != "soft" or fill == self.palette.skin:
            return fill
        ends = ((0, shift(fill, lightness=0.03), 1), (1, mix(fill, shift(fill, lightness=-0.2), 0.6), 1))
        return self.canvas.linear((0, self.chin + 0.2), (0, self.chin + 2.2), *ends)
