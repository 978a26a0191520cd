"""The small network proposes faces at every size, eyes closed or not, and places their parts."""

import numpy as np
import pytest

from kaogae.atelier.portrait import Portrait
from kaogae.atelier.rig import Rig
from kaogae.faces import Face, apply_matrix
from kaogae.faces.landmarks import MARGIN, MULTIPLE, SIDES, propose, pyramid

Pixels = np.ndarray
LAUGH = Rig(eye_open=0.0, eye_smile=1.0, mouth_open=0.8, mouth_width=1.6, mouth_curve=0.9)


def off(face: Face, portrait: Portrait, size: int, shift: int) -> float:
    """How far the worse eye is from its place in the crop of `size`, in eye distances."""
    points = portrait.points(size)
    apart = np.subtract((face.left_eye, face.right_eye), (points["left_eye"], points["right_eye"])) - shift
    return float(np.hypot(*apart.T).max() / size * 2.7)


def test_laughing_faces_with_closed_eyes_are_seen_in_place() -> None:
    """animeface misses most of them."""
    errors = []
    for seed in range(40_000_000, 40_000_012):
        portrait = Portrait.from_seed(seed, roughness=0)
        proposals = propose(portrait.render(LAUGH, 160, 80), 0.5)
        errors += [off(face, portrait, 160, 80) for face in proposals[:1]]
    assert len(errors) >= 11
    assert np.median(errors) < 0.1


@pytest.mark.parametrize("size", [40, 100, 400, 900])
def test_faces_of_every_size_are_seen(size: int) -> None:
    portrait = Portrait.from_seed(40_000_003, roughness=0)
    face = propose(portrait.render(Rig(), size, size // 4), 0.5)[0]
    assert off(face, portrait, size, size // 4) < 0.2
    assert face.left_eye[0] < face.right_eye[0]
    assert face.nose[1] < face.mouth[1] < face.chin[1]


@pytest.mark.parametrize("shape", [(1, 1), (7, 500), (64, 64), (400, 300), (1500, 40), (3000, 2000)])
def test_views_are_what_their_matrices_say(shape: tuple[int, int]) -> None:
    pixels = np.zeros((*shape, 3), np.uint8)
    seen = list(pyramid(pixels))
    for view, matrix in seen:
        assert view.shape[0] % MULTIPLE == view.shape[1] % MULTIPLE == 0
        assert np.allclose(apply_matrix(matrix, (0, 0)), MARGIN)
        far = apply_matrix(matrix, (shape[1], shape[0]))
        assert (far <= np.array(view.shape[1::-1]) - MARGIN).all()
        assert max(view.shape) < SIDES[-1] + 3 * MULTIPLE
    assert len(list(pyramid(pixels, SIDES[:2]))) <= 2


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_nothing_is_proposed_in_nothing(grey: int) -> None:
    assert propose(np.full((300, 420, 3), grey, np.uint8), 0.3) == []


def test_noise_and_stripes_are_no_faces() -> None:
    dice = np.random.default_rng(0)
    noise = dice.integers(0, 256, (400, 400, 3)).astype(np.uint8)
    stripes = np.kron(dice.integers(0, 256, (25, 1, 3)), np.ones((16, 400, 1))).astype(np.uint8)
    assert propose(noise, 0.8) == propose(stripes, 0.8) == []
