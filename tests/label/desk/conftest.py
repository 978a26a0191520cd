"""The app's desk in a real browser, before a service that fails in whatever way it is told to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from kaogae.label.service.files import File, load

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
        """By their UUID: those that were accepted."""
        self.arrivals: list[dict[str, Any]] = []
        """Votes as often as they came."""
        self.images: list[int] = []
        self.refused: dict[int, str] = {}
        """Item -> why votes on it are refused."""
        self.poison: int | None = None
        """An item that makes every request with it invalid."""
        self.at_once = 0
        self.most_at_once = 0
        """How many requests with votes were under way together."""
        self.mood: Callable[[str], str | None] = lambda _: None
        """Path -> what happens: nothing special, "drop", "hang", "page", "slow", or a status;
        "deaf ..." does what is asked for first, but never says so."""
        self.shell: dict[str, File] = load()
        self.port = 0
        self.lock = threading.Lock()
        self.over = threading.Event()

    def fails(self, mood: str | None, only: str = "/api/") -> None:
        """From now on; None: it is well again."""
        self.mood = lambda path: mood if only in path else None

    def standing(self, name: str = "Yuki") -> dict[int, str]:
        """What somebody's votes come to, by item."""
        verdicts = {
            vote["item"]: vote["verdict"]
            for vote in sorted(self.votes.values(), key=lambda vote: vote["at"])
            if vote["by"] == name
        }
        return {item: verdict for item, verdict in verdicts.items() if verdict not in ("undone", "skipped")}

    def progress(self, name: str) -> dict[str, int]:
        mine = len(self.standing(name))
        return {"items": len(self.items), "mine": mine, "left": len(self.items) - mine, "settled": 0}

    def card(self, name: str) -> dict[str, Any]:
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
            return 200, {"key": name, "name": name, "role": "annotator", "campaigns": [self.card(name)]}
        if path.endswith("/next"):
            return 200, self.next(name, body)
        if path.endswith("/votes"):
            return self.record(name, body)
        return 404, {"detail": "There is nothing here."}

    def next(self, name: str, body: Any) -> Any:
        held = self.standing(name)
        free = [item for item in self.items if item not in held and self.open]
        new = [item for item in free if item not in body["have"]][: body["count"]]
        keep = [item for item in body["have"] if item in free]
        return {
            "items": [{"id": item, "label": "happy"} for item in new],
            "keep": keep,
            "progress": self.progress(name),
        }

    def record(self, name: str, body: Any) -> tuple[int, Any]:
        """Each UUID once."""
        if body["voter"] != name:
            return 409, {"detail": "These votes are somebody else's."}
        if self.poison in [vote["item"] for vote in body["votes"]]:
            return 422, {"detail": "One of these is no vote."}
        arrived = time.time() * 1000
        for vote in body["votes"]:
            self.arrivals.append(vote)
            if vote["item"] not in self.refused:
                self.votes.setdefault(vote["id"], vote | {"by": name, "at": arrived - vote["ago_ms"]})
        refused = [vote for vote in body["votes"] if vote["item"] in self.refused]
        return 200, {
            "accepted": [vote["id"] for vote in body["votes"] if vote not in refused],
            "refused": [{"id": vote["id"], "reason": self.refused[vote["item"]]} for vote in refused],
            "progress": self.progress(name),
        }


class Handler(BaseHTTPRequestHandler):
    """HTTP around a Service."""

    protocol_version = "HTTP/1.1"
    service: Service

    def log_message(self, *_: Any) -> None:
        pass

    def respond(self, status: int, kind: str, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def respond_json(self, status: int, answer: Any) -> None:
        headers = {"Set_Cookie": f"name={answer['name']}; HttpOnly; Path=/"} if "name" in answer else {}
        self.respond(status, "application/json", json.dumps(answer).encode(), **headers)

    def handle_any(self) -> None:
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "/empty":
            self.respond(200, "text/html", b"<!doctype html><title>Desk</title>")
        elif path.startswith("/api/"):
            self.handle_api(path, body)
        else:
            file = self.service.shell.get(path)
            self.respond(*((200, file.kind, file.data) if file else (404, "text/plain", b"")))

    def handle_api(self, path: str, body: bytes) -> None:
        service, mood = self.service, self.service.mood(path)
        if mood and not mood.startswith(("deaf", "slow")):
            return self.fail(mood)
        if path.endswith("/image"):
            service.images.append(int(path.split("/")[-2]))
            return self.respond(
                200, "image/webp", PIXEL, Cache_Control="private, max-age=31536000, immutable"
            )
        voting = path.endswith("/votes")
        with service.lock:
            service.at_once += voting
            service.most_at_once = max(service.most_at_once, service.at_once)
        if mood and "slow" in mood:
            service.over.wait(1)
        elif voting:
            time.sleep(0.005)
        name = (self.headers.get("Cookie") or "").partition("name=")[2].partition(";")[0]
        with service.lock:
            status, answer = service.answer(self.command, path, name, json.loads(body) if body else None)
            service.at_once -= voting
        if mood and mood.startswith("deaf"):
            return self.fail(mood.split()[-1])
        return self.respond_json(status, answer)

    def fail(self, mood: str) -> None:
        """In one of the ways there are."""
        if mood == "hang":
            self.service.over.wait(60)
        elif mood == "page":
            self.respond(200, "text/html", b"<p>Welcome to our hotel</p>")
        elif mood.isdecimal():
            self.respond_json(int(mood), {"detail": "No."})
        self.close_connection = True

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815


@pytest.fixture
def service() -> Iterator[Service]:
    """One with 30 items, on loopback."""
    service = Service()
    handler = type("Bound", (Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    service.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield service
    service.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")  # not for the session: while it runs, no other test could use asyncio
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    rules = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", rules])
    yield browser
    browser.close()


@pytest.fixture(params=["127.0.0.1", NAME], ids=["secure", "plain"])
def host(request: pytest.FixtureRequest) -> str:
    """A secure context, and plain http in somebody's home."""
    return request.param


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """A browser with nothing in it."""
    context = browser.new_context()
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
PICTURES = """async () => (await (await caches.open("kaogae-pictures-1")).keys())
  .map(({ url }) => Number(url.split("/").at(-2)))"""
QUEUED = """async () => {
  const { Store } = await import("/js/store.js");
  const store = await Store.open("Yuki");
  const { queue } = await store.view(1);
  store.close();
  return queue.length;
}"""
VOTE = "(verdict) => { const {id} = desk.current; return desk.vote(verdict) ? id : null; }"


class Tab:
    """A page with a desk on it."""

    def __init__(self, context: BrowserContext, service: Service, host: str, problems: list[str]) -> None:
        self.service = service
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: problems.append(str(error)))
        self.origin = f"http://{host}:{service.port}"

    def start(self, name: str | None = "Yuki") -> "Tab":
        """Load the page and open the desk: by the invitation of `name`, or as who is remembered."""
        self.page.goto(f"{self.origin}/empty")
        self.page.evaluate(OPEN, name)
        return self

    def state(self) -> dict[str, Any]:
        return self.page.evaluate(STATE)

    def until(self, condition: str, seconds: float = 15) -> "Tab":
        """Wait for a condition of `desk`."""
        self.page.wait_for_function(f"() => {condition}", timeout=seconds * 1000, polling=20)
        return self

    def sent(self) -> "Tab":
        return self.until("desk.waiting === 0")

    def stored(self, count: int) -> "Tab":
        """Wait until so many votes are on the disk: then the page may be closed."""
        self.eventually(f"({QUEUED})().then((queued) => queued === {count})")
        return self

    def ready(self) -> "Tab":
        return self.until("desk.current")

    def stocked(self) -> "Tab":
        """All that is to be had is here, pictures too: it could go offline now."""
        self.ready()
        if self.page.evaluate("'caches' in window"):
            self.eventually(f"({PICTURES})().then(({{length}}) => length === {len(self.service.items)})")
        return self

    def eventually(self, script: str, seconds: float = 15) -> None:
        """Wait until a promise gives something true."""
        deadline = time.monotonic() + seconds
        while not self.page.evaluate(script):
            assert time.monotonic() < deadline, f"it doesn't happen: {script}"
            time.sleep(0.02)

    def pictures(self) -> set[int]:
        """Items whose pictures are kept."""
        return set(self.page.evaluate(PICTURES))

    def vote(self, verdict: str = "happy") -> int | None:
        """Vote on what is current; gives the item."""
        return self.page.evaluate(VOTE, verdict)

    def undo(self) -> bool:
        return self.page.evaluate("desk.undo()")

    def again(self) -> None:
        """As if the network had come back."""
        self.page.evaluate("dispatchEvent(new Event('online'))")


@pytest.fixture
def tab(phone: BrowserContext, service: Service) -> Iterator[Callable[..., Tab]]:
    """`tab(host)` is another tab of the phone; the test fails if a script in one of them does."""
    problems: list[str] = []
    yield lambda host="127.0.0.1", context=phone: Tab(context, service, host, problems)
    assert not problems
