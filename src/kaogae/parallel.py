"""One `map` over many items, in processes of this machine."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

from kaogae.errors import UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 4
"""How many chunks per worker are handed out before the first result is taken."""


def cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int | None = None,
    chunk: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Result]:
    """The results of `function` in the order of `items`, each as soon as it and those before it are there.

    Only a few chunks are under way at a time, so `items` may be endless and memory stays small.

    Args:
        function: a function of a module (processes are started afresh and import it).
        workers: processes; 1 runs everything here, None takes one per processor.
        chunk: items handed to a process at once.
        progress: called with the number of results so far.

    Raises:
        UsageError: fewer than one worker.
        Whatever `function` raises; the items that wait are then dropped.
    """
    count = cpus() if workers is None else workers
    if count < 1:
        raise UsageError(f"At least one worker is needed, not {count}.")
    results = map(function, items) if count == 1 else _in_processes(function, items, count, chunk)
    for done, result in enumerate(results, 1):
        if progress is not None:
            progress(done)
        yield result


def _in_processes(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, chunk: int
) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")
    waiting: list[Future[list[Result]]] = []
    source = _chunks(items, chunk)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        try:
            for part in source:
                waiting.append(pool.submit(_run, function, part))
                if len(waiting) >= workers * AHEAD:
                    yield from waiting.pop(0).result()
            while waiting:
                yield from waiting.pop(0).result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    part: list[Item] = []
    for item in items:
        part.append(item)
        if len(part) >= size:
            yield part
            part = []
    if part:
        yield part


def _run(function: Callable[[Item], Result], part: list[Item]) -> list[Result]:
    return [function(item) for item in part]


def _one_thread() -> None:
    """The processes are the parallelism: threads that libraries start would only get in the way."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all processes; the first one ends the others
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
