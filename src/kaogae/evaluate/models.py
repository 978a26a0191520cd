"""What is evaluated: anything that gives an aligned face another expression."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kaogae.errors import ModelError
from kaogae.evaluate.evaluation import TARGETS, ModelFacts
from kaogae.images import from_network, to_network
from kaogae.stargan.checkpoint import FILE_LIMIT, Header, build_generator, unpack

BATCH = 20
"""Faces that go through a network at once."""

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]
Counts = NDArray[np.int64]
Run = Callable[[Values, Values], Values]
"""RGB [N, 3, S, S] in [−1, 1] and targets [N, 5], one-hot, to RGB [N, 3, S, S] in [−1, 1]."""
Head = Callable[[Values], Counts]
"""RGB [N, 3, S, S] in [−1, 1] to an expression for each, 0 to 4."""


@dataclass(frozen=True, eq=False)
class Model:
    """A generator, however it is run."""

    facts: ModelFacts
    run: Run
    own_head: Head | None = None
    """The class head of the discriminator that it learned from, if it's at hand."""

    def translate(self, pixels: Pixels, progress: Callable[[int], None] | None = None) -> Pixels:
        """Each of `pixels` [N, S, S, 3] with all five expressions: [N, 5, S, S, 3].

        Args:
            progress: called with the number of outputs that are made.

        Raises:
            ModelError: an output isn't a picture.
        """
        sources = np.repeat(np.arange(len(pixels)), TARGETS)
        targets = np.tile(np.arange(TARGETS), len(pixels))
        made = self._each(pixels, sources, targets, progress)
        return np.stack(list(made)).reshape(len(pixels), TARGETS, *pixels.shape[1:])

    def back(self, outputs: Pixels, labels: Counts, progress: Callable[[int], None] | None = None) -> Pixels:
        """Each of `outputs` [N, 5, S, S, 3] with what its input showed, `labels` [N]: the same shape."""
        flat = outputs.reshape(-1, *outputs.shape[2:])
        made = self._each(flat, np.arange(len(flat)), np.repeat(labels, outputs.shape[1]), progress)
        return np.stack(list(made)).reshape(outputs.shape)

    def own_verdicts(self, outputs: Pixels) -> Counts | None:
        """What its own discriminator sees in `outputs` [N, 5, S, S, 3]: [N, 5]; None without one."""
        if self.own_head is None:
            return None
        rows = [self.own_head(to_network(five)) for five in outputs]
        return np.stack(rows).astype(np.int64)

    def _each(
        self, pixels: Pixels, sources: Counts, targets: Counts, progress: Callable[[int], None] | None
    ) -> Iterator[Pixels]:
        one_hot = np.eye(TARGETS, dtype=np.float32)
        for start in range(0, len(sources), BATCH):
            part = slice(start, start + BATCH)
            values = to_network(pixels[sources[part]])
            made = self.run(values, one_hot[targets[part]])
            if made.shape != values.shape or not np.isfinite(made).all():
                raise ModelError(
                    f"The model '{self.facts.name}' gives something that isn't a picture of"
                    f" {self.facts.image_size} pixels: it's damaged or badly trained."
                )
            yield from from_network(made.clip(-1, 1))
            if progress is not None:
                progress(min(start + BATCH, len(sources)))


def open_checkpoint(path: Path, name: str, own_head: Head | None = None) -> Model:
    """The generator in a `.safetensors` file of Kaogae's, on this machine's processors.

    Raises:
        ModelError: missing, damaged, foreign, or of another version or vocabulary.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise ModelError(f"The checkpoint {path} can't be read: {error.strerror}.") from error
    generator, header = unpack(data, str(path))

    @torch.no_grad()
    def run(images: Values, targets: Values) -> Values:
        return generator(torch.from_numpy(images), torch.from_numpy(targets)).numpy()

    facts = facts_of(name, hashlib.sha256(data).hexdigest(), len(data), header)
    return Model(facts, run, own_head)


def facts_of(name: str, sha256: str, size: int, header: Header) -> ModelFacts:
    """What is kept of the model called `name`, in a file of `size` bytes."""
    with torch.device("meta"):
        parameters = sum(weights.numel() for weights in build_generator(header.generator).parameters())
    about = {
        "architecture": asdict(header.generator),
        "images_seen": header.images_seen,
        "dataset": header.dataset,
        "training": header.training,
    }
    return ModelFacts(name, sha256, size, header.image_size, parameters, about)
