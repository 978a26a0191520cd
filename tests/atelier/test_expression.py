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


def test_happy_curves_up_sad_curves_down_and_crying_never_smiles() -> None:
    assert all(variant.rig.mouth_curve > 0.3 for variant in VARIANTS[Expression.HAPPY])
    assert all(variant.rig.mouth_curve < -0.3 for variant in VARIANTS[Expression.SAD])
    assert all(variant.rig.mouth_curve < 0.2 for variant in VARIANTS[Expression.CRYING])


def test_a_half_felt_laugh_closes_the_eyes_whole() -> None:
    rigs = [sample(Expression.HAPPY, 0.5, random.Random(seed)) for seed in range(80)]
    assert not any(0.05 < rig.eye_open < 0.5 for rig in rigs if rig.eye_smile > 0.8)


def test_jitter_keeps_closed_mouths_closed_and_dry_eyes_dry() -> None:
    for seed in range(50):
        rig = jitter(NEUTRAL, random.Random(seed))
        assert (rig.mouth_open, rig.tear_well, rig.tear_stream, rig.tear_drop, rig.teeth) == (0, 0, 0, 0, 0)
