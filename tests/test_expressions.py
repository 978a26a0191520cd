import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaogae.errors import UsageError
from kaogae.expressions import EXPRESSIONS, Expression, parse_expression


def test_the_order_is_the_papers():
    assert EXPRESSIONS == ("happy", "sad", "crying", "neutral", "surprised")


@given(st.sampled_from(EXPRESSIONS), st.floats(0, 1, width=32))
def test_a_label_vector_holds_the_strength_at_the_expressions_place_and_nothing_else(expression, strength):
    vector = expression.vector(strength)
    assert vector.dtype == np.float32
    assert vector[expression.position] == np.float32(strength)
    assert np.count_nonzero(np.delete(vector, expression.position)) == 0


@pytest.mark.parametrize("name", ["happy", " Happy ", "HAPPY"])
def test_case_and_blanks_do_not_matter(name):
    assert parse_expression(name) is Expression.HAPPY


def test_a_misspelt_expression_gets_a_suggestion():
    with pytest.raises(UsageError, match="did you mean 'surprised'"):
        parse_expression("suprised")


def test_an_unknown_expression_gets_the_list():
    with pytest.raises(UsageError, match="happy, sad, crying, neutral, surprised"):
        parse_expression("qqq")
