from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kaogae.atelier.expression import canonical
from kaogae.atelier.manifest import save
from kaogae.atelier.portrait import Portrait
from kaogae.dataset import Face, FaceSet
from kaogae.dataset.manifest import RandomCrop
from kaogae.errors import ManifestError, UsageError
from kaogae.evaluate.inputs import DRAWN_SEEDS, choose, drawn
from kaogae.evaluate.regions import PARTS, changed, parts
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.train.pairs import FIRST_SEED

SIDE = 64


def flat(folder: Path, grey: int, expression: Expression, split: str = "test", name: str = "") -> Face:
    """A face without landmarks, of a grey of its own."""
    (folder / "faces").mkdir(exist_ok=True)
    file = f"faces/{split}-{expression}-{grey}{name}.png"
    digest = save(np.full((SIDE, SIDE, 3), grey, np.uint8), folder / file)
    return Face(file, digest, expression, "tag", "here", file, "CC0 1.0", split)


def marked(face: Face, *points: tuple[float, float]) -> Face:
    names = ("left_eye", "right_eye", "mouth")
    return replace(face, landmarks=dict(zip(names, points, strict=False)))


def frozen(folder: Path, faces: Sequence[Face]) -> FaceSet:
    return FaceSet(folder, "few", SIDE, "0" * 64, {}, tuple(faces))


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    """To test on six of each, but two surprised; and as many to train on. All landmarks are known."""
    counts = {e: 2 if e is Expression.SURPRISED else 6 for e in EXPRESSIONS}
    made = [
        marked(flat(tmp_path, 10 * i + e.position, e, split), (20, 30), (44, 30), (32, 47))
        for split in ("train", "test")
        for e, count in counts.items()
        for i in range(count)
    ]
    return frozen(tmp_path, made)


# ----------------------------------------------------------------------------------------------------- chosen


def test_each_expression_comes_as_often_as_there_are_enough(faces):
    inputs = choose(faces, 15)
    assert np.bincount(inputs.labels).tolist() == [4, 3, 3, 3, 2]
    assert len(inputs) == len(set(inputs.names)) == 15
    shown = [name.removeprefix("faces/test-").split("-")[0] for name in inputs.names]
    assert shown == [EXPRESSIONS[label] for label in inputs.labels]
    assert (inputs.pixels[:, 0, 0, 0] % 10 == inputs.labels).all()
    assert inputs.truths is None


def test_all_there_are_can_be_asked_for(faces):
    assert np.bincount(choose(faces, 26).labels).tolist() == [6, 6, 6, 6, 2]


def test_the_order_of_a_set_does_not_matter_but_the_seed_does(faces):
    names = choose(faces, 10, seed=4).names
    backwards = replace(faces, faces=faces.faces[::-1])
    assert choose(backwards, 10, seed=4).names == names
    assert choose(faces, 10, seed=5).names != names


def test_a_set_that_grew_keeps_most_of_its_inputs(faces, tmp_path):
    more = replace(faces, faces=(*faces.faces, flat(tmp_path, 200, Expression.SAD)))
    assert len(set(choose(more, 15).names) & set(choose(faces, 15).names)) >= 14


def test_one_of_several_crops_of_a_face_is_taken_and_one_of_equal_pictures(tmp_path):
    made = [flat(tmp_path, e.position, e) for e in EXPRESSIONS]
    crops = [
        replace(flat(tmp_path, 50 + i, Expression.SAD), crop=RandomCrop("one", i, 0, False)) for i in range(8)
    ]
    inputs = choose(frozen(tmp_path, [*made, *crops, flat(tmp_path, 0, Expression.HAPPY, name="again")]), 6)
    assert np.bincount(inputs.labels).tolist() == [1, 2, 1, 1, 1]
    with pytest.raises(ManifestError, match="has 6 faces"):
        choose(frozen(tmp_path, [*made, *crops]), 7)


def test_an_expression_without_a_face_is_named(faces):
    few = replace(
        faces,
        faces=tuple(f for f in faces.faces if f.split == "train" or f.expression not in ("sad", "crying")),
    )
    with pytest.raises(
        ManifestError, match=r"'few' has no face that is sad or crying \(6 happy, 0 sad, 0 crying"
    ):
        choose(few, 10)


def test_too_few_faces_are_counted(faces):
    with pytest.raises(
        ManifestError, match=r"has 26 faces \(6 happy, .* 2 surprised\), and 27 were asked for"
    ):
        choose(faces, 27)


@pytest.mark.parametrize(("count", "size"), [(4, None), (-1, None), (5, 31), (5, 1025)])
def test_numbers_out_of_range_are_refused(faces, count, size):
    with pytest.raises(UsageError):
        choose(faces, count, size=size)


def test_a_changed_picture_is_refused(faces):
    (faces.path / choose(faces, 5).names[2]).write_bytes(b"something else")
    with pytest.raises(ManifestError, match="has changed"):
        choose(faces, 5)


# -------------------------------------------------------------------------------------------------- landmarks


def test_landmarks_of_the_set_are_followed_to_another_size(faces):
    inputs = choose(faces, 5, size=2 * SIDE)
    assert inputs.size == 2 * SIDE
    np.testing.assert_array_equal(inputs.marks, [[[40, 60], [88, 60], [64, 94]]] * 5)
    assert set(inputs.known) == {"given"}
    np.testing.assert_array_equal(inputs.masks[3], parts(inputs.marks[3], 2 * SIDE))


@pytest.fixture
def unmarked(tmp_path: Path) -> FaceSet:
    """A drawn face of each expression, but the last one is a grey square; nobody says where anything is."""
    made = [flat(tmp_path, 128, e) for e in EXPRESSIONS]
    for i, face in enumerate(made[:-1]):
        pixels = Portrait.from_seed(i, roughness=0).render(canonical(face.expression), SIDE)
        made[i] = replace(face, sha256=save(pixels, tmp_path / face.file))
    return frozen(tmp_path, made)


def true_marks(seed: int) -> np.ndarray:
    points = Portrait.from_seed(seed).points(SIDE)
    return np.array([points[name] for name in ("left_eye", "right_eye", "mouth")])


def test_landmarks_that_nobody_gives_are_found(unmarked):
    inputs = choose(unmarked, 5, size=128)
    assert inputs.known == ("found", "found", "found", "found", "assumed")
    for i, marks in enumerate(inputs.marks[:4]):
        assert np.hypot(*(marks / 2 - true_marks(i)).T).max() < 0.25 * SIDE / 2.7


def test_what_is_given_goes_before_what_is_found(unmarked):
    eyes = ((20, 25), (43, 25))
    half = replace(unmarked, faces=tuple(marked(face, *eyes) for face in unmarked.faces))
    inputs = choose(half, 5)
    assert inputs.known == ("found", "found", "found", "found", "assumed")
    np.testing.assert_array_equal(inputs.marks[:, :2], [eyes] * 5)
    np.testing.assert_array_equal(inputs.marks[:4, 2], choose(unmarked, 5).marks[:4, 2])


def test_where_no_face_is_seen_the_aligned_crop_says_where_eyes_are(unmarked):
    left, right, mouth = choose(unmarked, 5).marks[-1]
    np.testing.assert_allclose([left, right], true_marks(0)[:2], atol=0.01)
    assert left[0] < mouth[0] < right[0]
    assert right[1] < mouth[1] < SIDE


def test_eyes_at_one_place_are_refused_by_name(faces):
    broken = tuple(marked(face, (9, 9), (9, 9), (9, 20)) for face in faces.faces)
    with pytest.raises(ManifestError, match=r"faces/test-happy-\d+.png has both eyes at one place"):
        choose(replace(faces, faces=broken), 5)


# ------------------------------------------------------------------------------------------------------ drawn


def test_drawn_characters_come_with_the_truth(inputs):
    assert inputs.labels.tolist() == [0, 1, 2, 3, 4] * 2
    assert inputs.pixels.shape == (10, inputs.size, inputs.size, 3)
    assert inputs.truths.shape == (10, 5, inputs.size, inputs.size, 3)
    assert len(set(inputs.names)) == 10
    portrait = Portrait.from_seed(int(inputs.names[7].removeprefix("drawn-")))
    for expression in EXPRESSIONS:
        truth = portrait.render(canonical(expression), inputs.size)
        np.testing.assert_array_equal(inputs.truths[7, expression.position], truth)


def test_truth_and_input_differ_in_the_face_s_parts_alone(inputs):
    assert changed(inputs.pixels, inputs.truths, inputs.masks)[..., PARTS.index("rest")].max() < 5
    still = inputs.masks[:, PARTS.index("rest")]
    same = (inputs.pixels[:, None] == inputs.truths).all(-1)
    assert np.mean([same[i][:, still[i]].mean() for i in range(10)]) > 0.9


def test_drawings_show_what_they_should(inputs):
    """Of the five truths, the mouth and eyes of its own expression are nearest, for most."""
    apart = np.nanmean(changed(inputs.pixels, inputs.truths, inputs.masks)[..., :3], axis=-1)
    assert (apart.argmin(1) == inputs.labels).mean() >= 0.5


def test_drawn_landmarks_are_exact(inputs):
    level = inputs.size / 2 - 0.25 * inputs.size / 2.7
    np.testing.assert_allclose(inputs.marks[:, :2, 1], level, atol=0.01)
    np.testing.assert_allclose(np.ptp(inputs.marks[:, :2, 0], axis=1), inputs.size / 2.7, atol=0.02)
    assert set(inputs.known) == {"given"}


def test_a_seed_draws_the_same_characters_again_and_another_one_others(inputs):
    again, other = drawn(5, seed=3, size=32, workers=1), drawn(5, seed=4, size=32, workers=1)
    assert again.names == inputs.names[:5]
    assert not set(other.names) & set(again.names)
    np.testing.assert_array_equal(again.pixels, drawn(5, seed=3, size=32, workers=1).pixels)


def test_nobody_trains_on_characters_that_are_tested_on():
    assert max(DRAWN_SEEDS) < FIRST_SEED


@pytest.mark.parametrize(("count", "size"), [(4, 64), (500_001, 64), (5, 16), (5, 2048)])
def test_drawings_out_of_range_are_refused(count, size):
    with pytest.raises(UsageError):
        drawn(count, size=size)


def test_progress_is_told():
    told: list[int] = []
    drawn(5, size=32, workers=1, progress=told.append)
    assert told[-1] == 5
