from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaogae.expressions import EXPRESSIONS
from kaogae.train import load_settings
from kaogae.train.data import Faces
from kaogae.train.pairs import Order, Pairs, draw_pairs
from kaogae.train.sampling import CLASSES, NO_TRUTH, Rows, Sampler

TABLE_I = (2041, 620, 686, 1396, 452)
ORDER = Order(characters=3, sources=2, size=64, margin=6, seed=0)


@pytest.fixture(scope="module")
def pairs(cache: Path) -> Pairs:
    return draw_pairs(ORDER, cache, workers=1)


def sampler(counts: tuple[int, ...], *changes: str, pairs: Pairs | None = None) -> Sampler:
    changes = changes if pairs else ("data.drawn=0", "weights.supervised=0", *changes)
    config = load_settings("smoke", ["batch=16", *changes])
    labels = np.repeat(np.arange(len(counts)), counts)
    faces = Faces(np.empty((len(labels), 64, 64, 3), np.uint8), labels, ("one",) * len(labels))
    return Sampler(config, labels, faces.chances(config.data), pairs)


def assert_same(one: Rows, other: Rows) -> None:
    for entry in fields(Rows):
        a, b = getattr(one, entry.name), getattr(other, entry.name)
        if entry.name == "views":
            a, b = ([(*v.matrix.flat, *v.tint.flat, v.gamma) for v in views] for views in (a, b))
        assert np.array_equal(a, b), entry.name


@given(st.lists(st.integers(1, 12), min_size=5, max_size=5), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_each_epoch_shows_each_face_once(counts: list[int], seed: int) -> None:
    lots, total = sampler(tuple(counts), f"seed={seed}"), sum(counts)
    shown = np.concatenate([lots.rows(i).picture for i in range(-(-3 * total // 16))])
    epochs = [shown[i * total : (i + 1) * total] for i in range(3)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(total))
    if total > 12:
        assert len({tuple(epoch) for epoch in epochs}) == 3


@given(st.lists(st.integers(1, 2000), min_size=5, max_size=5), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_balance_evens_out_the_expressions(counts: list[int], balance: float) -> None:
    labels = np.repeat(np.arange(5), counts)
    faces = Faces(np.empty((0, 8, 8, 3), np.uint8), labels, ("one",) * len(labels))
    chances = faces.chances(load_settings("smoke", [f"data.balance={balance}"]).data)
    if chances is None:
        assert balance == 0
        return
    shares = np.bincount(labels, chances)
    expected = np.array(counts, float) ** (1 - balance)
    assert shares == pytest.approx(expected / expected.sum())
    assert all(np.ptp(chances[labels == label]) < 1e-12 for label in range(5))


def test_balanced_batches_show_each_of_table_i_s_expressions_equally_often() -> None:
    def shares(balance: int) -> np.ndarray:
        lots = sampler(TABLE_I, f"data.balance={balance}", "batch=64")
        labels = np.concatenate([lots.rows(i).label for i in range(60)])
        return np.bincount(labels, minlength=CLASSES) / len(labels)

    assert np.abs(shares(1) - 0.2).max() < 0.03  # 4.6 standard errors
    assert np.abs(shares(0) - np.array(TABLE_I) / sum(TABLE_I)).max() < 0.03


def test_a_large_source_does_not_drown_the_others() -> None:
    faces = Faces(np.empty((0, 8, 8, 3), np.uint8), np.arange(100) % 5, ("a",) * 90 + ("b",) * 10)
    shares = []
    for power in (0.0, 0.5, 1.0):
        chances = faces.chances(load_settings("smoke", [f"data.balance_sources={power}"]).data)
        shares.append(0.1 if chances is None else chances[90:].sum())
    assert shares == pytest.approx([0.1, 0.25, 0.5])


def test_both_balances_together_keep_the_expressions_even() -> None:
    labels = np.array([0] * 50 + [1] * 5 + [2] * 5 + [3] * 5 + [4] * 5)
    faces = Faces(np.empty((0, 8, 8, 3), np.uint8), labels, ("a",) * 60 + ("b",) * 10)
    chances = faces.chances(load_settings("smoke", ["data.balance=1", "data.balance_sources=1"]).data)
    assert chances is not None
    assert np.bincount(labels, chances) == pytest.approx([0.2] * 5)


def test_rows_follow_from_seed_and_iteration_alone(pairs: Pairs) -> None:
    one, other = (sampler((9, 8, 7, 6, 5), pairs=pairs) for _ in range(2))
    expected = [one.rows(i) for i in range(6)]
    for i in (5, 2, 3, 0, 4, 1):
        assert_same(other.rows(i), expected[i])
    assert not np.array_equal(one.rows(1).share, expected[2].share)
    seeded = sampler((9, 8, 7, 6, 5), "seed=1", pairs=pairs)
    assert not np.array_equal(seeded.rows(0).picture, expected[0].picture)


@pytest.mark.parametrize("count", [1, 2, 4, 8, 16])
def test_the_parts_of_rows_are_a_partition_with_the_same_mixture(pairs: Pairs, count: int) -> None:
    whole = sampler((9, 8, 7, 6, 5), pairs=pairs).rows(2)
    parts = [whole.part(i, count) for i in range(count)]
    assert {len(part.label) for part in parts} == {16 // count}
    reals = [part.real for part in parts]
    assert sum(reals) == whole.real
    assert max(reals) - min(reals) <= 1
    for name in ("picture", "truth", "label", "target", "strength", "share"):
        put_back = np.empty(16, getattr(whole, name).dtype)
        for i, part in enumerate(parts):
            put_back[i::count] = getattr(part, name)
        assert np.array_equal(put_back, getattr(whole, name)), name
    assert [view for i in range(16) for view in [parts[i % count].views[i // count]]] == list(whole.views)


@pytest.mark.parametrize(
    ("share", "real"), [(0, 0), (0.03, 0), (0.04, 1), (0.125, 2), (0.25, 4), (0.5, 8), (1, 16)]
)
def test_the_real_share_of_a_batch_is_rounded(pairs: Pairs, share: float, real: int) -> None:
    lots = sampler((9, 8, 7, 6, 5), f"data.real_share={share}", pairs=pairs)
    assert lots.rows(0).real == real
    assert len(lots.rows(0).label) == len(lots.rows(0).views) == 16


def test_without_faces_all_is_drawn_and_without_pairs_nothing(pairs: Pairs) -> None:
    assert sampler((), pairs=pairs).rows(0).real == 0
    assert sampler((9, 8, 7, 6, 5)).rows(0).real == 16


def test_strengths_targets_and_truths_belong_together(pairs: Pairs) -> None:
    changes = ("data.untouched_share=0.2", "data.partial_share=0.3")
    lots = sampler((9, 8, 7, 6, 5), *changes, pairs=pairs)
    kinds = {"untouched": 0, "partial": 0, "full": 0}
    for rows in map(lots.rows, range(30)):
        assert np.array_equal(rows.known, np.flatnonzero(rows.truth != NO_TRUTH))
        assert sorted([*rows.known, *rows.free]) == list(range(16))
        for row in range(16):
            strength, picture, truth = rows.strength[row], rows.picture[row], rows.truth[row]
            if row < rows.real:
                assert (strength, truth) in ((0, picture), (1, NO_TRUTH))
                assert rows.label[row] == lots.labels[picture]
                continue
            character, take = divmod(picture, ORDER.pictures)
            plan = pairs.plans[character]
            assert take < ORDER.sources
            assert EXPRESSIONS[rows.label[row]] == plan.labels[take]
            kind = "untouched" if strength == 0 else "full" if strength == 1 else "partial"
            kinds[kind] += 1
            expected = {
                "untouched": picture,
                "partial": pairs.partial(character, take),
                "full": pairs.full(character, int(rows.target[row])),
            }
            assert truth == expected[kind]
            if kind == "partial":
                assert strength == np.float32(plan.strengths[take])
                assert rows.target[row] == plan.aims[take].position
        assert np.array_equal(rows.clear, np.flatnonzero(rows.strength >= 0.5))
    shares = np.array(list(kinds.values())) / sum(kinds.values())
    assert np.abs(shares - [0.2, 0.3, 0.5]).max() < 0.12


def test_without_supervision_targets_are_the_batch_s_own_labels_shuffled() -> None:
    lots = sampler(TABLE_I)
    for rows in map(lots.rows, range(4)):
        assert sorted(rows.label) == sorted(rows.target)
        assert not np.array_equal(rows.label, rows.target)
        assert set(rows.strength) == {1}
        assert len(rows.free) == 16
