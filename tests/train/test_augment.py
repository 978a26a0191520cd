from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kaogae.train import load_settings
from kaogae.train.augment import View, apply_views, plain_view, sample_view
from kaogae.train.config import AugmentConfig

WILD = AugmentConfig(crop=1, shift=0.05, scale=0.05, rotation=6, colour=1)


def picture(side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def test_the_plain_view_is_the_aligned_crop() -> None:
    pixels = picture(40)
    values = plain_view(40, 32, 32).apply(pixels)
    expected = pixels[4:36, 4:36].transpose(2, 0, 1) / 127.5 - 1
    assert np.abs(values - expected).max() < 1e-5


def test_both_pictures_of_a_pair_are_changed_alike() -> None:
    before, after = picture(80), picture(80)
    after[40:50, 30:50] = 255 - after[40:50, 30:50]
    for seed in range(8):
        view = sample_view(WILD, 80, 64, 64, np.random.default_rng(seed))
        changed = np.abs(view.apply(before) - view.apply(after)).max(0) > 0
        assert 0 < changed.mean() < 0.12
        assert np.array_equal(view.apply(before), view.apply(before.copy()))


def test_exact_views_keep_pixels_as_they_are() -> None:
    config = AugmentConfig(shift=0.05, exact_share=1.0)
    pixels = picture(81)
    known = {tuple(pixel) for pixel in pixels.reshape(-1, 3)}
    for seed in range(4):
        values = sample_view(config, 81, 64, 64, np.random.default_rng(seed)).apply(pixels)
        restored = np.rint((values.transpose(1, 2, 0) + 1) * 127.5).astype(int)
        assert {tuple(pixel) for pixel in restored.reshape(-1, 3)} <= known


def corner(view: View, side: int) -> tuple[tuple[int, int], bool]:
    """The place in a picture of `side` pixels that a window of whole pixels is cut out at, and whether it is
    mirrored; the window is those pixels and no others.
    """
    numbers = np.zeros((side, side, 3), np.uint8)
    numbers[..., 0], numbers[..., 1] = np.mgrid[:side, :side]
    values = np.rint((view.apply(numbers) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
    mirrored = bool(values[0, 0, 1] > values[0, -1, 1])
    top, left = (int(values[..., i].min()) for i in (0, 1))
    cut = numbers[top : top + view.size, left : left + view.size]
    assert np.array_equal(values, cut[:, ::-1] if mirrored else cut)
    return (top, left), mirrored


@pytest.mark.parametrize("preset", ["baseline", "paper"])
def test_the_paper_s_windows_are_the_33_by_33_of_192_in_224_pixels_each_as_often(preset: str) -> None:
    config, dice, places = load_settings(preset), np.random.default_rng(0), np.zeros((2, 33), int)
    views = [sample_view(config.augment, 224, 224, 192, dice) for _ in range(33 * 200)]
    for view in views:
        ends = view.matrix @ np.array([[0, 191], [0, 191], [1, 1]])
        for axis in (0, 1):
            places[axis, round(ends[axis].min())] += 1
    chi_square = ((places - 200) ** 2 / 200).sum(1)
    assert chi_square.max() < 62.5  # of 32 degrees of freedom: by chance once in 1,000 seeds
    assert abs(sum(corner(view, 224)[1] for view in views[:200]) - 100) < 30


class Loaded(np.random.Generator):
    """Dice that fall as they are told."""

    def __init__(self, *falls: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.falls = [*falls]

    def uniform(self, low: float, high: float, size: int | None = None) -> Any:
        fell = [low + (high - low) * self.falls.pop(0) for _ in range(size or 1)]
        return np.array(fell) if size else fell[0]

    def random(self, size: int | None = None) -> Any:
        return self.uniform(0, 1, size)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_outermost_windows_end_where_the_picture_does(mirrored: bool) -> None:
    config, last = load_settings("paper").augment, np.nextafter(1, 0)
    for down in (0, 0.5, last):
        for across in (0, 0.5, last):
            dice = Loaded(across, down, 0.5, 0.5, 0.5, 0.25 if mirrored else 0.75, 0.5)
            view = sample_view(config, 224, 224, 192, dice)
            expected = (round(32 * down), round(32 * across)), mirrored
            assert corner(view, 224) == expected


def applied(views: list[View], pictures: np.ndarray) -> np.ndarray:
    """By `apply_views`, as it is called for a whole batch."""
    matrix, tint = (np.stack([getattr(view, name) for view in views]) for name in ("matrix", "tint"))
    facts = [torch.from_numpy(np.float32(value)) for value in (matrix, tint, [view.gamma for view in views])]
    return apply_views(torch.from_numpy(pictures), *facts, views[0].size).numpy()


sides = st.integers(16, 48)
seeds = st.integers(0, 2**32 - 1)


@given(size=sides, margin=st.integers(0, 9), seed=seeds, flip=st.booleans())
@settings(max_examples=60, deadline=None)
def test_whole_pixel_views_are_the_same_bit_for_bit_whoever_applies_them(
    size: int, margin: int, seed: int, flip: bool
) -> None:
    dice = np.random.default_rng(seed)
    config, side = AugmentConfig(shift=0.2, exact_share=1.0, flip=flip), size + margin
    views = [sample_view(config, side, size, size, dice) for _ in range(3)]
    pictures = np.stack([picture(side, seed + i) for i in range(3)])
    expected = np.stack([view.apply(one) for view, one in zip(views, pictures, strict=True)])
    assert np.array_equal(applied(views, pictures), expected)


def test_the_paper_s_views_are_the_same_bit_for_bit_whoever_applies_them() -> None:
    dice, config = np.random.default_rng(1), load_settings("paper").augment
    views = [sample_view(config, 224, 224, 192, dice) for _ in range(8)]
    pictures = np.stack([picture(224, i) for i in range(8)])
    expected = np.stack([view.apply(one) for view, one in zip(views, pictures, strict=True)])
    assert np.array_equal(applied(views, pictures), expected)


@given(
    size=sides,
    crop=st.floats(0.5, 1.2),
    shift=st.floats(0, 0.25),
    scale=st.floats(0, 0.3),
    rotation=st.floats(0, 45),
    colour=st.floats(0, 1),
    seed=seeds,
)
@settings(max_examples=60, deadline=None)
def test_other_views_are_the_same_but_for_rounding(
    size: int, crop: float, shift: float, scale: float, rotation: float, colour: float, seed: int
) -> None:
    config = AugmentConfig(crop, shift, scale, rotation, 0.3, True, colour)
    dice = np.random.default_rng(seed)
    views = [sample_view(config, size + 6, size, size, dice) for _ in range(4)]
    pictures = np.stack([picture(size + 6, seed + i) for i in range(4)])
    expected = np.stack([view.apply(one) for view, one in zip(views, pictures, strict=True)])
    difference = np.abs(applied(views, pictures) - expected) * 127.5
    assert difference.max() < 8  # one of 255, times the tint, steep where a gamma is below 1 and it is dark
    assert np.mean(difference > 0.01) < 0.02
