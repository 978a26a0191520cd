"""Which items have a free place. The questions are built once: that takes longer than asking them.

An item has as many places as it needs votes. A place is taken by a verdict that stands, or by a lease until
it ends.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Executable, bindparam, func, select

from kaogae.catalog.types import Moment
from kaogae.label.settling import ASSIGNMENT, ITEM, VOTE, upsert
from kaogae.label.verdicts import OPEN

CAMPAIGN, ANNOTATOR, NEEDED = bindparam("campaign"), bindparam("annotator"), bindparam("needed")
IDS, AT = bindparam("ids", expanding=True), bindparam("at", type_=Moment())

_SEEN = (
    select(ASSIGNMENT.c.item_id)
    .where(ASSIGNMENT.c.item_id == ITEM.c.id, ASSIGNMENT.c.annotator_id == ANNOTATOR)
    .correlate(ITEM)
    .exists()
)
_LIVE = ASSIGNMENT.c.verdict.is_(None) & (ASSIGNMENT.c.leased_until > AT)
_LEASES = (
    select(func.count()).where(ASSIGNMENT.c.item_id == ITEM.c.id, _LIVE).correlate(ITEM).scalar_subquery()
)

MINE = (
    select(
        ITEM.c.id,
        ITEM.c.label,
        ITEM.c.number,
        ASSIGNMENT.c.leased_until,
        VOTE.c.verdict,
        ASSIGNMENT.c.cast_at,
    )
    .select_from(ASSIGNMENT)
    .join(ITEM, ITEM.c.id == ASSIGNMENT.c.item_id)
    .outerjoin(VOTE, VOTE.c.id == ASSIGNMENT.c.vote_id)
    .where(
        ASSIGNMENT.c.campaign_id == CAMPAIGN,
        ASSIGNMENT.c.annotator_id == ANNOTATOR,
        ASSIGNMENT.c.verdict.is_(None),
        ITEM.c.state == OPEN,
    )
)
"""The open items that were given to an annotator and have no verdict of theirs."""

GIVEN = (
    select(ITEM.c.number)
    .select_from(ASSIGNMENT)
    .join(ITEM, ITEM.c.id == ASSIGNMENT.c.item_id)
    .where(ASSIGNMENT.c.campaign_id == CAMPAIGN, ASSIGNMENT.c.annotator_id == ANNOTATOR)
)
"""Numbers of all items that were ever given to an annotator."""

UNSEEN = select(ITEM.c.number, ITEM.c.id, ITEM.c.label, ITEM.c.state).where(
    ITEM.c.campaign_id == CAMPAIGN, ITEM.c.number.in_(bindparam("numbers", expanding=True)), ~_SEEN
)
"""Items that were never given to an annotator. With the state among the conditions, SQLite would go through
all that are open rather than to these few."""

FREE = select(ITEM.c.number, ITEM.c.id, ITEM.c.label).where(
    ITEM.c.campaign_id == CAMPAIGN, ITEM.c.state == OPEN, ~_SEEN, ITEM.c.votes + _LEASES < NEEDED
)
"""All items that have a place and were never given to an annotator."""

HOLD = (
    select(ITEM.c.id, ITEM.c.votes)
    .where(ITEM.c.id.in_(IDS), ITEM.c.state == OPEN)
    .order_by(ITEM.c.id)
    .with_for_update(skip_locked=True, key_share=True)
)
"""Open items, held until the transaction ends. One that another service holds at this moment is left out:
waiting for it could mean waiting in a circle."""

LEASED = (
    select(ASSIGNMENT.c.item_id, func.count())
    .where(ASSIGNMENT.c.item_id.in_(IDS), ASSIGNMENT.c.annotator_id != ANNOTATOR, _LIVE)
    .group_by(ASSIGNMENT.c.item_id)
)
"""How many places others' leases take."""


class Row(NamedTuple):
    """An item to be asked about."""

    id: int
    label: str | None
    """None where people mustn't see it."""


@dataclass
class Desk:
    """An annotator who asks for items."""

    connection: Connection
    """Of a transaction that can write."""
    campaign: int
    annotator: int
    needed: int
    """Places of each item."""
    at: datetime
    """The present moment."""
    until: datetime
    """When new leases end."""
    wanted: int
    items: list[Row] = field(default_factory=list[Row])
    """What they get."""

    @property
    def missing(self) -> int:
        """How many more are wanted."""
        return self.wanted - len(self.items)

    def ask(self, question: Executable, **more: object) -> Sequence[Any]:
        """All rows of an answer."""
        known = {"campaign": self.campaign, "annotator": self.annotator, "at": self.at, "needed": self.needed}
        return self.connection.execute(question, known | more).all()

    def give(self, candidates: Sequence[Row]) -> list[Row]:
        """Lease as many of the candidates as are wanted and have a place, the first ones first."""
        given: list[Row] = []
        start = 0
        while start < len(candidates) and self.missing > 0:
            part = candidates[start : start + self.missing]
            free = self.free(part)
            self.items += free
            given += free
            start += len(part)
        self.lease(row.id for row in given)
        return given

    def free(self, candidates: Sequence[Row]) -> list[Row]:
        """Those of the candidates that have a place for this annotator, held until the transaction ends."""
        if not candidates:
            return []
        taken = {row[0]: row[1] for row in self.ask(HOLD, ids=sorted(row.id for row in candidates))}
        for item, leases in self.ask(LEASED, ids=list(taken)):
            taken[item] += leases
        return [row for row in candidates if taken.get(row.id, self.needed) < self.needed]

    def lease(self, items: Iterable[int]) -> None:
        """Nobody else gets this annotator's place of these items."""
        whose = {"annotator_id": self.annotator, "campaign_id": self.campaign, "leased_until": self.until}
        rows = [{"item_id": item, **whose} for item in sorted(items)]
        upsert(self.connection, rows, "leased_until")
