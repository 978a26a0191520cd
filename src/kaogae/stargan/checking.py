"""Whether an exported generator still does what PyTorch does, before anything is written."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kaogae.errors import ModelError
from kaogae.expressions import EXPRESSIONS
from kaogae.stargan.checkpoint import Generator
from kaogae.stargan.small import SmallGenerator

TOLERANCE = {"safetensors": 1e-5, "torchscript": 1e-4, "float32": 1e-3, "float16": 2e-2}
"""Largest difference from PyTorch on any pixel, in [−1, 1]; for ONNX by the precision of its weights."""
TOGETHER = 4
"""Faces in a batch of the check: few, because the paper's generator needs 75 MB for each face and layer."""

Run = Callable[[Tensor, Tensor], Sequence[Tensor]]
"""image [N, 3, S, S] and target [N, 5] to output [N, 3, S, S] and, if there is one, mask [N, 1, S, S]."""


@dataclass(frozen=True)
class ExportReport:
    """What was written."""

    bytes: int
    difference: float
    """Largest difference from PyTorch on any pixel, in [−1, 1]."""


class Signature(nn.Module):
    """Names the outputs of an exported generator: output, and mask if it has one."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator: Generator = generator

    def forward(self, image: Tensor, target: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        if isinstance(self.generator, SmallGenerator):
            return self.generator.with_mask(image, target)
        return self.generator(image, target)


def running(module: Callable[[Tensor, Tensor], Tensor | tuple[Tensor, Tensor]]) -> Run:
    """`module`, whether it gives one tensor or two."""

    def run(image: Tensor, target: Tensor) -> Sequence[Tensor]:
        found = module(image, target)
        return (found,) if isinstance(found, Tensor) else found

    return run


def check_same(exported: Run, generator: Generator, faces: Tensor, tolerance: float) -> float:
    """The largest difference between `exported` and `generator` on any pixel, in [−1, 1].

    Every face goes through with every target in batches of `TOGETHER`, and alone with one of them.

    Args:
        faces: [N, 3, S, S] in [−1, 1].

    Raises:
        ModelError: it is larger than `tolerance`, or not a number.
    """
    largest = torch.zeros(())
    wanted_of = running(Signature(generator).eval())
    with torch.inference_mode():
        for image, target, lone in _trials(faces):
            wanted = wanted_of(image, target)
            pairs = [(wanted, exported(image, target))]
            if lone is not None:
                one = slice(lone, lone + 1)
                pairs.append(([values[one] for values in wanted], exported(image[one], target[one])))
            for ours, theirs in pairs:
                for a, b in zip(ours, theirs, strict=True):
                    largest = torch.maximum(largest, (a - b).abs().max())  # NaN stays
    difference = float(largest)
    if not difference <= tolerance:
        raise ModelError(
            f"The exported model differs from PyTorch's by {difference:.4f} and not by {tolerance:g} at most,"
            " so it wasn't written."
        )
    return difference


def _trials(faces: Tensor) -> Iterator[tuple[Tensor, Tensor, int | None]]:
    """Image, target, and which of them is also to be tried alone."""
    count = len(EXPRESSIONS)
    for first in range(0, len(faces), TOGETHER):
        image = faces[first : first + TOGETHER]
        for turn in range(count):
            # Neighbours in a batch have different targets, so none can be taken for another's
            indices = [(turn + first + i) % count for i in range(len(image))]
            yield image, torch.eye(count)[indices], turn if turn < len(image) else None
