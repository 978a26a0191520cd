"""Cutting one labelled face into the file that a set holds, in processes of its own."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.dataset.manifest import LANDMARKS, Face, Landmarks, Origin, to_line
from kaogae.dataset.paper import Recipe, swapped
from kaogae.dataset.paths import PICTURE_BYTES, inside, read_bytes, sha256
from kaogae.dataset.sources import RawFace, StoredCrop
from kaogae.errors import ManifestError, PictureError, UsageError
from kaogae.faces import Matrix, apply_matrix, crop_matrix, warp
from kaogae.faces.crops import BACKGROUND, pixels_sha256
from kaogae.images import read_picture

SQUARE = 0.02
"""A picture without landmarks is a crop already if its sides differ by no more than this share."""

NO_FACE = "no landmarks and not square"

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Order:
    """What all faces of a set have in common."""

    draft: Path
    """The set's folder while it is being written; `faces` in it exists."""
    size: int
    """Side of the aligned crops in pixels."""
    recipe: Recipe | None = None
    """Take random crops of the aligned ones instead of them."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A file that was written."""

    sha256: str
    line: str
    """Its line in the manifest, with an empty split."""


def cut_face(order: Order, face: RawFace) -> list[Cut] | str:
    """Write the files of `face`.

    Returns:
        What was written, or the reason why the face is left out.

    Raises:
        ManifestError: the face's file is missing, has changed, or its landmarks can't be.
        PictureError: its file can't be read.
    """
    cv2.setNumThreads(1)  # processes are the parallelism here
    if face.stored is not None:
        pixels, sides = _stored(face.stored, face.where)
    else:
        pixels, sides = _read(face)
    matrix = _matrix(face, sides, order.size)
    if matrix is None:
        return NO_FACE
    height, width = pixels.shape[:2]
    # An enhanced crop has more pixels than the one that the matrix speaks of
    finer = matrix * np.array([sides[0] / width, sides[1] / height, 1.0])
    crop = warp(pixels, finer, (order.size, order.size)).astype(np.uint8, copy=False)
    frozen = Face(
        file="",
        sha256="",
        expression=face.expression,
        label_origin=face.label_origin,
        source=face.source,
        character=face.character,
        licence=face.licence,
        split="",
        landmarks=_mapped(face.landmarks, matrix),
        origin=None if face.origin is None else _seen_through(face.origin, matrix),
        crop=face.crop,
    )
    if order.recipe is None:
        return [_write(order.draft, crop, frozen)]
    if face.crop is not None:
        raise ManifestError(f"{face.where}: this is a random crop already; freeze whole faces with --paper.")
    return _augment(order.draft, crop, frozen, order.recipe)


def _augment(draft: Path, crop: Pixels, face: Face, recipe: Recipe) -> list[Cut]:
    size = len(crop)
    cuts: list[Cut] = []
    for part in recipe.draw(sha256(_png(crop)), size):
        matrix = recipe.matrix(part, size)
        landmarks = _mapped(face.landmarks, matrix)
        changed = replace(
            face,
            landmarks=swapped(landmarks) if landmarks and part.mirrored else landmarks,
            origin=None if face.origin is None else _seen_through(face.origin, matrix),
            crop=part,
        )
        cuts.append(_write(draft, recipe.take(crop, part), changed))
    return cuts


def _write(draft: Path, pixels: Pixels, face: Face) -> Cut:
    content = _png(pixels)
    digest = sha256(content)
    file = f"faces/{digest[:24]}.png"
    (draft / file).write_bytes(content)
    return Cut(digest, to_line(replace(face, file=file, sha256=digest)))


def _read(face: RawFace) -> tuple[Pixels, tuple[int, int]]:
    """RGB, and the width and height that the face's matrix speaks of."""
    if face.sha256 is not None and sha256(read_bytes(face.path, PICTURE_BYTES)) != face.sha256:
        raise ManifestError(f"{face.path} has changed: its hash is not the one in its manifest.")
    pixels = read_picture(face.path).over(BACKGROUND)
    return pixels, (pixels.shape[1], pixels.shape[0])


def _stored(crop: StoredCrop, where: str) -> tuple[Pixels, tuple[int, int]]:
    """The enhanced crop if there is one; the native one is checked in any case."""
    native = inside(crop.folder, crop.native, where)
    pixels = _square(native)
    if len(pixels) != crop.size or pixels_sha256(pixels) != crop.pixels_sha256:
        raise ManifestError(f"{native} has changed: its pixels are not those that the catalogue knows.")
    if crop.enhanced is not None:
        try:
            pixels = _square(inside(crop.folder, crop.enhanced, where))
        except (ManifestError, PictureError) as error:
            raise ManifestError(
                f"{str(error).removesuffix('.')}; `kaogae upscale --again` makes it anew."
            ) from error
    return pixels, (crop.size, crop.size)


def _square(path: Path) -> Pixels:
    pixels = read_picture(path).over(BACKGROUND)
    if pixels.shape[0] != pixels.shape[1]:
        raise PictureError(f"{path} is {pixels.shape[1]} × {pixels.shape[0]} pixels; a crop is square.")
    return pixels


def _matrix(face: RawFace, sides: tuple[int, int], size: int) -> Matrix | None:
    """From the picture to the frozen crop; None if the picture says nothing about where the face is."""
    width, height = sides
    if face.landmarks is not None and not face.aligned:
        return _aligned(face.landmarks, sides, size, face.where)
    if face.stored is not None or abs(width - height) <= SQUARE * max(width, height):
        return np.array([[size / width, 0.0, 0.0], [0.0, size / height, 0.0]])
    return None


def _aligned(landmarks: Landmarks, sides: tuple[int, int], size: int, where: str) -> Matrix:
    left, right = np.array(landmarks["left_eye"]), np.array(landmarks["right_eye"])
    distance = float(np.hypot(*(right - left)))
    points = (left, right, (left + right) / 2)
    seen = [bool((point >= 0).all() and (point <= sides).all()) for point in points]
    if not 1 <= distance <= max(sides) or not seen[2] or not any(seen[:2]):
        raise ManifestError(
            f"{where}: the eyes at {_place(left)} and {_place(right)} can't be those of a face in a picture "
            f"of {sides[0]} × {sides[1]} pixels."
        )
    try:
        return crop_matrix(left, right, size)
    except UsageError as error:
        raise ManifestError(f"{where}: {error}") from error


def _place(point: NDArray[np.float64]) -> str:
    return f"({point[0]:g}, {point[1]:g})"


def _mapped(landmarks: Landmarks | None, matrix: Matrix) -> Landmarks | None:
    """`landmarks` through `matrix`, in hundredths of a pixel."""
    if landmarks is None:
        return None
    seen: Landmarks = {}
    for name in LANDMARKS:
        if name in landmarks:
            x, y = apply_matrix(matrix, landmarks[name])
            seen[name] = (round(float(x), 2) + 0.0, round(float(y), 2) + 0.0)
    return seen


def _seen_through(origin: Origin, matrix: Matrix) -> Origin:
    """The same origin, its matrix leading on through `matrix`."""
    whole = np.vstack([matrix, [0, 0, 1]]) @ np.vstack([np.array(origin.matrix), [0, 0, 1]])
    (a, b, c), (d, e, f) = (whole[:2] + 0.0).tolist()  # no negative zero: it would be written as one
    return replace(origin, matrix=((a, b, c), (d, e, f)))


def _png(pixels: Pixels) -> bytes:
    done, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not done:
        raise ManifestError("A face can't be written as PNG.")
    return content.tobytes()
