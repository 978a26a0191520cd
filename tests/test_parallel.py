import itertools
import math
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kaogae.errors import UsageError, WorkerError
from kaogae.parallel import parallel_map

sys.path.insert(0, str(Path(__file__).parent))  # so that worker processes find the functions there
from functions_for_workers import double, fail_oddly, obey, opencv_threads


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int):
    assert list(parallel_map(math.factorial, range(20), workers=workers, chunk=3)) == [
        math.factorial(n) for n in range(20)
    ]


def test_progress_counts_the_results():
    seen: list[int] = []
    list(parallel_map(abs, [-1, -2, -3], workers=1, progress=seen.append))
    assert seen == [1, 2, 3]


def test_what_the_function_raises_reaches_the_caller():
    with pytest.raises(ValueError, match="domain error"):
        list(parallel_map(math.sqrt, [1, -1, 4], workers=2))


def test_endless_items_are_taken_only_as_needed():
    results = parallel_map(abs, itertools.count(), workers=2, chunk=2)
    assert list(itertools.islice(results, 5)) == [0, 1, 2, 3, 4]
    results.close()  # type: ignore[attr-defined]


def test_no_worker_is_refused():
    with pytest.raises(UsageError):
        list(parallel_map(abs, [1], workers=0))


# Processes that die, items that take too long. What `obey` does stands in the items, as (what, number).


def loss(item: tuple[str, int], fate: str) -> str:
    return f"{item[1]} {fate}"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("death", ["leave", "kill"])
def test_only_the_item_on_which_a_process_dies_is_lost(workers: int, death: str):
    items = [(death if n in (3, 4, 11) else "go on", n) for n in range(12)]
    expected = [f"{n} died" if n in (3, 4, 11) else n for n in range(12)]
    assert list(parallel_map(obey, items, workers=workers, lost=loss)) == expected
    assert sorted(parallel_map(obey, items, workers=workers, lost=loss, ordered=False), key=str) == sorted(
        expected, key=str
    )


def test_an_item_whose_process_died_by_chance_is_done_at_the_second_try():
    number = int.from_bytes(os.urandom(6), "big")
    try:
        assert list(parallel_map(obey, [("go on", 1), ("once", number)], workers=2, lost=loss)) == [1, number]
    finally:
        Path(f"/tmp/kaogae-test-{number}").unlink()


def test_a_death_that_nobody_expected_is_an_error():
    with pytest.raises(WorkerError, match="died"):
        list(parallel_map(obey, [("go on", 1), ("leave", 2)], workers=2))


def test_an_item_that_takes_too_long_is_lost_and_no_other():
    items = [("hang" if n == 2 else "go on", n) for n in range(6)]
    begun = time.monotonic()
    found = list(parallel_map(obey, items, workers=2, lost=loss, seconds=0.5))
    assert found == [0, 1, "2 too long", 3, 4, 5]
    assert time.monotonic() - begun < 20


def test_results_come_as_they_are_ready_if_the_order_does_not_matter():
    items = [("hang", 0), *(("go on", n) for n in range(1, 30))]
    results = parallel_map(obey, items, workers=2, ordered=False)
    first = list(itertools.islice(results, 28))  # of 29: one waits behind the slow one
    assert 0 not in first
    assert len(set(first)) == 28
    results.close()  # type: ignore[attr-defined]


def test_large_items_and_results_pass_each_other():
    items = [bytes(3_000_000)] * 8
    assert [len(r) for r in parallel_map(double, items, workers=1, chunk=4, lost=loss)] == [6_000_000] * 8


@pytest.mark.parametrize(
    ("item", "error"),
    [(1, pytest.raises(RuntimeError, match="OddError: 1 and 2")), (2, pytest.raises(EOFError, match="own"))],
)
def test_errors_of_every_kind_come_back(item: int, error: Any):
    with error:
        list(parallel_map(fail_oddly, [item], workers=2))


def test_a_result_that_cannot_be_sent_is_an_error_not_a_wait():
    with pytest.raises((AttributeError, pickle.PicklingError)):
        list(parallel_map(fail_oddly, [3], workers=2))


def test_a_worker_has_one_opencv_thread():
    assert list(parallel_map(opencv_threads, [1], workers=2)) == [1]


SLEEPER = """
import sys, time
from kaogae.parallel import parallel_map
if __name__ == "__main__":
    print("begun", flush=True)
    try:
        for _ in parallel_map(time.sleep, [30] * 8, workers=3):
            pass
    except KeyboardInterrupt:
        sys.exit(130)
"""


def children(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split() if entry.name.isdigit() else []
        except OSError:
            continue
        if fields and int(fields[2]) == group and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def wait_for(condition: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


@pytest.mark.parametrize("after", [0.0, 0.03, 0.08, 0.15, 0.3, 1.0])
def test_ctrl_c_ends_all_processes_silently_at_every_moment(after: float, tmp_path: Path):
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER)
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout
    assert process.stdout.readline() == b"begun\n"
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=15)
    assert (process.returncode, stderr) == (130, b"")
    wait_for(lambda: not children(process.pid))


def test_workers_end_when_whoever_started_them_is_killed(tmp_path: Path):
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER)
    process = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, start_new_session=True)
    wait_for(lambda: len(children(process.pid)) >= 4)
    time.sleep(0.5)
    process.kill()
    _, stderr = process.communicate(timeout=15)
    assert b"Traceback" not in stderr
    wait_for(lambda: not children(process.pid))
