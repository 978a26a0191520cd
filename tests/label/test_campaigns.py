"""Campaigns: which faces become items, in which order, and what can't be a campaign."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select, update

from kaogae.catalog import Campaign, Catalog, Face, Item, Workspace
from kaogae.dataset import load
from kaogae.dataset.catalogued import Choice, catalogued_faces
from kaogae.dataset.freezing import freeze
from kaogae.errors import LabelError, UsageError
from kaogae.expressions import Expression
from kaogae.label.campaigns import Settings, Wanted, campaigns, find, new_clean, set_open

Fill = Callable[[int], list[int]]


def items(catalog: Catalog, name: str) -> list[Item]:
    with catalog.reading() as session:
        campaign = find(session, name)
        rows = select(Item).where(Item.campaign_id == campaign.id).order_by(Item.number)
        return list(session.scalars(rows))


def change(catalog: Catalog, face: int, **values: object) -> None:
    with catalog.session() as session:
        session.execute(update(Face).where(Face.id == face).values(**values))


def test_every_kept_face_is_an_item_in_a_random_order(catalog: Catalog, faces: Fill) -> None:
    rows = faces(12)
    begun = new_clean(catalog, "first", settings=Settings(seed=1))
    assert (begun.kind, begun.items, dict(begun.left_out)) == ("clean", 12, {})
    found = items(catalog, "first")
    assert [item.number for item in found] == list(range(12))
    assert sorted(item.face_id or 0 for item in found) == rows
    assert [item.face_id for item in found] != rows
    with catalog.reading() as session:
        for item in found:
            face = session.get_one(Face, item.face_id)
            assert (item.sha256, item.label, item.state) == (face.pixels_sha256, face.expression, "open")


def test_the_same_seed_gives_the_same_sample(catalog: Catalog, faces: Fill) -> None:
    faces(12)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert new_clean(catalog, name, Wanted(sample=5), Settings(seed=seed)).items == 5
    one, same, other = ([item.face_id for item in items(catalog, name)] for name in "abc")
    assert one == same != other


def test_rejected_faces_and_those_without_a_crop_are_no_items(catalog: Catalog, faces: Fill) -> None:
    rejected, lost, kept = faces(3)
    change(catalog, rejected, state="rejected", reason="blurred")
    change(catalog, lost, file=None)
    begun = new_clean(catalog, "first")
    assert [item.face_id for item in items(catalog, "first")] == [kept]
    assert begun.left_out == {"without a crop": 1}


def test_faces_are_chosen_by_label_site_and_who_says_so(catalog: Catalog, faces: Fill) -> None:
    happy, sad, crying, *_ = faces(5)
    change(catalog, happy, site="getchu")
    change(catalog, sad, label_origin="votes")
    change(catalog, crying, expression=None, label_origin=None)
    for name, wanted, expected in (
        ("a", Wanted(Choice(expressions=(Expression.HAPPY,))), [happy]),
        ("b", Wanted(Choice(sites=("getchu",))), [happy]),
        ("c", Wanted(Choice(label_origins=("votes",))), [sad]),
        ("d", Wanted(unlabelled=True), [crying]),
    ):
        new_clean(catalog, name, wanted)
        assert [item.face_id for item in items(catalog, name)] == expected
    assert items(catalog, "d")[0].label is None


def test_a_label_that_is_no_expression_is_not_shown(catalog: Catalog, faces: Fill) -> None:
    (face,) = faces(1)
    change(catalog, face, expression="smug")
    new_clean(catalog, "first")
    assert items(catalog, "first")[0].label is None


def test_the_faces_of_a_frozen_set(workspace: Workspace, catalog: Catalog, faces: Fill) -> None:
    rows = faces(10)
    source = catalogued_faces(workspace, catalog, Choice(expressions=(Expression.SAD, Expression.CRYING)))
    frozen = load(freeze("some", [source], workspace.sets, size=64, workers=1).path)
    assert len(frozen.faces) == 4
    change(catalog, rows[1], state="rejected", reason="blurred")
    begun = new_clean(catalog, "all", Wanted(faces=frozen))
    assert sorted(item.label or "" for item in items(catalog, "all")) == ["crying", "crying", "sad"]
    assert begun.left_out == {"of the set: not, or no longer, among the kept faces": 1}
    begun = new_clean(catalog, "sad", Wanted(Choice(expressions=(Expression.SAD,)), faces=frozen))
    assert [item.label for item in items(catalog, "sad")] == ["sad"]
    assert begun.left_out == {"of the set: not, or no longer, among the kept faces": 1}
    for row in rows:
        change(catalog, row, state="rejected")
    with pytest.raises(LabelError, match=r"no face to ask about \(4 of the set"):
        new_clean(catalog, "none", Wanted(faces=frozen))


@pytest.mark.parametrize("name", ["", "a b", "../x", "=1+1", "ä", "x" * 101, "a/b", ".hidden"])
def test_names_that_cant_be(catalog: Catalog, faces: Fill, name: str) -> None:
    faces(1)
    with pytest.raises(UsageError, match="can't be the name of a campaign"):
        new_clean(catalog, name)


def test_a_name_is_taken_once(catalog: Catalog, faces: Fill) -> None:
    faces(1)
    new_clean(catalog, "first")
    with pytest.raises(LabelError, match="There is a campaign 'first' already"):
        new_clean(catalog, "first")
    with catalog.reading() as session:
        assert session.scalar(select(func.count()).select_from(Item)) == 1


def test_without_faces_there_is_no_campaign(catalog: Catalog) -> None:
    with pytest.raises(LabelError, match="There is no face to ask about"):
        new_clean(catalog, "first")
    with catalog.reading() as session:
        assert campaigns(session) == []


@pytest.mark.parametrize("wrong", [{"annotators": 0}, {"annotators": 26}, {"seed": -1}, {"seed": 2**53}])
def test_settings_that_cant_be(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Settings(**wrong)  # type: ignore[arg-type]


def test_wanting_what_cant_be() -> None:
    with pytest.raises(UsageError, match="A sample of 0"):
        Wanted(sample=0)
    with pytest.raises(UsageError, match="without a label have no expression"):
        Wanted(Choice(expressions=(Expression.SAD,)), unlabelled=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"shared": True},
        {},
        {"annotators": True, "blind": False, "seed": 0},
        {"annotators": 0, "blind": False, "seed": 0},
        {"annotators": 3, "blind": False, "seed": 0, "more": 1},
    ],
)
def test_nobody_votes_in_what_came_with_a_share_or_is_damaged(catalog: Catalog, settings: object) -> None:
    with catalog.session() as session:
        session.add(Campaign(name="other", kind="clean", settings=settings))
    with catalog.reading() as session:
        assert campaigns(session) == []
        with pytest.raises(LabelError, match=r"'other' can't be used|in the campaign 'other'"):
            find(session, "other")
    with pytest.raises(LabelError, match="already"):
        new_clean(catalog, "other")


def test_closing_and_opening_again(catalog: Catalog, faces: Fill) -> None:
    faces(1)
    new_clean(catalog, "first")
    for is_open, changes in ((True, False), (False, True), (False, False), (True, True)):
        with catalog.session() as session:
            campaign = find(session, "first")
            assert set_open(campaign, is_open) is changes
        with catalog.reading() as session:
            assert (find(session, "first").closed_at is None) is is_open


def test_rows_are_written_by_the_thousand(catalog: Catalog, faces: Fill) -> None:
    """A statement for each of a hundred thousand faces would take minutes."""
    from sqlalchemy import event

    (face,) = faces(1)
    with catalog.session() as session:
        row = session.get_one(Face, face)
        columns = {c.name: getattr(row, c.name) for c in Face.__table__.columns if c.name != "id"}
        more = [columns | {"number": k, "pixels_sha256": f"{k:064x}"} for k in range(1, 5_000)]
        session.execute(Face.__table__.insert(), more)
    begun: list[str] = []
    event.listen(catalog.engine, "before_cursor_execute", lambda *args: begun.append(args[2]))
    assert new_clean(catalog, "first").items == 5_000
    assert len(begun) < 20
