"""Which of two models is better, and how surely: the bootstrap, paired over inputs.

Source:
    B. Efron and R. J. Tibshirani, An introduction to the bootstrap, Chapman and Hall (1993), chapter 13.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaogae.errors import UsageError

LEAST = 2
"""Inputs; with fewer than twenty or so, intervals are too narrow."""


@dataclass(frozen=True)
class Comparison:
    """How much more often A does what was asked than B does, for the same inputs."""

    a: float
    """Share of successes, 0 to 1."""
    b: float
    difference: float
    """a − b."""
    interval: tuple[float, float]
    """95 % interval of `difference`."""
    better: float
    """Share of the rounds in which A is better; rounds in which both are as good count half."""


def compare(a: ArrayLike, b: ArrayLike, *, seed: int = 0, rounds: int = 10_000) -> Comparison:
    """Is A better than B?

    Inputs are drawn anew, each with all its targets and for both models at once: what is hard about an input
    is hard for both and for all targets, and says nothing about which model is better.

    Args:
        a: [N, T] of bool: of each input and target (all five, or some), whether A did what was asked.
        b: the same of B, for the same inputs and targets in the same order.
        rounds: how often inputs are drawn.

    Raises:
        UsageError: not the same inputs and targets, or too few inputs.
    """
    first, second = _checked(a), _checked(b)
    if first.shape != second.shape:
        asked = [" × ".join(map(str, one.shape)) for one in (first, second)]
        raise UsageError(
            f"A has {asked[0]} successes and failures, and B {asked[1]}: models can be compared on the same"
            " inputs and targets only."
        )
    apart = _drawn(first.sum(axis=1) - second.sum(axis=1), seed, rounds) / first.shape[1]
    low, high = np.quantile(apart, (0.025, 0.975))
    return Comparison(
        a=float(first.mean()),
        b=float(second.mean()),
        difference=float(first.mean() - second.mean()),
        interval=(float(low), float(high)),
        better=float((apart > 0).mean() + (apart == 0).mean() / 2),
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


def _checked(hits: ArrayLike) -> NDArray[np.bool_]:
    given = np.asarray(hits)
    if given.ndim != 2 or given.dtype != np.bool_ or not given.shape[1]:
        raise UsageError(
            "Successes are a table of true and false: a row for each input, a column for each target."
        )
    if len(given) < LEAST:
        raise UsageError(f"From {len(given)} inputs nothing can be said about others: give {LEAST} or more.")
    return given


def _drawn(numbers: NDArray[np.int64], seed: int, rounds: int) -> NDArray[np.float64]:
    """[rounds]: means of as many of `numbers` [N], drawn with replacement.

    Few numbers are different, so what is drawn is how often each of those comes.
    """
    values, counts = np.unique(numbers, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(numbers), counts / len(numbers), rounds)
    return drawn @ values / len(numbers)
