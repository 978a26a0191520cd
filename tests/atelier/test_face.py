import random

import numpy as np
import pytest

from kaogae.atelier.face import FaceTraits, contour
from kaogae.atelier.geometry import Pose
from kaogae.atelier.style import LOOKS, Look


@pytest.mark.parametrize("look", LOOKS)
def test_the_contour_narrows_to_the_chin(look: Look) -> None:
    for seed in range(30):
        face = FaceTraits.sample(random.Random(seed), look)
        edge = contour(Pose(), face)
        assert edge[5].tolist() == [0.0, pytest.approx(face.chin)]
        assert (np.diff(edge[2:6, 0]) > 0).all()
        assert (np.diff(edge[:6, 1]) > 0).all()


def test_a_turned_head_has_a_narrower_far_cheek() -> None:
    face = FaceTraits.sample(random.Random(1), "moe")
    eyes = Pose(0.4)([(-0.5, 0), (0.5, 0)])
    edge = contour(Pose(0.4), face)
    assert edge[:, 0].max() - eyes[1, 0] < eyes[0, 0] - edge[:, 0].min()
