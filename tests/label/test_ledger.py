"""Votes, places, leases and reviews: whatever is done in whatever order, the book is right."""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import event, func, select, update

from kaogae.catalog import Assignment, Campaign, Catalog, Contribution, Item, Vote, open_catalog
from kaogae.catalog.types import now
from kaogae.errors import LabelError
from kaogae.label import leases
from kaogae.label.leases import Ledger
from kaogae.label.ledger import Cast, record
from kaogae.label.order import own_order
from kaogae.label.overview import Progress, progress, review_queue
from kaogae.label.verdicts import SKIPPED, UNDONE

sys.path.insert(0, str(Path(__file__).parent))
from made_up_votes import START, forget_all, new_campaign, new_people, vote

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
        if self.closed and cast.cast_at > self.closed and not cast.review:
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
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


# One thing at a time


def test_everybody_has_an_order_of_their_own_and_keeps_it():
    orders = [own_order(seed, who, 1000) for seed in (0, 1) for who in (1, 2)]
    for order in orders:
        assert sorted(order) == list(range(1000))
    assert len({tuple(order) for order in orders}) == 4
    assert np.array_equal(own_order(1, 2, 1000), orders[3])


@pytest.mark.parametrize("few", [0, leases.FEW], ids=["along the order", "through all that is open"])
def test_items_come_in_ones_own_order_also_after_a_restart(catalog, monkeypatch, few):
    monkeypatch.setattr(leases, "FEW", few)
    campaign, items = new_campaign(catalog, 60, seed=7)
    (me,) = new_people(catalog, 1)
    mine: list[int] = []
    for _ in range(6):
        mine += given(catalog, Ledger(), campaign, me, 10, *mine)
    assert mine == [items[number] for number in own_order(7, me, 60)]


def test_what_an_app_lost_is_given_to_it_again(catalog):
    campaign, _ = new_campaign(catalog, 10, annotators=1)
    me, other = new_people(catalog, 2)
    ledger = Ledger()
    lost = given(catalog, ledger, campaign, me, 10)
    assert given(catalog, ledger, campaign, other, 10) == []
    assert given(catalog, ledger, campaign, me, 10) == lost


def test_a_lease_that_ended_goes_to_somebody_else_and_the_late_vote_counts_too(catalog):
    campaign, (item_,) = new_campaign(catalog, 1, annotators=1)
    late, quick = new_people(catalog, 2)
    ledger = Ledger(lease=HOUR)
    assert given(catalog, ledger, campaign, late, 1) == [item_]
    assert given(catalog, ledger, campaign, quick, 1, at=START + HOUR / 2) == []
    assert given(catalog, ledger, campaign, quick, 1, at=START + HOUR) == [item_]
    assert take(catalog, ledger, campaign, late, 0, item_, at=START + HOUR).keep == []
    assert book(catalog, vote(campaign, item_, quick, "sad", 3600)) == [None]
    assert item(catalog, item_) == (1, "agreed", "sad")
    assert book(catalog, vote(campaign, item_, late, "happy", 60)) == [None]
    assert item(catalog, item_) == (2, "disputed", None)


def test_what_is_kept_is_renewed(catalog):
    campaign, (item_,) = new_campaign(catalog, 1, annotators=1)
    me, other = new_people(catalog, 2)
    ledger = Ledger(lease=HOUR)
    given(catalog, ledger, campaign, me, 1)
    assert take(catalog, ledger, campaign, me, 5, item_, at=START + HOUR / 2).keep == [item_]
    assert given(catalog, ledger, campaign, other, 1, at=START + HOUR * 1.4) == []


def test_an_undone_item_waits_for_whoever_undid_it(catalog):
    campaign, (item_,) = new_campaign(catalog, 1, annotators=1)
    me, other = new_people(catalog, 2)
    ledger = Ledger()
    given(catalog, ledger, campaign, me, 1)
    book(catalog, vote(campaign, item_, me, "sad", 1), vote(campaign, item_, me, UNDONE, 2))
    assert item(catalog, item_) == (0, "open", None)
    assert given(catalog, ledger, campaign, other, 1) == []
    assert given(catalog, ledger, campaign, me, 1) == [item_]


def test_the_item_that_was_skipped_longest_ago_comes_first(catalog):
    campaign, items = new_campaign(catalog, 4)
    (me,) = new_people(catalog, 1)
    skips = [vote(campaign, item_, me, SKIPPED, seconds) for seconds, item_ in enumerate(reversed(items))]
    book(catalog, *skips)
    assert given(catalog, Ledger(), campaign, me, 3) == items[:0:-1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"item": 10**9}, "no such item"),
        ({"campaign": 10**9}, "no such item"),
        ({"annotator": 10**9}, "no such annotator"),
        ({"verdict": "unusable"}, "doesn't ask"),
        ({"verdict": "joyful"}, "doesn't ask"),
        ({"review": True}, "Only a reviewer"),
        ({"cast_at": datetime(2026, 5, 1)}, "time zone"),
    ],
)
def test_what_can_never_be_accepted_is_refused_alone(catalog, change, why):
    campaign, items = new_campaign(catalog, 2, "panel", annotators=1)
    other, _ = new_campaign(catalog, 1)
    (me,) = new_people(catalog, 1)
    bad = replace(vote(campaign, items[0], me), **change)
    elsewhere = vote(other, items[0], me)
    reasons = book(catalog, bad, vote(campaign, items[1], me), elsewhere)
    assert why in str(reasons[0])
    assert reasons[1] is None
    assert "no such item" in str(reasons[2])
    assert item(catalog, items[0]) == (0, "open", None)
    assert item(catalog, items[1]) == (1, "agreed", "happy")


def test_a_resent_vote_is_accepted_though_the_campaign_was_closed_meanwhile(catalog):
    campaign, (item_,) = new_campaign(catalog, 1)
    me, other = new_people(catalog, 2)
    first = vote(campaign, item_, me, seconds=10)
    book(catalog, first)
    with catalog.session() as session:
        session.get_one(Campaign, campaign).closed_at = START + timedelta(seconds=20)
    again, late = replace(first, cast_at=START + HOUR), vote(campaign, item_, other, seconds=15)
    reasons = book(catalog, again, late, vote(campaign, item_, other, "sad", 25))
    assert reasons[:2] == [None, None]
    assert "closed" in str(reasons[2])
    assert item(catalog, item_)[0] == 2
    assert given(catalog, Ledger(), campaign, other, 1) == []


def test_what_is_disputed_is_decided_after_the_campaign_was_closed(catalog):
    campaign, (item_,) = new_campaign(catalog, 1, annotators=2)
    (*people, reviewer) = [*new_people(catalog, 2), *new_people(catalog, 1, "reviewer")]
    book(catalog, vote(campaign, item_, people[0], "sad"), vote(campaign, item_, people[1]))
    with catalog.session() as session:
        session.get_one(Campaign, campaign).closed_at = START + timedelta(seconds=20)
    assert book(catalog, vote(campaign, item_, reviewer, "sad", 30, review=True)) == [None]
    assert item(catalog, item_) == (2, "reviewed", "sad")
    assert book(catalog, vote(campaign, item_, reviewer, "undone", 31, review=True)) == [None]
    assert item(catalog, item_) == (2, "disputed", None)


def test_reviews_end_what_is_disputed_until_they_are_undone(catalog):
    campaign, items = new_campaign(catalog, 3, annotators=2)
    first, second = new_people(catalog, 2)
    (reviewer,) = new_people(catalog, 1, "reviewer")
    for item_ in items:
        book(catalog, vote(campaign, item_, first, "sad"), vote(campaign, item_, second, "crying"))
    with catalog.reading() as session:
        queue = review_queue(session, campaign, items[0], 1)
        assert (queue.waiting, [i.id for i in queue.items]) == (3, [items[1]])
        assert queue.items[0].tally == {"crying": 1, "sad": 1}
        assert queue.items[0].label == "happy"
    book(catalog, vote(campaign, items[1], reviewer, "happy", 60, review=True))
    assert item(catalog, items[1]) == (2, "reviewed", "happy")
    book(catalog, vote(campaign, items[1], reviewer, UNDONE, 90, review=True))
    late = vote(campaign, items[1], reviewer, "neutral", 80, review=True)  # it has been undone since
    assert book(catalog, late) == [None]
    assert item(catalog, items[1]) == (2, "disputed", None)


@pytest.mark.parametrize(("kind", "blind"), [("panel", False), ("clean", True)])
def test_labels_stay_hidden_where_they_would_lead(catalog, kind, blind):
    campaign, items = new_campaign(catalog, 1, kind, annotators=2, blind=blind)
    people = new_people(catalog, 2)
    assert [row.label for row in take(catalog, Ledger(), campaign, people[0], 1).items] == [None]
    book(catalog, *(vote(campaign, items[0], who, said) for who, said in zip(people, SAID, strict=False)))
    with catalog.reading() as session:
        assert review_queue(session, campaign, 0, 9).items[0].label is None


def test_a_campaign_that_isnt_there_is_a_sentence(catalog):
    for ask in (
        lambda s: Ledger().take(s, 9, 1, 1),
        lambda s: progress(s, 9, 1),
        lambda s: review_queue(s, 9, 0, 1),
    ):
        with pytest.raises(LabelError, match="no campaign"), catalog.session() as session:
            ask(session)


@contextmanager
def statements(catalog: Catalog) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(_connection, _cursor, statement, *_more) -> None:
        asked.append(statement)

    event.listen(catalog.engine, "before_cursor_execute", note)
    yield asked
    event.remove(catalog.engine, "before_cursor_execute", note)


def test_more_votes_take_no_more_statements(catalog):
    campaign, items = new_campaign(catalog, 300)
    people = new_people(catalog, 5)
    counts = []
    for part in (items[:2], items[2:]):
        with statements(catalog) as asked:
            book(catalog, *(vote(campaign, item_, who) for item_ in part for who in people))
        counts.append(len(asked))
    assert counts[1] <= counts[0] + 1  # 1,490 votes; insertmanyvalues sends them in two parts
    assert counts[0] <= 12


def test_a_batch_may_hold_more_values_than_one_statement_takes(catalog, monkeypatch):
    monkeypatch.setattr("kaogae.label.settling.AT_ONCE", 100)
    campaign, items = new_campaign(catalog, 250, annotators=2)
    people = new_people(catalog, 2)
    casts = [vote(campaign, item_, who) for item_ in items for who in people]
    for _ in range(2):
        assert book(catalog, *casts) == [None] * 500
        assert how_far(catalog, campaign, people[0]) == Progress(250, 250, 0, 250)


def test_several_who_take_and_vote_at_once_share_the_places(catalog, catalog_url):
    """Each with a catalogue and a ledger of its own, as several services have."""
    campaign, items = new_campaign(catalog, 60, annotators=3)
    people = new_people(catalog, 6)
    problems: list[BaseException] = []

    def work(who: int) -> None:
        mine, ledger = open_catalog(catalog_url), Ledger()
        try:
            while how_far(mine, campaign, who).left:
                got = given(mine, ledger, campaign, who, 7, at=now())
                casts = [replace(vote(campaign, i, who), cast_at=now()) for i in got]
                if casts and any(book(mine, *casts, at=now())):
                    raise AssertionError("refused")
        except BaseException as error:
            problems.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=work, args=[who]) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    with catalog.reading() as session:
        rows = session.execute(select(Assignment.item_id, Assignment.annotator_id, Assignment.verdict)).all()
        votes = session.scalar(select(func.count()).select_from(Vote))
        shares = session.scalars(select(Contribution.verdicts)).all()
    assert Counter(row.item_id for row in rows if row.verdict) == dict.fromkeys(items, 3)
    assert len(rows) == votes == sum(shares) == 180  # nobody was given what they couldn't have
    assert how_far(catalog, campaign, people[0]).settled == 60
