import numpy as np
import pytest
from skimage.metrics import structural_similarity

from kaogae.evaluate.likeness import decibels, psnr, squared_error, ssim

GREY = np.full((32, 32, 3), 100, np.uint8)


@pytest.fixture
def noisy() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)


# ------------------------------------------------------------------------------------------------ one picture


def test_equal_pictures_are_as_alike_as_can_be(noisy):
    assert squared_error(noisy, noisy) == 0
    assert psnr(noisy, noisy) == np.inf
    assert ssim(noisy, noisy) == pytest.approx(1, abs=1e-12)


def test_sixteen_levels_apart_is_24_decibels():
    assert psnr(GREY, GREY + 16) == pytest.approx(20 * np.log10(255 / 16))


def test_black_and_white_are_zero_decibels_apart():
    assert psnr(GREY * 0, GREY * 0 + 255) == 0


def test_the_similarity_of_flat_pictures_is_that_of_their_brightness():
    constant = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + constant) / (100**2 + 150**2 + constant)
    assert ssim(GREY, GREY + 50) == pytest.approx(expected)


def test_a_negative_is_less_than_unlike(noisy):
    assert ssim(noisy, 255 - noisy) < -0.5


def test_without_a_mask_it_is_the_library_s_mean(noisy):
    other = np.clip(noisy.astype(int) + 20 * (noisy[::-1] > 128), 0, 255).astype(np.uint8)
    expected = structural_similarity(
        noisy, other, data_range=255, channel_axis=-1,
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    )  # fmt: skip
    assert ssim(noisy, other) == pytest.approx(expected, abs=1e-12)


# ------------------------------------------------------------------------------------------------------ masks


def test_nothing_outside_of_the_mask_counts(noisy):
    where = np.zeros((32, 32), np.bool_)
    where[:, :20] = True
    other = noisy.copy()
    other[:, 20:] = 255 - other[:, 20:]
    assert squared_error(noisy, other, where) == 0
    assert ssim(noisy, other, where) == pytest.approx(1, abs=1e-12)
    assert squared_error(noisy, other, ~where) > 0
    assert ssim(noisy, other, ~where) < 0


def test_a_mask_in_which_no_window_fits_gives_no_number(noisy):
    where = np.zeros((32, 32), np.bool_)
    where[10:20, 10:20] = True
    assert np.isnan(ssim(noisy, 255 - noisy, where))
    assert np.isfinite(psnr(noisy, 255 - noisy, where))
    assert np.isnan(psnr(noisy, noisy, where & False))


# ---------------------------------------------------------------------------------------------- many pictures


def test_leading_axes_are_broadcast(noisy):
    many = np.stack([GREY, noisy])[:, None].repeat(3, axis=1)
    where = np.stack([noisy[..., 0] >= 0, noisy[..., 0] > 100])[:, None]
    for measure in (squared_error, psnr, ssim):
        assert measure(many, noisy).shape == (2, 3)
        assert measure(many, np.stack([noisy, GREY])[:, None], where).shape == (2, 3)
    assert ssim(many, noisy)[1, 2] == pytest.approx(1)


def test_one_exact_picture_does_not_make_the_mean_infinite():
    errors = squared_error(np.stack([GREY, GREY + 16]), GREY)
    assert decibels(errors.mean()) == pytest.approx(20 * np.log10(255 / 16) + 10 * np.log10(2))


# ------------------------------------------------------------------------------------------- known generators


def test_a_generator_that_copies_keeps_all_and_reaches_nothing(answers, inputs):
    found, rest = answers("copies its input"), inputs.masks[:, None, 3]
    np.testing.assert_allclose(ssim(found, inputs.pixels[:, None], rest), 1)
    assert np.isinf(psnr(found, inputs.pixels[:, None])).all()
    before = squared_error(inputs.pixels[:, None], inputs.truths)
    np.testing.assert_array_equal(squared_error(found, inputs.truths), before)


def test_a_generator_that_returns_another_character_keeps_nothing(answers, inputs):
    found, rest = answers("returns another character as asked"), inputs.masks[:, None, 3]
    assert np.nanmean(ssim(found, inputs.pixels[:, None], rest)) < 0.4
    unchanged = squared_error(inputs.pixels[:, None], inputs.truths).mean()
    assert decibels(squared_error(found, inputs.truths).mean()) < decibels(unchanged) - 6


def test_a_generator_that_returns_the_truth_reaches_it_and_keeps_the_rest(answers, inputs):
    found, rest = answers("returns the truth"), inputs.masks[:, None, 3]
    np.testing.assert_allclose(ssim(found, inputs.truths), 1)
    assert decibels(squared_error(found, inputs.truths).mean()) == np.inf
    assert np.nanmean(ssim(found, inputs.pixels[:, None], rest)) > 0.95
