"""Who may label: personal links, signed-in browsers, and taking both back.

Tokens are random, shown once, and kept as SHA-256 only: whoever reads the catalogue can't sign in with it.
"""

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from kaogae.catalog import Annotator, Assignment, Campaign, Membership, SignIn
from kaogae.catalog.types import now
from kaogae.errors import LabelError
from kaogae.label.campaigns import campaigns as usable
from kaogae.label.verdicts import KINDS

ANNOTATOR, REVIEWER, ADMIN = "annotator", "reviewer", "admin"
ROLES = (ANNOTATOR, REVIEWER, ADMIN)
SHARED = "shared"
"""The role of those whose votes came with a shared manifest: nobody is invited or signed in as that."""

NAME_MOST = 60
DAYS_MOST = 366
SIGN_IN_DAYS = 90
BROWSERS_MOST = 20
"""In how many browsers one person stays signed in: a further one ends the oldest."""


class SignedIn(NamedTuple):
    """Who asks, and what they may see."""

    id: int
    key: str
    """Theirs alone: another catalogue may have somebody of this name, and its service the same address."""
    name: str
    role: str
    campaigns: frozenset[int]


@dataclass(frozen=True)
class Person:
    """Somebody who was invited."""

    id: int
    name: str
    role: str
    everywhere: bool
    """They see every campaign, also those to come."""
    campaigns: list[str]
    """Names of those that they see now."""
    expires_at: datetime | None
    """Until when their link can be used; None if they have none."""
    revoked_at: datetime | None
    signed_in: int
    """In how many browsers."""


def invite(
    session: Session,
    name: str,
    role: str | None = None,
    campaigns: Sequence[int] | None = None,
    days: int = 30,
    *,
    everywhere: bool = False,
) -> str:
    """Make a personal link's token; an earlier link of the same person ends, their votes stay theirs.

    Args:
        role: from now on; None: the one that they had, annotator if they are new.
        campaigns: what they may see from now on; None: what they could see, or everything if they are new.
        everywhere: they see every campaign, also those to come. Admins do anyway.
        days: how long the link can be used.

    Raises:
        LabelError: a name, role, campaign or time that can't be.
    """
    name = clean_name(name)
    if role not in (None, *ROLES):
        raise LabelError(f"'{role}' isn't a role: choose {', '.join(ROLES[:-1])} or {ROLES[-1]}.")
    if not 1 <= days <= DAYS_MOST:
        raise LabelError(f"A link can't last {days} days: choose 1 to {DAYS_MOST}.")
    person = session.scalar(select(Annotator).where(Annotator.name == name).with_for_update())
    if person is None:
        person = Annotator(name=name)
        session.add(person)
    elif person.role == SHARED:
        raise LabelError(f"The votes of '{name}' came with a shared set: invite them by another name.")
    new = person.token_hash is None and person.revoked_at is None
    everywhere = everywhere or (new and campaigns is None)
    token = secrets.token_urlsafe(32)
    person.role = role or (ANNOTATOR if new else person.role)
    person.token_hash, person.revoked_at = digest(token), None
    person.expires_at = now() + timedelta(days=days)
    session.flush()
    if everywhere or campaigns is not None:
        person.everywhere = everywhere
        _admit(session, person.id, set() if everywhere else set(campaigns or ()))
    return token


def clean_name(name: str) -> str:
    """`name` as it is kept and shown: one line, no spaces to spare, composed letters.

    Raises:
        LabelError: nothing is left, it is too long, or it holds what can't be seen.
    """
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    if not clean:
        raise LabelError("A person needs a name: give one of 1 to 60 letters.")
    if len(clean) > NAME_MOST:
        raise LabelError(f"A name has at most {NAME_MOST} letters: shorten it.")
    if not clean.isprintable():
        raise LabelError("A name holds letters that can't be seen: type it anew.")
    return clean


def sign_in(session: Session, token: str) -> tuple[str, Annotator]:
    """Use a link in a browser: gives the secret for its cookie, and who that is.

    Raises:
        LabelError: no such link, or it has expired, was replaced or revoked. Which one isn't said.
    """
    hashed = digest(token)
    person = session.scalar(select(Annotator).where(Annotator.token_hash == hashed, _open_link()))
    if person is None or not hmac.compare_digest(str(person.token_hash), hashed):
        raise LabelError("This link can't be used (any more): ask for a new one.")
    session.execute(delete(SignIn).where(SignIn.expires_at <= now()))
    mine = select(SignIn.token_hash).where(SignIn.annotator_id == person.id)
    newest = mine.order_by(SignIn.created_at.desc(), SignIn.token_hash).offset(BROWSERS_MOST - 1)
    session.execute(delete(SignIn).where(SignIn.token_hash.in_(session.scalars(newest).all())))
    secret = secrets.token_urlsafe(32)
    expires = now() + timedelta(days=SIGN_IN_DAYS)
    session.add(SignIn(token_hash=digest(secret), annotator_id=person.id, expires_at=expires))
    return secret, person


def sign_out(session: Session, secret: str) -> None:
    """This browser is signed in no more."""
    session.execute(delete(SignIn).where(SignIn.token_hash == digest(secret)))


def who(session: Session, secret: str) -> SignedIn | None:
    """Whose browser has this secret; None: nobody's, or their time is over."""
    hashed = digest(secret)
    row = session.execute(_WHO, {"hashed": hashed, "at": now()}).one_or_none()
    if row is None or not hmac.compare_digest(row.token_hash, hashed):
        return None
    if row.role == ADMIN or row.everywhere:
        visible = session.scalars(_EVERY)
    else:
        visible = session.scalars(_MINE, {"annotator": row.id})
    key = digest(f"{row.id} {row.created_at.isoformat()}")[:16]
    return SignedIn(row.id, key, row.name, row.role, frozenset(visible))


def revoke(session: Session, name: str) -> None:
    """End somebody's link, sign-ins and leases at once; what they voted stays.

    Raises:
        LabelError: nobody with this name was invited.
    """
    person = session.scalar(select(Annotator).where(Annotator.name == clean_name(name), _invited()))
    if person is None:
        raise LabelError(f"Nobody called '{name}' was invited: see `kaogae label people`.")
    person.revoked_at, person.token_hash = now(), None
    session.execute(delete(SignIn).where(SignIn.annotator_id == person.id))
    leases = update(Assignment).where(
        Assignment.annotator_id == person.id, Assignment.leased_until.is_not(None)
    )
    session.execute(leases.values(leased_until=None))


def people(session: Session) -> list[Person]:
    """Everybody who was invited, by name."""
    every = sorted(campaign.name for campaign in usable(session))
    browsers = select(SignIn.annotator_id, func.count()).where(_signed_in()).group_by(SignIn.annotator_id)
    signed_in = dict(session.execute(browsers).all())
    campaigns: dict[int, list[str]] = {}
    for annotator, campaign in session.execute(
        select(Membership.annotator_id, Campaign.name)
        .join(Campaign, Campaign.id == Membership.campaign_id)
        .order_by(Campaign.name)
    ):
        campaigns.setdefault(annotator, []).append(campaign)
    return [
        Person(
            id=row.id,
            name=row.name,
            role=row.role,
            everywhere=row.role == ADMIN or row.everywhere,
            campaigns=every if row.role == ADMIN or row.everywhere else campaigns.get(row.id, []),
            expires_at=row.expires_at if row.token_hash else None,
            revoked_at=row.revoked_at,
            signed_in=signed_in.get(row.id, 0),
        )
        for row in session.scalars(select(Annotator).where(_invited()).order_by(Annotator.name))
    ]


def anybody(session: Session) -> bool:
    """Whether there is somebody who could use the service: a link that works, or a signed-in browser."""
    browser = select(SignIn.annotator_id).where(SignIn.annotator_id == Annotator.id, _signed_in())
    usable = or_(_open_link(), and_(_may_enter(), exists(browser)))
    return session.scalar(select(Annotator.id).where(usable).limit(1)) is not None


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _admit(session: Session, person: int, campaigns: set[int]) -> None:
    unknown = sorted(campaigns - {campaign.id for campaign in usable(session)})
    if unknown:
        raise LabelError(f"There is no campaign {unknown[0]}: see `kaogae label status`.")
    session.execute(delete(Membership).where(Membership.annotator_id == person))
    session.add_all(Membership(annotator_id=person, campaign_id=one) for one in sorted(campaigns))
    session.flush()


def _invited() -> ColumnElement[bool]:
    return and_(
        Annotator.role != SHARED, or_(Annotator.token_hash.is_not(None), Annotator.revoked_at.is_not(None))
    )


def _may_enter() -> ColumnElement[bool]:
    return and_(Annotator.role.in_(ROLES), Annotator.revoked_at.is_(None))


def _open_link() -> ColumnElement[bool]:
    return and_(_may_enter(), Annotator.token_hash.is_not(None), Annotator.expires_at > now())


def _signed_in() -> ColumnElement[bool]:
    return SignIn.expires_at > now()


# Asked for every browser every second: building them takes longer than asking
_WHO = (
    select(
        SignIn.token_hash,
        Annotator.id,
        Annotator.created_at,
        Annotator.name,
        Annotator.role,
        Annotator.everywhere,
    )
    .join(Annotator, Annotator.id == SignIn.annotator_id)
    .where(SignIn.token_hash == bindparam("hashed"), SignIn.expires_at > bindparam("at"), _may_enter())
)
_EVERY = select(Campaign.id).where(
    Campaign.kind.in_(KINDS), Campaign.settings["annotators"].as_string() != ""
)
_MINE = select(Membership.campaign_id).where(Membership.annotator_id == bindparam("annotator"))
