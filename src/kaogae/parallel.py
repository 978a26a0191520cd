"""One `map` over many items, in processes of this machine that may die without taking the rest along."""

import multiprocessing
import os
import pickle
import platform
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import connection, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar

from kaogae.errors import UsageError, WorkerError

Item = TypeVar("Item")
Result = TypeVar("Result")
Fate = Literal["died", "too long"]
"""How an item was lost: its process died (memory, a crash in a library), or was ended for its slowness."""

AHEAD = 2
"""How many items a process has at once: the one at work and the next."""

WINDOW = 4
"""Where the order matters, how many times that may be under way or wait for an earlier one."""

GRACE = 1.0
"""Seconds that processes have to end by themselves before they are killed."""


def cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor_name() -> str:
    """Of this machine's processor, where the system tells it; else its architecture."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8", "replace").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int | None = None,
    chunk: int = 1,
    progress: Callable[[int], None] | None = None,
    ordered: bool = True,
    lost: Callable[[Item, Fate], Result] | None = None,
    seconds: float | None = None,
) -> Iterator[Result]:
    """The results of `function`, each as soon as it is there.

    Only a few items are under way at a time, so `items` may be endless and memory stays small. When a
    process dies, the item that it worked on is tried once more with all others at rest, and the items
    behind it go to other processes.

    Args:
        function: a function of a module (processes are started afresh and import it).
        workers: processes; 1 runs everything here, None takes one per processor.
        chunk: items that wait at a process beside the one at work: more than one if items are quick.
        progress: called with the number of results so far.
        ordered: whether results come in the order of `items`, or as they are ready, which keeps all
            processes busy when some items take much longer than others.
        lost: gives the result of an item on which a process died twice or that took too long. With it,
            even one worker is a process of its own. None: such an item ends everything.
        seconds: how long an item may take; None: for ever.

    Raises:
        UsageError: fewer than one worker.
        WorkerError: a process died, and there is no `lost`; or none can be started.
        Whatever `function` raises; the items that wait are then dropped.
    """
    count = cpus() if workers is None else workers
    if count < 1:
        raise UsageError(f"At least one worker is needed, not {count}.")
    if count == 1 and lost is None and seconds is None:
        results = map(function, items)
    else:
        results = _in_processes(function, items, count, max(chunk, 1), ordered, lost or _give_up, seconds)
    for done, result in enumerate(results, 1):
        if progress is not None:
            progress(done)
        yield result


def _give_up(item: object, fate: Fate) -> Any:
    how = "died (out of memory, or a crash in a library)" if fate == "died" else "took too long"
    raise WorkerError(f"The process that worked on {str(item)[:200]} {how}: try it with fewer workers.")


def _in_processes(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    chunk: int,
    ordered: bool,
    lost: Callable[[Item, Fate], Result],
    seconds: float | None,
) -> Generator[Result]:
    """Hand out, take in, and in order if that is wanted."""
    most = workers * (chunk + AHEAD - 1) * WINDOW
    with _Crew[Item, Result](function, workers, chunk + AHEAD - 1, lost, seconds) as crew:
        source = enumerate(items)
        ready: dict[int, Result] = {}
        following, exhausted = 0, False
        while True:
            while not exhausted and crew.has_room() and (not ordered or crew.under_way + len(ready) < most):
                if (entry := next(source, None)) is None:
                    exhausted = True
                else:
                    crew.hand_out(*entry)
            if crew.under_way == 0:
                return
            for number, result in crew.take_in():
                if ordered:
                    ready[number] = result
                else:
                    yield result
            while following in ready:
                yield ready.pop(following)
                following += 1


@dataclass(eq=False)
class _Worker:
    """A process, its pipe, and the numbers of the items that it has, the one at work first."""

    process: BaseProcess
    pipe: Connection
    has: deque[int] = field(default_factory=deque[int])
    begun: bool = False
    """Whether it is up: a process that dies before isn't the fault of an item."""
    since: float = 0.0
    """When it began the item at work."""


class _Crew(Generic[Item, Result]):
    """The processes. As a context it ends them, whatever happens."""

    def __init__(
        self,
        function: Callable[[Item], Result],
        workers: int,
        each: int,
        lost: Callable[[Item, Fate], Result],
        seconds: float | None,
    ) -> None:
        self._function = pickle.dumps(function)
        self._each, self._most = each, workers
        self._lost, self._seconds = lost, seconds
        self._workers: list[_Worker] = []
        self._items: dict[int, Item] = {}
        self._again: deque[int] = deque()
        """Items whose process died while they waited behind another."""
        self._suspects: deque[int] = deque()
        """Items on which a process died: each is tried once more, alone."""
        self._alone: int | None = None

    @property
    def under_way(self) -> int:
        """Items that were handed out and whose results weren't taken in."""
        return len(self._items)

    def has_room(self) -> bool:
        """Whether an item can be handed out now."""
        busy = self._suspects or self._alone is not None or self._again
        return not busy and self.under_way < self._most * self._each

    def hand_out(self, number: int, item: Item) -> None:
        """Give an item to the process that has least to do."""
        self._items[number] = item
        self._send(number)

    def take_in(self) -> list[tuple[int, Result]]:
        """Wait for something to happen; the results that are there then."""
        self._give_what_waits()
        wait = [worker.pipe for worker in self._workers]
        connection.wait(wait, self._patience())
        results: list[tuple[int, Result]] = []
        for worker in list(self._workers):
            results += self._listen(worker)
        for worker in list(self._workers):
            if self._seconds and worker.begun and worker.has and self._left(worker) <= 0:
                results.append(self._lose(worker.has.popleft(), "too long"))
                self._bury(worker)
        return results

    def _left(self, worker: _Worker) -> float:
        return worker.since + (self._seconds or 0.0) - time.monotonic()

    def _patience(self) -> float | None:
        working = [worker for worker in self._workers if worker.has and worker.begun]
        return max(0.0, min(map(self._left, working))) if self._seconds and working else None

    def _give_what_waits(self) -> None:
        """Items whose process died: those behind it go on; the one it died on waits until all rest."""
        while self._again and not self._suspects and self._alone is None:
            self._send(self._again.popleft())
        if self._suspects and self._alone is None and not any(worker.has for worker in self._workers):
            self._alone = self._suspects.popleft()
            self._send(self._alone)

    def _send(self, number: int) -> None:
        if len(self._workers) < self._most and all(worker.has for worker in self._workers):
            self._workers.append(_start(self._function))
        worker = min(self._workers, key=lambda worker: len(worker.has))
        if not worker.has:
            worker.since = time.monotonic()
        worker.has.append(number)
        with suppress(OSError):  # it has died: that is seen when its answer is awaited
            worker.pipe.send((number, self._items[number]))

    def _listen(self, worker: _Worker) -> list[tuple[int, Result]]:
        """What a process has to say: that it is up, results, errors, or nothing any more."""
        results: list[tuple[int, Result]] = []
        while True:
            try:
                if not worker.pipe.poll():
                    return results
                number, result, error = worker.pipe.recv()
            except (EOFError, OSError):
                return results + self._mourn(worker)
            if error is not None:
                raise error
            worker.begun, worker.since = True, time.monotonic()
            if number is not None:
                worker.has.popleft()
                results.append(self._finish(number, result))

    def _mourn(self, worker: _Worker) -> list[tuple[int, Result]]:
        """A process has died."""
        if not worker.begun:
            raise WorkerError("The worker processes die while they start: is there enough memory?")
        at_work = worker.has.popleft() if worker.has else None
        self._bury(worker)
        if at_work is None:
            return []
        if at_work == self._alone:
            return [self._lose(at_work, "died")]
        self._suspects.append(at_work)
        return []

    def _lose(self, number: int, fate: Fate) -> tuple[int, Result]:
        return self._finish(number, self._lost(self._items[number], fate))

    def _finish(self, number: int, result: Result) -> tuple[int, Result]:
        del self._items[number]
        if number == self._alone:
            self._alone = None
        return number, result

    def _bury(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self._again.extend(worker.has)
        _end([worker], at_once=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _end(self._workers, at_once=kind is not None)


def _start(function: bytes) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    with _no_interrupt():
        process.start()
    theirs.close()  # so that the process' end is the pipe's end
    worker = _Worker(process, ours)
    with suppress(OSError):
        ours.send_bytes(function)
    return worker


@contextmanager
def _no_interrupt() -> Generator[None]:
    """Ctrl-C reaches all processes; the first one ends the others. A new one is born deaf to it: it would
    otherwise be interrupted before it can say that it doesn't listen. Here it arrives a moment later.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # to start it would let interrupts in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(workers: list[_Worker], *, at_once: bool) -> None:
    """End processes: those at rest see their pipe close; `at_once`: and nobody is waited for."""
    for worker in workers:
        worker.pipe.close()
        if at_once:
            worker.process.kill()
    deadline = time.monotonic() + GRACE
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.process.close()


def _work(pipe: Connection) -> None:
    """The life of a process: a function, then items, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    # The processes are the parallelism: threads that libraries start would only get in the way
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ[name] = "1"
    inbox: SimpleQueue[bytes] = SimpleQueue()
    with suppress(EOFError, ConnectionError):  # whoever started this process has gone
        message = pipe.recv_bytes()
        threading.Thread(target=_receive, args=(pipe, inbox), daemon=True).start()
        try:
            function = pickle.loads(message)  # from the process that started this one, as all that follows
        except Exception as error:
            pipe.send_bytes(_packed(None, None, _sendable(error)))
            return
        pipe.send_bytes(_packed(None, None))
        while True:
            pipe.send_bytes(_done(function, inbox.get()))


def _done(function: Callable[[Any], Any], message: bytes) -> bytes:
    """The answer to one item."""
    number: int | None = None
    try:
        number, item = pickle.loads(message)
        return _packed(number, function(item))
    except Exception as error:
        return _packed(number, None, _sendable(error))


def _receive(pipe: Connection, inbox: "SimpleQueue[bytes]") -> None:
    """Take in items while others are at work, so that neither side ever waits for the other to read."""
    while True:
        try:
            inbox.put(pipe.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)  # nobody waits for what is at work any more


def _packed(number: int | None, result: Any, error: Exception | None = None) -> bytes:
    return pickle.dumps((number, result, error))


def _sendable(error: Exception) -> Exception:
    """The error itself if it survives the way; otherwise one that says the same."""
    error.add_note("In a worker process:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(traceback.format_exception_only(error)[0].strip())
    return error
