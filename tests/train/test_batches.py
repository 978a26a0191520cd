from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from kaogae.dataset import FaceSet
from kaogae.train import load_settings
from kaogae.train.batches import Batch, Feed, Resident, Streamed, batches, resident_bytes
from kaogae.train.data import Data, drawn_order
from kaogae.train.pairs import CHUNK
from kaogae.train.sampling import Rows

CPU = torch.device("cpu")
MIXED = ("batch=16", "data.drawn=18", "data.real_share=0.5", "data.untouched_share=0.3")
KINDS = {
    "sets": ("batch=4", "data.drawn=0", "weights.supervised=0"),
    "pairs": ("batch=16", "data.drawn=18", "data.untouched_share=0.3"),
    "both": MIXED,
}


def load_data(kind: str, faces: FaceSet, cache: Path, *changes: str) -> Data:
    config = load_settings("smoke", [*KINDS[kind], *changes])
    order = drawn_order(config)
    if order:  # as if they had been drawn: noise, in a whole chunk and a smaller one
        folder = cache / f"pairs-{order.hash()[:16]}"
        folder.mkdir(exist_ok=True)
        for i, count in enumerate((CHUNK, order.characters - CHUNK)):
            dice = np.random.default_rng(i)
            shape = (count, order.pictures, order.side, order.side, 3)
            np.save(folder / f"{i:05d}.npy", dice.integers(0, 256, shape, np.uint8))
    return Data.load(config, [] if kind == "pairs" else [faces], cache, workers=1)


def feeds(data: Data) -> tuple[Feed, Feed]:
    size = data.config.image_size
    streamed, resident = (f(data.faces.pixels, data.pairs, size, CPU) for f in (Streamed, Resident))
    return streamed, resident


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("noise")


@pytest.fixture(scope="module")
def data(faces: FaceSet, cache: Path) -> Data:
    return load_data("both", faces, cache)


def of_rows(rows: Rows, feed: Feed, parts: int = 1) -> list[Batch]:
    (found,) = batches(lambda _: rows, feed, 0, 1, parts=parts)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_resident_pictures_are_the_streamed_ones_bit_for_bit_where_views_are_exact(
    faces: FaceSet, cache: Path, kind: str
) -> None:
    exact = ("augment.exact_share=1", "augment.colour=0", "augment.shift=0.08")
    data = load_data(kind, faces, cache, *exact)
    streamed, resident = feeds(data)
    for iteration in range(6):
        rows = data.rows(iteration)
        (one,), (other,) = of_rows(rows, streamed), of_rows(rows, resident)
        for entry in fields(Batch):
            assert torch.equal(getattr(one, entry.name), getattr(other, entry.name)), entry.name


def test_other_pictures_differ_by_rounding_alone(data: Data) -> None:
    streamed, resident = feeds(data)
    for iteration in range(4):
        (one,), (other,) = (of_rows(data.rows(iteration), feed) for feed in (streamed, resident))
        for a, b in ((one.source, other.source), (one.truth, other.truth)):
            difference = (a - b).abs() * 127.5
            assert difference.max() < 4
            assert difference.mean() < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_what_its_fields_say(faces: FaceSet, cache: Path, kind: str) -> None:
    data = load_data(kind, faces, cache)
    for feed in feeds(data):
        (batch,), count = of_rows(data.rows(0), feed), data.config.batch
        assert batch.source.shape == (count, 3, 64, 64)
        assert batch.truth.shape == (len(batch.known), 3, 64, 64)
        assert batch.share.shape == (count, 1, 1, 1)
        assert batch.source.dtype == batch.truth.dtype == batch.target.dtype == torch.float32
        assert batch.source.abs().max() <= 1
        for pictures in (batch.source, batch.truth):
            assert pictures.is_contiguous(memory_format=torch.channels_last)
        asked = batch.target.amax(1) > 0
        assert torch.equal(batch.target.argmax(1)[asked], batch.target_label[asked])
        assert sorted([*batch.known.tolist(), *batch.free.tolist()]) == list(range(count))
        untouched = [i for i, row in enumerate(batch.known.tolist()) if not asked[row]]
        assert torch.equal(batch.truth[untouched], batch.source[batch.known[untouched]])
        assert float(batch.clear_weight) == 1


@pytest.mark.parametrize("feed", [0, 1])
@pytest.mark.parametrize("count", [2, 4, 16])
def test_parts_are_the_batch_with_weights_that_make_their_means_its_mean(
    data: Data, feed: int, count: int
) -> None:
    rows = data.rows(1)
    (whole,), parts = of_rows(rows, feeds(data)[feed]), of_rows(rows, feeds(data)[feed], parts=count)
    for i, part in enumerate(parts):
        assert torch.equal(part.source, whole.source[i::count])
        assert torch.equal(part.target, whole.target[i::count])
    values = torch.rand(16)
    for name in ("known", "free", "clear"):
        chosen = getattr(whole, name)
        means = [
            getattr(part, f"{name}_weight") * values[i::count][getattr(part, name)].mean()
            for i, part in enumerate(parts)
            if len(getattr(part, name))
        ]
        assert sum(means) / count == pytest.approx(float(values[chosen].mean()), rel=1e-5)
        empty = [part for part in parts if not len(getattr(part, name))]
        assert all(float(getattr(part, f"{name}_weight")) == 0 for part in empty)


@pytest.mark.parametrize(("world", "parts"), [(1, 1), (1, 4), (2, 1), (2, 2), (4, 1), (4, 4)])
def test_processes_and_micro_batches_share_each_batch(data: Data, world: int, parts: int) -> None:
    feed = feeds(data)[0]
    (whole,) = of_rows(data.rows(7), feed)
    for rank in range(world):
        (mine,) = batches(data.rows, feed, 7, 8, rank=rank, world=world, parts=parts)
        assert len(mine) == parts
        own = torch.cat([batch.share for batch in mine]).flatten().tolist()
        assert sorted(own) == sorted(whole.share.flatten()[rank::world].tolist())


class Counting:
    """A feed that says what it has been asked for."""

    def __init__(self, data: Data) -> None:
        self.feed, self.prepared = feeds(data)[0], list[int]()

    def prepare(self, rows: Rows, whole: Rows) -> dict[str, torch.Tensor]:
        self.prepared.append(len(whole.label))
        if len(self.prepared) == 9:
            raise OSError("The disk is gone.")
        return self.feed.prepare(rows, whole)

    def finish(self, prepared: dict[str, torch.Tensor]) -> Batch:
        return self.feed.finish(prepared)


def test_batches_come_in_order_are_made_ahead_and_only_as_many_as_are_wanted(data: Data) -> None:
    feed = Counting(data)
    expected = [data.rows(i).share.tolist() for i in range(5, 9)]
    seen = [b.share.flatten().tolist() for (b,) in batches(data.rows, feed, 5, 9)]
    assert np.array_equal(seen, expected)
    assert len(feed.prepared) == 4
    feed.prepared.clear()
    stopped = batches(data.rows, feed, 0, 1000)
    next(stopped)
    stopped.close()
    assert len(feed.prepared) <= 6


def test_an_error_in_the_background_comes_to_the_front(data: Data) -> None:
    with pytest.raises(OSError, match="gone"):
        list(batches(data.rows, Counting(data), 0, 1000))


def test_the_memory_that_residents_need_is_known_before(data: Data) -> None:
    resident = feeds(data)[1]
    assert isinstance(resident, Resident)
    assert resident_bytes(data.faces.pixels, data.pairs) == resident.faces.nbytes + resident.drawn.nbytes
