"""One question to the catalogue for all who ask the same kind of thing at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Gathered(Generic[K, V]):
    """Asks once for everything that is wanted in one turn of the event loop.

    The writer answers many requests at once, and each of them then wants to know how far its annotator is: a
    thread and a transaction for each would cost more than the votes themselves.
    """

    def __init__(self, ask: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> None:
        """`ask`: gives all that is wanted."""
        self._ask = ask
        self._wanted: set[K] = set()
        self._round: asyncio.Task[Mapping[K, V]] | None = None
        """The one that hasn't begun."""

    async def get(self, key: K) -> V:
        """As it is now, or a moment later. Raises what asking for any of the keys raises."""
        self._wanted.add(key)
        if self._round is None:
            self._round = asyncio.create_task(self._answer())
        return (await asyncio.shield(self._round))[key]  # who hangs up takes nobody's answer along

    async def _answer(self) -> Mapping[K, V]:
        wanted, self._wanted, self._round = self._wanted, set(), None
        return await self._ask(wanted)
