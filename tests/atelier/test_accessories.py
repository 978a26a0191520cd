import random

import pytest

from kaogae.atelier.accessories import BEHIND, HEADWEAR, ITEMS, AccessoryTraits, draw_behind, draw_front
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Pose
from kaogae.atelier.palette import Palette
from kaogae.atelier.render import rasterise
from kaogae.atelier.style import Style


@pytest.mark.parametrize("name", ITEMS)
def test_every_item_can_be_drawn(name: str):
    canvas, traits = Canvas(), AccessoryTraits((name,), 3)
    args = (canvas, Pose(0.2), Palette.sample(random.Random(1)), Style(shading="soft"), traits)
    draw_behind(*args)
    behind = len(canvas.elements)
    draw_front(*args)
    assert (behind > 0) == (name in BEHIND)
    assert rasterise(canvas.svg((-2, -3, 4, 5)), 80, 100)[..., 3].any()


def test_at_most_one_thing_is_worn_on_top():
    for seed in range(300):
        worn = AccessoryTraits.sample(random.Random(seed)).worn
        assert sum(name in HEADWEAR for name in worn) <= 1
        assert len(worn) <= 3
