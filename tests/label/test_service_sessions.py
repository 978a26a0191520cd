"""Signing in, staying signed in, signing out."""

import logging
import time
from http.cookies import SimpleCookie

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError
from starlette.testclient import TestClient

from kaogae.catalog import SignIn
from kaogae.errors import CatalogError
from kaogae.label import people
from kaogae.label.service import create_app

SESSION = "/api/v1/session"


@pytest.fixture
def invite(catalog):
    def make(name, role="annotator", campaigns=None):
        with catalog.session() as session:
            return people.invite(session, name, role, campaigns)

    return make


def cookie(answer):
    (morsel,) = SimpleCookie(answer.headers["set-cookie"]).values()
    return morsel


def test_the_cookie_is_for_this_site_and_not_for_scripts(browser_of, invite):
    morsel = cookie(browser_of().post(SESSION, json={"token": invite("Yuki")}))
    assert morsel.key == "kaogae"
    assert (morsel["path"], morsel["samesite"], morsel["httponly"]) == ("/", "strict", True)
    assert int(morsel["max-age"]) == 90 * 86_400
    assert morsel["domain"] == ""
    assert not morsel["secure"]


def test_behind_tls_the_cookie_is_secure_and_from_this_host_alone(workspace, catalog, invite):
    app = create_app(workspace, catalog, public_url="https://label.example.org")
    with TestClient(app, base_url="https://label.example.org") as client:
        morsel = cookie(client.post(SESSION, json={"token": invite("Yuki")}))
        assert morsel.key == "__Host-kaogae"
        assert (morsel["path"], morsel["secure"], morsel["domain"]) == ("/", True, "")
        assert client.get(SESSION).json()["name"] == "Yuki"
        assert app.openapi()["components"]["securitySchemes"]["session"]["name"] == "__Host-kaogae"
        assert client.delete(SESSION).status_code == 204
        assert client.get(SESSION).status_code == 401


def test_who_is_signed_in_sees_their_campaigns_and_how_far_they_are(
    browser_of, workspace, faces, begin_campaign
):
    faces(4)
    first, second = begin_campaign(workspace, "first"), begin_campaign(workspace, "second", blind=True)
    me = browser_of("Yuki", "annotator", [first]).get(SESSION).json()
    assert len(me.pop("key")) == 16
    assert me == {
        "name": "Yuki",
        "role": "annotator",
        "campaigns": [
            {
                "id": first,
                "name": "first",
                "kind": "clean",
                "blind": False,
                "answers": ["happy", "sad", "crying", "neutral", "surprised", "other", "unusable"],
                "open": True,
                "progress": {"items": 4, "mine": 0, "left": 4, "settled": 0},
                "disputed": None,
            }
        ],
    }
    cards = browser_of("Aoi", "reviewer").get(SESSION).json()["campaigns"]
    assert [(card["id"], card["blind"], card["disputed"]) for card in cards] == [
        (second, True, 0),
        (first, False, 0),
    ]


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_many_campaigns_are_no_more_questions_to_the_catalogue(
    workspace, catalog, faces, browser_of, begin_campaign, role
):
    faces(1)
    asked = []
    event.listen(catalog.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    counts = []
    for number in range(5):
        begin_campaign(workspace, f"campaign-{number}")
        client = browser_of("Yuki", role)
        client.app.state.service.forget()
        asked.clear()
        assert len(client.get("/api/v1/session").json()["campaigns"]) == number + 1
        counts.append(len(asked))
    assert counts == counts[:1] * 5


def test_signing_out_ends_this_browser_in_the_catalogue_too(browser_of, catalog):
    yuki = browser_of("Yuki")
    secret = yuki.cookies["kaogae"]
    assert yuki.delete(SESSION).status_code == 204
    assert "kaogae" not in yuki.cookies
    stolen = browser_of()
    stolen.cookies.set("kaogae", secret)
    assert stolen.get(SESSION).status_code == 401
    with catalog.reading() as session:
        assert session.scalar(select(func.count()).select_from(SignIn)) == 0


@pytest.mark.parametrize("secret", ["", "x", "x" * 5000, "é"])
def test_a_cookie_that_nobody_got_is_nobodys(browser_of, secret):
    headers = {"cookie": f"kaogae={secret}".encode()}
    assert browser_of().get(SESSION, headers=headers).status_code == 401


def test_failed_sign_ins_wait_and_whoever_is_signed_in_doesnt(browser_of, invite):
    yuki, stranger, token = browser_of("Yuki"), browser_of(), invite("Aoi")
    answers = [stranger.post(SESSION, json={"token": "wrong"}) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert stranger.post(SESSION, json={"token": token}).status_code == 429  # nor is a right one tried
    assert yuki.get(SESSION).status_code == 200


def test_what_another_process_revokes_ends_within_a_second(browser_of, catalog, monkeypatch):
    yuki = browser_of("Yuki")
    assert yuki.get(SESSION).status_code == 200
    with catalog.session() as session:
        people.revoke(session, "Yuki")
    clock = time.monotonic() + 1.1
    monkeypatch.setattr("kaogae.label.service.state.time.monotonic", lambda: clock)
    assert yuki.get(SESSION).status_code == 401


def test_an_admin_revokes_at_once(browser_of):
    yuki, admin = browser_of("Yuki"), browser_of("Mio", "admin")
    assert yuki.get(SESSION).status_code == 200
    person = next(p for p in admin.get("/api/v1/admin/people").json() if p["name"] == "Yuki")
    assert person["signed_in"] == 1
    assert admin.delete(f"/api/v1/admin/people/{person['id']}").status_code == 204
    assert yuki.get(SESSION).status_code == 401


@pytest.mark.parametrize(
    "body", [{}, {"token": ""}, {"token": 5}, {"token": "a", "role": "admin"}, [], "x", None]
)
def test_what_isnt_a_sign_in_is_told_so_without_repeating_it(browser_of, body):
    answer = browser_of().post(SESSION, json=body)
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


def test_a_refused_token_is_neither_answered_nor_logged(browser_of, invite, caplog):
    token = invite("Yuki")
    client = browser_of()
    with caplog.at_level(logging.DEBUG):
        answers = [
            client.post(SESSION, json={"token": token + "x"}),
            client.post(SESSION, json={"token": token, token: token}),
            client.post(SESSION, json={"token": [token]}),
            client.post(
                SESSION, content=f'{{"token": "{token}'.encode(), headers={"content-type": "application/json"}
            ),
            client.post(SESSION, json={"token": token * 10}),
        ]
    assert [answer.status_code for answer in answers] == [401, 422, 422, 422, 422]
    assert not [answer.text for answer in answers if token in answer.text]
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    assert not [line for line in ours if token in line]


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 60_000,
        b'{"token": "\xff"}',
        b'{"token": "\\ud800"}',
        b'{"token": ' + b"9" * 5000 + b"}",
        b"NaN",
        b"",
    ],
)
def test_odd_json_is_refused_with_a_sentence(browser_of, content):
    answer = browser_of().post(SESSION, content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 401, 422)
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize(
    "trouble",
    [
        CatalogError("The disk of /secret/catalog.db is full."),
        IntegrityError("insert x", {"y": 1}, Exception()),
    ],
)
def test_a_catalogue_that_fails_is_a_sentence_that_names_no_path(browser_of, monkeypatch, trouble):
    browser = browser_of()

    async def fail(_):
        raise trouble

    monkeypatch.setattr(browser.app.state.service.writer, "call", fail)
    answer = browser.post(SESSION, json={"token": "x"})
    assert answer.status_code == 503
    assert answer.json() == {"detail": "The catalogue can't be used at the moment: try again in a while."}
