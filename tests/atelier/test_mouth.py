import random
from dataclasses import replace

import numpy as np
import pytest

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.expression import VARIANTS
from kaogae.atelier.geometry import Pose
from kaogae.atelier.mouth import MouthTraits, draw, edges
from kaogae.atelier.palette import Palette
from kaogae.atelier.render import rasterise
from kaogae.atelier.rig import Rig
from kaogae.atelier.style import LOOKS, Look, Style

AHEAD = Pose()
PLAIN = MouthTraits.sample(random.Random(2), "moe")


def height(rig: Rig) -> float:
    upper, lower = edges(AHEAD, rig, PLAIN, 1.1)
    return float((lower - upper)[:, 1].max())


def test_a_closed_mouth_is_a_line_and_opens_steadily() -> None:
    heights = [height(Rig(mouth_open=share)) for share in (0.0, 0.3, 0.6, 0.9)]
    assert heights[0] == pytest.approx(0)
    assert heights == sorted(heights)
    assert heights[3] > 0.2


@pytest.mark.parametrize("curve", [0.8, -0.8])
def test_corners_follow_the_curve(curve: float) -> None:
    upper, _ = edges(AHEAD, Rig(mouth_curve=curve), PLAIN, 1.1)
    assert np.sign(upper[4, 1] - upper[0, 1]) == np.sign(curve)


def test_a_smile_opens_downwards_and_a_wail_upwards() -> None:
    for curve, flat, full in ((0.9, 0, 1), (-0.9, 1, 0)):
        sides = edges(AHEAD, Rig(mouth_open=0.8, mouth_curve=curve), replace(PLAIN, point=0.0), 1.1)
        rise = [abs(float(side[4, 1] - side[0, 1])) for side in sides]
        assert rise[full] > rise[flat]


@pytest.mark.parametrize("look", LOOKS)
def test_every_variant_draws_every_mouth(look: Look) -> None:
    dice = random.Random(4)
    palette = Palette.sample(dice)
    for variants in VARIANTS.values():
        for variant in variants:
            canvas = Canvas()
            draw(canvas, AHEAD, palette, variant.rig, MouthTraits.sample(dice, look), Style(), 1.1)
            assert rasterise(canvas.svg((-0.6, 0.3, 1.2, 1.0)), 60, 50)[..., 3].max() > 60
