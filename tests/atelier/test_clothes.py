import random

import pytest

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.clothes import KINDS, ClothesTraits, draw
from kaogae.atelier.geometry import Pose
from kaogae.atelier.palette import Palette
from kaogae.atelier.render import rasterise
from kaogae.atelier.style import Style


@pytest.mark.parametrize("kind", KINDS)
def test_clothes_cover_the_chest_and_leave_the_face_free(kind: str):
    canvas, traits = Canvas(), ClothesTraits(kind, 5, choker=True)
    args = (canvas, Pose(), Palette.sample(random.Random(1)), Style(), traits, 1.1, 0.33)
    draw(*args)
    alpha = rasterise(canvas.svg((-2, -2, 4, 6)), 120, 180)[..., 3]
    assert alpha[170, 60] == 255  # (0, 3.7)
    assert not alpha[:90].any()  # above y = 1, the chin
