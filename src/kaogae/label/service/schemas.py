"""What the service and its app say to each other, version 1: `/api/v1`."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["clean", "panel"]
Role = Literal["annotator", "reviewer", "admin"]
Answer = Literal["happy", "sad", "crying", "neutral", "surprised", "other", "unusable"]
Verdict = Literal[Answer, "undone", "skipped"]
Id = Annotated[int, Field(ge=1, le=2**53 - 1)]

VOTES_MOST, ITEMS_MOST, HAVE_MOST = 200, 100, 400


class Strict(BaseModel):
    """What comes in: nothing that isn't asked for, and nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Failure(BaseModel):
    """Why a request was refused, as a sentence."""

    detail: str


class Health(BaseModel):
    """That the service works."""

    ok: bool


class Progress(BaseModel):
    """How far a campaign is, as one annotator may know it."""

    items: int
    mine: int
    """On how many items this annotator's verdict stands."""
    left: int
    """How many more this annotator could be asked for, as things stand."""
    settled: int
    """How many have all their votes."""


class CampaignCard(BaseModel):
    """A campaign as its annotators see it."""

    id: int
    name: str
    kind: Kind
    blind: bool
    """Nobody sees the label: there is nothing to keep."""
    answers: list[Answer]
    open: bool
    progress: Progress
    disputed: int | None
    """How many items wait for a reviewer; None for those who aren't one."""


class Me(BaseModel):
    """Who is signed in, and what they may work on."""

    key: str
    """Theirs alone: what an app keeps for them, it keeps under this, not under their name."""
    name: str
    role: Role
    campaigns: list[CampaignCard]


class SignInRequest(Strict):
    """The token of an invitation."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class NextRequest(Strict):
    """Asks for items, and holds on to those that the app already has."""

    count: Annotated[int, Field(ge=0, le=ITEMS_MOST)] = 50
    have: Annotated[list[Id], Field(max_length=HAVE_MOST)] = []


class ItemCard(BaseModel):
    """One face to look at. Its picture: `/api/v1/items/{id}/image`."""

    id: int
    label: Answer | None
    """What the tag says; None in panels and blind campaigns, or if nothing says it."""


class NextResponse(BaseModel):
    """Items, in this annotator's own order, leased to them."""

    items: list[ItemCard]
    keep: list[int]
    """Of those that the app has: which ones it should still ask about."""
    progress: Progress


class VoteIn(Strict):
    """One vote, as the app keeps it until it is acknowledged."""

    id: Annotated[UUID, Field(strict=False)]
    item: Id
    verdict: Verdict
    took_ms: Annotated[int, Field(ge=0, le=86_400_000)] | None = None
    ago_ms: Annotated[int, Field(ge=0, le=31_536_000_000)] = 0
    """How long before it was sent it was cast: phones' clocks are wrong, their intervals aren't."""


class VotesRequest(Strict):
    """Votes, the oldest first."""

    votes: Annotated[list[VoteIn], Field(min_length=1, max_length=VOTES_MOST)]
    voter: Annotated[str, Field(max_length=100)] | None = None
    """The name of who cast them: should somebody else be signed in by now, none is taken."""


class Refusal(BaseModel):
    """A vote that will never be accepted, and why."""

    id: UUID
    reason: str


class VotesResponse(BaseModel):
    """Sent when the votes are on the disk."""

    accepted: list[UUID]
    refused: list[Refusal]
    progress: Progress


class ReviewItem(BaseModel):
    """An item without a majority, as a reviewer sees it."""

    id: int
    label: Answer | None
    tally: dict[str, int]
    """How many annotators said what."""


class ReviewResponse(BaseModel):
    """The review queue, in its order."""

    items: list[ReviewItem]
    waiting: int


class CampaignChange(Strict):
    """Closes a campaign, or opens it again."""

    open: bool


class AnnotatorProgress(BaseModel):
    """What one annotator has done in a campaign, and how it compares."""

    name: str
    votes: int
    skipped: int
    undone: int
    median_ms: float | None
    last_at: datetime | None
    agreement: float | None
    """Share of their verdicts that are the consensus of items with all votes."""


class PairAgreement(BaseModel):
    """Two annotators on the items that both judged."""

    first: str
    second: str
    items: int
    observed: float
    kappa: float | None
    """Cohen's; None if chance alone would agree always."""
    confusion: list[list[int]]
    """[first's answer][second's answer], in the campaign's order of answers."""


class CampaignReport(BaseModel):
    """Everything about a campaign, for its admin."""

    id: int
    name: str
    kind: Kind
    blind: bool
    answers: list[Answer]
    open: bool
    created_at: datetime
    annotators_per_item: int
    items: int
    states: dict[str, int]
    """open, agreed, disputed, reviewed: how many items."""
    verdicts: dict[str, int]
    """How many items came to what."""
    changed: int
    """Of a clean campaign: settled items whose verdict isn't their label."""
    annotators: list[AnnotatorProgress]
    pairs: list[PairAgreement]
    fleiss_kappa: float | None
    observed: float | None
    """Mean share of pairs of votes on one item that agree."""
    matrix: dict[str, dict[str, int]]
    """What was to be seen (a panel's target, a clean campaign's label) -> what it came to -> how many items.

    Besides the answers it may have come to "disputed"; faces without a label are "unlabelled".
    """


class Person(BaseModel):
    """Somebody who was invited."""

    id: int
    name: str
    role: Role
    everywhere: bool
    """They see every campaign, also those to come."""
    campaigns: list[str]
    """Names of those that they see now."""
    expires_at: datetime | None
    revoked_at: datetime | None
    signed_in: int
    """In how many browsers."""


class InvitationRequest(Strict):
    """Invites somebody, or the same person anew: then the earlier link ends."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    role: Role | None = None
    """None: the one that they had, annotator if they are new."""
    campaigns: Annotated[list[Id], Field(max_length=1000)] | None = None
    """None: what they could see, or everything if they are new."""
    everywhere: bool = False
    """They see every campaign, also those to come."""
    days: Annotated[int, Field(ge=1, le=366)] = 30


class Invitation(BaseModel):
    """Shown once: only a hash of the token is kept."""

    person: Person
    link: str
    """What to send them: the token is behind the #, which no server and no Referer ever sees."""
    qr: str
    """The same as an SVG drawing."""
