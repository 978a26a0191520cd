"""The screens as thumbs, keys, eyes and ears meet them."""

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from kaogae.catalog import Item, Workspace
from kaogae.expressions import EXPRESSIONS
from kaogae.label.service.files import APP

SIZES = [(320, 568), (360, 740), (412, 640), (740, 360), (820, 1180), (1024, 768), (1440, 900)]

TOO_SMALL = """() => [...document.querySelectorAll("a, button, input, select, summary")].flatMap((target) => {
  const place = target.closest("label") ?? target;
  const { width, height } = place.getBoundingClientRect();
  const unseen = !place.checkVisibility({ visibilityProperty: true }) || width === 0;
  const modal = document.querySelector("dialog[open]");
  if (unseen || (modal && !modal.contains(target))) return [];
  return width > 47.9 && height > 47.9 ? [] : [`${place.outerHTML.slice(0, 80)} ${width} x ${height}`];
})"""

TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

OUTSIDE = """() => [...document.querySelectorAll(".label :is(a, button, #face)")].flatMap((seen) => {
  const { left, top, right, bottom } = seen.getBoundingClientRect();
  if (!seen.checkVisibility({ visibilityProperty: true }) || seen.closest("[hidden]")) return [];
  const inside = left > -1 && top > -1 && right < innerWidth + 1 && bottom < innerHeight + 1;
  return inside ? [] : [`${seen.outerHTML.slice(0, 80)} ${left} ${top} ${right} ${bottom}`];
})"""

KEPT = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    if (!name.startsWith("kaogae-pictures-")) continue;
    for (const { url } of await (await caches.open(name)).keys()) found.push(url);
  }
  return found;
}"""


class Finger:
    """One finger on the glass, as the browser's own touch input."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)
        self.x = self.y = 0.0

    def send(self, kind: str) -> None:
        points = [] if kind == "touchEnd" else [{"x": self.x, "y": self.y}]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def down(self) -> "Finger":
        """In the middle of the card."""
        box = self.page.locator(".deck").bounding_box()
        assert box
        self.x, self.y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.send("touchStart")
        return self

    def slide(self, dx: float, dy: float = 0, steps: int = 6, wait: int = 0) -> "Finger":
        for _ in range(steps):
            self.x += dx / steps
            self.y += dy / steps
            self.send("touchMove")
        self.page.wait_for_timeout(wait)
        return self

    def to(self, selector: str) -> "Finger":
        box = self.page.locator(selector).bounding_box()
        assert box
        return self.slide(
            box["x"] + box["width"] / 2 - self.x, box["y"] + box["height"] / 2 - self.y, wait=150
        )

    def up(self) -> None:
        self.send("touchEnd")


@pytest.fixture
def labels(filled):
    """`labels()`: what the tags say, by item."""

    def read():
        catalog = filled.open()
        with catalog.reading() as session:
            found = {item.id: item.label for item in session.scalars(select(Item))}
        catalog.close()
        return found

    return read


@pytest.fixture
def desk(filled, begin_campaign, serve, seat):
    """`desk("phone", blind=True)`: Yuki before the first face of a campaign on 20 drawn faces."""

    def open_desk(name="phone", settings=None, **options):
        campaign = begin_campaign(filled, **(settings or {}))
        return seat(serve(filled).link("Yuki"), name, **options).open(campaign)

    return open_desk


def test_every_key_says_what_its_cap_says(desk, filled, labels, votes):
    at = desk("desktop")
    expected = Counter()

    def press(key, *verdicts):
        before = at.face
        at.page.keyboard.press(key)
        assert at.face != before, key
        expected.update(("Yuki", before, verdict) for verdict in verdicts)
        return before

    assert at.page.locator(".expressions kbd").all_inner_texts() == ["1", "2", "3", "4", "5", "6"]
    assert at.page.locator(".expressions button").evaluate_all(
        "all => all.map((one) => one.dataset.verdict)"
    ) == [
        *EXPRESSIONS,
        "other",
    ]
    for number, expression in enumerate(EXPRESSIONS, 1):
        press(str(number), expression)
    press("6", "other")
    press("o", "other")
    press("ArrowLeft", "unusable")
    press("ArrowRight", labels()[at.face])
    press("ArrowUp", "skipped")
    for key in ("ArrowDown", "Backspace", "u", "Control+z"):
        taken = press("1", "happy")
        at.page.keyboard.press(key)
        assert at.face == taken, key
        expected["Yuki", taken, "undone"] += 1
    at.page.keyboard.press("z")
    expect(at.page.locator("dialog.zoom")).to_be_visible()
    before = at.face
    at.page.keyboard.press("1")
    assert at.face == before, "a dialog has the keyboard for itself"
    at.page.keyboard.press("Escape")
    at.page.keyboard.press("?")
    expect(at.page.locator("dialog.examples")).to_be_visible()
    at.page.keyboard.press("Escape")
    at.waits(0)
    assert votes(filled) == expected


def test_single_keys_can_be_turned_off(desk):
    at = desk("desktop")
    at.page.locator(".top a").click()
    at.page.get_by_label("Single-key shortcuts").uncheck()
    at.page.locator("a[data-campaign]").click()
    before = at.ready().face
    at.page.keyboard.press("1")
    assert at.face == before
    at.page.locator('[data-verdict="happy"]').focus()
    at.page.keyboard.press("Enter")
    assert at.face != before


def test_every_button_says_what_it_reads(desk, filled, labels, votes):
    at = desk()
    expected = Counter(("Yuki", at.vote(verdict), verdict) for verdict in (*EXPRESSIONS, "other", "unusable"))
    label = labels()[at.face]
    expected["Yuki", at.act('[data-action="keep"]'), label] += 1
    skipped = at.act('[data-action="skip"]')
    expected["Yuki", skipped, "skipped"] += 1
    at.act('[data-action="undo"]')
    expected["Yuki", skipped, "undone"] += 1
    assert at.face == skipped
    at.page.locator('[data-action="fan"]').click()
    at.act('[data-fan="crying"]')
    expected["Yuki", skipped, "crying"] += 1
    at.waits(0)
    assert votes(filled) == expected
    expect(at.page.locator("#progress")).to_have_text(re.compile(r"^9 of 20"))
    expect(at.page.locator("#position")).to_have_text("Face 10 of 20")


def test_a_thumb_swipes_right_to_keep_left_to_drop_and_up_for_the_fan(desk, filled, labels, votes):
    at = desk()
    finger = Finger(at.page)
    expected = Counter()

    first = at.face
    finger.down().slide(130)
    expect(at.page.locator("#face >> xpath=../..").locator(".stamp")).to_have_text("Keep")
    assert at.face == first, "nothing is said before the card is let go"
    finger.up()
    assert at.face != first
    expected["Yuki", first, labels()[first]] += 1

    second = at.face
    finger.down().slide(-130).up()
    assert at.face != second
    expected["Yuki", second, "unusable"] += 1

    third = at.face
    finger.down().slide(40, steps=8, wait=150).up()
    assert at.face == third, "not far enough"
    finger.down().slide(150).slide(-60, steps=2).up()
    assert at.face == third, "thrown back"

    finger.down().slide(0, -90, wait=150).to('[data-fan="sad"]').up()
    assert at.face != third
    expected["Yuki", third, "sad"] += 1

    fourth = at.face
    finger.down()
    expect(at.page.locator(".fan")).to_be_visible()  # held
    finger.up()
    expect(at.page.locator(".fan")).to_be_visible()
    at.page.touchscreen.tap(20, 700)
    expect(at.page.locator(".fan")).to_be_hidden()
    assert at.face == fourth
    at.waits(0)
    assert votes(filled) == expected


def test_a_face_stays_under_the_thumb_while_other_things_change(desk):
    at = desk()
    at.page.wait_for_load_state("networkidle")
    before = at.face
    finger = Finger(at.page).down()
    finger.slide(60)
    card = at.page.locator("#face >> xpath=../..")
    expect(card).to_have_attribute("style", re.compile(r"translate\(60px"))
    at.context.set_offline(True)
    expect(at.page.locator("#offline")).to_be_visible()
    assert "translate(60px" in card.get_attribute("style")
    at.context.set_offline(False)
    finger.slide(-60).up()
    assert at.face == before


def test_a_tap_looks_closer_and_two_taps_closer_still(desk):
    at = desk()
    before = at.face
    at.page.locator(".deck").tap()
    expect(at.page.locator("dialog.zoom img")).to_have_attribute("src", re.compile("size=960"))
    scale = "new DOMMatrix(getComputedStyle(document.querySelector('.zoom img')).transform).a"
    for _ in range(2):
        at.page.touchscreen.tap(180, 370)
    assert at.page.evaluate(scale) > 2
    at.page.get_by_role("button", name="Smaller").click()
    assert at.page.evaluate(scale) < 2
    at.page.get_by_role("button", name="Close").click()
    expect(at.page.locator("dialog.zoom")).to_have_count(0)
    assert at.face == before


def test_a_blind_campaign_says_nothing_about_a_face(desk, filled, votes):
    at = desk(settings={"blind": True})
    for _ in range(3):
        cards = at.page.locator(".deck").inner_html().lower()
        assert "data-item" in cards
        assert not [
            word for word in (*EXPRESSIONS, "label", "keep") if word in cards.replace("face to judge", "")
        ]
        at.vote("other")
    assert at.page.locator('[data-action="keep"]').count() == 0
    before = at.face
    Finger(at.page).down().slide(140).up()
    at.page.keyboard.press("ArrowRight")
    assert at.face == before
    at.waits(0)
    assert {verdict for *_, verdict in votes(filled)} == {"other"}


@pytest.mark.parametrize("language", ["en-GB", "ja-JP"])
def test_nothing_is_too_wide_too_small_or_out_of_reach(desk, trouble, language):
    trouble.expect("401")
    at = desk(locale=language)
    found = []

    def measure(what):
        for width, height in SIZES:
            at.page.set_viewport_size({"width": width, "height": height})
            wrong = [
                *at.page.evaluate(TOO_SMALL),
                *(at.page.evaluate(OUTSIDE) if what in ("label", "fan") else []),
            ]
            beyond = at.page.evaluate(TOO_WIDE)
            found.extend(f"{what} {width} x {height}: {one}" for one in wrong + [beyond] * (beyond > 0))

    measure("label")
    at.page.locator('[data-action="help"]').click()
    measure("examples")
    at.page.keyboard.press("Escape")
    at.page.set_viewport_size({"width": 360, "height": 740})
    at.page.locator('[data-action="zoom"]').click()
    measure("zoom")
    at.page.keyboard.press("Escape")
    at.page.set_viewport_size({"width": 320, "height": 568})
    at.page.locator('[data-action="fan"]').click()
    at.page.wait_for_timeout(400)
    found += [f"fan: {one}" for one in at.page.evaluate(OUTSIDE) + at.page.evaluate(TOO_SMALL)]
    at.page.keyboard.press("Escape")
    at.page.locator(".top a").click()
    expect(at.page.locator("a[data-campaign]")).to_be_visible()
    measure("home")
    at.page.locator('[data-action="sign-out"]').click()
    measure("leaving")
    at.page.locator("dialog .button").last.click()
    expect(at.page.locator("#link")).to_be_visible()
    measure("signing in")
    assert not found


def test_nothing_jumps_while_faces_are_judged(desk, trouble):
    trouble.expect("ERR_")
    at = desk()
    at.page.evaluate("""() => {
      window.shifts = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          const moved = entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 60));
          window.shifts.push([entry.value, ...moved]);
        }
      }).observe({ type: "layout-shift", buffered: true });
    }""")
    for key in ("1", "ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "2", "3"):
        at.page.keyboard.press(key)
        at.page.wait_for_timeout(150)
    at.page.context.set_offline(True)
    at.page.keyboard.press("4")
    at.page.wait_for_timeout(1200)
    shifts = at.page.evaluate("window.shifts")
    assert sum(value for value, *_ in shifts) < 0.005, shifts


def test_the_next_face_is_there_when_the_vote_is_said(desk):
    at = desk()
    at.page.wait_for_load_state("networkidle")
    seen = at.page.evaluate("""async () => {
      const found = [];
      for (let n = 0; n < 8; n += 1) {
        const before = document.querySelector("#face").dataset.item;
        document.querySelector("[data-verdict=happy]").click();
        const face = document.querySelector("#face");
        found.push(face.dataset.item !== before && face.complete && face.naturalWidth > 0);
        await new Promise((after) => requestAnimationFrame(() => setTimeout(after)));
      }
      return [found, performance.getEntriesByName("vote to shown").length];
    }""")
    assert seen == [[True] * 8, 8]


def test_who_listens_is_told_where_they_are_and_keeps_the_focus(desk):
    at = desk("desktop")
    position = at.page.locator("#position")
    expect(position).to_have_text("Face 1 of 20")
    at.page.locator('[data-verdict="sad"]').focus()
    at.page.keyboard.press("Enter")
    expect(position).to_have_text("Face 2 of 20")
    assert at.page.evaluate("document.activeElement.dataset.verdict") == "sad"
    at.page.keyboard.press("ArrowDown")
    expect(position).to_have_text("Taken back. Face 1 of 20")
    expect(at.page.get_by_role("img", name="The face to judge")).to_have_count(1)
    while not at.page.locator("#situation h2").is_visible():
        at.page.keyboard.press("1")
    expect(at.page.locator("#situation h2")).to_be_focused()
    expect(at.page.locator("#situation")).to_contain_text("20 faces")
    at.page.locator('[data-action="undo"]').click()
    at.ready()


def test_both_languages_say_everything_and_can_be_changed_on_the_way(desk, trouble):
    trouble.expect("ERR_(ABORTED|FAILED)")  # pictures that the page no longer waits for
    at = desk("desktop")
    words = at.page.evaluate("""async () => {
      const [{ en }, { ja }] = await Promise.all([import("/js/strings/en.js"), import("/js/strings/ja.js")]);
      return [en, ja];
    }""")
    english, japanese = words
    sentences = {key for key in japanese if " " in key}
    assert english.keys() == japanese.keys() - sentences
    service = "".join(path.read_text() for path in [*Path(APP).parent.rglob("*.py"), Path(APP) / "js/api.js"])
    assert not {sentence for sentence in sentences if f'"{sentence}"' not in service}
    for key, word in english.items():
        forms = [word] if isinstance(word, str) else [word["one"], word["other"]]
        names = {name for form in [*forms, japanese[key]] for name in re.findall(r"\{\w+\}", form)}
        assert all(set(re.findall(r"\{\w+\}", form)) == names for form in [*forms, japanese[key]]), key
    code = "".join(
        path.read_text() for path in [*Path(APP).glob("js/*.js"), *Path(APP).glob("js/screens/*.js")]
    )
    assert not set(re.findall(r"\bt\(\"([^\"]+)\"", code)) - english.keys()
    at.page.locator(".top a").click()
    at.page.get_by_role("radio", name="日本語").check()
    expect(at.page.get_by_role("heading", level=1)).to_have_text("Yukiさん、こんにちは")
    assert at.page.evaluate("document.documentElement.lang") == "ja"
    at.page.get_by_role("radio", name="ダーク").check()
    at.page.reload()
    expect(at.page.get_by_role("heading", level=1)).to_have_text("Yukiさん、こんにちは")
    assert at.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_what_is_said_again_after_an_undo_stands_however_fast_the_others_follow(desk, filled, votes):
    at = desk("desktop")
    at.page.keyboard.press("1")
    at.page.keyboard.press("ArrowDown")
    judged = [at.face]
    while at.page.locator("#face").count():
        at.page.keyboard.press("1")
        judged.append(at.face)
    expect(at.page.locator("#situation h2")).to_have_text("All done")
    expect(at.page.locator("#progress")).to_have_text(re.compile("^20 of 20"))
    assert len(set(judged) - {None}) == 20
    at.waits(0)
    assert votes(filled) == Counter(
        [("Yuki", item, "happy") for item in judged[:-1]]
        + [("Yuki", judged[0], verdict) for verdict in ("happy", "undone")]
    )


def test_who_goes_back_leaves_everything_open_behind(desk):
    at = desk()
    for action in ("zoom", "help", "fan"):
        at.page.locator(f'[data-action="{action}"]').click()
        at.page.go_back()
        expect(at.page.locator("a[data-campaign]")).to_be_visible()
        expect(at.page.locator("dialog, .fan")).to_have_count(0)
        before = at.page.go_forward() or at.ready().face
        assert before


def test_without_service_workers_it_labels_all_the_same(desk):
    at = desk(service_workers="block")
    at.page.evaluate("""() => {
      Object.defineProperty(document, "visibilityState", { value: "hidden" });
      document.dispatchEvent(new Event("visibilitychange"));
    }""")
    at.vote("sad")
    at.waits(0)


def test_who_lost_their_access_on_the_way_is_told_and_their_votes_arrive_with_a_new_link(
    filled, begin_campaign, serve, seat, votes, trouble
):
    trouble.expect("401", "ERR_")
    campaign = begin_campaign(filled)
    service = serve(filled)
    at = seat(service.link("Yuki")).open(campaign).stored(20)
    at.context.set_offline(True)
    judged = [at.vote("happy") for _ in range(3)]
    at.waits(3)
    with service.client("Boss", "admin") as boss:
        (yuki,) = (one["id"] for one in boss.get("/admin/people").json() if one["name"] == "Yuki")
        boss.delete(f"/admin/people/{yuki}").raise_for_status()
    at.context.set_offline(False)
    expect(at.page.locator("#situation h2")).to_have_text("You are signed out")
    expect(at.page.locator("#face")).to_have_count(0)
    expect(at.page.locator("#offline")).to_be_hidden()
    at.waits(3)
    at.page.goto(service.link("Yuki"))
    at.page.locator(f'a[data-campaign="{campaign}"]').click()
    at.ready().waits(0)
    assert votes(filled) == Counter(("Yuki", item, "happy") for item in judged)


def test_two_catalogues_at_one_address_never_mix(
    filled, tmp_path, begin_campaign, serve, seat, votes, trouble
):
    trouble.expect("401", "409", "ERR_")
    other = Workspace(Path(shutil.copytree(filled.folder, tmp_path / "other")))
    campaign = begin_campaign(filled)
    assert begin_campaign(other, seed=1) == campaign
    first = serve(filled)
    at = seat(first.link("Yuki")).open(campaign).stored(20)
    sent = at.vote("happy")
    at.waits(0)
    first.kill()
    waiting = [at.vote("sad") for _ in range(2)]
    at.waits(2)

    second = serve(other, "--port", str(first.port))
    at.page.goto(second.link("Yuki"))
    card = at.page.locator(f'a[data-campaign="{campaign}"]')
    expect(card).to_contain_text("0 of 20")
    card.click()
    at.ready()
    expect(at.page.locator("#waiting")).to_be_hidden()
    expect(at.page.locator('[data-action="undo"]')).to_have_attribute("aria-disabled", "true")
    key = at.page.evaluate("fetch('/api/v1/session').then((answer) => answer.json()).then(({ key }) => key)")
    assert f"&of={key}" in at.page.locator("#face").get_attribute("src")
    at.stored(20)
    assert {url.partition("&of=")[2] for url in at.page.evaluate(KEPT)} == {key}
    judged = at.vote("crying")
    at.waits(0)
    assert votes(other) == Counter({("Yuki", judged, "crying"): 1})

    second.kill()
    first.start()
    at.page.goto(first.link("Yuki"))
    expect(card).to_contain_text("3 of 20")
    card.click()
    at.ready().waits(0)
    assert votes(filled) == Counter([("Yuki", sent, "happy"), *(("Yuki", item, "sad") for item in waiting)])


def test_a_wrong_link_is_told_and_the_right_one_lets_in(filled, begin_campaign, serve, device, trouble):
    trouble.expect("401")
    begin_campaign(filled)
    service = serve(filled)
    page = device().new_page()
    page.goto(service.url)
    page.get_by_label("Your link").fill("https://example.org/")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").first).to_contain_text("isn’t a link")
    page.get_by_label("Your link").fill(service.link("Yuki"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello, Yuki")
    assert "#" not in page.url.rstrip("#")


def test_a_link_in_the_address_bar_of_an_open_page_is_followed(
    filled, begin_campaign, serve, device, trouble
):
    trouble.expect("401", "ERR_ABORTED")
    begin_campaign(filled)
    service = serve(filled)
    page = device().new_page()
    page.goto(service.url)
    expect(page.get_by_label("Your link")).to_be_visible()
    for name in ("Yuki", "Aoi"):
        page.goto(service.link(name))
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Hello, {name}")


def test_the_start_page_is_light(filled, begin_campaign, serve, device):
    begin_campaign(filled)
    page = device().new_page()
    page.goto(serve(filled).link("Yuki"))
    expect(page.locator("a[data-campaign]")).to_be_visible()
    page.wait_for_load_state("networkidle")
    sizes = page.evaluate("""() => performance.getEntries()
      .filter(({ name, entryType }) => entryType === "navigation" || /\\/(js|css)\\//.test(name))
      .map(({ name, decodedBodySize }) => [name, decodedBodySize])""")
    assert len(sizes) > 15
    assert sum(size for _, size in sizes) < 110_000, sizes
