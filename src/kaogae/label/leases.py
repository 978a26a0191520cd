"""Who is asked about what next: items with a free place, in the annotator's own order, leased to them.

What a `Ledger` remembers is where to look first; whether a place is free, the database alone knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from kaogae.catalog import Campaign
from kaogae.catalog.types import now
from kaogae.errors import LabelError
from kaogae.label.campaigns import Settings
from kaogae.label.order import Order, Orders, ranks
from kaogae.label.overview import progress, shows_labels
from kaogae.label.places import FREE, GIVEN, MINE, UNSEEN, Desk, Row
from kaogae.label.verdicts import OPEN, SKIPPED

LEASE = timedelta(hours=2)
"""How long an item waits for somebody who was given it."""

FEW = 2_000
"""So many open items are looked through at once, rather than along somebody's order."""

STEP_MOST = 4_000
"""Positions of an order that are looked up at once."""


@dataclass(frozen=True)
class Taken:
    """What to ask next."""

    items: list[Row]
    keep: list[int]
    """Of what the annotator has: what is still to be asked."""


@dataclass(frozen=True, slots=True)
class _Mine:
    """An open item that was given to this annotator, and has no verdict of theirs."""

    row: Row
    number: int
    leased_until: datetime | None
    said: str | None
    """Their last vote: nothing yet, undone or skipped."""
    cast_at: datetime | None


class Ledger:
    """Gives out items. One per process; several processes on one database agree."""

    def __init__(self, lease: timedelta = LEASE) -> None:
        """`lease`: how long an item waits for somebody who was given it."""
        self._lease = lease
        self._orders = Orders()
        self._cursors: dict[tuple[int, int], int] = {}
        """(campaign, annotator) -> behind which position of their order to look first."""

    def take(
        self,
        session: Session,
        campaign: int,
        annotator: int,
        count: int,
        have: Sequence[int] = (),
        *,
        at: datetime | None = None,
    ) -> Taken:
        """Lease the next items to an annotator; nothing if the campaign is closed.

        Args:
            session: a transaction that can write.
            campaign: which one.
            annotator: whose.
            count: at most so many.
            have: what they were given before and haven't judged; it isn't given again.
            at: the present moment.

        Raises:
            LabelError: there is no such campaign.
        """
        at = at or now()
        asked = session.get(Campaign, campaign, populate_existing=True)
        if asked is None:
            raise LabelError(f"There is no campaign with the number {campaign}.")
        settings = Settings.of(asked)
        if asked.closed_at is not None:
            return Taken([], [])
        needed, until = settings.annotators, at + self._lease
        desk = Desk(session.connection(), campaign, annotator, needed, at, until, count)
        mine = {id_: _Mine(Row(id_, label), *more) for id_, label, *more in desk.ask(MINE)}
        keep = self._renew(desk, [mine[item] for item in dict.fromkeys(have) if item in mine])
        if count > 0:
            so_far = progress(session, campaign, annotator)
            order = self._orders.get(settings.seed, annotator, so_far.items)
            again = [mine[item] for item in mine.keys() - set(have)]
            still_open = so_far.items - so_far.settled if so_far.left > len(mine) else 0
            self._give(desk, order, again, still_open)
        labels = shows_labels(asked)
        return Taken([row if labels else Row(row.id, None) for row in desk.items], keep)

    def _renew(self, desk: Desk, items: Sequence[_Mine]) -> list[int]:
        """Hold on to items for longer; gives those that still have a place for this annotator."""
        ends = {item.row.id: item.leased_until or desk.at for item in items}
        live = {id_ for id_, end in ends.items() if end > desk.at}
        lapsed = desk.free([item.row for item in items if item.row.id not in live])
        soon = desk.until - self._lease / 8  # a lease that is almost new needn't be written again
        desk.lease([*(id_ for id_ in live if ends[id_] < soon), *(row.id for row in lapsed)])
        kept = live | {row.id for row in lapsed}
        return [id_ for id_ in ends if id_ in kept]

    def _give(self, desk: Desk, order: Order, again: Sequence[_Mine], still_open: int) -> None:
        """First what was given before and is lost, then what is new, last what they skipped.

        `still_open`: how many items are; 0 if all of these were given to them before.
        """
        rank = ranks(order, [item.number for item in again])
        lost = sorted((item for item in again if item.said != SKIPPED), key=lambda item: rank[item.number])
        desk.give([item.row for item in lost])
        if desk.missing and still_open > FEW:
            self._walk(desk, order, step=2 * desk.missing * len(order) // still_open)
        elif desk.missing and still_open:
            _search(desk, order)
        skipped = sorted((item.cast_at or desk.at, item.row) for item in again if item.said == SKIPPED)
        desk.give([row for _, row in skipped])

    def _walk(self, desk: Desk, order: Order, step: int) -> None:
        """Along the annotator's order from where they were last, and if need be once around.

        What was passed by may have become free again: a lease has ended, or somebody took a verdict back.
        """
        key = (desk.campaign, desk.annotator)
        if key not in self._cursors:  # this process doesn't know them yet: behind all that they ever got
            given = ranks(order, [number for (number,) in desk.ask(GIVEN)])
            self._cursors[key] = max(given.values(), default=-1) + 1
        ahead = len(order)
        while desk.missing and ahead > 0:
            start = self._cursors[key] % len(order)
            numbers: list[int] = order[start : start + min(step, STEP_MOST, ahead)].tolist()
            asked = desk.ask(UNSEEN, numbers=numbers)
            rows = {number: Row(*row) for number, *row, state in asked if state == OPEN}
            unseen = [(rows[number], k) for k, number in enumerate(numbers) if number in rows]
            given = set(desk.give([row for row, _ in unseen]))
            passed = len(numbers) if desk.missing else 1 + max(k for row, k in unseen if row in given)
            self._cursors[key] = start + passed
            step, ahead = 2 * step, ahead - len(numbers)


def _search(desk: Desk, order: Order) -> None:
    """Through everything that is open."""
    free = {number: Row(*row) for number, *row in desk.ask(FREE)}
    rank = ranks(order, free)
    desk.give([free[number] for number in sorted(free, key=rank.__getitem__)])
