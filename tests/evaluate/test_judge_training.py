"""Training a judge, in seconds: what it learns from, what it says about itself, and what it refuses."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from kaogae.cli import app
from kaogae.dataset import FaceSet, Shares, freeze, load
from kaogae.errors import ConfigError, ModelError, UsageError
from kaogae.evaluate import judge, judge_training
from kaogae.evaluate.confusion import CLASSES, OTHER
from kaogae.evaluate.judge import Judge
from kaogae.evaluate.judge_faces import CALIBRATED, EXAMINED, LEARNED, Order, draw
from kaogae.evaluate.judge_lessons import (
    chimeras,
    differ,
    ghosts,
    looked_at,
    noisy,
    none_of_five,
    scrambled,
    smeared,
    turned,
)
from kaogae.evaluate.judge_training import Plan, calibrate, examine, learn, train_judge, with_nones
from kaogae.expressions import EXPRESSIONS

TINY = Plan(name="tiny", size=32, characters=10, epochs=1, batch=8, exam=5, seed=3)


@pytest.fixture(scope="module", autouse=True)
def faces_everywhere() -> Iterator[None]:
    """Nobody looks for faces: that takes longer than all the rest, and tests/evaluate/test_judge.py does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "_has_face", lambda _: True)
        yield


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the few drawings of these tests are kept."""
    return tmp_path_factory.mktemp("drawings")


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    """Ten plain pictures, two characters of each expression, frozen with all three splits."""
    folder = tmp_path_factory.mktemp("faces")
    for i, expression in enumerate(EXPRESSIONS):
        for split in ("train", "validation", "test"):
            place = folder / "named" / split / expression.value
            place.mkdir(parents=True)
            value = 40 * i + {"train": 0, "validation": 10, "test": 20}[split]
            cv2.imwrite(str(place / "face.png"), np.full((64, 64, 3), value, np.uint8))
    shares = Shares(0.3, 0.3)
    freeze("named", [folder / "named"], folder / "sets", size=64, shares=shares, workers=1)
    return load(folder / "sets" / "named")


@pytest.fixture(scope="module")
def tiny(cache: Path, small_set: FaceSet) -> Judge:
    """A judge that has learned next to nothing, of everything."""
    stages: dict[str, tuple[int, int | None]] = {}

    def note(stage: str, done: int, total: int | None) -> None:
        stages[stage] = done, total

    taught = train_judge(TINY, [small_set], cache, workers=1, progress=note)
    assert list(stages) == ["drawing", "learning", "testing"]
    assert all(done == total for done, total in stages.values())
    return taught


# ---------------------------------------------------------------------------------------------------- a judge


def test_the_header_has_what_it_learned_from(tiny: Judge, small_set: FaceSet) -> None:
    drawn, real = tiny.header.learned_from
    assert (drawn.name, drawn.split, drawn.faces) == ("drawn", "300000–300009", 30)
    assert (real.name, real.hash, real.split, real.faces) == ("named", small_set.hash, "train", 5)


def test_it_is_tested_on_what_it_has_not_seen(tiny: Judge) -> None:
    assert tiny.header.known["drawn"].counts.sum(1).tolist() == [5] * 6
    assert tiny.header.known["named"].counts.sum(1).tolist() == [1] * 5 + [0]


def test_the_same_plan_gives_the_same_judge(cache: Path, tiny: Judge, small_set: FaceSet) -> None:
    again = train_judge(TINY, [small_set], cache, workers=1)
    assert again.header.to_json() == tiny.header.to_json()
    faces = small_set.pixels()
    np.testing.assert_array_equal(again.chances(faces), tiny.chances(faces))


def test_characters_of_different_use_never_meet() -> None:
    seeds = [set(part) for part in (LEARNED, CALIBRATED, EXAMINED)]
    assert sum(map(len, seeds)) == len(set.union(*seeds))
    assert min(set.union(*seeds)) >= 200_000
    assert max(set.union(*seeds)) < 500_000


@pytest.mark.usefixtures("tiny")
def test_a_larger_order_finds_what_a_smaller_one_drew(cache: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
    drawn = draw(Order(LEARNED[:7], 3), cache, workers=1)
    assert drawn.labels.shape == (7, 3)
    assert drawn.every().shape == (21, 128, 128, 3)
    assert before == {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
    assert all(len(set(row)) == 3 for row in drawn.labels.tolist())


def test_damaged_drawings_are_noticed(tmp_path: Path, cache: Path) -> None:
    order = Order(LEARNED[:5], 3)
    (folder,) = (path.parent for path in cache.rglob("000000.npy") if order.hash[:16] in str(path))
    (tmp_path / folder.name).mkdir()
    (tmp_path / folder.name / "000000.npy").write_bytes(b"\x93NUMPY damaged")
    with pytest.raises(ModelError, match="are damaged: remove that folder"):
        draw(order, tmp_path, workers=1)


def test_a_set_without_such_a_split_is_refused(cache: Path, small_set: FaceSet) -> None:
    empty = replace(small_set, faces=tuple(face for face in small_set.faces if face.split == "test"))
    with pytest.raises(ConfigError, match="'named' has no face in its split train"):
        train_judge(TINY, [empty], cache, workers=1)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"characters": 3}, "Characters are 10 to 200,000"),
        ({"batch": 1}, "A batch has 4"),
        ({"epochs": 0}, "Epochs are more than 0"),
        ({"minutes": -1}, "Minutes are more than 0"),
        ({"exam": 10**6}, "tested on are 4 to 50,000"),
        ({"split": "test"}, "on test, generators are judged"),
    ],
)
def test_plans_that_cant_be_are_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Plan(**values)  # type: ignore[arg-type]


@pytest.mark.usefixtures("tiny")
def test_minutes_end_the_learning_early(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 30))
    monkeypatch.setattr(judge_training.time, "monotonic", lambda: float(next(clock)))
    done: list[int] = []
    plan = Plan(size=32, characters=10, epochs=1000, batch=8, minutes=1.5)
    none = np.empty((0, 128, 128, 3), np.uint8), np.empty(0, np.int64)
    drawn = draw(Order(LEARNED[:10], 3), cache, workers=1)
    learn(plan, drawn, *none, progress=lambda *now: done.append(now[1]))
    assert done == [8, 16, 24]  # 30 seconds each


# ------------------------------------------------------------------------------------ how sure, and how right


class Sure(Judge):
    """Says of a picture of one colour what its first value is, and how surely its second one."""

    def __init__(self, known: Judge) -> None:
        self.header, self.sha256 = known.header, ""

    def logits(self, pictures: np.ndarray) -> np.ndarray:
        rows = np.zeros((len(pictures), 6), np.float32)
        rows[np.arange(len(pictures)), pictures[:, 0, 0, 0]] = pictures[:, 0, 0, 1]
        return rows


def test_chances_of_a_judge_that_is_too_sure_are_lowered(tiny: Judge) -> None:
    dice = np.random.default_rng(0)
    labels = dice.integers(6, size=600)
    said = np.where(dice.random(600) < 0.7, labels, dice.integers(6, size=600))
    pictures = np.zeros((600, 8, 8, 3), np.uint8)
    pictures[..., 0], pictures[..., 1] = said[:, None, None], 20
    header = calibrate(Sure(tiny), [(pictures, labels)])
    chance = np.exp(20 / header.temperature) / (np.exp(20 / header.temperature) + 5)
    assert chance == pytest.approx((said == labels).mean(), abs=0.01)


def test_the_threshold_parts_what_is_right_from_what_is_not(tiny: Judge) -> None:
    labels = np.array([0, 1, 2, 3, 4] * 40 + [OTHER] * 40)
    pictures = np.zeros((240, 8, 8, 3), np.uint8)
    pictures[..., 0] = np.where(labels == OTHER, np.arange(240) % 5, labels)[:, None, None]
    pictures[..., 1] = np.where(labels == OTHER, 3, 6)[:, None, None]
    sure = Sure(tiny)
    sure.header = calibrate(sure, [(pictures, labels)])
    largest = sure.chances(pictures).max(1)
    assert ((largest >= sure.header.threshold) == (labels != OTHER)).all()


def test_an_exam_counts_what_pictures_show_and_what_is_said(tiny: Judge, cache: Path) -> None:
    pixels, labels = with_nones(draw(Order(EXAMINED[:5], CLASSES), cache, workers=1))
    known = examine(tiny, pixels, labels, workers=1)
    assert known.counts.sum(1).tolist() == np.bincount(labels, minlength=6).tolist() == [5] * 6
    assert sum(one.faces for one in known.reliability) == len(labels)
    verdicts = tiny.verdicts(pixels)
    assert np.trace(known.counts) == (verdicts == labels).sum()


# ------------------------------------------------------------------------------------------------ its lessons


@pytest.fixture
def pairs(cache: Path) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    drawn = draw(Order(EXAMINED[:5], CLASSES), cache, workers=1)
    faces = torch.from_numpy(drawn.every()).permute(0, 3, 1, 2).float().view(5, 5, 3, 128, 128) / 255
    return faces[:, 0], faces[:, 1], torch.from_numpy(drawn.labels[:, :2])


def test_chimeras_have_the_eyes_of_one_and_the_mouth_of_the_other(pairs: tuple[torch.Tensor, ...]) -> None:
    a, b, _ = pairs
    mixed = chimeras(a, b)
    assert (mixed[:, :, :55] - a[:, :, :55]).abs().max() < 0.01
    assert (mixed[:, :, 80:] - b[:, :, 80:]).abs().max() < 0.01


def test_what_shows_none_keeps_its_form_and_is_not_what_it_was(pairs: tuple[torch.Tensor, ...]) -> None:
    a, b, labels = pairs
    for made in (ghosts(a, b), scrambled(a), smeared(a), noisy(a), turned(a), none_of_five(a, b, labels)):
        assert made.shape == a.shape
        assert torch.isfinite(made).all()
        assert (made - a).abs().mean((1, 2, 3)).min() > 0.005


def test_faces_that_hardly_differ_make_no_chimera(pairs: tuple[torch.Tensor, ...]) -> None:
    a, _, _ = pairs
    assert not differ(a, a, torch.tensor([[0, 1]] * 5)).any()
    assert not differ(a, 1 - a, torch.tensor([[2, 1]] * 5)).any()  # sad and crying share their eyes
    assert differ(a, 1 - a, torch.tensor([[0, 1]] * 5)).all()


def test_lessons_differ_each_time_and_stay_faces(pairs: tuple[torch.Tensor, ...]) -> None:
    a, _, _ = pairs
    first, second = looked_at(a, 48), looked_at(a, 48)
    assert first.shape == (5, 3, 48, 48)
    assert torch.isfinite(first).all()
    assert (first - second).abs().mean() > 0.02


# ------------------------------------------------------------------------------------------------ the command


def command(workspace: Path, *options: str) -> list[str]:
    return ["evaluate", "train-judge", "--workspace", str(workspace), "--threads", "1", *options]


@pytest.mark.usefixtures("tiny")
def test_the_command_writes_a_judge_and_a_report(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").symlink_to(cache)
    options = ("--characters", "10", "--epochs", "1", "--seed", "5")
    result = CliRunner().invoke(app, command(tmp_path, *options, "--json"), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    written = Judge.load(tmp_path / "judges/judge.safetensors")
    assert report["sha256"] == written.sha256
    assert report["learned_from"][0]["faces"] == 30
    assert written.header.training["seed"] == 5

    out = tmp_path / "mine.safetensors"
    result = CliRunner().invoke(app, command(tmp_path, *options, "--minutes", "0.001", "--out", str(out)))
    assert result.exit_code == 0, result.output
    assert "mine on drawn" in result.stdout
    assert "learned from 30 drawn (300000–300009)" in result.stdout
    assert Judge.load(out).header.name == "mine"


@pytest.mark.usefixtures("tiny")
def test_stopped_it_leaves_nothing_half(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "cache").symlink_to(cache)
    monkeypatch.setattr(judge_training, "calibrate", interrupted)
    result = CliRunner().invoke(app, command(tmp_path, "--characters", "10", "--epochs", "1"))
    assert result.exit_code == 130
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        (["--split", "test"], ConfigError, "on test, generators are judged"),
        (["--threads", "0"], UsageError, "isn't a number of processors"),
        (["--data", "nowhere"], Exception, "nowhere"),
    ],
)
def test_wrong_use_is_a_sentence(
    tmp_path: Path, options: list[str], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        CliRunner().invoke(app, command(tmp_path, *options), catch_exceptions=False)
