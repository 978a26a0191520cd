"""Who may do what: every route, whoever asks."""

from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import select, update

from kaogae.catalog import Annotator, Item, SignIn
from kaogae.catalog.types import now
from kaogae.label import people
from kaogae.label.service.guard import SECURITY_HEADERS

VISITORS = ("nobody", "stranger", "annotator", "reviewer", "admin", "revoked", "expired")
"""The stranger is an annotator of another campaign."""

ANYBODY = (200, 200, 200, 200, 200, 200, 200)
SIGNED_IN = (401, 200, 200, 200, 200, 401, 401)
OURS = (401, 404, 200, 200, 200, 401, 401)
REVIEWERS = (401, 403, 403, 200, 200, 401, 401)
ADMINS = (401, 403, 403, 403, 200, 401, 401)

TABLE = {
    "GET /api/v1/openapi.json": ANYBODY,
    "HEAD /api/v1/openapi.json": ANYBODY,
    "GET /api/v1/health": ANYBODY,
    "POST /api/v1/session": SIGNED_IN,  # with their own link
    "GET /api/v1/session": SIGNED_IN,
    "DELETE /api/v1/session": (401, 204, 204, 204, 204, 401, 401),
    "POST /api/v1/campaigns/{campaign}/next": OURS,
    "POST /api/v1/campaigns/{campaign}/votes": OURS,
    "GET /api/v1/campaigns/{campaign}/progress": OURS,
    "GET /api/v1/campaigns/{campaign}/review": REVIEWERS,
    "POST /api/v1/campaigns/{campaign}/decisions": REVIEWERS,
    "GET /api/v1/items/{item}/image": OURS,
    "GET /api/v1/examples/{expression}": SIGNED_IN,
    "GET /api/v1/admin/campaigns": ADMINS,
    "GET /api/v1/admin/campaigns/{campaign}": ADMINS,
    "PATCH /api/v1/admin/campaigns/{campaign}": ADMINS,
    "GET /api/v1/admin/campaigns/{campaign}/export": ADMINS,
    "GET /api/v1/admin/people": ADMINS,
    "POST /api/v1/admin/people": (401, 403, 403, 403, 201, 401, 401),
    "DELETE /api/v1/admin/people/{person}": (401, 403, 403, 403, 204, 401, 401),
    "GET /{path:path}": ANYBODY,
    "HEAD /{path:path}": ANYBODY,
}


class World:
    """Two campaigns, and somebody of each kind."""

    def __init__(self, workspace, catalog, browser_of, begin_campaign):
        self.catalog, self.browser_of = catalog, browser_of
        self.ours = begin_campaign(workspace, "ours")
        self.theirs = begin_campaign(workspace, "theirs")
        with catalog.reading() as session:
            self.item = session.scalar(select(Item.id).where(Item.campaign_id == self.ours))

    def visitor(self, who):
        """A fresh browser, and the token of a link."""
        if who == "nobody":
            return self.browser_of(), "x" * 43
        role = who if who in people.ROLES else "annotator"
        campaigns = [self.theirs if who == "stranger" else self.ours]
        client = self.browser_of(who, role, campaigns)
        with self.catalog.session() as session:
            token = people.invite(session, who, role, campaigns)
            mine = select(Annotator.id).where(Annotator.name == who).scalar_subquery()
            if who == "expired":
                past = {"expires_at": now() - timedelta(seconds=1)}
                session.execute(update(SignIn).where(SignIn.annotator_id == mine).values(past))
                session.execute(update(Annotator).where(Annotator.name == who).values(past))
            if who == "revoked":
                people.revoke(session, who)
        client.app.state.service.forget()  # as a second does
        return client, token

    def ask(self, route, who):
        client, token = self.visitor(who)
        method, path = route.split(" ")
        known = {
            "campaign": self.ours,
            "item": self.item,
            "expression": "happy",
            "person": 0,
            "path:path": "",
        }
        if "{person}" in path:
            with self.catalog.session() as session:
                people.invite(session, "somebody")
                known["person"] = session.scalar(select(Annotator.id).where(Annotator.name == "somebody"))
        for name, value in known.items():
            path = path.replace(f"{{{name}}}", str(value))
        vote = {"id": str(uuid4()), "item": self.item, "verdict": "happy"}
        bodies = {
            "POST /api/v1/session": {"token": token},
            "POST /api/v1/campaigns/{campaign}/next": {},
            "POST /api/v1/campaigns/{campaign}/votes": {"votes": [vote]},
            "POST /api/v1/campaigns/{campaign}/decisions": {"votes": [vote]},
            "PATCH /api/v1/admin/campaigns/{campaign}": {"open": True},
            "POST /api/v1/admin/people": {"name": "somebody else"},
        }
        return client.request(method, path, json=bodies.get(route))


@pytest.fixture
def world(workspace, catalog, faces, browser_of, begin_campaign, monkeypatch):
    monkeypatch.setattr("kaogae.label.service.state.KNOWN_SECONDS", 0.0)
    faces(3)
    return World(workspace, catalog, browser_of, begin_campaign)


def test_the_table_has_every_route(world):
    routes = iter_route_contexts(world.browser_of().app.routes)
    assert {f"{method} {route.path}" for route in routes for method in route.methods} == set(TABLE)


def test_everybody_may_do_what_their_role_allows_and_nothing_else(world):
    wrong = []
    for route, allowed in TABLE.items():
        for who, expected in zip(VISITORS, allowed, strict=True):
            answer = world.ask(route, who)
            if answer.status_code != expected:
                wrong.append((route, who, expected, answer.status_code, answer.text[:200]))
            if answer.status_code >= 400:
                assert list(answer.json()) == ["detail"], route
            for name, value in SECURITY_HEADERS:
                assert answer.headers.get_list(name.decode()) == [value.decode()], route
            if route.partition("/")[2].startswith("api/") and answer.headers["content-type"] != "image/webp":
                assert answer.headers["cache-control"] == "no-store", route
    assert not wrong


def test_a_vote_on_another_campaigns_item_is_refused(world):
    stranger, _ = world.visitor("stranger")
    vote = {"id": str(uuid4()), "item": world.item, "verdict": "happy"}
    answer = stranger.post(f"/api/v1/campaigns/{world.theirs}/votes", json={"votes": [vote]}).json()
    assert answer["accepted"] == []
    assert answer["refused"][0]["reason"] == "There is no such item in this campaign."


def test_holding_another_campaigns_items_gives_nothing_away(world):
    stranger, _ = world.visitor("stranger")
    answer = stranger.post(f"/api/v1/campaigns/{world.theirs}/next", json={"count": 0, "have": [world.item]})
    assert answer.json()["keep"] == []


def test_no_answer_says_whether_a_campaign_or_item_exists(world):
    stranger, _ = world.visitor("stranger")
    for path in ("/api/v1/campaigns/{}/progress", "/api/v1/items/{}/image"):
        there = world.ours if "campaigns" in path else world.item
        answers = [stranger.get(path.format(number)) for number in (there, 987_654)]
        assert answers[0].status_code == answers[1].status_code == 404
        assert answers[0].json() == answers[1].json()


def test_an_annotator_learns_nothing_of_anothers_votes(world, workspace, begin_campaign):
    blind = begin_campaign(workspace, "blind", blind=True)
    aoi, ren = (world.browser_of(name, "annotator", [blind]) for name in ("Aoi", "Ren"))
    path = f"/api/v1/campaigns/{blind}"
    items = aoi.post(f"{path}/next", json={}).json()["items"]
    votes = [{"id": str(uuid4()), "item": item["id"], "verdict": "unusable"} for item in items]
    assert len(aoi.post(f"{path}/votes", json={"votes": votes}).json()["accepted"]) == 3
    given, far = ren.post(f"{path}/next", json={}), ren.get(f"{path}/progress")
    assert sorted(item["id"] for item in given.json()["items"]) == sorted(item["id"] for item in items)
    assert all(item["label"] is None for item in given.json()["items"])
    assert given.json()["progress"] == far.json() == {"items": 3, "mine": 0, "left": 3, "settled": 0}
