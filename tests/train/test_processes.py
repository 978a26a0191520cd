"""Real processes that train together: under torchrun, and started by Fabric as `--devices 2` does."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kaogae.dataset import FaceSet
from kaogae.train import load_settings, train

HERE = Path(__file__).parent
LIMIT = 120
"""Seconds for anything."""
SMALL = ("batch=8", "data.real_share=0.4", "data.untouched_share=0.2", "weights.features=3", "accumulate=2")
BASELINE = (
    "data.drawn=0",
    "weights.supervised=0",
    "generator.architecture=stargan",
    "generator.width=4",
    "generator.downs=2",
    "generator.blocks=1",
    "generator.statistics=running",
)
QUIET = ("save_every=1000", "samples_every=1000", "optimiser.generator_rate=1e-4", "optimiser.warmup=0")


def environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RANK", "WORLD_"))}
    return inherited | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def command(faces: FaceSet, folder: Path, cache: Path, changes: Sequence[str], *options: str) -> list[str]:
    workspace = folder.parent.parent
    (workspace / "cache").symlink_to(cache)
    settings = [part for change in changes for part in ("--set", change)]
    data = ["--data", str(faces.path), "--name", folder.name, "--workspace", str(workspace)]
    return ["kaogae.cli", "train", "smoke", *data, *settings, *options]


def rows(folder: Path) -> list[dict[str, float]]:
    path = folder / "losses.jsonl"
    lines = path.read_text().splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def state(folder: Path) -> dict[str, torch.Tensor]:
    newest = max(folder.glob("checkpoints/*"))
    found = load_file(newest / "state.safetensors")
    return {name: value for name, value in found.items() if not name.startswith("random.")}


def assert_equal(one: Path, other: Path) -> None:
    """All but for the rounding of sums in another order. An absolute difference's gradient has one of two
    values, so where there is almost none rounding decides which, and Adam makes steps of one size of that.
    """
    expected, found = state(one), state(other)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        difference = (value.float() - found[name].float()).norm() / value.float().norm().clamp(min=1e-6)
        assert difference < (2e-2 if "_optimiser." in name else 1e-3), f"{name}: {float(difference)}"
    assert len(rows(one)) == len(rows(other))
    for row, same in zip(rows(one), rows(other), strict=True):
        assert row.keys() == same.keys()
        for name, value in row.items():
            assert same[name] == pytest.approx(value, rel=1e-3, abs=2e-5), (row["iteration"], name)


def events(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_two_processes_of_torchrun_stop_at_a_signal_and_one_goes_on_to_the_weights_of_one(
    tmp_path: Path, faces: FaceSet, cache: Path
) -> None:
    changes, folder = (*SMALL, *QUIET, "iterations=8"), tmp_path / "runs" / "two"
    config = load_settings("smoke", changes)
    train(config, [faces], tmp_path / "one", cache=cache, workers=1)

    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    order = [*launcher, *command(faces, folder, cache, changes)]
    running = subprocess.Popen(order, env=environment(), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + LIMIT
    while len(rows(folder)) < 2 and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(signal.SIGTERM)
    _, said = running.communicate(timeout=LIMIT)
    last = events(folder)[-1]
    assert (last["event"], last["reason"]) == ("stopped", "signal"), said
    assert 2 <= last["iteration"] < config.iterations
    assert [event["processes"] for event in events(folder) if event["event"] == "started"] == [2]
    assert max(folder.glob("checkpoints/*")).name == f"{last['iteration']:07d}"

    train(config, [faces], folder, cache=cache, workers=1)
    assert_equal(tmp_path / "one", folder)


def test_a_run_of_one_process_goes_on_with_two_and_only_the_first_writes(
    tmp_path: Path, faces: FaceSet, cache: Path
) -> None:
    changes, folder = (*BASELINE, *QUIET, "iterations=4"), tmp_path / "runs" / "two"
    config = load_settings("smoke", changes)
    train(config, [faces], tmp_path / "one", cache=cache, workers=1)

    report = train(config, [faces], folder, cache=cache, workers=1, stop=lambda: True)
    assert (report.reason, report.iterations) == ("signal", 1)
    order = [
        sys.executable,
        "-m",
        *command(faces, folder, cache, changes, "--devices", "2", "--threads", "1"),
    ]
    done = subprocess.run(order, env=environment(), capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    assert "went on from iteration 1" in done.stdout
    assert done.stdout.count("\n") == 1
    assert_equal(tmp_path / "one", folder)
    assert [event["event"] for event in events(folder)].count("continued") == 1

    def names(run: Path) -> set[str]:
        """Of what lies there but TensorBoard's files and states, of which there is one for each start."""
        found = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
        return {name for name in found if not name.startswith(("tensorboard/", "checkpoints/"))}

    assert names(folder) == names(tmp_path / "one")
    assert len(list(folder.glob("tensorboard/*"))) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "one", "cache"}


def test_settings_that_two_processes_cannot_share_end_both_with_one_sentence(
    tmp_path: Path, faces: FaceSet, cache: Path
) -> None:
    folder = tmp_path / "runs" / "two"
    order = [sys.executable, "-m", *command(faces, folder, cache, ["batch=5"], "--devices", "2")]
    done = subprocess.run(order, env=environment(), capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip().startswith("kaogae: batch = 5 must divide by 2")
    assert done.stderr.count("\n") == 1
    assert not folder.exists()


def test_what_fails_in_one_process_ends_all(tmp_path: Path, faces: FaceSet, cache: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    order = [*launcher, str(HERE / "failing_processes.py"), str(tmp_path), str(faces.path), str(cache)]
    done = subprocess.run(order, env=environment(), capture_output=True, text=True, timeout=LIMIT)
    said = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    first, second = said
    assert first.keys() == second.keys(), done.stderr
    for name, expected in {
        "data": "ConfigError: The second machine has other data.",
        "drawing": "ModelError: The artist is out of ink.",
        "late": "ModelError: A picture is missing.",
        "nan": "ModelError: A loss at iteration 2 isn't finite",
        "disk": "ModelError: The disk is full.",
        "save": "ModelError: The disk is full.",
        "states": "ModelError: The processes of this run don't see the same last saved state",
        "bug": "ModelError: Another process of this run has failed: ZeroDivisionError",
        "lost": "ModelError: Another process of this run has ended",
    }.items():
        assert first[name].startswith(expected), name
    # One sentence each, from the first
    assert {name: second[name] for name in second if name not in ("bug", "lost")} == dict.fromkeys(
        ("data", "drawing", "late", "nan", "disk", "save", "states"), "ModelError: "
    ) | {"stop": second["stop"]}
    assert first["stop"] == second["stop"] == "signal 2"
