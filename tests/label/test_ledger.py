"""Votes, places, leases and reviews: whatever is done in whatever order, the book is right."""

import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select, update

from kaogae.catalog import Assignment, Campaign, Catalog, Item, Vote
from kaogae.label import leases
from kaogae.label.ledger import Cast, Ledger, Progress, progress, record
from kaogae.label.verdicts import SKIPPED, UNDONE

sys.path.insert(0, str(Path(__file__).parent))
from made_up_votes import START, forget_all, new_campaign, new_people

HOUR = timedelta(hours=1)
SAID = ("happy", "sad", UNDONE, SKIPPED)


def book(catalog: Catalog, *casts: Cast, at: datetime = START + timedelta(hours=1)) -> list[str | None]:
    with catalog.session() as session:
        return record(session, casts, at=at)


def take(catalog: Catalog, ledger: Ledger, campaign: int, annotator: int, count: int, *have: int, at=START):
    with catalog.session() as session:
        return ledger.take(session, campaign, annotator, count, have, at=at)


def given(catalog: Catalog, *arguments, **more) -> list[int]:
    return [row.id for row in take(catalog, *arguments, **more).items]


def how_far(catalog: Catalog, campaign: int, annotator: int) -> Progress:
    with catalog.reading() as session:
        return progress(session, campaign, annotator)


def item(catalog: Catalog, id_: int) -> tuple[int, str, str | None]:
    with catalog.reading() as session:
        found = session.get_one(Item, id_)
        return found.votes, found.state, found.verdict


# One step after another, in any order, against a model


@dataclass
class Pair:
    """What one annotator and one item have to do with each other."""

    votes: list[tuple[datetime, int, str, UUID]] = field(default_factory=list)
    until: datetime | None = None

    @property
    def last(self) -> str | None:
        return max(self.votes)[2] if self.votes else None

    @property
    def verdict(self) -> str | None:
        return None if self.last in (UNDONE, SKIPPED) else self.last


class Book(RuleBasedStateMachine):
    """A tiny model of the same: it keeps every vote and counts everything anew each time."""

    catalog: Catalog

    @initialize(
        items=st.integers(1, 7), needed=st.integers(1, 3), people=st.integers(1, 4), seed=st.integers(0, 9)
    )
    def begin(self, items: int, needed: int, people: int, seed: int) -> None:
        forget_all(self.catalog)
        self.needed, self.clock, self.came = needed, START, 0
        self.campaign, self.items = new_campaign(self.catalog, items, annotators=needed, seed=seed)
        self.people = new_people(self.catalog, people, first=1)  # their orders follow from their ids
        self.people += new_people(self.catalog, 1, "reviewer", first=people + 1)
        self.pairs = {(item, who): Pair() for item in self.items for who in self.people}
        self.reviews: dict[int, list[tuple[datetime, int, str, UUID]]] = {item: [] for item in self.items}
        self.casts: dict[UUID, Cast] = {}
        self.closed: datetime | None = None
        self.ledger = Ledger(lease=HOUR)
        self.batch: list[Cast] = []

    # What the model makes of it

    def state(self, item: int) -> tuple[int, str, str | None, UUID | None]:
        said = Counter(pair.verdict for (i, _), pair in self.pairs.items() if i == item and pair.verdict)
        decisions = [review for review in self.reviews[item] if review[2] != SKIPPED]
        if decisions and (last := max(decisions))[2] != UNDONE:
            return said.total(), "reviewed", last[2], last[3]
        if said.total() < self.needed:
            return said.total(), "open", None, None
        for verdict, votes in said.items():
            if votes * 2 > said.total():
                return said.total(), "agreed", verdict, None
        return said.total(), "disputed", None, None

    def places(self, item: int, but: int) -> int:
        """How many others have a place."""
        return sum(
            pair.verdict is not None or (pair.until is not None and pair.until > self.clock)
            for (i, who), pair in self.pairs.items()
            if i == item and who != but
        )

    def expect(self, cast: Cast) -> bool:
        """Whether a vote is accepted; if it is new, the model knows it from now on."""
        if cast.id in self.casts:
            return replace(self.casts[cast.id], cast_at=cast.cast_at) == cast
        if self.closed and cast.cast_at > self.closed:
            return False
        if cast.review and cast.annotator != self.people[-1]:
            return False
        self.casts[cast.id], self.came = cast, self.came + 1
        said = (min(cast.cast_at, self.clock), self.came, cast.verdict, cast.id)
        if cast.review:
            self.reviews[cast.item].append(said)
            return True
        pair = self.pairs[cast.item, cast.annotator]
        pair.votes.append(said)
        if cast.verdict == SKIPPED and max(pair.votes) == said:
            pair.until = None
        return True

    # What can happen

    @rule(minutes=st.sampled_from([0, 1, 10, 59, 61]))
    def wait(self, minutes: int) -> None:
        self.clock += timedelta(minutes=minutes)

    @rule()
    def restart(self) -> None:
        self.ledger = Ledger(lease=HOUR)

    @rule(data=st.data(), verdict=st.sampled_from(SAID), ago=st.integers(-2, 3), review=st.booleans())
    def cast(self, data: st.DataObject, verdict: str, ago: int, review: bool) -> None:
        who = self.people[-1] if review else data.draw(st.sampled_from(self.people))
        self.batch.append(
            Cast(
                uuid4(),
                self.campaign,
                data.draw(st.sampled_from(self.items)),
                who,
                verdict,
                None,
                self.clock - timedelta(minutes=ago),
                review,
            )
        )

    @rule(data=st.data(), other=st.booleans())
    def send_again(self, data: st.DataObject, other: bool) -> None:
        known = [*self.casts.values(), *self.batch]
        if known:
            again = data.draw(st.sampled_from(known))
            moment = again.cast_at + timedelta(seconds=1)  # phones' clocks are wrong
            self.batch.append(replace(again, verdict="crying") if other else replace(again, cast_at=moment))

    @rule()
    def send(self) -> None:
        answers = book(self.catalog, *self.batch, at=self.clock)
        assert [answer is None for answer in answers] == [self.expect(cast) for cast in self.batch]
        self.batch = []

    @rule(is_open=st.booleans())
    def close_or_open(self, is_open: bool) -> None:
        self.closed = None if is_open else self.clock
        with self.catalog.session() as session:
            change = update(Campaign).where(Campaign.id == self.campaign)
            session.execute(change.values(closed_at=self.closed))

    @rule(data=st.data(), count=st.integers(0, 5))
    def take(self, data: st.DataObject, count: int) -> None:
        who = data.draw(st.sampled_from(self.people))
        have = data.draw(st.lists(st.sampled_from(self.items), unique=True, max_size=4))
        taken = take(self.catalog, self.ledger, self.campaign, who, count, *have, at=self.clock)
        got = [row.id for row in taken.items]
        if self.closed:
            assert (got, taken.keep) == ([], [])
            return
        asked = [i for i in self.items if self.state(i)[1] == "open" and not self.pairs[i, who].verdict]
        free = {i for i in asked if self.places(i, who) < self.needed}
        mine = {i for i in asked if (until := self.pairs[i, who].until) and until > self.clock}
        known = {i for i in asked if self.pairs[i, who].until or self.pairs[i, who].votes}
        assert taken.keep == [i for i in have if i in known and i in free | mine]
        wanted = free - (set(have) & known)  # what was never given out is none that they can have
        assert len(got) == len(set(got)) == min(count, len(wanted))
        assert set(got) <= wanted
        skips = [self.pairs[i, who].last == SKIPPED for i in got]
        assert skips == sorted(skips)
        if any(skips):
            assert {i for i in wanted if self.pairs[i, who].last != SKIPPED} <= set(got)
        self.learn_leases(who, {*got, *taken.keep})

    def learn_leases(self, who: int, items: set[int]) -> None:
        """How much longer exactly is theirs to decide, within an eighth."""
        with self.catalog.reading() as session:
            mine = select(Assignment.item_id, Assignment.leased_until).where(Assignment.annotator_id == who)
            until = dict(session.execute(mine.where(Assignment.item_id.in_(items))).all())
        assert until.keys() == items
        for item in items:
            assert self.clock + HOUR * 7 / 8 <= until[item] <= self.clock + HOUR
            self.pairs[item, who].until = until[item]

    # What must always be so

    @invariant()
    def the_book_is_right(self) -> None:
        with self.catalog.reading() as session:
            votes = select(Vote.id).where(Vote.campaign_id == self.campaign)
            assert set(session.scalars(votes)) == self.casts.keys()
            states = {item: self.state(item) for item in self.items}
            for item in session.scalars(select(Item).where(Item.campaign_id == self.campaign)):
                assert (item.votes, item.state, item.verdict, item.review_id) == states[item.id]
            for row in session.scalars(select(Assignment).where(Assignment.campaign_id == self.campaign)):
                assert row.verdict == self.pairs[row.item_id, row.annotator_id].verdict
            settled = {item for item, state in states.items() if state[1] != "open"}
            for who in self.people:
                mine = {item for item in self.items if self.pairs[item, who].verdict}
                left = 0 if self.closed else len(set(self.items) - settled - mine)
                told = progress(session, self.campaign, who)
                assert told == Progress(len(self.items), len(mine), left, len(settled))


@pytest.mark.parametrize("few", [0, leases.FEW], ids=["along the order", "through all that is open"])
def test_whatever_happens_the_book_is_right(catalog, monkeypatch, few):
    monkeypatch.setattr(leases, "FEW", few)
    machine = type("Book", (Book,), {"catalog": catalog})
    machine.TestCase.settings = settings()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
