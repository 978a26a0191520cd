"""What every request and every answer goes through, whoever asks for what.

Answers get the security headers, errors included. Requests that change something must come from the app's own
pages and be small and swift. What goes wrong unexpectedly becomes one sentence; the log has the rest.
"""

import asyncio
import json
import logging
from collections.abc import Iterable
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kaogae.label.service.limits import BODY_MOST, BODY_SECONDS

log = logging.getLogger("kaogae.label.service")

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)
SAFE = ("GET", "HEAD", "OPTIONS")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Refusal(NamedTuple):
    """Why a request isn't answered."""

    status: int
    sentence: str


TOO_LARGE = Refusal(413, f"What is sent may have {BODY_MOST // 1024} kB at most.")


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        """`hosts`: authorities; only those and loopback are answered. None: all are."""
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answered = False

        async def answer(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                message["headers"] = _with_headers(scope["path"], message.get("headers", ()))
            await send(message)

        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)
        if refusal is None and scope["method"] not in SAFE:
            body = await _body(headers, receive)
            if body is None:
                return  # they hung up
            if isinstance(body, Refusal):
                refusal = body
            else:
                receive = _again(body, receive)
        if refusal is not None:
            await _refuse(answer, refusal)
            return
        try:
            await self.app(scope, receive, answer)
        except Exception:
            log.exception("%s %r failed", scope["method"], scope["path"])
            if answered:
                raise
            await _refuse(answer, Refusal(500, "Something went wrong here; the service's log says what."))

    def _refusal(self, method: str, headers: Headers) -> Refusal | None:
        host = headers.get("host", "").lower()
        if self.hosts and host not in self.hosts and _name(host) not in LOOPBACK:
            return Refusal(421, "This service has another address: ask whoever runs it.")
        if method not in SAFE and not self._own_page(headers, host):
            return Refusal(403, "This can be asked for from the app's own pages only.")
        return None

    def _own_page(self, headers: Headers, host: str) -> bool:
        """Whether one of the app's own pages asks, or a program that is no browser."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None and site not in ("same-origin", "none"):
            return False
        return origin is None or origin.lower().partition("://")[2] in (host, *self.hosts)


def _name(host: str) -> str:
    """`host` without its port."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _with_headers(path: str, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    full = [*headers, *SECURITY_HEADERS]
    if path.startswith("/api/") and not any(name == b"cache-control" for name, _ in full):
        full.append((b"cache-control", b"no-store"))
    return full


async def _body(headers: Headers, receive: Receive) -> bytes | Refusal | None:
    """All of a request's body; None: they hung up."""
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > BODY_MOST:
        return TOO_LARGE
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > BODY_MOST:
                    return TOO_LARGE
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        return Refusal(408, "The request came too slowly: send it again.")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        return Refusal(415, "What is sent must be application/json.")
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """What was read already, then what comes after it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = json.dumps({"detail": refusal.sentence}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if refusal.status in (408, 413):
        headers.append((b"connection", b"close"))  # the rest of the body isn't waited for
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
