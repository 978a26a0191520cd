import random

import numpy as np
import pytest

from kaogae.atelier.background import PAINTERS, Background
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.render import rasterise


@pytest.mark.parametrize("kind", PAINTERS)
def test_every_background_fills_the_picture(kind: str):
    canvas = Canvas()
    Background(kind, "#336699", "#cc8844", 5).draw(canvas, (90, 60))
    assert (rasterise(canvas.svg((0, 0, 90, 60)), 90, 60)[..., 3] == 255).all()


def test_many_pictures_have_no_background():
    whites = [Background.sample(random.Random(seed)).first == "#ffffff" for seed in range(200)]
    assert 0.3 < np.mean(whites) < 0.6
