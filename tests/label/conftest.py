"""A workspace with drawn faces for people to look at, and the service that shows them."""

import hashlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from starlette.testclient import TestClient

from kaogae.atelier.expression import canonical
from kaogae.atelier.portrait import Portrait
from kaogae.catalog import Catalog, Face, Picture, Workspace
from kaogae.expressions import EXPRESSIONS, Expression

SIDE = 160


@cache
def drawn_face(number: int) -> tuple[bytes, str, Expression]:
    """PNG, hash of its pixels, expression: the same character shows all five in turn."""
    expression = EXPRESSIONS[number % 5]
    pixels = Portrait.from_seed(number // 5, roughness=0).render(canonical(expression), SIDE)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue(), hashlib.sha256(pixels.tobytes()).hexdigest(), expression


def fill(workspace: Workspace, catalog: Catalog, count: int) -> list[int]:
    """Add `count` drawn faces with the right labels, as `collect` and `faces` would; gives their rows."""
    with catalog.session() as session:
        for number in range(count):
            data, digest, expression = drawn_face(number)
            file = f"faces/{digest[:2]}/{digest}.png"
            path = workspace.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            picture = Picture(
                site="danbooru",
                post=str(number),
                sha256=digest,
                file=file,
                expression=expression,
                label_origin="tag",
                state="searched",
            )
            face = Face(
                number=0,
                site="danbooru",
                box=[0.0, 0.0, SIDE, SIDE],
                landmarks={},
                confidence=1.0,
                detector="drawn",
                matrix=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
                side=SIDE,
                size=SIDE,
                file=file,
                pixels_sha256=digest,
                expression=expression,
                label_origin="tag",
            )
            picture.faces.append(face)
            session.add(picture)
        session.flush()
        return [face.id for face in session.query(Face).order_by(Face.id)]


@pytest.fixture
def workspace(tmp_path: Path, catalog_url: str) -> Workspace:
    """An empty workspace; its catalogue is an SQLite file, then a database of the server."""
    return Workspace(tmp_path / "workspace", catalog_url)


@pytest.fixture
def faces(workspace: Workspace, catalog: Catalog) -> Callable[[int], list[int]]:
    """Fill the workspace's catalogue (`catalog`) with drawn faces; gives their rows."""
    return lambda count: fill(workspace, catalog, count)


@pytest.fixture
def filled(tmp_path: Path) -> Workspace:
    """A workspace with 20 drawn faces in its own SQLite file, closed."""
    workspace = Workspace(tmp_path / "workspace")
    catalog = workspace.open()
    fill(workspace, catalog, 20)
    catalog.close()
    return workspace


def begin(workspace: Workspace, name: str = "cleaning", **settings: Any) -> int:
    """A campaign about all faces; gives its row."""
    from kaogae.label.campaigns import Settings, new_clean

    catalog = workspace.open()
    try:
        return new_clean(catalog, name, settings=Settings(**settings)).id
    finally:
        catalog.close()


def invited(
    workspace: Workspace, name: str, role: str = "annotator", campaigns: Sequence[int] | None = None
) -> str:
    """The token of a personal link: `<address>/#<token>` signs in."""
    from kaogae.label.people import invite

    catalog = workspace.open()
    try:
        with catalog.session() as session:
            return invite(session, name, role, campaigns)
    finally:
        catalog.close()


def launched(arguments: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """`kaogae` with these arguments as a process of its own; what it says goes to the end of `log`."""
    with log.open("ab") as file:
        command = [sys.executable, "-m", "kaogae.cli", *arguments]
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)


@dataclass
class Serving:
    """`kaogae label serve` as a process of its own."""

    workspace: Workspace
    log: Path
    launch: Callable[..., Any]
    options: tuple[str, ...] = ()
    port: int = 0
    process: Any = field(init=False)
    """As `subprocess.Popen` is one."""

    def start(self) -> None:
        """Start it, again on the same port, and wait until it answers."""
        command = ["label", "serve", "--port", str(self.port), *self.options]
        command += ["--workspace", str(self.workspace.folder)]
        if self.workspace.catalog_url:
            command += ["--catalog", self.workspace.catalog_url]
        before = len(self.output)
        self.process = self.launch(command, self.log)
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and self.process.poll() is None:
            found = re.search(r"http://[^/\s]+:(\d+)", self.output[before:])
            if found:
                self.port = int(found[1])
                try:
                    if httpx.get(f"{self.url}/api/v1/health").status_code == 200:
                        return
                except httpx.TransportError:
                    pass
            time.sleep(0.05)
        self.kill()
        pytest.fail(f"The service doesn't start: {self.output[before:]}")

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """What it has printed so far, stdout and stderr."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def link(self, name: str, role: str = "annotator", campaigns: Sequence[int] | None = None) -> str:
        """A new personal link."""
        return f"{self.url}/#{invited(self.workspace, name, role, campaigns)}"

    def client(
        self, name: str, role: str = "annotator", campaigns: Sequence[int] | None = None
    ) -> httpx.Client:
        """Somebody's signed-in browser; paths begin below /api/v1."""
        token = invited(self.workspace, name, role, campaigns)
        answer = httpx.post(f"{self.url}/api/v1/session", json={"token": token}, timeout=30)
        answer.raise_for_status()
        return httpx.Client(base_url=f"{self.url}/api/v1", cookies=answer.cookies, timeout=30)

    def kill(self) -> None:
        """As `kill -9` does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As Ctrl-C does; gives the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@pytest.fixture
def launch() -> Callable[..., Any]:
    """How a service is started: afresh, as a person does."""
    return launched


@pytest.fixture
def serve(tmp_path: Path, launch: Callable[..., Any]) -> Iterator[Callable[..., Serving]]:
    """`serve(workspace)` starts the real service on a free port of this machine, and gives it."""
    running: list[Serving] = []

    def start(workspace: Workspace, *options: str) -> Serving:
        serving = Serving(workspace, tmp_path / f"serve-{len(running)}.log", launch, options)
        running.append(serving)
        serving.start()
        return serving

    yield start
    for serving in running:
        if serving.process.poll() is None:
            serving.kill()


@pytest.fixture
def browser_of(workspace: Workspace, catalog: Catalog) -> Iterator[Callable[..., TestClient]]:
    """`browser_of(name, role, campaigns)`: a signed-in browser before the service in this process.

    Without a name it is nobody's. Paths begin at the root.
    """
    from kaogae.label.people import invite
    from kaogae.label.service import create_app

    app = create_app(workspace, catalog)
    with TestClient(app, base_url="http://label.test"):  # the service runs as long as this does

        def browser(
            name: str | None = None, role: str = "annotator", campaigns: Sequence[int] | None = None
        ) -> TestClient:
            client = TestClient(app, base_url="http://label.test")
            if name is not None:
                with catalog.session() as session:
                    token = invite(session, name, role, campaigns)
                answer = client.post("/api/v1/session", json={"token": token})
                assert answer.status_code == 200, answer.text
            return client

        yield browser


@pytest.fixture
def invite_someone() -> Callable[..., str]:
    """`invite_someone(workspace, name, role, campaigns)` gives a token for `<address>/#<token>`."""
    return invited


@pytest.fixture
def begin_campaign() -> Callable[..., int]:
    """`begin_campaign(workspace, name, annotators=3, blind=False, seed=0)` gives the campaign's row."""
    return begin
