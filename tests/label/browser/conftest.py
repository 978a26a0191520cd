"""A real Chromium before the real service: phones, tablets and desktops, and what people do with them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from sqlalchemy import select

from kaogae.catalog import Annotator, Vote, Workspace

DEVICES: dict[str, dict[str, Any]] = {
    "phone": {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2},
    "tablet": {"viewport": {"width": 820, "height": 1180}, "device_scale_factor": 2},
    "desktop": {"viewport": {"width": 1440, "height": 900}},
}
PICTURES = """async () => {
  let count = 0;
  for (const name of await caches.keys()) {
    if (name.startsWith("kaogae-pictures-")) count += (await (await caches.open(name)).keys()).length;
  }
  return count;
}"""
CONTROLLED = """() => new Promise((controlled, failed) => {
  const { serviceWorker } = navigator;
  if (serviceWorker.controller) controlled();
  serviceWorker.addEventListener("controllerchange", () => controlled());
  setTimeout(() => failed(new Error("no service worker")), 10_000);
})"""
expect.set_options(timeout=10_000)


@pytest.fixture(scope="module")  # not for the session: while it runs, no other test can use asyncio
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(chromium: str, playwright: Playwright) -> Iterator[Browser]:
    """Chromium, without a window."""
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    yield browser
    browser.close()


class Fork:
    """A service that the script beside these tests forked: what is used here of a `subprocess.Popen`."""

    def __init__(self, pid: int, ask: Callable[..., Any]) -> None:
        self.pid, self.returncode, self._ask = pid, None, ask

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._ask(ended=self.pid)
        return self.returncode

    def wait(self, timeout: float = 60) -> int:
        until = time.monotonic() + timeout
        while self.poll() is None:
            assert time.monotonic() < until, "the service doesn't end"
            time.sleep(0.01)
        return self.returncode or 0

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Fork]]:
    """Services that are there at once: what they import takes longer than most tests.

    That one starts afresh too, as a person starts it, is what test_serving.py is about.
    """
    script = Path(__file__).with_name("forks.py")
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        asked, answers = server.stdin, server.stdout
        assert asked is not None
        assert answers is not None

        def ask(**order: Any) -> Any:
            print(json.dumps(order), file=asked, flush=True)
            return json.loads(answers.readline())

        yield lambda arguments, log: Fork(ask(arguments=arguments, log=str(log)), ask)
        asked.close()


class Trouble:
    """What browsers complain about: errors in the console and in scripts, and requests that failed."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.expected: list[str] = []

    def expect(self, *patterns: str) -> None:
        """What fits one of these is no trouble in this test."""
        self.expected += patterns

    def watch(self, context: BrowserContext) -> None:
        context.on(
            "console",
            lambda said: said.type == "error" and self.found.append(f"{said.text} {said.location['url']}"),
        )
        context.on("weberror", lambda error: self.found.append(str(error.error)))
        context.on("requestfailed", lambda request: self.found.append(f"{request.failure} {request.url}"))

    @property
    def unexpected(self) -> list[str]:
        return [text for text in self.found if not any(re.search(known, text) for known in self.expected)]


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    """Fails a test in which a browser complains about what the test doesn't expect."""
    trouble = Trouble()
    yield trouble
    assert not trouble.unexpected


@pytest.fixture
def device(browser: Browser, trouble: Trouble) -> Iterator[Callable[..., BrowserContext]]:
    """A browser of somebody's own, with nothing in it: `device("phone", locale="ja-JP")`."""
    contexts: list[BrowserContext] = []

    def make(name: str = "phone", **options: Any) -> BrowserContext:
        touch = {"is_mobile": True, "has_touch": True} if name != "desktop" else {}
        context = browser.new_context(**{"locale": "en-GB", **DEVICES[name], **touch, **options})
        context.set_default_timeout(10_000)
        trouble.watch(context)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


class Seat:
    """A person at a device, and what they do there."""

    def __init__(self, context: BrowserContext, link: str) -> None:
        self.context = context
        self.page: Page = context.new_page()
        self.page.goto(link)

    def open(self, campaign: int) -> "Seat":
        """From the start page to a campaign's first face, past the page that explains the expressions."""
        self.page.locator(f'a[data-campaign="{campaign}"]').click()
        self.page.locator("dialog.examples .sheet-end button").click()
        return self.ready()

    def another_tab(self, address: str = "") -> "Seat":
        """The same browser, at the same place."""
        return Seat(self.context, address or self.page.url).ready()

    def ready(self) -> "Seat":
        """Wait for a face."""
        expect(self.page.locator("#face")).to_be_visible()
        return self

    @property
    def face(self) -> int | None:
        """The item that is asked about; None at the end."""
        found = self.page.evaluate("document.querySelector('#face')?.dataset.item")
        return int(found) if found else None

    def act(self, selector: str) -> int:
        """Tap something that answers for the face; gives its item. Another one is there when this returns."""
        before = self.face
        self.page.locator(selector).click(
            force=True
        )  # without waiting until the last vote's animation is over
        assert self.face != before
        return before or 0

    def vote(self, verdict: str) -> int:
        return self.act(f'[data-verdict="{verdict}"]')

    def stored(self, pictures: int = 0) -> "Seat":
        """Wait until the service worker has the app on the device, and so many pictures are there too."""
        self.page.evaluate(CONTROLLED)
        until = time.monotonic() + 10
        while self.page.evaluate(PICTURES) < pictures:
            assert time.monotonic() < until, "the pictures don't come"
            time.sleep(0.02)
        return self

    def waits(self, count: int) -> None:
        """Wait until the app says how many votes aren't sent yet."""
        waiting = self.page.locator("#waiting")
        if count:
            expect(waiting).to_have_text(re.compile(rf"\b{count}\b"))
        else:
            expect(waiting).to_be_hidden()


@pytest.fixture
def seat(device: Callable[..., BrowserContext]) -> Callable[..., Seat]:
    """Sit down at a device with a personal link: `seat(link, "desktop")`, or `seat(link, context=...)`."""

    def sit(link: str, name: str = "phone", context: BrowserContext | None = None, **options: Any) -> Seat:
        return Seat(context or device(name, **options), link)

    return sit


@pytest.fixture
def votes() -> Callable[[Workspace], Counter[tuple[str, int, str]]]:
    """`votes(workspace)`: how many votes the catalogue has now, by annotator, item and verdict."""

    def count(workspace: Workspace) -> Counter[tuple[str, int, str]]:
        catalog = workspace.open()
        with catalog.reading() as session:
            rows = session.execute(
                select(Annotator.name, Vote.item_id, Vote.verdict).join(
                    Annotator, Annotator.id == Vote.annotator_id
                )
            )
            found = Counter(tuple(row) for row in rows)
        catalog.close()
        return found

    return count
