"""How refusals are described and worded."""

from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from kaogae.catalog import storable
from kaogae.errors import CatalogError, KaogaeError
from kaogae.label.service.guard import log
from kaogae.label.service.schemas import Failure

MEANINGS = {
    400: "Not JSON.",
    401: "Not signed in, or the link can't be used.",
    403: "Not for this role, or not asked for by the app's own page.",
    404: "There is none, or it isn't theirs.",
    408: "The request came too slowly.",
    409: "The votes are somebody else's.",
    413: "The request is too large.",
    415: "The request isn't application/json.",
    421: "Not this service's address.",
    422: "The request doesn't say what it must.",
    429: "Too many attempts: wait as long as Retry-After says.",
    503: "The catalogue can't be used at the moment; nothing was changed.",
}
SENTENCES = {404: "There is nothing here.", 405: "This can't be done here."}
SENTENCE_MOST = 300


def refusals(*statuses: int, body: bool = False) -> dict[int | str, dict[str, Any]]:
    """The description of what a route may answer instead. `body`: the request has one."""
    every = {421, 422, 503, *statuses} | ({400, 403, 408, 413, 415} if body else set())
    described: dict[int | str, dict[str, Any]] = {
        status: {"model": Failure, "description": MEANINGS[status]} for status in sorted(every)
    }
    if 429 in described:
        described[429]["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
        }
    return described


async def refused(_: Request, error: Exception) -> JSONResponse:
    """What a route raised on purpose."""
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if sentence == HTTPStatus(error.status_code).phrase:
        sentence = SENTENCES.get(error.status_code, f"{sentence}.")
    return _answer(error.status_code, sentence, error.headers)


async def misunderstood(_: Request, error: Exception) -> JSONResponse:
    """The first thing that isn't as it must be. What was sent isn't repeated: it may be a secret."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    known = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
    place = ".".join(str(part) for part in known if part not in ("body", "query", "path"))
    return _answer(422, f"{place or 'The request'}: {first['msg']}.")


async def complained(_: Request, error: Exception) -> JSONResponse:
    """What the library refuses. What it says of the catalogue is for whoever runs the service."""
    if not isinstance(error, KaogaeError) or isinstance(error, CatalogError):
        log.error("%s", error)
        return _answer(503, "The catalogue can't be used at the moment: try again in a while.")
    return _answer(422, str(error))


def _answer(status: int, sentence: object, headers: Any = None) -> JSONResponse:
    text = storable(str(sentence))
    if len(text) > SENTENCE_MOST:
        text = text[: SENTENCE_MOST - 1] + "…"
    return JSONResponse({"detail": text}, status, headers)
