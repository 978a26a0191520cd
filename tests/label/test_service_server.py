"""Connections, as they come from a network of strangers."""

import socket
import threading
import time
from contextlib import suppress

import httpx
import pytest
from uvicorn import Config, Server

from kaogae.label.service import server
from kaogae.label.service.server import Protocol

POST = b"POST / HTTP/1.1\r\nhost: a\r\n"
PART, PARTS = 60_000, 500


async def echo(scope, receive, send):
    """Answers with the body; `/long` with very much."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    times = PARTS if scope["path"] == "/long" else 1
    body = bytes(PART) if times > 1 else body
    head = [(b"content-length", str(times * len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    for left in reversed(range(times)):
        await send({"type": "http.response.body", "body": body, "more_body": left > 0})


@pytest.fixture
def port(monkeypatch):
    """Where the service's protocol serves; whoever is slower than half a second is too slow."""
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(server, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(server, "CONNECTIONS_MOST", 5)
    listener = server.listen("127.0.0.1", 0)
    running = Server(Config(echo, http=Protocol, ws="none", lifespan="off", log_config=None))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    running.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def connect(port):
    """Opens a connection of bytes."""
    opened = []

    def connection():
        opened.append(socket.create_connection(("127.0.0.1", port), timeout=10))
        return opened[-1]

    yield connection
    for one in opened:
        one.close()


def rest(connection):
    """Everything until the service hangs up."""
    data = b""
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            data += part
    return data


def alive(port):
    return httpx.post(f"http://127.0.0.1:{port}/", content=b"hello").text == "hello"


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"\r\n",
        b"GET / HT",
        POST,
        POST + b"content-length: 9\r\n\r\nhalf",
        POST + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n",
    ],
)
def test_a_request_that_never_comes_ends_its_connection(port, connect, beginning):
    connection = connect()
    began = time.monotonic()
    connection.sendall(beginning)
    assert b" 200 " not in rest(connection)
    assert 0.3 < time.monotonic() - began < 5
    assert alive(port)


@pytest.mark.parametrize("beginning", [b"GET / HTTP/1.1\r\nx: ", POST + b"content-length: 99\r\n\r\n"])
def test_dripping_bytes_gains_no_time(connect, beginning):
    connection = connect()
    began = time.monotonic()
    connection.sendall(beginning)
    with suppress(ConnectionError):
        while time.monotonic() - began < 5:
            connection.sendall(b"a")
            time.sleep(0.1)
    assert time.monotonic() - began < 3


def test_who_doesnt_take_the_answer_keeps_no_connection(port, connect):
    held = [connect() for _ in range(5)]
    for one in held:
        one.sendall(b"GET /long HTTP/1.1\r\nhost: a\r\n\r\n")
    time.sleep(0.1)
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        with suppress(httpx.TransportError):
            assert alive(port)
            return
        time.sleep(0.1)
    pytest.fail("nobody else gets in")


def test_who_takes_a_long_answer_slowly_gets_all_of_it(connect):
    connection, taken = connect(), 0
    connection.sendall(b"GET /long HTTP/1.1\r\nhost: a\r\n\r\n")
    while taken < PART * PARTS:
        part = connection.recv(1_000_000)
        assert part, "cut off"
        taken += len(part)
        time.sleep(0.02)


def test_one_connection_serves_many_requests_and_each_has_its_own_time(connect):
    connection = connect()
    for _ in range(4):
        connection.sendall(POST + b"content-length: 5\r\n\r\n")
        time.sleep(0.2)
        connection.sendall(b"hello")
        assert connection.recv(65536).endswith(b"hello")


def test_a_second_request_that_stops_halfway_ends_the_connection_too(connect):
    connection = connect()
    connection.sendall(POST + b"content-length: 5\r\n\r\nhello" + b"GET / HT")
    answer = rest(connection)
    assert answer.count(b"hello") == answer.count(b" 200 ") == 1


def test_endless_headers_are_cut_off(port, connect):
    connection = connect()
    connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n")
    with suppress(ConnectionError):
        for number in range(200):
            connection.sendall(b"x-%d: %s\r\n" % (number, b"y" * 1000))
            time.sleep(0.001)
    answer = rest(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert alive(port)


def test_a_large_body_isnt_taken_for_headers(port):
    assert len(httpx.post(f"http://127.0.0.1:{port}/", content=b"x" * 500_000).content) == 500_000


def test_a_connection_too_many_is_closed_and_the_others_stay(connect):
    held = [connect() for _ in range(5)]
    for one in held:
        one.sendall(POST + b"content-length: 2\r\n\r\na")
    time.sleep(0.1)
    assert rest(connect()) == b""
    for one in held:
        one.sendall(b"b")
        assert one.recv(65536).endswith(b"ab")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",  # TLS
        POST + b"content-length: -1\r\n\r\n",
        POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: a\x00b\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nhost: a\r\n\r\n",
    ],
)
def test_what_isnt_http_is_refused_and_nothing_breaks(port, connect, garbage):
    connection = connect()
    connection.sendall(garbage)
    assert b" 200 " not in rest(connection)
    assert alive(port)


def test_addresses_are_written_as_browsers_do():
    assert server.address("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert server.address("::1", 8000) == "http://[::1]:8000"


def test_loopback_is_what_only_this_machine_reaches():
    near, far = (
        ("127.0.0.1", "127.1.2.3", "::1", "localhost"),
        ("0.0.0.0", "::", "192.0.2.1", "localhost.test"),
    )
    assert all(server.is_loopback(host) for host in near)
    assert not any(server.is_loopback(host) for host in far)
