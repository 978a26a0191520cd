"""Stage 7, evaluate: how often a face shows what was asked for, and how sure that is."""

from kaogae.evaluate.bootstrap import Comparison, compare
from kaogae.evaluate.confusion import OTHER, PAPER, VERDICTS, Confusion, wilson
from kaogae.evaluate.correction import Corrected, corrected

__all__ = [
    "OTHER",
    "PAPER",
    "VERDICTS",
    "Comparison",
    "Confusion",
    "Corrected",
    "compare",
    "corrected",
    "wilson",
]
