import numpy as np

from kaogae.train.augment import plain_view, sample_view
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


def test_the_paper_s_crop_is_192_of_224_pixels_anywhere_inside() -> None:
    config = AugmentConfig(crop=192 / 224, shift=1 / 12, exact_share=1.0, flip=False)
    centres = []
    for seed in range(200):
        view = sample_view(config, 224, 224, 192, np.random.default_rng(seed))
        corners = view.matrix @ np.array([[0, 191], [0, 191], [1, 1]])
        assert np.allclose(np.diff(corners), 191)
        assert corners.min() >= -1e-6
        assert corners.max() <= 223 + 1e-6
        centres.append(corners.mean(1))
    assert np.ptp(centres, axis=0).min() > 28
