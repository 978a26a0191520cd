"""`kaogae train` as a person uses it: started, stopped, gone on with, drawn."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from kaogae.cli import train_run
from kaogae.dataset import FaceSet
from kaogae.errors import UsageError
from kaogae.train import Step
from kaogae.train.watch import Watch

Kaogae = Callable[..., tuple[int, str, str]]
LIMIT = 300
"""Seconds for anything, on a machine that has much else to do."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """--threads is a setting of the whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def smoke(kaogae: Kaogae, tmp_path: Path, cache: Path) -> Kaogae:
    """`kaogae train smoke`, without drawing anew what other tests have drawn."""
    (tmp_path / "cache").symlink_to(cache)
    return lambda *more: kaogae("train", "smoke", "--workspace", tmp_path, "--threads", 1, *more)


@contextmanager
def begun(workspace: Path, *more: str) -> Generator[subprocess.Popen[str]]:
    """The same in a process of its own, which Ctrl-C reaches together with its children."""
    order = [sys.executable, "-m", "kaogae.cli", "train", "smoke", "--workspace", str(workspace), *more]
    with subprocess.Popen(
        order,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(run: subprocess.Popen[str], there: Callable[[], bool]) -> None:
    """Until something can be seen, for as long as `run` lives."""
    deadline = time.monotonic() + LIMIT
    while not there():
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_run_reports_and_a_finished_one_is_left_alone(smoke: Kaogae, tmp_path: Path) -> None:
    code, out, err = smoke("--name", "first")
    assert code == 0
    assert f"{tmp_path / 'runs' / 'first'}: 6 iterations, 24 images, finished" in out
    assert re.search(r"training 6/6 [\d.]+ it/s, [\d.]+ images/s\n", err)
    assert "24 images, finished before" in smoke("--name", "first")[1]
    code, out, _ = smoke("--name", "first", "--json")
    assert code == 0
    report = json.loads(out)
    assert (report["reason"], report["iterations"], report["began"]) == ("finished", 6, 6)


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_on_a_terminal_a_bar_shows_rates_and_time_left_beside_whole_alarms(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen, now = io.StringIO(), 0.0
    monkeypatch.setattr(train_run, "err", Console(file=screen, force_terminal=True, width=columns))
    monkeypatch.setattr(train_run, "time", SimpleNamespace(monotonic=lambda: now))
    with train_run.watch_training(silent=False) as live:
        for done in range(123_400, 123_457):
            now += 0.31
            alarm = "The penalty [explodes]: " + "begin anew. " * 20 if done == 123_450 else None
            live.step(Step("training", done, 250_000, 16 * done, alarm))
    shown = re.sub(r"\x1b\[[\d;?]*\w", "", screen.getvalue()).replace("\r", "\n").splitlines()
    assert re.fullmatch(
        r"training [━╸╺]+ 123456/250000 3\.23 it/s, 51\.6 images/s, 11 h left", shown[-1].strip()
    )
    assert {len(line) <= columns for line in shown} == {True}
    assert re.search(
        r"kaogae: The penalty \[explodes\]: (begin anew. ?){20}", " ".join(" ".join(shown).split())
    )


def test_no_bar_stays_where_nothing_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(train_run, "err", Console(file=screen, force_terminal=True, width=80))
    with suppress(UsageError), train_run.watch_training(silent=False):
        raise UsageError("No.")
    assert "starting" in screen.getvalue()
    assert "starting" not in screen.getvalue().rpartition("\x1b[2K")[2]  # after the line was erased


@pytest.mark.parametrize(
    ("step", "rate", "facts"),
    [
        (Step("drawing", 16, 3600), 0.0, "16/3600"),
        (Step("drawing", 16, 3600), 20.0, "16/3600 20 characters/s, 3 min left"),
        (Step("training", 100, 250_000, 1600), 0.05, "100/250000 0.05 it/s, 0.8 images/s, 58 days left"),
        (Step("training", 1900, 2000, 121_600), 25.5, "1900/2000 25.5 it/s, 1632 images/s, 4 s left"),
        (Step("training", 6, 6, 24), 3.0, "6/6 3 it/s, 12 images/s"),
    ],
)
def test_what_is_said_of_the_pace(step: Step, rate: float, facts: str) -> None:
    assert train_run._facts(step, rate) == facts


def test_a_file_of_settings_names_its_run_and_that_of_a_run_goes_on_with_it(
    kaogae: Kaogae, tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "cache").symlink_to(cache)
    own = tmp_path / "mine.toml"
    own.write_text('base = "smoke"\niterations = 3\n')
    arguments = ("--workspace", tmp_path, "--threads", 1, "--json")
    code, out, _ = kaogae("train", own, *arguments)
    assert (code, json.loads(out)["folder"]) == (0, str(tmp_path / "runs" / "mine"))
    own.unlink()
    code, out, _ = kaogae("train", tmp_path / "runs" / "mine" / "config.toml", *arguments)
    report = json.loads(out)
    assert (code, report["folder"], report["began"]) == (0, str(tmp_path / "runs" / "mine"), 3)


def test_ctrl_c_and_sigterm_end_a_run_that_goes_on_to_the_same_weights(smoke: Kaogae, tmp_path: Path) -> None:
    long = ("--set", "iterations=60", "--set", "samples_every=1000", "--set", "save_every=1000")
    rows = tmp_path / "runs" / "stopped" / "losses.jsonl"
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        before = rows.read_text().count("\n") if rows.is_file() else 0
        with begun(tmp_path, "--name", "stopped", "--threads", "1", *long) as run:
            wait_for(run, lambda: rows.is_file() and rows.read_text().count("\n") > before + 2)  # noqa: B023
            os.killpg(run.pid, number)
            out, err = run.communicate(timeout=LIMIT)
        assert run.returncode == code, err
        assert "stopped; the same command goes on" in out
        assert "Traceback" not in err
        assert "the same once more stops at once" in err
    code, out, _ = smoke("--name", "stopped", *long)
    assert code == 0
    assert "went on from iteration" in out
    assert smoke("--name", "whole", *long)[0] == 0
    for name in ("generator.safetensors", "losses.jsonl"):
        stopped, whole = (tmp_path / "runs" / one / name for one in ("stopped", "whole"))
        assert stopped.read_bytes() == whole.read_bytes(), name


def test_ctrl_c_while_drawing_ends_at_once_and_quietly(tmp_path: Path) -> None:
    with begun(tmp_path, "--set", "data.drawn=4000", "--threads", "2") as run:
        wait_for(run, lambda: any(tmp_path.glob("cache/*/*.npy")))  # one of 250
        os.killpg(run.pid, signal.SIGINT)
        out, err = run.communicate(timeout=LIMIT)
    assert (run.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert "kaogae: stopped." in err
    assert len([*tmp_path.glob("cache/*/*.npy")]) < 250


def test_an_alarm_is_said_and_stops_the_run_where_that_is_wished(
    smoke: Kaogae, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = "All is [bold]lost[/]: begin anew."
    monkeypatch.setattr(Watch, "_modes", lambda _, row: lost if row["iteration"] >= 3 else "")
    code, out, err = smoke("--name", "on")
    assert code == 0
    assert err.count(f"kaogae: {lost}") == 1
    for _ in range(2):  # the same again doesn't go on: nothing has changed
        code, out, err = smoke("--name", "off", "--stop-on-collapse", "--json")
        assert code == 1
        report = json.loads(out)
        assert (report["reason"], report["iterations"], report["finished"]) == ("collapse", 3, False)
        assert report["alarms"] == [lost]
    code, out, err = smoke("--name", "off")
    assert code == 0
    assert err.count(f"kaogae: {lost}") == 1
    assert "\ntraining 3/6\n" in err  # said before it goes on


def test_a_dry_run_says_what_would_run_and_writes_nothing(kaogae: Kaogae, tmp_path: Path) -> None:
    order = ("train", "smoke", "--dry-run", "--threads", 1, "--workspace", tmp_path / "none")
    code, out, err = kaogae(*order)
    assert (code, err) == (0, "")
    for word in ("parameters", "FLOP", "memory", "disk", "iterations", "time"):
        assert word in out
    code, out, _ = kaogae(*order, "--json")
    assert code == 0
    assert json.loads(out)["iterations"] == 6
    code, _, err = kaogae(*order, "--devices", 3)
    assert (code, "batch = 4 must divide by 3" in err) == (2, True)
    assert not (tmp_path / "none").exists()


def test_the_losses_of_runs_are_drawn_by_name_and_by_folder(
    smoke: Kaogae, kaogae: Kaogae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    smoke("--name", "one", "--set", "iterations=3")
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    code, out, _ = kaogae("train", "plot", "one", tmp_path / "runs" / "one", "--workspace", tmp_path)
    assert (code, out.split()) == (0, ["figure-3.svg", "figure-3.png"])
    code, out, _ = kaogae("train", "plot", "one", "--all", "-o", "all.svg", "--workspace", tmp_path)
    assert (code, out.split()) == (0, ["all.svg", "all.png"])
    assert {path.name for path in Path().iterdir()} == {"figure-3.svg", "figure-3.png", "all.svg", "all.png"}


def test_a_folder_that_happens_to_have_the_name_does_not_hide_a_run_or_a_set(
    kaogae: Kaogae, faces: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `own/` does, of which `kaogae dataset freeze own --from own/` made the set `own`."""
    shutil.copytree(faces.path, tmp_path / "data" / "sets" / "own")
    run = tmp_path / "data" / "runs" / "small"
    run.mkdir(parents=True)
    (run / "losses.jsonl").write_text('{"iteration": 1, "d_classes": 1.5}\n')
    for name in ("own", "small", "other"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    code, out, _ = kaogae("train", "smoke", "--data", "own", "--dry-run", "--workspace", "data")
    assert (code, f"{len(faces.labels('train'))} faces" in out) == (0, True)
    assert kaogae("train", "plot", "small", "--workspace", "data")[0] == 0
    code, _, err = kaogae("export", "small", "--workspace", "data")
    assert (code, f"{Path('data', 'runs', 'small')} has no checkpoint yet" in err) == (2, True)
    code, _, err = kaogae("train", "smoke", "--data", "other", "--workspace", "data")
    assert (code, "other is not a frozen set" in err) == (2, True)


def test_help_shows_presets_options_and_the_way_to_plots(kaogae: Kaogae) -> None:
    code, out, _ = kaogae("train", "--help")
    assert code == 0
    for word in ("train PRESET [OPTIONS]", "baseline", "paper", "small", "--dry-run", "kaogae train plot"):
        assert word in " ".join(out.split())
    code, out, _ = kaogae("train", "plot", "--help")
    assert code == 0
    assert "--out" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Missing argument 'PRESET'"),
        (["smal"], "'small'"),
        (["smoke", "--max-time", "0"], "--max-time"),
        (["smoke", "--threads", "0"], "--threads"),
        (["smoke", "--devices", "0"], "--devices"),
        (["smoke", "--accelerator", "gpu"], "--accelerator"),
        (["smoke", "--data", "none"], "none"),
        (["smoke", "--name", "../x"], "'../x'"),
        (["plot"], "Missing argument"),
        (["plot", "nothing"], "There is no run"),
        (["plot", "../x"], "'../x'"),
    ],
)
def test_wrong_use_is_one_sentence_and_code_2(
    kaogae: Kaogae, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    code, out, err = kaogae("train", *arguments, *(["--workspace", tmp_path] if arguments else []))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err
