"""How far people agree, beyond what chance would make them.

Sources:
    J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20
    (1960) 37–46.
    J. L. Fleiss, Measuring nominal scale agreement among many raters, Psychological Bulletin 76 (1971)
    378–382.
    J. R. Landis and G. G. Koch, The measurement of observer agreement for categorical data, Biometrics 33
    (1977) 159–174: the words.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_WORDS = ((0.0, "poor"), (0.2, "slight"), (0.4, "fair"), (0.6, "moderate"), (0.8, "substantial"))


def observed_agreement(table: ArrayLike) -> float | None:
    """The share of the items that got the same answer twice; None without items."""
    counts = np.asarray(table, np.float64)
    total = counts.sum()
    return float(np.trace(counts) / total) if total else None


def cohen_kappa(table: ArrayLike) -> float | None:
    """Cohen's κ of a confusion table [answers, answers]: 1 is full agreement, 0 what chance makes of it.

    None if there are no items, or chance alone would agree always: both gave one and the same answer only.
    """
    counts = np.asarray(table, np.float64)
    total = counts.sum()
    if not total:
        return None
    # p_o, and p_e from how often each of both gives each answer (Cohen 1960, formula 1)
    observed = np.trace(counts) / total
    chance = counts.sum(axis=1) @ counts.sum(axis=0) / total**2
    return _beyond(observed, chance)


def fleiss_observed(votes: ArrayLike) -> float | None:
    """The mean share of pairs of votes on one item that agree; None without an item that has two votes.

    Args:
        votes: [items, answers], how many people gave an item an answer. Items with fewer than two votes say
            nothing about agreement and are left out.
    """
    counts = _at_least_two(votes)
    return float(_pairs_that_agree(counts).mean()) if len(counts) else None


def fleiss_kappa(votes: ArrayLike) -> float | None:
    """Fleiss' κ: as Cohen's, for any number of people, and not the same ones for every item.

    Fleiss has n votes on each item. Where the numbers differ, each item's share of agreeing pairs is taken
    from its own number of votes, and all items count the same in the mean; chance is taken from all their
    votes together. With equal numbers that is Fleiss' formula.

    Args:
        votes: as in `fleiss_observed`.

    Returns:
        None without an item that has two votes, or if all votes are one and the same answer.
    """
    counts = _at_least_two(votes)
    if not len(counts):
        return None
    # P̄ is the mean of P_i, and P̄_e the sum of p_j² (Fleiss 1971, formulas 2 to 6)
    shares = counts.sum(axis=0) / counts.sum()
    return _beyond(_pairs_that_agree(counts).mean(), shares @ shares)


def in_words(kappa: float) -> str:
    """What Landis and Koch call such a κ, to two decimals: poor, slight, fair, … almost perfect."""
    shown = round(kappa, 2)
    return next((word for most, word in _WORDS if shown <= most and (most or shown < 0)), "almost perfect")


def _at_least_two(votes: ArrayLike) -> NDArray[np.float64]:
    counts = np.asarray(votes, np.float64)
    return counts[counts.sum(axis=-1) >= 2] if counts.size else np.empty((0, 1))


def _pairs_that_agree(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """P_i: of the pairs of votes on each item, the share that agree."""
    total = counts.sum(axis=1)
    return (counts * (counts - 1)).sum(axis=1) / (total * (total - 1))


def _beyond(observed: float, chance: float) -> float | None:
    """κ: what of the agreement that chance leaves open was reached."""
    return None if chance > 1 - 1e-12 else float((observed - chance) / (1 - chance))
