"""The report of a campaign: what is counted, and what isn't."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, select

from kaogae.catalog import Annotator, Campaign, Catalog, Item
from kaogae.errors import LabelError
from kaogae.label.campaigns import Settings, begin, find
from kaogae.label.ledger import Cast, record
from kaogae.label.report import CampaignReport, report
from kaogae.label.service import schemas

START = datetime(2026, 1, 1, tzinfo=UTC)


def begun(catalog: Catalog, labels: Sequence[str | None], kind: str = "clean", needed: int = 2) -> int:
    shown = "about" if kind == "panel" else "label"
    items = [
        {"sha256": f"{k:064x}", shown: {"target": label} if kind == "panel" else label}
        for k, label in enumerate(labels)
    ]
    with catalog.session() as session:
        return begin(session, "first", kind, Settings(needed), items, Counter()).id


def vote(catalog: Catalog, name: str, said: Sequence[str], role: str = "annotator", took: int = 1000) -> None:
    """What somebody says about the items, in order; the second person's votes come an hour later."""
    with catalog.session() as session:
        campaign = find(session, "first").id
        items = session.scalars(select(Item.id).order_by(Item.number)).all()
        people = session.scalars(select(Annotator.name)).all()
        person = session.scalar(select(Annotator).where(Annotator.name == name)) or Annotator(
            name=name, role=role
        )
        session.add(person)
        session.flush()
        casts = [
            Cast(
                uuid4(), campaign, item, person.id, verdict, took + 100 * k,
                START + timedelta(hours=len(people), minutes=k), role != "annotator",
            )
            for k, (item, verdict) in enumerate(zip(items, said, strict=False))
        ]  # fmt: skip
        assert set(record(session, casts)) == {None}


def look(catalog: Catalog, *, people: bool = True) -> CampaignReport:
    with catalog.reading() as session:
        return report(session, find(session, "first"), people=people)


def test_states_verdicts_and_what_would_change(catalog: Catalog) -> None:
    begun(catalog, ["happy", "sad", "crying", None, "neutral"])
    vote(catalog, "Aoi", ["happy", "crying", "crying", "sad"])
    vote(catalog, "Ren", ["happy", "crying", "neutral", "sad"])
    found = look(catalog)
    assert found.states == {"open": 1, "agreed": 3, "disputed": 1, "reviewed": 0}
    assert {said: count for said, count in found.verdicts.items() if count} == {
        "happy": 1,
        "crying": 1,
        "sad": 1,
    }
    assert found.changed == 1, "a face without a label only gets one"
    assert list(found.matrix) == ["happy", "sad", "crying", "neutral", "surprised", "unlabelled"]
    assert list(found.matrix["sad"])[-2:] == ["unusable", "disputed"]
    filled = {(shown, said): n for shown, row in found.matrix.items() for said, n in row.items() if n}
    assert filled == {
        ("happy", "happy"): 1,
        ("sad", "crying"): 1,
        ("crying", "disputed"): 1,
        ("unlabelled", "sad"): 1,
    }


def test_a_panel_has_targets_instead_of_labels(catalog: Catalog) -> None:
    begun(catalog, ["happy", "sad"], "panel", 1)
    vote(catalog, "Aoi", ["happy", "other"])
    found = look(catalog)
    assert found.answers == ["happy", "sad", "crying", "neutral", "surprised", "other"]
    assert (found.matrix["happy"]["happy"], found.matrix["sad"]["other"], found.changed) == (1, 1, 0)
    assert list(found.matrix) == ["happy", "sad", "crying", "neutral", "surprised"]


def test_what_everybody_did(catalog: Catalog) -> None:
    begun(catalog, ["happy", "sad", "crying", "neutral"])
    vote(catalog, "Aoi", ["happy", "sad", "crying"])
    vote(catalog, "Ren", ["happy", "undone", "skipped", "sad"], took=3000)
    aoi, ren = look(catalog).annotators
    assert (aoi.name, aoi.votes, aoi.skipped, aoi.undone, aoi.median_ms) == ("Aoi", 3, 0, 0, 1100)
    assert (ren.name, ren.votes, ren.skipped, ren.undone, ren.median_ms) == ("Ren", 2, 1, 1, 3150)
    assert (aoi.last_at, ren.last_at) == (START + timedelta(minutes=2), START + timedelta(hours=1, minutes=3))
    assert aoi.agreement == ren.agreement == 1, "only the item with both votes has a consensus"


def test_pairs_in_the_order_of_names_on_what_both_judged(catalog: Catalog) -> None:
    begun(catalog, ["happy"] * 5, needed=3)
    vote(catalog, "Ren", ["happy", "sad", "sad", "happy", "sad"])
    vote(catalog, "Aoi", ["happy", "sad", "happy", "happy"])
    (pair,) = look(catalog).pairs
    assert (pair.first, pair.second, pair.items, pair.observed) == ("Aoi", "Ren", 4, 0.75)
    assert pair.confusion[0][:2] == [2, 1]
    assert pair.confusion[1][:2] == [0, 1]
    assert pair.kappa == pytest.approx((0.75 - 0.5) / 0.5)


def test_of_a_crowd_those_with_the_most_votes_are_compared(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kaogae.label.report.PAIRED_MOST", 3)
    begun(catalog, ["happy"] * 3)
    for name, votes in (("Aoi", 1), ("Ren", 3), ("Yui", 3), ("Mio", 2)):
        vote(catalog, name, ["happy"] * votes)
    found = look(catalog)
    assert [(pair.first, pair.second) for pair in found.pairs] == [
        ("Mio", "Ren"),
        ("Mio", "Yui"),
        ("Ren", "Yui"),
    ]
    assert [(one.name, one.votes) for one in found.annotators] == [
        ("Aoi", 1), ("Mio", 2), ("Ren", 3), ("Yui", 3)
    ]  # fmt: skip


def test_a_reviewers_decision_is_the_consensus_but_no_vote(catalog: Catalog) -> None:
    begun(catalog, ["happy"])
    vote(catalog, "Aoi", ["happy"])
    vote(catalog, "Ren", ["sad"])
    vote(catalog, "Yui", ["sad"], role="reviewer")
    found = look(catalog)
    assert found.states["reviewed"] == 1
    assert [(one.name, one.agreement) for one in found.annotators] == [("Aoi", 0.0), ("Ren", 1.0)]
    assert len(found.pairs) == 1
    assert found.observed == 0


def test_nobody_voted_yet(catalog: Catalog) -> None:
    begun(catalog, ["happy"])
    found = look(catalog)
    assert (found.annotators, found.pairs, found.fleiss_kappa, found.observed) == ([], [], None, None)
    assert found.states["open"] == found.items == 1


def test_other_campaigns_are_not_counted(catalog: Catalog) -> None:
    begun(catalog, ["happy"])
    vote(catalog, "Aoi", ["sad"])
    with catalog.session() as session:
        begin(session, "second", "clean", Settings(), [{"sha256": "0" * 64}], Counter())
    with catalog.reading() as session:
        other = report(session, find(session, "second"))
    assert (other.items, other.annotators, sum(other.verdicts.values())) == (1, [], 0)


def test_the_service_can_send_it(catalog: Catalog) -> None:
    begun(catalog, ["happy", "sad"])
    vote(catalog, "Aoi", ["happy", "crying"])
    vote(catalog, "Ren", ["happy", "sad"])
    found = look(catalog)
    sent = schemas.CampaignReport.model_validate(found, from_attributes=True)
    assert sent.pairs[0].confusion == found.pairs[0].confusion
    assert sent.model_dump()["matrix"] == found.matrix


def test_its_questions_dont_grow_with_the_campaign(catalog: Catalog) -> None:
    begun(catalog, ["happy"] * 300)
    for name in ("Aoi", "Ren"):
        vote(catalog, name, ["happy"] * 300)
    asked: list[str] = []
    event.listen(catalog.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    look(catalog)
    assert sum(one.startswith("SELECT") for one in asked) == 6
    asked.clear()
    assert look(catalog, people=False).annotators == []
    assert sum(one.startswith("SELECT") for one in asked) == 2


def test_a_share_has_no_report(catalog: Catalog) -> None:
    with catalog.session() as session:
        session.add(Campaign(name="shared", kind="clean", settings={"shared": True}))
    with catalog.reading() as session, pytest.raises(LabelError, match="Nobody can vote"):
        report(session, session.scalars(select(Campaign)).one())
