"""The routes of pictures."""

from enum import IntEnum
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from kaogae.errors import PictureError
from kaogae.expressions import Expression
from kaogae.label.service import schemas
from kaogae.label.service.answers import refusals
from kaogae.label.service.guard import log
from kaogae.label.service.pictures import Encoded, find
from kaogae.label.service.state import The, Visitor

routes = APIRouter(prefix="/api/v1", tags=["pictures"])

FOR_EVER = "private, max-age=31536000, immutable"
A_DAY = "private, max-age=86400"
WEBP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture.",
        "content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "The browser has it."},
}


class Size(IntEnum):
    """Most pixels of a picture's longer side."""

    THUMBNAIL = 160
    PHONE = 480
    LARGE = 960


@routes.get(
    "/items/{item}/image",
    operation_id="image",
    response_class=Response,
    responses=WEBP | refusals(401, 404),
)
async def image(
    item: Annotated[schemas.Id, Path(description="The item's number.")],
    request: Request,
    visitor: Visitor,
    service: The,
    size: Annotated[Size, Query(description="Most pixels of its longer side.")] = Size.PHONE,
    of: Annotated[  # noqa: ARG001
        str,
        Query(max_length=64, description="The asker's key: another catalogue may follow at this address."),
    ] = "",
) -> Response:
    """An item's picture. It is never enlarged."""
    try:
        source = await service.read(
            lambda session: find(session, service.workspace.folder, item, visitor.campaigns)
        )
        if source is None:
            raise HTTPException(404, "There is no such item, or it isn't yours.")
        return _answer(request, await service.pictures.scaled(source, size), FOR_EVER)
    except PictureError as error:
        log.warning("The picture of item %d can't be shown: %s", item, error)
        raise HTTPException(404, "The picture of this item is missing or damaged: skip it.") from None


@routes.get(
    "/examples/{expression}",
    operation_id="example",
    response_class=Response,
    responses=WEBP | refusals(401),
)
async def example(expression: Expression, request: Request, _: Visitor, service: The) -> Response:
    """A drawn face with this expression, as a reminder."""
    return _answer(request, await service.pictures.example(expression), A_DAY)


def _answer(request: Request, picture: Encoded, caching: str) -> Response:
    headers = {"ETag": picture.etag, "Cache-Control": caching}
    if matches(request, picture.etag):
        return Response(status_code=304, headers=headers)
    return Response(picture.data, headers=headers, media_type="image/webp")


def matches(request: Request, etag: str) -> bool:
    """Whether the browser has what `etag` names (RFC 9110: the comparison here is a weak one)."""
    asked = request.headers.get("if-none-match", "")
    return asked.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in asked.split(","))
