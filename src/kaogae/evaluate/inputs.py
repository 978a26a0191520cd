"""The faces that generators are tested on: chosen from a frozen set, or drawn with their exact truth."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.atelier import expression as acting
from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.dataset import Face, FaceSet
from kaogae.dataset.paths import sha256
from kaogae.errors import ManifestError, UsageError
from kaogae.evaluate.regions import Masks, drawn_parts, parts
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.faces import CROP_DROP, CROP_SCALE, find_faces
from kaogae.images import Picture
from kaogae.parallel import parallel_map

DRAWN_SEEDS = range(500_000, 1_000_000)
"""Characters that are drawn to be tested on. Presets train on seeds from 1,000,000 on."""

CLEARLY = (0.8, 1.0)
"""How strongly drawn sources show their expression."""

MOUTH = 0.72
"""How far a typical mouth lies below the eyes, in eye distances."""

OTHERWISE = 0.25
"""A found face whose eyes' middle is farther from where the crop should have it, in sides of the crop, is
another face's.
"""

Pixels = NDArray[np.uint8]
Marks = NDArray[np.float64]
Known = Literal["given", "found", "assumed"]
"""Where landmarks are from: the atelier or the set; a detector; or where an aligned crop usually has them."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """N faces to translate, each to all five expressions."""

    pixels: Pixels
    """[N, S, S, 3] RGB."""
    labels: NDArray[np.int64]
    """[N], what they show: indices into `EXPRESSIONS`."""
    names: tuple[str, ...]
    """N names: of the set's files, or of drawn characters."""
    marks: Marks
    """[N, 3, 2], the centres (x, y) of left eye, right eye and mouth in pixels; left is the viewer's."""
    known: tuple[Known, ...]
    """Of each face where its marks are from."""
    masks: Masks
    """[N, 4, S, S], where eyes, brows, mouth and the rest are (`regions.PARTS`)."""
    truths: Pixels | None = None
    """[N, 5, S, S, 3], what each should become; None where nobody knows."""

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def size(self) -> int:
        """Side of the pictures."""
        return self.pixels.shape[1]


# ------------------------------------------------------------------------------------------ from a frozen set


def choose(faces: FaceSet, count: int = 100, seed: int = 0, *, size: int | None = None) -> Inputs:
    """`count` faces of the test split, each expression as often as the others, as far as there are enough.

    A face is taken by a hash over `seed` and its file: in whatever order the set has them, the same ones, and
    most of them still when the set has grown. Of several random crops of a face one is taken, and of pictures
    that are equal.

    Args:
        size: side of the pictures in pixels; None: as the set has them.

    Raises:
        ManifestError: the split has fewer faces, or an expression has none; a picture is missing or changed,
            or its landmarks can't be.
        UsageError: `count` is too small for all expressions, or the size can't be.
    """
    check_inputs(count, size if size is not None else faces.size)
    chosen = stratified(faces, count, seed)
    side = size or faces.size
    pictures = [resized(picture, side) for picture in faces.pictures(chosen)]
    known, marks = zip(
        *(_marks(face, picture, side / faces.size) for face, picture in zip(chosen, pictures, strict=True)),
        strict=True,
    )
    return Inputs(
        pixels=np.stack(pictures),
        labels=np.array([face.expression.position for face in chosen], np.int64),
        names=tuple(face.file for face in chosen),
        marks=np.stack(marks),
        known=known,
        masks=np.stack([parts(points, side) for points in marks]),
    )


def stratified(faces: FaceSet, count: int, seed: int) -> list[Face]:
    """Those that `choose` takes, sorted by expression, then by hash.

    Raises:
        ManifestError: the split has fewer faces, or an expression has none.
    """
    ranked = sorted(faces.of("test"), key=lambda face: sha256(f"{seed}:{face.sha256}:{face.file}".encode()))
    once = {face.crop.of if face.crop else face.sha256: face for face in ranked}
    by_expression: defaultdict[Expression, list[Face]] = defaultdict(list)
    for face in once.values():
        by_expression[face.expression].append(face)
    there = [len(by_expression[expression]) for expression in EXPRESSIONS]
    says = ", ".join(f"{n} {e}" for n, e in zip(there, EXPRESSIONS, strict=True))
    if missing := [e.value for e, n in zip(EXPRESSIONS, there, strict=True) if n == 0]:
        raise ManifestError(
            f"The test split of the set '{faces.name}' has no face that is {' or '.join(missing)} ({says}): "
            "freeze the set with a larger --test, or with more such faces."
        )
    if sum(there) < count:
        raise ManifestError(
            f"The test split of the set '{faces.name}' has {sum(there)} faces ({says}), and {count} were "
            "asked for: ask for fewer, or freeze the set with a larger --test."
        )
    return [
        face
        for expression, share in zip(EXPRESSIONS, _shares(there, count), strict=True)
        for face in by_expression[expression][:share]
    ]


def _shares(there: Sequence[int], count: int) -> list[int]:
    """How many of each kind: as evenly as there are enough of them, `count` in all."""
    shares = [0] * len(there)
    while (left := count - sum(shares)) > 0:
        room = [i for i, share in enumerate(shares) if share < there[i]]
        for i in room[:left]:
            shares[i] += 1
    return shares


def _marks(face: Face, pixels: Pixels, scale: float) -> tuple[Known, Marks]:
    """Where the eyes and the mouth of `face` are in `pixels`, and how that is known."""
    given = face.landmarks or {}
    names = ("left_eye", "right_eye", "mouth")
    found = _found(pixels) if any(name not in given for name in names) else None
    marks = _usual(len(pixels)) if found is None else found
    for i, name in enumerate(names):
        if name in given:
            marks[i] = np.multiply(given[name], scale)
    if np.hypot(*(marks[1] - marks[0])) < 1:
        raise ManifestError(f"{face.file} has both eyes at one place: freeze the set again without it.")
    if all(name in given for name in names):
        return "given", marks
    return ("assumed" if found is None else "found"), marks


def _found(pixels: Pixels) -> Marks | None:
    """By the detector: None if it sees no face where the crop should have one."""
    usual = _usual(len(pixels))
    for face in find_faces(Picture.of(pixels), every=False):
        marks = np.array([face.left_eye, face.right_eye, face.mouth], np.float64)
        apart = marks[:2].mean(0) - usual[:2].mean(0)
        if np.hypot(*apart) < OTHERWISE * len(pixels):
            return marks
    return None


def _usual(size: int) -> Marks:
    """Where an aligned crop of `size` pixels has its eyes, and a typical mouth."""
    unit = size / CROP_SCALE
    return np.array([[-0.5, 0], [0.5, 0], [0, MOUTH]]) * unit + [size / 2, size / 2 - CROP_DROP * unit]


def resized(pixels: Pixels, size: int) -> Pixels:
    """A face [S, S, 3] as every network and figure here gets it: [size, size, 3]."""
    if len(pixels) == size:
        return pixels
    way = cv2.INTER_AREA if size < len(pixels) else cv2.INTER_CUBIC
    return cv2.resize(pixels, (size, size), interpolation=way).astype(np.uint8)


# ------------------------------------------------------------------------------------------------------ drawn


def drawn(
    count: int = 100,
    seed: int = 0,
    size: int = 128,
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Inputs:
    """`count` drawn characters with exact truth and regions; the expressions they show take turns.

    The truth is the same picture, line for line, with each expression drawn at its clearest.

    Args:
        size: side of the pictures in pixels.
        workers: processes; None takes one per processor.
        progress: called with the number of characters that are done.

    Raises:
        UsageError: `count` is too small for all expressions or larger than the number of characters, or the
            size can't be.
    """
    check_inputs(count, size)
    if count > len(DRAWN_SEEDS):
        raise UsageError(f"At most {len(DRAWN_SEEDS)} characters can be drawn to be tested on, not {count}.")
    seeds = random.Random(f"kaogae inputs {seed}").sample(DRAWN_SEEDS, count)
    jobs = [(character, i % len(EXPRESSIONS)) for i, character in enumerate(seeds)]
    rows = list(parallel_map(partial(_drawn, size), jobs, workers=workers, chunk=2, progress=progress))
    sources, truths, marks, masks = (np.stack(column) for column in zip(*rows, strict=True))
    return Inputs(
        pixels=sources,
        labels=np.array([label for _, label in jobs], np.int64),
        names=tuple(f"drawn-{character}" for character in seeds),
        marks=marks,
        known=("given",) * count,
        masks=masks,
        truths=truths,
    )


def _drawn(size: int, job: tuple[int, int]) -> tuple[Pixels, Pixels, Marks, Masks]:
    cv2.setNumThreads(1)  # processes are the parallelism here
    seed, label = job
    portrait = Portrait.from_seed(seed)
    dice = random.Random(f"kaogae {seed} input")
    source = sample_rig(seed, EXPRESSIONS[label], dice.uniform(*CLEARLY))
    rigs = [acting.canonical(expression) for expression in EXPRESSIONS]
    points = portrait.points(size)
    return (
        portrait.render(source, size),
        np.stack([portrait.render(rig, size) for rig in rigs]),
        np.array([points[name] for name in ("left_eye", "right_eye", "mouth")], np.float64),
        drawn_parts(portrait, [source, *rigs], size),
    )


def check_inputs(count: int, size: int) -> None:
    """Raise UsageError if there can't be so many inputs, or none of `size` pixels."""
    if count < len(EXPRESSIONS):
        raise UsageError(f"At least {len(EXPRESSIONS)} inputs are needed, one per expression, not {count}.")
    if not 32 <= size <= 1024:
        raise UsageError(f"Inputs of {size} pixels are out of range: 32 to 1024.")
