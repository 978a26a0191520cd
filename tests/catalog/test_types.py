"""What is written comes back the same from both databases."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from sqlalchemy.exc import StatementError

from kaogae.catalog import Annotator, Campaign, Catalog, Picture, storable
from kaogae.expressions import Expression

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)  # surrogates too


def stored(catalog: Catalog, **values: object) -> Picture:
    with catalog.session() as session:
        session.add(Picture(**{"site": "danbooru", "post": "1"} | values))
    with catalog.reading() as session:
        return session.scalars(select(Picture)).one()


@given(ANY_TEXT, st.none() | st.integers(20, 100))
def test_storable_text_can_be_stored_and_stays_as_it_is(text, limit):
    once = storable(text, limit)
    raw = once.encode()
    assert b"\0" not in raw
    assert limit is None or len(raw) <= limit
    assert storable(once, limit) == once


@given(ANY_TEXT, ANY_TEXT)
def test_long_texts_that_differ_stay_different(one, two):
    assert (storable(one, 60) == storable(two, 60)) == (storable(one) == storable(two))


def test_text_that_databases_refuse_is_kept_readable(catalog):
    nasty = "caf\udce9 \x00 \ud83d 顔替え 😀 '; drop table face; --"
    row = stored(catalog, artist=nasty, tags=[nasty, "\x00"])
    assert row.artist == "caf\\udce9 \\x00 \\ud83d 顔替え 😀 '; drop table face; --"
    assert row.tags == [row.artist, "\\x00"]


def test_a_post_is_found_under_the_name_that_it_came_with(catalog):
    for post in ("a\x00\udce9", "😀" * 3000, "x" * 5000):
        stored_as = storable(post, 2000)
        with catalog.session() as session:
            session.add(Picture(site="folder:" + "長" * 500, post=post))
        with catalog.reading() as session:
            question = select(Picture.post).where(
                Picture.site == "folder:" + "長" * 500, Picture.post.in_([post])
            )
            assert session.scalars(question).all() == [stored_as]


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
def test_servers_of_any_language_order_posts_by_code_point(catalog):
    stored(catalog)
    with catalog.reading() as session:
        for column in (Picture.site, Picture.post, Picture.expression):
            assert session.scalar(select(func.pg_collation_for(column))) == '"C"'


def test_posts_are_ordered_by_code_point(catalog):
    posts = ["Z", "a", "é", "10", "9", "-", "ａ", "😀", "_"]
    with catalog.session() as session:
        session.add_all(Picture(site="danbooru", post=post) for post in posts)
    with catalog.reading() as session:
        assert session.scalars(select(Picture.post).order_by(Picture.post)).all() == sorted(posts)


def test_very_long_text_is_kept_whole(catalog):
    text = "長い" * 500_000
    assert stored(catalog, detail=text).detail == text


def test_what_a_file_claims_of_itself_fits(catalog):
    row = stored(catalog, width=2**40, height=2**33, bytes=2**50)
    assert (row.width, row.height, row.bytes) == (2**40, 2**33, 2**50)


def test_json_comes_back_as_it_went(catalog):
    settings = {"faces": [1, 2.5, None, True, {"a": []}], "é\x00": "\ud800"}
    with catalog.session() as session:
        session.add(Campaign(name="first", kind="clean", settings=settings))
    with catalog.reading() as session:
        found = session.scalars(select(Campaign)).one().settings
    assert found == {"faces": [1, 2.5, None, True, {"a": []}], "é\\x00": "\\ud800"}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_has_not_are_refused(catalog, number):
    with pytest.raises(StatementError, match="JSON"), catalog.session() as session:
        session.execute(insert(Campaign).values(name="first", kind="clean", settings={"a": [number]}))


def test_an_expression_is_kept_as_its_name(catalog):
    row = stored(catalog, expression=Expression.CRYING)
    assert (row.expression, type(row.expression)) == ("crying", str)


def test_times_are_utc_wherever_they_come_from(catalog):
    tokyo = datetime(2026, 1, 1, 3, 0, 0, 5, tzinfo=timezone(timedelta(hours=9)))
    row = stored(catalog, collected_at=tokyo)
    assert row.collected_at == tokyo
    assert row.collected_at.tzinfo is UTC
    with catalog.reading() as session:
        earlier = Picture.collected_at < tokyo + timedelta(seconds=1)
        assert session.scalars(select(Picture.id).where(earlier)).all() == [row.id]


def test_a_time_without_a_zone_is_refused(catalog):
    with pytest.raises(StatementError, match="no time zone"), catalog.session() as session:
        session.execute(insert(Annotator).values(name="first", expires_at=datetime(2026, 1, 1)))
