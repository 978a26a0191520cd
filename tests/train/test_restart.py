"""Runs that are stopped in every way, and go on as if they never had been."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from kaogae.dataset import FaceSet

SMOKE = ("iterations=7", "accumulate=2", "log_every=2", "samples_every=4", "save_every=3", "keep_last=1")
"""Saved between two updates of the generator, which come at 2, 4 and 6, and between two rows."""
STARGAN = (
    *("iterations=7", "batch=4", "image_size=64", "stored_size=64", "augment.crop=1", "augment.shift=0"),
    *("generator.width=4", "generator.blocks=1", "discriminator_width=4", "optimiser.n_critic=2"),
    *("log_every=1", "samples_every=3", "save_every=2", "keep_every=4", "optimiser.average=0.9"),
)
"""Learns from frozen faces alone, in shuffled epochs: 5 faces, batches of 4."""
KINDS = {"smoke": ("smoke", SMOKE), "stargan": ("baseline", STARGAN)}


@dataclass
class Runs:
    """Runs in processes of their own, which may be killed; one after the other, or side by side."""

    server: subprocess.Popen[str]
    home: Path
    faces: Path
    cache: Path
    numbers: Iterator[int] = field(default_factory=count)

    def start(
        self, name: str, kind: str = "smoke", settings: tuple[str, ...] = (), **order: Any
    ) -> "Process":
        preset, usual = KINDS[kind]
        told = self.home / f"told-{next(self.numbers)}"
        folder = self.home / name
        order = {
            "folder": str(folder),
            "cache": str(self.cache),
            "told": str(told),
            "preset": preset,
            "settings": [*usual, *settings],
            "sets": [str(self.faces)],
            **order,
        }
        return Process(self, self.ask({"start": order}), folder, told)

    def __call__(self, name: str, kind: str = "smoke", settings: tuple[str, ...] = (), **order: Any) -> "End":
        """Begin a run, or go on with it, and wait for its end."""
        return self.start(name, kind, settings, **order).wait()

    def ask(self, question: dict[str, Any]) -> int:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        print(json.dumps(question), file=self.server.stdin, flush=True)
        return json.loads(self.server.stdout.readline())


@dataclass
class Process:
    runs: Runs
    pid: int
    folder: Path
    told: Path

    def wait(self) -> "End":
        code = self.runs.ask({"wait": self.pid})
        told = json.loads(self.told.read_text()) if self.told.exists() else {}
        return End(self.folder, code, self.told.with_name(f"{self.told.name}.stderr").read_text(), **told)


@dataclass
class End:
    """How a process ended."""

    folder: Path
    code: int
    stderr: str
    reason: str = ""
    began: int = -1
    iterations: int = -1
    alarms: list[str] = field(default_factory=list)
    error: str = ""
    sentence: str = ""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, faces: FaceSet, cache: Path) -> Iterator[Runs]:
    script = Path(__file__).with_name("run_server.py")
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, script], **pipes) as server:
        yield Runs(server, tmp_path_factory.mktemp("runs"), faces.path, cache)
        assert server.stdin is not None
        server.stdin.close()


@pytest.fixture(scope="module")
def whole(runs: Runs) -> dict[str, Path]:
    """Runs that were never stopped."""
    ends = {kind: runs(f"whole-{kind}", kind) for kind in KINDS}
    assert [end.reason for end in ends.values()] == ["finished"] * len(KINDS), ends
    return {kind: end.folder for kind, end in ends.items()}


def record(folder: Path) -> dict[str, bytes]:
    """All that a run leaves which has no times in it, but older states."""
    names = ["losses.jsonl", "generator.safetensors", "data.json", "config.toml"]
    last = max((folder / "checkpoints").iterdir())
    files = [folder / name for name in names] + [*folder.glob("samples/*"), *last.iterdir()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def assert_same(folder: Path, whole: Path) -> None:
    there, wanted = record(folder), record(whole)
    assert sorted(there) == sorted(wanted)
    assert [name for name in wanted if there[name] != wanted[name]] == []
    assert list(folder.rglob("*.part")) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_a_run_killed_anywhere_goes_on_to_the_same_weights(
    runs: Runs, whole: dict[str, Path], kind: str, seed: int
) -> None:
    dice, name = random.Random(seed), f"killed-{kind}-{seed}"
    codes = [runs(name, kind, kill_before=dice.randrange(60)).code for _ in range(3)]
    assert set(codes) <= {-9, 0}
    end = runs(name, kind)
    assert end.reason == "finished", end
    assert_same(end.folder, whole[kind])
