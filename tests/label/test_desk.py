"""The app's desk in a real browser, against a service that can be told to fail in every way there is."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from kaogae.label.service.files import File, load

CHROMIUM = "/usr/bin/chromium"
NAME = "kaogae.test"
"""A host name that isn't loopback, so that plain http is no secure context."""
ANSWERS = ["happy", "sad", "crying", "neutral", "surprised", "other", "unusable"]
PIXEL = bytes.fromhex("524946461a000000574542505650384c0d0000002f00000010071011118888fe0700")


class Service:
    """Says what the real one says, to whoever its cookie names, and remembers everything it was sent."""

    def __init__(self, items: int = 30) -> None:
        self.items = list(range(1, items + 1))
        self.open = True
        self.votes: dict[str, dict[str, Any]] = {}
        self.arrivals: list[tuple[str, str]] = []
        """(UUID, verdict) of each time that a vote arrived."""
        self.requests: list[str] = []
        self.images: list[int] = []
        self.mood: Callable[[str], str | None] = lambda _: None
        """Of a path: None, or "refuse 403", "commit and fail", "commit and hang", "hang", "page"."""
        self.refused: dict[int, str] = {}
        self.lock = threading.Lock()
        self.shell: dict[str, File] = load()
        self.stop = threading.Event()

    def standing(self, name: str) -> dict[int, str]:
        """What somebody's votes come to."""
        verdicts: dict[int, str] = {}
        for vote in sorted(self.votes.values(), key=lambda vote: vote["at"]):
            if vote["by"] == name:
                verdicts[vote["item"]] = vote["verdict"]
        return {item: verdict for item, verdict in verdicts.items() if verdict not in ("undone", "skipped")}

    def progress(self, name: str) -> dict[str, int]:
        """As the API has it."""
        mine = len(self.standing(name))
        return {"items": len(self.items), "mine": mine, "left": len(self.items) - mine, "settled": 0}

    def card(self, name: str) -> dict[str, Any]:
        """The one campaign."""
        return {
            "id": 1,
            "name": "cleaning",
            "kind": "clean",
            "blind": False,
            "answers": ANSWERS,
            "open": self.open,
            "progress": self.progress(name),
            "disputed": None,
        }

    def answer(self, method: str, path: str, name: str, body: Any) -> tuple[int, Any]:
        """Status and JSON."""
        if path == "/api/v1/health":
            return 200, {"ok": True}
        if path == "/api/v1/session" and method == "POST":
            name = body["token"]
        if not name:
            return 401, {"detail": "Sign in first."}
        if path == "/api/v1/session":
            return 200, {"name": name, "role": "annotator", "campaigns": [self.card(name)]}
        if path.endswith("/next"):
            held = self.standing(name)
            free = [item for item in self.items if item not in held]
            new = [item for item in free if item not in body["have"]][: body["count"]]
            keep = [item for item in body["have"] if item in free]
            cards = [{"id": item, "label": "happy"} for item in new]
            return 200, {"items": cards, "keep": keep, "progress": self.progress(name)}
        if path.endswith("/votes"):
            return 200, self.record(name, body["votes"])
        return 404, {"detail": "There is nothing here."}

    def record(self, name: str, votes: list[dict[str, Any]]) -> dict[str, Any]:
        """Each UUID once."""
        arrived, accepted, refused = time.time() * 1000, [], []
        for vote in votes:
            self.arrivals.append((vote["id"], vote["verdict"]))
            if vote["item"] in self.refused:
                refused.append({"id": vote["id"], "reason": self.refused[vote["item"]]})
                continue
            accepted.append(vote["id"])
            self.votes.setdefault(vote["id"], vote | {"by": name, "at": arrived - vote["ago_ms"]})
        return {"accepted": accepted, "refused": refused, "progress": self.progress(name)}


class Handler(BaseHTTPRequestHandler):
    """HTTP around a Service."""

    protocol_version = "HTTP/1.1"
    service: Service

    def log_message(self, *_: Any) -> None:  # noqa: D102
        pass

    def respond(self, status: int, kind: str, data: bytes, **headers: str) -> None:
        """One whole response."""
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self) -> None:
        """One request."""
        service, path = self.service, self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "/empty":
            return self.respond(200, "text/html", b"<!doctype html><title>Desk</title>")
        if not path.startswith("/api/"):
            file = service.shell.get(path)
            return self.respond(200, file.kind, file.data) if file else self.respond(404, "text/plain", b"")
        mood = service.mood(path)
        name = (self.headers.get("Cookie") or "").partition("name=")[2].partition(";")[0]
        with service.lock:
            service.requests.append(path)
        if mood == "hang":
            service.stop.wait(60)
            return None
        if mood == "page":
            return self.respond(200, "text/html", b"<p>Welcome to our hotel</p>")
        if mood and mood.startswith("refuse"):
            return self.respond(int(mood.split()[1]), "application/json", b'{"detail": "No."}')
        if path.endswith("/image"):
            service.images.append(int(path.split("/")[-2]))
            return self.respond(
                200, "image/webp", PIXEL, Cache_Control="private, max-age=31536000, immutable"
            )
        with service.lock:
            status, answer = service.answer(self.command, path, name, json.loads(body) if body else None)
        if mood == "commit and hang":
            service.stop.wait(60)
            return None
        if mood == "commit and fail":
            status, answer = 500, {"detail": "Something went wrong."}
        headers = (
            {"Set_Cookie": f"name={answer['name']}; HttpOnly; SameSite=Strict"} if "name" in answer else {}
        )
        return self.respond(status, "application/json", json.dumps(answer).encode(), **headers)

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815


@pytest.fixture
def service() -> Iterator[Service]:
    """One with 30 items, on loopback: its `port`."""
    service = Service()
    handler = type("Bound", (Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    service.port = server.server_address[1]  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield service
    service.stop.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's."""
    if not Path(CHROMIUM).exists():
        pytest.skip("There is no chromium.")
    rules = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", rules])
        yield browser
        browser.close()


@pytest.fixture(params=["127.0.0.1", NAME], ids=["secure", "plain"])
def host(request: pytest.FixtureRequest) -> str:
    """A secure context, and plain http in somebody's home."""
    return request.param


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser with nothing in it."""
    context = chromium.new_context()
    yield context
    context.close()


OPEN = """async (name) => {
  const [{ Desk }, person] = await Promise.all([import("/js/desk.js"), import("/js/desk/person.js")]);
  const me = name ? await person.signIn(name) : await person.whoami();
  window.desk = await Desk.open(me.campaigns[0]);
}"""
STATE = """() => ({current: desk.current?.id ?? null, situation: desk.situation, waiting: desk.waiting,
  online: desk.online, trouble: desk.trouble, mine: desk.progress.mine, canUndo: desk.canUndo,
  refusals: desk.refusals})"""


class Tab:
    """A page with a desk on it."""

    def __init__(self, context: BrowserContext, service: Service, host: str = "127.0.0.1") -> None:
        self.page: Page = context.new_page()
        self.origin = f"http://{host}:{service.port}"  # type: ignore[attr-defined]
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def start(self, name: str | None = "Yuki") -> "Tab":
        """Load the page and open the desk: signed in by the invitation of `name`, or by what is remembered."""
        self.page.goto(f"{self.origin}/empty")
        self.page.evaluate(OPEN, name)
        return self

    def state(self) -> dict[str, Any]:
        """What the desk says."""
        return self.page.evaluate(STATE)

    def until(self, condition: str, seconds: float = 15) -> "Tab":
        """Wait for a condition of `desk`."""
        self.page.wait_for_function(f"() => {condition}", timeout=seconds * 1000, polling=20)
        return self

    def vote(self, verdict: str = "happy") -> int:
        """Vote on what is current; gives the item."""
        script = "(verdict) => { const {id} = desk.current; desk.vote(verdict); return id; }"
        return self.page.evaluate(script, verdict)


def once(service: Service) -> bool:
    """Whether every vote is there, and none counts twice."""
    return max(Counter(vote["item"] for vote in service.votes.values()).values(), default=0) <= 1


def test_votes_go_one_by_one_while_there_is_a_network(
    service: Service, phone: BrowserContext, host: str
) -> None:
    tab = Tab(phone, service, host).start().until("desk.current")
    judged = [tab.vote() for _ in range(10)]
    assert len(set(judged)) == 10
    tab.until("desk.waiting === 0")
    assert set(service.standing("Yuki")) == set(judged)
    assert tab.state()["mine"] == 10
    assert not tab.problems
