"""One thread that writes for all: what it promises, and who suffers when something fails."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from kaogae.catalog import Annotator, Catalog, Vote, open_catalog
from kaogae.errors import CatalogError, LabelError
from kaogae.label.ledger import Cast
from kaogae.label.writer import Writer

sys.path.insert(0, str(Path(__file__).parent))
from made_up_votes import new_campaign, new_people, vote


@contextmanager
def writing(catalog: Catalog, **options: int) -> Iterator[Writer]:
    writer = Writer(catalog, **options)
    try:
        yield writer
    finally:
        writer.close()


@pytest.fixture
def writer(catalog: Catalog) -> Iterator[Writer]:
    with writing(catalog) as writer:
        yield writer


@pytest.fixture
def votes(catalog: Catalog) -> list[Cast]:
    """Fifty votes of five people."""
    campaign, items = new_campaign(catalog, 10)
    return [vote(campaign, item, who) for who in new_people(catalog, 5) for item in items]


def written(catalog: Catalog) -> set[object]:
    with catalog.reading() as session:
        return set(session.scalars(select(Vote.id)))


async def after_a_pause(writer: Writer, ask: Callable[[], list[asyncio.Future]]) -> list[object]:
    """What is asked while the writer is busy comes into one round."""
    go_on = threading.Event()
    busy = asyncio.ensure_future(writer.call(lambda _: go_on.wait(20)))
    await asyncio.sleep(0.05)
    asked = ask()
    await asyncio.sleep(0.05)
    go_on.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    await busy
    return answers


def ask_all(writer: Writer, votes: list[Cast]) -> Callable[[], list[asyncio.Future]]:
    return lambda: [asyncio.ensure_future(writer.record([cast])) for cast in votes]


def test_what_waits_is_one_transaction_and_is_answered_after_it(catalog, writer, votes):
    commits, answered_before = [], []

    async def main() -> None:
        asked: list[asyncio.Future] = []

        @event.listens_for(catalog.engine, "commit")
        def committing(_connection: object) -> None:
            commits.append(1)
            answered_before.extend(future.done() for future in asked)

        def ask() -> list[asyncio.Future]:
            asked.extend(ask_all(writer, votes)())
            return asked

        assert await after_a_pause(writer, ask) == [[None]] * 50

    asyncio.run(main())
    assert len(commits) == 1
    assert answered_before == [False] * 50
    assert written(catalog) == {cast.id for cast in votes}


def test_a_bad_vote_is_nobody_elses_trouble(catalog, writer, votes):
    votes[20] = replace(votes[20], took_ms=2**80)  # what no column holds, if the service let it through
    answers = asyncio.run(after_a_pause(writer, ask_all(writer, votes)))
    assert isinstance(answers.pop(20), OverflowError | CatalogError)
    assert answers == [[None]] * 49
    assert written(catalog) == {cast.id for k, cast in enumerate(votes) if k != 20}


def test_a_call_that_fails_leaves_nothing_and_hurts_nobody(catalog, writer, votes):
    def fails(session: Session) -> None:
        session.add(Annotator(name="half"))
        session.flush()
        raise LabelError("No.")

    def works(session: Session) -> int | None:
        session.add(Annotator(name="whole"))
        return session.scalar(select(func.count()).select_from(Vote))

    async def main() -> list[object]:
        asked = [writer.call(fails), writer.record(votes), writer.call(works), writer.call(fails)]
        return await asyncio.gather(*asked, return_exceptions=True)

    first, recorded, seen, last = asyncio.run(main())
    assert [str(first), str(last)] == ["No.", "No."]
    assert recorded == [None] * 50
    assert seen == 50
    with catalog.reading() as session:
        names = set(session.scalars(select(Annotator.name)))
    assert "whole" in names
    assert "half" not in names


def test_more_than_may_wait_is_turned_away_at_once(catalog, votes):
    with writing(catalog, waiting_most=30) as writer:
        answers = asyncio.run(after_a_pause(writer, ask_all(writer, votes)))
    assert answers[:30] == [[None]] * 30
    assert all(isinstance(answer, CatalogError) for answer in answers[30:])
    assert len(written(catalog)) == 30


def test_closing_finishes_what_waits(catalog, votes):
    async def main() -> None:
        writer = Writer(catalog)
        asked = ask_all(writer, votes)()
        await asyncio.sleep(0)
        await asyncio.to_thread(writer.close)
        assert await asyncio.gather(*asked) == [[None]] * 50
        with pytest.raises(CatalogError, match="stopping"):
            await writer.record(votes[:1])

    asyncio.run(main())


def test_whoever_stopped_waiting_changes_nothing(catalog, writer, votes):
    async def main() -> None:
        asked = ask_all(writer, votes)()
        await asyncio.sleep(0)
        asked[3].cancel()
        assert [answer for answer in await asyncio.gather(*asked, return_exceptions=True) if answer != [None]]

    asyncio.run(main())
    assert len(written(catalog)) == 50


def test_a_full_disk_is_told_to_all_and_the_next_round_works(mount):
    folder = mount("size=3m")
    catalog = open_catalog(folder / "catalog.db")
    campaign, items = new_campaign(catalog, 10)
    votes = [vote(campaign, item, who) for who in new_people(catalog, 5) for item in items]
    ballast = folder / "ballast"

    async def main() -> None:
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(bytes(4_000_000))
        with writing(catalog) as writer:
            answers = await after_a_pause(writer, ask_all(writer, votes))
            assert all(isinstance(answer, CatalogError) for answer in answers)
            assert "full" in str(answers[0])
            ballast.unlink()
            assert await writer.record(votes) == [None] * 50

    asyncio.run(main())
    assert written(catalog) == {cast.id for cast in votes}
    catalog.close()


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
def test_a_round_that_postgresql_gave_up_is_tried_again(catalog, writer, votes):
    calls = []

    def deadlock(session: Session) -> int:
        calls.append(1)
        if len(calls) == 1:
            session.execute(text("do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$"))
        return len(calls)

    async def main() -> list[object]:
        return await after_a_pause(
            writer,
            lambda: [asyncio.ensure_future(ask) for ask in (writer.record(votes), writer.call(deadlock))],
        )

    assert asyncio.run(main()) == [[None] * 50, 2]
    assert len(written(catalog)) == 50
