import random

import numpy as np
import pytest

from kaogae.atelier.character import Character
from kaogae.atelier.drawing import CROP_VIEW, draw
from kaogae.atelier.eyes import opening
from kaogae.atelier.geometry import Pose
from kaogae.atelier.render import rasterise
from kaogae.atelier.rig import Rig
from kaogae.atelier.tears import TearTraits


def picture(character: Character, rig: Rig) -> np.ndarray:
    return rasterise(draw(character, rig).svg(), 128, 128)[..., :3].astype(int)


@pytest.mark.parametrize("part", ["tear_well", "tear_stream", "tear_drop", "sweat"])
def test_water_shows_and_grows(part: str) -> None:
    for seed in (3, 8, 21):
        character = Character.from_seed(seed)
        dry, some, much = (picture(character, Rig(**{part: share})) for share in (0.0, 0.5, 1.0))
        changed = [(np.abs(wet - dry).max(-1) > 12).sum() for wet in (some, much)]
        assert 0 < changed[0] < changed[1] < 128 * 128 * 0.2


def test_streams_run_down_from_the_lower_lid() -> None:
    character = Character.from_seed(8)
    wet = np.abs(picture(character, Rig(tear_stream=1.0)) - picture(character, Rig())).max(-1) > 3
    y = CROP_VIEW[1] + np.flatnonzero(wet.any(1)) / 128 * CROP_VIEW[3]
    lid = opening(1, Pose(), Rig(), character.eyes)[7:, 1]
    assert y.min() > lid.min() - 0.1
    assert y.max() > 0.6 * character.face.chin


def test_the_same_dice_give_the_same_water() -> None:
    assert TearTraits.sample(random.Random(4)) == TearTraits.sample(random.Random(4))
