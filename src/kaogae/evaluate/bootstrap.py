"""Which of two models is better, and how surely: the bootstrap, paired over inputs.

Source:
    B. Efron and R. J. Tibshirani, An introduction to the bootstrap, Chapman and Hall (1993), chapter 13.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaogae.errors import UsageError

AT_ONCE = 10_000_000
"""Numbers that are drawn at a time: what memory has room for."""
LEAST = 2
"""Inputs; with fewer than twenty or so, intervals are too narrow."""


@dataclass(frozen=True)
class Comparison:
    """How much more often A does what was asked than B does, or how much more of something A has, for the
    same inputs.
    """

    a: float
    """Share of successes, 0 to 1, or the mean of what was measured."""
    b: float
    difference: float
    """a − b."""
    interval: tuple[float, float]
    """95 % interval of `difference`."""
    better: float
    """Share of the rounds in which A is better; rounds in which both are as good count half."""


def compare(
    a: ArrayLike, b: ArrayLike, *, seed: int = 0, rounds: int = 10_000, less_is_better: bool = False
) -> Comparison:
    """Is A better than B?

    Inputs are drawn anew, each with all its targets and for both models at once: what is hard about an input
    is hard for both and for all targets, and says nothing about which model is better.

    Args:
        a: [N, T]: of each input and target (all five, or some), whether A did what was asked, as bool; or a
            measure of it, as float.
        b: the same of B, for the same inputs and targets in the same order.
        rounds: how often inputs are drawn.
        less_is_better: of a distance or an error.

    Raises:
        UsageError: not the same inputs and targets, or too few inputs.
    """
    first, second = _checked(a), _checked(b)
    if first.shape != second.shape:
        asked = [" × ".join(map(str, one.shape)) for one in (first, second)]
        raise UsageError(
            f"A was measured {asked[0]} times, and B {asked[1]}: models can be compared on the same"
            " inputs and targets only."
        )
    apart = _drawn(first.sum(axis=1) - second.sum(axis=1), seed, rounds) / first.shape[1]
    ahead = -apart if less_is_better else apart
    low, high = np.quantile(apart, (0.025, 0.975))
    return Comparison(
        a=float(first.mean()),
        b=float(second.mean()),
        difference=float(first.mean() - second.mean()),
        interval=(float(low), float(high)),
        better=float((ahead > 0).mean() + (ahead == 0).mean() / 2),
    )


def interval(hits: ArrayLike, *, seed: int = 0, rounds: int = 10_000) -> tuple[float, float]:
    """95 % interval of the share of successes, drawing inputs with all their targets.

    Args:
        hits: [N, T] of bool: of each input and target, whether it succeeded.

    Raises:
        UsageError: too few inputs.
    """
    given = _checked(hits)
    low, high = np.quantile(_drawn(given.sum(axis=1), seed, rounds) / given.shape[1], (0.025, 0.975))
    return float(low), float(high)


def _checked(hits: ArrayLike) -> NDArray[Any]:
    """Whole numbers of what is true or false."""
    given = np.asarray(hits)
    if given.ndim != 2 or given.dtype.kind not in "bf" or not given.shape[1] or not np.isfinite(given).all():
        raise UsageError(
            "What is compared is a table of true and false, or of finite numbers: a row for each input, a"
            " column for each target."
        )
    if len(given) < LEAST:
        raise UsageError(f"From {len(given)} inputs nothing can be said about others: give {LEAST} or more.")
    return given.astype(np.int64 if given.dtype.kind == "b" else np.float64)


def _drawn(numbers: NDArray[Any], seed: int, rounds: int) -> NDArray[np.float64]:
    """[rounds]: means of as many of `numbers` [N], drawn with replacement.

    What is drawn is how often each number comes that is different from the others: few, if they are counts.
    """
    values, counts = np.unique(numbers, return_counts=True)
    dice, found = np.random.default_rng(seed), np.empty(rounds)
    at_once = max(1, AT_ONCE // len(values))
    for start in range(0, rounds, at_once):
        part = found[start : start + at_once]
        part[:] = dice.multinomial(len(numbers), counts / len(numbers), len(part)) @ values
    return found / len(numbers)
