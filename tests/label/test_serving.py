"""The real process: started, used, killed and stopped."""

from uuid import uuid4


def vote(item: int, verdict: str = "happy", **more: object) -> dict[str, object]:
    return {"id": str(uuid4()), "item": item, "verdict": verdict, **more}


def test_a_signed_in_person_gets_items_and_votes(filled, begin_campaign, serve):
    campaign = begin_campaign(filled)
    served = serve(filled)
    with served.client("Yuki") as yuki:
        me = yuki.get("/session").json()
        assert me["name"] == "Yuki"
        assert [card["name"] for card in me["campaigns"]] == ["cleaning"]
        items = yuki.post(f"/campaigns/{campaign}/next", json={}).json()["items"]
        assert len(items) == 20
        image = yuki.get(f"/items/{items[0]['id']}/image")
        assert image.headers["content-type"] == "image/webp"
        sent = [vote(item["id"]) for item in items[:3]]
        answer = yuki.post(f"/campaigns/{campaign}/votes", json={"votes": sent}).json()
        assert answer["accepted"] == [one["id"] for one in sent]
        assert answer["progress"]["mine"] == 3
    assert served.stop() == 0
