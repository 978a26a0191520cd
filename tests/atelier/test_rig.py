from dataclasses import astuple

import numpy as np
import pytest

from kaogae.atelier.expression import canonical
from kaogae.atelier.rig import Rig
from kaogae.expressions import Expression


def test_towards_starts_and_ends_at_its_rigs() -> None:
    calm, sad = Rig(), canonical(Expression.SAD)
    assert calm.towards(sad, 0) == calm
    assert astuple(calm.towards(sad, 1)) == pytest.approx(astuple(sad))


def test_towards_moves_every_parameter_in_proportion() -> None:
    calm, happy = np.array(astuple(Rig())), np.array(astuple(canonical(Expression.HAPPY)))
    np.testing.assert_allclose(
        astuple(Rig().towards(canonical(Expression.HAPPY), 0.3)), calm + 0.3 * (happy - calm)
    )
