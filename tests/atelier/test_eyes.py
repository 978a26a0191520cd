import itertools
import random
from dataclasses import replace

import numpy as np
import pytest

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.eyes import EyeTraits, draw, opening
from kaogae.atelier.geometry import Pose, mirror
from kaogae.atelier.palette import Palette
from kaogae.atelier.render import rasterise
from kaogae.atelier.rig import Rig
from kaogae.atelier.style import LOOKS, Look, Style

AHEAD = Pose()


def traits(look: Look = "moe", seed: int = 3) -> EyeTraits:
    dice = random.Random(seed)
    return EyeTraits.sample(dice, look, Palette.sample(dice))


@pytest.mark.parametrize("look", LOOKS)
def test_a_relaxed_opening_is_centred_on_the_eye(look: Look) -> None:
    for seed in range(20):
        shape = opening(1, AHEAD, Rig(), traits(look, seed))
        np.testing.assert_allclose((shape.min(0) + shape.max(0)) / 2, (0.5, 0.0), atol=1e-6)


def test_closed_eyes_have_no_opening_and_wide_ones_more() -> None:
    def area(rig: Rig) -> float:
        shape = opening(1, AHEAD, rig, traits())
        return float((shape[13:6:-1] - shape[:7])[:, 1].sum())

    assert area(Rig(eye_open=0.0)) == pytest.approx(0)
    assert 0 < area(Rig(eye_open=0.5)) < area(Rig()) < area(Rig(eye_open=1.35))


def test_a_happy_closed_eye_arches_up_and_a_calm_one_down() -> None:
    for smile in (1.0, -1.0):
        lid = opening(1, AHEAD, Rig(eye_open=0.0, eye_smile=smile), replace(traits(), tilt=0.0))[:7, 1]
        assert np.sign((lid[0] + lid[6]) / 2 - lid[3]) == smile


def test_the_eyes_mirror_each_other() -> None:
    eye = traits()
    np.testing.assert_allclose(
        mirror(opening(-1, AHEAD, Rig(), eye)), opening(1, AHEAD, Rig(), eye), atol=1e-9
    )


def test_the_opening_moves_continuously() -> None:
    wide, shut = (
        Rig(eye_open=1.4, iris_size=0.6),
        Rig(eye_open=0.0, eye_smile=1.0, lid_droop=0.8, lower_lid=1.0),
    )
    steps = [opening(1, AHEAD, wide.towards(shut, i / 50), traits()) for i in range(51)]
    assert max(float(np.abs(b - a).max()) for a, b in itertools.pairwise(steps)) < 0.04


@pytest.mark.parametrize("pattern", ["gradient", "flat", "crescent", "ring", "spokes", "split", "dark"])
@pytest.mark.parametrize("highlight", ["one", "sparkle", "none"])
def test_every_iris_shows(pattern: str, highlight: str) -> None:
    dice = random.Random(1)
    palette = Palette.sample(dice)
    canvas = Canvas()
    eye = traits()
    eye = replace(eye, iris=replace(eye.iris, pattern=pattern, highlight=highlight))  # type: ignore[arg-type]
    draw(canvas, AHEAD, palette, Rig(), eye, Style())
    pixels = rasterise(canvas.svg((-1, -0.5, 2, 1)), 128, 64)
    assert pixels[32, 96, 3] == 255
    assert pixels[32, 64, 3] == 0
