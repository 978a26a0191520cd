import random
from dataclasses import replace
from typing import get_args

import pytest

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.cheeks import Blush, CheekTraits, draw
from kaogae.atelier.geometry import Pose
from kaogae.atelier.palette import Palette
from kaogae.atelier.rig import Rig
from kaogae.atelier.style import Style


@pytest.mark.parametrize("kind", get_args(Blush))
def test_cheeks_redden_with_the_rig_whatever_their_kind(kind: Blush) -> None:
    dice = random.Random(3)
    traits = replace(CheekTraits.sample(dice), kind=kind, calm=0.0, freckles=False, mole=None)
    palette = Palette.sample(dice)
    pale, red = Canvas(), Canvas()
    draw(pale, Pose(), palette, Rig(), traits, Style(), 1.1)
    draw(red, Pose(), palette, Rig(blush=1.0), traits, Style(), 1.1)
    assert not pale.elements
    assert len(red.elements) >= 2
