import random
from dataclasses import replace

import numpy as np
import pytest

from kaogae.atelier.backhair import BACKS
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.fringe import FRINGES
from kaogae.atelier.geometry import Pose
from kaogae.atelier.hair import SIDES, HairTraits, draw_back, draw_front, fringe_shadow
from kaogae.atelier.palette import Palette
from kaogae.atelier.render import rasterise
from kaogae.atelier.strands import Sheet, comb, turning
from kaogae.atelier.style import Style

VIEW = (-2.0, -2.0, 4.0, 4.0)


def picture(traits: HairTraits, pose: Pose = Pose(), *, back: bool = True, front: bool = True) -> np.ndarray:  # noqa: B008
    canvas, palette, style = Canvas(), Palette.sample(random.Random(1)), Style()
    if back:
        draw_back(canvas, pose, palette, style, traits)
    if front:
        draw_front(canvas, pose, palette, style, traits)
    return rasterise(canvas.svg(VIEW), 120, 120)


def test_there_are_enough_families():
    assert len(FRINGES) >= 12
    assert len(BACKS) >= 10


@pytest.mark.parametrize("fringe", FRINGES)
def test_every_fringe_covers_the_crown_and_leaves_the_mouth_free(fringe: str):
    traits = replace(HairTraits.sample(random.Random(2)), fringe=fringe, sides="short", loose=0.0)
    alpha = picture(traits, back=False)[..., 3]
    assert alpha[26, 60] == 255  # (0, −1.12)
    assert alpha[82, 60] == 0  # (0, 0.75)


@pytest.mark.parametrize("back", BACKS)
def test_every_back_is_drawn_behind_the_head(back: str):
    traits = replace(HairTraits.sample(random.Random(4)), back=back)
    assert (picture(traits, front=False)[..., 3] > 0).mean() > 0.08


@pytest.mark.parametrize("sides", SIDES)
def test_all_sides_can_be_drawn(sides: str):
    traits = replace(HairTraits.sample(random.Random(4)), sides=sides, ahoge=2)
    assert picture(traits).any()


def test_the_same_traits_draw_the_same_hair():
    traits = HairTraits.sample(random.Random(5))
    assert np.array_equal(picture(traits), picture(HairTraits.sample(random.Random(5))))


def test_another_seed_draws_other_locks():
    traits = HairTraits.sample(random.Random(5))
    assert not np.array_equal(picture(traits), picture(replace(traits, seed=traits.seed + 1)))


def test_hair_turns_with_the_head():
    traits = replace(HairTraits.sample(random.Random(6)), fringe="blunt", sides="none", loose=0.0, flicks=0.0)
    columns = [
        (picture(traits, Pose(yaw), back=False)[..., 3] > 0).nonzero()[1].mean() for yaw in (-0.4, 0.0, 0.4)
    ]
    assert columns[0] < columns[1] < columns[2]


def test_the_fringes_shadow_is_a_path():
    traits = HairTraits.sample(random.Random(7))
    assert fringe_shadow(Pose(), traits).startswith("M")


def test_a_sheet_runs_through_its_guides():
    guides = [np.array([(x, 0.0), (x * 1.2, 0.5), (x, 1.0)]) for x in (-1.0, 0.0, 1.0)]
    sheet = Sheet.through(guides)
    assert np.allclose(sheet.at(np.array([0.0, 0.5, 1.0]), np.zeros(3)), [(-1, 0), (0, 0), (1, 0)])
    assert np.allclose(sheet.at(np.array([0.0, 1.0]), np.ones(2)), [(-1, 1), (1, 1)])
    at_height = sheet.at(np.array([0.5]), sheet.level(np.array([0.5]), np.array([0.25])))
    assert np.allclose(at_height, [(0, 0.25)], atol=0.01)


def test_a_comb_cuts_from_side_to_side():
    cut = comb(random.Random(8), 7)
    assert cut.gap_u[0] == 0
    assert np.isclose(cut.gap_u[-1], 1)
    assert (np.diff(cut.gap_u) > 0).all()
    assert len(cut.tip_u) == 7


def test_no_turn_moves_nothing_sideways():
    p = np.array([(0.9, -0.3), (0.0, 0.5)])
    assert np.allclose(turning(Pose(), 0.0)(p), p)
