"""Everything a run learns from: the train split of frozen sets, and drawn pairs."""

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from kaogae.dataset import FaceSet
from kaogae.errors import ConfigError, ModelError
from kaogae.expressions import EXPRESSIONS
from kaogae.train.batches import Batch, Feed, Resident, Streamed, batches, resident_bytes
from kaogae.train.config import DataConfig, TrainConfig
from kaogae.train.pairs import Order, Pairs, draw_pairs
from kaogae.train.sampling import Indices, Rows, Sampler

RESIDENT_SHARE = 0.5
"""Most of a GPU's free memory that pictures may take."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Faces:
    """Labelled faces without pairs."""

    pixels: Pixels
    """[N, S, S, 3] RGB."""
    labels: Indices
    sources: tuple[str, ...]
    """N names of the places that they come from."""

    @classmethod
    def of(cls, sets: Sequence[FaceSet], size: int, split: str = "train") -> "Faces":
        """The faces of `split`, as pictures of `size` pixels.

        Raises:
            ManifestError: a picture is missing or has changed.
        """
        pixels = [_resized(faces.pixels(split), size) for faces in sets]
        labels = [faces.labels(split) for faces in sets]
        sources = [f"{faces.hash} {face.source}" for faces in sets for face in faces.of(split)]
        return cls(
            np.concatenate([np.empty((0, size, size, 3), np.uint8), *pixels]),
            np.concatenate([np.empty(0, np.int64), *labels]),
            tuple(sources),
        )

    def chances(self, data: DataConfig) -> NDArray[np.float64] | None:
        """[N], how often each is shown, adding up to 1; None: all equally often."""
        if not len(self.labels) or not (data.balance or data.balance_sources):
            return None
        _, source, faces = np.unique(np.array(self.sources), return_inverse=True, return_counts=True)
        chances = faces[source] ** -data.balance_sources
        total = np.bincount(self.labels, chances, len(EXPRESSIONS))
        chances = chances * total[self.labels] ** -data.balance
        return chances / chances.sum()


class Data:
    """What a run sees, iteration by iteration."""

    def __init__(self, config: TrainConfig, pairs: Pairs | None, faces: Faces, held_out: Faces) -> None:
        self.config, self.pairs, self.faces = config, pairs, faces
        self.held_out = held_out
        """The validation split: looked at, never learned from."""
        self.sampler = Sampler(config, faces.labels, faces.chances(config.data), pairs)

    @classmethod
    def load(
        cls,
        config: TrainConfig,
        sets: Sequence[FaceSet],
        cache: Path,
        *,
        workers: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> "Data":
        """Draw what is missing and read the sets.

        Raises:
            ConfigError: there is too little to learn from, or the sets don't fit the settings.
            ManifestError: a set's picture is missing or has changed.
            ModelError: drawings are damaged, or can't be written.
        """
        order = drawn_order(config)
        check_sets(config, sets)
        size = config.stored_size
        faces, held_out = Faces.of(sets, size), Faces.of(sets, size, "validation")
        try:
            pairs = draw_pairs(order, cache, workers=workers, progress=progress) if order else None
        except (ValueError, EOFError) as error:  # of numpy, for a file that isn't whole
            raise ModelError(
                f"Drawings in {cache} are damaged: remove that folder, and they are drawn again."
            ) from error
        return cls(config, pairs, faces, held_out)

    def rows(self, iteration: int) -> Rows:
        """What iteration `iteration` sees, in all processes together."""
        return self.sampler.rows(iteration)

    def stays_on(self, device: torch.device) -> bool:
        """Whether all pictures lie in the device's memory: if the settings want that, or it has room."""
        wish = self.config.data.resident
        if wish != "auto" or device.type != "cuda":
            return wish == "yes"
        free, _ = torch.cuda.mem_get_info(device)
        return resident_bytes(self.faces.pixels, self.pairs) < RESIDENT_SHARE * free

    def feed(self, device: torch.device) -> Feed:
        """The way to the device."""
        kind = Resident if self.stays_on(device) else Streamed
        return kind(self.faces.pixels, self.pairs, self.config.image_size, device)

    def batches(
        self, first: int, last: int, device: torch.device, rank: int = 0, world: int = 1
    ) -> Generator[list[Batch]]:
        """The micro-batches of process `rank` of `world`, for the iterations `first` to `last` − 1."""
        feed, parts = self.feed(device), self.config.accumulate
        return batches(self.rows, feed, first, last, rank=rank, world=world, parts=parts)


def check_sets(config: TrainConfig, sets: Sequence[FaceSet]) -> None:
    """See whether a run with `config` can learn from `sets`.

    Raises:
        ConfigError: all that is wrong, in one message.
    """
    problems: list[str] = []
    if len({faces.name for faces in sets}) < len(sets):
        problems.append("Two of the sets have the same name: name each once.")
    for faces in sets:
        if config.augment.crop < 1 and any(face.crop for face in faces.faces):
            problems.append(
                f"The set '{faces.name}' holds random crops already: train on whole faces, or add "
                f"--set stored_size={faces.size} --set augment.crop=1 --set augment.shift=0 "
                "--set augment.flip=false."
            )
        elif faces.size < config.stored_size:
            problems.append(
                f"The set '{faces.name}' holds faces of {faces.size} pixels, and "
                f"{config.stored_size} are needed: freeze it with --size {config.stored_size}, or set "
                "stored_size and image_size lower."
            )
        if not faces.of("train"):
            problems.append(f"The set '{faces.name}' has no face in its train split.")
    shown = np.concatenate([np.empty(0, np.int64), *(faces.labels("train") for faces in sets)])
    if not config.data.drawn:
        if not len(shown):
            problems.append(
                "There is nothing to learn from: name a frozen set with --data, or set data.drawn."
            )
        elif len(np.unique(shown)) == 1:
            problems.append(
                f"All faces are {EXPRESSIONS[shown[0]]}: learning to change expressions needs two at least."
            )
        if 0 < len(shown) < config.batch:
            problems.append(
                f"A batch of {config.batch} is more than the {len(shown)} faces that there are: "
                "set batch lower."
            )
    if problems:
        raise ConfigError("\n".join(problems))


def describe(config: TrainConfig, sets: Sequence[FaceSet]) -> dict[str, Any]:
    """What a run learns from, for its folder: hashes and counts."""
    order = drawn_order(config)
    drawings = order.hash() if order else None
    digest = hashlib.sha256("\n".join([drawings or "", *(faces.hash for faces in sets)]).encode())
    facts = {
        faces.name: {
            "hash": faces.hash,
            "faces": len(faces.of("train")),
            "expressions": faces.counts()["train"],
            "licences": faces.licences,
        }
        for faces in sets
    }
    return {"hash": digest.hexdigest(), "drawings": drawings, "sets": facts}


def drawn_order(config: TrainConfig) -> Order | None:
    """What a run with `config` needs drawn."""
    if not config.data.drawn:
        return None
    margin = round(config.data.margin * config.stored_size)
    return Order(config.data.drawn, config.data.sources, config.stored_size, margin, config.seed * 10**7)


def _resized(pixels: Pixels, size: int) -> Pixels:
    if not len(pixels) or pixels.shape[1] == size:
        return pixels.reshape(-1, size, size, 3)
    way = cv2.INTER_AREA if size < pixels.shape[1] else cv2.INTER_CUBIC
    return np.stack([cv2.resize(p, (size, size), interpolation=way).astype(np.uint8) for p in pixels])
