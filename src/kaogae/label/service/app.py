"""The application: all routes, behind one guard."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from kaogae import __version__
from kaogae.catalog import Catalog, Workspace
from kaogae.errors import KaogaeError, UsageError
from kaogae.label.service import admin, files, images, sessions, shell, voting
from kaogae.label.service.answers import complained, misunderstood, refused
from kaogae.label.service.guard import Guard
from kaogae.label.service.state import SECURE_COOKIE, Service
from kaogae.label.writer import Writer

ABOUT = """Labels by people: campaigns, votes, agreement.

Whoever has a personal link posts its token to `/api/v1/session` and gets a cookie. Every refusal is
`{"detail": "one sentence"}`."""


def create_app(workspace: Workspace, catalog: Catalog, *, public_url: str | None = None) -> FastAPI:
    """The service on a workspace and its open catalogue. `catalog` stays the caller's to close.

    Args:
        public_url: where the world reaches it, if not as requests say: only that host and loopback are
            answered then, and behind https the cookie is Secure.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        writer = Writer(catalog)
        app.state.service = Service(workspace, catalog, writer, files.load(), public_url)
        try:
            yield
        finally:
            writer.close()  # what waits is written first

    app = FastAPI(
        title="Kaogae label service",
        version=__version__,
        description=ABOUT,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        exception_handlers={
            HTTPException: refused,
            RequestValidationError: misunderstood,
            KaogaeError: complained,
            SQLAlchemyError: complained,
        },
    )
    if public_url and public_url.startswith("https:"):
        _rename_cookie(app)
    app.add_middleware(Guard, hosts=[urlsplit(public_url).netloc] if public_url else [])
    for part in (sessions, voting, images, admin, shell):  # the last takes every path that no other does
        app.include_router(part.routes)
    return app


def _rename_cookie(app: FastAPI) -> None:
    """The description names the cookie as it is called behind TLS."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        schema = describe()
        schema["components"]["securitySchemes"]["session"]["name"] = SECURE_COOKIE
        return schema

    app.openapi = described


def public_address(url: str) -> str:
    """`url` as browsers write it: scheme and host in small letters, no port that goes without saying.

    Raises:
        UsageError: it isn't http(s)://host[:port].
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    extra = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("http", "https") or not host or extra:
        raise UsageError(f"'{url}' isn't an address of the service: give one like https://label.example.org.")
    usual = {"http": 80, "https": 443}[parts.scheme]
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + ("" if port in (None, usual) else f":{port}")
