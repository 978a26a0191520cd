"""Where pictures are looked at: in processes of this machine, or on a Ray cluster. The result is the same."""

import logging
import os
import pickle
import socket
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

from kaogae.errors import PictureError, UsageError
from kaogae.faces.study import CRASHED, Job, Report, Study, failure
from kaogae.parallel import Fate, cpus, parallel_map

SECONDS = 300.0
"""How long one picture may take on this machine: the largest take a twentieth of that."""

PAGE = 1000
"""Most pictures that are sent to the cluster at once."""

PAGE_BYTES = 256 * 2**20
"""Bytes of files from which on no more are added to what is sent at once."""

STORE_BYTES = 512 * 2**20
"""Memory for what travels, on this machine when it is the whole cluster."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Local:
    """Processes of this machine."""

    workers: int | None = None
    """None: one per processor."""

    def __call__(self, study: Study, jobs: Iterable[Job]) -> Iterator[Report]:
        """A report per job, as they are ready. A picture on which a process dies twice is rejected."""
        return parallel_map(study, jobs, workers=self.workers, ordered=False, lost=_lost, seconds=SECONDS)


def _lost(job: Job, fate: Fate) -> Report:
    return failure(job, CRASHED if fate == "died" else "took too long")


@dataclass(frozen=True)
class OnRay:
    """A Ray cluster, through Ray Data.

    This machine reads the files and sends their content: the others need Kaogae, but none of its folders.
    """

    address: str | None = None
    """Of the cluster's head, host:port; None: a cluster of this machine alone."""
    workers: int | None = None
    """Pictures looked at at once; None: one per processor of the cluster."""

    def __post_init__(self) -> None:
        """Raises UsageError if nobody is at the address, ModuleNotFoundError if Ray isn't installed."""
        import_module("ray")
        if self.address is not None:
            _knock(self.address)

    def __call__(self, study: Study, jobs: Iterable[Job]) -> Iterator[Report]:
        """A report per job, page by page.

        Raises:
            UsageError: there is no cluster at the address.
        """
        import ray

        with _cluster(self.address, self.workers):
            count = self.workers or max(int(ray.cluster_resources().get("CPU", 1)), 1)
            for page, unread in _pages(study, jobs):
                yield from unread
                if page:
                    yield from _on_cluster(study, page, count)


def _on_cluster(study: Study, page: list[Job], count: int) -> Iterator[Report]:
    """The reports on one page, through Ray Data; if a process died, on the rest of it one by one."""
    import ray
    from ray.exceptions import RayError

    left = {job.picture: job for job in page}
    rows = [{"job": pickle.dumps(job)} for job in page]
    try:
        data = ray.data.from_items(rows, override_num_blocks=min(len(rows), count * 8))
        done = data.map(partial(_work, study=study), concurrency=count, max_retries=0)
        for row in done.iter_rows():
            report: Report = pickle.loads(row["report"])  # `_work` wrote it
            if left.pop(report.picture, None):
                yield report
    except RayError:
        yield from _one_by_one(study, list(left.values()), count)


def _work(row: Row, study: Study) -> Row:
    """What each process of the cluster does."""
    return {"report": pickle.dumps(study(pickle.loads(row["job"])))}


def _one_by_one(study: Study, jobs: list[Job], count: int) -> Iterator[Report]:
    """Each picture as a task of its own, so that one which kills its process is known by name."""
    import ray
    from ray.exceptions import RayError

    task = ray.remote(max_retries=1)(_work)
    waiting = {}
    rest = iter(jobs)
    while True:
        while len(waiting) < count and (job := next(rest, None)):
            waiting[task.remote({"job": pickle.dumps(job)}, study)] = job
        if not waiting:
            return
        ready, _ = ray.wait(list(waiting))
        job = waiting.pop(ready[0])
        try:
            yield pickle.loads(ray.get(ready[0])["report"])
        except RayError as error:
            yield failure(job, CRASHED, type(error).__name__)


def _pages(study: Study, jobs: Iterable[Job]) -> Iterator[tuple[list[Job], list[Report]]]:
    """Jobs with their files' content, as many as may travel at once; and reports on what can't be read."""
    page: list[Job] = []
    unread: list[Report] = []
    size = 0
    for job in jobs:
        try:
            content = study.read(job)
        except PictureError as error:
            unread.append(failure(job, error.reason, str(error)))
            continue
        page.append(replace(job, content=content))
        size += len(content)
        if len(page) >= PAGE or size >= PAGE_BYTES:
            yield page, unread
            page, unread, size = [], [], 0
    yield page, unread


@contextmanager
def _cluster(address: str | None, workers: int | None) -> Generator[None]:
    """Connected to a cluster during the block."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    import ray
    import ray.data

    own: dict[str, Any] = {
        "num_cpus": workers or cpus(),
        "include_dashboard": False,
        "object_store_memory": STORE_BYTES,
    }
    try:
        ray.init(
            address="local" if address is None else address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **(own if address is None else {}),
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = "on this machine" if address is None else f"at {address}"
        raise UsageError(f"No Ray cluster can be used {where}: {str(error)[:200]}") from error
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            # Advice for programmers, and that a parameter of `map` goes in Ray 2.64: see pyproject.toml
            warnings.filterwarnings("ignore", module=r"(ray|kaogae\.faces\.engines)\b")
            yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Ray itself takes minutes to find out that nobody is there, and then ends the whole program."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        raise UsageError(
            f"There is no Ray cluster at {address}: give host:port of one, as `ray start --head` prints it."
        ) from error
