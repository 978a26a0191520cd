"""How far a campaign is, for an annotator; and what waits for a reviewer."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, bindparam, func, select
from sqlalchemy.orm import Session

from kaogae.catalog import Assignment, Campaign, Contribution, Item
from kaogae.errors import LabelError
from kaogae.label.campaigns import Settings
from kaogae.label.verdicts import CLEAN, DISPUTED

CAMPAIGN, ITEM, CONTRIBUTION = (cast(Table, one.__table__) for one in (Campaign, Item, Contribution))

_campaigns, _annotators = (bindparam(name, expanding=True) for name in ("campaigns", "annotators"))
_items = (  # numbers have no gaps
    select(func.coalesce(func.max(ITEM.c.number), -1) + 1)
    .where(ITEM.c.campaign_id == CAMPAIGN.c.id)
    .scalar_subquery()
)
# Built once: building them takes longer than asking
WHOLE = select(CAMPAIGN.c.id, _items, CAMPAIGN.c.settled, CAMPAIGN.c.closed_at).where(
    CAMPAIGN.c.id.in_(_campaigns)
)
"""How many items campaigns have, how many of them are settled, whether they are closed."""

SHARES = select(CONTRIBUTION).where(
    CONTRIBUTION.c.campaign_id.in_(_campaigns), CONTRIBUTION.c.annotator_id.in_(_annotators)
)
"""How much annotators have said in campaigns."""


@dataclass(frozen=True)
class Progress:
    """How far a campaign is, as one annotator may know it."""

    items: int
    mine: int
    """On how many items this annotator's verdict stands."""
    left: int
    """How many open items have no verdict of theirs: so many they could still be asked for."""
    settled: int
    """How many items aren't open: they have all their votes, or a reviewer decided."""


@dataclass(frozen=True)
class QueueItem:
    """An item without a majority."""

    id: int
    label: str | None
    tally: dict[str, int]
    """Verdict -> how many annotators say so."""


@dataclass(frozen=True)
class Queue:
    """A page of what waits for a reviewer."""

    items: list[QueueItem]
    waiting: int
    """In the whole campaign."""


def shows_labels(campaign: Campaign) -> bool:
    """Whether people see what the tag says: in a panel, that would give the answer away."""
    return campaign.kind == CLEAN and not Settings.of(campaign).blind


def progress(session: Session, campaign: int, annotator: int) -> Progress:
    """How far a campaign is: read from counters, whatever its size.

    Raises:
        LabelError: there is no such campaign.
    """
    return progresses(session, {(campaign, annotator)})[campaign, annotator]


def progresses(session: Session, asked: Collection[tuple[int, int]]) -> dict[tuple[int, int], Progress]:
    """The same for many: (campaign, annotator) -> progress, with two questions.

    Raises:
        LabelError: there is no such campaign.
    """
    whose = {"campaigns": {one for one, _ in asked}, "annotators": {one for _, one in asked}}
    whose = {name: sorted(ids) for name, ids in whose.items()}
    whole = {row[0]: row[1:] for row in session.execute(WHOLE, whose)}
    shares = {
        (row.campaign_id, row.annotator_id): (row.verdicts, row.settled)
        for row in session.execute(SHARES, whose)
    }
    found: dict[tuple[int, int], Progress] = {}
    for campaign, annotator in asked:
        if campaign not in whole:
            raise LabelError(f"There is no campaign with the number {campaign}.")
        total, settled, closed_at = whole[campaign]
        verdicts, done = shares.get((campaign, annotator), (0, 0))
        left = 0 if closed_at else total - settled - (verdicts - done)
        found[campaign, annotator] = Progress(total, verdicts, left, settled)
    return found


def tallies(session: Session, items: Collection[int]) -> defaultdict[int, dict[str, int]]:
    """Item -> verdict -> how many annotators say so, the most common first."""
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    counts = (
        select(Assignment.item_id, Assignment.verdict, func.count())
        .where(Assignment.item_id.in_(items), Assignment.verdict.is_not(None))
        .group_by(Assignment.item_id, Assignment.verdict)
        .order_by(func.count().desc(), Assignment.verdict)
    )
    for item, verdict, votes in session.execute(counts):
        found[item][str(verdict)] = votes
    return found


def review_queue(session: Session, campaign: int, after: int, limit: int) -> Queue:
    """The first `limit` items without a majority whose id is above `after`.

    Raises:
        LabelError: there is no such campaign.
    """
    asked = session.get(Campaign, campaign)
    if asked is None:
        raise LabelError(f"There is no campaign with the number {campaign}.")
    labels, waiting = shows_labels(asked), (Item.campaign_id == campaign, Item.state == DISPUTED)
    rows = session.execute(
        select(Item.id, Item.label).where(*waiting, Item.id > after).order_by(Item.id).limit(limit)
    ).all()
    tally = tallies(session, [row.id for row in rows])
    found = [QueueItem(row.id, row.label if labels else None, tally[row.id]) for row in rows]
    return Queue(found, session.scalar(select(func.count()).where(*waiting)) or 0)
