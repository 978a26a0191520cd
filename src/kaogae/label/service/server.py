"""The process that serves: one event loop, patient with phones, not with whoever only holds a connection."""

import asyncio
import errno
import gc
import ipaddress
import os
import signal
import socket
from contextlib import closing
from typing import Any

from fastapi import FastAPI
from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kaogae.errors import UsageError

CONNECTIONS_MOST = 500
"""Below the thousand files that a process may usually open."""
REQUEST_SECONDS = 20.0
"""How long a request may take to arrive, from its first byte on, or from the connection's beginning."""
HEAD_MOST = 32 * 1024
"""Bytes of a request's line and headers."""
ANSWER_SECONDS = 60.0
"""How long anybody may take for what waits to be sent to them: some 64 kB."""
IDLE_SECONDS = 30
"""How long a connection is kept for the next request."""
STOP_SECONDS = 5
"""How long requests may still take when the service stops."""
PROXIES = "127.0.0.1,::1"
"""Whose X-Forwarded-For and -Proto are believed, if FORWARDED_ALLOW_IPS doesn't say."""


class Protocol(HttpToolsProtocol):
    """Uvicorn's, with limits on connections, slow requests, answers nobody takes, and endless headers."""

    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _head = 0
    """Bytes of the head that isn't complete; a body's aren't counted."""
    _in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection too many is closed at once."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MOST:
            transport.abort()
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._disarm()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request."""
        self._arm()
        super().data_received(data)
        self._head = 0 if self._in_body else self._head + len(data)
        if self._head > HEAD_MOST and not self.transport.is_closing():
            self.send_400_response("The request's headers are too long.")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._arm()
        self._head, self._in_body = 0, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._disarm()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """They don't take what they asked for."""
        super().pause_writing()
        self._stalled = self.loop.call_later(ANSWER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """They took some of it."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def timeout_keep_alive_handler(self) -> None:
        """They were idle for too long: what they haven't taken by now isn't kept for them."""
        if not self.transport.is_closing():
            self.transport.abort()

    def _arm(self) -> None:
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port` (0: a free one).

    Raises:
        UsageError: the port is taken or not allowed, or `host` is no address of this machine.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = (
                f"Port {port} is taken: stop the other program, or give another one, as in --port {port + 1}."
            )
        elif error.errno == errno.EACCES:
            why = f"Port {port} isn't for everybody: give one above 1023, as in --port 8000."
        else:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            why = f"'{host}' can't be listened on ({reason}): give an address of this machine."
        raise UsageError(why) from error


def serve(app: FastAPI, listener: socket.socket, *, log_requests: bool = False) -> None:
    """Serve until SIGINT or SIGTERM; requests that are under way are answered first."""
    config = Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=log_requests,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", PROXIES),
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = Server(config)

    def stop(*_: Any) -> None:
        server.should_exit = True

    gc.collect()
    gc.freeze()  # what is loaded stays: to look through it again and again takes 0.1 s each time
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with closing(listener):
            server.run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address(host: str, port: int) -> str:
    """The URL of the service on `host` and `port`, as others write it."""
    name = reachable(host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def reachable(host: str) -> str:
    """The address under which others reach `host`, which may stand for all of this machine's."""
    if host not in ("0.0.0.0", "::"):
        return host
    family, far = (socket.AF_INET, "192.0.2.1") if host == "0.0.0.0" else (socket.AF_INET6, "2001:db8::1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((far, 9))  # which way it would go; nothing is sent
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1" if family == socket.AF_INET else "::1"
