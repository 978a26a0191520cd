"""Agreement: the values of the textbooks, and what must hold for any votes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kaogae.label.agreement import (
    cohen_kappa,
    fleiss_kappa,
    fleiss_observed,
    in_words,
    observed_agreement,
)

FLEISS_1971 = [
    *([0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0]),
    *([2, 0, 4, 0, 0], [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6]),
    *([1, 0, 0, 5, 0], [1, 1, 0, 4, 0], [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1]),
    *([0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0], [0, 2, 0, 4, 0], [1, 0, 2, 0, 3]),
    *([0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0], [1, 0, 0, 4, 1]),
    *([0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6]),
]
"""Table 1: 30 patients, 6 votes each; depression, personality disorder, schizophrenia, neurosis, other."""

tables = arrays.arrays(np.int64, (4, 4), elements=st.integers(0, 30))
ballots = arrays.arrays(np.int64, st.tuples(st.integers(1, 12), st.just(4)), elements=st.integers(0, 5))


def test_cohens_kappa_of_his_own_example() -> None:
    """Cohen 1960: two clinicians, 200 patients; p_o = 0.70, p_e = 0.41, κ = 0.492."""
    table = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
    assert observed_agreement(table) == pytest.approx(0.70)
    assert cohen_kappa(table) == pytest.approx((0.70 - 0.41) / (1 - 0.41))
    assert cohen_kappa(table) == pytest.approx(0.492, abs=5e-4)


def test_two_readers_of_fifty_proposals() -> None:
    """Both yes 20, both no 15, 5 and 10 apart: p_o = 0.7, p_e = 0.5 · 0.6 + 0.5 · 0.4, κ = 0.4."""
    assert cohen_kappa([[20, 5], [10, 15]]) == pytest.approx(0.4)


def test_fleiss_kappa_of_his_own_example() -> None:
    """Fleiss 1971: P̄ = 0.5556, P̄_e = 0.2201, κ = 0.430."""
    assert np.sum(FLEISS_1971, axis=0).tolist() == [26, 26, 30, 55, 43]
    assert fleiss_observed(FLEISS_1971) == pytest.approx(0.5556, abs=5e-5)
    assert fleiss_kappa(FLEISS_1971) == pytest.approx(0.430, abs=5e-4)


def test_fleiss_kappa_of_ten_items_with_fourteen_votes() -> None:
    votes = [
        *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
        *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
    ]
    assert fleiss_observed(votes) == pytest.approx(0.378, abs=5e-4)
    assert fleiss_kappa(votes) == pytest.approx(0.210, abs=5e-4)


def test_items_with_other_numbers_of_votes() -> None:
    """Three votes: 1 of 3 pairs agrees. Two votes: all. One vote says nothing. Chance: shares 4/5 and 1/5."""
    votes = [[2, 1], [2, 0], [0, 1], [0, 0]]
    assert fleiss_observed(votes) == pytest.approx((1 / 3 + 1) / 2)
    assert fleiss_kappa(votes) == pytest.approx((2 / 3 - 0.68) / (1 - 0.68))


def test_where_chance_agrees_always_there_is_no_kappa() -> None:
    assert cohen_kappa([[7, 0], [0, 0]]) is None
    assert fleiss_kappa([[3, 0], [3, 0]]) is None
    assert fleiss_observed([[3, 0], [3, 0]]) == 1


def test_without_votes_there_is_nothing() -> None:
    for nothing in ([], [[1, 0]], [[0, 0]]):
        assert fleiss_kappa(nothing) is fleiss_observed(nothing) is None
    assert cohen_kappa(np.zeros((5, 5))) is observed_agreement(np.zeros((5, 5))) is None


@pytest.mark.parametrize(
    ("kappa", "word"),
    [
        *((-0.1, "poor"), (0.0, "slight"), (0.2, "slight"), (0.21, "fair"), (0.4, "fair"), (0.5, "moderate")),
        *(
            (0.604, "moderate"),
            (0.61, "substantial"),
            (0.8, "substantial"),
            (0.81, "almost perfect"),
            (1.0, "almost perfect"),
        ),
    ],
)
def test_the_words(kappa: float, word: str) -> None:
    assert in_words(kappa) == word


@given(tables, st.permutations(range(4)))
def test_cohens_kappa_knows_neither_names_of_answers_nor_who_is_first(
    table: np.ndarray, order: list[int]
) -> None:
    kappa = cohen_kappa(table)
    assert kappa == pytest.approx(cohen_kappa(table[np.ix_(order, order)]))
    assert kappa == pytest.approx(cohen_kappa(table.T))
    assert kappa is None or -1 - 1e-9 <= kappa <= 1 + 1e-9


@given(st.lists(st.integers(1, 30), min_size=2, max_size=7))
def test_full_agreement_on_more_than_one_answer_is_one(counts: list[int]) -> None:
    assert cohen_kappa(np.diag(counts)) == pytest.approx(1)
    votes = [[3 * (row == answer) for answer in range(len(counts))] for row in range(len(counts))]
    assert fleiss_kappa(votes) == pytest.approx(1)


@given(ballots, st.permutations(range(4)), st.randoms())
def test_fleiss_kappa_knows_neither_the_order_of_answers_nor_of_items(
    votes: np.ndarray, order: list[int], shuffle: object
) -> None:
    rows = list(votes[:, order])
    shuffle.shuffle(rows)  # type: ignore[attr-defined]
    kappa = fleiss_kappa(votes)
    assert kappa == pytest.approx(fleiss_kappa(rows))
    assert kappa is None or -1 - 1e-9 <= kappa <= 1 + 1e-9


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_of_two_people_who_answer_equally_often_both_kappas_agree(pairs: list[tuple[int, int]]) -> None:
    """Taken once as they are and once exchanged, both give each answer as often as the other."""
    pairs = pairs + [(second, first) for first, second in pairs]
    votes = [[(first == k) + (second == k) for k in range(4)] for first, second in pairs]
    table = [[pairs.count((row, column)) for column in range(4)] for row in range(4)]
    assert fleiss_kappa(votes) == pytest.approx(cohen_kappa(table))
    assert fleiss_observed(votes) == pytest.approx(observed_agreement(table))
