"""How far a campaign is, for an annotator; and what waits for a reviewer."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kaogae.catalog import Assignment, Campaign, Contribution, Item
from kaogae.errors import LabelError
from kaogae.label.campaigns import Settings
from kaogae.label.verdicts import CLEAN, DISPUTED


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
    campaigns, annotators = {one for one, _ in asked}, {one for _, one in asked}
    last = func.coalesce(func.max(Item.number), -1)  # numbers have no gaps
    items = select(last + 1).where(Item.campaign_id == Campaign.id).scalar_subquery()
    whole = select(Campaign.id, items, Campaign.settled, Campaign.closed_at).where(Campaign.id.in_(campaigns))
    known = {row[0]: row[1:] for row in session.execute(whole)}
    columns = (
        Contribution.campaign_id,
        Contribution.annotator_id,
        Contribution.verdicts,
        Contribution.settled,
    )
    mine = Contribution.campaign_id.in_(campaigns), Contribution.annotator_id.in_(annotators)
    shares = {(row[0], row[1]): (row[2], row[3]) for row in session.execute(select(*columns).where(*mine))}
    found: dict[tuple[int, int], Progress] = {}
    for campaign, annotator in asked:
        if campaign not in known:
            raise LabelError(f"There is no campaign with the number {campaign}.")
        total, settled, closed_at = known[campaign]
        verdicts, done = shares.get((campaign, annotator), (0, 0))
        left = 0 if closed_at else total - settled - (verdicts - done)
        found[campaign, annotator] = Progress(total, verdicts, left, settled)
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
    tallies: defaultdict[int, dict[str, int]] = defaultdict(dict)
    counts = (
        select(Assignment.item_id, Assignment.verdict, func.count())
        .where(Assignment.item_id.in_([row.id for row in rows]), Assignment.verdict.is_not(None))
        .group_by(Assignment.item_id, Assignment.verdict)
        .order_by(func.count().desc(), Assignment.verdict)
    )
    for item, verdict, votes in session.execute(counts):
        tallies[item][str(verdict)] = votes
    found = [QueueItem(row.id, row.label if labels else None, tallies[row.id]) for row in rows]
    return Queue(found, session.scalar(select(func.count()).where(*waiting)) or 0)
