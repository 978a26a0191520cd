"""Signing in with a personal link, and what is there to do."""

import math
from collections import Counter
from contextlib import suppress

from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kaogae.catalog import Campaign, Item
from kaogae.errors import LabelError
from kaogae.label import people
from kaogae.label.campaigns import Settings
from kaogae.label.overview import Progress, progresses
from kaogae.label.people import ADMIN, REVIEWER, SIGN_IN_DAYS, SignedIn
from kaogae.label.service import schemas
from kaogae.label.service.answers import refusals
from kaogae.label.service.state import The, Visitor
from kaogae.label.verdicts import ANSWERS, DISPUTED

routes = APIRouter(prefix="/api/v1", tags=["session"])


@routes.get("/health", operation_id="health", responses=refusals())
async def health(service: The) -> schemas.Health:
    """Whether the service and its catalogue work."""
    await service.read(lambda session: session.execute(select(1)))
    return schemas.Health(ok=True)


@routes.post("/session", operation_id="signIn", responses=refusals(401, 429, body=True))
async def sign_in(
    wanted: schemas.SignInRequest, request: Request, response: Response, service: The
) -> schemas.Me:
    """Use a personal link's token: the answer sets the session's cookie, which lasts 90 days."""
    address = request.client.host if request.client else ""
    wait = service.failures.wait(address)
    if wait:
        raise HTTPException(
            429, "Too many links that can't be used: wait a minute.", {"Retry-After": str(math.ceil(wait))}
        )
    try:
        secret, _ = await service.write(lambda session: people.sign_in(session, wanted.token))
    except LabelError as error:
        service.failures.failed(address)
        raise HTTPException(401, str(error)) from None
    visitor = await service.who(secret)
    assert visitor is not None
    response.set_cookie(
        service.cookie(request),
        secret,
        max_age=SIGN_IN_DAYS * 86_400,
        path="/",
        secure=service.base(request).startswith("https:"),
        httponly=True,
        samesite="strict",
    )
    return await service.read(lambda session: _me(session, visitor))


@routes.get("/session", operation_id="me", responses=refusals(401))
async def me(visitor: Visitor, service: The) -> schemas.Me:
    """Who is signed in, and what they may work on."""
    return await service.read(lambda session: _me(session, visitor))


@routes.delete("/session", operation_id="signOut", status_code=204, responses=refusals(401, 403))
async def sign_out(_: Visitor, request: Request, response: Response, service: The) -> None:
    """This browser is signed in no more."""
    name = service.cookie(request)
    await service.write(lambda session: people.sign_out(session, request.cookies[name]))
    service.forget()
    secure = service.base(request).startswith("https:")
    response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")


def _me(session: Session, visitor: SignedIn) -> schemas.Me:
    rows = session.scalars(
        select(Campaign).where(Campaign.id.in_(visitor.campaigns)).order_by(Campaign.created_at.desc())
    ).all()
    far = progresses(session, [(campaign.id, visitor.id) for campaign in rows])
    disputed = _disputed(session, visitor) if visitor.role in (REVIEWER, ADMIN) else None
    cards: list[schemas.CampaignCard] = []
    for campaign in rows:
        with suppress(LabelError):  # nobody can vote in it
            waiting = None if disputed is None else disputed[campaign.id]
            cards.append(_card(campaign, far[campaign.id, visitor.id], waiting))
    about = {"key": visitor.key, "name": visitor.name, "role": visitor.role}
    return schemas.Me.model_validate(about | {"campaigns": cards})


def _disputed(session: Session, visitor: SignedIn) -> Counter[int]:
    """How many items of each campaign wait for a reviewer."""
    waiting = (Item.campaign_id.in_(visitor.campaigns), Item.state == DISPUTED)
    count = select(Item.campaign_id, func.count()).where(*waiting).group_by(Item.campaign_id)
    return Counter(dict(session.execute(count).all()))


def _card(campaign: Campaign, far: Progress, disputed: int | None) -> schemas.CampaignCard:
    return schemas.CampaignCard.model_validate(
        {
            "id": campaign.id,
            "name": campaign.name,
            "kind": campaign.kind,
            "blind": Settings.of(campaign).blind,
            "answers": ANSWERS[campaign.kind],
            "open": campaign.closed_at is None,
            "progress": schemas.Progress.model_validate(far, from_attributes=True),
            "disputed": disputed,
        }
    )
