"""The closer look tells copies of a drawing from the same character with another expression."""

import cv2
import numpy as np
import pytest

from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.expressions import EXPRESSIONS
from kaogae.faces.likeness import alike, likeness

SEEDS = range(9200, 9206)


def jpeg(crop: np.ndarray, quality: int) -> np.ndarray:
    coded = cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])


def shifted(crop: np.ndarray, x: float, y: float, scale: float, degrees: float) -> np.ndarray:
    """As another detection would cut it."""
    side = crop.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, scale)
    matrix[:, 2] += side * x, side * y
    return cv2.warpAffine(crop, matrix, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


@pytest.fixture(scope="module")
def crops() -> dict[int, list[np.ndarray]]:
    """Of each character, one crop per expression."""
    return {
        seed: [Portrait.from_seed(seed).render(sample_rig(seed, one, 0.8), 256) for one in EXPRESSIONS]
        for seed in SEEDS
    }


def test_copies_are_alike(crops: dict[int, list[np.ndarray]]) -> None:
    for crop in (crop for several in crops.values() for crop in several):
        half = cv2.resize(crop, (128, 128), interpolation=cv2.INTER_AREA)
        for copy in (jpeg(crop, 60), half, jpeg(half, 80), shifted(crop, 0.02, -0.03, 1.04, 2)):
            assert alike(likeness(crop), likeness(copy))


def test_expressions_of_one_character_are_not_alike(crops: dict[int, list[np.ndarray]]) -> None:
    for several in crops.values():
        looks = [likeness(crop) for crop in several]
        moved = [likeness(shifted(crop, 0.02, -0.03, 1.04, 2)) for crop in several]
        for i in range(len(looks)):
            for j in set(range(len(looks))) - {i}:
                assert not alike(looks[i], looks[j])
                assert not alike(looks[i], moved[j])


def test_pictures_with_nothing_to_compare_are_no_error() -> None:
    even = likeness(np.full((50, 50, 3), 90, np.uint8))
    noise = likeness(np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8))
    assert alike(even, even)
    assert not alike(even, noise)
