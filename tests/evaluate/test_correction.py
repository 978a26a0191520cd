"""Taking a judge's errors out: known mixtures come back, intervals hold the truth as often as they say."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import minimize

from kaogae.errors import UsageError
from kaogae.evaluate.confusion import OTHER, PAPER, Confusion
from kaogae.evaluate.correction import _mixture, corrected

JUDGE = np.array(
    [
        [97, 0, 0, 2, 0, 1],
        [2, 80, 5, 10, 0, 3],
        [1, 6, 90, 0, 2, 1],
        [3, 8, 0, 86, 2, 1],
        [0, 0, 2, 0, 97, 1],
    ]
)
"""What a judge says of 100 faces of each expression."""
PERFECT = np.eye(5, 6, dtype=np.int64) * 100
NONE = np.array([0, 10, 0, 15, 0, 75])
"""What it says of 100 pictures that show none."""
TRUTH = np.array(
    [
        [100, 0, 0, 0, 0, 0],
        [0, 70, 10, 10, 0, 10],
        [0, 10, 80, 5, 0, 5],
        [2, 10, 1, 80, 4, 3],
        [0, 0, 0, 2, 98, 0],
    ]
)


def through(judge: np.ndarray, none: np.ndarray, truth: np.ndarray = TRUTH) -> Confusion:
    """Exactly what a judge of 100 faces each is expected to see, times 100."""
    return Confusion(truth @ np.vstack([judge, none]))


@pytest.mark.parametrize("others", [None, NONE])
def test_a_known_mixture_comes_back(others: np.ndarray | None) -> None:
    none = np.array([0, 0, 0, 0, 0, 100]) if others is None else others
    found = corrected(through(JUDGE, none), Confusion(JUDGE), others, rounds=50)
    assert found.shares == pytest.approx(TRUTH / 100, abs=1e-6)
    assert found.class_accuracies.tolist() == pytest.approx([1, 0.7, 0.8, 0.8, 0.98], abs=1e-6)
    assert found.mean_accuracy == pytest.approx(0.856, abs=1e-6)


def test_two_expressions_by_hand() -> None:
    """90 % of happy and 80 % of sad are recognised: 62 of 100 called happy is 0.6 · 0.9 + 0.4 · 0.2."""
    judge = PERFECT.copy()
    judge[0, :2], judge[1, :2] = (90, 10), (20, 80)
    seen = np.zeros((5, 6), np.int64)
    seen[0, :2] = 62, 38
    found = corrected(Confusion(seen), Confusion(judge))
    assert found.shares[0] == pytest.approx([0.6, 0.4, 0, 0, 0, 0], abs=1e-6)


def test_a_perfect_judge_changes_no_number_and_hardly_the_intervals() -> None:
    found = corrected(PAPER, Confusion(PERFECT * 1000))
    assert found.shares == pytest.approx(PAPER.shares, abs=1e-6)
    assert found.class_intervals == pytest.approx(PAPER.class_intervals, abs=0.015)
    assert found.mean_interval == pytest.approx(PAPER.mean_interval, abs=0.01)


def test_a_judge_known_by_fewer_faces_makes_wider_intervals() -> None:
    seen = through(JUDGE, NONE)
    width = [np.ptp(corrected(seen, Confusion(JUDGE * times)).mean_interval) for times in (1, 10, 100)]
    assert width[0] > 1.5 * width[1] > 1.5 * width[2] > np.ptp(seen.mean_interval)


def test_who_was_never_wrong_isnt_taken_to_be_always_right() -> None:
    low, high = corrected(Confusion(PERFECT), Confusion(PERFECT)).class_intervals.T
    assert ((low > 0.93) & (low < 0.985)).all()
    assert (high == 1).all()


def test_what_was_never_asked_for_stays_unknown() -> None:
    counts = PAPER.counts.copy()
    counts[2] = 0
    found = corrected(Confusion(counts), Confusion(JUDGE))
    assert np.isnan(found.shares[2]).all()
    assert found.class_intervals[2].tolist() == [0, 1]
    others = [0, 1, 3, 4]
    assert found.mean_accuracy == pytest.approx(found.class_accuracies[others].mean())
    assert found.mean_interval[0] < found.mean_accuracy < found.mean_interval[1]


def test_nothing_seen_is_no_number() -> None:
    found = corrected(Confusion(np.zeros((5, 6), np.int64)), Confusion(JUDGE))
    assert np.isnan(found.mean_accuracy)
    assert found.mean_interval == (0, 1)


def test_the_same_seed_gives_the_same_intervals() -> None:
    first, again, other = (corrected(PAPER, Confusion(JUDGE), seed=seed) for seed in (3, 3, 4))
    assert first.mean_interval == again.mean_interval != other.mean_interval


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    dice, inside, rounds = np.random.default_rng(0), np.zeros(6), 400
    expected = TRUTH / 100 @ np.vstack([JUDGE, NONE]) / 100
    for _ in range(rounds):
        judge = Confusion(dice.multinomial(200, JUDGE / 100))
        seen = Confusion(dice.multinomial(100, expected))
        found = corrected(seen, judge, dice.multinomial(200, NONE / 100), rounds=1000)
        truth = [*np.diagonal(TRUTH) / 100, 0.856]
        low, high = np.vstack([found.class_intervals, found.mean_interval]).T
        inside += (low <= truth) & (truth <= high)
    assert ((inside / rounds > 0.91) & (inside / rounds < 0.985)).all(), inside / rounds


@settings(deadline=None)
@given(
    arrays.arrays(np.float64, (2, 6), elements=st.floats(0, 1)).filter(lambda a: (a.sum(1) > 0.1).all()),
    st.integers(0, 2**32 - 1),
)
def test_the_mixture_is_the_best_there_is(seen: np.ndarray, seed: int) -> None:
    seen = seen / seen.sum(axis=1, keepdims=True)
    dice = np.random.default_rng(seed)
    said = 0.6 * np.eye(6) + 0.4 * dice.dirichlet(np.ones(6), 6)
    found = _mixture(seen, said)
    assert found.min() >= 0
    assert found.sum(axis=1) == pytest.approx(1)
    for row, shares in zip(seen, found, strict=True):

        def loss(x: np.ndarray, row: np.ndarray = row) -> float:
            return float(((x @ said - row) ** 2).sum())

        theirs = minimize(
            loss,
            np.full(6, 1 / 6),
            bounds=[(0, 1)] * 6,
            constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
            tol=1e-12,
        )
        assert loss(shares) <= theirs.fun + 1e-7


def test_it_takes_less_than_a_second() -> None:
    start = time.process_time()
    corrected(PAPER, Confusion(JUDGE))
    assert time.process_time() - start < 1


def test_a_judge_known_by_too_few_faces_is_refused() -> None:
    few = JUDGE.copy()
    few[3] = [1, 1, 1, 16, 0, 0]
    with pytest.raises(UsageError, match="tested on 19 faces of one kind"):
        corrected(PAPER, Confusion(few))
    with pytest.raises(UsageError, match="tested on 5 faces"):
        corrected(PAPER, Confusion(JUDGE), [0, 0, 0, 0, 0, 5])


def test_a_judge_that_guesses_is_refused() -> None:
    with pytest.raises(UsageError, match=r"1,000 times as large.*Train a better one"):
        corrected(PAPER, Confusion(np.full((5, 6), 100)))
    sad_is_neutral = JUDGE.copy()
    sad_is_neutral[1], sad_is_neutral[3] = [0, 55, 0, 45, 0, 0], [0, 45, 0, 55, 0, 0]
    with pytest.raises(UsageError, match="too often"):
        corrected(PAPER, Confusion(sad_is_neutral))


def test_a_judge_that_calls_nothing_other_is_refused_where_that_is_known() -> None:
    with pytest.raises(UsageError, match="too often"):
        corrected(PAPER, Confusion(JUDGE), JUDGE[1])


@pytest.mark.parametrize("others", [[1, 2, 3], [0.5] * 6, [-1] * 6])
def test_what_are_no_verdicts_is_refused(others: list) -> None:
    with pytest.raises(UsageError, match="6 whole numbers"):
        corrected(PAPER, Confusion(JUDGE), others)


def test_the_column_of_other_is_what_shows_none() -> None:
    assert corrected(PAPER, Confusion(PERFECT)).shares[:, OTHER] == pytest.approx(
        [0.03, 0.07, 0.09, 0.05, 0.03]
    )


def test_ten_faces_that_all_fail_say_no_more_than_ten_faces_can() -> None:
    known = Confusion(np.hstack([np.eye(5, dtype=int) * 80 + 3, np.full((5, 1), 5)]))
    seen = Confusion(np.hstack([np.zeros((5, 5), int), np.full((5, 1), 10)]))
    found = corrected(seen, known, [1, 1, 1, 1, 1, 195])
    assert found.mean_accuracy == 0
    assert found.class_intervals[:, 1] == pytest.approx(0.278, abs=0.01)
    assert found.mean_interval[1] > 0.1
