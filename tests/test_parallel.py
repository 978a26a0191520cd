import itertools
import math

import pytest

from kaogae.errors import UsageError
from kaogae.parallel import parallel_map


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
