"""The stub sites, and the real command in a process of its own."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

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
