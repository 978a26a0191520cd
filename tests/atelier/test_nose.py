import random

import numpy as np
import pytest

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Pose
from kaogae.atelier.nose import KINDS, NoseTraits, draw
from kaogae.atelier.palette import Palette
from kaogae.atelier.render import rasterise
from kaogae.atelier.style import Style


@pytest.mark.parametrize("kind", KINDS)
def test_every_nose_is_drawn_about_its_tip(kind: str) -> None:
    canvas = Canvas()
    draw(canvas, Pose(), Palette.sample(random.Random(1)), NoseTraits(kind, 0.5, 1.0), Style(), 1.0)
    rows, columns = np.nonzero(rasterise(canvas.svg((-0.5, 0.0, 1.0, 1.0)), 200, 200)[..., 3] > 40)
    assert abs(columns.mean() - 100) < 20
    assert rows.min() > 20
    assert rows.max() < 120


def test_a_face_may_have_no_nose() -> None:
    canvas = Canvas()
    draw(canvas, Pose(), Palette.sample(random.Random(1)), NoseTraits("none", 0.5, 1.0), Style(), 1.0)
    assert not canvas.elements
