"""What every request and answer goes through."""

import asyncio
import json
import logging

import pytest
from starlette.testclient import TestClient

from kaogae.errors import UsageError
from kaogae.label.service import guard, public_address
from kaogae.label.service.guard import Guard
from kaogae.label.service.limits import BODY_MOST

JSON = {"content-type": "application/json"}


async def echo(scope, receive, send):
    """Answers with what it was sent; `/broken` breaks."""
    if scope["path"] == "/broken":
        raise RuntimeError("the secret is 42")
    body = (await receive()).get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def client():
    return TestClient(Guard(echo), base_url="http://label.test")


def sentence(answer):
    assert list(answer.json()) == ["detail"]
    assert answer.headers["content-security-policy"] == guard.CONTENT_SECURITY_POLICY
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()["detail"]


def test_the_policy_lets_in_nothing_from_elsewhere_and_nothing_inline():
    policy = dict(part.split(" ", 1) for part in guard.CONTENT_SECURITY_POLICY.split("; "))
    assert policy["default-src"] == "'none'"
    assert {value for name, value in policy.items() if name.endswith("-src") and name != "default-src"} == {
        "'self'",
        "'self' blob: data:",  # pictures
    }
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"


def test_a_body_goes_through_whole(client):
    assert client.post("/", content=b"1" * BODY_MOST, headers=JSON).content == b"1" * BODY_MOST


def test_a_body_too_large_is_refused_with_and_without_its_length(client):
    whole = client.post("/", content=b"1" * (BODY_MOST + 1), headers=JSON)
    parts = client.post("/", content=(b"1" * 1000 for _ in range(100)), headers=JSON)
    assert whole.status_code == parts.status_code == 413
    assert "64 kB" in sentence(whole)
    assert "content-length" not in parts.request.headers


def test_a_body_that_lies_about_its_length_is_counted():
    sent = run(Guard(echo), body=[b"1" * BODY_MOST, b"1"], headers={**JSON, "content-length": "3"})
    assert sent[0]["status"] == 413


def test_a_body_that_comes_too_slowly_is_refused(monkeypatch):
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.05)
    assert run(Guard(echo), body=[b"{"], endless=True, headers=JSON)[0]["status"] == 408


def test_nobody_answers_who_has_hung_up():
    assert run(Guard(echo), body=[], headers=JSON) == []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_form_of_another_site_cant_send_anything(client, kind):
    answer = client.post("/", content=b"{}", headers={"content-type": kind})
    assert answer.status_code == 415
    assert "application/json" in sentence(answer)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "same-origin", "origin": "http://evil.test"},
        {"origin": "http://evil.test"},
        {"origin": "http://label.test.evil.test"},
        {"origin": "http://label.test:81"},
        {"origin": "null"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_other_sites_change_nothing(client, headers, method):
    answer = client.request(method, "/", headers=headers | JSON, content=b"{}")
    assert answer.status_code == 403
    assert "own pages" in sentence(answer)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": "http://label.test"},
        {"origin": "https://LABEL.test"},  # TLS ends at a proxy
    ],
)
def test_own_pages_and_programs_may(client, headers):
    assert client.post("/", headers=headers | JSON, content=b"{}").status_code == 200


def test_other_sites_may_look_as_anybody_may(client):
    assert client.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("label.example.org", 200),
        ("LABEL.example.org", 200),
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("[::1]:8000", 200),
        ("label.example.org:81", 421),
        ("evil.test", 421),
        ("127.0.0.1.evil.test", 421),
        ("", 421),
    ],
)
def test_a_public_address_is_the_only_one(host, status):
    client = TestClient(Guard(echo, hosts=["label.example.org"]), base_url="http://label.test")
    assert client.get("/", headers={"host": host}).status_code == status


def test_an_unexpected_error_is_one_sentence_and_its_reason_goes_to_the_log(client, caplog):
    with caplog.at_level(logging.ERROR):
        answer = client.get("/broken")
    assert answer.status_code == 500
    assert "42" not in sentence(answer)
    assert "the secret is 42" in caplog.text


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://label.example.org", "https://label.example.org"),
        ("https://Label.Example.org:443/", "https://label.example.org"),
        ("http://label.example.org:8080", "http://label.example.org:8080"),
        ("https://顔.example", "https://xn--sz5a.example"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_a_public_address_is_written_as_browsers_write_it(given, address):
    assert public_address(given) == address


@pytest.mark.parametrize(
    "given",
    [
        "label.example.org",
        "ftp://a",
        "https://",
        "https://a/b",
        "https://u:p@a",
        "https://a?b",
        "https://a:x",
    ],
)
def test_what_is_no_public_address_is_refused(given):
    with pytest.raises(UsageError, match="isn't an address"):
        public_address(given)


def run(app, *, body, headers, endless=False):
    """One POST, its body in parts; what was sent back. `endless`: the body never ends, else they hang up."""
    parts = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    sent = []

    async def receive():
        if not parts and endless:
            await asyncio.sleep(10)
        return parts.pop(0) if parts else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in {"host": "label.test", **headers}.items()]
    scope = {"type": "http", "method": "POST", "path": "/api/x", "headers": raw}
    asyncio.run(app(scope, receive, send))
    if sent:
        assert "detail" in json.loads(sent[-1]["body"])
    return sent
