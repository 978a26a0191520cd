"""Sharpness can be compared between sizes and contrasts; the hash is imagehash's."""

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from kaogae.faces.quality import perceptual_hash, sharpness


def test_the_softer_the_less_sharp(drawn: np.ndarray) -> None:
    soft = [sharpness(cv2.GaussianBlur(drawn, (0, 0), sigma)) for sigma in (0.5, 1, 2, 4, 8)]
    assert sharpness(drawn) > soft[0]
    assert soft == sorted(soft, reverse=True)
    assert soft[-1] < 0.1 * sharpness(drawn)


@pytest.mark.parametrize("gain", [0.3, 0.6])
def test_contrast_does_not_count(drawn: np.ndarray, gain: float) -> None:
    pale = (200 + gain * (drawn.astype(np.float32) - 200)).clip(0, 255).astype(np.uint8)
    assert sharpness(pale) == pytest.approx(sharpness(drawn), rel=0.1)


def test_size_hardly_counts(drawn: np.ndarray) -> None:
    large = cv2.resize(drawn, (512, 512), interpolation=cv2.INTER_CUBIC)
    assert sharpness(large) == pytest.approx(sharpness(drawn), rel=0.15)


def test_an_even_or_noisy_picture_is_not_sharp() -> None:
    assert sharpness(np.full((100, 100, 3), 90, np.uint8)) == 0
    noise = np.random.default_rng(0).integers(127, 130, (100, 100, 3), np.uint8)
    assert sharpness(noise) < 1


def test_the_hash_is_imagehashs_in_64_signed_bits(portraits: list[np.ndarray]) -> None:
    for crop in portraits:
        value = perceptual_hash(crop)
        expected = str(imagehash.phash(Image.fromarray(crop)))
        assert f"{value % 2**64:016x}" == expected
        assert -(2**63) <= value < 2**63
