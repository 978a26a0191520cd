"""What a recorder leaves, and that going on leaves the same."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kaogae.dataset import FaceSet
from kaogae.errors import ModelError
from kaogae.stargan import build_generator
from kaogae.train import TrainConfig, load_settings
from kaogae.train.data import Data
from kaogae.train.record import Recorder
from kaogae.train.sheet import SampleSheet


def config_with(*changes: str) -> TrainConfig:
    return load_settings("smoke", ["iterations=100", "log_every=5", "samples_every=10", *changes])


@pytest.fixture(scope="module")
def data(faces: FaceSet, cache: Path) -> Data:
    return Data.load(config_with(), [faces], cache, workers=1)


def write(folder: Path, data: Data, first: int, last: int, config: TrainConfig | None = None) -> None:
    """Rows of the iterations after `first`, up to `last`."""
    recorder = Recorder(folder, config or config_with(), data, first)
    for iteration in range(first + 5, last + 1, 5):
        row = {"iteration": iteration, "images": 4 * iteration, "d_classes": 1 / iteration, "g_mask": 0.1}
        recorder.losses(row)
    recorder.close()


def test_a_run_that_goes_on_writes_the_bytes_of_one_that_was_never_stopped(
    tmp_path: Path, data: Data
) -> None:
    write(tmp_path / "whole", data, 0, 40)
    write(tmp_path / "killed", data, 0, 30)
    losses = tmp_path / "killed" / "losses.jsonl"
    with losses.open("a") as file:
        file.write('{"iteration": 35, "im')  # killed while writing
    write(tmp_path / "killed", data, 20, 40)  # 20 was saved
    assert losses.read_bytes() == (tmp_path / "whole" / "losses.jsonl").read_bytes()
    events = EventAccumulator(str(tmp_path / "killed" / "tensorboard")).Reload()
    assert [point.step for point in events.Scalars("d/classes")] == [5, 10, 15, 20, 25, 30, 35, 40]


def test_the_row_that_only_a_stop_writes_goes_again(tmp_path: Path, data: Data) -> None:
    write(tmp_path, data, 0, 10)
    recorder = Recorder(tmp_path, config_with(), data, 10)
    recorder.losses({"iteration": 12, "d_classes": 0.5})
    recorder.close()
    write(tmp_path, data, 12, 12)
    assert (tmp_path / "losses.jsonl").read_text().count("\n") == 2
    Recorder(tmp_path, config_with("iterations=10"), data, 10).close()  # finished: nothing is dropped
    assert (tmp_path / "losses.jsonl").read_text().count("\n") == 2


def test_a_row_and_an_event_are_in_their_files_at_once(tmp_path: Path, data: Data) -> None:
    (tmp_path / "history.jsonl").write_text('{"time": "2020", "event": "started"}\n{"time": "20')
    recorder = Recorder(tmp_path, config_with(), data, 0)
    recorder.losses({"iteration": 5, "d_classes": 0.25})
    recorder.event("saved", 5, seconds=1.5)
    assert json.loads((tmp_path / "losses.jsonl").read_text()) == {"iteration": 5, "d_classes": 0.25}
    before, saved = map(json.loads, (tmp_path / "history.jsonl").read_text().splitlines())
    assert before["event"] == "started"
    assert (saved["event"], saved["iteration"], saved["seconds"]) == ("saved", 5, 1.5)
    assert saved["time"].endswith("+00:00")
    recorder.close()


def test_what_is_shown_lies_in_the_folder_and_in_tensorboard(tmp_path: Path, data: Data) -> None:
    config = config_with()
    recorder = Recorder(tmp_path, config, data, 0)
    recorder.losses({"iteration": 5, "d_classes": 0.25})
    generator = build_generator(config.generator).train()
    state = torch.random.get_rng_state()
    seen = recorder.show(generator, 10)
    recorder.curves()
    recorder.close()
    assert generator.training
    assert torch.equal(state, torch.random.get_rng_state())
    assert set(seen) == {"spread", "change"}
    assert seen["spread"] > 0
    assert 0 < seen["change"] < 2
    sheet = cv2.imread(str(tmp_path / "samples" / "0000010.png"))
    assert sheet.shape == (8 * 64, 7 * 64, 3)  # four drawn faces, truth below; input, expressions, mask
    assert (tmp_path / "losses.svg").is_file()
    assert (tmp_path / "losses.png").is_file()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert events.Tags()["images"] == ["samples"]
    (image,) = events.Images("samples")
    seen_there = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(seen_there, sheet)
    assert [(point.step, point.value) for point in events.Scalars("d/classes")] == [(5, 0.25)]
    (mask,) = events.Histograms("mask")
    assert mask.histogram_value.num == 5 * 4 * 64 * 64  # of all targets
    assert 0 <= mask.histogram_value.min <= mask.histogram_value.max <= 1


def test_spread_is_zero_for_outputs_that_do_not_heed_the_target(data: Data) -> None:
    class Same(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))

        def forward(self, image: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
            return image + 0.25 + self.weight

    sheet = SampleSheet(config_with(), data).draw(Same())  # pyright: ignore[reportArgumentType]
    assert sheet.masks is None
    assert sheet.spread == 0
    assert sheet.change == pytest.approx(0.25)


def test_a_sheet_shows_held_out_faces_of_as_many_expressions_as_it_can(data: Data) -> None:
    from kaogae.train.data import Faces

    pixels = np.arange(12, dtype=np.uint8)[:, None, None, None].repeat(64, 1).repeat(64, 2).repeat(3, 3) * 20
    labels = np.array([0] * 9 + [1, 2, 3])
    config = config_with("data.drawn=0", "weights.supervised=0")
    held_out = Faces(pixels, labels, ("x",) * 12)
    inputs = SampleSheet(config, Data(config, None, data.faces, held_out)).inputs
    shown = {round(float(face.mean() + 1) * 127.5 / 20) for face in inputs}
    assert shown >= {9, 10, 11}


def test_a_sheet_is_never_empty(data: Data) -> None:
    config = config_with("data.drawn=0", "weights.supervised=0")
    assert not len(data.held_out.labels)
    assert len(SampleSheet(config, Data(config, None, data.faces, data.held_out)).inputs) == 4


def test_a_damaged_line_within_the_rows_is_named(tmp_path: Path, data: Data) -> None:
    write(tmp_path, data, 0, 20)
    path = tmp_path / "losses.jsonl"
    path.write_text(path.read_text().replace('{"iteration": 10', '{"iteration: 10'))
    with pytest.raises(ModelError, match=r"Line 2 of .*losses.jsonl"):
        Recorder(tmp_path, config_with(), data, 20)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, data: Data) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="can't be written"):
        Recorder(tmp_path / "file" / "run", config_with(), data, 0)
    write(tmp_path / "run", data, 0, 5)
    recorder = Recorder(tmp_path / "run", config_with(), data, 5)
    (tmp_path / "run" / "losses.jsonl").unlink()
    (tmp_path / "run" / "losses.jsonl").mkdir()
    with pytest.raises(ModelError, match=r"losses.jsonl can't be written"):
        recorder.losses({"iteration": 10})
    recorder.close()
