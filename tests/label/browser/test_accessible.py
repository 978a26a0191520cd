"""Every screen of the labelling app for those who see, hear or reach less: axe-core finds nothing serious."""

from contextlib import closing

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from kaogae.expressions import Expression
from kaogae.label.panels import PanelPicture, new_panel


@pytest.fixture
def panel(filled):
    faces = sorted(filled.faces.rglob("*.png"))[:3]
    pictures = [PanelPicture(path, Expression.HAPPY) for path in faces]
    with closing(filled.open()) as catalog:
        return new_panel(filled, catalog, "panel", pictures).id


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en-GB", "ja-JP"])
def test_no_screen_shuts_anybody_out(filled, panel, begin_campaign, serve, device, trouble, language, scheme):
    trouble.expect("status of 401", "ERR_ABORTED .*icon.svg")
    cleaning = begin_campaign(filled)
    service = serve(filled)
    page = device("phone", locale=language, color_scheme=scheme, reduced_motion="reduce").new_page()
    found = {}

    def look(screen):
        serious = [
            f"{one['id']}: {one['nodes'][0]['html']}"
            for one in Axe().run(page).response["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        found.update({screen: serious} if serious else {})

    page.goto(service.url)
    expect(page.locator("#link")).to_be_visible()
    look("sign-in")
    page.goto(service.link("Aoi"))
    expect(page.locator("a[data-campaign]")).to_have_count(2)
    look("home")
    page.locator(f'a[data-campaign="{cleaning}"]').click()
    expect(page.locator("dialog.examples")).to_be_visible()
    look("examples")
    page.keyboard.press("Escape")
    expect(page.locator("#face")).to_be_visible()
    look("cleaning")
    page.locator('[data-action="fan"]').click()
    expect(page.locator(".fan")).to_be_visible()
    look("fan")
    page.keyboard.press("Escape")
    page.locator('[data-action="zoom"]').click()
    expect(page.locator("dialog.zoom")).to_be_visible()
    look("zoom")
    page.keyboard.press("Escape")
    page.locator(".top a").click()
    page.locator(f'a[data-campaign="{panel}"]').click()
    expect(page.locator("dialog.examples")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#face")).to_be_visible()
    look("panel")
    for _ in range(3):
        page.locator('[data-verdict="sad"]').click()
    expect(page.locator("#situation h2")).to_be_visible()
    look("done")
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    assert page.evaluate("document.documentElement.lang") == language[:2]
    assert found == {}
