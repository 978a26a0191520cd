"""What an annotator can say about an item, and what the votes on it come to."""

from collections.abc import Mapping
from typing import NamedTuple

from kaogae.expressions import EXPRESSIONS

CLEAN, PANEL = "clean", "panel"
KINDS = (CLEAN, PANEL)

OTHER = "other"
"""A face, with an expression that is none of the five."""
UNUSABLE = "unusable"
"""Not a face, or one that nobody should learn from."""
UNDONE = "undone"
"""The annotator took their last verdict back."""
SKIPPED = "skipped"
"""The annotator would rather see the item later."""

ANSWERS: dict[str, tuple[str, ...]] = {
    CLEAN: (*EXPRESSIONS, OTHER, UNUSABLE),
    PANEL: (*EXPRESSIONS, OTHER),
}
"""Kind of campaign: the verdicts that count in it, in the order in which they are shown and drawn."""

OPEN, AGREED, DISPUTED, REVIEWED = "open", "agreed", "disputed", "reviewed"
STATES = (OPEN, AGREED, DISPUTED, REVIEWED)


class Outcome(NamedTuple):
    """What an item's votes come to."""

    state: str
    verdict: str | None


def decide(tally: Mapping[str, int], needed: int, review: str | None = None) -> Outcome:
    """The majority decides; without one the item waits for a reviewer, whose decision is final.

    Args:
        tally: how many annotators' standing votes say what.
        needed: how many votes the item has to get.
        review: the reviewer's decision, if there is one.
    """
    if review is not None:
        return Outcome(REVIEWED, review)
    total = sum(tally.values())
    if total < needed:
        return Outcome(OPEN, None)
    first, votes = max(tally.items(), key=lambda pair: pair[1])
    return Outcome(AGREED, first) if 2 * votes > total else Outcome(DISPUTED, None)
