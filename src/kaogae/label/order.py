"""In which order an annotator sees a campaign's items: an own one each, the same after every restart."""

from collections import OrderedDict
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

Order = NDArray[np.int32]
"""Numbers of items, in the order in which somebody meets them."""

POSITIONS_MOST = 25_000_000
"""Remembered at once, over all annotators: 4 bytes each."""


def own_order(seed: int, annotator: int, items: int) -> Order:
    """The numbers 0 … items − 1 as this annotator meets them: people tire at different items."""
    return np.random.default_rng([seed, annotator]).permutation(items).astype(np.int32)


def ranks(order: Order, numbers: Collection[int]) -> dict[int, int]:
    """Number -> position in the order."""
    if not numbers:
        return {}
    positions = np.flatnonzero(np.isin(order, np.fromiter(numbers, np.int32, len(numbers))))
    return dict(zip(order[positions].tolist(), positions.tolist(), strict=True))


class Orders:
    """The orders of those who work at the moment; forgets who hasn't asked for longest."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int, int], Order] = OrderedDict()
        self._positions = 0

    def get(self, seed: int, annotator: int, items: int) -> Order:
        """See `own_order`."""
        key = (seed, annotator, items)
        if key not in self._kept:
            self._kept[key] = own_order(seed, annotator, items)
            self._positions += items
        self._kept.move_to_end(key)
        while self._positions > POSITIONS_MOST and len(self._kept) > 1:
            self._positions -= len(self._kept.popitem(last=False)[1])
        return self._kept[key]
