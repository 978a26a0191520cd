"""The stub sites, and the real command in a process of its own."""

import importlib.util
import os
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from kaogae.catalog import Picture, Workspace

STUBS = Path(__file__).parent / "stubs"


def load(name: str) -> ModuleType:
    """A stub: a script beside these tests, not a part of a package."""
    known = f"stub_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, STUBS / f"{name}.py")
        assert spec
        assert spec.loader
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture
def environment() -> dict[str, str]:
    """For processes: no thread pools that would only cost time."""
    return os.environ | {"OMP_NUM_THREADS": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@pytest.fixture
def make_board(tmp_path: Path) -> Callable[..., Any]:
    """A Danbooru with `count` happy posts, each with a picture of its own; `changes` by post number."""

    def make(count: int, changes: dict[int, dict[str, Any]] | None = None, per_page: int = 200) -> Any:
        folder = tmp_path / "site"
        folder.mkdir()
        posts = []
        for number in range(1, count + 1):
            noise = np.random.default_rng(number).integers(0, 256, (24, 24, 3), np.uint8)
            Image.fromarray(noise).save(folder / f"{number}.png")
            post = {"id": number, "file": f"{number}.png", "tags": "1girl happy smile", "artist": "someone"}
            posts.append(post | (changes or {}).get(number, {}))
        return load("danbooru").Board(folder, posts, per_page)

    return make


@pytest.fixture
def serve() -> Generator[Callable[..., str]]:
    """Serve a board until the end of the test: the root's URL."""
    with ExitStack() as stack:
        yield lambda board, **how: stack.enter_context(load("danbooru").Server(board, **how)).root


@pytest.fixture
def pictures() -> Callable[[Path], dict[str, Picture]]:
    """The rows of a workspace's catalogue, by post."""

    def rows(folder: Path) -> dict[str, Picture]:
        catalog = Workspace(folder).open()
        try:
            with catalog.reading() as session:
                return {row.post: row for row in session.scalars(select(Picture))}
        finally:
            catalog.close()

    return rows


@pytest.fixture
def stub() -> ModuleType:
    """The Danbooru stub's faults."""
    return load("danbooru")


@pytest.fixture
def getchu_stub() -> ModuleType:
    """The Getchu stub."""
    return load("getchu")
