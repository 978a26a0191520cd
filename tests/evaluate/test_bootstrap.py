"""Comparing two models: scipy's bootstrap, the paired t interval, and what pairing is for."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from kaogae.errors import UsageError
from kaogae.evaluate.bootstrap import compare, interval

tables = st.integers(2, 30).flatmap(
    lambda n: st.tuples(arrays.arrays(np.bool_, (n, 5)), arrays.arrays(np.bool_, (n, 5)))
)


def made(chance: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(chance.shape) < chance


def test_the_difference_is_that_of_the_shares() -> None:
    a = np.array([[True, True], [True, False], [True, True]])
    b = np.array([[True, False], [False, False], [True, True]])
    found = compare(a, b)
    assert (found.a, found.b) == (pytest.approx(5 / 6), pytest.approx(1 / 2))
    assert found.difference == pytest.approx(1 / 3)
    # A is never behind: as good only if the third input is drawn three times, 1 in 27
    assert found.better == pytest.approx(1 - 1 / 54, abs=0.005)
    assert found.interval == (pytest.approx(0), pytest.approx(0.5))


def test_the_interval_is_that_of_scipys_paired_bootstrap() -> None:
    a, b = made(np.full((80, 5), 0.8)), made(np.full((80, 5), 0.65), seed=1)
    theirs = stats.bootstrap(
        (a.mean(axis=1), b.mean(axis=1)),
        lambda x, y, axis=-1: x.mean(axis) - y.mean(axis),
        paired=True,
        method="percentile",
        n_resamples=10_000,
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert compare(a, b).interval == pytest.approx((theirs.low, theirs.high), abs=0.008)


def test_with_many_inputs_it_is_the_t_interval() -> None:
    a, b = made(np.full((400, 5), 0.8)), made(np.full((400, 5), 0.75), seed=1)
    each = a.mean(axis=1) - b.mean(axis=1)
    low, high = stats.ttest_1samp(each, 0).confidence_interval(0.95)
    assert compare(a, b).interval == pytest.approx((low, high), abs=0.004)
    assert interval(a) == pytest.approx(
        stats.ttest_1samp(a.mean(axis=1), 0).confidence_interval(0.95), abs=0.004
    )


def test_pairing_sees_a_difference_that_hard_inputs_would_hide() -> None:
    """Half of the inputs are too hard for both; A gets one target more of each that isn't."""
    b = np.zeros((40, 5), bool)
    b[:20, :3] = True
    a = b.copy()
    a[:20, 3] = True
    found = compare(a, b)
    assert found.interval[0] > 0.05
    assert found.better == 1
    assert compare(a, np.roll(b, 20, axis=0)).interval[0] < 0  # the same successes of other inputs


def test_targets_of_one_input_stay_together() -> None:
    """All five right or all five wrong are 50 facts and not 250."""
    together = np.repeat(made(np.full((50, 1), 0.5)), 5, axis=1)
    apart = np.sort(together.ravel()).reshape(5, 50).T  # as many successes, each input with about half
    assert np.ptp(interval(together)) > 4 * np.ptp(interval(apart))
    assert np.ptp(interval(together)) == pytest.approx(2 * 1.96 * together.std() / 50**0.5, rel=0.1)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    dice, inside = np.random.default_rng(0), 0
    for _ in range(400):
        hard = dice.random((100, 1)) * 0.4
        a, b = dice.random((100, 5)) < 0.95 - hard, dice.random((100, 5)) < 0.85 - hard
        low, high = compare(a, b, rounds=1000).interval
        inside += low <= 0.1 <= high
    assert 0.915 < inside / 400 < 0.98


@settings(max_examples=60)
@given(tables)
def test_exchanging_the_models_turns_everything_round(pair: tuple[np.ndarray, np.ndarray]) -> None:
    there, back = compare(*pair, rounds=2000), compare(*pair[::-1], rounds=2000)
    assert there.difference == pytest.approx(-back.difference)
    assert there.better == pytest.approx(1 - back.better, abs=0.08)
    assert there.interval[0] - 1e-9 <= there.difference <= there.interval[1] + 1e-9


@settings(max_examples=60)
@given(tables)
def test_a_model_is_as_good_as_itself(pair: tuple[np.ndarray, np.ndarray]) -> None:
    found = compare(pair[0], pair[0])
    assert (found.difference, found.interval, found.better) == (0, (0, 0), 0.5)


@settings(max_examples=60)
@given(tables, st.randoms())
def test_the_order_of_the_inputs_changes_nothing(pair: tuple[np.ndarray, np.ndarray], random) -> None:
    order = list(range(len(pair[0])))
    random.shuffle(order)
    assert compare(pair[0][order], pair[1][order], rounds=500) == compare(*pair, rounds=500)


def test_one_target_alone_can_be_compared() -> None:
    a, b = made(np.full((60, 5), 0.9)), made(np.full((60, 5), 0.4), seed=1)
    assert compare(a[:, 2:3], b[:, 2:3]).difference == pytest.approx(a[:, 2].mean() - b[:, 2].mean())


def test_a_hundred_thousand_inputs_take_no_longer() -> None:
    a, b = made(np.full((100_000, 5), 0.9)), made(np.full((100_000, 5), 0.8), seed=1)
    start = time.process_time()
    found = compare(a, b)
    assert time.process_time() - start < 1
    assert found.interval == pytest.approx((0.1, 0.1), abs=0.01)


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        (np.ones((4, 5), bool), np.ones((3, 5), bool), "A was measured 4 × 5 times, and B 3 × 5"),
        (np.ones((4, 5), int), np.ones((4, 5), int), "true and false"),
        (np.ones(4, bool), np.ones(4, bool), "a row for each input"),
        (np.ones((4, 0), bool), np.ones((4, 0), bool), "a column for each target"),
        (np.ones((1, 5), bool), np.ones((1, 5), bool), "From 1 inputs nothing"),
    ],
)
def test_what_cant_be_compared_is_refused(a: np.ndarray, b: np.ndarray, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        compare(a, b)


def test_of_an_error_less_is_better():
    a = np.random.default_rng(0).random((40, 5))
    found = compare(a, a + 0.1, less_is_better=True)
    assert found.difference == pytest.approx(-0.1)
    assert found.interval == pytest.approx((-0.1, -0.1))
    assert found.better == 1
    assert compare(a, a + 0.1).better == 0


def test_measures_are_drawn_as_successes_are():
    a, b = made(np.full((60, 5), 0.9)), made(np.full((60, 5), 0.4), seed=1)
    hits, numbers = compare(a, b), compare(a.astype(float), b.astype(float))
    assert numbers == hits


def test_what_is_not_a_number_is_refused():
    with pytest.raises(UsageError, match="finite numbers"):
        compare(np.full((4, 5), np.nan), np.ones((4, 5)))
