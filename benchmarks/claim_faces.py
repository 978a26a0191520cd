"""The drawn faces of `claim.py`: what is trained on, what the judge learns from, what all is tested on.

Every character is drawn by its seed, so each face has its truth: the same character in any other expression.
"""

import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.atelier import expression as acting
from kaogae.atelier.portrait import Portrait
from kaogae.atelier.rig import Rig
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.images import Picture, save_picture
from what_moved import Face, parts

Pixels = NDArray[np.uint8]
Places = dict[str, NDArray[np.bool_]]

COUNTS = (612, 186, 206, 419, 136)
"""Faces of each expression to train on: Table I of the paper × 0.3."""
DRAWN, STORED, SEEN = 92, 74, 64
"""Sides in pixels: of the aligned crop as it is drawn, of its middle that the set holds, and of what the
networks see, a random window in training and the middle afterwards: 1.9 eye distances."""
TRAINED, LEARNED, CHECKED, TESTED = 20_000_000, 21_000_000, 22_000_000, 23_000_000
"""First seeds: of the set, of the judge's lessons, of the judge's own test, and of the faces to translate."""
TYPICAL = 0.9
"""Intensity of the truth: the middle of what is trained on."""


@dataclass(frozen=True)
class Tested:
    """Characters that no network has seen, as pixels [N, 5, SEEN, SEEN, 3], the second axis by expression."""

    sources: Pixels
    """As they come in: drawn like the faces of the set."""
    truths: Pixels
    """As they should come out: the middle of all ways to draw that expression."""
    places: list[Places]
    """Of each character where eyes, brows, mouth and the rest are, [SEEN, SEEN] each."""


def face(seed: int, expression: Expression) -> Pixels:
    """The character with this seed, [STORED, STORED, 3]; how it shows the expression is its own."""
    dice = random.Random(f"claim {seed} {expression}")
    rig = acting.jitter(acting.canonical(expression), dice)
    return _render(Portrait.from_seed(seed, roughness=0), acting.NEUTRAL.towards(rig, dice.uniform(0.8, 1)))


def middle(pixels: Pixels) -> Pixels:
    """What the networks see of [..., STORED, STORED, 3]."""
    edge = (STORED - SEEN) // 2
    return pixels[..., edge : edge + SEEN, edge : edge + SEEN, :]


def write_set(folder: Path, workers: int) -> None:
    """The faces to train on, for `kaogae dataset freeze`: folder/expression/character/1.png."""
    labels = np.repeat(np.arange(len(EXPRESSIONS)), COUNTS)
    jobs = [(folder, TRAINED + i, EXPRESSIONS[label]) for i, label in enumerate(labels)]
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(_write, jobs, chunksize=16))


def faces(first: int, count: int, workers: int) -> tuple[Pixels, NDArray[np.int64]]:
    """`count` faces of as many characters, [count, STORED, STORED, 3], and what they show, evenly."""
    labels = np.arange(count) % len(EXPRESSIONS)
    jobs = [(first + i, EXPRESSIONS[label]) for i, label in enumerate(labels)]
    with ProcessPoolExecutor(workers) as pool:
        return np.stack(list(pool.map(_face, jobs, chunksize=16))), labels


def tested(count: int, workers: int) -> Tested:
    """`count` characters to translate."""
    with ProcessPoolExecutor(workers) as pool:
        rows = list(pool.map(_tested, range(TESTED, TESTED + count), chunksize=4))
    sources, truths, places = zip(*rows, strict=True)
    return Tested(np.stack(sources), np.stack(truths), list(places))


def _render(portrait: Portrait, rig: Rig) -> Pixels:
    cv2.setNumThreads(1)
    edge = (DRAWN - STORED) // 2
    return portrait.render(rig, DRAWN)[edge : edge + STORED, edge : edge + STORED]


def _face(job: tuple[int, Expression]) -> Pixels:
    return face(*job)


def _write(job: tuple[Path, int, Expression]) -> None:
    folder, seed, expression = job
    path = folder / expression / str(seed) / "1.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(Picture.of(face(seed, expression)), path)


def _tested(seed: int) -> tuple[Pixels, Pixels, Places]:
    portrait = Portrait.from_seed(seed, roughness=0)
    sources = [middle(face(seed, expression)) for expression in EXPRESSIONS]
    rigs = [acting.NEUTRAL.towards(acting.canonical(expression), TYPICAL) for expression in EXPRESSIONS]
    truths = [middle(_render(portrait, rig)) for rig in rigs]
    whole = parts(Face(np.zeros((DRAWN, DRAWN, 3), np.uint8), portrait.points(DRAWN)["mouth"]))
    edge = (DRAWN - SEEN) // 2
    places = {part: where[edge : edge + SEEN, edge : edge + SEEN] for part, where in whole.items()}
    return np.stack(sources), np.stack(truths), places
