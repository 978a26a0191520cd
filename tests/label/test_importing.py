"""Votes leave as files and come back as they were; what strangers write into files does no harm."""

import csv
import io
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from kaogae.catalog import Annotator, Catalog, Item, Vote, Workspace, open_catalog
from kaogae.errors import LabelError, ManifestError, UsageError
from kaogae.label.campaigns import Settings, begin, find, new_clean, set_open
from kaogae.label.exporting import export, export_file, guarded, readable
from kaogae.label.importing import import_votes
from kaogae.label.ledger import Cast, record
from kaogae.label.people import invite, revoke
from kaogae.label.report import report

Fill = Callable[[int], list[int]]
EARLIER = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


class Desk:
    """A campaign about five drawn faces, and ways to vote in it."""

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self.catalog, self.folder = catalog, folder
        new_clean(catalog, "first", settings=Settings(annotators=2))
        with catalog.reading() as session:
            self.campaign = find(session, "first").id
            rows = session.execute(select(Item.id, Item.sha256).order_by(Item.number))
            self.items = {row.id: row.sha256 for row in rows}
        self.hashes = list(self.items.values())

    def vote(self, name: str, *verdicts: str, **more: Any) -> None:
        """One vote on each of the first items."""
        with self.catalog.session() as session:
            person = session.scalar(select(Annotator).where(Annotator.name == name)) or Annotator(name=name)
            session.add(person)
            session.flush()
            casts = [
                Cast(uuid4(), self.campaign, item, person.id, verdict, 800, EARLIER, **more)
                for item, verdict in zip(self.items, verdicts, strict=False)
            ]
            assert set(record(session, casts)) == {None}

    def invite(self, name: str, role: str = "annotator") -> None:
        with self.catalog.session() as session:
            invite(session, name, role)

    def file(self, *rows: Mapping[str, object], form: str = "jsonl") -> Path:
        path = self.folder / f"votes.{form}"
        if form == "jsonl":
            path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
        else:
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        return path

    def votes(self, campaign: str = "first") -> list[tuple[str, str, str]]:
        """Who said what about which picture, the standing and the others, in order."""
        with self.catalog.reading() as session:
            rows = session.execute(
                select(Annotator.name, Item.sha256, Vote.verdict)
                .join(Vote, Vote.annotator_id == Annotator.id)
                .join(Item, Item.id == Vote.item_id)
                .where(Vote.campaign_id == find(session, campaign).id)
            )
            return sorted(tuple(row) for row in rows)

    def people(self) -> list[str]:
        with self.catalog.reading() as session:
            return sorted(session.scalars(select(Annotator.name)))


@pytest.fixture
def desk(catalog: Catalog, faces: Fill, tmp_path: Path) -> Desk:
    faces(5)
    return Desk(catalog, tmp_path)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_was_exported_is_known_and_makes_the_same_campaign_elsewhere(
    desk: Desk, filled: Workspace, form: str, catalog: Catalog, tmp_path: Path
) -> None:
    desk.vote("花子", "happy", "sad", "skipped", "other")
    desk.vote("=1+1", "happy", "crying", "undone", "other", "unusable")
    path = tmp_path / f"out.{form}"
    with catalog.reading() as session:
        assert export_file(session, find(session, "first"), path) == 9
        before = report(session, find(session, "first"))
    done = import_votes(catalog, "first", path)
    assert (done.added, done.known, done.people, dict(done.refused)) == (0, 9, [], {})
    other = filled.open()
    new_clean(other, "second", settings=Settings(annotators=2, seed=9))
    done = import_votes(other, "second", path)
    assert (done.added, done.known, sorted(done.people), dict(done.refused)) == (9, 0, ["=1+1", "花子"], {})
    with other.reading() as session:
        after = report(session, find(session, "second"))
        moments = set(session.scalars(select(Vote.cast_at)))
    other.close()
    assert (after.verdicts, after.fleiss_kappa) == (before.verdicts, before.fleiss_kappa)
    assert after.states == before.states | {"open": before.states["open"] + 15}
    assert moments == {EARLIER}


def test_rows_without_an_id_are_the_same_votes_when_they_come_again(desk: Desk) -> None:
    path = desk.file(*({"sha256": sha, "annotator": "Aoi", "verdict": "sad"} for sha in desk.hashes))
    assert import_votes(desk.catalog, "first", path).added == 5
    done = import_votes(desk.catalog, "first", path)
    assert (done.added, done.known) == (0, 5)
    assert desk.votes() == sorted(("Aoi", sha, "sad") for sha in desk.hashes)
    changed = desk.file({"sha256": desk.hashes[0], "annotator": "Aoi", "verdict": "happy"})
    assert import_votes(desk.catalog, "first", changed).added == 1
    with desk.catalog.reading() as session:
        assert report(session, find(session, "first")).annotators[0].votes == 5


def test_nobody_from_a_file_votes_for_somebody_who_was_invited(desk: Desk) -> None:
    desk.invite("Mika")
    desk.invite("Gone")
    with desk.catalog.session() as session:
        revoke(session, "Gone")
        session.add(Annotator(name="annotator 0001", role="shared"))
    names = ("Mika", " mika", "Gone", "annotator 0001", "Mika\u200b", "Mi\u0307ka")
    path = desk.file(*({"sha256": desk.hashes[0], "annotator": name, "verdict": "sad"} for name in names))
    done = import_votes(desk.catalog, "first", path)
    assert done.refused == {
        "somebody here is called so, and wasn't named with --speaks-for": 3,
        "nobody can have this name": 1,
    }
    assert [name for name, *_ in desk.votes()] == ["Mi\u0307ka", "mika"]
    done = import_votes(desk.catalog, "first", path, speaks_for=["Mika"])
    assert (done.added, done.known) == (1, 2)
    for nobody in ("Nobody", "annotator 0001"):
        with pytest.raises(UsageError, match="Nobody here is called"):
            import_votes(desk.catalog, "first", path, speaks_for=[nobody])


def test_a_vote_that_is_known_stays_whoever_was_invited_since(desk: Desk, tmp_path: Path) -> None:
    desk.vote("Mika", "sad")
    path = tmp_path / "out.csv"
    with desk.catalog.reading() as session:
        export_file(session, find(session, "first"), path)
    desk.invite("Mika")
    assert import_votes(desk.catalog, "first", path).known == 1
    other = path.with_name("forged.csv")
    other.write_text(path.read_text("utf-8").replace(",sad,", ",happy,"), "utf-8")
    done = import_votes(desk.catalog, "first", other)
    assert done.refused == {"This vote's id belongs to another vote: it isn't counted": 1}
    assert desk.votes() == [("Mika", desk.hashes[0], "sad")]


def test_a_file_makes_nobody_a_reviewer(desk: Desk) -> None:
    row = {"sha256": desk.hashes[0], "annotator": "Aoi", "verdict": "sad", "review": True}
    done = import_votes(desk.catalog, "first", desk.file(row))
    assert done.refused == {"Only a reviewer can decide": 1}
    assert desk.people() == []
    desk.invite("Aoi", "reviewer")
    assert import_votes(desk.catalog, "first", desk.file(row), speaks_for=["Aoi"]).added == 1
    with desk.catalog.reading() as session:
        assert report(session, find(session, "first")).states["reviewed"] == 1


def test_rows_that_cant_be_are_counted_with_their_lines(desk: Desk) -> None:
    good = {"sha256": desk.hashes[0].upper(), "annotator": "Aoi", "verdict": " Sad "}
    path = desk.file(
        *({**good, key: None} for key in ("sha256", "annotator", "verdict")),
        {**good, "verdict": "smug"},
        {**good, "sha256": "0" * 64},
        {**good, "annotator": "x" * 61},
        {**good, "id": "7"},
        {**good, "took_ms": -1},
        {**good, "took_ms": 86_400_001},
        {**good, "took_ms": 1.5},
        {**good, "number": "one"},
        {**good, "review": "perhaps"},
        *(
            {**good, "cast_at": moment}
            for moment in ("yesterday", "2026-01-01T00:00:00", "0001-01-01T00:00+23:00", "1969-12-31T23Z")
        ),
        good,
    )
    path.write_text(path.read_text("utf-8") + "\n[1]\n{", "utf-8")
    done = import_votes(desk.catalog, "first", path)
    assert (done.added, done.people) == (1, ["Aoi"])
    assert done.refused == {
        "sha256 is missing": 1,
        "annotator is missing": 1,
        "verdict is missing": 1,
        "this campaign doesn't ask for that answer": 1,
        "this campaign has no such item": 1,
        "nobody can have this name": 1,
        "id is no UUID": 1,
        "took_ms is no whole number that could be": 2,
        "took_ms is no text": 1,
        "number is no whole number that could be": 1,
        "review is neither true nor false": 1,
        "cast_at is no moment such as 2026-01-31T12:00:00+00:00": 3,
        "cast_at has no time zone": 1,
        "this is no JSON object": 2,
    }
    assert done.lines[:2] == [(1, "sha256 is missing"), (2, "annotator is missing")]
    assert len(done.lines) == 10


def test_a_closed_campaign_takes_what_was_said_before(desk: Desk) -> None:
    with desk.catalog.session() as session:
        set_open(find(session, "first"), False)
    before, after = EARLIER, datetime.now(UTC) + timedelta(hours=1)
    rows = [
        {"sha256": desk.hashes[0], "annotator": name, "verdict": "sad", "cast_at": moment.isoformat()}
        for name, moment in (("Aoi", before), ("Ren", after))
    ]
    done = import_votes(desk.catalog, "first", desk.file(*rows, form="csv"))
    assert (done.added, done.people) == (1, ["Aoi"])
    assert done.refused == {"The campaign was closed before": 1}
    assert desk.people() == ["Aoi"]


def test_items_with_one_picture_are_told_apart_by_their_number(desk: Desk) -> None:
    first, second = list(desk.items)[:2]
    with desk.catalog.session() as session:
        session.get_one(Item, second).sha256 = desk.hashes[0]
    good = {"sha256": desk.hashes[0], "annotator": "Aoi", "verdict": "sad"}
    done = import_votes(desk.catalog, "first", desk.file(good, {**good, "number": 7}, {**good, "number": 1}))
    assert done.refused == {"several items have this picture, and nothing tells which": 2}
    with desk.catalog.reading() as session:
        assert session.scalars(select(Vote.item_id)).all() == [second]
    assert first != second


def test_a_picture_that_should_show_two_things_is_told_apart_by_its_target(
    catalog: Catalog, tmp_path: Path
) -> None:
    """In another panel about the same pictures their numbers are others."""
    panels = {"first": ["happy", "sad"], "second": ["sad", "happy"]}
    for name, targets in panels.items():
        items = [{"sha256": "a" * 64, "about": {"target": target}} for target in targets]
        with catalog.session() as session:
            begin(session, name, "panel", Settings(annotators=1), items, Counter())
            person = session.scalar(select(Annotator)) or Annotator(name="Aoi")
            session.add(person)
            session.flush()
            if name == "first":
                first = session.scalars(select(Item.id).order_by(Item.number)).first()
                cast = Cast(uuid4(), find(session, name).id, first or 0, person.id, "crying", 1, EARLIER)
                assert record(session, [cast]) == [None]
    path = tmp_path / "first.csv"
    with catalog.reading() as session:
        export_file(session, find(session, "first"), path)
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
    path.write_text(
        "sha256,number,target,annotator,verdict\n"
        + "".join(
            f"{row['sha256']},{row['number']},{row['target']},{row['annotator']},{row['verdict']}\n"
            for row in rows
        )
    )
    assert import_votes(catalog, "second", path).added == 1
    with catalog.reading() as session:
        found = report(session, find(session, "second")).matrix
    assert (found["happy"]["crying"], found["sad"]["crying"]) == (1, 0)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_of_votes_at_one_moment_the_one_that_stands_comes_last(
    desk: Desk, filled: Workspace, form: str, catalog: Catalog, tmp_path: Path
) -> None:
    desk.vote("Aoi", *["happy"] * 5)
    desk.vote("Aoi", "undone", "sad", "undone", "sad", "undone")
    desk.invite("Ren", "reviewer")
    desk.vote("Ren", *["crying"] * 5, review=True)
    desk.vote("Ren", "undone", "undone", "undone", "neutral", "neutral", review=True)
    path = tmp_path / f"out.{form}"
    with catalog.reading() as session:
        export_file(session, find(session, "first"), path)
        before = report(session, find(session, "first"))
    other = filled.open()
    new_clean(other, "first", settings=Settings(annotators=2))
    with other.session() as session:
        invite(session, "Ren", "reviewer")
    assert import_votes(other, "first", path, speaks_for=["Ren"]).added == 20
    with other.reading() as session:
        after = report(session, find(session, "first"))
    other.close()
    assert after.verdicts == before.verdicts
    assert after.annotators[0].votes == before.annotators[0].votes == 2


def test_a_pipe_is_no_file(desk: Desk) -> None:
    """Waiting for one would keep everybody else from voting."""
    os.mkfifo(desk.folder / "votes.csv")
    with pytest.raises(ManifestError, match="isn't a file"):
        import_votes(desk.catalog, "first", desk.folder / "votes.csv")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("votes.txt", b"", "must end in"),
        ("votes.csv", b"", "has no column sha256"),
        ("votes.csv", b"sha256,annotator\n", "has no column verdict"),
        ("votes.csv", b"sha256,annotator,verdict\n\xff\xfe,x,sad\n", "isn't UTF-8"),
        ("votes.csv", b"sha256,annotator,verdict\n" + b"x" * 2**21, "line 2 has more than 1,048,576 bytes"),
        ("votes.csv", b'sha256,annotator,verdict\n"' + b"x\n" * 100_000, "field larger"),
        ("votes.jsonl", b'{"x": "' + b"y" * 2**21, "line 1 has more than 1,048,576 bytes"),
    ],
)
def test_files_that_cant_be(desk: Desk, name: str, content: bytes, says: str) -> None:
    path = desk.folder / name
    path.write_bytes(content)
    with pytest.raises((UsageError, ManifestError), match=says):
        import_votes(desk.catalog, "first", path)
    with pytest.raises(ManifestError, match="can't be read"):
        import_votes(desk.catalog, "first", desk.folder / "nowhere.csv")
    with pytest.raises(LabelError, match="no campaign 'second'"):
        import_votes(desk.catalog, "second", desk.folder / "nowhere.csv")


def test_a_file_that_breaks_off_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kaogae.label.importing.AT_ONCE", 2)
    rows = [{"sha256": sha, "annotator": "Aoi", "verdict": "sad"} for sha in desk.hashes]
    path = desk.file(*rows)
    path.write_text(path.read_text("utf-8") + "\n" + "x" * 2**21, "utf-8")
    with pytest.raises(ManifestError):
        import_votes(desk.catalog, "first", path)
    with desk.catalog.reading() as session:
        assert session.scalar(select(func.count()).select_from(Vote)) == 0
    assert desk.people() == []


def test_whoever_votes_meanwhile_waits_and_none_gives_up(
    desk: Desk, catalog_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each could hold an item that the other one wants."""
    monkeypatch.setattr("kaogae.label.importing.AT_ONCE", 1)
    with desk.catalog.session() as session:
        session.add(Annotator(name="Yui"))
    rows = [{"sha256": sha, "annotator": "Aoi", "verdict": "sad"} for sha in reversed(desk.hashes)]
    answers: list[str | None] = []

    def vote() -> None:
        elsewhere = open_catalog(catalog_url)
        with elsewhere.session() as session:
            yui = session.scalars(select(Annotator.id).where(Annotator.name == "Yui")).one()
            casts = [Cast(uuid4(), desk.campaign, item, yui, "sad", 1, EARLIER) for item in desk.items]
            answers.extend(record(session, casts))
        elsewhere.close()

    thread = threading.Thread(target=vote)

    def meanwhile(lines: int, _: None) -> None:
        if lines == 1:
            thread.start()
            thread.join(0.3)

    assert import_votes(desk.catalog, "first", desk.file(*rows), progress=meanwhile).added == 5
    thread.join()
    assert answers == [None] * 5
    with desk.catalog.reading() as session:
        assert report(session, find(session, "first")).verdicts["sad"] == 5


def test_labels_say_what_the_votes_come_to(desk: Desk, catalog: Catalog) -> None:
    desk.vote("Aoi", "happy", "happy")
    desk.vote("Ren", "happy", "sad")
    with catalog.reading() as session:
        campaign = find(session, "first")
        content = b"".join(export(session, campaign, "labels", "csv"))
        lines = b"".join(export(session, campaign, "labels", "jsonl")).splitlines()
        labels = [row.label for row in session.scalars(select(Item).order_by(Item.number))]
    assert content.startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    found = [
        (row["label"], row["state"], row["verdict"], row["votes"], row["happy"], row["sad"]) for row in rows
    ]
    assert found[:3] == [
        (labels[0], "agreed", "happy", "2", "2", "0"),
        (labels[1], "disputed", "", "2", "1", "1"),
        (labels[2], "open", "", "0", "0", "0"),
    ]
    assert len(rows) == len(lines) == 5
    one = json.loads(lines[1])
    assert (one["verdict"], one["tally"]["happy"], one["tally"]["sad"]) == (None, 1, 1)


@pytest.mark.usefixtures("desk")
def test_a_campaign_without_votes_is_a_line_of_names(catalog: Catalog) -> None:
    with catalog.reading() as session:
        content = b"".join(export(session, find(session, "first")))
    assert content.decode("utf-8-sig").splitlines() == [
        "id,campaign,number,sha256,annotator,verdict,review,took_ms,cast_at"
    ]


@pytest.mark.usefixtures("desk")
def test_forms_and_places_that_cant_be(catalog: Catalog, tmp_path: Path) -> None:
    with catalog.reading() as session:
        campaign = find(session, "first")
        for what, form in (("votes", "xml"), ("secrets", "csv")):
            with pytest.raises(UsageError, match="can't be exported"):
                export(session, campaign, what, form)
        (tmp_path / "folder.csv").mkdir()
        for place in ("x.txt", "x", "folder.csv"):
            with pytest.raises(UsageError):
                export_file(session, campaign, tmp_path / place)
        (tmp_path / "file").write_text("")
        with pytest.raises(LabelError, match="can't be written"):
            export_file(session, campaign, tmp_path / "file" / "x.csv")


@given(st.text() | st.text(st.sampled_from("'=＝＋－＠a")))
def test_no_text_is_a_formula_and_each_comes_back(text: str) -> None:
    kept = guarded(text)
    assert isinstance(kept, str)
    assert kept[:1] not in {"=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r"}
    assert readable(kept) == text


def test_ids_without_an_id_never_change() -> None:
    """Files that were imported once must be known for ever."""
    from kaogae.label.importing import _row  # type: ignore[attr-defined]

    row = _row(1, {"sha256": "ab" * 32, "annotator": "花子", "verdict": "sad"}, "first", ("sad",))
    assert row.id == UUID("8fc4d978-3a4c-513c-b3e2-d71f7245b871")
