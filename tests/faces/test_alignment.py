"""The aligned crop: what the matrix promises, and the way there and back."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaogae.errors import UsageError
from kaogae.faces import CROP_DROP, CROP_SCALE, apply_matrix, crop_matrix, invert_matrix, warp

places = st.tuples(st.floats(-500, 5000), st.floats(-500, 5000))
sizes = st.integers(32, 512)


@st.composite
def eyes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    left = np.array(draw(places))
    distance, angle = draw(st.floats(4, 800)), draw(st.floats(-np.pi, np.pi))
    return left, left + distance * np.array([np.cos(angle), np.sin(angle)])


@given(eyes(), sizes)
def test_eyes_are_level_and_where_the_design_says(pair: tuple[np.ndarray, np.ndarray], size: int) -> None:
    left, right = apply_matrix(crop_matrix(*pair, size), pair)
    distance = size / CROP_SCALE
    np.testing.assert_allclose(right - left, [distance, 0], atol=1e-6 * size)
    middle = [size / 2, size / 2 - CROP_DROP * distance]
    np.testing.assert_allclose((left + right) / 2, middle, atol=1e-6 * size)


@given(eyes(), sizes, st.lists(places, min_size=1, max_size=8))
def test_points_come_back_to_where_they_were(
    pair: tuple[np.ndarray, np.ndarray], size: int, points: list[tuple[float, float]]
) -> None:
    matrix = crop_matrix(*pair, size)
    back = apply_matrix(invert_matrix(matrix), apply_matrix(matrix, points))
    np.testing.assert_allclose(back, points, atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.floats(80, 120), st.floats(80, 120), st.floats(20, 60), st.floats(-0.6, 0.6), st.integers(96, 256))
def test_an_image_warped_there_and_back_stays_in_place(
    x: float, y: float, distance: float, angle: float, size: int
) -> None:
    """Its blobs are found again within a tenth of a pixel of where they were drawn."""
    across = distance / 2 * np.array([np.cos(angle), np.sin(angle)])
    left, right = np.array([x, y]) - across, np.array([x, y]) + across
    matrix = crop_matrix(left, right, size)
    for spot in (left, right, np.array([x, y])):
        picture = blob(spot)
        crop = warp(picture, matrix, (size, size))
        assert np.abs(centre(crop) - apply_matrix(matrix, spot)).max() < 0.1 * max(size / (2.7 * distance), 1)
        back = warp(crop, invert_matrix(matrix), (200, 200), border=cv2.BORDER_CONSTANT)
        assert np.abs(centre(back) - spot).max() < 0.1


def blob(at: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[:200, :200] + 0.5
    return np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 18).astype(np.float32)


def centre(values: np.ndarray) -> np.ndarray:
    """Centre of mass, in coordinates with pixel centres at + 0.5."""
    values = np.where(values > 0.02, values, 0).astype(float)
    y, x = np.mgrid[: values.shape[0], : values.shape[1]] + 0.5
    return np.array([(x * values).sum(), (y * values).sum()]) / values.sum()


def test_a_crop_from_a_large_picture_averages_instead_of_aliasing() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (1024, 512))
    crop = warp(stripes, crop_matrix((400, 500), (624, 500), 64), (64, 64))
    assert np.abs(crop.astype(int) - 127).max() <= 20  # sampling alone would give 127


@pytest.mark.parametrize("right", [(5.0, 5.0), (float("nan"), 5.0), (float("inf"), 0.0)])
def test_eyes_that_coincide_or_are_nowhere_are_refused(right: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="same place"):
        crop_matrix((5, 5), right, 128)


def test_a_face_in_a_picture_longer_than_opencv_can_resample() -> None:
    picture = np.zeros((120, 40_000, 3), np.uint8)
    picture[:, 39_000:] = 200
    crop = warp(picture, crop_matrix((39_480, 60), (39_520, 60), 64), (64, 64))
    assert (crop == 200).all()


def test_shrinking_leaves_no_light_seams_along_dark_lines() -> None:
    picture = np.full((900, 900), 200, np.uint8)
    picture[440:460] = 20
    crop = warp(picture, crop_matrix((350, 400), (560, 430), 64), (64, 64))
    assert crop.max() <= 201
