"""Drawn pairs: a character as it is, and the same picture with each expression. No photographed set has them.

They are drawn once, in parallel, and kept in chunks, so that drawing can be stopped and goes on later.
"""

import hashlib
import io
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.atelier import expression as acting
from kaogae.atelier.portrait import Portrait
from kaogae.atelier.rig import Rig
from kaogae.errors import ModelError
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.files import write_whole
from kaogae.parallel import parallel_map

Pixels = NDArray[np.uint8]

FIRST_SEED = 1_000_000
"""Characters with lower seeds are never trained on, so they can be used to look and to measure."""
CHUNK = 16
"""Characters per file."""
NEUTRAL_SHARE = 0.45
"""Share of the sources that are neutral, as most pictures are that people want to change."""
CLEAR = 0.5
"""From this intensity on, a source shows its expression; below, it counts as neutral."""


@dataclass(frozen=True)
class Order:
    """What is to be drawn."""

    characters: int
    sources: int
    size: int
    """Side of the aligned crop in pixels."""
    margin: int
    """Pixels drawn around it on every side."""
    seed: int

    @property
    def side(self) -> int:
        return self.size + 2 * self.margin

    @property
    def pictures(self) -> int:
        """Of each character."""
        return 2 * self.sources + len(EXPRESSIONS)

    @property
    def bytes(self) -> int:
        """What all drawings take."""
        return self.characters * self.pictures * self.side**2 * 3

    def hash(self) -> str:
        """Of this order and of the artist's own code: other drawings, another hash."""
        digest = hashlib.sha256(json.dumps(asdict(self)).encode())
        for room in ("kaogae.atelier", "kaogae.train"):
            for file in sorted(resources.files(room).iterdir(), key=lambda entry: entry.name):
                if file.name.endswith(".py") and (room == "kaogae.atelier" or file.name == "pairs.py"):
                    digest.update(file.read_bytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Plan:
    """What is drawn of one character, beside every expression at its clearest."""

    rigs: tuple[Rig, ...]
    """Of the sources."""
    labels: tuple[Expression, ...]
    """What the sources show."""
    aims: tuple[Expression, ...]
    """Where each source is drawn part of the way to ..."""
    strengths: tuple[float, ...]
    """... and how far."""

    @classmethod
    def of(cls, seed: int, sources: int) -> "Plan":
        dice = random.Random(f"kaogae {seed} pairs")
        rigs: list[Rig] = []
        labels: list[Expression] = []
        others = [e for e in EXPRESSIONS if e is not Expression.NEUTRAL]
        for _ in range(sources):
            if dice.random() < NEUTRAL_SHARE:
                expression, intensity = Expression.NEUTRAL, 1.0
            else:
                expression, intensity = dice.choice(others), dice.uniform(0.3, 1.0)
            rigs.append(acting.sample(expression, intensity, dice))
            labels.append(expression if intensity >= CLEAR else Expression.NEUTRAL)
        aims = tuple(dice.choice(EXPRESSIONS) for _ in range(sources))
        strengths = tuple(round(dice.uniform(0.2, 0.9), 3) for _ in range(sources))
        return cls(tuple(rigs), tuple(labels), aims, strengths)


class Pairs:
    """Drawn characters, on disk: read as if they were in memory. Every picture has a number."""

    def __init__(self, order: Order, folder: Path) -> None:
        self.order = order
        self._chunks = [np.load(_chunk(folder, i), mmap_mode="r") for i in range(_chunks(order))]
        self.plans = [Plan.of(FIRST_SEED + order.seed + i, order.sources) for i in range(order.characters)]

    def source(self, character: int, take: int) -> int:
        """Of the picture before."""
        return character * self.order.pictures + take

    def full(self, character: int, expression: int) -> int:
        """Of the same picture with the expression with this index, at its clearest."""
        return self.source(character, self.order.sources + expression)

    def partial(self, character: int, take: int) -> int:
        """Of the source part of the way to the plan's aim."""
        return self.full(character, len(EXPRESSIONS) + take)

    def picture(self, number: int) -> Pixels:
        """[side, side, 3] RGB."""
        character, index = divmod(number, self.order.pictures)
        return self._chunks[character // CHUNK][character % CHUNK, index]

    def chunks(self) -> Iterator[Pixels]:
        """[some, side, side, 3] RGB: all pictures, by their numbers."""
        for chunk in self._chunks:
            yield chunk.reshape(-1, *chunk.shape[2:])


def undrawn(order: Order, cache: Path) -> int:
    """Of how many characters of `order` there are no drawings yet in the folder `cache`."""
    folder = cache / f"pairs-{order.hash()[:16]}"
    drawn = sum(_chunk(folder, i).is_file() for i in range(_chunks(order)))
    return max(0, order.characters - drawn * CHUNK)


def draw_pairs(
    order: Order, cache: Path, *, workers: int | None = None, progress: Callable[[int], None] | None = None
) -> Pairs:
    """The pairs of `order`: those that are not yet in the folder `cache` are drawn.

    Args:
        progress: called with the number of characters drawn so far.
    """
    folder = cache / f"pairs-{order.hash()[:16]}"
    missing = [i for i in range(_chunks(order)) if not _chunk(folder, i).is_file()]
    before = _chunks(order) - len(missing)
    done = parallel_map(partial(_draw_chunk, order, folder), missing, workers=workers)
    for count, _ in enumerate(done, 1):
        if progress is not None:
            progress(min((before + count) * CHUNK, order.characters))
    return Pairs(order, folder)


def render_set(portrait: Portrait, rigs: list[Rig], size: int, margin: int) -> Pixels:
    """[len(rigs), side, side, 3] RGB: one portrait with several rigs, cropped with a margin."""
    return np.stack([portrait.render(rig, size, margin) for rig in rigs])


def _draw_chunk(order: Order, folder: Path, index: int) -> None:
    cv2.setNumThreads(1)
    characters = range(index * CHUNK, min((index + 1) * CHUNK, order.characters))
    full = [acting.canonical(expression) for expression in EXPRESSIONS]
    sets: list[Pixels] = []
    for character in characters:
        seed = FIRST_SEED + order.seed + character
        plan = Plan.of(seed, order.sources)
        between = [
            rig.towards(acting.canonical(aim), strength)
            for rig, aim, strength in zip(plan.rigs, plan.aims, plan.strengths, strict=True)
        ]
        rigs = [*plan.rigs, *full, *between]
        sets.append(render_set(Portrait.from_seed(seed), rigs, order.size, order.margin))
    _save(np.stack(sets), _chunk(folder, index))


def _save(pixels: Pixels, path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    write_whole(buffer.getvalue(), path, ModelError)


def _chunks(order: Order) -> int:
    return -(-order.characters // CHUNK)


def _chunk(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.npy"
