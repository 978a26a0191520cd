"""Snapshots: what was measured comes back, and what was tampered with is refused."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kaogae.errors import EvaluationError
from kaogae.evaluate.evaluation import Evaluation, InputsFacts, JudgeFacts, ModelFacts
from kaogae.evaluate.snapshots import FILE, picture_path, read_evaluation, read_row, save_evaluation

SIDE, COUNT = 16, 6


def made_up(name="model", **scores) -> tuple[Evaluation, np.ndarray, np.ndarray]:
    dice = np.random.default_rng(0)
    inputs = dice.integers(0, 256, (COUNT, SIDE, SIDE, 3), np.uint8)
    outputs = dice.integers(0, 256, (COUNT, 5, SIDE, SIDE, 3), np.uint8)
    labels = np.arange(COUNT) % 5
    names = tuple(f"drawn-{k}" for k in range(COUNT))
    found = Evaluation(
        ModelFacts(name, "ab" * 32, 1234, SIDE, 99, {"architecture": {"width": 4}}),
        InputsFacts("drawn", "cd" * 32, 0, names, labels, {"given": COUNT}),
        JudgeFacts(
            "j", "ef" * 32, 0.5, {"drawn": np.eye(6, dtype=np.int64) * 40}, {"drawn": np.ones((3, 3))}
        ),
        {"verdicts": np.tile(np.arange(5), (COUNT, 1)), **scores},
        {"spread": np.array([1.0, 2, 3, np.nan])},
        {"judge": {key: np.arange(6.0) for key in ("fid", "kid", "kid_sd", "pictures")}},
        {"name": "i", "same": [0.1, 0.0, 0.2]},
        2.0,
        {"key": {"model": "x"}},
    )
    return found, inputs, outputs


def test_what_was_measured_comes_back(tmp_path):
    found, inputs, outputs = made_up(identity=np.full((COUNT, 5), 0.25), faces=np.ones((COUNT, 5), bool))
    save_evaluation(found, tmp_path / "m" / "drawn", inputs, outputs)
    back = read_evaluation(tmp_path / "m" / "drawn")
    assert back.model == found.model
    assert back.inputs.names == found.inputs.names
    assert (back.inputs.labels == found.inputs.labels).all()
    assert (back.judge.known["drawn"] == found.judge.known["drawn"]).all()
    assert {key: values.dtype.kind for key, values in back.scores.items()} == {
        "verdicts": "i", "identity": "f", "faces": "b",
    }  # fmt: skip
    assert (back.scores["identity"] == 0.25).all()
    assert np.isnan(back.regions["spread"][3])
    assert back.made == {"key": {"model": "x"}}
    assert back.confusion.mean_accuracy == 1
    assert back.corrected.mean_accuracy == pytest.approx(1)
    assert back.summary()["identity"] == 0.25


def test_pictures_come_back_as_they_were(tmp_path):
    found, inputs, outputs = made_up()
    kept = save_evaluation(found, tmp_path / "e", inputs, outputs)
    row = read_row(kept, 3)
    assert (row[0] == inputs[3]).all()
    assert (row[1:] == outputs[3]).all()


def test_a_newer_evaluation_takes_the_place_of_an_older_one(tmp_path):
    found, inputs, outputs = made_up("first")
    save_evaluation(found, tmp_path / "e", inputs, outputs)
    found, inputs, outputs = made_up("second")
    assert save_evaluation(found, tmp_path / "e", inputs, outputs).name == "second"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "e"]


def test_nothing_is_left_of_an_evaluation_that_cannot_be_written(tmp_path, monkeypatch):
    found, inputs, outputs = made_up("first")
    save_evaluation(found, tmp_path / "e", inputs, outputs)
    monkeypatch.setattr("kaogae.evaluate.snapshots.json.dumps", _full)
    with pytest.raises(EvaluationError, match="can't be written: No space left"):
        save_evaluation(made_up("second")[0], tmp_path / "e", inputs, outputs)
    assert read_evaluation(tmp_path / "e").name == "first"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "e"]


def _full(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw | {"version": 99},
        lambda raw: raw | {"expressions": ["joy"]},
        lambda raw: raw | {"scores": {"verdicts": [[0, 1]]}},
        lambda raw: raw | {"scores": {"unknown": [1] * COUNT}},
        lambda raw: raw | {"inputs": {}},
        lambda raw: raw | {"model": {"name": 1, "evil": 2}},
        lambda raw: raw | {"regions": 7},
        lambda raw: raw | {"judge": {"known": 3}},
        lambda raw: raw | {"judge": {}},
        lambda raw: raw | {"judge": raw["judge"] | {"known": {"drawn": [[1, 2]]}}},
        lambda raw: raw | {"judge": raw["judge"] | {"known": {"drawn": [[1e300] * 6] * 6}}},
        lambda raw: raw | {"judge": raw["judge"] | {"reliability": {"drawn": [[1, 2]]}}},
        lambda raw: raw | {"inputs": raw["inputs"] | {"labels": [0, 1, 2, 3, 4, 5]}},
        lambda raw: raw | {"inputs": raw["inputs"] | {"names": ["x"] * (COUNT - 1) + [{}]}},
        lambda raw: raw | {"model": raw["model"] | {"parameters": []}},
        lambda raw: raw | {"scores": {"verdicts": [[0, 1, 2, 3, 6]] * COUNT}},
        lambda raw: raw | {"regions": {"spread": [1, 2, 3]}},
        lambda raw: raw | {"distances": {"judge": {"fid": [1]}}},
        lambda raw: raw | {"made": []},
        lambda raw: raw | {"seconds": 10**400},
        lambda raw: raw | {"seconds": float("nan")},
        lambda raw: raw | {"seconds": -1},
        lambda raw: raw | {"inputs": raw["inputs"] | {"labels": [10**30] * COUNT}},
        lambda raw: raw | {"identity": {"same": 3}},
        lambda raw: raw | {"identity": {"other": [1, 2]}},
        lambda raw: raw | {"distances": {"judge": {"kid": [0] * 6}}},
        lambda raw: raw | {"judge": raw["judge"] | {"known": {"drawn": [[10**18] * 6] * 6}}},
        lambda _: [],
        lambda _: {},
    ],
)
def test_a_damaged_snapshot_is_refused_with_a_sentence(tmp_path, damage):
    found, inputs, outputs = made_up()
    path = save_evaluation(found, tmp_path / "e", inputs, outputs).folder / FILE
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    with pytest.raises(EvaluationError, match="evaluate again"):
        read_evaluation(tmp_path / "e")


def test_no_snapshot_and_half_a_snapshot_are_refused(tmp_path):
    with pytest.raises(EvaluationError, match="There is no evaluation"):
        read_evaluation(tmp_path / "none")
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / FILE).write_text('{"format": ')
    with pytest.raises(EvaluationError, match="damaged"):
        read_evaluation(tmp_path / "e")


def test_a_picture_that_changed_is_refused(tmp_path):
    found, inputs, outputs = made_up()
    kept = save_evaluation(found, tmp_path / "e", inputs, outputs)
    picture_path(kept.folder, 0).write_bytes(b"no picture")
    with pytest.raises(EvaluationError, match="isn't the picture"):
        read_row(kept, 0)
    with pytest.raises(EvaluationError, match="hasn't been saved"):
        read_row(found, 0)


def test_a_judge_without_a_reliability_comes_back(tmp_path):
    found, inputs, outputs = made_up()
    found.judge.reliability["real"] = np.empty((0, 3))
    assert save_evaluation(found, tmp_path / "e", inputs, outputs).judge.reliability["real"].size == 0


def test_what_a_stranger_wrote_into_a_checkpoint_can_be_kept(tmp_path):
    found, inputs, outputs = made_up()
    deep: dict = {}
    for _ in range(900):
        deep = {"deep": deep}
    found.model.about.update(training={"rate": float("nan"), "by": "\ud800"}, deep=deep)
    kept = save_evaluation(found, tmp_path / "e", inputs, outputs)
    assert kept.model.about["training"] == {"rate": None, "by": "?"}
    assert "NaN" not in (tmp_path / "e" / FILE).read_text("utf-8")


def test_what_a_killed_process_left_is_removed(tmp_path):
    for name in (".1234.part", ".1234.old"):
        (tmp_path / name / "pictures").mkdir(parents=True)
    found, inputs, outputs = made_up()
    save_evaluation(found, tmp_path / "e", inputs, outputs)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "e"]


def test_two_at_once_leave_one_whole_evaluation(tmp_path):
    found, inputs, outputs = made_up()
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(save_evaluation, found, tmp_path / "e", inputs, outputs) for _ in range(12)]
    assert {one.result().folder for one in done} == {tmp_path / "e"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "e"]
    assert (read_row(read_evaluation(tmp_path / "e"), 3)[0] == inputs[3]).all()
