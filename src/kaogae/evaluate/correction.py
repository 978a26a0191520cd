"""What a judge's verdicts say when its own errors, as far as they are known, are taken out.

Sources:
    D. B. Rubin, The Bayesian bootstrap, Annals of Statistics 9 (1981) 130–134.
    W. Perks, Some observations on inverse probability, Journal of the Institute of Actuaries 73 (1947)
    285–334: one face, spread over all answers.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from kaogae.errors import UsageError
from kaogae.evaluate.confusion import (
    CLASSES,
    OTHER,
    VERDICTS,
    Confusion,
    Counts,
    Values,
    interval_of_mean,
    wilson,
)

LEAST = 20
"""Faces of each expression by which a judge must be known."""
MAGNIFIED = 5.0
"""Most times by which taking out the errors may make chance larger."""
KINDS = len(VERDICTS)


@dataclass(frozen=True, eq=False)
class Corrected:
    """What the faces show, as far as it can be known through a judge. Names as in `Confusion`."""

    shares: Values
    """[5, 6]: of the faces that were asked for each expression (row), the share that shows each, or none
    (column); nan where it was never asked for.
    """
    class_intervals: Values
    """[5, 2]: 95 % intervals of `class_accuracies`; 0 and 1 where it was never asked for."""
    mean_interval: tuple[float, float]
    """95 % interval of `mean_accuracy`."""

    @property
    def class_accuracies(self) -> Values:
        """[5]: the diagonal of `shares`."""
        return np.diagonal(self.shares)

    @property
    def mean_accuracy(self) -> float:
        """Of the expressions that were asked for, each counting the same; nan without any."""
        found = self.class_accuracies[~np.isnan(self.class_accuracies)]
        return float(found.mean()) if len(found) else float("nan")


def corrected(
    seen: Confusion, judge: Confusion, others: ArrayLike | None = None, *, seed: int = 0, rounds: int = 10_000
) -> Corrected:
    """Take the judge's errors out of what it saw.

    Each row of `seen` is a mixture: of what the judge says of faces that show each expression, and of those
    that show none. How much of each is in it is found by least squares. That is right as far as the judge is
    wrong about the faces in `seen` as often as about those in `judge`; errors that only a generator brings
    about stay.

    The intervals come from drawing both tables anew, by Rubin's Bayesian bootstrap with one face more in each
    row, spread over all verdicts: who was never wrong in 100 faces may be in the next. They are at least as
    wide as if the judge never erred, which matters where few faces show all or nothing.

    Args:
        seen: what was asked for (row), and the judge's verdict.
        judge: what faces are known to show (row), and the judge's verdict.
        others: [6], its verdicts on pictures that are known to show none of the five. Without, it is taken
            to call each such picture "other"; a judge that doesn't is flattered by that.
        rounds: how often both tables are drawn.

    Raises:
        UsageError: the judge is known by too few faces, or hardly tells some expressions apart.
    """
    known = judge.counts if others is None else np.vstack([judge.counts, _row(others)])
    _check(known)
    asked = seen.totals > 0
    shares = _mixture(_shares(seen.counts[asked]), _whole(_shares(known)))

    # Without bounds on the shares: with them, what lies near 0 or 1 would be pushed away from there twice
    dice = np.random.default_rng(seed)
    anew = _drawn(seen.counts[asked], rounds, dice) @ np.linalg.inv(_whole(_drawn(known, rounds, dice)))
    hits = anew[:, np.arange(len(shares)), np.flatnonzero(asked)]

    every = np.full((CLASSES, KINDS), np.nan)
    every[asked] = shares
    found = np.diagonal(every)
    intervals = np.tile([0.0, 1.0], (CLASSES, 1))
    mean = (0.0, 1.0)
    if asked.any():
        counts = seen.totals[asked]
        faultless = wilson(np.minimum(found[asked], 1) * counts, counts)
        intervals[asked] = _together(_interval(hits, found[asked]).T, faultless)
        theirs = interval_of_mean(found[asked], faultless)
        low, high = _together(_interval(hits.mean(axis=1), found[asked].mean()), np.array(theirs)).tolist()
        mean = low, high
    return Corrected(every, intervals, mean)


def _check(known: Counts) -> None:
    fewest = known.sum(axis=1).min()
    if fewest < LEAST:
        raise UsageError(
            f"This judge was tested on {fewest} faces of one kind: before its errors can be taken out of what"
            f" it sees, test it on {LEAST} or more of each."
        )
    # the length that the inverse gives to an error of length 1, at worst
    magnified = 1 / max(float(np.linalg.svd(_whole(_shares(known)), compute_uv=False)[-1]), 1e-3)
    if magnified > MAGNIFIED:
        raise UsageError(
            "This judge takes some expressions for others too often: to take that out of what it sees would"
            f" make chance up to {magnified:,.0f} times as large, where {MAGNIFIED:g} is the most. Train a"
            " better one."
        )


def _row(counts: ArrayLike) -> Counts:
    row = np.asarray(counts)
    if row.shape != (KINDS,) or not np.issubdtype(row.dtype, np.integer) or row.min() < 0:
        raise UsageError(f"Verdicts on other pictures are {KINDS} whole numbers from 0 on.")
    return row


def _shares(counts: Values | Counts) -> Values:
    return counts / counts.sum(axis=-1, keepdims=True)


def _drawn(counts: Counts, rounds: int, dice: np.random.Generator) -> Values:
    """[rounds, …]: shares of rows like these, each from a Dirichlet distribution."""
    return _shares(dice.standard_gamma(counts + 1 / KINDS, (rounds, *counts.shape)))


def _whole(said: Values) -> Values:
    """[…, 6, 6] of […, 5 or 6, 6]: what shows no expression is called "other", where that isn't known."""
    if said.shape[-2] == KINDS:
        return said
    last = np.zeros((*said.shape[:-2], KINDS - CLASSES, KINDS))
    last[..., OTHER] = 1
    return np.concatenate([said, last], axis=-2)


def _interval(drawn: Values, found: Values) -> Values:
    """[2, …]: the middle 95 % of [rounds, …], at least as wide as to hold what was `found`."""
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0).clip(0, 1)
    return np.stack([np.minimum(low, found), np.maximum(high, found)])


def _together(ours: Values, theirs: Values) -> Values:
    """[…, 2], the smallest intervals that hold both."""
    low, high = np.minimum(ours[..., 0], theirs[..., 0]), np.maximum(ours[..., 1], theirs[..., 1])
    return np.stack([low, high], axis=-1)


def _mixture(seen: Values, said: Values) -> Values:
    """How much of each row of `said` [6, 6] is in each row of `seen` [R, 6]: shares [R, 6].

    The least squares of all shares that are 0 or more and add up to 1. Some of them are 0; for each choice of
    those that aren't, the best is where the gradient is the same for all. The best of all 63 choices is it.
    """
    gram, along = said @ said.T, said @ seen.T
    best, least = np.zeros_like(along), np.full(along.shape[1], np.inf)
    for size in range(1, KINDS + 1):
        for chosen in map(list, combinations(range(KINDS), size)):
            inverse = np.linalg.inv(gram[np.ix_(chosen, chosen)])
            free, one = inverse @ along[chosen], inverse.sum(axis=1, keepdims=True)
            tried = np.zeros_like(along)
            tried[chosen] = free + one * (1 - free.sum(axis=0)) / one.sum()
            loss = (tried * (gram @ tried - 2 * along)).sum(axis=0)
            better = (loss < least) & (tried >= -1e-9).all(axis=0)
            best[:, better], least[better] = tried[:, better], loss[better]
    return best.T.clip(0, 1)
