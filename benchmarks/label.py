"""What the label service bears, and how soon the app shows the next face.

votes: `kaogae label serve` in a fresh workspace, and 50 annotators who each take 50 items, vote on one after
the other and take more, as the app does, all on two cores: as fast as they can, then 500 votes a second, then
the server is killed in the middle of a burst, and what it had acknowledged is looked for in the database.
Beside it the naive service in the same run: the same one, but each vote is a transaction of its own.
load: what the app's first load fetches, without pictures.
frames: from the vote to the next face on the screen: Chromium, a phone's page, with a slowed processor too.

    python benchmarks/label.py votes [--postgres postgresql+psycopg://user@host/empty-database]
    python benchmarks/label.py load
    python benchmarks/label.py frames

Exit code 1 if a limit isn't met.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import numpy as np
import typer
from anyio import CapacityLimiter, to_thread
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from kaogae.catalog import Catalog, Face, Picture, Vote, Workspace
from kaogae.expressions import EXPRESSIONS
from kaogae.label.campaigns import new_clean
from kaogae.label.ledger import Cast, record
from kaogae.label.people import invite

T = TypeVar("T")

app = typer.Typer(add_completion=False)
VOTES_LIMIT, NEXT_LIMIT, LOAD_LIMIT = 500, 0.100, 150_000
"""Votes a second at least; seconds to the next items at the 99th percentile, bytes of the app at most."""
ANSWERS = (*(e.value for e in EXPRESSIONS), "other", "unusable")
HAND = 50
"""How many items the app takes; it asks for more when half of them are left."""
CHUNK = 5_000


class ServerError(Exception):
    """The server refused, or is gone."""


@dataclass
class Annotator:
    """One person's app: a connection that stays, a hand of items, and votes that aren't acknowledged yet."""

    port: int
    campaign: int
    token: str
    generator: random.Random
    cookie: str = ""
    hand: list[int] = field(default_factory=list)
    before: int | None = None
    """The item of the last vote, for undoing."""
    unsent: list[dict[str, Any]] = field(default_factory=list)
    acknowledged: set[UUID] = field(default_factory=set)
    vote_seconds: list[float] = field(default_factory=list)
    next_seconds: list[float] = field(default_factory=list)

    async def connect(self) -> None:
        """Open the connection; sign in where that hasn't happened yet."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        if not self.cookie:
            head, _ = await self.post("session", {"token": self.token})
            self.cookie = head.split("set-cookie: ")[1].split(";")[0]

    async def post(self, path: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Head and body of the answer."""
        data = json.dumps(body)
        self.writer.write(
            f"POST /api/v1/{path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {self.cookie}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n{data}".encode()
        )
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
            answer = json.loads(await self.reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError) as error:
            raise ServerError("the server is gone") from error
        if not head.startswith("HTTP/1.1 200"):
            raise ServerError(f"{head.splitlines()[0]}: {answer}")
        return head, answer

    async def take(self, hand: int = HAND) -> None:
        """Fill the hand."""
        begun = time.perf_counter()
        asked = {"count": hand - len(self.hand), "have": self.hand}
        _, answer = await self.post(f"campaigns/{self.campaign}/next", asked)
        self.next_seconds.append(time.perf_counter() - begun)
        self.hand = answer["keep"] + [item["id"] for item in answer["items"]]
        if not self.hand:
            raise ServerError("the campaign is too small for this run: give more --items")

    def vote(self) -> None:
        """Two of a hundred are undone, two skipped."""
        dice = self.generator.random()
        if dice < 0.02 and self.before is not None:
            item, verdict, self.before = self.before, "undone", None
            self.hand.insert(0, item)
        else:
            item = self.before = self.hand.pop(0)
            verdict = "skipped" if dice > 0.98 else self.generator.choice(ANSWERS)
        self.unsent.append(
            {"id": str(uuid4()), "item": item, "verdict": verdict, "took_ms": 800, "ago_ms": 0}
        )

    async def send(self) -> None:
        """Everything that waits."""
        _, answer = await self.post(f"campaigns/{self.campaign}/votes", {"votes": self.unsent})
        if answer["refused"]:
            raise ServerError(f"refused: {answer['refused'][0]['reason']}")
        self.acknowledged |= {UUID(name) for name in answer["accepted"]}
        self.unsent = []

    async def work(self, until: float, pause: float) -> None:
        """Vote every `pause` seconds; if that is 0, as soon as the last vote is acknowledged.

        A vote's time runs from the moment at which it was meant to be cast: one that has to wait because the
        one before isn't acknowledged is sent with those after it, as the app does.
        """
        due = time.perf_counter() + self.generator.random() * pause
        while (now := time.perf_counter()) < until:
            if now < due:
                await asyncio.sleep(due - now)
            cast = []
            while due <= time.perf_counter() and len(cast) < HAND // 2:
                cast.append(due)
                self.vote()
                due = due + pause if pause else float("inf")
            await self.send()
            done = time.perf_counter()
            self.vote_seconds += [done - moment for moment in cast]
            if len(self.hand) <= HAND // 2:
                await self.take()
            due = due if pause else time.perf_counter()


@dataclass
class Server:
    """The service as a process of its own, on a port of this machine that stays its own."""

    command: Sequence[object]
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Ready when this returns."""
        words = [*map(str, self.command), "--port", str(self.port)]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.1):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        sys.exit("The server doesn't start.")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Gone when this returns."""
        assert self.process
        self.process.send_signal(how)
        self.process.wait()

    def processor(self) -> float:
        """Processor seconds that it has used (Linux)."""
        assert self.process
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Phase:
    """What everybody saw in some seconds."""

    name: str
    votes: int
    seconds: float
    vote: np.ndarray
    """Seconds from each vote to its acknowledgement."""
    next: np.ndarray
    """Seconds that each taking of items took."""
    errors: list[str]
    server: float
    people: float
    """Processor seconds of the server, and of the annotators."""

    def __str__(self) -> str:
        """One row of the table."""
        times = [percentile(values, q) for values in (self.vote, self.next) for q in (50, 99)]
        shown = " ".join("         " if time is None else f"{1000 * time:9.1f}" for time in times)
        busy = f"{self.server / self.seconds:7.0%} {self.people / self.seconds:7.0%}"
        return f"{self.name:24} {self.rate:8.0f} {shown} {len(self.errors):7} {busy}"

    @property
    def rate(self) -> float:
        """Votes acknowledged, a second."""
        return self.votes / self.seconds

    def over(self, pace: float) -> bool:
        """Whether a limit isn't met; say which."""
        late = percentile(self.next, 99) or 0
        broken = self.rate < 0.97 * pace or late > NEXT_LIMIT or bool(self.errors)
        if broken:
            print(f"OVER: {self.name}: {self.rate:.0f} votes/s, next {1000 * late:.0f} ms", *set(self.errors))
        return broken


HEADER = f"{'milliseconds':24}  votes/s  vote p50  vote p99  next p50  next p99  errors  server  people"


def percentile(values: np.ndarray, q: float) -> float | None:
    """None of nothing."""
    return float(np.percentile(values, q)) if len(values) else None


@app.command()
def votes(
    postgres: str | None = typer.Option(None, help="An empty database; default: an SQLite file."),
    annotators: int = 50,
    seconds: float = typer.Option(15.0, help="Of each phase."),
    pace: float = typer.Option(500, help="Votes a second of the paced phase, all annotators together."),
    faces: int = typer.Option(30_000, help="Items of the campaign; three annotators each."),
    cores: int = typer.Option(2, help="Of the server and the annotators together."),
    folder: Path | None = typer.Option(None, help="Of the workspace, on a disk that is one."),
) -> None:
    """Votes a second, acknowledged and durable; seconds to the next items."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        workspace = Workspace(Path(temporary, "workspace"), postgres)
        catalog = workspace.open()
        fill(catalog, faces)
        print(f"{annotators} annotators, {faces:,} items; {cores} cores for the server and the annotators")
        print(f"{catalog.place}; a block is on the disk after {1000 * sync_seconds(Path(temporary)):.2f} ms")
        print(f"\n{HEADER}")
        trial = partial(Trial, workspace, catalog, seconds=seconds, pause=annotators / pace)
        fast, paced = trial("together", prepare(catalog, "together", annotators)).run()
        naive, _ = trial("alone", prepare(catalog, "alone", annotators)).run()
        catalog.close()
    print(f"\nGreatest rate, together to alone: {fast.rate / naive.rate:.2f}")
    sys.exit(any([fast.over(VOTES_LIMIT), paced.over(pace)]))


class Trial:
    """Everybody votes in a campaign of one service."""

    def __init__(
        self,
        workspace: Workspace,
        catalog: Catalog,
        name: str,
        prepared: tuple[int, list[str]],
        *,
        seconds: float,
        pause: float,
    ) -> None:
        """`prepared`: the campaign and a token for each; `pause`: between two votes of one annotator."""
        self.catalog, self.name, self.seconds, self.pause = catalog, name, seconds, pause
        own = ["--catalog", workspace.catalog_url] if workspace.catalog_url else []
        self.server = Server([*SERVE[name], "--workspace", workspace.folder, *own], free_port())
        self.campaign, tokens = prepared
        self.people = [
            Annotator(self.server.port, self.campaign, token, random.Random(number))
            for number, token in enumerate(tokens)
        ]

    def run(self) -> tuple[Phase, Phase]:
        """All phases; gives that of the greatest rate, and the paced one."""
        self.server.start()
        try:
            return asyncio.run(self.phases())
        finally:
            self.server.stop(signal.SIGKILL)

    async def phases(self) -> tuple[Phase, Phase]:
        """Everybody arrives, votes as fast as possible, then at a pace; then the server is killed."""

        async def arrive(person: Annotator, _: float) -> None:
            await person.connect()
            await person.take(person.generator.randint(HAND // 2, HAND))  # people aren't in step

        first = await self.phase("arriving", arrive)
        if first.errors:
            sys.exit(first.errors[0])
        fast = await self.phase("greatest rate", lambda person, end: person.work(end, 0))
        paced = await self.phase("paced", lambda person, end: person.work(end, self.pause))
        await self.kill()
        return fast, paced

    async def phase(self, what: str, act: Callable[[Annotator, float], Awaitable[None]]) -> Phase:
        """Everybody acts at once; prints a row."""
        for person in self.people:
            person.vote_seconds, person.next_seconds = [], []
        before = sum(len(person.acknowledged) for person in self.people)
        busy, own, begun = self.server.processor(), time.process_time(), time.perf_counter()
        acts = [act(person, begun + self.seconds) for person in self.people]
        ends = await asyncio.gather(*acts, return_exceptions=True)
        phase = Phase(
            name=f"{self.name}: {what}",
            votes=sum(len(person.acknowledged) for person in self.people) - before,
            seconds=time.perf_counter() - begun,
            vote=np.concatenate([person.vote_seconds for person in self.people]),
            next=np.concatenate([person.next_seconds for person in self.people]),
            errors=[str(end) for end in ends if end is not None],
            server=self.server.processor() - busy,
            people=time.process_time() - own,
        )
        print(phase, flush=True)
        return phase

    async def kill(self) -> None:
        """SIGKILL in a burst: what was acknowledged is there; what wasn't is sent again, and counts once."""
        burst = [asyncio.create_task(person.work(float("inf"), 0)) for person in self.people]
        await asyncio.sleep(1 + random.random())
        self.server.stop(signal.SIGKILL)
        await asyncio.gather(*burst, return_exceptions=True)
        there, acknowledged = self.stored()
        print(f"  killed: {len(acknowledged):,} votes acknowledged, {len(acknowledged - there)} of them lost")
        self.server.start()
        for person in self.people:
            await person.connect()
            if person.unsent:
                await person.send()
        there, acknowledged = self.stored()
        print(f"  sent again: {len(acknowledged):,} acknowledged, {len(there):,} in the database")
        if there != acknowledged:
            sys.exit("Votes were lost or made up.")

    def stored(self) -> tuple[set[UUID], set[UUID]]:
        """The votes in the database, and those that were acknowledged."""
        with self.catalog.reading() as session:
            there = set(session.scalars(select(Vote.id).where(Vote.campaign_id == self.campaign)))
        return there, set[UUID]().union(*(person.acknowledged for person in self.people))


SERVE = {
    "together": [sys.executable, "-m", "kaogae.cli", "label", "serve"],
    "alone": [sys.executable, __file__, "naive"],
}
"""How votes come into the database: those that wait in one transaction, or each in its own."""


def prepare(catalog: Catalog, name: str, annotators: int) -> tuple[int, list[str]]:
    """A campaign over all faces, and an invitation for each annotator."""
    campaign = new_clean(catalog, name).id
    with catalog.session() as session:
        tokens = [
            invite(session, f"{name} {number}", "annotator", [campaign], 1) for number in range(annotators)
        ]
    return campaign, tokens


def fill(catalog: Catalog, faces: int) -> None:
    """Made-up faces, in bulk: nobody looks at their crops here."""
    for start in range(0, faces, CHUNK):
        numbers = range(start, min(start + CHUNK, faces))
        with catalog.session() as session:
            session.execute(insert(Picture), [picture(number) for number in numbers])
            session.execute(insert(Face), [face(number) for number in numbers])
    if catalog.engine.dialect.name == "postgresql":
        with catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("vacuum analyze")


def picture(number: int) -> dict[str, Any]:
    """A row, as `collect` would write it."""
    digest = hashlib.sha256(f"p{number}".encode()).hexdigest()
    return {"id": number + 1, "site": "danbooru", "post": str(number), "sha256": digest, "state": "searched"}


def face(number: int) -> dict[str, Any]:
    """A row, as `faces` would write it."""
    digest = hashlib.sha256(f"f{number}".encode()).hexdigest()
    return {
        "id": number + 1,
        "picture_id": number + 1,
        "number": 0,
        "site": "danbooru",
        "box": [0.0, 0.0, 100.0, 100.0],
        "landmarks": {},
        "confidence": 1.0,
        "detector": "animeface",
        "matrix": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        "side": 100.0,
        "size": 100,
        "file": f"faces/{digest[:2]}/{digest}.png",
        "pixels_sha256": digest,
        "expression": EXPRESSIONS[number % 5].value,
        "label_origin": "tag",
    }


def sync_seconds(folder: Path) -> float:
    """How long the disk takes to keep a block: what every transaction waits for."""
    times: list[float] = []
    with (folder / "block").open("wb") as file:
        for _ in range(100):
            file.write(bytes(4096))
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begun)
    return float(np.median(times))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@app.command()
def load() -> None:
    """Bytes of the first load: every file of the app, whether its first screen needs it or not."""
    import httpx

    with served(1) as (address, _), httpx.Client(base_url=address) as client:
        worker = client.get("/sw.js").text
        shell = json.loads(worker[worker.index("{") : worker.index("};") + 1])
        names = [name for name in (*shell["files"], "/sw.js") if not name.endswith(".png")]
        sizes = {}
        for encoding in ("identity", "gzip"):
            for name in names:
                with client.stream("GET", name, headers={"Accept-Encoding": encoding}) as answer:
                    answer.raise_for_status()
                    sizes[name, encoding] = sum(map(len, answer.iter_raw()))
    for name in sorted(names, key=lambda name: -sizes[name, "gzip"]):
        print(f"{name:40} {sizes[name, 'identity']:9,} {sizes[name, 'gzip']:9,}")
    plain, packed = (sum(sizes[name, encoding] for name in names) for encoding in ("identity", "gzip"))
    print(f"{f'{len(names)} files':40} {plain:9,} {packed:9,} bytes, as they are and packed")
    sys.exit(packed > LOAD_LIMIT)


@app.command()
def frames(voting: int = typer.Option(50, help="How many votes."), pause: float = 0.5) -> None:
    """Frames from the vote to the next face, at 60 Hz."""
    from playwright.sync_api import sync_playwright

    late = False
    with served(2 * (voting + 10)) as (address, tokens), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for slowdown, token in zip((1, 4), tokens, strict=True):
            phone = browser.new_context(
                viewport={"width": 360, "height": 740}, device_scale_factor=3, is_mobile=True, has_touch=True
            )
            page = phone.new_page()
            page.goto(f"{address}/#{token}")
            page.locator("a[data-campaign]").first.tap()
            page.locator("dialog.examples .sheet-end button").tap()
            page.locator("#face").wait_for()
            phone.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
            page.evaluate(WATCH)
            for number in range(voting):
                time.sleep(pause)
                page.locator(f"[data-verdict={ANSWERS[number % 5]}]").tap()
            time.sleep(2)
            seen = page.evaluate("window.seen")
            late |= report(slowdown, seen, voting)
            phone.close()
        browser.close()
    sys.exit(late)


def report(slowdown: int, seen: list[dict[str, float]], voting: int) -> bool:
    """Print how soon the next faces were there; whether one was late."""
    counts = [int(one["frames"]) for one in seen]
    times = sorted(one["ms"] for one in seen)
    shown = ", ".join(f"{counts.count(n)} after {n}" for n in sorted(set(counts)))
    print(f"processor slowed {slowdown}x: {len(seen)} votes; the next face in frames: {shown};", end=" ")
    print(f"median {np.median(times):.1f} ms, slowest {times[-1]:.1f} ms")
    return len(seen) != voting or max(counts) > 1


WATCH = """
() => {
  window.seen = [];
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-verdict]")) return;
    const item = () => document.querySelector("#face")?.dataset.item;
    const before = item();
    let frames = 0;
    const look = (now) => {
      frames += 1;
      const pictures = [...document.querySelectorAll("#face img, img#face")];
      const there = pictures.length && pictures.every((one) => one.complete && one.naturalWidth);
      if ((item() === before || !there) && frames < 120) requestAnimationFrame(look);
      else window.seen.push({ frames, ms: performance.now() - event.timeStamp });
    };
    requestAnimationFrame(look);
  }, true);
}
"""
"""Counts, from each tap on a verdict, the frames until one is drawn that shows another face."""


@contextlib.contextmanager
def served(faces: int) -> Iterator[tuple[str, list[str]]]:
    """The service over drawn faces: its address, and two invitations."""
    from PIL import Image

    from kaogae.atelier.expression import canonical
    from kaogae.atelier.portrait import Portrait

    with tempfile.TemporaryDirectory() as temporary:
        workspace = Workspace(Path(temporary, "workspace"))
        catalog = workspace.open()
        fill(catalog, faces)
        for number in range(faces):
            file = workspace.folder / face(number)["file"]
            file.parent.mkdir(parents=True, exist_ok=True)
            portrait = Portrait.from_seed(number // 5, roughness=0)
            Image.fromarray(portrait.render(canonical(EXPRESSIONS[number % 5]), 224)).save(file)
        _, tokens = prepare(catalog, "frames", 2)
        catalog.close()
        server = Server([*SERVE["together"], "--workspace", workspace.folder], free_port())
        server.start()
        try:
            yield f"http://127.0.0.1:{server.port}", tokens
        finally:
            server.stop()


class Alone:
    """In the writer's place: commits what each request brings, one after the other, as simple services do."""

    def __init__(self, catalog: Catalog) -> None:
        """`catalog`: to write into."""
        self._catalog, self._limiter = catalog, CapacityLimiter(1)

    async def record(self, casts: Sequence[Cast]) -> list[str | None]:
        """As the writer's."""
        return await self.call(lambda session: record(session, casts))

    async def call(self, function: Callable[[Session], T]) -> T:
        """As the writer's."""

        def write() -> T:
            with self._catalog.session() as session:
                return function(session)

        return await to_thread.run_sync(write, limiter=self._limiter)

    def close(self) -> None:
        """Nothing waits."""


@app.command(hidden=True)
def naive(
    port: int = typer.Option(...), workspace: Path = typer.Option(...), catalog: str | None = None
) -> None:
    """`kaogae label serve` with a transaction for each request."""
    from kaogae.label.service import app as service
    from kaogae.label.service.server import listen, serve

    service.Writer = Alone
    place = Workspace(workspace, catalog)
    opened = place.open()
    serve(service.create_app(place, opened), listen("127.0.0.1", port))


if __name__ == "__main__":
    app()
