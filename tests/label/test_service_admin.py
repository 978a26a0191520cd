"""What admins see and do."""

import asyncio
import csv
import io
import json
import threading
from unittest.mock import Mock
from uuid import uuid4

import cv2
import numpy as np
import pytest
import resvg_py
from PIL import Image

from kaogae.label.service.state import FILES, Service

ADMIN = "/api/v1/admin"


@pytest.fixture
def judged(workspace, faces, browser_of, begin_campaign):
    """An admin, and three items on which two people agree, disagree, and say nothing yet."""
    faces(3)
    campaign = begin_campaign(workspace, annotators=2)
    for name, verdicts in {"Aoi": ["happy", "happy"], "Ren": ["happy", "sad"]}.items():
        browser = browser_of(name, "annotator", [campaign])
        votes = [{"id": str(uuid4()), "item": n + 1, "verdict": v} for n, v in enumerate(verdicts)]
        answer = browser.post(f"/api/v1/campaigns/{campaign}/votes", json={"votes": votes})
        assert len(answer.json()["accepted"]) == 2
    return browser_of("Mio", "admin"), campaign


def test_a_campaign_is_reported_with_its_people_and_listed_without(judged):
    admin, campaign = judged
    (listed,) = admin.get(f"{ADMIN}/campaigns").json()
    full = admin.get(f"{ADMIN}/campaigns/{campaign}").json()
    assert listed["states"] == full["states"] == {"open": 1, "agreed": 1, "disputed": 1, "reviewed": 0}
    assert (listed["annotators"], listed["pairs"]) == ([], [])
    assert [person["name"] for person in full["annotators"]] == ["Aoi", "Ren"]
    assert [(pair["first"], pair["second"], pair["items"]) for pair in full["pairs"]] == [("Aoi", "Ren", 2)]
    assert full["observed"] == pytest.approx(0.5)


def test_a_reviewer_decides_what_is_disputed(judged, browser_of):
    _, campaign = judged
    reviewer = browser_of("Rio", "reviewer", [campaign])
    path = f"/api/v1/campaigns/{campaign}"
    queue = reviewer.get(f"{path}/review").json()
    assert (queue["waiting"], [item["tally"] for item in queue["items"]]) == (1, [{"happy": 1, "sad": 1}])
    vote = {"id": str(uuid4()), "item": queue["items"][0]["id"], "verdict": "sad"}
    assert reviewer.post(f"{path}/decisions", json={"votes": [vote]}).json()["accepted"] == [vote["id"]]
    assert reviewer.get(f"{path}/review").json() == {"items": [], "waiting": 0}


def test_votes_of_somebody_else_are_not_taken(judged, browser_of):
    _, campaign = judged
    browser = browser_of("Rio", "annotator", [campaign])
    vote = {"id": str(uuid4()), "item": 1, "verdict": "sad"}
    path = f"/api/v1/campaigns/{campaign}/votes"
    refused = browser.post(path, json={"votes": [vote], "voter": "0123456789abcdef"})
    assert refused.status_code == 409
    assert "somebody else's" in refused.json()["detail"]
    own = browser.get("/api/v1/session").json()["key"]
    assert browser.post(path, json={"votes": [vote], "voter": own}).json()["accepted"] == [vote["id"]]


def test_closing_a_campaign_refuses_later_votes_and_takes_earlier_ones(judged, browser_of):
    admin, campaign = judged
    browser = browser_of("Rio", "annotator", [campaign])
    assert admin.patch(f"{ADMIN}/campaigns/{campaign}", json={"open": False}).json()["open"] is False
    path = f"/api/v1/campaigns/{campaign}/votes"
    votes = [
        {"id": str(uuid4()), "item": 3, "verdict": "sad"},
        {"id": str(uuid4()), "item": 3, "verdict": "happy", "ago_ms": 3_600_000},
    ]
    answer = browser.post(path, json={"votes": votes}).json()
    assert answer["accepted"] == [votes[1]["id"]]
    assert [refusal["id"] for refusal in answer["refused"]] == [votes[0]["id"]]
    assert admin.patch(f"{ADMIN}/campaigns/{campaign}", json={"open": True}).json()["open"] is True
    assert browser.post(path, json={"votes": [{**votes[0], "id": str(uuid4())}]}).json()["refused"] == []


def test_votes_and_labels_leave_as_files(judged):
    admin, campaign = judged
    answer = admin.get(f"{ADMIN}/campaigns/{campaign}/export?form=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''cleaning-votes.csv"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert sorted((row["annotator"], row["verdict"]) for row in rows) == [
        ("Aoi", "happy"),
        ("Aoi", "happy"),
        ("Ren", "happy"),
        ("Ren", "sad"),
    ]
    lines = admin.get(f"{ADMIN}/campaigns/{campaign}/export?form=jsonl&what=labels").text.splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["agreed", "disputed", "open"]


def test_what_is_slow_waits_for_each_other_and_who_votes_waits_for_none_of_it(workspace, catalog):
    began, go_on = threading.Event(), threading.Event()

    def endless(_):
        began.set()
        go_on.wait(10)
        yield b"a part"

    async def ask():
        service = Service(workspace, catalog, Mock(), {})

        async def download():
            return [part async for part in service.read_parts(endless)]

        files = [asyncio.create_task(download()) for _ in range(2 * FILES)]
        while not began.is_set():
            await asyncio.sleep(0.01)
        report = asyncio.create_task(service.read(lambda _: "a report", slow=True))
        for _ in range(5):
            assert await service.read(lambda _: "progress") == "progress"
        assert not report.done()
        assert catalog.engine.pool.checkedout() <= FILES
        go_on.set()
        assert await report == "a report"
        assert await asyncio.gather(*files) == [[b"a part"]] * (2 * FILES)
        assert catalog.engine.pool.checkedout() == 0

    asyncio.run(asyncio.wait_for(ask(), 30))


def test_an_invitation_is_a_link_and_a_code_of_it_and_works_once_it_is_scanned(judged, browser_of):
    admin, campaign = judged
    answer = admin.post(f"{ADMIN}/people", json={"name": " Yuki ", "campaigns": [campaign], "days": 7})
    assert answer.status_code == 201
    made = answer.json()
    assert made["person"]["name"] == "Yuki"
    assert made["person"]["campaigns"] == ["cleaning"]
    base, token = made["link"].split("/#")
    assert base == "http://label.test"
    assert scanned(made["qr"]) == made["link"]
    assert browser_of().post("/api/v1/session", json={"token": token}).json()["name"] == "Yuki"
    assert token not in admin.get(f"{ADMIN}/people").text


def scanned(svg):
    """What a camera reads."""
    png = resvg_py.svg_to_bytes(svg_string=svg, width=600, background="#ffffff")
    pixels = np.array(Image.open(io.BytesIO(bytes(png))).convert("L"))
    return cv2.QRCodeDetectorAruco().detectAndDecode(pixels)[0]


@pytest.mark.parametrize(
    ("invitation", "says"),
    [
        ({"name": " "}, "needs a name"),
        ({"name": "a\u202eb"}, "can't be seen"),
        ({"name": "Yuki", "campaigns": [999]}, "no campaign 999"),
        ({"name": "Yuki", "role": "shared"}, "role"),
        ({"name": "Yuki", "days": 0}, "days"),
        ({"name": "x" * 61}, "name"),
    ],
)
def test_what_cant_be_an_invitation_is_told_so(judged, invitation, says):
    admin, _ = judged
    answer = admin.post(f"{ADMIN}/people", json=invitation)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert len(admin.get(f"{ADMIN}/people").json()) == 3


def test_invitations_have_a_pace(judged):
    admin, _ = judged
    answers = [admin.post(f"{ADMIN}/people", json={"name": f"Yuki {n}"}).status_code for n in range(32)]
    assert answers.count(429) in (1, 2)
    assert set(answers) == {201, 429}


def test_nobody_is_revoked_whom_nobody_knows(judged):
    admin, _ = judged
    assert admin.delete(f"{ADMIN}/people/9999").status_code == 404
