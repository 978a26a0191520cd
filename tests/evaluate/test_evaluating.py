"""What can be evaluated together, and what needn't be measured again."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kaogae.dataset import FaceSet, Shares, freeze, load
from kaogae.errors import EvaluationError, KaogaeError, ManifestError, UsageError
from kaogae.evaluate.evaluating import Order, evaluate
from kaogae.evaluate.evaluation import ModelFacts
from kaogae.evaluate.identity import Identity
from kaogae.evaluate.judge import Judge
from kaogae.evaluate.measure import Reference, compare_as_a_whole
from kaogae.evaluate.models import Model
from kaogae.evaluate.snapshots import FILE, picture_path
from kaogae.expressions import EXPRESSIONS

SIDE = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets called "faces", of other pictures, and one called "drawn"."""
    place = tmp_path_factory.mktemp("sets")
    dice = np.random.default_rng(0)
    for name, where in (("faces", "one"), ("faces", "other"), ("drawn", "one")):
        pictures = tmp_path_factory.mktemp("pictures")
        for expression in EXPRESSIONS:
            (pictures / expression).mkdir()
            for number in range(3):
                pixels = dice.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
                Image.fromarray(pixels).save(pictures / expression / f"{number}_{expression}.png")
        freeze(name, [pictures], place / where, size=SIDE, shares=Shares(0, 0.7))
    return place


@pytest.fixture(scope="module")
def faces(folder: Path) -> FaceSet:
    return load(folder / "one" / "faces")


@dataclass
class Counting:
    """A generator that copies its input, and counts how often it is run."""

    name: str = "copy"
    runs: int = 0
    model: Model = field(init=False)

    def __post_init__(self) -> None:
        facts = ModelFacts(self.name, "0" * 64, 1, SIDE)
        self.model = Model(facts, self._run)

    def _run(self, images: np.ndarray, _: np.ndarray) -> np.ndarray:
        self.runs += 1
        return images


@pytest.fixture(scope="module")
def order() -> Callable[..., Order]:
    judge, identity = Judge.load(), Identity.load()

    def of(*names: str, judges: tuple[str, ...] = (), **given: object) -> Order:
        models = given.pop("models", [Counting(name).model for name in names or ("copy",)])
        return Order(
            models, judges={"": judge} | dict.fromkeys(judges, judge), identity=identity, count=5, **given
        )  # fmt: skip

    return of


@pytest.mark.parametrize(
    "name",
    ["..", ".hidden", "", "a/b", "/", "two\nlines", "\x1b[31m", "not text \udcff", "a" * 201, "顔" * 67],
)
def test_a_name_that_can_be_no_folder_is_refused(order: Callable[..., Order], name: str):
    with pytest.raises(UsageError, match="No model can be called"):
        order(name)


@pytest.mark.parametrize("name", ["a", "hello world", "顔 変え", "a..b", "[bold]", "-x", "control"])
def test_other_names_are_not(order: Callable[..., Order], name: str):
    assert order(name).models[0].facts.name == name


def test_two_sets_of_one_name_are_refused(order: Callable[..., Order], folder: Path, faces: FaceSet):
    with pytest.raises(UsageError, match="'faces' was named twice, or two sets are called so"):
        order(sets=[faces, load(folder / "other" / "faces")])
    with pytest.raises(UsageError, match="This set is called 'drawn'"):
        order(sets=[load(folder / "one" / "drawn")])


@pytest.mark.parametrize("name", ["../../../elsewhere", "/elsewhere", ".hidden", "", "two\nlines"])
def test_a_set_whose_name_leads_elsewhere_is_refused(order: Callable[..., Order], faces: FaceSet, name: str):
    with pytest.raises(UsageError, match="can't be the name of a set"):
        order(sets=[replace(faces, name=name)])


def test_a_judge_for_what_is_not_evaluated_is_refused(order: Callable[..., Order], faces: FaceSet):
    order(sets=[faces], judges=("faces",))
    with pytest.raises(UsageError, match="for 'drawn', on which nothing is evaluated: name a set of faces"):
        order(sets=[faces], judges=("drawn",))


@pytest.mark.parametrize("seed", [-1, 2**53, 10**300])
def test_a_seed_that_nobody_else_could_read_is_refused(order: Callable[..., Order], seed: int):
    with pytest.raises(UsageError, match="can't be a seed: choose 0 to"):
        order(seed=seed)


def test_a_set_that_is_too_small_is_refused_before_anything_is_measured(faces: FaceSet):
    judges = {"": Judge.load()}
    with pytest.raises(ManifestError, match=r"has \d+ faces .* and 1000 were asked for"):
        Order([Counting().model], [None, faces], count=1000, judges=judges)
    with pytest.raises(UsageError, match="At least 5 inputs"):
        Order([Counting().model], [None], count=4, judges=judges)
    with pytest.raises(UsageError, match="16 pixels are out of range"):
        Order([Model(ModelFacts("tiny", "0" * 64, 1, 16), Counting().model.run)], judges=judges)


def test_what_is_there_is_measured_again_only_if_it_is_not_whole_or_of_something_else(
    order: Callable[..., Order], faces: FaceSet, tmp_path: Path
):
    model = Counting()

    def measured(of: FaceSet = faces) -> int:
        model.runs = 0
        (found,) = evaluate(order(models=[model.model], sets=[of]), tmp_path, workers=1)
        assert found.inputs.set_hash == of.hash
        return model.runs

    assert measured()
    assert not measured()
    place = tmp_path / "copy/faces-5-0"
    picture_path(place, 4).unlink()
    assert measured()
    picture_path(place, 0).write_bytes(b"no picture")
    assert measured()
    (place / FILE).write_text("{")
    assert measured()
    assert not measured()
    # The same faces are tested on, but those that outputs are compared with as a whole are others
    assert measured(replace(faces, hash="1" * 64))
    raw = json.loads((place / FILE).read_text())
    del raw["made"]["key"]
    (place / FILE).write_text(json.dumps(raw))
    assert measured()


def test_a_folder_that_cannot_be_written_is_found_out_before_the_work(
    order: Callable[..., Order], faces: FaceSet, tmp_path: Path
):
    (tmp_path / "evaluations").write_text("a file")
    model = Counting()
    with pytest.raises(EvaluationError, match="can't be written"):
        evaluate(order(models=[model.model], sets=[faces]), tmp_path / "evaluations", workers=1)
    assert not model.runs


def test_what_is_finished_stays_when_a_later_model_fails(
    order: Callable[..., Order], faces: FaceSet, tmp_path: Path
):
    good = Counting("good")
    bad = Model(ModelFacts("bad", "1" * 64, 1, SIDE), lambda images, _: images * np.nan)
    with pytest.raises(KaogaeError, match="'bad' gives something that isn't a picture"):
        evaluate(order(models=[good.model, bad], sets=[faces]), tmp_path, workers=1)
    assert (tmp_path / "good/faces-5-0" / FILE).is_file()
    assert not list((tmp_path / "bad").glob("*"))


def test_one_colour_is_a_picture_too(order: Callable[..., Order], faces: FaceSet, tmp_path: Path):
    """Nothing moves, nobody is seen in it: what can't be told is left out, and the file is JSON."""
    grey = Model(ModelFacts("grey", "2" * 64, 1, SIDE), lambda images, _: images * 0)
    (found,) = evaluate(order(models=[grey], sets=[faces]), tmp_path, workers=1)
    assert found.summary()["accuracy"] == 0
    assert found.summary()["spread_eyes"] == 0
    json.loads((tmp_path / "grey/faces-5-0" / FILE).read_text(), parse_constant=pytest.fail)


def test_outputs_are_never_compared_with_their_own_inputs(faces: FaceSet):
    names = [face.file for face in faces.of("test")][:2]
    every, rest = Reference.of_set(faces, 64), Reference.of_set(faces, 64, without=names)
    assert len(rest.labels) == len(every.labels) - 2
    kept = {picture.tobytes() for picture in rest.pixels}
    inputs = faces.pictures([face for face in faces.faces if face.file in names])
    assert all(picture.tobytes() not in kept for picture in inputs)


def test_of_a_set_that_is_all_inputs_no_distance_is_known(faces: FaceSet):
    nothing = Reference.of_set(faces, 64, without=[face.file for face in faces.faces])
    found = compare_as_a_whole(np.zeros((12, 5, 64, 64, 3), np.uint8), nothing, Judge.load().features)
    assert np.isnan(found["fid"]).all()
    assert found["pictures"].tolist() == [0] * 6


def test_faces_that_all_models_are_compared_with_are_described_once(faces: FaceSet):
    asked: list[int] = []

    def features(pictures: np.ndarray) -> np.ndarray:
        asked.append(len(pictures))
        return np.random.default_rng(0).random((len(pictures), 4), np.float32)

    reference, outputs = Reference.of_set(faces, 64), np.zeros((12, 5, 64, 64, 3), np.uint8)
    first, second = (compare_as_a_whole(outputs, reference, features) for _ in range(2))
    assert asked == [60, len(reference.labels), 60]
    np.testing.assert_array_equal(first["fid"], second["fid"])
