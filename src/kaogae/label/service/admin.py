"""What admins do: how campaigns go, and who may take part."""

import io
import math
from typing import Annotated, Any, Literal
from urllib.parse import quote

import segno
from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from kaogae.catalog import Annotator, Campaign
from kaogae.label import people
from kaogae.label.campaigns import campaigns, set_open
from kaogae.label.exporting import export
from kaogae.label.report import CampaignReport, report
from kaogae.label.service import schemas
from kaogae.label.service.answers import refusals
from kaogae.label.service.state import Admin, Service, The, visible

routes = APIRouter(prefix="/api/v1/admin", tags=["admin"])

FORMS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in FORMS.values()},
    }
}
CampaignId = Annotated[schemas.Id, Path(description="The campaign's number.")]


@routes.get("/campaigns", operation_id="campaigns", responses=refusals(401, 403))
async def every_campaign(_: Admin, service: The) -> list[schemas.CampaignReport]:
    """All campaigns, the oldest first: how many items have come to what, without the people."""

    def ask(session: Session) -> list[schemas.CampaignReport]:
        return [_report(report(session, campaign, people=False)) for campaign in campaigns(session)]

    return await service.read(ask, slow=True)


@routes.get("/campaigns/{campaign}", operation_id="campaign", responses=refusals(401, 403, 404))
async def one_campaign(campaign: CampaignId, visitor: Admin, service: The) -> schemas.CampaignReport:
    """Everything about a campaign: what everybody did, and how far they agree."""
    visible(campaign, visitor)
    return await _one(campaign, service)


@routes.patch("/campaigns/{campaign}", operation_id="change", responses=refusals(401, 403, 404, body=True))
async def change(
    campaign: CampaignId, wanted: schemas.CampaignChange, visitor: Admin, service: The
) -> schemas.CampaignReport:
    """Close a campaign, or open it again. Votes cast before it was closed are still taken, and reviews."""
    visible(campaign, visitor)
    await service.write(lambda session: set_open(session.get_one(Campaign, campaign), wanted.open))
    return await _one(campaign, service)


@routes.get(
    "/campaigns/{campaign}/export",
    operation_id="export",
    response_class=StreamingResponse,
    responses=FILE | refusals(401, 403, 404),
)
async def export_campaign(
    campaign: CampaignId,
    visitor: Admin,
    service: The,
    form: Annotated[Literal["csv", "jsonl"], Query(description="CSV or JSON lines.")] = "csv",
    what: Annotated[
        Literal["votes", "labels"], Query(description="Every vote, or what each item came to.")
    ] = "votes",
) -> StreamingResponse:
    """A campaign as a file."""
    visible(campaign, visitor)
    name = await service.read(lambda session: session.get_one(Campaign, campaign).name)
    parts = service.read_parts(
        lambda session: export(session, session.get_one(Campaign, campaign), what, form)
    )
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'{name}-{what}.{form}')}"}
    return StreamingResponse(parts, headers=headers, media_type=FORMS[form])


@routes.get("/people", operation_id="people", responses=refusals(401, 403))
async def everybody(_: Admin, service: The) -> list[schemas.Person]:
    """Everybody who was invited, by name."""
    return await service.read(lambda session: [_person(one) for one in people.people(session)])


@routes.post("/people", operation_id="invite", status_code=201, responses=refusals(401, 403, 429, body=True))
async def invite(
    wanted: schemas.InvitationRequest, request: Request, visitor: Admin, service: The
) -> schemas.Invitation:
    """Make a personal link. An earlier one of the same person ends."""
    wait = service.invitations.wait(str(visitor.id))
    if wait:
        raise HTTPException(
            429, "Too many invitations: wait a minute.", {"Retry-After": str(math.ceil(wait))}
        )
    service.invitations.count(str(visitor.id))

    def make(session: Session) -> tuple[str, people.Person]:
        token = people.invite(
            session,
            wanted.name,
            wanted.role,
            wanted.campaigns,
            wanted.days,
            everywhere=wanted.everywhere,
        )
        name = people.clean_name(wanted.name)
        return token, next(person for person in people.people(session) if person.name == name)

    token, person = await service.write(make)
    service.forget()
    link = f"{service.base(request)}/#{token}"
    drawing = io.BytesIO()
    segno.make_qr(link).save(
        drawing, kind="svg", xmldecl=False, nl=False, scale=8, dark="#000", light="#fff", unit="px"
    )
    return schemas.Invitation(person=_person(person), link=link, qr=drawing.getvalue().decode())


@routes.delete("/people/{person}", operation_id="revoke", status_code=204, responses=refusals(401, 403, 404))
async def revoke(
    person: Annotated[schemas.Id, Path(description="The person's number.")], _: Admin, service: The
) -> None:
    """End somebody's link and sign-ins at once. What they voted stays."""

    def end(session: Session) -> bool:
        known = select(Annotator.name).where(Annotator.id == person, Annotator.role.in_(people.ROLES))
        name = session.scalar(known)
        if name is not None:
            people.revoke(session, name)
        return name is not None

    if not await service.write(end):
        raise HTTPException(404, "There is no such person.")
    service.forget()


async def _one(campaign: int, service: Service) -> schemas.CampaignReport:
    return await service.read(
        lambda session: _report(report(session, session.get_one(Campaign, campaign))), slow=True
    )


def _report(made: CampaignReport) -> schemas.CampaignReport:
    return schemas.CampaignReport.model_validate(made, from_attributes=True)


def _person(known: people.Person) -> schemas.Person:
    return schemas.Person.model_validate(known, from_attributes=True)
