"""What a phone needs to put the app on its home screen, and what opening it costs."""

from io import BytesIO

import pytest
from PIL import Image


@pytest.fixture
def profile(chromium, playwright, tmp_path, trouble):
    """A browser that remembers, as on a phone: in a private window nothing can be installed."""
    context = playwright.chromium.launch_persistent_context(
        tmp_path / "profile",
        executable_path=chromium,
        args=["--no-sandbox"],
        viewport={"width": 360, "height": 740},
        is_mobile=True,
        has_touch=True,
    )
    trouble.watch(context)
    yield context
    context.close()


def test_it_can_be_installed_and_its_icons_are_there(profile, filled, begin_campaign, serve, seat):
    begin_campaign(filled)
    page = seat(serve(filled).link("Aoi"), context=profile).stored().page
    browser = profile.new_cdp_session(page)
    assert browser.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    answer = browser.send("Page.getAppManifest")
    assert answer["errors"] == []
    manifest = page.evaluate("fetch('/manifest.webmanifest').then((answer) => answer.json())")
    assert {icon["purpose"] for icon in manifest["icons"]} >= {"any", "maskable"}
    for icon in manifest["icons"]:
        body = page.request.get(page.url.split("#")[0].rstrip("/") + icon["src"]).body()
        if icon["type"] == "image/png":
            assert "{}x{}".format(*Image.open(BytesIO(body)).size) in icon["sizes"]
        else:
            assert body.startswith(b"<svg")


def test_opening_it_takes_less_than_150_kilobytes_without_the_pictures(filled, begin_campaign, serve, device):
    campaign = begin_campaign(filled)
    context = device()
    sent = {}
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    kinds = {}
    network.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event}))
    network.on(
        "Network.loadingFinished", lambda event: sent.update({event["requestId"]: event["encodedDataLength"]})
    )
    page.goto(serve(filled).link("Aoi"))
    page.locator(f'a[data-campaign="{campaign}"]').click()
    page.locator("#face").wait_for()
    page.wait_for_load_state("networkidle")
    known = {
        key: size
        for key, size in sent.items()
        if kinds[key]["type"] != "Image" and "/image" not in kinds[key]["response"]["url"]
    }
    assert len(known) > 20
    assert sum(known.values()) < 150_000
