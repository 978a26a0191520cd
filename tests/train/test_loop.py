import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from kaogae.dataset import FaceSet, load
from kaogae.errors import ConfigError, ManifestError, ModelError
from kaogae.stargan import load_checkpoint
from kaogae.train import load_settings, loop, train
from kaogae.train.config import TrainConfig
from kaogae.train.loop import Step
from kaogae.train.networks import Networks, set_rates
from kaogae.train.plot import Curves, draw_curves


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


def test_the_generator_learns_in_each_iteration_until_the_discriminator_comes_in(
    cache: Path, tmp_path: Path
) -> None:
    config = load_settings("smoke", ["adversarial_from=0.5"])  # n_critic is 2
    train(config, [], tmp_path / "run", cache=cache, workers=1)
    rows = [json.loads(line) for line in (tmp_path / "run" / "losses.jsonl").read_text().splitlines()]
    assert ["g_colours" in row for row in rows] == [True] * 4 + [False, True]
    assert ["d_classes" in row for row in rows] == [False] * 3 + [True] * 3


def test_compiling_is_refused_where_it_crashes(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="for GPUs"):
        train(load_settings("smoke", ["compile=true"]), [], tmp_path / "run", cache=cache)
    assert not (tmp_path / "run").exists()


def test_the_curves_of_a_finished_run_show_its_last_row_too(run: Path, tmp_path: Path) -> None:
    draw_curves([Curves.read(run)], tmp_path / "all", every=True)
    assert (run / "losses.png").read_bytes() == (tmp_path / "all.png").read_bytes()


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


def test_a_loss_that_is_no_number_ends_a_run_and_the_last_good_state_stays(
    tmp_path: Path, run: Path, faces: FaceSet, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_settings("smoke", ["log_every=100", "samples_every=100"])

    def too_high(networks: Networks, config: TrainConfig, iteration: int) -> float:
        rate = set_rates(networks, config, iteration)
        assert networks.discriminator_optimiser is not None
        if iteration == 2:
            networks.discriminator_optimiser.param_groups[0]["lr"] = 1e30
        return rate

    monkeypatch.setattr(loop, "set_rates", too_high)
    with pytest.raises(ModelError) as raised:
        train(config, [faces], tmp_path / "run", cache=cache, workers=1)
    monkeypatch.undo()
    assert re.match(r"A loss at iteration 4 isn't finite .*optimiser\.discriminator_rate", str(raised.value))
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["0000002"]
    train(load_settings("smoke"), [faces], tmp_path / "run", cache=cache, workers=1)
    name = "checkpoints/0000006/state.safetensors"
    assert (tmp_path / "run" / name).read_bytes() == (run / name).read_bytes()


MEMORY = {
    "gpu": (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), "GPU"),
    "library": (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), "GPU"),
    "cudnn": (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "GPU"),
    "processor": (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "machine"),
    "numpy": (MemoryError("Unable to allocate 9.00 TiB for an array"), "machine"),
}


@pytest.mark.parametrize("kind", MEMORY)
def test_memory_that_is_not_enough_is_said_with_a_setting_that_needs_less(
    tmp_path: Path, faces: FaceSet, cache: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    error, where = MEMORY[kind]
    fails(monkeypatch, error)
    for settings, advice in (
        (["data.resident=yes"], "--set data.resident=no, which leaves the pictures on the processor's side"),
        ([], "--set accumulate=2, which gives the same result from less memory"),
        (["accumulate=4"], "--set precision=bfloat16, with another --name"),
        (["accumulate=4", "precision=bfloat16"], "--set generator.width=4 or a smaller image_size, with"),
    ):
        folder = tmp_path / "-".join(["run", *settings])
        parts = 4 if "accumulate=4" in settings else 1
        with pytest.raises(ModelError) as raised:
            train(load_settings("smoke", settings), [faces], folder, cache=cache, workers=1)
        expected = f"The {where}'s memory is not enough for a batch of 4 in {parts} parts: try {advice}"
        assert str(raised.value).startswith(expected)


def test_what_memory_has_nothing_to_do_with_is_not_explained_by_it(
    tmp_path: Path, faces: FaceSet, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(monkeypatch, RuntimeError("required rank 4 tensor to use channels_last memory format"))
    with pytest.raises(RuntimeError, match="memory format"):
        train(load_settings("smoke"), [faces], tmp_path / "run", cache=cache, workers=1)


def fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """As a device does, under whatever is computed."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(torch.nn.Conv2d, "forward", fail)


def test_a_picture_that_changed_since_the_set_was_frozen_ends_the_run_before_it_begins(
    tmp_path: Path, faces: FaceSet, cache: Path
) -> None:
    shutil.copytree(faces.path, tmp_path / "set")
    picture = next((tmp_path / "set").rglob("*.png"))
    Image.open(picture).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(picture)
    with pytest.raises(ManifestError, match=f"{picture.stem}.*has changed") as raised:
        train(load_settings("smoke"), [load(tmp_path / "set")], tmp_path / "run", cache=cache, workers=1)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run" / "history.jsonl").exists()


@pytest.mark.parametrize("size", [0, 1000])
def test_damaged_drawings_are_said(tmp_path: Path, run: Path, cache: Path, size: int) -> None:
    assert run.is_dir()  # whose drawings they are
    shutil.copytree(cache, tmp_path / "cache")
    for drawings in (tmp_path / "cache").rglob("*.npy"):
        drawings.write_bytes(drawings.read_bytes()[:size])
    with pytest.raises(ModelError, match="cache are damaged: remove that folder, and they are drawn again"):
        train(load_settings("smoke"), [], tmp_path / "run", cache=tmp_path / "cache", workers=1)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
