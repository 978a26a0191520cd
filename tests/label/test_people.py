"""Personal links: made, used, replaced, taken back."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from kaogae.catalog import Annotator, Assignment, Campaign, Item, SignIn
from kaogae.catalog.types import now
from kaogae.errors import LabelError
from kaogae.label.people import (
    BROWSERS_MOST,
    SHARED,
    anybody,
    clean_name,
    digest,
    invite,
    people,
    revoke,
    sign_in,
    sign_out,
    who,
)

SETTINGS = {"annotators": 3, "blind": False, "seed": 0}


@pytest.fixture
def session(catalog):
    with catalog.session() as session:
        yield session


def campaign(session, name, **more):
    row = Campaign(name=name, kind="clean", settings=SETTINGS, **more)
    session.add(row)
    session.flush()
    return row.id


def test_a_link_signs_in_and_the_catalogue_holds_hashes_only(session):
    mine = campaign(session, "cleaning")
    token = invite(session, "Yuki")
    secret, person = sign_in(session, token)
    known = who(session, secret)
    assert (known.id, known.name, known.role) == (person.id, "Yuki", "annotator")
    assert known.campaigns == {mine}
    kept = [
        *session.execute(select(Annotator.token_hash)).one(),
        *session.execute(select(SignIn.token_hash)).one(),
    ]
    assert kept == [digest(token), digest(secret)]
    assert len(token) >= 43  # 256 bits
    assert len(secret) >= 43


def test_a_link_works_in_several_browsers_and_signing_out_ends_one(session):
    token = invite(session, "Yuki")
    phone, desktop = sign_in(session, token)[0], sign_in(session, token)[0]
    assert phone != desktop
    sign_out(session, phone)
    assert who(session, phone) is None
    assert who(session, desktop) is not None


def test_the_oldest_browser_is_signed_out_when_there_are_too_many(session):
    token = invite(session, "Yuki")
    secrets = []
    for age in range(BROWSERS_MOST + 2):
        secrets.append(sign_in(session, token)[0])
        at = now() - timedelta(hours=100 - age)
        session.execute(update(SignIn).where(SignIn.token_hash == digest(secrets[-1])).values(created_at=at))
    assert [who(session, secret) is not None for secret in secrets] == [False, False] + [True] * BROWSERS_MOST


def test_inviting_anew_ends_the_earlier_link_and_keeps_the_person(session):
    first = invite(session, "Yuki")
    secret, person = sign_in(session, first)
    second = invite(session, " Yuki\t", "reviewer")
    with pytest.raises(LabelError, match="can't be used"):
        sign_in(session, first)
    assert sign_in(session, second)[1].id == person.id
    assert who(session, secret).role == "reviewer"


def test_revoking_ends_link_and_sign_ins_at_once(session):
    token = invite(session, "Yuki")
    secret, _ = sign_in(session, token)
    revoke(session, "Yuki")
    assert who(session, secret) is None
    with pytest.raises(LabelError):
        sign_in(session, token)
    assert people(session)[0].revoked_at is not None
    invite(session, "Yuki")
    assert who(session, secret) is None  # what was ended stays ended
    assert people(session)[0].revoked_at is None


def test_links_and_sign_ins_expire(session):
    token = invite(session, "Yuki", days=1)
    secret, _ = sign_in(session, token)
    session.execute(update(Annotator).values(expires_at=now() - timedelta(seconds=1)))
    with pytest.raises(LabelError):
        sign_in(session, token)
    assert who(session, secret) is not None  # whoever is signed in stays so
    session.execute(update(SignIn).values(expires_at=now() - timedelta(seconds=1)))
    assert who(session, secret) is None
    sign_in(session, invite(session, "Yuki"))
    assert session.scalar(select(func.count()).select_from(SignIn)) == 1  # those that are over are gone


def test_nobody_is_invited_or_signed_in_as_a_shared_annotator(session):
    session.add(
        Annotator(name="a3f", role=SHARED, token_hash=digest("known"), expires_at=now() + timedelta(1))
    )
    session.flush()
    with pytest.raises(LabelError, match="isn't a role"):
        invite(session, "Yuki", SHARED)
    with pytest.raises(LabelError, match="another name"):
        invite(session, "a3f")
    with pytest.raises(LabelError, match="can't be used"):
        sign_in(session, "known")
    with pytest.raises(LabelError, match="Nobody called"):
        revoke(session, "a3f")
    assert people(session) == []
    assert not anybody(session)


def test_a_sign_in_of_somebody_who_became_shared_is_none(session):
    secret, _ = sign_in(session, invite(session, "Yuki"))
    session.execute(update(Annotator).values(role=SHARED))
    assert who(session, secret) is None


def test_people_see_what_they_are_invited_to_and_admins_everything(session):
    first, second = campaign(session, "first"), campaign(session, "second")
    closed = campaign(session, "closed", closed_at=now())
    invite(session, "Aoi")
    invite(session, "Ren", campaigns=[second, closed])
    invite(session, "Mio", "admin", campaigns=[])
    assert {person.name: person.campaigns for person in people(session)} == {
        "Aoi": ["closed", "first", "second"],
        "Mio": ["closed", "first", "second"],
        "Ren": ["closed", "second"],
    }
    admin = who(session, sign_in(session, invite(session, "Mio", "admin"))[0])
    assert admin.campaigns == {first, second, closed}


def test_who_is_invited_to_nothing_in_particular_sees_campaigns_to_come_too(session):
    secret, _ = sign_in(session, invite(session, "Yuki"))
    later = campaign(session, "later")
    assert who(session, secret).campaigns == {later}


def test_inviting_anew_leaves_what_somebody_sees_or_sets_what_is_named(session):
    first, second = campaign(session, "first"), campaign(session, "second")
    secret, _ = sign_in(session, invite(session, "Yuki", campaigns=[first]))
    invite(session, "Yuki")
    assert who(session, secret).campaigns == {first}
    invite(session, "Yuki", campaigns=[second])
    assert who(session, secret).campaigns == {second}
    invite(session, "Yuki", everywhere=True)
    assert who(session, secret).campaigns == {first, second}
    invite(session, "Yuki", campaigns=[])
    assert who(session, secret).campaigns == frozenset()


def test_inviting_anew_keeps_a_role_unless_another_is_given(session):
    secret, _ = sign_in(session, invite(session, "Aoi", "reviewer"))
    invite(session, "Aoi")
    assert who(session, secret).role == "reviewer"
    invite(session, "Aoi", "annotator")
    assert who(session, secret).role == "annotator"


def test_who_is_revoked_holds_no_items_any_more(session):
    chosen = campaign(session, "cleaning")
    item = Item(campaign_id=chosen, number=0, sha256="0" * 64)
    session.add(item)
    invite(session, "Yuki")
    session.flush()
    yuki = session.scalar(select(Annotator.id))
    until = now() + timedelta(hours=1)
    session.add(Assignment(item_id=item.id, annotator_id=yuki, campaign_id=chosen, leased_until=until))
    session.flush()
    revoke(session, "Yuki")
    assert session.scalars(select(Assignment.leased_until)).all() == [None]


def test_campaigns_that_nobody_can_vote_in_are_nobodys(session):
    shared = Campaign(name="theirs", kind="clean", settings={"shared": True})
    session.add(shared)
    session.flush()
    invite(session, "Aoi")
    admin = who(session, sign_in(session, invite(session, "Mio", "admin"))[0])
    assert admin.campaigns == frozenset()
    assert [person.campaigns for person in people(session)] == [[], []]
    with pytest.raises(LabelError, match="no campaign"):
        invite(session, "Ren", campaigns=[shared.id])


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_link_lasts_a_day_to_a_year(session, days):
    with pytest.raises(LabelError, match="can't last"):
        invite(session, "Yuki", days=days)


def test_names_are_cleaned():
    assert clean_name("  Yuki \n Mori ") == "Yuki Mori"
    assert clean_name("Jose\u0301") == "José"
    assert clean_name("雪" * 60) == "雪" * 60


@pytest.mark.parametrize(
    "name", ["", " \t\n", "x" * 61, "a\x00b", "a\u202eb", "\x1b[31mred", "a\ud800", "\u200b"]
)
def test_names_that_cant_be_seen_are_refused(name):
    with pytest.raises(LabelError):
        clean_name(name)


def test_revoking_nobody_says_so(session):
    with pytest.raises(LabelError, match="Nobody called 'Yuki'"):
        revoke(session, "Yuki")


def test_somebody_can_use_the_service_by_a_link_or_a_browser(session):
    assert not anybody(session)
    token = invite(session, "Yuki")
    assert anybody(session)
    session.execute(update(Annotator).values(expires_at=now() - timedelta(seconds=1)))
    assert not anybody(session)
    session.execute(update(Annotator).values(expires_at=now() + timedelta(days=1)))
    sign_in(session, token)
    session.execute(update(Annotator).values(expires_at=now() - timedelta(seconds=1)))
    assert anybody(session)
    revoke(session, "Yuki")
    assert not anybody(session)


@pytest.mark.parametrize("token", ["", "x", "\ud800", "\x00" * 200])
def test_a_token_that_was_never_made_is_none(session, token):
    invite(session, "Yuki")
    with pytest.raises(LabelError):
        sign_in(session, token)
    assert who(session, token) is None


def test_the_key_of_somebody_is_theirs_in_this_catalogue_alone(session):
    before, _ = sign_in(session, invite(session, "Yuki"))
    key = who(session, before).key
    assert who(session, sign_in(session, invite(session, "Yuki"))[0]).key == key
    assert who(session, sign_in(session, invite(session, "Aoi"))[0]).key != key
    session.execute(update(Annotator).values(created_at=now()))  # as if it were another catalogue's Yuki
    assert who(session, before).key != key
