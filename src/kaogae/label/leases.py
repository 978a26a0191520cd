"""Who is asked about what next: items with a free place, in the annotator's own order, leased to them.

An item has as many places as it needs votes. A place is taken by a verdict that stands, or by a lease until
it ends. What a `Ledger` remembers is where to look first; whether a place is free, the database alone knows.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from kaogae.catalog import Assignment, Campaign, Item, Vote
from kaogae.catalog.types import now
from kaogae.errors import LabelError
from kaogae.label.campaigns import Settings
from kaogae.label.order import Orders
from kaogae.label.overview import progress, shows_labels
from kaogae.label.settling import parts, upsert
from kaogae.label.verdicts import OPEN, SKIPPED

LEASE = timedelta(hours=2)
"""How long an item waits for somebody who was given it."""

FEW = 2_000
"""So many open items are looked through at once, rather than along somebody's order."""

STEP_MOST = 4_000
"""Positions of an order that are looked up at once."""


class Row(NamedTuple):
    """An item to be asked about."""

    id: int
    label: str | None
    """None where people mustn't see it."""


@dataclass(frozen=True)
class Taken:
    """What to ask next."""

    items: list[Row]
    keep: list[int]
    """Of what the annotator has: what is still to be asked."""


@dataclass(slots=True)
class _Mine:
    """An open item that was given to this annotator, and has no verdict of theirs."""

    id: int
    number: int
    label: str | None
    leased_until: datetime | None
    skipped: bool
    cast_at: datetime | None


@dataclass
class _Desk:
    """One `take` under way."""

    session: Session
    campaign: Campaign
    annotator: int
    needed: int
    at: datetime
    until: datetime
    wanted: int
    items: list[Row]

    @property
    def missing(self) -> int:
        """How many more are wanted."""
        return self.wanted - len(self.items)


class Ledger:
    """Gives out items. One per process; several processes on one database agree."""

    def __init__(self, lease: timedelta = LEASE) -> None:
        """`lease`: how long an item waits for somebody who was given it."""
        self._lease = lease
        self._orders = Orders()
        self._cursors: dict[tuple[int, int], int] = {}

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
        found = session.get(Campaign, campaign, populate_existing=True)
        if found is None:
            raise LabelError(f"There is no campaign with the number {campaign}.")
        settings = Settings.of(found)
        if found.closed_at is not None:
            return Taken([], [])
        desk = _Desk(session, found, annotator, settings.annotators, at, at + self._lease, count, [])
        mine = _mine(desk)
        keep = self._renew(desk, [mine[item] for item in dict.fromkeys(have) if item in mine])
        if count <= 0:
            return Taken([], keep)
        again = [item for id_, item in mine.items() if id_ not in set(have)]
        so_far = progress(session, campaign, annotator)
        order = self._orders.get(settings.seed, annotator, so_far.items)
        rank = _ranks(order, [item.number for item in again])
        again.sort(key=lambda item: rank[item.number])
        _lease(desk, [(item.id, item.label) for item in again if not item.skipped])
        if desk.missing and so_far.left > len(mine):
            if so_far.items - so_far.settled > FEW:
                self._walk(desk, order)
            if desk.missing:
                _search(desk, order)
        skipped = sorted((item for item in again if item.skipped), key=lambda item: item.cast_at or at)
        _lease(desk, [(item.id, item.label) for item in skipped])
        labels = shows_labels(found)
        return Taken([Row(id_, label if labels else None) for id_, label in desk.items], keep)

    def _renew(self, desk: _Desk, items: Sequence[_Mine]) -> list[int]:
        """Hold on to items for longer; gives those that still have a place for this annotator."""
        ends = {item.id: item.leased_until or desk.at for item in items}
        live = {id_ for id_, end in ends.items() if end > desk.at}
        lapsed = [(item.id, item.label) for item in items if item.id not in live]
        soon = desk.until - self._lease / 8  # a lease that is almost new needn't be written again
        old = [id_ for id_ in live if ends[id_] < soon]
        again = {row.id for row in _free(desk, lapsed)}
        _write(desk, [*old, *again])
        return [item.id for item in items if item.id in live or item.id in again]

    def _walk(self, desk: _Desk, order: NDArray[np.int32]) -> None:
        """Along the annotator's order, from where they were last."""
        key = (desk.campaign.id, desk.annotator)
        if key not in self._cursors:
            self._cursors[key] = _start(desk, order)
        step = 2 * desk.missing
        while desk.missing and self._cursors[key] < len(order):
            start = self._cursors[key]
            numbers = [int(number) for number in order[start : start + step]]
            unseen = desk.session.execute(_unseen(desk, numbers))
            found = {row.number: row for row in unseen if row.state == OPEN}
            given = _lease(desk, [(found[n].id, found[n].label) for n in numbers if n in found])
            last = max((k for k, n in enumerate(numbers) if n in found and found[n].id in given), default=-1)
            self._cursors[key] = start + (len(numbers) if desk.missing else last + 1)
            step = min(2 * step, STEP_MOST)


def _mine(desk: _Desk) -> dict[int, _Mine]:
    """The open items that were given to this annotator and have no verdict of theirs."""
    rows = desk.session.execute(
        select(Item.id, Item.number, Item.label, Assignment.leased_until, Vote.verdict, Assignment.cast_at)
        .join(Item, Item.id == Assignment.item_id)
        .outerjoin(Vote, Vote.id == Assignment.vote_id)
        .where(
            Assignment.campaign_id == desk.campaign.id,
            Assignment.annotator_id == desk.annotator,
            Assignment.verdict.is_(None),
            Item.state == OPEN,
        )
    )
    return {row[0]: _Mine(*row[:4], row[4] == SKIPPED, row[5]) for row in rows}


def _start(desk: _Desk, order: NDArray[np.int32]) -> int:
    """Where this annotator was last, as far as the database tells: behind all that they were ever given."""
    numbers = desk.session.scalars(
        select(Item.number)
        .join(Assignment, Assignment.item_id == Item.id)
        .where(Assignment.campaign_id == desk.campaign.id, Assignment.annotator_id == desk.annotator)
    ).all()
    given = np.flatnonzero(np.isin(order, np.array(numbers, np.int32)))
    return int(given[-1]) + 1 if len(given) else 0


def _ranks(order: NDArray[np.int32], numbers: Collection[int]) -> dict[int, int]:
    """Number -> position in the order."""
    positions = np.flatnonzero(np.isin(order, np.array(list(numbers), np.int32)))
    return {int(order[position]): int(position) for position in positions}


def _unseen(desk: _Desk, numbers: Sequence[int]) -> Select[int, int, str | None, str]:
    """Those of the items that were never given to this annotator.

    Asked for the state too, SQLite would go through all open items rather than to these few.
    """
    return select(Item.id, Item.number, Item.label, Item.state).where(
        Item.campaign_id == desk.campaign.id,
        Item.number.in_(numbers),
        ~select(Assignment.item_id)
        .where(Assignment.item_id == Item.id, Assignment.annotator_id == desk.annotator)
        .exists(),
    )


def _search(desk: _Desk, order: NDArray[np.int32]) -> None:
    """Through everything that is open: what was passed by may have become free again."""
    mine = select(Assignment.item_id).where(
        Assignment.item_id == Item.id, Assignment.annotator_id == desk.annotator
    )
    leases = (
        select(func.count())
        .where(Assignment.item_id == Item.id, Assignment.verdict.is_(None), Assignment.leased_until > desk.at)
        .scalar_subquery()
    )
    rows = desk.session.execute(
        select(Item.id, Item.number, Item.label).where(
            Item.campaign_id == desk.campaign.id,
            Item.state == OPEN,
            ~mine.exists(),
            Item.votes + leases < desk.needed,
        )
    ).all()
    rank = _ranks(order, [row.number for row in rows])
    rows = sorted(rows, key=lambda row: rank[row.number])
    for part in parts(rows):
        _lease(desk, [(row.id, row.label) for row in part])


def _lease(desk: _Desk, candidates: Sequence[tuple[int, str | None]]) -> set[int]:
    """Give as many of the candidates as are wanted and have a place."""
    given: set[int] = set()
    step = desk.missing
    for start in range(0, len(candidates), max(step, 1)):
        if not desk.missing:
            break
        rows = _free(desk, candidates[start : start + step])[: desk.missing]
        desk.items += rows
        given |= {row.id for row in rows}
    _write(desk, given)
    return given


def _free(desk: _Desk, candidates: Sequence[tuple[int, str | None]]) -> list[Row]:
    """Those of the candidates that have a place for this annotator, in the same order.

    Their rows are held until the transaction ends. One that another service holds at this moment is left out:
    waiting for it could mean waiting in a circle.
    """
    if not candidates:
        return []
    ids = sorted(id_ for id_, _ in candidates)
    items = select(Item.id, Item.votes).where(Item.id.in_(ids), Item.state == OPEN).order_by(Item.id)
    taken = {
        row.id: row.votes
        for row in desk.session.execute(items.with_for_update(skip_locked=True, key_share=True))
    }
    leases = select(Assignment.item_id, func.count()).where(
        Assignment.item_id.in_(list(taken)),
        Assignment.annotator_id != desk.annotator,
        Assignment.verdict.is_(None),
        Assignment.leased_until > desk.at,
    )
    for item, count in desk.session.execute(leases.group_by(Assignment.item_id)):
        taken[item] += count
    return [Row(*candidate) for candidate in candidates if taken.get(candidate[0], desk.needed) < desk.needed]


def _write(desk: _Desk, items: Iterable[int]) -> None:
    rows = [
        {
            "item_id": item,
            "annotator_id": desk.annotator,
            "campaign_id": desk.campaign.id,
            "leased_until": desk.until,
        }
        for item in sorted(set(items))
    ]
    upsert(desk.session.connection(), rows, "leased_until")
