"""The hot path: the next items, and votes on them."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query

from kaogae.catalog.types import now
from kaogae.label.ledger import Cast
from kaogae.label.overview import review_queue
from kaogae.label.people import SignedIn
from kaogae.label.service import schemas
from kaogae.label.service.answers import refusals
from kaogae.label.service.state import Reviewer, Service, The, Visitor, visible

routes = APIRouter(prefix="/api/v1/campaigns/{campaign}", tags=["voting"])

CampaignId = Annotated[schemas.Id, Path(description="The campaign's number.")]


@routes.post("/next", operation_id="next", responses=refusals(401, 404, body=True))
async def next_items(
    campaign: CampaignId, wanted: schemas.NextRequest, visitor: Visitor, service: The
) -> schemas.NextResponse:
    """Items in this annotator's own order, leased to them for a while."""
    visible(campaign, visitor)
    taken = await service.write(
        lambda session: service.ledger.take(session, campaign, visitor.id, wanted.count, wanted.have)
    )
    return schemas.NextResponse.model_validate(
        {
            "items": [{"id": row.id, "label": row.label} for row in taken.items],
            "keep": taken.keep,
            "progress": await _progress(service, campaign, visitor.id),
        }
    )


@routes.post("/votes", operation_id="vote", responses=refusals(401, 404, 409, body=True))
async def votes(
    campaign: CampaignId, sent: schemas.VotesRequest, visitor: Visitor, service: The
) -> schemas.VotesResponse:
    """Take votes: when this is answered they are on the disk. Sending them again changes nothing."""
    visible(campaign, visitor)
    return await _record(service, campaign, visitor, sent, review=False)


@routes.get("/progress", operation_id="progress", responses=refusals(401, 404))
async def how_far(campaign: CampaignId, visitor: Visitor, service: The) -> schemas.Progress:
    """How far the campaign is, as one annotator may know it."""
    visible(campaign, visitor)
    return await _progress(service, campaign, visitor.id)


@routes.get("/review", operation_id="review", tags=["review"], responses=refusals(401, 403, 404))
async def review(
    campaign: CampaignId,
    visitor: Reviewer,
    service: The,
    after: Annotated[int, Query(ge=0, le=2**53 - 1, description="The last item that was seen.")] = 0,
    limit: Annotated[int, Query(ge=1, le=schemas.ITEMS_MOST)] = 20,
) -> schemas.ReviewResponse:
    """Items without a majority, in the order of their numbers."""
    visible(campaign, visitor)
    queue = await service.read(lambda session: review_queue(session, campaign, after, limit))
    items = [{"id": item.id, "label": item.label, "tally": item.tally} for item in queue.items]
    return schemas.ReviewResponse.model_validate({"items": items, "waiting": queue.waiting})


@routes.post(
    "/decisions", operation_id="decide", tags=["review"], responses=refusals(401, 403, 404, 409, body=True)
)
async def decisions(
    campaign: CampaignId, sent: schemas.VotesRequest, visitor: Reviewer, service: The
) -> schemas.VotesResponse:
    """Decide items: final until another reviewer decides, or this one takes it back ("undone")."""
    visible(campaign, visitor)
    return await _record(service, campaign, visitor, sent, review=True)


async def _record(
    service: Service, campaign: int, visitor: SignedIn, sent: schemas.VotesRequest, *, review: bool
) -> schemas.VotesResponse:
    if sent.voter not in (None, visitor.key):
        raise HTTPException(409, "These votes are somebody else's: sign in as the one who cast them.")
    arrived = now()
    reasons = await service.writer.record(
        [
            Cast(
                id=vote.id,
                campaign=campaign,
                item=vote.item,
                annotator=visitor.id,
                verdict=vote.verdict,
                took_ms=vote.took_ms,
                cast_at=arrived - timedelta(milliseconds=vote.ago_ms),
                review=review,
            )
            for vote in sent.votes
        ]
    )
    answered = list(zip(sent.votes, reasons, strict=True))
    return schemas.VotesResponse(
        accepted=[vote.id for vote, reason in answered if reason is None],
        refused=[
            schemas.Refusal(id=vote.id, reason=reason) for vote, reason in answered if reason is not None
        ],
        progress=await _progress(service, campaign, visitor.id),
    )


async def _progress(service: Service, campaign: int, annotator: int) -> schemas.Progress:
    known = await service.progress(campaign, annotator)
    return schemas.Progress.model_validate(known, from_attributes=True)
