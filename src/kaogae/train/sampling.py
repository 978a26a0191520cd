"""Which pictures an iteration sees, and how they are changed, without a pixel of them.

Everything random follows from the seed and the iteration's number alone, so a run that goes on after a stop,
and every process of several, draws the same lots.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kaogae.expressions import EXPRESSIONS
from kaogae.train.augment import View, sample_view
from kaogae.train.config import TrainConfig
from kaogae.train.pairs import Pairs

CLASSES = len(EXPRESSIONS)
CLEAR = 0.5
"""From this strength on a translated picture must show the class that was asked for."""
NO_TRUTH = -1

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """What one update sees. The first `real` rows are faces of the frozen sets, the others are drawn."""

    real: int
    picture: Indices
    """[N], numbers of the inputs, each in its own store."""
    truth: Indices
    """[N], numbers of what should come out, or NO_TRUTH."""
    label: Indices
    """[N], what the inputs show."""
    target: Indices
    """[N], what is asked for ..."""
    strength: NDArray[np.float32]
    """[N] in [0, 1], ... and how much of it."""
    share: NDArray[np.float32]
    """[N] in [0, 1]: where between real and translated the gradient penalty looks."""
    views: tuple[View, ...]

    @property
    def known(self) -> Indices:
        """The rows whose truth is known."""
        return np.flatnonzero(self.truth != NO_TRUTH)

    @property
    def free(self) -> Indices:
        """The others. They go there and back: where a truth is drawn, the way back would ask for a face that
        no longer can be known.
        """
        return np.flatnonzero(self.truth == NO_TRUTH)

    @property
    def clear(self) -> Indices:
        """The rows whose target must be seen in the result."""
        return np.flatnonzero(self.strength >= CLEAR)

    def part(self, index: int, count: int) -> "Rows":
        """Every `count`-th row from `index` on: the same mixture of real and drawn in each part."""
        rows = slice(index, None, count)
        return Rows(
            real=len(range(index, self.real, count)),
            picture=self.picture[rows],
            truth=self.truth[rows],
            label=self.label[rows],
            target=self.target[rows],
            strength=self.strength[rows],
            share=self.share[rows],
            views=self.views[rows],
        )


class Sampler:
    """Draws the rows of every iteration.

    Args:
        labels: [F], of the frozen sets' faces; none if there are no sets.
        chances: [F], how often each is shown; None: all equally often, in shuffled epochs.
        pairs: drawn; None if there are none.
    """

    def __init__(
        self, config: TrainConfig, labels: Indices, chances: NDArray[np.float64] | None, pairs: Pairs | None
    ) -> None:
        self.config, self.labels, self.chances, self.pairs = config, labels, chances, pairs
        self._epoch = lru_cache(2)(self._shuffled)
        if not len(labels) or pairs is None:
            self.real = config.batch if pairs is None else 0
        else:
            self.real = round(config.batch * config.data.real_share)

    def rows(self, iteration: int) -> Rows:
        """The rows of this iteration."""
        config = self.config
        dice = np.random.default_rng([config.seed, iteration])
        rows = [self._face(index, dice) for index in self._faces(iteration, dice)]
        rows += [self._drawn(dice) for _ in range(config.batch - self.real)]
        picture, truth, label, target, strength = (np.array(column) for column in zip(*rows, strict=True))
        if not config.weights.supervised:  # as the original: the labels of the batch, shuffled; no truth
            target, strength, truth = (
                dice.permutation(label),
                np.ones(len(rows)),
                np.full_like(truth, NO_TRUTH),
            )
        stored, size = config.stored_size, config.image_size
        sides = [stored] * self.real
        if self.pairs is not None:
            sides += [self.pairs.order.side] * (config.batch - self.real)
        return Rows(
            real=self.real,
            picture=picture,
            truth=truth,
            label=label,
            target=target,
            strength=strength.astype(np.float32),
            views=tuple(sample_view(config.augment, side, stored, size, dice) for side in sides),
            share=dice.random(len(rows), np.float32),
        )

    def _faces(self, iteration: int, dice: np.random.Generator) -> list[int]:
        """Numbers of the frozen sets' faces in this iteration."""
        if self.chances is not None:
            return dice.choice(len(self.labels), self.real, p=self.chances).tolist()
        places = range(iteration * self.real, (iteration + 1) * self.real)
        count = max(1, len(self.labels))
        return [int(self._epoch(place // count)[place % count]) for place in places]

    def _shuffled(self, epoch: int) -> Indices:
        return np.random.default_rng([self.config.seed, epoch, CLASSES]).permutation(len(self.labels))

    def _face(self, index: int, dice: np.random.Generator) -> tuple[int, int, int, int, float]:
        untouched = dice.random() < self.config.data.untouched_share
        truth = index if untouched else NO_TRUTH
        return index, truth, int(self.labels[index]), int(dice.integers(CLASSES)), float(not untouched)

    def _drawn(self, dice: np.random.Generator) -> tuple[int, int, int, int, float]:
        assert self.pairs is not None  # or there would be none in the batch
        pairs, data = self.pairs, self.config.data
        character = int(dice.integers(pairs.order.characters))
        take, target = int(dice.integers(pairs.order.sources)), int(dice.integers(CLASSES))
        plan, source, luck = pairs.plans[character], pairs.source(character, take), dice.random()
        label = plan.labels[take].position
        if luck < data.untouched_share:
            return source, source, label, target, 0.0
        if luck < data.untouched_share + data.partial_share:
            aim, strength = plan.aims[take].position, plan.strengths[take]
            return source, pairs.partial(character, take), label, aim, strength
        return source, pairs.full(character, target), label, target, 1.0
