"""Which pictures an iteration sees. Everything random follows from the seed and the iteration's number alone,
so a run that goes on after a stop sees what it would have seen.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kaogae.dataset import FaceSet
from kaogae.errors import ConfigError
from kaogae.expressions import EXPRESSIONS
from kaogae.train.augment import View, sample_view
from kaogae.train.config import TrainConfig
from kaogae.train.pairs import Order, Pairs, draw_pairs

AHEAD = 4
"""Batches made ready while another is learned from."""
CLASSES = len(EXPRESSIONS)


@dataclass(frozen=True)
class Batch:
    """Pictures are RGB in [−1, 1]."""

    source: Tensor
    """[N, 3, S, S], the input."""
    label: Tensor
    """[N] int64: what it shows."""
    target: Tensor
    """[N, 5]: strength × one-hot of what is asked for."""
    target_label: Tensor
    """[N] int64: the same as an index."""
    truth: Tensor
    """[N, 3, S, S]: what should come out, where it is known; the source elsewhere."""
    known: Tensor
    """[N] bool: where it is."""
    share: Tensor
    """[N, 1, 1, 1] in [0, 1]: where between real and translated the gradient penalty looks."""

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(getattr(self, entry.name).to(device, non_blocking=True) for entry in fields(self)))


@dataclass
class _Sample:
    """One row of a batch."""

    source: NDArray[np.uint8]
    label: int
    target_label: int
    strength: float
    truth: NDArray[np.uint8] | None
    inner: int
    """Side of the aligned crop within the pictures."""


@dataclass(frozen=True)
class Faces:
    """Labelled faces without pairs."""

    pixels: NDArray[np.uint8]
    """[N, S, S, 3] RGB."""
    labels: NDArray[np.int64]
    chances: NDArray[np.float64]
    """[N], how often each is shown; adds up to 1."""

    @classmethod
    def of(cls, sets: Sequence[FaceSet], size: int, split: str = "train") -> "Faces":
        """The faces of `split`. A source counts with the root of its size, so that none drowns the rest.

        Raises:
            ManifestError: a picture is missing or has changed.
        """
        pixels = np.concatenate([_resized(faces.pixels(split), size) for faces in sets])
        labels = np.concatenate([faces.labels(split) for faces in sets])
        sources = [f"{faces.hash} {face.source}" for faces in sets for face in faces.of(split)]
        _, place, counts = np.unique(sources, return_inverse=True, return_counts=True)
        chances = 1 / np.sqrt(counts[place]) if sources else np.zeros(0)
        return cls(pixels, labels, chances / chances.sum() if sources else chances)


class Data:
    """Everything a run learns from."""

    def __init__(self, config: TrainConfig, pairs: Pairs | None, faces: Faces | None, origin: str) -> None:
        self.config, self.pairs, self.faces = config, pairs, faces
        self.hash = origin
        """SHA-256 over the drawings' order and the frozen sets."""

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
            ConfigError: there is neither, or a set of random crops would be cropped again.
            ManifestError: a set's picture is missing or has changed.
        """
        order = drawn_order(config)
        if order is None and not any(faces.of("train") for faces in sets):
            raise ConfigError("There is nothing to learn from: name a frozen set, or set data.drawn.")
        for faces in sets:
            if config.augment.crop < 1 and any(face.crop for face in faces.faces):
                raise ConfigError(
                    f"The set '{faces.name}' holds random crops already: train on whole faces, or add "
                    f"--set stored_size={faces.size} --set augment.crop=1 --set augment.shift=0 "
                    "--set augment.flip=false."
                )
        digest = hashlib.sha256("\n".join([order.hash() if order else "", *(s.hash for s in sets)]).encode())
        pairs = draw_pairs(order, cache, workers=workers, progress=progress) if order else None
        faces = Faces.of(sets, config.stored_size) if sets else None
        if faces is not None and not len(faces.labels):
            faces = None
        return cls(config, pairs, faces, digest.hexdigest())

    def batch(self, iteration: int) -> Batch:
        """The batch of this iteration."""
        cv2.setNumThreads(1)
        config = self.config
        dice = np.random.default_rng([config.seed, iteration])
        real = self._real_count()
        samples = [self._real(dice) for _ in range(real)]
        samples += [self._drawn(dice) for _ in range(config.batch - real)]
        if not config.weights.supervised:  # as the original: the labels of the batch, shuffled
            shuffled = dice.permutation([sample.label for sample in samples])
            for sample, label in zip(samples, shuffled, strict=True):
                sample.target_label, sample.strength = int(label), 1.0
        views = [self._view(sample, dice) for sample in samples]
        return _collate(samples, views, dice.random(len(samples), np.float32))

    def batches(self, first: int, last: int) -> Iterator[Batch]:
        """The batches of the iterations `first` to `last` − 1, made ready in the background."""
        with ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(self.batch, i) for i in range(first, min(first + AHEAD, last))]
            try:
                for i in range(first, last):
                    yield waiting.pop(0).result()
                    if i + AHEAD < last:
                        waiting.append(pool.submit(self.batch, i + AHEAD))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _real_count(self) -> int:
        if self.faces is None or self.pairs is None:
            return self.config.batch if self.pairs is None else 0
        return round(self.config.batch * self.config.data.real_share)

    def _real(self, dice: np.random.Generator) -> _Sample:
        assert self.faces is not None  # _real_count saw it
        index = int(dice.choice(len(self.faces.labels), p=self.faces.chances))
        picture, label = self.faces.pixels[index], int(self.faces.labels[index])
        untouched = dice.random() < self.config.data.untouched_share
        target = int(dice.integers(CLASSES))
        return _Sample(
            picture, label, target, float(not untouched), picture if untouched else None, len(picture)
        )

    def _drawn(self, dice: np.random.Generator) -> _Sample:
        assert self.pairs is not None  # _real_count saw it
        pairs, data = self.pairs, self.config.data
        character = int(dice.integers(pairs.order.characters))
        take, target = int(dice.integers(pairs.order.sources)), int(dice.integers(CLASSES))
        plan, source, luck = pairs.plans[character], pairs.source(character, take), dice.random()
        label, size = plan.labels[take].position, pairs.order.size
        if luck < data.untouched_share:
            return _Sample(source, label, target, 0.0, source, size)
        if luck < data.untouched_share + data.partial_share:
            aim, strength = plan.aims[take].position, plan.strengths[take]
            return _Sample(source, label, aim, strength, pairs.partial(character, take), size)
        return _Sample(source, label, target, 1.0, pairs.full(character, target), size)

    def _view(self, sample: _Sample, dice: np.random.Generator) -> View:
        side, size = len(sample.source), self.config.image_size
        return sample_view(self.config.augment, side, sample.inner, size, dice)


def drawn_order(config: TrainConfig) -> Order | None:
    """What a run with `config` needs drawn."""
    if not config.data.drawn:
        return None
    margin = round(config.data.margin * config.stored_size)
    return Order(config.data.drawn, config.data.sources, config.stored_size, margin, config.seed * 10**7)


def _collate(samples: Sequence[_Sample], views: Sequence[View], shares: NDArray[np.float32]) -> Batch:
    target = np.zeros((len(samples), CLASSES), np.float32)
    target[np.arange(len(samples)), [sample.target_label for sample in samples]] = [
        s.strength for s in samples
    ]
    sources = [view.apply(sample.source) for sample, view in zip(samples, views, strict=True)]
    truths = [
        source if sample.truth is None or sample.truth is sample.source else view.apply(sample.truth)
        for sample, view, source in zip(samples, views, sources, strict=True)
    ]
    return Batch(
        torch.from_numpy(np.stack(sources)),
        torch.tensor([sample.label for sample in samples]),
        torch.from_numpy(target),
        torch.tensor([sample.target_label for sample in samples]),
        torch.from_numpy(np.stack(truths)),
        torch.tensor([sample.truth is not None for sample in samples]),
        torch.from_numpy(shares)[:, None, None, None],
    )


def _resized(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    if not len(pixels) or pixels.shape[1] == size:
        return pixels.reshape(-1, size, size, 3)
    way = cv2.INTER_AREA if size < pixels.shape[1] else cv2.INTER_CUBIC
    return np.stack([cv2.resize(p, (size, size), interpolation=way).astype(np.uint8) for p in pixels])
