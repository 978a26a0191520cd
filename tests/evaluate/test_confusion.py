"""Confusion matrices: the paper's own, textbook intervals, and what must hold for any verdicts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import binomtest

from kaogae.errors import UsageError
from kaogae.evaluate.confusion import OTHER, PAPER, VERDICTS, Confusion, wilson
from kaogae.expressions import EXPRESSIONS
from kaogae.label.report import PAPER_DIAGONAL

tables = arrays.arrays(np.int64, (5, 6), elements=st.integers(0, 200))
verdicts = st.lists(st.tuples(st.integers(0, 4), st.integers(0, OTHER)), max_size=60)


def test_the_papers_table_has_100_inputs_in_each_row_and_its_diagonal() -> None:
    assert PAPER.totals.tolist() == [100] * 5
    assert dict(zip(EXPRESSIONS, PAPER.hits.tolist(), strict=True)) == {
        "happy": 89,
        "sad": 74,
        "neutral": 78,
        "crying": 72,
        "surprised": 91,
    }
    assert PAPER.mean_accuracy == pytest.approx(0.808)
    assert PAPER.counts[:, OTHER].tolist() == [3, 7, 9, 5, 3]
    assert dict(zip(EXPRESSIONS, PAPER.hits.tolist(), strict=True)) == PAPER_DIAGONAL


def test_the_paper_takes_crying_for_sad_and_sad_for_neutral_most() -> None:
    wrong = PAPER.counts.copy()
    np.fill_diagonal(wrong, 0)
    crying, sad, neutral = (VERDICTS.index(name) for name in ("crying", "sad", "neutral"))
    assert wrong[crying, sad] == 14 == wrong.max()
    assert wrong[sad, neutral] == 10 == np.sort(wrong, axis=None)[-2]


def test_verdicts_are_counted_by_what_was_asked_for_and_what_was_seen() -> None:
    found = Confusion.of([0, 0, 0, 4, 4, 2], [0, 0, OTHER, 4, 3, 2])
    assert found.counts[0].tolist() == [2, 0, 0, 0, 0, 1]
    assert found.counts[4].tolist() == [0, 0, 0, 1, 1, 0]
    assert found.totals.tolist() == [3, 0, 1, 0, 2]
    assert found.shares[0].tolist() == pytest.approx([2 / 3, 0, 0, 0, 0, 1 / 3])
    assert found.mean_accuracy == pytest.approx((2 / 3 + 1 + 1 / 2) / 3)
    assert found.accuracy == pytest.approx(4 / 6)


def test_what_was_never_asked_for_has_no_share_and_no_say() -> None:
    found = Confusion.of([1, 1], [1, 0])
    assert np.isnan(found.shares[[0, 2, 3, 4]]).all()
    assert np.isnan(found.class_accuracies).sum() == 4
    assert found.class_intervals[0].tolist() == [0, 1]
    assert found.mean_accuracy == 0.5
    assert found.mean_interval == pytest.approx(tuple(wilson(1, 2)))


def test_nothing_at_all_is_no_number() -> None:
    found = Confusion.of([], [])
    assert np.isnan(found.accuracy)
    assert np.isnan(found.mean_accuracy)
    assert found.mean_interval == (0, 1)


def test_known_answers_score_as_theory_says() -> None:
    """100 inputs, 20 of each expression, asked for all five: the truth, the input again, one face for all."""
    shown, wanted = np.repeat(np.arange(5), 100), np.tile(np.arange(5), 100)
    truth = Confusion.of(wanted, wanted)
    assert truth.counts.tolist() == (100 * np.eye(5, 6)).tolist()
    assert truth.mean_accuracy == 1
    assert truth.mean_interval[0] == pytest.approx(1 - (1 - wilson(100, 100)[0]) / 5**0.5)
    copied = Confusion.of(wanted, shown)
    assert (copied.counts[:, :OTHER] == 20).all()
    assert copied.mean_accuracy == pytest.approx(0.2)
    always = Confusion.of(wanted, np.full(500, 3))
    assert always.class_accuracies.tolist() == [0, 0, 0, 1, 0]
    assert always.accuracy == 0.2


@given(verdicts)
def test_any_verdicts_are_all_counted_once(pairs: list[tuple[int, int]]) -> None:
    found = Confusion.of([a for a, _ in pairs], [b for _, b in pairs])
    assert found.counts.sum() == len(pairs)
    assert all(found.counts[pair] == pairs.count(pair) for pair in set(pairs))


@given(tables)
def test_rows_add_up_to_1_and_estimates_lie_in_their_intervals(counts: np.ndarray) -> None:
    found = Confusion(counts)
    asked = found.totals > 0
    assert found.shares[asked].sum(axis=1) == pytest.approx(1)
    low, high = found.class_intervals.T
    assert (low[asked] <= found.class_accuracies[asked] + 1e-12).all()
    assert (found.class_accuracies[asked] <= high[asked] + 1e-12).all()
    assert 0 <= found.mean_interval[0] <= found.mean_interval[1] <= 1
    if asked.any():
        assert found.mean_interval[0] <= found.mean_accuracy + 1e-12 <= found.mean_interval[1] + 2e-12


@given(tables, st.permutations(range(5)))
def test_the_order_of_the_expressions_changes_no_mean(counts: np.ndarray, order: list[int]) -> None:
    moved = Confusion(counts[order][:, [*order, OTHER]])
    assert moved.mean_accuracy == pytest.approx(Confusion(counts).mean_accuracy, nan_ok=True)
    assert moved.mean_interval == pytest.approx(Confusion(counts).mean_interval)


@given(st.integers(0, 300), st.integers(0, 300))
def test_wilsons_interval_is_scipys(hits: int, misses: int) -> None:
    count = hits + misses
    if not count:
        assert wilson(0, 0).tolist() == [0, 1]
        return
    theirs = binomtest(hits, count).proportion_ci(0.95, "wilson")
    assert wilson(hits, count, 1.959963984540054) == pytest.approx([theirs.low, theirs.high], abs=1e-12)


def test_wilsons_interval_of_81_in_263() -> None:
    """Newcombe 1998, table I: 0.2553 to 0.3662; of 0 in 20: 0 to 0.1611."""
    assert wilson([81, 0], [263, 20]) == pytest.approx(np.array([[0.2553, 0.3662], [0, 0.1611]]), abs=5e-5)


def test_the_means_interval_holds_the_truth_as_often_as_it_says() -> None:
    dice, truth = np.random.default_rng(0), np.array([0.95, 0.7, 0.8, 0.5, 0.99])
    counts = np.array([100, 40, 60, 100, 30])
    inside = 0
    for _ in range(1500):
        hits = dice.binomial(counts, truth)
        table = np.zeros((5, 6), np.int64)
        table[:, OTHER] = counts - hits
        np.fill_diagonal(table, hits)
        low, high = Confusion(table).mean_interval
        inside += low <= truth.mean() <= high
    assert 0.93 < inside / 1500 < 0.975


def test_the_counts_are_a_copy_that_cant_be_changed() -> None:
    given_counts = np.ones((5, 6), np.int64)
    found = Confusion(given_counts)
    given_counts[0, 0] = 100
    assert found.counts[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        found.counts[0, 0] = 2


@pytest.mark.parametrize(
    "counts", [np.ones((5, 5), np.int64), np.ones((5, 6)), -np.ones((5, 6), np.int64)], ids=str
)
def test_what_is_no_matrix_is_refused(counts: np.ndarray) -> None:
    with pytest.raises(UsageError, match="5 × 6 whole numbers"):
        Confusion(counts)


@pytest.mark.parametrize(
    ("wanted", "seen", "sentence"),
    [
        ([0, 1], [0], "2 faces can't have 1 verdicts"),
        ([5], [0], "only 0 to 4"),
        ([0], [6], "only 0 to 5"),
        ([-1], [0], "only 0 to 4"),
        ([0.0], [0], "whole numbers"),
        ([[0]], [0], "one row"),
    ],
)
def test_verdicts_that_mean_nothing_are_refused(wanted: list, seen: list, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Confusion.of(wanted, seen)


@pytest.mark.parametrize(("hits", "count"), [(2, 1), (-1, 1)])
def test_more_hits_than_tries_are_refused(hits: int, count: int) -> None:
    with pytest.raises(UsageError, match="more hits"):
        wilson(hits, count)
