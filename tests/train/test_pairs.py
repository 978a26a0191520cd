from pathlib import Path

import numpy as np

from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.train.pairs import (
    CHUNK,
    CLEAR,
    FIRST_SEED,
    NEUTRAL_SHARE,
    Order,
    Pairs,
    Plan,
    draw_pairs,
    undrawn,
)

ORDER = Order(characters=2, sources=1, size=48, margin=4, seed=0)


def test_pictures_of_a_character_differ_only_in_the_expression(cache: Path) -> None:
    pairs = draw_pairs(ORDER, cache, workers=1)
    pictures = np.stack([pairs.picture(pairs.full(0, e)) for e in range(len(EXPRESSIONS))]).astype(int)
    assert pictures.shape == (5, 56, 56, 3)
    changed = (np.ptp(pictures, axis=0) > 8).any(-1)
    assert changed[20:48, 14:42].mean() > 0.1
    assert changed[:6].mean() < 0.02


def test_a_partial_target_lies_between(cache: Path) -> None:
    pairs = draw_pairs(ORDER, cache, workers=1)
    plan = pairs.plans[1]
    numbers = (pairs.source(1, 0), pairs.partial(1, 0), pairs.full(1, plan.aims[0].position))
    source, between, full = (pairs.picture(number).astype(int) for number in numbers)
    assert 0 < plan.strengths[0] < 1
    assert abs(between - source).mean() < abs(full - source).mean() + abs(full - between).mean()
    assert abs(between - full).mean() < abs(full - source).mean() + abs(between - source).mean()


def assert_numbered(pairs: Pairs) -> None:
    """Every picture has a number, also in a last chunk that is smaller."""
    order, chunks = pairs.order, list(pairs.chunks())
    assert [len(chunk) for chunk in chunks] == [CHUNK * order.pictures, order.pictures]
    pictures = np.concatenate(chunks)
    assert pictures.nbytes == order.bytes
    numbers = [pairs.source(CHUNK, 0), pairs.full(CHUNK, 4), pairs.partial(CHUNK - 1, 0)]
    assert numbers == [CHUNK * 7, CHUNK * 7 + 5, CHUNK * 7 - 1]
    for number in (0, *numbers):
        assert np.array_equal(pairs.picture(number), pictures[number])


def test_drawing_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    order = Order(characters=CHUNK + 1, sources=1, size=16, margin=0, seed=0)
    seen: list[int] = []
    assert undrawn(order, tmp_path) == CHUNK + 1
    first = draw_pairs(order, tmp_path, workers=1, progress=seen.append)
    assert undrawn(order, tmp_path) == 0
    assert seen == [CHUNK, CHUNK + 1]
    chunks = sorted(tmp_path.glob("*/*.npy"))
    before, times = [chunk.read_bytes() for chunk in chunks], chunks[0].stat().st_mtime_ns
    chunks[1].unlink()
    assert undrawn(order, tmp_path) == 1
    draw_pairs(order, tmp_path, workers=1, progress=seen.append)
    assert seen[2:] == [CHUNK + 1]
    assert chunks[0].stat().st_mtime_ns == times
    assert [chunk.read_bytes() for chunk in chunks] == before
    assert_numbered(first)
    assert first.order.hash() != Order(CHUNK + 1, 1, 16, 0, seed=1).hash()


def test_sources_are_often_neutral_and_mild_ones_count_as_neutral() -> None:
    plans = [Plan.of(FIRST_SEED + i, 2) for i in range(300)]
    assert plans[0] == Plan.of(FIRST_SEED, 2)
    labels = [label for plan in plans for label in plan.labels]
    share = labels.count(Expression.NEUTRAL) / len(labels)
    assert NEUTRAL_SHARE < share < NEUTRAL_SHARE + (1 - NEUTRAL_SHARE) * (CLEAR - 0.3) / 0.7 + 0.08
    assert set(labels) == set(EXPRESSIONS)
