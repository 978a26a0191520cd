"""Putting the change back: exact outside, sharp inside, without the ghost of what was there."""

import cv2
import numpy as np
import pytest

from kaogae.faces import crop_matrix
from kaogae.transfer import blend

SIDE = 64


def lines(size: int, ends: list[tuple[float, float, float, float]]) -> np.ndarray:
    """Dark lines on skin, drawn at `size` pixels; places are shares of the side."""
    picture = np.full((size * 4, size * 4, 3), (250, 220, 200), np.uint8)
    for x1, y1, x2, y2 in ends:
        p, q = (round(x1 * size * 4), round(y1 * size * 4)), (round(x2 * size * 4), round(y2 * size * 4))
        cv2.line(picture, p, q, (60, 30, 40), size // 32 * 4)
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)


def scaling(size: int) -> np.ndarray:
    return np.array([[SIDE / size, 0, 0], [0, SIDE / size, 0]])


def small(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)


def error(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


def test_an_answer_without_a_change_changes_nothing() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (300, 200, 3)).astype(np.uint8)
    matrix = crop_matrix((70, 120), (130, 110), SIDE)
    answer = blend.cut(picture, matrix, SIDE).astype(np.float32)
    result, mask = blend.add(picture, [blend.change(picture, matrix, answer, None)], None)
    np.testing.assert_array_equal(result, picture)
    assert not mask.any()


@pytest.mark.parametrize("attention", [None, np.ones((SIDE, SIDE), np.float32)])
@pytest.mark.parametrize("distance", [12, 60, 300])
def test_pixels_outside_the_crop_stay_even_if_everything_inside_changes(
    attention: np.ndarray | None, distance: int
) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (400, 500, 3)).astype(np.uint8)
    matrix = crop_matrix((200, 150), (200 + distance, 160), SIDE)
    answer = np.full((SIDE, SIDE, 3), 90, np.float32)
    result, mask = blend.add(picture, [blend.change(picture, matrix, answer, attention)], None)
    y, x = np.nonzero((result != picture).any(-1))
    assert len(y)
    places = np.column_stack([x, y]) + 0.5
    inside = places @ matrix[:, :2].T + matrix[:, 2]
    assert inside.min() >= 0
    assert inside.max() <= SIDE
    np.testing.assert_array_equal(result[mask == 0], picture[mask == 0])
    assert (result[mask == 255] != picture[mask == 255]).any()


def test_what_has_no_attention_stays() -> None:
    picture = np.full((200, 200, 3), 200, np.uint8)
    attention = np.zeros((SIDE, SIDE), np.float32)
    attention[SIDE // 2 :] = 1
    answer = np.full((SIDE, SIDE, 3), 50, np.float32)
    result, _ = blend.add(picture, [blend.change(picture, scaling(200), answer, attention)], None)
    assert (result[:95] == 200).all()
    assert (result[110:180, 30:170] < 60).all()


def test_what_is_invisible_stays() -> None:
    picture = np.full((200, 200, 3), 200, np.uint8)
    opacity = np.full((200, 200), 255, np.uint8)
    opacity[:, 100:] = 0
    answer = np.full((SIDE, SIDE, 3), 50, np.float32)
    result, mask = blend.add(picture, [blend.change(picture, scaling(200), answer, None)], opacity)
    assert (result[:, 100:] == 200).all()
    assert not mask[:, 100:].any()
    assert (result[100, 50] < 60).all()


def test_fine_lines_stay_sharp_below_a_change_of_colour() -> None:
    size = SIDE * 8
    picture = lines(size, [(0.2, 0.3, 0.8, 0.35), (0.3, 0.6, 0.5, 0.7)])
    blush = np.array([0, -10, -8], np.float32)
    result, _ = blend.add(picture, [blend.change(picture, scaling(size), small(picture) + blush, None)], None)
    middle = np.s_[100:-100, 100:-100]
    assert error(result[middle], np.clip(picture[middle] + blush, 0, 255)) < 1.5


def test_a_line_that_goes_leaves_no_ghost_and_a_new_one_is_sharper_than_pasted() -> None:
    size = SIDE * 8
    before, after = lines(size, [(0.3, 0.4, 0.7, 0.4)]), lines(size, [(0.3, 0.6, 0.7, 0.65)])
    answer = small(after)
    result, _ = blend.add(before, [blend.change(before, scaling(size), answer, None)], None)
    gone = np.s_[180:230, 170:340]
    assert np.abs(result[gone].astype(int) - after[gone]).max() < 12
    pasted = cv2.resize(answer, (size, size), interpolation=cv2.INTER_CUBIC)
    new = np.s_[280:350, 140:370]
    assert error(result[new], after[new]) < 0.85 * error(pasted[new], after[new])


def test_a_face_that_reaches_over_the_edge_of_the_picture_is_no_problem() -> None:
    picture = np.full((60, 60, 3), 128, np.uint8)
    matrix = crop_matrix((-5, 10), (25, 10), SIDE)
    answer = np.full((SIDE, SIDE, 3), 20, np.float32)
    result, _ = blend.add(picture, [blend.change(picture, matrix, answer, None)], None)
    assert (result[15, 10] < 40).all()
    assert (result[:, 55:] == 128).all()
