"""What votes do to the items that they are about: who stands for what, and what that comes to.

Whoever changes an item or an assignment holds the item's row: rows are locked in the order of their ids, so
that several services on one PostgreSQL database never wait for each other in a circle. SQLite has one writer.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import Connection, Insert, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from kaogae.catalog import Assignment, Campaign, Contribution, Item, Vote
from kaogae.label.verdicts import OPEN, SKIPPED, UNDONE, decide

ITEM, VOTE = cast(Table, Item.__table__), cast(Table, Vote.__table__)
ASSIGNMENT, CONTRIBUTION = cast(Table, Assignment.__table__), cast(Table, Contribution.__table__)
CAMPAIGN = cast(Table, Campaign.__table__)

AT_ONCE = 5_000
"""Values in one statement: SQLite takes 32,766, PostgreSQL 65,535."""

Row = Mapping[str, Any]
T = TypeVar("T")


@dataclass(slots=True)
class Standing:
    """What one annotator says about an item: a row of `assignment`."""

    leased_until: datetime | None = None
    vote_id: UUID | None = None
    verdict: str | None = None
    cast_at: datetime | None = None
    changed: bool = False

    def hear(self, vote: UUID, verdict: str, cast_at: datetime) -> None:
        """The vote that was cast last stands; of two at the same moment, the one that came last."""
        if self.cast_at is not None and cast_at < self.cast_at:
            return
        self.vote_id, self.cast_at, self.changed = vote, cast_at, True
        self.verdict = None if verdict in (UNDONE, SKIPPED) else verdict
        if verdict == SKIPPED:
            self.leased_until = None  # undoing keeps the place: the item is on their screen again


@dataclass(slots=True)
class Held:
    """An item whose row this transaction holds."""

    id: int
    campaign: int
    face: int | None
    votes: int
    state: str
    verdict: str | None
    review: UUID | None
    by: dict[int, Standing] = field(default_factory=dict[int, Standing])
    """Annotator -> what they say. Empty until `load_standings`."""

    def result(self) -> tuple[int, str, str | None, UUID | None]:
        """What is kept of it."""
        return self.votes, self.state, self.verdict, self.review


LOCK = (
    select(
        *(ITEM.c[name] for name in ("id", "campaign_id", "face_id", "votes", "state", "verdict", "review_id"))
    )
    .where(ITEM.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(ITEM.c.id)
    .with_for_update(key_share=True)
)
STANDING = select(
    ASSIGNMENT.c.item_id,
    ASSIGNMENT.c.annotator_id,
    ASSIGNMENT.c.leased_until,
    ASSIGNMENT.c.vote_id,
    ASSIGNMENT.c.verdict,
    ASSIGNMENT.c.cast_at,
).where(ASSIGNMENT.c.item_id.in_(bindparam("ids", expanding=True)))
SETTLE = (
    update(ITEM)
    .where(ITEM.c.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in ("votes", "state", "verdict", "review_id")})
)
ADVANCE = (
    update(CAMPAIGN)
    .where(CAMPAIGN.c.id == bindparam("row"))
    .values(settled=CAMPAIGN.c.settled + bindparam("more"))
)


def parts(values: Iterable[T]) -> Iterator[list[T]]:
    """As many as one statement can take, in the same order."""
    values = list(values)
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """INSERT as both databases spell what to do about rows that are there already."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


@cache
def _upsert(dialect: str, columns: tuple[str, ...]) -> Insert:
    statement = insert(dialect, ASSIGNMENT)
    new = {name: statement.excluded[name] for name in columns}
    return statement.on_conflict_do_update(index_elements=["item_id", "annotator_id"], set_=new)


@cache
def _add(dialect: str) -> Insert:
    statement = insert(dialect, CONTRIBUTION)
    added = {name: CONTRIBUTION.c[name] + statement.excluded[name] for name in ("verdicts", "settled")}
    return statement.on_conflict_do_update(index_elements=["campaign_id", "annotator_id"], set_=added)


def upsert(connection: Connection, rows: Sequence[Row], *columns: str) -> None:
    """Write rows of `assignment`; of those that are there already, only these columns."""
    if rows:
        connection.execute(_upsert(connection.dialect.name, columns), rows)


def lock(connection: Connection, ids: Iterable[int]) -> dict[int, Held]:
    """Those of the items that are there, held until the transaction ends."""
    held: dict[int, Held] = {}
    for part in parts(sorted(set(ids))):
        held |= {row[0]: Held(*row) for row in connection.execute(LOCK, {"ids": part})}
    return held


def load_standings(connection: Connection, items: Mapping[int, Held]) -> None:
    """Fill in who stands for what."""
    for part in parts(items):
        for item, who, *said in connection.execute(STANDING, {"ids": part}):
            items[item].by[who] = Standing(*said)


def settle(
    connection: Connection,
    items: Sequence[Held],
    needed: Mapping[int, int],
    before: Mapping[int, Mapping[int, str]],
    reviews: Mapping[int, tuple[UUID | None, str | None]],
) -> None:
    """Write down what changed, and what it comes to.

    Args:
        connection: of the transaction that holds the items.
        items: with the votes heard.
        needed: campaign -> votes per item.
        before: item -> annotator -> verdict that stood before.
        reviews: item -> the review that stands now and what it says, where reviews changed.
    """
    changed: list[dict[str, Any]] = []
    settled = Counter[int]()
    shares: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for item in items:
        old, was_settled = item.result(), item.state != OPEN
        standing = {who: s.verdict for who, s in item.by.items() if s.verdict is not None}
        review = item.verdict if item.review else None
        if item.id in reviews:
            item.review, review = reviews[item.id]
        item.votes = len(standing)
        item.state, item.verdict = decide(Counter(standing.values()), needed[item.campaign], review)
        is_settled = item.state != OPEN
        settled[item.campaign] += is_settled - was_settled
        if item.result() != old:
            changed.append(_named(item.id, item.result()))
        for who in standing.keys() | before[item.id].keys():
            stands, stood = who in standing, who in before[item.id]
            shares[item.campaign, who][0] += stands - stood
            shares[item.campaign, who][1] += (stands and is_settled) - (stood and was_settled)
    _write_standings(connection, items)
    if changed:
        connection.execute(SETTLE, changed)
    _count(connection, shares, settled)


def _named(row: int, result: tuple[int, str, str | None, UUID | None]) -> dict[str, Any]:
    votes, state, verdict, review = result
    return {
        "row": row,
        "new_votes": votes,
        "new_state": state,
        "new_verdict": verdict,
        "new_review_id": review,
    }


def _write_standings(connection: Connection, items: Sequence[Held]) -> None:
    rows: list[dict[str, Any]] = []
    for item in sorted(items, key=lambda item: item.id):
        for who, standing in sorted(item.by.items()):
            if standing.changed:
                rows.append(
                    {
                        "item_id": item.id,
                        "annotator_id": who,
                        "campaign_id": item.campaign,
                        "leased_until": standing.leased_until,
                        "vote_id": standing.vote_id,
                        "verdict": standing.verdict,
                        "cast_at": standing.cast_at,
                    }
                )
    upsert(connection, rows, "leased_until", "vote_id", "verdict", "cast_at")


def _count(
    connection: Connection, shares: Mapping[tuple[int, int], Sequence[int]], settled: Mapping[int, int]
) -> None:
    """Last of all, because every batch of a campaign waits here for the one before."""
    rows = [
        {"campaign_id": campaign, "annotator_id": who, "verdicts": verdicts, "settled": done}
        for (campaign, who), (verdicts, done) in sorted(shares.items())
        if verdicts or done
    ]
    if rows:
        connection.execute(_add(connection.dialect.name), rows)
    campaigns = [{"row": id_, "more": more} for id_, more in sorted(settled.items()) if more]
    if campaigns:
        connection.execute(ADVANCE, campaigns)
