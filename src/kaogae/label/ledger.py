"""The book of votes: what people said is written down once, for ever, and what it comes to follows at once.

Votes come in any order, late, and more than once: a phone keeps them until they are acknowledged. So each has
a UUID of the client's, and of one annotator's votes on one item the one that was cast last stands.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import TypedReturnsRows

from kaogae.catalog import Annotator, Campaign
from kaogae.catalog.types import now
from kaogae.errors import LabelError
from kaogae.label.campaigns import Settings
from kaogae.label.settling import VOTE, Held, Standing, insert, load_standings, lock, parts, settle
from kaogae.label.verdicts import ANSWERS, SKIPPED, UNDONE

Content = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """A vote on its way in."""

    id: UUID
    """Made by the client."""
    campaign: int
    item: int
    annotator: int
    verdict: str
    took_ms: int | None
    cast_at: datetime
    """With its zone. A moment in the future becomes now."""
    review: bool = False
    """A reviewer's decision."""

    def says(self) -> Content:
        """What mustn't differ when the same UUID comes again. Its moment does: phones' clocks are wrong."""
        return self.campaign, self.item, self.annotator, self.verdict, self.review


CAMPAIGNS = select(Campaign).where(Campaign.id.in_(bindparam("ids", expanding=True)))
ROLES = select(Annotator.id, Annotator.role).where(Annotator.id.in_(bindparam("ids", expanding=True)))
KNOWN = select(
    VOTE.c.id, VOTE.c.campaign_id, VOTE.c.item_id, VOTE.c.annotator_id, VOTE.c.verdict, VOTE.c.review
).where(VOTE.c.id.in_(bindparam("ids", expanding=True)))
REVIEWS = select(VOTE.c.item_id, VOTE.c.id, VOTE.c.verdict, VOTE.c.cast_at).where(
    VOTE.c.campaign_id.in_(bindparam("campaigns", expanding=True)),
    VOTE.c.item_id.in_(bindparam("ids", expanding=True)),
    VOTE.c.review,
    VOTE.c.verdict != SKIPPED,
)

FRESH = {"populate_existing": True}
USED = "This vote's id belongs to another vote: it isn't counted."


def record(session: Session, casts: Sequence[Cast], *, at: datetime | None = None) -> list[str | None]:
    """Write down votes, of any number of annotators and campaigns, and settle what they are about.

    Args:
        session: a transaction that can write; nothing is durable before it is committed.
        casts: in the order in which they came.
        at: the present moment.

    Returns:
        For each, in order: None if it is accepted (also if it was before), or why it never will be.
    """
    session.flush()
    connection, at = session.connection(), at or now()
    rules = _Rules.of(session, casts)
    items = lock(connection, (cast.item for cast in casts if cast.campaign in rules.campaigns))
    reasons = [rules.refuse(cast, items) for cast in casts]
    chosen: dict[UUID, Cast] = {}
    for cast, reason in zip(casts, reasons, strict=True):
        if reason is None:
            chosen.setdefault(cast.id, cast)
    written = _write(connection, chosen.values(), items, at)
    known = _known(connection, [cast.id for cast in casts if cast.id not in written])
    known |= {id_: chosen[id_].says() for id_ in written}
    new = [cast for cast in chosen.values() if cast.id in written]
    if new:
        _hear(connection, new, {cast.item: items[cast.item] for cast in new}, rules, at)
    return [
        reason if cast.id not in known else None if known[cast.id] == cast.says() else reason or USED
        for cast, reason in zip(casts, reasons, strict=True)
    ]


class _Campaign(NamedTuple):
    """What voting in a campaign is like."""

    needed: int
    answers: tuple[str, ...]
    closed_at: datetime | None


@dataclass
class _Rules:
    """What may be said by whom."""

    campaigns: dict[int, _Campaign]
    roles: dict[int, str]

    @classmethod
    def of(cls, session: Session, casts: Sequence[Cast]) -> "_Rules":
        """Those that apply to these votes."""
        rules = cls({}, {})
        for part in parts({cast.campaign for cast in casts}):
            for campaign in session.scalars(CAMPAIGNS, {"ids": part}, execution_options=FRESH):
                with suppress(LabelError):
                    needed = Settings.of(campaign).annotators
                    answers = ANSWERS[campaign.kind]
                    rules.campaigns[campaign.id] = _Campaign(needed, answers, campaign.closed_at)
        for part in parts({cast.annotator for cast in casts}):
            rules.roles |= {row[0]: row[1] for row in session.execute(ROLES, {"ids": part})}
        return rules

    def refuse(self, cast: Cast, items: Mapping[int, Held]) -> str | None:
        """Why a vote can never be accepted, if so."""
        campaign, item = self.campaigns.get(cast.campaign), items.get(cast.item)
        if campaign is None or item is None or item.campaign != cast.campaign:
            return "There is no such item in this campaign."
        if cast.annotator not in self.roles:
            return "There is no such annotator."
        if cast.verdict not in (*campaign.answers, UNDONE, SKIPPED):
            return "This campaign doesn't ask for that answer."
        if cast.review and self.roles[cast.annotator] not in ("reviewer", "admin"):
            return "Only a reviewer can decide."
        if cast.cast_at.tzinfo is None:
            return "Its moment has no time zone."
        if not cast.review and campaign.closed_at is not None and cast.cast_at > campaign.closed_at:
            return "The campaign was closed before."
        return None


def _write(
    connection: Connection, casts: Collection[Cast], items: Mapping[int, Held], at: datetime
) -> set[UUID]:
    """Add votes to the history; gives those that weren't in it."""
    if not casts:
        return set()
    rows = [
        {
            "id": cast.id,
            "campaign_id": cast.campaign,
            "annotator_id": cast.annotator,
            "item_id": cast.item,
            "face_id": items[cast.item].face,
            "verdict": cast.verdict,
            "review": cast.review,
            "took_ms": cast.took_ms,
            "cast_at": min(cast.cast_at, at),
        }
        for cast in sorted(casts, key=lambda cast: cast.id)  # in one order, as locks are taken
    ]
    return set(connection.execute(_insert(connection.dialect.name), rows).scalars())


@cache
def _insert(dialect: str) -> TypedReturnsRows[UUID]:
    return insert(dialect, VOTE).on_conflict_do_nothing(index_elements=["id"]).returning(VOTE.c.id)


def _known(connection: Connection, ids: Iterable[UUID]) -> dict[UUID, Content]:
    """What those of the votes that are in the history say."""
    known: dict[UUID, Content] = {}
    for part in parts(set(ids)):
        for id_, *says in connection.execute(KNOWN, {"ids": part}):
            known[id_] = tuple(says)
    return known


def _hear(
    connection: Connection, casts: Sequence[Cast], items: dict[int, Held], rules: _Rules, at: datetime
) -> None:
    """What new votes change."""
    load_standings(connection, items)
    before = {
        item.id: {who: said.verdict for who, said in item.by.items() if said.verdict}
        for item in items.values()
    }
    reviews: dict[int, list[Cast]] = {}
    for cast in casts:
        if cast.review:
            reviews.setdefault(cast.item, []).append(cast)
        else:
            standing = items[cast.item].by.setdefault(cast.annotator, Standing())
            standing.hear(cast.id, cast.verdict, min(cast.cast_at, at))
    needed = {id_: campaign.needed for id_, campaign in rules.campaigns.items()}
    decided = _decisions(connection, reviews, items, at)
    settle(connection, list(items.values()), needed, before, decided)


def _decisions(
    connection: Connection, reviews: Mapping[int, Sequence[Cast]], items: Mapping[int, Held], at: datetime
) -> dict[int, tuple[UUID | None, str | None]]:
    """Which review stands after new ones: the one that was cast last, unless it undoes. A skip is none."""
    standing: dict[int, Standing] = {id_: Standing() for id_ in reviews}
    fresh = {cast.id for casts in reviews.values() for cast in casts}
    earlier: list[tuple[datetime, bool, int, UUID, str]] = []
    for part in parts(reviews):
        campaigns = {items[id_].campaign for id_ in part}
        rows = connection.execute(REVIEWS, {"ids": part, "campaigns": list(campaigns)})
        for item, id_, verdict, cast_at in rows:
            if id_ not in fresh:  # of two at one moment, the one that the item already knows came last
                known = items[item].review == (None if verdict == UNDONE else id_)
                earlier.append((cast_at, known, item, id_, verdict))
    for cast_at, _, item, id_, verdict in sorted(earlier):
        standing[item].hear(id_, verdict, cast_at)
    for casts in reviews.values():
        for cast in casts:
            if cast.verdict != SKIPPED:
                standing[cast.item].hear(cast.id, cast.verdict, min(cast.cast_at, at))
    return {id_: (s.vote_id if s.verdict else None, s.verdict) for id_, s in standing.items()}
