"""The faces that the judge learns from and is tested on: drawn by seed, in blocks that are kept on disk."""

import hashlib
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.atelier import expression as acting
from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.errors import ModelError, UsageError
from kaogae.expressions import EXPRESSIONS
from kaogae.files import write_whole
from kaogae.parallel import parallel_map

LEARNED = range(300_000, 500_000)
"""Characters that a judge learns from."""
CALIBRATED = range(200_000, 250_000)
"""Characters by which its chances and its threshold are set."""
EXAMINED = range(250_000, 300_000)
"""Characters that it is tested on."""

SIZE = 128
"""Side of all pictures here, in pixels of the aligned crop."""
BLOCK = 5
"""Characters per file."""
STRENGTH = (0.65, 1.0)
"""How strongly faces show their expression."""
CANONICAL = 0.2
"""Share of the faces that show it in the least mistakable way, as generators are asked to."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Order:
    """What is to be drawn: `takes` different expressions of each character, each once."""

    seeds: range
    takes: int
    size: int = SIZE

    def __post_init__(self) -> None:
        """Raises UsageError for more than there is."""
        if not 1 <= self.takes <= len(EXPRESSIONS) or not len(self.seeds):
            raise UsageError(f"A judge needs characters, with 1 to {len(EXPRESSIONS)} expressions each.")

    @property
    def hash(self) -> str:
        """Of this order and of the artist's own code: other drawings, another hash."""
        what = {
            "first": self.seeds.start,
            "takes": self.takes,
            "size": self.size,
        }  # more characters are the same and others
        digest = hashlib.sha256(json.dumps(what).encode())
        for file in sorted(resources.files("kaogae.atelier").iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".py"):
                digest.update(file.read_bytes())
        digest.update(json.dumps([BLOCK, STRENGTH, CANONICAL]).encode())
        return digest.hexdigest()

    def labels(self) -> NDArray[np.int64]:
        """[characters, takes]: indices into `EXPRESSIONS`."""
        return np.array([_expressions(seed, self.takes) for seed in self.seeds], np.int64)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Drawn characters, on disk, read as if they were in memory."""

    labels: NDArray[np.int64]
    """[characters, takes]."""
    blocks: list[Pixels]
    """[`BLOCK`, takes, S, S, 3] each, RGB."""

    def pictures(self, characters: NDArray[np.int64], takes: NDArray[np.int64]) -> Pixels:
        """[N, S, S, 3]: of each of the N characters one take."""
        rows = zip((characters // BLOCK).tolist(), (characters % BLOCK).tolist(), takes.tolist(), strict=True)
        return np.stack([self.blocks[block][row, take] for block, row, take in rows])

    def every(self) -> Pixels:
        """[characters · takes, S, S, 3], in the order of `labels`."""
        return np.concatenate(self.blocks)[: len(self.labels)].reshape(-1, *self.blocks[0].shape[2:])


def draw(
    order: Order,
    cache: Path,
    *,
    workers: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Drawn:
    """The faces of `order`; those that aren't yet in the folder `cache` are drawn.

    Args:
        progress: called with the number of faces drawn so far, and of all.

    Raises:
        ModelError: drawings are damaged, or can't be written.
    """
    folder = cache / f"judge-{order.hash[:16]}"
    count = len(order.seeds)
    starts = range(0, count, BLOCK)
    missing = [start for start in starts if not _file(folder, start).is_file()]
    before = len(starts) - len(missing)
    for done, _ in enumerate(parallel_map(partial(_draw_block, order, folder), missing, workers=workers), 1):
        if progress is not None:
            progress(min((before + done) * BLOCK, count) * order.takes, count * order.takes)
    try:
        blocks = [np.load(_file(folder, start), mmap_mode="r") for start in starts]
    except (ValueError, EOFError, OSError) as error:
        raise ModelError(
            f"Drawings in {folder} are damaged: remove that folder, and they are drawn again."
        ) from error
    return Drawn(order.labels(), blocks)


def _draw_block(order: Order, folder: Path, start: int) -> None:
    """Whole blocks always, so that a larger order finds those of a smaller one."""
    cv2.setNumThreads(1)  # processes are the parallelism here
    first = order.seeds.start + start
    pixels = np.stack([_draw_character(order, seed) for seed in range(first, first + BLOCK)])
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    write_whole(buffer.getvalue(), _file(folder, start), ModelError)


def _draw_character(order: Order, seed: int) -> Pixels:
    """[takes, S, S, 3]."""
    portrait, dice = Portrait.from_seed(seed), random.Random(f"kaogae {seed} judged")
    faces: list[Pixels] = []
    for label in _expressions(seed, order.takes):
        expression, strength = EXPRESSIONS[label], dice.uniform(*STRENGTH)
        rig = sample_rig(seed, expression, strength)
        if dice.random() < CANONICAL:
            rig = acting.canonical(expression)
        faces.append(portrait.render(rig, order.size))
    return np.stack(faces)


def _expressions(seed: int, takes: int) -> list[int]:
    return random.Random(f"kaogae {seed} shows").sample(range(len(EXPRESSIONS)), takes)


def _file(folder: Path, start: int) -> Path:
    return folder / f"{start:06d}.npy"
