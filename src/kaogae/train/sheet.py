"""The sample sheet: faces that are not trained on, translated to every expression."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from kaogae.atelier import expression as acting
from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.images import from_network
from kaogae.stargan.checkpoint import Generator
from kaogae.train.augment import plain_view
from kaogae.train.config import TrainConfig
from kaogae.train.networks import translate
from kaogae.train.pairs import render_set

if TYPE_CHECKING:
    from kaogae.train.data import Data, Faces

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]

SHOWN_DRAWN, SHOWN_REAL = 4, 4
"""Rows of a sheet."""
ORDER = ("crying", "happy", "neutral", "sad", "surprised")
"""Columns of a sheet after the input: those of the paper's Figure 4."""


@dataclass(frozen=True)
class Sheet:
    """What a generator makes of the same inputs, at every expression."""

    pixels: Pixels
    """[H, W, 3] RGB: input, then the expressions in `ORDER`, then the mask of the last."""
    masks: Values | None
    """[5, rows, 1, S, S] in [0, 1], of generators that have one."""
    spread: float
    """Mean |difference| between the outputs for different expressions; values are in [−1, 1]."""
    change: float
    """Mean |output − input|."""


class SampleSheet:
    """Inputs that stay the same for a whole run: drawn ones with the truth below, and real ones."""

    def __init__(self, config: TrainConfig, data: "Data") -> None:
        self.config = config
        self._truths: list[list[Values]] = []
        inputs: list[Values] = []
        if config.data.drawn:
            for seed in range(SHOWN_DRAWN):
                source, *truth = self._drawn(seed)
                inputs.append(source)
                self._truths.append(truth)
        inputs += self._real(data.held_out)
        if not inputs:  # nothing was held out
            inputs += self._real(data.faces)
        self.inputs = torch.from_numpy(np.stack(inputs))
        """[rows, 3, S, S] in [−1, 1]."""

    def draw(self, generator: Generator) -> Sheet:
        """The sheet of `generator`, which is left as it was."""
        device, was_training = next(generator.parameters()).device, generator.training
        inputs, outputs, masks = self.inputs.to(device), list[Values](), list[Values]()
        generator.eval()
        with torch.no_grad():
            for name in ORDER:
                target = torch.from_numpy(Expression(name).vector()).expand(len(inputs), -1)
                output, mask = translate(generator, inputs, target.to(device))
                outputs.append(output.cpu().numpy())
                if mask is not None:
                    masks.append(mask.cpu().numpy())
        generator.train(was_training)
        pairs = [np.abs(one - other).mean() for one, other in combinations(outputs, 2)]
        changes = [np.abs(output - self.inputs.numpy()).mean() for output in outputs]
        return Sheet(
            self._lay_out(outputs, masks),
            np.stack(masks) if masks else None,
            float(np.mean(pairs)),
            float(np.mean(changes)),
        )

    def _lay_out(self, outputs: Sequence[Values], masks: Sequence[Values]) -> Pixels:
        columns = [self.inputs.numpy(), *outputs]
        if masks:
            columns.append(masks[-1].repeat(3, 1) * 2 - 1)
        rows: list[Pixels] = []
        for i in range(len(self.inputs)):
            rows.append(_row([column[i] for column in columns]))
            if i < len(self._truths):
                blank = np.ones_like(columns[0][i])
                rows.append(_row([blank, *self._truths[i], *([blank] if masks else [])]))
        return np.concatenate(rows)

    def _drawn(self, seed: int) -> list[Values]:
        config = self.config
        source = (Expression.NEUTRAL, EXPRESSIONS[seed % len(EXPRESSIONS)])[seed % 2]
        rigs = [sample_rig(seed, source, 0.8), *(acting.canonical(Expression(name)) for name in ORDER)]
        pictures = render_set(Portrait.from_seed(seed, roughness=0.5), rigs, config.stored_size, 0)
        view = plain_view(config.stored_size, config.stored_size, config.image_size)
        return [view.apply(picture) for picture in pictures]

    def _real(self, faces: "Faces") -> list[Values]:
        """Some of the faces, of as many expressions as they can be."""
        order = np.random.default_rng(0).permutation(len(faces.labels))
        rank = np.zeros(len(order), np.int64)  # how many of its expression stand before it
        for label in range(len(EXPRESSIONS)):
            same = faces.labels[order] == label
            rank[same] = np.arange(same.sum())
        chosen = order[np.argsort(rank, kind="stable")][:SHOWN_REAL]
        view = plain_view(self.config.stored_size, self.config.stored_size, self.config.image_size)
        return [view.apply(faces.pixels[i]) for i in chosen]


def encode_png(pixels: Pixels) -> bytes:
    """`pixels` [H, W, 3] RGB as a file."""
    return cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))[1].tobytes()


def _row(values: Sequence[Values]) -> Pixels:
    return np.concatenate([from_network(picture) for picture in values], 1)
