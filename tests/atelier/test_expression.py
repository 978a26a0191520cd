import random
from dataclasses import fields

import pytest

from kaogae.atelier.expression import NEUTRAL, VARIANTS, canonical, jitter, sample
from kaogae.atelier.rig import Rig
from kaogae.expressions import EXPRESSIONS, Expression

CHANGING = [e for e in EXPRESSIONS if e is not Expression.NEUTRAL]


@pytest.mark.parametrize("expression", CHANGING)
def test_canonical_moves_eyes_brows_and_mouth(expression: Expression) -> None:
    rig = canonical(expression)
    for part in ("eye", "brow", "mouth"):
        names = [f.name for f in fields(Rig) if f.name.startswith(part)]
        assert max(abs(getattr(rig, name) - getattr(NEUTRAL, name)) for name in names) > 0.2, part


def test_every_expression_has_several_variants() -> None:
    assert min(len(VARIANTS[e]) for e in EXPRESSIONS) >= 6


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_intensity_zero_is_the_calm_face(expression: Expression) -> None:
    assert sample(expression, 0.0, random.Random(1)) == NEUTRAL


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_same_dice_give_the_same_rig(expression: Expression) -> None:
    assert sample(expression, 1.0, random.Random(5)) == sample(expression, 1.0, random.Random(5))


def test_only_crying_brings_streams_and_drops() -> None:
    for expression in EXPRESSIONS:
        for seed in range(60):
            rig = sample(expression, 1.0, random.Random(seed))
            wet = max(rig.tear_stream, rig.tear_drop) > 0.2
            assert wet == (expression is Expression.CRYING)


def test_happy_curves_up_and_sad_and_crying_down() -> None:
    signs = {Expression.HAPPY: 1, Expression.SAD: -1, Expression.CRYING: -1}
    for expression, sign in signs.items():
        assert all(sign * variant.rig.mouth_curve > 0.3 for variant in VARIANTS[expression])


def test_jitter_keeps_closed_mouths_closed_and_dry_eyes_dry() -> None:
    for seed in range(50):
        rig = jitter(NEUTRAL, random.Random(seed))
        assert (rig.mouth_open, rig.tear_well, rig.tear_stream, rig.tear_drop, rig.teeth) == (0, 0, 0, 0, 0)
