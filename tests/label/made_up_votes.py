"""Campaigns without pictures for tests of votes, quickly made."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, select

from kaogae.catalog import Annotator, Assignment, Campaign, Catalog, Contribution, Item, Vote
from kaogae.label.campaigns import Settings, begin
from kaogae.label.ledger import Cast

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def new_campaign(
    catalog: Catalog, items: int, kind: str = "clean", **settings: object
) -> tuple[int, list[int]]:
    """A campaign and its items' ids, in the order of their numbers."""
    rows = [{"sha256": f"{number:064}", "label": "happy"} for number in range(items)]
    with catalog.session() as session:
        begun = begin(session, uuid4().hex, kind, Settings(**settings), rows, Counter())
        found = session.scalars(select(Item.id).where(Item.campaign_id == begun.id).order_by(Item.number))
        return begun.id, list(found)


def new_people(catalog: Catalog, count: int, role: str = "annotator", first: int | None = None) -> list[int]:
    """Annotators; `first`: the id of the first one, if it matters."""
    ids = [None] * count if first is None else range(first, first + count)
    with catalog.session() as session:
        people = [Annotator(id=id_, name=uuid4().hex, role=role) for id_ in ids]
        session.add_all(people)
        session.flush()
        return [person.id for person in people]


def forget_all(catalog: Catalog) -> None:
    """No campaign, no vote, nobody."""
    with catalog.session() as session:
        for table in (Contribution, Assignment, Vote, Item, Campaign, Annotator):
            session.execute(delete(table))


def vote(
    campaign: int,
    item: int,
    annotator: int,
    verdict: str = "happy",
    seconds: float = 0,
    *,
    review: bool = False,
    id_: UUID | None = None,
) -> Cast:
    """A vote, cast so long after `START`."""
    moment = START + timedelta(seconds=seconds)
    return Cast(id_ or uuid4(), campaign, item, annotator, verdict, 700, moment, review)
