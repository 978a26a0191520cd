import random

import numpy as np
import pytest

from kaogae.atelier.finish import Finish

PICTURE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


def test_the_default_changes_nothing():
    assert np.array_equal(Finish().apply(PICTURE), PICTURE)


def test_no_strength_changes_nothing():
    for seed in range(20):
        assert np.array_equal(Finish.sample(random.Random(seed), 0.0).apply(PICTURE), PICTURE)


@pytest.mark.parametrize("seed", range(12))
def test_the_same_finish_does_the_same_twice(seed: int):
    finish = Finish.sample(random.Random(seed))
    assert np.array_equal(finish.apply(PICTURE), finish.apply(PICTURE))
    assert finish.apply(PICTURE).shape == PICTURE.shape


def test_noise_is_the_same_on_another_picture():
    finish = Finish(grain=5.0, seed=3)
    grey, light = np.full((64, 64, 3), 100, np.uint8), np.full((64, 64, 3), 150, np.uint8)
    assert np.array_equal(finish.apply(grey).astype(int) - 100, finish.apply(light).astype(int) - 150)


@pytest.mark.parametrize(
    "finish",
    [
        Finish(light="#e0a060", light_fall=0.3, haze=0.1),
        Finish(smoothing=1.0),
        Finish(saturation=0.5),
        Finish(contrast=0.8),
        Finish(gamma=1.2),
        Finish(blur=1.0),
        Finish(sharpen=0.5),
        Finish(shrink=2.0),
        Finish(levels=6),
        Finish(jpeg=40),
    ],
)
def test_every_setting_changes_something(finish: Finish):
    assert not np.array_equal(finish.apply(PICTURE), PICTURE)
