"""Near-duplicates: what the index finds is what comparing all pairs finds; who stands for whom."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaogae.errors import UsageError
from kaogae.faces import duplicates
from kaogae.faces.duplicates import near_duplicates, representatives


def brute_force(hashes: np.ndarray, distance: int) -> list[tuple[int, int]]:
    values = [int(value) for value in hashes]
    return [
        (i, j)
        for i in range(len(values))
        for j in range(i + 1, len(values))
        if (values[i] ^ values[j]).bit_count() <= distance
    ]


def crowd(seed: int, count: int, spread: int) -> np.ndarray:
    """Hashes in clusters: a few origins, each with up to `spread` bits changed; some equal, some extreme."""
    dice = np.random.default_rng(seed)
    origins = dice.integers(0, 2**64, max(count // 6, 1), np.uint64, endpoint=False)
    hashes = dice.choice(origins, count)
    for _ in range(spread):
        changed = dice.random(count) < 0.7
        hashes[changed] ^= np.uint64(1) << dice.integers(0, 64, changed.sum(), np.uint64)
    hashes[:2] = [0, 2**64 - 1] if count > 2 else hashes[:2]
    return hashes


@pytest.fixture
def always_indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "FEW", 0)
    monkeypatch.setattr(duplicates, "BLOCK", 50)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 150), st.integers(0, 12), st.integers(0, 6))
def test_few_hashes_give_the_pairs_of_brute_force(seed: int, count: int, spread: int, distance: int) -> None:
    hashes = crowd(seed, count, spread)
    assert list(map(tuple, near_duplicates(hashes, distance).tolist())) == brute_force(hashes, distance)


@pytest.mark.parametrize("distance", range(10))
@pytest.mark.usefixtures("always_indexed")
def test_the_index_gives_the_pairs_of_brute_force_at_every_distance(distance: int) -> None:
    for seed in range(2):
        hashes = crowd(seed, 200, max(distance, 2))
        found = list(map(tuple, near_duplicates(hashes, distance).tolist()))
        assert found == brute_force(hashes, distance)
        assert distance < 3 or len(found) > 20


@pytest.mark.usefixtures("always_indexed")
def test_many_equal_hashes_are_all_paired_in_blocks() -> None:
    assert len(near_duplicates(np.full(100, 7, np.uint64), 3)) == 100 * 99 // 2


@pytest.mark.parametrize("distance", [-1, 13])
def test_distances_that_make_no_sense_are_refused(distance: int) -> None:
    with pytest.raises(UsageError, match="out of range"):
        near_duplicates(np.zeros(2, np.uint64), distance)


def test_a_hundred_thousand_hashes_take_seconds() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**64, 100_000, np.uint64)
    hashes[:1000] = hashes[50_000:51_000] ^ np.uint64(0b1011)
    begun = time.monotonic()
    assert len(near_duplicates(hashes, 5)) >= 1000
    assert time.monotonic() - begun < 20


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 80))
def test_every_duplicate_is_directly_like_its_better_representative(seed: int, count: int) -> None:
    hashes = crowd(seed, count, 6)
    standing = representatives(count, near_duplicates(hashes, 6), lambda i, j: (i + j) % 5 > 0).tolist()
    alike = set(brute_force(hashes, 6))
    for j, i in enumerate(standing):
        if i != j:
            assert standing[i] == i
            assert (i, j) in alike
            assert (i + j) % 5
        else:  # it stays because no better one that stays is like it
            assert not [i for i in range(j) if standing[i] == i and (i, j) in alike and (i + j) % 5]


def test_a_chain_does_not_link_its_ends() -> None:
    chain = np.array([0, 0b1111, 0b11111111], np.uint64)  # each four bits from the next
    assert representatives(3, near_duplicates(chain, 4), lambda _i, _j: True).tolist() == [0, 0, 2]
