"""The distance as a network sees it: what it ranks how, and that masks don't leak."""

import cv2
import numpy as np
import pytest

from kaogae.evaluate.identity import Identity
from kaogae.evaluate.perceptual import perceptual

REST = 3


@pytest.fixture(scope="module")
def network():
    return Identity.load()


def test_equal_pictures_are_at_no_distance_and_others_at_some(inputs, answers, network):
    copy, another = answers("copies its input"), answers("returns another character")
    assert not perceptual(inputs.pixels[:, None], copy, network=network).any()
    found = perceptual(inputs.pixels[:, None], another, network=network)
    assert found.shape == (10, 5)
    assert (found > 0.05).all()
    assert (found < 4).all()


def test_more_of_the_same_fault_is_farther_away(inputs, network):
    dice = np.random.default_rng(0)
    noise = dice.normal(0, 1, inputs.pixels.shape)
    moved = dice.integers(0, 255, (10, 1, 1, 3))
    for worse in (
        [np.stack([cv2.GaussianBlur(p, (0, 0), s) for p in inputs.pixels]) for s in (0.7, 1.5, 3)],
        [np.clip(inputs.pixels + s * noise, 0, 255).astype(np.uint8) for s in (5, 15, 45)],
        [np.roll(inputs.pixels, s, axis=2) for s in (1, 3, 8)],
        [((1 - s) * inputs.pixels + s * moved).astype(np.uint8) for s in (0.1, 0.25, 0.5)],
    ):
        distances = [perceptual(inputs.pixels, one, network=network).mean() for one in worse]
        assert 0 < distances[0] < distances[1] < distances[2]


def test_what_happens_outside_of_the_mask_has_no_influence(inputs, network):
    """Even where the network's cells see far into it."""
    dice = np.random.default_rng(1)
    rest = inputs.masks[:, None, REST]
    faint = np.clip(inputs.truths.astype(int) + 3, 0, 255).astype(np.uint8)
    noise = dice.integers(0, 256, faint.shape, np.uint8)
    painted = np.where(rest[..., None], faint, noise)
    a = inputs.pixels[:, None]
    assert np.array_equal(
        perceptual(a, painted, rest, network=network), perceptual(a, faint, rest, network=network)
    )
    only_there = np.where(rest[..., None], a, noise)
    assert not perceptual(a, only_there, rest, network=network).any()
    assert (perceptual(a, painted, rest, network=network) > 0).all()


def test_the_exact_truth_hardly_differs_where_nothing_should(inputs, answers, network):
    rest, a = inputs.masks[:, None, REST], inputs.pixels[:, None]
    truth = perceptual(a, inputs.truths, rest, network=network)
    another = perceptual(a, answers("returns another character"), rest, network=network)
    assert truth.mean() < another.mean() / 10
    assert perceptual(a, inputs.truths, network=network).mean() > 2 * truth.mean()


def test_shapes_are_broadcast_and_order_does_not_matter(inputs, network):
    a, b = inputs.pixels[:3], inputs.pixels[3:6]
    every = perceptual(a[:, None], b, network=network)
    assert every.shape == (3, 3)
    assert every[1, 2] == pytest.approx(float(perceptual(a[1], b[2], network=network)), rel=1e-4)
    assert np.allclose(perceptual(b, a, network=network), np.diagonal(every), rtol=1e-4)
    half = np.zeros((2, 1, *a.shape[1:3]), bool)
    half[0, ..., :48] = half[1, ..., 48:] = True
    assert perceptual(a, b, half, network=network).shape == (2, 3)


def test_pictures_of_any_size_can_be_compared_and_an_empty_place_is_nan(inputs, network):
    small, large = (
        np.stack([cv2.resize(p, (s, s), interpolation=cv2.INTER_AREA) for p in inputs.pixels[:4]])
        for s in (80, 192)
    )
    one, other = (perceptual(p[:2], p[2:], network=network) for p in (small, large))
    assert np.allclose(one, other, rtol=0.2)
    nowhere = np.zeros(small.shape[1:3], bool)
    assert np.isnan(perceptual(small[0], small[1], nowhere, network=network))
