"""Look-alikes among many perceptual hashes, exactly and without comparing all pairs.

Two hashes of 64 bits that differ in at most d bits agree almost wholly in one of three pieces: were all three
further apart than their share of d, so would the whole be. So for each piece, and each pattern of so few
changed bits, a table tells which other hashes have the piece with that pattern; only those are compared. This
is multi-index hashing (Norouzi, Punjani, Fleet: "Fast Search in Hamming Space", 2012) with few wide pieces
and changed bits instead of many narrow pieces, because too many of a million hashes would share those.
"""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kaogae.errors import UsageError

MOST = 12
"""Greatest distance in bits: beyond, unlike faces are as near as like ones."""

PIECES = ((0, 22), (22, 21), (43, 21))
"""First bit and number of bits."""

BLOCK = 1 << 21
"""How many pairs are compared at once: what bounds the memory."""

FEW = 2048
"""Up to so many hashes, comparing all pairs is quicker."""

Hashes = NDArray[np.uint64]
Pairs = NDArray[np.int64]


def check_distance(distance: int) -> None:
    """Raises UsageError if near-duplicates can't be found at so many bits."""
    if not 0 <= distance <= MOST:
        raise UsageError(f"A distance of {distance} bits is out of range: 0 to {MOST}.")


def near_duplicates(hashes: Hashes, distance: int) -> Pairs:
    """All pairs of hashes that differ in at most `distance` bits.

    Args:
        hashes: [N].
        distance: 0 to 12 bits.

    Returns:
        [P, 2]: indices i < j, each pair once, sorted.

    Raises:
        UsageError: the distance is out of range.
    """
    check_distance(distance)
    found = list(_pairs_few(hashes, distance) if len(hashes) <= FEW else _pairs_many(hashes, distance))
    if not found:
        return np.empty((0, 2), np.int64)
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def representatives(count: int, pairs: Pairs, same: Callable[[int, int], bool]) -> NDArray[np.int64]:
    """Which item stands for which, best items first: [count], the item itself if it stays.

    Each item in turn, best first, stays unless a better one stands for it; it then stands for all worse ones
    that are paired with it and `same`. So every duplicate is directly like its representative: chains,
    in which each link is alike and the ends are not, can't form.

    Args:
        count: the number of items; item 0 is the best.
        pairs: from `near_duplicates`.
        same: a closer look at items i < j; asked only where the answer matters.
    """
    standing = np.arange(count)
    for i, j in pairs.tolist():
        if standing[i] == i and standing[j] == j and same(i, j):
            standing[j] = i
    return standing


def _pairs_few(hashes: Hashes, distance: int) -> Iterator[Pairs]:
    for i in range(len(hashes) - 1):
        near = np.flatnonzero(np.bitwise_count(hashes[i + 1 :] ^ hashes[i]) <= distance) + i + 1
        if len(near):
            yield np.column_stack([np.full(len(near), i), near])


def _pairs_many(hashes: Hashes, distance: int) -> Iterator[Pairs]:
    """Piece by piece; a pair that is near in an earlier piece too was found there."""
    shares = _shares(distance)
    for number, ((first, bits), share) in enumerate(zip(PIECES, shares, strict=True)):
        if share < 0:
            continue
        table = _Table(_piece(hashes, first, bits), bits)
        for pattern in _patterns(bits, share):
            for i, j in table.partners(pattern):
                differ = hashes[i] ^ hashes[j]
                near = np.flatnonzero(np.bitwise_count(differ) <= distance)
                if not len(near):
                    continue
                new = np.ones(len(near), bool)
                for (other, width), most in zip(PIECES[:number], shares[:number], strict=True):
                    new &= np.bitwise_count(_piece(differ[near], other, width)) > most
                if new.any():
                    yield np.column_stack([i[near[new]], j[near[new]]]).astype(np.int64)


class _Table:
    """Which hashes have which value of one piece."""

    def __init__(self, values: NDArray[np.int64], bits: int) -> None:
        self._values = values
        self._order = np.argsort(values, kind="stable").astype(np.int32)
        self._starts = np.zeros((1 << bits) + 1, np.int32)
        np.cumsum(np.bincount(values, minlength=1 << bits), out=self._starts[1:])

    def partners(self, pattern: int) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """All i < j whose pieces differ in exactly the bits of `pattern`, in blocks."""
        wanted = self._values ^ pattern
        first = self._starts[wanted]
        counts = self._starts[wanted + 1] - first
        having = np.flatnonzero(counts).astype(np.int32)
        ends = np.cumsum(counts[having], dtype=np.int64)
        start = 0
        while start < len(having):
            done = ends[start - 1] if start else 0
            stop = max(int(np.searchsorted(ends, done + BLOCK, "right")), start + 1)
            part, many = having[start:stop], counts[having[start:stop]]
            start = stop
            i = np.repeat(part, many)
            within = np.arange(len(i)) - np.repeat(np.cumsum(many) - many, many)
            j = self._order[np.repeat(first[part], many) + within]
            ordered = i < j
            yield i[ordered], j[ordered]


def _shares(distance: int) -> list[int]:
    """How many bits may differ in each piece so that no pair is missed: they add up to `distance` − 2.

    Were every piece beyond its share, the whole would differ in at least `distance` + 1 bits. −1: the piece
    needn't be looked at.
    """
    each, more = divmod(distance - len(PIECES) + 1, len(PIECES))
    return [each + (number < more) for number in range(len(PIECES))]


def _piece(hashes: Hashes, first: int, bits: int) -> NDArray[np.int64]:
    return ((hashes >> np.uint64(first)) & np.uint64((1 << bits) - 1)).astype(np.int64)


def _patterns(bits: int, share: int) -> Iterator[int]:
    """All numbers of `bits` bits of which at most `share` are set."""
    for many in range(share + 1):
        for places in combinations(range(bits), many):
            yield sum(1 << place for place in places)
