"""One picture in, other expressions out: detect, align, translate, put back."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kaogae.errors import NoFaceError, UsageError
from kaogae.expressions import EXPRESSIONS, Expression, parse_expression
from kaogae.faces import CROP_SCALE, AnimefaceDetector, Detector, Face, Matrix, find_faces, warp
from kaogae.images import Picture, read_picture, save_picture, to_network
from kaogae.transfer import blend
from kaogae.transfer.model import Generator

Pixels = NDArray[np.uint8]
Source = str | Path | Picture | Image.Image | Pixels
FaceChoice = int | Literal["largest", "all"]
"""Which faces are changed: a number counts from 1, the largest."""
BACKGROUND = 255
"""The grey behind transparent pictures that the network sees."""


@dataclass(frozen=True)
class Transfer:
    """A picture with another expression."""

    picture: Picture
    """The result: size, mode, alpha, profile and orientation are the input's."""
    expression: Expression
    strength: float
    faces: tuple[Face, ...]
    """The faces that were changed."""
    mask: Pixels
    """[H, W], upright: 0 where the picture is identical to the input, up to 255 where it's all new."""

    @property
    def image(self) -> Image.Image:
        """As a Pillow image in the input's mode (16-bit colour as 8-bit, which is what Pillow holds)."""
        return self.picture.stored

    def save(self, path: str | Path) -> None:
        """Write the picture to `path`; see `kaogae.images.save_picture`."""
        save_picture(self.picture, path)

    def crop(self, face: Face) -> Picture:
        """The aligned square around `face`, eyes level, at the picture's own resolution."""
        return aligned(self.picture, face)


@dataclass(frozen=True)
class Prepared:
    """A picture whose faces have been found: the part of the work that all expressions share."""

    picture: Picture
    faces: tuple[Face, ...]
    """All that were found, largest first."""
    seen: Pixels = field(repr=False)
    """RGB [H, W, 3] as the network sees it: on a plain background."""

    def chosen(self, face: FaceChoice) -> tuple[Face, ...]:
        """The faces that `face` means.

        Raises:
            NoFaceError: there are none, or fewer than the number.
        """
        if not self.faces:
            raise NoFaceError(
                "No face was found. Very large, very small, turned and covered faces are missed."
            )
        if face == "all":
            return self.faces
        number = 1 if face == "largest" else face
        if number > len(self.faces):
            has = "has only one face" if len(self.faces) == 1 else f"has only {len(self.faces)} faces"
            raise NoFaceError(f"There is no face {number}: the picture {has}.")
        return (self.faces[number - 1],)


class Transferrer:
    """Gives pictures other expressions. Made by `Transferrer.load()`, for any number of pictures."""

    def __init__(self, generator: Generator, detector: Detector | None = None) -> None:
        self.generator = generator
        self.detector = detector or AnimefaceDetector()

    @classmethod
    def load(cls, path: str | Path | None = None, *, threads: int = 0) -> "Transferrer":
        """With the model that comes with Kaogae, or the one at `path`.

        Raises:
            ModelError: the model can't be used.
        """
        return cls(Generator.load(path, threads=threads))

    def transfer(
        self,
        image: Source,
        expression: str | Expression,
        *,
        strength: float = 1.0,
        face: FaceChoice | str = "largest",
    ) -> Transfer:
        """The same picture with another expression.

        Args:
            image: a path, a Pillow image, or RGB uint8 [H, W, 3] (or [H, W], or RGBA [H, W, 4]).
            expression: happy, sad, crying, neutral or surprised.
            strength: how far to go from the face's own expression to that one: 0 to 1.
            face: "largest", "all", or a number that counts from 1, the largest.

        Raises:
            PictureError: the picture can't be read.
            NoFaceError: no such face.
            UsageError: unknown expression, or strength out of range.
        """
        wanted = parse_expression(expression)
        strength, choice = check_strength(strength), parse_face(face)
        results = self.transfer_all(self.prepare(image, choice), [wanted], strength=strength, face=choice)
        return next(results)

    def prepare(self, image: Source, face: FaceChoice = "all") -> Prepared:
        """Read a picture and find its faces: only the largest ones if `face` is "largest"."""
        picture = read_picture(image) if isinstance(image, str | Path) else Picture.of(image)
        faces = find_faces(picture, self.detector, every=face != "largest")
        return Prepared(picture, tuple(faces), picture.over(BACKGROUND))

    def transfer_all(
        self,
        prepared: Prepared,
        expressions: Iterable[str | Expression] = EXPRESSIONS,
        *,
        strength: float = 1.0,
        face: FaceChoice = "largest",
    ) -> Iterator[Transfer]:
        """The picture once for each expression; a face goes through the network for all of them at once.

        Raises:
            NoFaceError: no such face.
            ModelError: the model fails.
        """
        wanted, faces = [parse_expression(name) for name in expressions], prepared.chosen(face)
        targets = np.stack([expression.vector(strength) for expression in wanted])
        # Strength 0 is the input itself, by definition
        answers = [self._translate(prepared, one, targets) for one in faces] if strength > 0 else []
        for i, expression in enumerate(wanted):
            changes = [
                blend.change(prepared.seen, matrix, outputs[i], None if attention is None else attention[i])
                for matrix, outputs, attention in answers
            ]
            pixels, mask = blend.add(prepared.picture.pixels, changes, prepared.picture.alpha)
            yield Transfer(prepared.picture.edited(pixels), expression, strength, faces, mask)

    def _translate(
        self, prepared: Prepared, face: Face, targets: blend.Plane
    ) -> tuple[Matrix, blend.Plane, blend.Plane | None]:
        """The crop's matrix, RGB [N, S, S, 3] (0 to 255) for each of N targets, attention [N, S, S]."""
        size = self.generator.image_size
        matrix = face.matrix(size)
        crop = to_network(blend.cut(prepared.seen, matrix, size))
        outputs, attention = self.generator.translate(np.stack([crop] * len(targets)), targets)
        colours = (outputs.transpose(0, 2, 3, 1) + 1) * np.float32(127.5)
        return matrix, colours, None if attention is None else attention[:, 0]


def aligned(picture: Picture, face: Face) -> Picture:
    """The aligned square around `face`, eyes level, at the picture's own resolution: RGB or RGBA."""
    side = max(round(CROP_SCALE * face.eye_distance), 1)
    layers = picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])
    return Picture.of(warp(layers, face.matrix(side), (side, side)))


def check_strength(strength: float) -> float:
    """`strength`, if it's between 0 and 1.

    Raises:
        UsageError: it isn't.
    """
    if not math.isfinite(strength) or not 0 <= strength <= 1:
        raise UsageError(f"The strength {strength:g} isn't between 0 (as it is) and 1 (the full expression).")
    return strength


def parse_face(face: FaceChoice | str) -> FaceChoice:
    """Which faces `face` means: "largest", "all", or a whole number from 1.

    Raises:
        UsageError: something else.
    """
    if face in ("largest", "all"):
        return face
    number = int(face) if str(face).isdecimal() and len(str(face)) < 10 else 0
    if number < 1:
        raise UsageError(f"There is no face '{face}': choose largest, all, or a number that counts from 1.")
    return number
