import random

import numpy as np
import pytest

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.face import FaceTraits, contour, draw_cheeks, draw_nose
from kaogae.atelier.geometry import Pose
from kaogae.atelier.palette import Palette
from kaogae.atelier.rig import Rig
from kaogae.atelier.style import LOOKS, Look, Style


@pytest.mark.parametrize("look", LOOKS)
def test_the_contour_narrows_to_the_chin(look: Look) -> None:
    for seed in range(30):
        face = FaceTraits.sample(random.Random(seed), look)
        edge = contour(Pose(), face)
        assert edge[5].tolist() == [0.0, pytest.approx(face.chin)]
        assert (np.diff(edge[2:6, 0]) > 0).all() and (np.diff(edge[:6, 1]) > 0).all()


def test_a_turned_head_has_a_narrower_far_cheek() -> None:
    face = FaceTraits.sample(random.Random(1), "moe")
    eyes = Pose(0.4)([(-0.5, 0), (0.5, 0)])
    edge = contour(Pose(0.4), face)
    assert edge[:, 0].max() - eyes[1, 0] < eyes[0, 0] - edge[:, 0].min()


def test_blush_comes_with_the_rig_whatever_the_cheeks() -> None:
    dice = random.Random(3)
    palette = Palette.sample(dice)
    for look in LOOKS:
        face = FaceTraits.sample(dice, look)
        canvas = Canvas()
        draw_cheeks(canvas, Pose(), palette, Rig(blush=1.0), face, Style())
        draw_nose(canvas, Pose(), palette, face, Style())
        assert len(canvas.elements) >= 2
