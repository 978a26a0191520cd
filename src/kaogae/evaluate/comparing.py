"""Two models on the same inputs: which is better in what, by how much, and how surely."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaogae.evaluate.bootstrap import Comparison, compare
from kaogae.evaluate.evaluation import Evaluation

LESS_IS_BETTER = {
    "success": False,
    "identity": True,
    "ssim_rest": False,
    "perceptual_rest": True,
    "cycle": True,
    "truth_error": True,
    "truth_ssim": False,
    "truth_perceptual": True,
}
"""What models are compared in: success by the judge, and of `evaluation.SCORES`."""


@dataclass(frozen=True)
class Compared:
    """Models A and B in one respect."""

    inputs: str
    """What the set is called."""
    a: str
    b: str
    measure: str
    """Of `LESS_IS_BETTER`."""
    found: Comparison


def comparisons(found: Sequence[Evaluation]) -> list[Compared]:
    """Every two models that did the same inputs, in everything that is known of both."""
    return [
        Compared(a.inputs.name, a.name, b.name, measure, compare(ours, theirs, less_is_better=less))
        for a, b in combinations(found, 2)
        if a.inputs.hash == b.inputs.hash
        for measure, less in LESS_IS_BETTER.items()
        if (ours := _scores(a, measure)) is not None and (theirs := _scores(b, measure)) is not None
    ]


def _scores(one: Evaluation, measure: str) -> NDArray[Any] | None:
    """[N, 5]; None if they aren't known of every output."""
    scores = one.hits if measure == "success" else one.scores.get(measure)
    return scores if scores is not None and np.isfinite(scores).all() else None
