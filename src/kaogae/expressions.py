"""THE vocabulary: the five expressions of the paper, in their order (Table I)."""

import difflib
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from kaogae.errors import UsageError


class Expression(StrEnum):
    """A facial expression. Compares equal to its name."""

    HAPPY = "happy"
    SAD = "sad"
    CRYING = "crying"
    NEUTRAL = "neutral"
    SURPRISED = "surprised"

    @property
    def position(self) -> int:
        """Position in `EXPRESSIONS`, and so in every label vector: 0 to 4."""
        return EXPRESSIONS.index(self)

    def vector(self, strength: float = 1.0) -> NDArray[np.float32]:
        """Label vector [5]: `strength` at this expression's index, 0 elsewhere."""
        vector = np.zeros(len(EXPRESSIONS), np.float32)
        vector[self.position] = strength
        return vector


EXPRESSIONS: tuple[Expression, ...] = tuple(Expression)


def parse_expression(name: str) -> Expression:
    """The expression called `name`, whatever its case.

    Raises:
        UsageError: no such expression; names the closest one.
    """
    cleaned = name.strip().lower()
    if cleaned in EXPRESSIONS:
        return Expression(cleaned)
    close = difflib.get_close_matches(cleaned, EXPRESSIONS, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"choose from {', '.join(EXPRESSIONS)}."
    raise UsageError(f"There is no expression '{name}': {hint}")
