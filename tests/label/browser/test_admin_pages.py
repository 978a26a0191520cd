"""The pages of admins and reviewers, before the real service."""

import csv
import io
import json
from collections import defaultdict
from uuid import uuid4

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from kaogae.expressions import EXPRESSIONS

TRICKY = '<img src="x" onerror="document.title=1"> עדי'
PEOPLE = ("Aoi", TRICKY, "Ren")
FIRST = ("happy", "sad", "crying")
PASSED_OVER = "ERR_ABORTED.*image"  # a picture that was still on its way when its face was decided


def said(person: int, item: int, label: str) -> str:
    """On each fourth face all differ; Ren says "other" on each third."""
    if item % 4 == 0:
        return FIRST[person]
    return "other" if person == 2 and item % 3 == 0 else label


def cast(client: httpx.Client, campaign: int, item: int, verdict: str, took_ms: int = 900) -> None:
    vote = {"id": str(uuid4()), "item": item, "verdict": verdict, "took_ms": took_ms}
    client.post(f"/campaigns/{campaign}/votes", json={"votes": [vote]}).raise_for_status()


@pytest.fixture
def service(filled, begin_campaign, serve):
    """A service with one campaign about 20 faces, which three people have judged: 5 are disputed."""
    campaign = begin_campaign(filled)
    service = serve(filled)
    for person, name in enumerate(PEOPLE):
        with service.client(name) as client:
            items = client.post(f"/campaigns/{campaign}/next", json={"count": 100}).json()["items"]
            for item in items:
                cast(client, campaign, item["id"], said(person, item["id"], item["label"]))
    service.campaign = campaign
    return service


@pytest.fixture
def admin(service):
    """What the service tells an admin."""
    with service.client("Chief", "admin") as client:
        yield client


@pytest.fixture
def visit(service, device):
    """`visit("admin", "Boss", "admin")` opens a page with somebody's link, in a browser of theirs."""

    def visit(page, name, role, view="", device_name="desktop", **options):
        opened = device(device_name, **options).new_page()
        opened.goto(service.link(name, role).replace("/#", f"/{page}#"))
        expect(opened.locator("h1").first).to_be_attached()
        if view:
            opened.evaluate("hash => { location.hash = hash; }", view)
        return opened

    return visit


def test_an_admin_sees_what_the_report_says(service, admin, visit):
    report = admin.get(f"/admin/campaigns/{service.campaign}").json()
    assert report["states"]["disputed"] == 5
    page = visit("admin", "Boss", "admin")
    card = page.locator(f'[data-campaign="{service.campaign}"]')
    kappa = f"{report['fleiss_kappa']:.2f}"
    expect(card.locator("[data-figure=kappa] b")).to_have_text(kappa)
    card.get_by_role("link").click()

    detail = page.locator(f'.detail[data-campaign="{service.campaign}"]')
    expect(detail.locator("h1")).to_be_focused()
    for state, count in report["states"].items():
        expect(detail.locator(f"[data-state={state}] b")).to_have_text(str(count))
    for answer, count in report["verdicts"].items():
        expect(detail.locator(f"#verdicts [data-answer={answer}] b")).to_have_text(str(count))
    expect(detail.locator("#fleiss b")).to_have_text(kappa)
    rows = detail.locator(".annotators tbody tr")
    for number, one in enumerate(report["annotators"]):
        cells = rows.nth(number).locator("th, td").all_inner_texts()
        share = f"{100 * one['agreement']:.0f}%"
        assert cells[:6] == [one["name"], str(one["votes"]), "0", "0", "0.9 sec", share]
    matrix = detail.locator("#matrix tbody tr")
    for number, label in enumerate(EXPRESSIONS):
        row = report["matrix"][label]
        counts = [str(row[answer]) for answer in (*report["answers"], "disputed")]
        assert matrix.nth(number).locator("td small").all_inner_texts() == counts
        assert matrix.nth(number).locator(".sum").inner_text() == str(sum(row.values()))
    assert sum(int(one) for one in matrix.locator(".sum").all_inner_texts()) == 20


def test_two_annotators_can_be_compared_either_way_round(service, admin, visit):
    report = admin.get(f"/admin/campaigns/{service.campaign}").json()
    pair = next(one for one in report["pairs"] if {one["first"], one["second"]} == {"Aoi", "Ren"})
    page = visit("admin", "Boss", "admin", f"campaign={service.campaign}")
    button = page.locator('[data-do=pair][data-first="Ren"][data-second="Aoi"]')
    expect(button.locator("b")).to_have_text(f"{pair['kappa']:.2f}")
    button.click()
    expect(button).to_be_focused()

    confusion = pair["confusion"] if pair["first"] == "Ren" else [*zip(*pair["confusion"], strict=True)]
    cells = page.locator("#agreement .confusion td small")
    assert cells.all_inner_texts() == [str(count) for row in confusion for count in row]
    page.get_by_role("combobox", name="Rows").select_option("Aoi")
    page.get_by_role("combobox", name="Columns").select_option("Ren")
    assert cells.all_inner_texts() == [str(count) for row in zip(*confusion, strict=True) for count in row]


def test_what_changes_is_shown_without_moving_anything(service, visit):
    page = visit("admin", "Boss", "admin", f"campaign={service.campaign}", "phone")
    chosen = page.locator('[data-do=pair][data-first="Ren"][data-second="Aoi"]')
    chosen.click()
    before = page.evaluate("scrollY")
    with service.client("Aoi") as client:
        cast(client, service.campaign, 1, "undone")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("[data-state=open] b")).to_have_text("1")
    expect(chosen).to_be_focused()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("scrollY") == before > 0


def test_an_invitation_works_elsewhere_until_it_is_revoked(visit, device, trouble):
    trouble.expect("401")
    page = visit("admin", "Boss", "admin", "view=people")
    form = page.locator("#invite-form")
    form.get_by_label("Name").fill("Sora")
    form.get_by_label("All, also those to come").uncheck()
    form.get_by_role("button").click()
    expect(page.locator("#invitation")).to_have_count(0), "no campaign is chosen yet"
    form.get_by_label("cleaning").check()
    form.get_by_label("Reviewer").check()
    form.get_by_role("button").click()
    link = page.locator("#link").input_value()
    code = page.locator("#invitation img")
    assert code.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100

    phone = device().new_page()
    phone.goto(link.replace("/#", "/review#"))
    expect(phone.locator("#face")).to_be_visible()
    page.get_by_role("button", name="Done").click()
    row = page.locator("#people tr", has_text="Sora")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(row).to_contain_text("in 1 browser")
    assert link not in page.content()

    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(row).to_contain_text("valid")
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")
    expect(row).to_contain_text("nowhere")
    phone.reload()
    expect(phone.get_by_role("heading", name="Sign in")).to_be_visible()
    phone.wait_for_load_state("networkidle")
    phone.goto("about:blank")
    phone.goto(link.replace("/#", "/review#"))
    expect(phone.locator("#problem")).to_be_visible()
    phone.wait_for_load_state("networkidle")


def test_a_new_link_takes_no_campaign_away(visit):
    page = visit("admin", "Boss", "admin", "view=people")
    row = page.locator("#people tr", has_text="Ren")
    expect(row.get_by_role("cell", name="all", exact=True)).to_be_visible()
    row.get_by_role("button", name="New link").click()
    expect(page.locator("#invite-form").get_by_label("All, also those to come")).to_be_checked()
    page.locator("#invite-form [type=submit]").click()
    page.get_by_role("button", name="Done").click()
    expect(row.get_by_role("cell", name="all", exact=True)).to_be_visible()


def test_a_campaign_is_closed_and_opened_again_after_asking(service, admin, visit):
    def is_open():
        return admin.get(f"/admin/campaigns/{service.campaign}").json()["open"]

    page = visit("admin", "Boss", "admin", f"campaign={service.campaign}")
    page.get_by_role("button", name="Close campaign").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert is_open()
    page.get_by_role("button", name="Close campaign").click()
    page.get_by_role("dialog").get_by_role("button", name="Close campaign").click()
    again = page.get_by_role("button", name="Open again")
    expect(again).to_be_visible()
    assert not is_open()
    again.click()
    page.get_by_role("dialog").get_by_role("button", name="Open again").click()
    expect(page.get_by_role("button", name="Close campaign")).to_be_visible()
    assert is_open()


def test_votes_are_downloaded(service, visit, trouble):
    trouble.expect("ERR_ABORTED.*export")  # how Chromium calls a navigation that becomes a download
    page = visit("admin", "Boss", "admin", f"campaign={service.campaign}")
    found = {}
    for form in ("Votes CSV", "Votes JSON lines"):
        with page.expect_download() as download:
            page.get_by_role("link", name=form).click()
        found[form] = download.value.path().read_text("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(found["Votes CSV"])))
    lines = [json.loads(line) for line in found["Votes JSON lines"].splitlines()]
    assert len(table) == len(lines) > 0


def test_a_reviewer_works_off_the_queue_by_keyboard(service, admin, visit, trouble):
    trouble.expect(PASSED_OVER)
    page = visit("review", "Judge", "reviewer")
    face, waiting = page.locator("#face"), page.locator("#waiting")
    expect(waiting).to_have_text("5 wait")
    assert page.locator(".tally li").all_inner_texts() == ["Happy\n1 vote", "Sad\n1 vote", "Crying\n1 vote"]
    decided = {}
    for key, verdict in (("1", "happy"), ("ArrowLeft", "unusable"), ("6", "other")):
        decided[face.get_attribute("data-item")] = verdict
        page.keyboard.press(key)
    assert len(decided) == 3
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+z")
    expect(waiting).to_have_text("4 wait")
    assert list(decided).index(face.get_attribute("data-item")) == 1
    page.keyboard.press("ArrowUp")
    assert face.get_attribute("data-item") == list(decided)[2]
    for _ in range(4):
        page.keyboard.press("3")
    expect(page.locator("#empty")).to_contain_text("Nothing waits")
    page.wait_for_load_state("networkidle")

    report = admin.get(f"/admin/campaigns/{service.campaign}").json()
    assert report["states"]["disputed"] == 0
    assert report["states"]["reviewed"] == 5
    lines = admin.get(f"/admin/campaigns/{service.campaign}/export?form=jsonl").text.splitlines()
    history = defaultdict(list)
    for vote in sorted(map(json.loads, lines), key=lambda vote: vote["cast_at"]):
        if vote["review"]:
            history[vote["number"]].append(vote["verdict"])
    again = [[decided[item], "undone", "crying"] for item in list(decided)[1:]]
    assert sorted(history.values()) == sorted([["happy"], ["crying"], ["crying"], *again])


def test_a_decision_that_cannot_be_sent_is_said_and_sent_later(service, admin, visit, trouble):
    trouble.expect("ERR_FAILED", PASSED_OVER)
    page = visit("review", "Judge", "reviewer")
    expect(page.locator("#waiting")).to_have_text("5 wait")
    page.route("**/decisions", lambda route: route.abort())
    page.locator("[data-verdict=sad]").click()
    page.locator("[data-verdict=other]").click()
    expect(page.locator("#situation")).to_contain_text("2 decisions aren’t sent yet")
    expect(page.locator("#waiting")).to_have_text("3 wait")
    page.unroute("**/decisions")
    expect(page.locator("#situation")).to_be_hidden(timeout=20_000)
    assert admin.get(f"/admin/campaigns/{service.campaign}").json()["states"]["reviewed"] == 2


def test_an_undo_overtakes_nothing_on_a_slow_network(service, admin, visit, trouble):
    trouble.expect(PASSED_OVER)
    page = visit("review", "Judge", "reviewer")
    expect(page.locator("#waiting")).to_have_text("5 wait")
    item = page.locator("#face").get_attribute("data-item")

    def slowly(route):
        page.wait_for_timeout(700)
        route.continue_()

    page.route("**/decisions", slowly, times=1)
    page.keyboard.press("2")
    page.keyboard.press("u")
    assert page.locator("#face").get_attribute("data-item") == item
    page.wait_for_load_state("networkidle")
    expect(page.locator("#waiting")).to_have_text("5 wait")
    queue = admin.get(f"/campaigns/{service.campaign}/review").json()
    assert int(item) in [one["id"] for one in queue["items"]]


@pytest.mark.parametrize(
    ("page", "role"), [("admin", "annotator"), ("admin", "reviewer"), ("review", "annotator")]
)
def test_others_are_told_kindly_that_the_page_is_not_theirs(visit, page, role):
    opened = visit(page, "Nina", role)
    expect(opened.locator("#refusal")).to_contain_text("Nina")
    expect(opened.get_by_role("link")).to_have_attribute("href", "/")


def test_names_are_text(service, visit):
    page = visit("admin", "Boss", "admin", f"campaign={service.campaign}")
    expect(page.locator(".annotators bdi", has_text="עדי")).to_have_text(TRICKY)
    page.evaluate("location.hash = 'view=people'")
    expect(page.locator("#people bdi", has_text="עדי")).to_have_text(TRICKY)
    assert page.locator("img[src=x]").count() == 0
    assert page.title() == "People · Kaogae"


@pytest.mark.parametrize(
    ("device_name", "locale", "scheme"), [("phone", "ja", "light"), ("desktop", "en", "dark")]
)
def test_every_page_fits_and_can_be_read_by_everybody(service, visit, device_name, locale, scheme):
    page = visit("admin", "Boss", "admin", device_name=device_name, locale=locale, color_scheme=scheme)
    width = page.viewport_size["width"]
    for path, there in {
        "/admin#campaigns=all": ".campaign",
        f"/admin#campaign={service.campaign}": "#matrix td",
        "/admin#view=people": "#people td",
        f"/review#campaign={service.campaign}": "#face[data-item]",
    }.items():
        page.goto(service.url + path)
        expect(page.locator(there).first).to_be_visible()
        page.wait_for_load_state("networkidle")
        found = [
            one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")
        ]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        small = page.evaluate(
            """() => [...document.querySelectorAll("button, select, .button, .tab, .back, .brand, .choice")]
              .filter((one) => one.checkVisibility())
              .filter((one) => Math.min(one.offsetWidth, one.offsetHeight) < 48)
              .map((one) => one.outerHTML)"""
        )
        assert small == []
