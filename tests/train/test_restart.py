"""Runs that are stopped in every way, and go on as if they never had been."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
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
            "watched": str(folder),
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


def kill(count: int, where: str = "") -> list[tuple[str, int, int]]:
    """Before change `count` of anything with `where` in its path."""
    return [(where, count, signal.SIGKILL)]


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
@pytest.mark.parametrize("seed", range(2))
def test_a_run_killed_anywhere_goes_on_to_the_same_weights(
    runs: Runs, whole: dict[str, Path], kind: str, seed: int
) -> None:
    dice, name = random.Random(seed), f"killed-{kind}-{seed}"
    codes = [runs(name, kind, signals=kill(dice.randrange(100))).code for _ in range(3)]
    assert set(codes) <= {-9, 0}
    end = runs(name, kind)
    assert end.reason == "finished", end
    assert_same(end.folder, whole[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_at_any_time_goes_on_to_the_same_weights(
    runs: Runs, whole: dict[str, Path], kind: str
) -> None:
    dice, name = random.Random(kind), f"timed-{kind}"
    first = runs(name, kind, signals=kill(1, "/checkpoints/."))  # the first state is half-written
    assert first.code == -signal.SIGKILL
    codes = [runs(name, kind, kill_after=dice.uniform(0.02, 0.4)).code for _ in range(3)]
    assert set(codes) <= {-signal.SIGALRM, 0}
    assert runs(name, kind).reason == "finished"
    assert_same(runs.home / name, whole[kind])


def test_a_run_killed_while_it_draws_goes_on_with_what_is_drawn(runs: Runs) -> None:
    cache, other = runs.home / "drawn-cache", runs.home / "drawn-whole-cache"
    order = {"settings": ("data.drawn=17", "iterations=3"), "watched": str(cache)}  # two files
    killed = runs("drawn", cache=str(cache), signals=kill(3, ".part"), **order)  # the second has no name yet
    assert killed.code == -signal.SIGKILL
    (first,) = cache.rglob("*.npy")
    shutil.copytree(cache, other)
    made = first.stat().st_mtime_ns
    end = runs("drawn", cache=str(cache), **order)
    assert (end.reason, end.began) == ("finished", 0)
    assert first.stat().st_mtime_ns == made
    assert_same(end.folder, runs("drawn-whole", cache=str(other), **order).folder)


def test_rows_that_were_being_written_are_written_again(runs: Runs, whole: dict[str, Path]) -> None:
    assert runs("rows", "stargan", signals=kill(4, "losses.jsonl")).code == -signal.SIGKILL
    folder = runs.home / "rows"
    for name in ("losses.jsonl", "history.jsonl"):
        with (folder / name).open("a") as file:
            file.write('{"iteration": 5, "ima')
    end = runs("rows", "stargan")
    assert (end.reason, end.began) == ("finished", 4)
    assert_same(folder, whole["stargan"])
    events = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events].count("continued") == 1


@pytest.mark.parametrize(
    ("reason", "order"), [("signal", {"stop_after": 1}), ("time", {"max_minutes": 1e-9})]
)
def test_a_run_stopped_after_each_iteration_is_the_same(
    runs: Runs, whole: dict[str, Path], reason: str, order: dict[str, float]
) -> None:
    ends = [runs(f"stopped-{reason}", "stargan", **order) for _ in range(7)]
    assert [end.reason for end in ends] == [reason] * 6 + ["finished"]
    assert [end.iterations for end in ends] == [1, 2, 3, 4, 5, 6, 7]
    assert_same(ends[-1].folder, whole["stargan"])


def test_a_damaged_state_is_said_and_the_one_before_it_taken(runs: Runs, whole: dict[str, Path]) -> None:
    runs("damaged", "stargan", settings=("keep_last=2",), stop_after=5)
    damaged = runs.home / "damaged" / "checkpoints" / "0000005" / "state.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    end = runs("damaged", "stargan")
    assert (end.reason, end.began) == ("finished", 4)
    (said,) = end.alarms
    assert "0000005/state.safetensors is damaged" in said
    assert "goes on from iteration 4" in said
    assert said in (end.folder / "history.jsonl").read_text()
    assert_same(end.folder, whole["stargan"])


def test_a_full_disk_ends_a_run_that_goes_on_when_there_is_room(runs: Runs, whole: dict[str, Path]) -> None:
    folder, lines = runs.home / "full", (whole["stargan"] / "losses.jsonl").read_bytes().splitlines(True)
    half_a_row = len(b"".join(lines[:3])) + 30
    for full_at, room, what in (
        (1, 20_000, "checkpoints/0000002"),
        (3, half_a_row, "losses.jsonl"),
        (5, 60_000, "samples/0000006.png"),
    ):
        before = states(folder)
        end = runs("full", "stargan", full_at=full_at, room=room)
        assert (end.code, end.error) == (2, "ModelError"), end
        assert end.sentence == f"{folder / what} can't be written: File too large."
        assert end.stderr == ""
        assert before.items() <= states(folder).items()
        assert not list(folder.rglob("*.part"))
    assert len(before) == 2
    assert runs("full", "stargan").reason == "finished"
    assert_same(folder, whole["stargan"])


def states(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.glob("checkpoints/*/*")}


def command(runs: Runs, name: str, *more: str) -> list[str]:
    """As a person writes it; with its drawings already there."""
    workspace = runs.home / "workspace"
    workspace.mkdir(exist_ok=True)
    with suppress(FileExistsError):
        (workspace / "cache").symlink_to(runs.cache)
    settings = [word for change in SMOKE for word in ("--set", change)]
    data = ["--data", str(runs.faces), "--name", name, "--workspace", str(workspace)]
    return ["train", "smoke", *data, *settings, *more]


def test_ctrl_c_twice_stops_at_once_and_takes_no_state_away(runs: Runs, whole: dict[str, Path]) -> None:
    order = {"cli": command(runs, "twice"), "watched": str(runs.home / "workspace" / "runs" / "twice")}
    second = ("/checkpoints/.", 1, signal.SIGINT)  # while what the first one asked for is being saved
    end = runs("twice", **order, signals=[("losses.jsonl", 1, signal.SIGINT), second])
    assert end.code == 130
    assert end.stderr.splitlines()[-1] == "kaogae: stopped."
    assert "Traceback" not in end.stderr
    folder = Path(order["watched"])
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["0000003"]
    end = runs("twice", cli=order["cli"])
    assert end.code == 0
    assert "went on from iteration 3" in end.stderr
    assert_same(folder, whole["smoke"])


def test_a_second_command_on_the_same_run_is_refused(runs: Runs, whole: dict[str, Path]) -> None:
    first = runs.start("busy", "stargan", hold_at=3)
    while not first.told.exists():
        time.sleep(0.01)
    end = runs("busy", "stargan")
    assert (end.code, end.error) == (2, "ConfigError")
    assert "busy is in use: another process trains there. Wait for it, or choose" in end.sentence
    os.kill(first.pid, signal.SIGKILL)  # which leaves it free
    first.wait()
    end = runs("busy", "stargan")
    assert (end.reason, end.began) == ("finished", 2)
    assert_same(end.folder, whole["stargan"])


def test_a_run_goes_on_with_other_threads(runs: Runs, whole: dict[str, Path]) -> None:
    assert runs("threads", "stargan", stop_after=3).reason == "signal"
    end = runs("threads", "stargan", threads=2)
    assert (end.reason, end.began) == ("finished", 3)
    found, expected = (rows(folder)[-1] for folder in (end.folder, whole["stargan"]))
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)  # sums come in another order


def rows(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]


def test_a_run_that_does_not_fit_on_the_disk_does_not_begin(
    runs: Runs, whole: dict[str, Path], mount: Callable[[str], Path]
) -> None:
    disk = mount("size=2m")
    end = runs("small-disk", "stargan", folder=str(disk / "run"))
    assert (end.code, end.error) == (2, "ModelError")
    assert re.search(r"needs \d+\.\d MB more in .*/run, and its disk has 2\.1 MB free", end.sentence), end
    assert not list(disk.iterdir())
    mount("remount,size=64m")
    assert runs("small-disk", "stargan", folder=str(disk / "run")).reason == "finished"
    assert_same(disk / "run", whole["stargan"])
