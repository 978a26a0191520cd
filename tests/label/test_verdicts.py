"""What the votes on one item come to."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaogae.expressions import EXPRESSIONS
from kaogae.label.service import schemas
from kaogae.label.verdicts import ANSWERS, CLEAN, PANEL, SKIPPED, UNDONE, decide


@pytest.mark.parametrize(
    ("votes", "needed", "outcome"),
    [
        ("", 3, ("open", None)),
        ("a a", 3, ("open", None)),
        ("a a b", 3, ("agreed", "a")),
        ("a b c", 3, ("disputed", None)),
        ("a", 1, ("agreed", "a")),
        ("a b", 2, ("disputed", None)),
        ("a a b b", 4, ("disputed", None)),
        ("a a b b", 3, ("disputed", None)),  # a vote that came late counts
        ("a a b c", 4, ("disputed", None)),  # most, but no majority
        ("a a a b c", 5, ("agreed", "a")),
    ],
)
def test_more_than_half_decide(votes, needed, outcome):
    assert decide(Counter(votes.split()), needed) == outcome


@given(st.lists(st.sampled_from("abc"), max_size=9), st.integers(1, 9))
def test_the_order_of_votes_says_nothing(votes, needed):
    assert decide(Counter(votes), needed) == decide(Counter(reversed(votes)), needed)


def test_a_review_is_final_whatever_the_votes_say():
    assert decide(Counter("aaa"), 3, "b") == ("reviewed", "b")
    assert decide(Counter(), 3, "b") == ("reviewed", "b")


def test_the_vocabulary_is_what_service_and_app_speak():
    assert set(ANSWERS[CLEAN]) == set(schemas.Answer.__args__)
    assert set(ANSWERS[PANEL]) == {*EXPRESSIONS, "other"}
    assert {UNDONE, SKIPPED}.isdisjoint(ANSWERS[CLEAN])
