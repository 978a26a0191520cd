import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from kaogae.dataset import FaceSet
from kaogae.errors import ConfigError, KaogaeError, ModelError
from kaogae.stargan import load_checkpoint
from kaogae.train import export_run, load_settings, train
from kaogae.train.loop import Step

RUN = """
import sys, torch
from pathlib import Path
from kaogae.dataset import load
from kaogae.train import load_settings, train
torch.set_num_threads(1)
if __name__ == "__main__":
    cache, folder, faces, iterations = sys.argv[1:]
    def say(step):
        print(step.stage, step.done, flush=True)
    config = load_settings("smoke", [f"iterations={iterations}"])
    train(config, [load(Path(faces))], Path(folder), cache=Path(cache), workers=1, progress=say)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, faces: FaceSet, cache: Path) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    steps: list[Step] = []
    report = train(load_settings("smoke"), [faces], folder, cache=cache, workers=1, progress=steps.append)
    assert report.finished
    assert steps[-1] == Step("training", 6, 6, 24)
    return folder


def test_a_run_leaves_all_that_it_should(run: Path, faces: FaceSet) -> None:
    names = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert names == {
        "config.toml",
        "losses.jsonl",
        "losses.png",
        "samples/0000006.png",
        "state.pt",
        "generator.safetensors",
    }
    rows = [json.loads(line) for line in (run / "losses.jsonl").read_text().splitlines()]
    assert [row["iteration"] for row in rows] == [1, 2, 3, 4, 5, 6]
    _, header = load_checkpoint(run / "generator.safetensors")
    assert (header.images_seen, header.image_size, header.training["preset"]) == (24, 64, "smoke")
    assert header.training["sets"] == {"five": faces.hash}
    assert header.dataset is not None


def test_a_killed_run_goes_on_to_the_same_weights_bit_for_bit(
    tmp_path: Path, faces: FaceSet, cache: Path
) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN)

    def begin(folder: str, iterations: int = 12) -> subprocess.Popen[str]:
        order = [
            sys.executable,
            str(script),
            str(cache),
            str(tmp_path / folder),
            str(faces.path),
            str(iterations),
        ]
        return subprocess.Popen(
            order, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )

    assert begin("whole").wait(120) == 0
    killed = begin("killed")
    assert killed.stdout is not None
    for line in killed.stdout:
        if line.strip() == "training 7":  # one iteration after a state was saved
            killed.send_signal(signal.SIGKILL)
            break
    assert killed.wait(60) == -signal.SIGKILL
    assert not (tmp_path / "killed" / "samples" / "0000012.png").exists()
    assert begin("killed").wait(120) == 0
    for name in ("generator.safetensors", "losses.jsonl", "samples/0000012.png"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    whole, again = (torch.load(tmp_path / f / "state.pt", weights_only=True) for f in ("whole", "killed"))
    for part in ("generator", "average", "discriminator"):
        for name, value in whole[part].items():
            assert torch.equal(value, again[part][name]), name


def test_a_finished_run_is_left_alone(run: Path, faces: FaceSet, cache: Path) -> None:
    state = (run / "state.pt").read_bytes()
    again = train(load_settings("smoke"), [faces], run, cache=cache, workers=1)
    assert again.iterations == 6
    assert (run / "state.pt").read_bytes() == state


def test_other_settings_need_another_name(run: Path, faces: FaceSet, cache: Path) -> None:
    with pytest.raises(ConfigError, match=r"other settings \(batch, weights.focus\)"):
        train(load_settings("smoke", ["batch=2", "weights.focus=1"]), [faces], run, cache=cache)


def test_time_that_is_up_ends_the_run_with_everything_saved(tmp_path: Path, cache: Path) -> None:
    config = load_settings("smoke", ["iterations=100000", "save_every=100000", "samples_every=100000"])
    started = time.monotonic()
    report = train(config, [], tmp_path / "run", cache=cache, workers=1, max_minutes=0)
    assert (report.finished, report.iterations) == (False, 1)
    assert time.monotonic() - started < 60
    assert (tmp_path / "run" / "generator.safetensors").is_file()


@pytest.mark.parametrize("damage", [b"", b"nothing", None])
def test_a_damaged_state_is_refused(tmp_path: Path, cache: Path, damage: bytes | None) -> None:
    config, folder = load_settings("smoke", ["iterations=1"]), tmp_path / "run"
    train(config, [], folder, cache=cache, workers=1)
    data = (folder / "state.pt").read_bytes()
    (folder / "state.pt").write_bytes(data[: len(data) // 2] if damage is None else damage)
    with pytest.raises(ModelError, match="damaged"):
        train(config, [], folder, cache=cache, workers=1)


def test_the_state_is_never_unpickled_into_code(tmp_path: Path, cache: Path) -> None:
    config, folder = load_settings("smoke", ["iterations=1"]), tmp_path / "run"
    train(config, [], folder, cache=cache, workers=1)
    torch.save({"version": 1, "iteration": Path("evil")}, folder / "state.pt")
    with pytest.raises(ModelError, match="damaged"):
        train(config, [], folder, cache=cache, workers=1)


def test_a_run_is_exported(tmp_path: Path, run: Path) -> None:
    report = export_run(run, "onnx", tmp_path / "a.onnx")
    assert report.bytes == (tmp_path / "a.onnx").stat().st_size
    export_run(run, "safetensors", tmp_path / "a.safetensors")
    assert load_checkpoint(tmp_path / "a.safetensors")[1] == load_checkpoint(run / "generator.safetensors")[1]
    for kind, out in (("onxx", tmp_path / "b"), ("safetensors", run / "generator.safetensors")):
        with pytest.raises(KaogaeError):
            export_run(run, kind, out)
