import numpy as np

from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.expressions import Expression


def test_the_eyes_are_where_the_crop_puts_them():
    for seed in range(20):
        points = Portrait.from_seed(seed).points(270)
        assert np.allclose(points["left_eye"], (85, 110), atol=0.1)
        assert np.allclose(points["right_eye"], (185, 110), atol=0.1)


def test_expressions_change_the_face_and_nothing_around_it():
    portrait = Portrait.from_seed(3, roughness=0.0)
    happy, crying = (
        portrait.render(sample_rig(3, expression, 1.0), 128)
        for expression in (Expression.HAPPY, Expression.CRYING)
    )
    changed = (happy != crying).any(2)
    assert changed[30:110, 20:108].any()
    assert not changed[:, :8].any()
    assert not changed[:8].any()


def test_a_rig_is_the_same_each_time_and_another_take_another():
    assert sample_rig(1, Expression.SAD, 0.8) == sample_rig(1, Expression.SAD, 0.8)
    assert sample_rig(1, Expression.SAD, 0.8) != sample_rig(1, Expression.SAD, 0.8, take=1)
