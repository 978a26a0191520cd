"""What was asked for and what was seen, counted: Table II of the paper.

Sources:
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of the
    American Statistical Association 22 (1927) 209–212.
    G. Y. Zou and A. Donner, Construction of confidence limits about effect measures: a general approach,
    Statistics in Medicine 27 (2008) 1693–1702.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kaogae.errors import UsageError
from kaogae.expressions import EXPRESSIONS

CLASSES = len(EXPRESSIONS)
OTHER = CLASSES
"""The verdict on a face that shows none of the five, or isn't good enough to say."""
VERDICTS = (*EXPRESSIONS, "other")
"""Names of the verdicts 0 to 5: the columns."""

Values = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often each expression was asked for, and what was then seen."""

    counts: Counts
    """[5, 6]: asked for (row), seen (column); the last column is "other"."""

    def __post_init__(self) -> None:
        """Keep a copy that can't be changed.

        Raises:
            UsageError: not 5 × 6 whole numbers from 0 on.
        """
        given = np.asarray(self.counts)
        shape = CLASSES, len(VERDICTS)
        if given.shape != shape or not np.issubdtype(given.dtype, np.integer) or given.min() < 0:
            raise UsageError(f"A confusion matrix has {shape[0]} × {shape[1]} whole numbers from 0 on.")
        counts = given.astype(np.int64)
        counts.flags.writeable = False
        object.__setattr__(self, "counts", counts)

    @classmethod
    def of(cls, wanted: ArrayLike, seen: ArrayLike) -> "Confusion":
        """Count verdicts.

        Args:
            wanted: [N], 0 to 4, in the order of `EXPRESSIONS`.
            seen: [N], 0 to 4 or `OTHER`.

        Raises:
            UsageError: not as many of both, or numbers that stand for nothing.
        """
        rows, columns = _whole(wanted, CLASSES), _whole(seen, len(VERDICTS))
        if len(rows) != len(columns):
            raise UsageError(f"{len(rows):,} faces can't have {len(columns):,} verdicts: give one for each.")
        counts = np.zeros((CLASSES, len(VERDICTS)), np.int64)
        np.add.at(counts, (rows, columns), 1)
        return cls(counts)

    @property
    def totals(self) -> Counts:
        """[5]: how often each was asked for."""
        return self.counts.sum(axis=1)

    @property
    def hits(self) -> Counts:
        """[5]: how often what was asked for was seen."""
        return np.diagonal(self.counts)

    @property
    def shares(self) -> Values:
        """[5, 6]: of each row, the share of each verdict; nan where it was never asked for."""
        return _divided(self.counts, self.totals[:, None])

    @property
    def class_accuracies(self) -> Values:
        """[5]: the diagonal of `shares`."""
        return _divided(self.hits, self.totals)

    @property
    def mean_accuracy(self) -> float:
        """Of the expressions that were asked for, each counting the same; nan without any."""
        found = self.class_accuracies[self.totals > 0]
        return float(found.mean()) if len(found) else float("nan")

    @property
    def accuracy(self) -> float:
        """Of all faces, each counting the same; nan without any."""
        return float(_divided(self.hits.sum(), self.totals.sum()))

    @property
    def class_intervals(self) -> Values:
        """[5, 2]: 95 % intervals of `class_accuracies`, by Wilson."""
        return wilson(self.hits, self.totals)

    @property
    def mean_interval(self) -> tuple[float, float]:
        """95 % interval of `mean_accuracy`, as if all faces were independent.

        The outputs for one input aren't quite.
        """
        asked = self.totals > 0
        return interval_of_mean(self.class_accuracies[asked], self.class_intervals[asked])


def interval_of_mean(found: Values, intervals: Values) -> tuple[float, float]:
    """95 % interval of the mean of independent shares `found` [N] with the 95 % intervals `intervals` [N, 2].

    The distances from estimates to limits add up as standard errors do (Zou and Donner 2008). 0 and 1 without
    any.
    """
    if not len(found):
        return 0.0, 1.0
    apart = np.sqrt(((intervals - found[:, None]) ** 2).sum(axis=0)) / len(found)
    return max(float(found.mean() - apart[0]), 0.0), min(float(found.mean() + apart[1]), 1.0)


def wilson(hits: ArrayLike, count: ArrayLike, z: float = 1.96) -> Values:
    """Wilson's interval of the share `hits` / `count`.

    Args:
        hits: [...], of `count` tries.
        z: how many standard deviations wide to either side: 1.96 for 95 %.

    Returns:
        [..., 2] in [0, 1]: lower and upper limit; 0 and 1 where nothing was tried.

    Raises:
        UsageError: more hits than tries, or fewer than none.
    """
    k, n = np.broadcast_arrays(np.asarray(hits, np.float64), np.asarray(count, np.float64))
    if not ((k >= 0) & (k <= n)).all():
        raise UsageError("There can't be more hits than tries, nor fewer than none.")
    # (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n), times n above and below
    middle, reach = k + z**2 / 2, z * np.sqrt(_divided(k * (n - k), n, 0.0) + z**2 / 4)
    return (
        np.stack([middle - reach, middle + reach], axis=-1).clip(0, (n + z**2)[..., None])
        / (n + z**2)[..., None]
    )


def _whole(numbers: ArrayLike, below: int) -> Counts:
    given = np.asarray(numbers)
    if given.size == 0:
        return np.empty(0, np.int64)
    if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer):
        raise UsageError(
            f"Expressions and verdicts are one row of whole numbers, not {given.dtype} {given.shape}."
        )
    if given.min() < 0 or given.max() >= below:
        raise UsageError(
            f"{given.min()} to {given.max()} were given, where only 0 to {below - 1} mean something."
        )
    return given.astype(np.int64)


def _divided(part: ArrayLike, whole: ArrayLike, without: float = np.nan) -> Values:
    """`part` / `whole`, and `without` where `whole` is 0."""
    a, b = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(a, b, out=np.full(a.shape, without), where=b != 0)


PAPER = Confusion(
    np.array(
        [
            [89, 2, 0, 5, 1, 3],
            [1, 74, 8, 10, 0, 7],
            [0, 14, 72, 5, 0, 9],
            [3, 9, 1, 78, 4, 5],
            [0, 1, 0, 5, 91, 3],
        ]
    )
)
"""Table II, in our order (the paper has neutral before crying): what most of three experts saw."""
