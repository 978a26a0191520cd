"""Stage 7, evaluate: how often a face shows what was asked for, and how sure that is."""

from kaogae.evaluate.confusion import OTHER, PAPER, VERDICTS, Confusion, wilson

__all__ = ["OTHER", "PAPER", "VERDICTS", "Confusion", "wilson"]
