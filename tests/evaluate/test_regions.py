import numpy as np
import pytest

from kaogae.errors import UsageError
from kaogae.evaluate.regions import PARTS, changed, moved, moved_rightly, parts, reach, spread

MARKS = np.array([[30.2, 40.1], [66.3, 40.1], [48.4, 66.7]])
"""Of a face in a crop of 96 pixels."""
BLANK = np.full((1, 5, 96, 96, 3), 90, np.uint8)
KNOWN = {
    # eyes, brows, mouth, rest
    "copies its input": ([0, 0, 0, 0], [0, 0, 0, 0]),
    "returns another character": ([0, 0, 0, 0], [0, 0, 0, 0]),
    "returns the truth": ([1, 1, 1, 1], [1, 1, 1, 1]),
    "moves the mouth only": ([0, 0, 1, 0], [0, 0, 1, 0]),
}
"""How much moved, and how much rightly."""


def at(masks: np.ndarray, x: float, y: float) -> str:
    (part,) = np.flatnonzero(masks[:, int(y), int(x)])
    return PARTS[part]


# --------------------------------------------------------------------------------------------- where they are


def test_every_pixel_belongs_to_one_part():
    assert (parts(MARKS, 96).sum(0) == 1).all()


def test_parts_lie_where_the_landmarks_say():
    masks, distance = parts(MARKS, 96), 36.1
    for x, y in MARKS[:2]:
        assert at(masks, x, y) == "eyes"
        assert at(masks, x, y - 0.5 * distance) == "brows"
    assert at(masks, *MARKS[2]) == "mouth"
    for x, y in ((48.4, 40.1), (48.4, 5), (2, 2), (30, 80)):  # between the eyes, forehead, corner, cheek
        assert at(masks, x, y) == "rest"


def test_a_turned_face_has_turned_parts():
    turned = np.column_stack([MARKS[:, 1], 96 - MARKS[:, 0]])  # a quarter to the left
    np.testing.assert_array_equal(parts(turned, 96), np.rot90(parts(MARKS, 96), axes=(1, 2)))


def test_a_mirrored_face_has_mirrored_parts():
    mirrored = (MARKS * [-1, 1] + [96, 0])[[1, 0, 2]]
    np.testing.assert_array_equal(parts(mirrored, 96), parts(MARKS, 96)[..., ::-1])


def test_parts_grow_with_the_picture():
    small, large = parts(MARKS, 96), parts(3 * MARKS, 288)
    np.testing.assert_allclose(large.mean((1, 2)), small.mean((1, 2)), atol=0.01)


@pytest.mark.parametrize("mark", [(66.3, 40.1), (np.nan, 40.1), (np.inf, 0)])
def test_eyes_that_cannot_be_are_refused(mark):
    with pytest.raises(UsageError, match="eyes are at one place, or a mark is missing"):
        parts([mark, *MARKS[1:]], 96)


def test_drawn_parts_hold_nearly_all_that_expressions_move(inputs):
    total = spread(inputs.truths, inputs.masks) * inputs.masks.sum((2, 3))
    assert (total[:, :3].sum(1) / total.sum(1)).mean() > 0.9


def test_landmarks_alone_put_most_of_what_moves_into_the_right_part(inputs):
    right = total = 0.0
    for marks, masks, truths in zip(inputs.marks, inputs.masks, inputs.truths, strict=True):
        values = truths.astype(float)
        moves = np.abs(values - values.mean(0)).mean((0, -1))
        right += moves[(parts(marks, inputs.size) & masks).any(0)].sum()
        total += moves.sum()
    assert right / total > 0.88


# ---------------------------------------------------------------------------------------------- how they move


@pytest.mark.parametrize("generator", KNOWN)
def test_known_generators_move_what_theory_says(generator, answers, inputs):
    found = answers(generator)
    much, rightly = KNOWN[generator]
    np.testing.assert_allclose(moved(found, inputs.truths, inputs.masks), much, atol=1e-12)
    np.testing.assert_allclose(moved_rightly(found, inputs.truths, inputs.masks), rightly, atol=1e-12)


def test_what_is_unchanged_has_not_changed(answers, inputs):
    assert not changed(inputs.pixels, answers("copies its input"), inputs.masks).any()


def test_the_truth_is_at_no_distance_from_itself_and_changes_eyes_brows_and_mouth(answers, inputs):
    found = answers("returns the truth")
    assert not changed(inputs.truths, found, inputs.masks).any()
    eyes, brows, mouth, rest = changed(inputs.pixels, found, inputs.masks).mean((0, 1))
    assert min(eyes, brows, mouth) > 4 > rest


def test_another_character_changes_everything_and_moves_little_rightly(answers, inputs):
    still, asked = answers("returns another character"), answers("returns another character as asked")
    assert (changed(inputs.pixels, still, inputs.masks).mean((0, 1)) > 30).all()
    assert (changed(inputs.pixels, asked, inputs.masks).mean((0, 1)) > 30).all()
    assert (moved(asked, inputs.truths, inputs.masks) > 0.5).all()
    rightly = moved_rightly(asked, inputs.truths, inputs.masks)  # mouths lie alike in all faces
    assert rightly.max() < 0.75
    assert rightly[[0, 1, 3]].max() < 0.4


def test_noise_counts_as_movement_but_not_as_right(answers, inputs):
    found = answers("adds noise")
    assert (moved(found, inputs.truths, inputs.masks) > 1).all()
    assert np.abs(moved_rightly(found, inputs.truths, inputs.masks)[:3]).max() < 0.05


def test_half_the_way_is_half(inputs):
    half = np.rint((inputs.truths + inputs.pixels[:, None].astype(float)) / 2).astype(np.uint8)
    np.testing.assert_allclose(moved_rightly(half, inputs.truths, inputs.masks), 0.5, atol=0.01)


def test_the_wrong_way_is_less_than_nothing(inputs):
    back = np.clip(2 * inputs.truths.mean(1, keepdims=True) - inputs.truths, 0, 255).astype(np.uint8)
    assert (moved_rightly(back, inputs.truths, inputs.masks) < -0.5).all()


def test_changes_are_grey_levels_of_the_part_that_changed():
    after, masks = BLANK.copy(), parts(MARKS, 96)[None]
    after[0, 3, masks[0, 2]] += np.array([30, 0, 60], np.uint8)
    expected = np.zeros((1, 5, 4))
    expected[0, 3, 2] = 30
    np.testing.assert_allclose(changed(BLANK[:, 0], after, masks), expected, atol=1e-5)


def test_a_part_outside_of_the_picture_is_no_number_and_spoils_no_mean(inputs):
    masks = inputs.masks.copy()
    masks[0, 2] = False
    assert np.isnan(changed(inputs.pixels, inputs.truths, masks)[0, :, 2]).all()
    np.testing.assert_allclose(moved(inputs.truths, inputs.truths, masks), 1)
    np.testing.assert_allclose(moved_rightly(inputs.truths, inputs.truths, masks), 1)


def test_where_the_truth_does_not_move_there_is_no_right_way():
    assert np.isnan(moved_rightly(BLANK, BLANK, parts(MARKS, 96)[None])).all()


@pytest.mark.parametrize(
    ("much", "word"),
    [
        ((0.1, 0.0, 0.2, 0), "little"),
        ((0.1, 0.1, 0.5, 0), "mouth only"),
        ((0.3, 0.1, 0.5, 0), "mixed"),
        ((0.5, 0.5, 0.1, 0), "mixed"),
        ((0.3, 0.3, 0.6, 0), "whole face"),
        ((1, 1, 1, 1), "whole face"),
    ],
)
def test_reach_in_a_word(much, word):
    assert reach(much) == word


def test_reach_of_known_generators(answers, inputs):
    words = {
        name: reach(moved_rightly(answers(name), inputs.truths, inputs.masks))
        for name in (*KNOWN, "adds noise")
    }
    assert words == {
        "copies its input": "little",
        "returns another character": "little",
        "returns the truth": "whole face",
        "moves the mouth only": "mouth only",
        "adds noise": "little",
    }
