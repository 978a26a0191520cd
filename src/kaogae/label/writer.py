"""One thread writes for all: what waits goes into one transaction, and is answered once that is durable.

Making a transaction durable takes the disk as long for one vote as for a hundred.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError
from sqlalchemy.orm import Session

from kaogae.catalog import Catalog
from kaogae.catalog.engine import sentences
from kaogae.errors import CatalogError
from kaogae.label.ledger import Cast, record

WAITING_MOST = 20_000
"""Votes and calls that may wait; more are turned away."""

ROUND_MOST = 1_000
"""Votes and calls in one transaction."""

ROUND_SECONDS = 0.02
"""From the beginning of one transaction to that of the next, at least: a vote that comes alone is written at
once, many that come one after the other share a transaction."""

BAD_VALUE = (DataError, IntegrityError)
"""What one request can cause by what it says."""

GIVEN_UP = ("40P01", "40001")
"""PostgreSQL's codes for transactions that stood in each other's way: deadlock, serialization failure."""

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Job:
    """What somebody waits for: votes to be recorded, or a function to be called."""

    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Any]"
    casts: Sequence[Cast]
    call: Callable[[Session], object] | None
    result: object = None
    error: Exception | None = None

    @property
    def size(self) -> int:
        return max(len(self.casts), 1)

    def settle(self) -> None:
        """In its loop."""
        if self.answer.done():  # nobody waits any more
            return
        if isinstance(self.error, StopIteration):  # no future takes it
            self.answer.set_exception(RuntimeError("A call ran out of values."))
        elif self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)


class Writer:
    """The only thread of a process that writes to the catalogue."""

    def __init__(self, catalog: Catalog, *, waiting_most: int = WAITING_MOST) -> None:
        """Starts the thread; `close` ends it."""
        self._catalog = catalog
        self._waiting_most = waiting_most
        self._jobs: deque[_Job] = deque()
        self._size = 0
        self._closed = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    async def record(self, casts: Sequence[Cast]) -> list[str | None]:
        """See `ledger.record`; answers when the votes are durable.

        Raises:
            CatalogError: the database can't write now, or too much waits; send them again later.
        """
        if not casts:
            return []
        return cast(list[str | None], await self._ask(casts, None))

    async def call(self, function: Callable[[Session], T]) -> T:
        """What `function` gives, once what it wrote is durable. If it raises, what it did is undone alone.

        It is called again if the database gave the transaction up.

        Raises:
            CatalogError: as in `record`.
        """
        return cast(T, await self._ask((), function))

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join()

    async def _ask(self, casts: Sequence[Cast], call: Callable[[Session], object] | None) -> object:
        loop = asyncio.get_running_loop()
        job = _Job(loop, loop.create_future(), casts, call)
        with self._news:
            if self._closed:
                raise CatalogError("The service is stopping: send this again later.")
            if self._size + job.size > self._waiting_most:
                raise CatalogError("The service has too much to write at the moment: send this again later.")
            self._jobs.append(job)
            self._size += job.size
            self._news.notify()
        return await job.answer

    def _work(self) -> None:
        while jobs := self._next():
            begun = time.monotonic()
            try:
                self._round(jobs)
            except Exception as error:
                for job in jobs:
                    job.error = error
            _answer(jobs)
            time.sleep(max(0.0, begun + ROUND_SECONDS - time.monotonic()))

    def _next(self) -> list[_Job]:
        """What waits, as soon as something does; nothing at the end."""
        with self._news:
            self._news.wait_for(lambda: self._jobs or self._closed)
            jobs: list[_Job] = []
            size = 0
            while self._jobs and (not jobs or size + self._jobs[0].size <= ROUND_MOST):
                jobs.append(self._jobs.popleft())
                size += jobs[-1].size
            self._size -= size
            return jobs

    def _round(self, jobs: Sequence[_Job]) -> None:
        """One transaction; once more, if the database gave it up so that another could go on."""
        for last in (False, True):
            try:
                with self._catalog.session() as session:
                    self._record(session, [job for job in jobs if job.casts])
                    for job in jobs:
                        if (call := job.call) is not None:
                            self._try(session, [job], lambda call=call: [call(session)])
                return
            except CatalogError as error:
                if last or getattr(_cause(error), "sqlstate", None) not in GIVEN_UP:
                    raise

    def _record(self, session: Session, jobs: Sequence[_Job]) -> None:
        """All votes together; if that can't be, each request's alone, so that none suffers from another."""
        if not jobs:
            return

        def together() -> list[object]:
            answers = iter(record(session, [cast for job in jobs for cast in job.casts]))
            return [[next(answers) for _ in job.casts] for job in jobs]

        self._try(session, jobs, together)
        if len(jobs) > 1 and jobs[0].error is not None:
            for job in jobs:
                self._try(session, [job], lambda job=job: [record(session, job.casts)])

    def _try(self, session: Session, jobs: Sequence[_Job], work: Callable[[], Sequence[object]]) -> None:
        """Answer jobs by work that leaves nothing behind if it fails, and takes nobody with it."""
        try:
            with sentences(self._catalog.engine), session.begin_nested():
                results = work()
        except Exception as error:
            if isinstance(error.__cause__, DatabaseError) and not isinstance(error.__cause__, BAD_VALUE):
                raise  # the transaction may be gone: SQLite rolls it back when the disk is full
            for job in jobs:
                job.error = error
        else:
            for job, result in zip(jobs, results, strict=True):
                job.result, job.error = result, None


def _cause(error: CatalogError) -> object:
    """What the database's own driver said."""
    return getattr(error.__cause__, "orig", None)


def _answer(jobs: Sequence[_Job]) -> None:
    """Wake every loop once."""
    for loop in {job.loop for job in jobs}:
        mine = [job for job in jobs if job.loop is loop]
        try:
            loop.call_soon_threadsafe(_settle, mine)
        except RuntimeError:  # the loop is closed: nobody waits
            continue


def _settle(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        job.settle()
