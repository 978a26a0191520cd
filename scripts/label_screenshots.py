"""Every screen of the labelling app, from the real service in a real browser, as small pictures.

    python scripts/label_screenshots.py [FOLDER]     # docs/images/label

Aoi, Ren and Yuki have judged drawn faces, each with mistakes of their own. Yuki goes on; Boss is the admin.
Needs Chromium (`make servers` as root).
"""

import argparse
import hashlib
import io
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import select

from kaogae.atelier.expression import canonical
from kaogae.atelier.portrait import Portrait
from kaogae.catalog import Annotator, Catalog, Face, Item, Picture, Workspace
from kaogae.catalog.types import now
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.label.campaigns import new_clean
from kaogae.label.ledger import Cast, record
from kaogae.label.panels import PanelPicture, new_panel
from kaogae.label.people import invite
from kaogae.label.verdicts import ANSWERS

CHARACTERS, SIDE, FIRST_SEED = 16, 480, 40
PEOPLE = {"Aoi": (0.06, 1.0), "Ren": (0.24, 1.0), "Yuki": (0.16, 0.6)}
"""How often each of them is wrong, and how many of the faces they have judged."""
PANEL_LEFT = 3
"""Faces of the panel that Yuki hasn't judged."""
PHONE = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 1.5,
    "is_mobile": True,
    "has_touch": True,
}
TABLET = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}
PAGE = {"viewport": {"width": 1280, "height": 760}}
DESKTOP = {"viewport": {"width": 1440, "height": 900}}
SIZE_MOST = 58_000
"""Bytes of a picture."""
THINKING = """(() => {
  const now = performance.now.bind(performance);
  let thought = 0;
  performance.now = () => now() + thought;
  window.think = (ms) => (thought += ms);
})()"""
"""Nobody votes 180 times a minute, and nobody wants to wait for this script."""


@dataclass
class Stage:
    """What there is to be seen."""

    url: str
    clean: int
    panel: int
    links: dict[str, str]


def drawings() -> Iterator[tuple[Expression, bytes, str]]:
    """Expression, PNG, and hash of the pixels of five faces of each character."""
    for number in range(CHARACTERS * 5):
        expression = EXPRESSIONS[number % 5]
        pixels = Portrait.from_seed(FIRST_SEED + number // 5, roughness=0.2).render(
            canonical(expression), SIDE
        )
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        yield expression, file.getvalue(), hashlib.sha256(pixels.tobytes()).hexdigest()


def fill(workspace: Workspace, catalog: Catalog) -> dict[str, Expression]:
    """Faces, some with a wrong label; gives what they show by the hash of their pixels."""
    dice = random.Random("labels")
    shown: dict[str, Expression] = {}
    with catalog.session() as session:
        for number, (expression, data, digest) in enumerate(drawings()):
            path = workspace.faces / digest[:2] / f"{digest}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            shown[digest] = expression
            said = dice.choice(EXPRESSIONS) if dice.random() < 0.15 else expression
            both: dict[str, Any] = {"expression": said, "label_origin": "tag", "site": "danbooru"}
            both["file"] = path.relative_to(workspace.folder).as_posix()
            picture = Picture(post=str(number), sha256=digest, state="searched", **both)
            crop: dict[str, Any] = {"matrix": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], "side": SIDE, "size": SIDE}
            found: dict[str, Any] = {"box": [0.0, 0.0, SIDE, SIDE], "landmarks": {}, "detector": "drawn"}
            picture.faces.append(
                Face(number=0, confidence=1.0, pixels_sha256=digest, **both, **crop, **found)
            )
            session.add(picture)
    return shown


def transfers(workspace: Workspace, shown: dict[str, Expression]) -> list[PanelPicture]:
    """Every third face stands for a transfer."""
    files = [(workspace.faces / digest[:2] / f"{digest}.png", target) for digest, target in shown.items()]
    return [PanelPicture(file, target) for file, target in files[::3]]


def vote(catalog: Catalog, campaign: int, kind: str, shown: dict[str, Expression], spared: int) -> None:
    """What the three have said so far; Yuki has left out some, or all but `spared`."""
    dice = random.Random(f"votes {kind}")
    with catalog.session() as session:
        items = session.scalars(select(Item).where(Item.campaign_id == campaign).order_by(Item.number)).all()
        seen = {item.id: item.face_id and session.get_one(Face, item.face_id).pixels_sha256 for item in items}
        truth = {item.id: shown.get(seen[item.id] or "") or item.about.get("target") for item in items}
        for name, (errors, share) in PEOPLE.items():
            person = session.scalars(select(Annotator.id).where(Annotator.name == name)).one()
            many = len(items) - spared if spared and share < 1 else int(share * len(items))
            mine = dice.sample(items, many)
            begun = now() - timedelta(hours=dice.uniform(3, 40))
            casts: list[Cast] = []
            for at, item in enumerate(mine):
                said = dice.choice(ANSWERS[kind]) if dice.random() < errors else str(truth[item.id])
                took = int(dice.lognormvariate(7.4, 0.4))
                when = begun + timedelta(seconds=3 * at)
                casts.append(
                    Cast(
                        UUID(int=dice.getrandbits(128), version=4),
                        campaign,
                        item.id,
                        person,
                        said,
                        took,
                        when,
                    )
                )
            assert not any(record(session, casts))


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """A workspace and its service."""
    workspace = Workspace(folder)
    with closing(workspace.open()) as catalog:
        shown = fill(workspace, catalog)
        clean = new_clean(catalog, "spring").id
        panel = new_panel(workspace, catalog, "transfers", transfers(workspace, shown)).id
        with catalog.session() as session:
            roles = dict.fromkeys(PEOPLE, "annotator") | {"Boss": "admin", "小百合": "reviewer"}
            tokens = {name: invite(session, name, role) for name, role in roles.items()}
        vote(catalog, clean, "clean", shown, 0)
        vote(catalog, panel, "panel", {}, PANEL_LEFT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "kaogae.cli",
        "label",
        "serve",
        "--port",
        port,
        "--workspace",
        str(folder),
    ]
    service = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/api/v1/health").close()
                break
            except OSError:
                if service.poll() is not None:
                    sys.exit("The service doesn't start.")
                time.sleep(0.1)
        yield Stage(url, clean, panel, {name: f"{url}/#{token}" for name, token in tokens.items()})
    finally:
        service.terminate()
        service.wait()


class Camera:
    """Takes the pictures of one device."""

    def __init__(
        self,
        browser: Browser,
        folder: Path,
        device: dict[str, Any],
        suffix: str,
        wanted: set[str],
        **options: Any,
    ) -> None:
        self.context = browser.new_context(
            **{"locale": "en-GB", "reduced_motion": "reduce", **device, **options}
        )
        self.context.add_init_script(THINKING)
        self.page: Page = self.context.new_page()
        self.folder, self.suffix, self.wanted = folder, suffix, wanted

    def shoot(self, name: str, part: str = "") -> None:
        """What is on the screen, or one part of the page."""
        page = self.page
        if self.wanted and name not in self.wanted:
            return
        page.wait_for_load_state("networkidle")
        page.evaluate(
            "Promise.all([...document.images].filter((one) => one.getBoundingClientRect().top < innerHeight)"
            ".map((one) => (one.loading = 'eager', one.decode().catch(() => 0))))"
        )
        seen = page.locator(part) if part else page
        taken = Image.open(io.BytesIO(seen.screenshot(animations="disabled", caret="hide")))
        path = self.folder / f"{name}{self.suffix}.webp"
        for quality in (80, 72, 64, 56):
            taken.convert("RGB").save(path, quality=quality, method=6)
            if path.stat().st_size <= SIZE_MOST:
                break

    def enter(self, link: str, there: str = "a[data-campaign]") -> None:
        self.page.goto(link)
        self.page.locator(there).first.wait_for()

    def campaign(self, number: int, name: str = "") -> None:
        """From the start page to the first face; the examples are taken on the way."""
        self.page.locator(f'a[data-campaign="{number}"]').click()
        self.page.locator("dialog.examples").wait_for()
        if name:
            self.shoot(name)
        self.page.keyboard.press("Escape")
        self.page.locator("#face").wait_for()

    def vote(self, *verdicts: str) -> None:
        for verdict in verdicts:
            self.page.evaluate("think(2200)")
            self.page.locator(f'[data-verdict="{verdict}"]').click()

    def close(self) -> None:
        self.context.close()


def annotating(camera: Camera, seen: Stage) -> None:
    """The app on a phone, as one gets to know it."""
    page = camera.page
    page.goto(seen.url)
    page.locator("#link").wait_for()
    camera.shoot("sign-in")
    camera.enter(seen.links["Yuki"])
    camera.shoot("home")
    camera.campaign(seen.clean, "examples")
    camera.shoot("label")
    swipe(camera)
    page.locator('[data-action="fan"]').click()
    camera.shoot("fan")
    page.keyboard.press("Escape")
    page.locator('[data-action="zoom"]').click()
    page.get_by_role("button", name="Larger").or_(page.get_by_role("button", name="大きく")).click()
    camera.shoot("zoom")
    page.keyboard.press("Escape")
    camera.context.set_offline(True)
    camera.vote("happy", "sad", "happy")
    expect(page.locator("#waiting")).to_contain_text("3")
    page.locator("#offline").wait_for()
    camera.shoot("offline")
    camera.vote("happy")
    page.locator('[data-action="undo"]').click()
    camera.context.set_offline(False)
    expect(page.locator("#waiting")).to_be_hidden()
    page.locator(".top a").first.click()
    camera.campaign(seen.panel)
    camera.shoot("panel")


def swipe(camera: Camera) -> None:
    """A face on its way to being kept, and back."""
    box = camera.page.locator(".deck").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = camera.context.new_cdp_session(camera.page)

    def finger(kind: str, *points: tuple[float, float]) -> None:
        where = [{"x": x + dx, "y": y + dy} for dx, dy in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    finger("touchStart", (0, 0))
    for step in range(9):
        finger("touchMove", (12 * step, step))
    camera.shoot("swipe")
    for step in range(9):
        finger("touchMove", (96 - 12 * step, 8 - step))
    finger("touchEnd")


def finishing(camera: Camera, seen: Stage) -> None:
    """The end of the panel."""
    camera.enter(seen.links["Yuki"])
    camera.campaign(seen.panel)
    camera.vote(*["happy"] * PANEL_LEFT)
    camera.page.locator("#situation h2").wait_for()
    expect(camera.page.locator("#waiting")).to_be_hidden()
    camera.shoot("done")


def wide(camera: Camera, seen: Stage) -> None:
    """Judging on a larger screen."""
    camera.enter(seen.links["Yuki"])
    camera.campaign(seen.clean)
    camera.shoot("label")


def administering(camera: Camera, seen: Stage) -> None:
    """The admin's and the reviewer's pages."""
    camera.enter(seen.links["Boss"])
    camera.enter(f"{seen.url}/admin", "li[data-campaign]")
    camera.shoot("admin")
    camera.enter(f"{seen.url}/admin#campaign={seen.clean}", "#matrix td")
    camera.shoot("campaign")
    camera.shoot("agreement", "#agreement")
    camera.enter(f"{seen.url}/review#campaign={seen.clean}", "#face[data-item]")
    camera.shoot("review")
    camera.enter(f"{seen.url}/admin#view=people", "#people td")
    camera.shoot("people")


def inviting(camera: Camera, seen: Stage) -> None:
    """The dialog with a personal link."""
    page = camera.page
    camera.enter(seen.links["Boss"])
    camera.enter(f"{seen.url}/admin#view=people", "#people td")
    page.locator("#invite-form [name=name]").fill("Kaito")
    page.locator("#invite-form [type=submit]").click()
    page.locator("dialog img").wait_for()
    camera.shoot("invitation")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/images/label"))
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or sys.exit("Chromium isn't installed: `make servers` as root.")
    with tempfile.TemporaryDirectory() as place, stage(Path(place)) as seen, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        dark = {"color_scheme": "dark"}
        for act, device, suffix, wanted, options in (
            (annotating, PHONE, "", set(), {}),
            (annotating, PHONE, "-dark", {"home", "label", "fan"}, dark),
            (annotating, PHONE, "-ja", {"home", "label"}, {"locale": "ja-JP"}),
            (wide, TABLET, "-tablet", set(), {}),
            (wide, DESKTOP, "-desktop", set(), {}),
            (wide, DESKTOP, "-desktop-dark", set(), dark),
            (administering, PAGE, "", set(), {}),
            (administering, PHONE, "-phone-dark", {"admin", "review"}, dark),
            (inviting, PHONE, "", set(), {}),
            (finishing, PHONE, "", set(), {}),
        ):
            camera = Camera(browser, folder, device, suffix, wanted, **options)
            act(camera, seen)
            camera.close()
        browser.close()


if __name__ == "__main__":
    main()
