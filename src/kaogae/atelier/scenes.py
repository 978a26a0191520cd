"""Whole illustrations: one to eight characters before a background, with the truth about every face."""

import math
import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kaogae.atelier.background import Background
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.character import Character
from kaogae.atelier.drawing import draw, landmarks
from kaogae.atelier.finish import Finish
from kaogae.atelier.geometry import Pose
from kaogae.atelier.portrait import place, sample_pose, sample_rig, transform
from kaogae.atelier.render import Pixels, over, rasterise
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.faces import CROP_SCALE, apply_matrix

HEAD = 1.55
"""Radius of a head with its hair in face units: nearer than this no other face may be."""

MOST = 8
"""Most characters in one picture."""

REACH = (-3.5, -3.5, 3.5, 16.0)
"""Left, top, right and bottom of the largest figure with hair and body, in face units."""

LEAST_FACE = 40.0
"""Least side in pixels of a face's aligned crop."""

CROWDS = (40, 25, 12, 8, 6, 4, 3, 2)
"""How often there are one, two ... eight characters."""


@dataclass(frozen=True)
class Figure:
    """One character in a scene."""

    character: Character
    expression: Expression
    intensity: float
    pose: Pose
    x: float
    """Middle of the eye line, in pixels."""
    y: float
    unit: float
    """Pixels per face unit."""
    tilt: float
    """Rotation of the whole figure in radians, clockwise."""

    @property
    def matrix(self) -> NDArray[np.float64]:
        """[2, 3] from face units to picture pixels."""
        cos, sin = self.unit * math.cos(self.tilt), self.unit * math.sin(self.tilt)
        return np.array([[cos, -sin, self.x], [sin, cos, self.y]])

    def points(self) -> dict[str, tuple[float, float]]:
        """Landmarks in picture pixels."""
        return place(landmarks(self.character, self.pose), self.matrix)

    def box(self) -> list[float]:
        """Upright box around the face: left, top, right, bottom in picture pixels."""
        left, top, right, bottom = landmarks(self.character, self.pose).face
        corners = apply_matrix(self.matrix, [(left, top), (right, top), (right, bottom), (left, bottom)])
        return [round(float(value), 2) for value in (*corners.min(0), *corners.max(0))]


@dataclass(frozen=True)
class Scene:
    """A picture before it is drawn."""

    width: int
    height: int
    figures: tuple[Figure, ...]
    background: Background
    finish: Finish

    @classmethod
    def from_seed(
        cls,
        seed: int,
        *,
        sides: tuple[int, int] = (256, 4096),
        intensity: tuple[float, float] = (0.6, 1.0),
        expressions: tuple[Expression, ...] = EXPRESSIONS,
        roughness: float = 1.0,
    ) -> "Scene":
        """The scene of this seed.

        Args:
            sides: least and most of both sides in pixels; large pictures are rarer than small ones.
            intensity: least and most of the expressions.
            roughness: strength of the finish.
        """
        dice = random.Random(f"kaogae scene {seed}")
        width, height = _size(dice, sides)
        count = dice.choices(range(1, MOST + 1), CROWDS)[0]
        figures: list[Figure] = []
        for number, (x, y, unit) in enumerate(_places(dice, width, height, count)):
            character = Character.from_seed(dice.getrandbits(48))
            figures.append(
                Figure(
                    character,
                    dice.choice(expressions),
                    round(dice.uniform(*intensity), 3),
                    sample_pose(dice),
                    x,
                    y,
                    unit,
                    math.radians(min(max(dice.gauss(0, 10), -30), 30))
                    if number or dice.random() < 0.8
                    else 0.0,
                )
            )
        figures.sort(key=lambda figure: figure.y)
        background = Background.sample(dice, white=0.25)
        return cls(width, height, tuple(figures), background, Finish.sample(dice, roughness))

    def render(self) -> Pixels:
        """The picture [height, width, 3] uint8 RGB."""
        canvas = Canvas()
        self.background.draw(canvas, (self.width, self.height))
        view = (0.0, 0.0, float(self.width), float(self.height))
        picture = over(rasterise(canvas.svg(view), self.width, self.height), "#ffffff")
        for figure in self.figures:
            self._draw_figure(figure, picture)
        unit = float(np.median([figure.unit for figure in self.figures])) * CROP_SCALE
        return self.finish.apply(picture, unit)

    def _draw_figure(self, figure: Figure, picture: Pixels) -> None:
        """Draw one figure onto `picture`, rasterising no more than the part of it where the figure is."""
        left, top, right, bottom = REACH
        corners = apply_matrix(figure.matrix, [(left, top), (right, top), (right, bottom), (left, bottom)])
        x0, y0 = (max(int(value), 0) for value in corners.min(0))
        x1, y1 = min(int(corners[:, 0].max()), self.width), min(int(corners[:, 1].max()), self.height)
        canvas = Canvas()
        canvas.open(transform=transform(figure.matrix))
        rig = sample_rig(figure.character.seed, figure.expression, figure.intensity)
        draw(figure.character, rig, figure.pose, canvas)
        canvas.close()
        part = rasterise(canvas.svg((x0, y0, x1 - x0, y1 - y0)), x1 - x0, y1 - y0)
        picture[y0:y1, x0:x1] = over(part, picture[y0:y1, x0:x1])


def _size(dice: random.Random, sides: tuple[int, int]) -> tuple[int, int]:
    least, most = sides
    longer = math.exp(math.log(least) + (math.log(most) - math.log(least)) * dice.random() ** 1.6)
    shorter = max(float(least), longer * dice.uniform(0.55, 1.0))
    width, height = round(longer), round(shorter)
    return (width, height) if dice.random() < 0.5 else (height, width)


def _places(dice: random.Random, width: int, height: int, count: int) -> list[tuple[float, float, float]]:
    """x, y and unit of up to `count` heads that don't overlap; the first always finds its place."""
    shorter = min(width, height)
    room = shorter / math.sqrt(count) / CROP_SCALE
    placed: list[tuple[float, float, float]] = []
    for _ in range(60 * count):
        unit = max(room * dice.uniform(0.3, 0.85), LEAST_FACE / CROP_SCALE)
        edge = min(1.2 * unit, shorter / 2)
        x = dice.uniform(edge, width - edge)
        y = dice.uniform(edge, max(edge, height - 1.5 * edge))
        if all(math.hypot(x - a, y - b) > HEAD * (unit + other) for a, b, other in placed):
            placed.append((x, y, unit))
        if len(placed) == count:
            break
    return placed
