"""The real process: started, used, killed, stopped, and looked at by people and cameras."""

import asyncio
import re
import signal
import socket
from uuid import uuid4

import cv2
import httpx
import numpy as np
import pytest
from sqlalchemy import func, select

from kaogae.catalog import Vote
from kaogae.label.service import server

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def vote(item, verdict="happy", **more):
    return {"id": str(uuid4()), "item": item, "verdict": verdict, **more}


@pytest.fixture(autouse=True)
def _refuses(monkeypatch):
    """Whatever is served in this process was not refused, and would never end."""
    monkeypatch.setattr(server, "serve", lambda *_, **__: pytest.fail("it serves"))


@pytest.fixture
def served(filled, begin_campaign, serve):
    """A running service with the campaign 1 about 20 faces."""
    begin_campaign(filled)
    return serve(filled)


def test_a_signed_in_person_gets_items_and_votes(served):
    with served.client("Yuki") as yuki:
        me = yuki.get("/session").json()
        assert [card["name"] for card in me["campaigns"]] == ["cleaning"]
        items = yuki.post("/campaigns/1/next", json={}).json()["items"]
        assert len(items) == 20
        image = yuki.get(f"/items/{items[0]['id']}/image")
        assert image.headers["content-type"] == "image/webp"
        sent = [vote(item["id"]) for item in items[:3]]
        answer = yuki.post("/campaigns/1/votes", json={"votes": sent}).json()
        assert answer["accepted"] == [one["id"] for one in sent]
        assert answer["progress"]["mine"] == 3
    assert served.stop() == 0
    assert "Stopped" in served.output


def test_acknowledged_votes_survive_kill_9_and_what_is_sent_again_counts_once(
    workspace, faces, begin_campaign, serve
):
    """On SQLite and PostgreSQL: a burst, the power goes in its middle, all is sent again."""
    faces(20)
    begin_campaign(workspace, annotators=10)
    served = serve(workspace)
    cookies = [served.client(f"Annotator {n}").cookies for n in range(5)]
    cast = [[vote(item + 1, took_ms=item) for item in range(20)] for _ in cookies]
    acknowledged = set()

    async def burst(kill_after):
        async def annotator(cookie, votes):
            async with httpx.AsyncClient(cookies=cookie, timeout=30) as client:
                for one in votes:
                    try:
                        answer = await client.post(
                            f"{served.url}/api/v1/campaigns/1/votes", json={"votes": [one]}
                        )
                    except httpx.TransportError:
                        return
                    assert answer.status_code == 200, answer.text
                    acknowledged.update(answer.json()["accepted"])
                    if kill_after and len(acknowledged) >= kill_after and served.process.poll() is None:
                        served.process.kill()

        await asyncio.gather(*(annotator(*pair) for pair in zip(cookies, cast, strict=True)))

    asyncio.run(burst(kill_after=30))
    served.process.wait()
    survivors = set(acknowledged)
    assert 30 <= len(survivors) < 100
    catalog = workspace.open()
    with catalog.reading() as session:
        kept = {str(id_) for id_ in session.scalars(select(Vote.id))}
    assert survivors <= kept
    served.start()
    asyncio.run(burst(kill_after=None))
    with catalog.reading() as session:
        assert session.scalar(select(func.count()).select_from(Vote)) == 100
        assert {str(id_) for id_ in session.scalars(select(Vote.id))} == {v["id"] for vs in cast for v in vs}
    catalog.close()
    assert acknowledged == {v["id"] for vs in cast for v in vs}


def test_votes_that_wait_are_written_before_it_stops(served):
    with served.client("Yuki") as yuki:
        cookies = yuki.cookies

    async def burst():
        async with httpx.AsyncClient(cookies=cookies, timeout=30) as client:
            url = f"{served.url}/api/v1/campaigns/1/votes"
            asking = [asyncio.create_task(client.post(url, json={"votes": [vote(n + 1)]})) for n in range(20)]
            await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            served.process.send_signal(signal.SIGTERM)
            return await asyncio.gather(*asking, return_exceptions=True)

    answers = asyncio.run(burst())
    assert served.process.wait(30) == 0
    accepted = [a for a in answers if isinstance(a, httpx.Response) and a.status_code == 200]
    assert accepted
    catalog = served.workspace.open()
    with catalog.reading() as session:
        assert session.scalar(select(func.count()).select_from(Vote)) >= len(accepted)
    catalog.close()


def test_no_token_or_cookie_is_ever_printed_or_logged(filled, begin_campaign, serve):
    begin_campaign(filled)
    served = serve(filled, "--log-requests")
    link = served.link("Yuki")
    token = link.partition("#")[2]
    answer = httpx.post(f"{served.url}/api/v1/session", json={"token": token})
    secret = answer.cookies["kaogae"]
    served_paths = ["/", f"/?{token[:5]}", "/api/v1/session", "/api/v1/items/1/image"]
    for path in served_paths:
        httpx.get(f"{served.url}{path}", cookies={"kaogae": secret})
    httpx.post(f"{served.url}/api/v1/session", json={"token": token, "more": token})
    httpx.post(
        f"{served.url}/api/v1/session",
        content=f'{{"token": "{token}"',
        headers={"content-type": "application/json"},
    )
    httpx.get(f"{served.url}/api/v1/session", cookies={"kaogae": token})
    served.stop()
    output = served.output
    assert "POST /api/v1/session" in output  # the log was on
    assert token not in output
    assert secret not in output


def test_requests_are_logged_only_if_asked_for(served):
    httpx.get(f"{served.url}/api/v1/health")
    served.stop()
    assert "/api/v1/health" not in served.output


def terminal(lines):
    """Pixels of half-block characters, as a terminal shows them in white on black."""
    halves = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    modules = np.array([[halves[c][half] for c in line] for line in lines for half in (0, 1)], np.uint8)
    return np.kron(modules * 255, np.ones((6, 6), np.uint8))


def scanned(output):
    lines = [line for line in ANSI.sub("", output).splitlines() if set(line) & set("█▀▄")]
    assert len({len(line) for line in lines}) == 1
    assert set(lines[0]) == {"█"}  # a quiet zone of four modules
    assert set(lines[1]) == {"█"}
    assert all(line.startswith("████") and line.endswith("████") for line in lines[:-1])
    return cv2.QRCodeDetectorAruco().detectAndDecode(
        cv2.copyMakeBorder(terminal(lines), 20, 20, 20, 20, cv2.BORDER_CONSTANT)
    )[0]


def test_the_code_in_the_terminal_is_the_link_that_signs_in(filled, begin_campaign, serve):
    begin_campaign(filled)
    served = serve(filled, "--invite", "Yuki", "--role", "reviewer")
    link = scanned(served.output)
    base, token = link.split("/#")
    assert base == served.url
    assert link in served.output
    me = httpx.post(f"{base}/api/v1/session", json={"token": token}).json()
    assert (me["name"], me["role"]) == ("Yuki", "reviewer")


def test_without_an_invitation_the_code_is_the_address(served):
    assert scanned(served.output) == served.url


def test_a_public_address_is_in_the_link_and_behind_tls_the_cookie_is_secure(filled, begin_campaign, serve):
    begin_campaign(filled)
    served = serve(filled, "--invite", "Yuki", "--public-url", "https://Label.example.org/")
    link = scanned(served.output)
    assert link.startswith("https://label.example.org/#")
    url = f"{served.url}/api/v1/session"
    answer = httpx.post(
        url,
        json={"token": link.partition("#")[2]},
        headers={
            "host": "label.example.org",
            "origin": "https://label.example.org",
            "x-forwarded-proto": "https",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["set-cookie"].startswith("__Host-kaogae=")
    assert "Secure" in answer.headers["set-cookie"]
    assert httpx.get(url, headers={"host": "evil.test"}).status_code == 421


def test_the_address_behind_a_proxy_is_what_fails_to_sign_in(served):
    """A proxy on this machine is believed: each of its clients has a pace of their own."""
    url = f"{served.url}/api/v1/session"
    answers = [
        httpx.post(url, json={"token": "x"}, headers={"x-forwarded-for": f"192.0.2.{number % 2}"}).status_code
        for number in range(21)
    ]
    assert answers == [401] * 20 + [429]


def test_a_class_signs_in_at_one_moment_and_many_guesses_are_paid_for(served):
    tokens = [served.link(f"Yuki {n}").partition("#")[2] for n in range(30)]

    async def sign_in(tokens):
        async with httpx.AsyncClient(timeout=30) as client:
            url = f"{served.url}/api/v1/session"
            answers = await asyncio.gather(*(client.post(url, json={"token": token}) for token in tokens))
            return [answer.status_code for answer in answers], await client.post(url, json={"token": "x"})

    assert asyncio.run(sign_in(tokens))[0] == [200] * 30
    refused, after = asyncio.run(sign_in([f"x{n}" for n in range(60)]))
    assert set(refused) <= {401, 429}
    assert after.status_code == 429
    assert int(after.headers["retry-after"]) > 6 * (refused.count(401) - 11)


def test_all_addresses_without_anybody_invited_is_refused(filled, begin_campaign, kaogae):
    begin_campaign(filled)
    code, _, err = kaogae("label", "serve", "--host", "0.0.0.0", "--port", 0, "--workspace", filled.folder)
    assert code == 2
    assert "--invite NAME" in err
    assert "kaogae label invite NAME" in err


def test_a_public_address_without_anybody_invited_is_refused(filled, begin_campaign, kaogae):
    begin_campaign(filled)
    code, _, err = kaogae("label", "serve", "--public-url", "https://a.example", "--workspace", filled.folder)
    assert (code, "--invite" in err) == (2, True)


def test_all_addresses_with_an_invitation_are_served_and_the_way_to_tls_is_shown(
    filled, begin_campaign, serve
):
    begin_campaign(filled)
    served = serve(filled, "--host", "0.0.0.0", "--invite", "Yuki")
    assert "docs/label.md" in served.output
    host = re.search(r"http://([^/\s]+):\d+/#", served.output)[1]
    assert host == server.reachable("0.0.0.0")
    served.stop()
    served.options = ("--host", "0.0.0.0")  # Yuki's link is still there
    served.start()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host", "203.0.113.1", "--invite", "Yuki"], "give an address of this machine"),
        (["--port", "70000"], "65535"),
        (["--invite", "a\u202eb"], "can't be seen"),
        (["--invite", "Yuki", "--role", "boss"], "isn't a role"),
        (["--public-url", "label.example.org"], "https://label.example.org"),
    ],
)
def test_wrong_use_is_one_sentence(filled, begin_campaign, kaogae, arguments, says):
    begin_campaign(filled)
    code, _, err = kaogae("label", "serve", *arguments, "--workspace", filled.folder)
    assert code == 2
    assert re.search(says, err)
    assert "Traceback" not in err


def test_a_taken_port_is_one_sentence_and_invites_nobody(filled, begin_campaign, kaogae):
    begin_campaign(filled)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = kaogae(
            "label", "serve", "--port", port, "--invite", "Yuki", "--workspace", filled.folder
        )
    assert code == 2
    assert f"Port {port} is taken" in err
    _, out, _ = kaogae("label", "people", "--json", "--workspace", filled.folder)
    assert out.strip() == "[]"


def test_without_a_campaign_or_catalogue_there_is_nothing_to_serve(filled, kaogae, tmp_path):
    for folder, says in ((filled.folder, "no campaign yet"), (tmp_path / "nothing", "no catalogue")):
        code, _, err = kaogae("label", "serve", "--workspace", folder)
        assert code == 2
        assert says in err
        assert "kaogae label new" in err
    assert not (tmp_path / "nothing").exists()


def test_people_are_invited_listed_and_revoked_from_the_terminal(filled, begin_campaign, kaogae):
    begin_campaign(filled, "first")
    begin_campaign(filled, "second")
    here = ("--workspace", filled.folder)
    code, out, _ = kaogae(
        "label", "invite", "Yuki", "--campaign", "second", "--days", 2, "--port", 8123, *here
    )
    assert code == 0
    assert re.search(r"http://[^/]+:8123/#[\w-]{43}\n", out)
    assert kaogae("label", "invite", "Mio", "--role", "admin", *here)[0] == 0
    _, out, _ = kaogae("label", "people", *here)
    assert re.search(r"Mio +admin +all", out)
    assert re.search(r"Yuki +annotator +second", out)
    assert kaogae("label", "revoke", "Yuki", *here)[0] == 0
    assert "revoked" in kaogae("label", "people", *here)[1]
    code, _, err = kaogae("label", "revoke", "Nobody", *here)
    assert (code, "Nobody called 'Nobody'" in err) == (2, True)
    code, _, err = kaogae("label", "invite", "Ren", "--campaign", "third", *here)
    assert (code, "no campaign 'third'" in err) == (2, True)


def test_everywhere_and_some_campaigns_is_a_contradiction(filled, kaogae):
    begun = ["--workspace", filled.folder]
    assert kaogae("label", "new", "cleaning", *begun)[0] == 0
    code, _, err = kaogae("label", "invite", "Yuki", "--everywhere", "--campaign", "cleaning", *begun)
    assert (code, "Give --everywhere or --campaign" in " ".join(err.split())) == (2, True)
