import random

import numpy as np

from kaogae.atelier.brows import BrowTraits, knots
from kaogae.atelier.geometry import Pose, mirror
from kaogae.atelier.rig import Rig
from kaogae.atelier.style import LOOKS

AHEAD = Pose()
PLAIN = BrowTraits.sample(random.Random(2), "moe")


def test_raised_brows_are_higher() -> None:
    assert (
        knots(1, AHEAD, Rig(brow_raise=1.0), PLAIN, 0.5)[:, 1] < knots(1, AHEAD, Rig(), PLAIN, 0.5)[:, 1]
    ).all()


def test_worry_lifts_the_inner_ends_and_sternness_the_outer() -> None:
    calm = knots(1, AHEAD, Rig(), PLAIN, 0.5)
    worried, stern = (knots(1, AHEAD, Rig(brow_slant=slant), PLAIN, 0.5) - calm for slant in (1.0, -1.0))
    assert worried[0, 1] < 0 < worried[4, 1]
    assert stern[4, 1] < 0 < stern[0, 1]


def test_pinching_draws_the_brows_together() -> None:
    assert knots(1, AHEAD, Rig(brow_pinch=1.0), PLAIN, 0.5)[0, 0] < knots(1, AHEAD, Rig(), PLAIN, 0.5)[0, 0]


def test_brows_lie_above_the_eyes_and_mirror_each_other() -> None:
    for look in LOOKS:
        for seed in range(10):
            traits = BrowTraits.sample(random.Random(seed), look)
            right = knots(1, AHEAD, Rig(), traits, 0.5)
            assert right[:, 1].max() < -0.2
            np.testing.assert_allclose(mirror(knots(-1, AHEAD, Rig(), traits, 0.5)), right)
