"""A blind panel: whoever judges a transferred picture can't find out what it should show."""

import json
from contextlib import closing

import pytest
from PIL import Image, PngImagePlugin

from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.label.panels import PanelPicture, new_panel

SECRETS = ("zebra-input", "yellow-source", "quokka-model")


@pytest.fixture
def panel(filled, tmp_path):
    """Five pictures with names, sources, models and comments that give them away."""
    pictures = []
    for number, (target, face) in enumerate(
        zip(EXPRESSIONS, sorted(filled.faces.rglob("*.png")), strict=False)
    ):
        comment = PngImagePlugin.PngInfo()
        comment.add_text("Comment", f"{SECRETS[0]} {target}")
        path = tmp_path / f"{SECRETS[0]}{number}.{target}.png"
        Image.open(face).save(path, pnginfo=comment)
        pictures.append(PanelPicture(path, Expression(target), path.stem, *SECRETS[1:]))
    with closing(filled.open()) as catalog:
        return new_panel(filled, catalog, "panel", pictures).id


def test_nothing_that_reaches_a_phone_says_what_a_picture_should_show(filled, panel, serve, seat, device):
    context = device(reduced_motion="reduce")  # a card on its way out bears the stamp of what was said
    heard = []
    context.on("response", lambda response: heard.append(response))
    at = seat(serve(filled).link("Aoi"), context=context).open(panel)
    cards = []
    for verdict in (*EXPRESSIONS[:4], "other"):
        cards.append(at.page.locator(".deck").inner_html().lower())
        at.vote(verdict)
    at.waits(0)
    at.page.wait_for_load_state("networkidle")
    answers = [response for response in heard if "/api/" in response.url]
    told = [f"{one.url} {json.dumps(one.headers)} ".encode() + one.body() for one in answers]
    told += [at.page.content().encode(), *(card.encode() for card in cards)]
    for secret in (*SECRETS, "target", "about", "panels/", str(filled.folder)):
        assert not [one for one in told if secret.encode() in one.lower()]
    for card in cards:
        assert not [word for word in EXPRESSIONS if word in card]
    items = [item for one in answers if one.url.endswith("/next") for item in one.json()["items"]]
    assert items == [{"id": item["id"], "label": None} for item in items]
    assert len({item["id"] for item in items}) == 5
    pictures = [one for one in answers if "/image?" in one.url]
    assert len({tuple(sorted(set(one.headers) - {"content-length"})) for one in pictures}) == 1
    assert not [word for one in pictures for word in EXPRESSIONS if word in str(one.headers)]
    assert at.page.locator('[data-verdict="unusable"]').count() == 0
