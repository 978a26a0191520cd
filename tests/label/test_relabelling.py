"""Verdicts become labels of the catalogue: once, understandably, and so that they can be taken back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from kaogae.catalog import Annotator, Catalog, Face, Item
from kaogae.errors import CatalogError, LabelError
from kaogae.label.campaigns import Settings, begin, find, new_clean
from kaogae.label.ledger import Cast, record
from kaogae.label.relabelling import Relabelled, relabel

Fill = Callable[[int], list[int]]
Row = tuple[str, str | None, str | None, str | None]


@pytest.fixture
def rows(catalog: Catalog, faces: Fill) -> list[int]:
    """Faces with the labels happy, sad, crying, neutral, surprised, and a campaign with one vote each."""
    rows = faces(5)
    new_clean(catalog, "first", settings=Settings(annotators=1))
    return rows


def vote(catalog: Catalog, verdicts: dict[int, str], later: int = 0) -> None:
    """Faces (rows) -> what Mika says."""
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=later)
    with catalog.session() as session:
        mika = session.scalar(select(Annotator)) or Annotator(name="Mika")
        session.add(mika)
        session.flush()
        campaign = find(session, "first").id
        items = dict(session.execute(select(Item.face_id, Item.id)).all())
        casts = [
            Cast(uuid4(), campaign, items[face], mika.id, verdict, None, moment)
            for face, verdict in verdicts.items()
        ]
        assert set(record(session, casts)) == {None}


def state(catalog: Catalog, face: int) -> Row:
    with catalog.reading() as session:
        row = session.get_one(Face, face)
        return row.state, row.reason, row.expression, row.label_origin


def test_verdicts_become_labels_once(catalog: Catalog, rows: list[int]) -> None:
    happy, sad, crying, neutral, surprised = rows
    vote(catalog, {happy: "happy", sad: "crying", crying: "unusable", neutral: "other"})
    expected = Relabelled(1, 1, undecided=1, changed=4)
    expected.rejected.update({"unusable (votes)": 1, "another expression (votes)": 1})
    assert relabel(catalog, "first") == expected
    after: list[Row] = [
        ("kept", None, "happy", "votes"),
        ("kept", None, "crying", "votes"),
        ("rejected", "unusable (votes)", "crying", "tag"),
        ("rejected", "another expression (votes)", "neutral", "tag"),
        ("kept", None, "surprised", "tag"),
    ]
    assert [state(catalog, row) for row in rows] == after
    expected.changed = 0
    assert relabel(catalog, "first") == expected
    assert [state(catalog, row) for row in rows] == after
    assert surprised


def test_a_later_verdict_brings_a_face_back(catalog: Catalog, rows: list[int]) -> None:
    vote(catalog, {rows[0]: "unusable"})
    relabel(catalog, "first")
    vote(catalog, {rows[0]: "sad"}, later=1)
    assert relabel(catalog, "first").changed == 1
    assert state(catalog, rows[0]) == ("kept", None, "sad", "votes")


def test_what_another_stage_rejected_stays_so(catalog: Catalog, rows: list[int]) -> None:
    vote(catalog, dict.fromkeys(rows[:2], "happy"))
    with catalog.session() as session:
        session.execute(
            update(Face).where(Face.id == rows[0]).values(state="rejected", reason="crop differs")
        )
    done = relabel(catalog, "first")
    assert (done.kept, done.relabelled, done.left_out, done.changed) == (0, 1, {"crop differs": 1}, 1)
    assert state(catalog, rows[0]) == ("rejected", "crop differs", "happy", "tag")


def test_a_near_duplicate_learns_what_people_say(catalog: Catalog, rows: list[int]) -> None:
    vote(catalog, {rows[0]: "sad", rows[1]: "unusable"})
    with catalog.session() as session:
        twin = {"state": "rejected", "reason": "near-duplicate", "duplicate_of": rows[2]}
        session.execute(update(Face).where(Face.id.in_(rows[:2])).values(**twin))
    relabel(catalog, "first")
    assert state(catalog, rows[0]) == ("rejected", "near-duplicate", "sad", "votes")
    assert state(catalog, rows[1]) == ("rejected", "unusable (votes)", "sad", "tag")
    with catalog.reading() as session:
        assert [session.get_one(Face, row).duplicate_of for row in rows[:2]] == [rows[2], None]


def test_a_panel_labels_no_faces(catalog: Catalog) -> None:
    from collections import Counter

    with catalog.session() as session:
        begin(session, "panel", "panel", Settings(), [{"sha256": "0" * 64}], Counter())
    with pytest.raises(LabelError, match="'panel' is a panel"):
        relabel(catalog, "panel")


def test_it_waits_for_nobody_who_works_on_faces(catalog: Catalog, rows: list[int]) -> None:
    assert rows
    with catalog.alone("faces"), pytest.raises(CatalogError, match="Another run of 'faces'"):
        relabel(catalog, "first")
