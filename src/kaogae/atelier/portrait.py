"""One face as an aligned picture: a character in a pose, before a background, with a finish."""

import random
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kaogae.atelier import expression as acting
from kaogae.atelier.background import Background
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.character import Character
from kaogae.atelier.drawing import Landmarks, draw, landmarks
from kaogae.atelier.finish import Finish
from kaogae.atelier.geometry import Pose
from kaogae.atelier.render import Pixels, over, rasterise
from kaogae.atelier.rig import Rig
from kaogae.expressions import Expression
from kaogae.faces import apply_matrix, crop_matrix


@dataclass(frozen=True)
class Portrait:
    """Everything in a picture but the expression."""

    character: Character
    pose: Pose
    background: Background
    finish: Finish

    @classmethod
    def from_seed(cls, seed: int, *, roughness: float = 1.0) -> "Portrait":
        """The portrait of the character with this seed.

        Args:
            roughness: strength of the finish; 0 leaves the drawing clean.
        """
        dice = random.Random(f"kaogae {seed} portrait")
        return cls(
            Character.from_seed(seed),
            sample_pose(dice),
            Background.sample(dice),
            Finish.sample(dice, roughness),
        )

    @cached_property
    def landmarks(self) -> Landmarks:
        """In face units."""
        return landmarks(self.character, self.pose)

    def matrix(self, size: int) -> NDArray[np.float64]:
        """[2, 3] from face units to the pixels of the aligned crop of `size`."""
        return crop_matrix(self.landmarks.left_eye, self.landmarks.right_eye, size)

    def render(self, rig: Rig, size: int, margin: int = 0) -> Pixels:
        """The aligned crop [S, S, 3] uint8 RGB with the expression `rig`, S = `size` + 2 · `margin`.

        Args:
            margin: pixels drawn around the crop of `size` on every side.
        """
        side, matrix = size + 2 * margin, self.matrix(size)
        matrix[:, 2] += margin
        canvas = Canvas()
        self.background.draw(canvas, (side, side))
        canvas.open(transform=transform(matrix))
        draw(self.character, rig, self.pose, canvas)
        canvas.close()
        drawn = over(rasterise(canvas.svg((0, 0, side, side)), side, side), "#ffffff")
        return self.finish.apply(drawn, size)

    def points(self, size: int) -> dict[str, tuple[float, float]]:
        """Landmarks in pixels of the crop of `size`."""
        return place(self.landmarks, self.matrix(size))


def sample_pose(dice: random.Random) -> Pose:
    """Mostly nearly ahead; a third are turned."""
    if dice.random() < 0.35:
        return Pose()
    return Pose(
        min(max(dice.gauss(0, 0.25), -0.55), 0.55),
        min(max(dice.gauss(0, 0.08), -0.25), 0.25),
    )


def sample_rig(seed: int, expression: Expression, intensity: float, take: int = 0) -> Rig:
    """How the character with this seed shows `expression`; another `take` is another way."""
    return acting.sample(expression, intensity, random.Random(f"kaogae {seed} {expression} {take}"))


def transform(matrix: NDArray[np.float64]) -> str:
    """SVG's way to write a [2, 3] matrix."""
    return "matrix({:.6f} {:.6f} {:.6f} {:.6f} {:.6f} {:.6f})".format(*matrix.T.ravel())


def place(marks: Landmarks, matrix: NDArray[np.float64]) -> dict[str, tuple[float, float]]:
    """Landmarks through `matrix`, by name, rounded to hundredths."""
    names = ("left_eye", "right_eye", "mouth", "nose", "chin")
    placed = apply_matrix(matrix, [getattr(marks, name) for name in names])
    return {
        name: (round(float(x), 2), round(float(y), 2)) for name, (x, y) in zip(names, placed, strict=True)
    }
