import json
from pathlib import Path

import pytest

from kaogae.dataset import FaceSet
from kaogae.errors import ConfigError, KaogaeError
from kaogae.stargan import load_checkpoint
from kaogae.train import export_run, load_settings, train
from kaogae.train.loop import Step


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, faces: FaceSet, cache: Path) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    steps: list[Step] = []
    report = train(load_settings("smoke"), [faces], folder, cache=cache, workers=1, progress=steps.append)
    assert (report.finished, report.reason, report.began, report.alarms) == (True, "finished", 0, [])
    assert steps[-1] == Step("training", 6, 6, 24)
    return folder


def test_a_run_leaves_all_that_it_should(run: Path, faces: FaceSet) -> None:
    names = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert {name for name in names if not name.startswith("tensorboard/events")} == {
        ".lock",
        "checkpoints/0000004/generator.safetensors",
        "checkpoints/0000004/state.safetensors",
        "checkpoints/0000006/generator.safetensors",
        "checkpoints/0000006/state.safetensors",
        "config.toml",
        "data.json",
        "generator.safetensors",
        "history.jsonl",
        "losses.jsonl",
        "losses.png",
        "losses.svg",
        "samples/0000006.png",
    }
    rows = [json.loads(line) for line in (run / "losses.jsonl").read_text().splitlines()]
    assert [row["iteration"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert ["g_adversarial" in row for row in rows] == [False, True] * 3  # n_critic is 2
    _, header = load_checkpoint(run / "generator.safetensors")
    assert (header.images_seen, header.image_size, header.training["preset"]) == (24, 64, "smoke")
    assert header.training["sets"] == {"five": faces.hash}
    assert header.dataset == json.loads((run / "data.json").read_text())["hash"]


def test_the_history_tells_how_a_run_went(run: Path) -> None:
    events = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert [(event["event"], event["iteration"]) for event in events] == [
        ("started", 0),
        ("saved", 2),
        ("saved", 4),
        ("saved", 6),
        ("finished", 6),
    ]


def test_a_finished_run_is_left_alone(run: Path, faces: FaceSet, cache: Path) -> None:
    before = contents(run)
    again = train(load_settings("smoke"), [faces], run, cache=cache, workers=1)
    assert (again.iterations, again.finished, again.began) == (6, True, 6)
    assert contents(run) == before


def test_other_settings_need_another_name(run: Path, faces: FaceSet, cache: Path) -> None:
    before = contents(run)
    with pytest.raises(ConfigError, match=r"batch: 4, now 2\n- weights\.focus: 8\.0, now 1\.0"):
        train(load_settings("smoke", ["batch=2", "weights.focus=1"]), [faces], run, cache=cache)
    assert contents(run) == before


def test_a_run_is_exported(tmp_path: Path, run: Path) -> None:
    report = export_run(run, "onnx", tmp_path / "a.onnx")
    assert report.bytes == (tmp_path / "a.onnx").stat().st_size
    export_run(run, "safetensors", tmp_path / "a.safetensors")
    assert load_checkpoint(tmp_path / "a.safetensors")[1] == load_checkpoint(run / "generator.safetensors")[1]
    for kind, out in (("onxx", tmp_path / "b"), ("safetensors", run / "generator.safetensors")):
        with pytest.raises(KaogaeError):
            export_run(run, kind, out)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
