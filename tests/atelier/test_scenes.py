import math

import numpy as np
import pytest

from kaogae.atelier.scenes import HEAD, LEAST_FACE, Scene
from kaogae.faces import CROP_SCALE

SEEDS = range(40)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [Scene.from_seed(seed) for seed in SEEDS]


def test_scenes_hold_one_to_eight_characters_in_many_sizes(scenes: list[Scene]):
    counts = {len(scene.figures) for scene in scenes}
    assert min(counts) == 1
    assert 4 <= max(counts) <= 8
    sides = [side for scene in scenes for side in (scene.width, scene.height)]
    assert min(sides) >= 256
    assert 2000 < max(sides) <= 4096


def test_heads_do_not_overlap(scenes: list[Scene]):
    for scene in scenes:
        for i, a in enumerate(scene.figures):
            for b in scene.figures[:i]:
                assert math.hypot(a.x - b.x, a.y - b.y) > HEAD * (a.unit + b.unit)


def test_faces_are_inside_and_large_enough(scenes: list[Scene]):
    for scene in scenes:
        for figure in scene.figures:
            assert 0 < figure.x < scene.width
            assert 0 < figure.y < scene.height
            assert figure.unit * CROP_SCALE >= LEAST_FACE - 1e-6


def test_landmarks_follow_tilt_and_scale(scenes: list[Scene]):
    for figure in (figure for scene in scenes for figure in scene.figures):
        marks = figure.points()
        left, right = np.array(marks["left_eye"]), np.array(marks["right_eye"])
        angle = math.atan2(right[1] - left[1], right[0] - left[0])
        assert abs(angle - figure.tilt) < 0.15
        assert abs(figure.tilt) <= math.radians(30) + 1e-9
        box = figure.box()
        assert box[0] <= marks["mouth"][0] <= box[2]
        assert box[1] <= marks["mouth"][1] <= box[3]


def test_the_same_seed_draws_the_same_picture():
    first, second = (Scene.from_seed(9, sides=(256, 300)).render() for _ in range(2))
    assert np.array_equal(first, second)
    assert first.dtype == np.uint8
