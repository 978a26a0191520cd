"""Pixels for the rows of an iteration, made ready while another is learned from.

Either all pictures lie in the device's memory, as bytes, and are augmented there (`Resident`), or threads
read and augment them on the processor and the device gets batches (`Streamed`).
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kaogae.train.augment import apply_views
from kaogae.train.pairs import Pairs
from kaogae.train.sampling import CLASSES, Rows

AHEAD = 4
"""Iterations made ready while another is learned from."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Batch:
    """What the networks learn from at once: a batch, or one of the equal parts of a larger one.

    A mean over some of a part's rows counts by how many of the whole batch's they are: with these weights the
    mean over the parts is the mean over the whole. Pictures are RGB in [−1, 1].
    """

    source: Tensor
    """[N, 3, S, S], the input."""
    label: Tensor
    """[N] int64: what it shows."""
    target: Tensor
    """[N, 5]: strength × one-hot of what is asked for."""
    target_label: Tensor
    """[N] int64: the same as an index."""
    truth: Tensor
    """[M, 3, S, S]: what should come out, for the rows in `known`."""
    known: Tensor
    """[M] int64: rows with a truth; `free` are the others."""
    free: Tensor
    clear: Tensor
    """[C] int64: rows whose target must be seen in the result."""
    known_weight: Tensor
    """Scalars: 1 for a whole batch."""
    free_weight: Tensor
    clear_weight: Tensor
    share: Tensor
    """[N, 1, 1, 1] in [0, 1]: where between real and translated the gradient penalty looks."""


class Feed(Protocol):
    """Turns rows into a batch: `prepare` in a thread, `finish` where the networks are."""

    def prepare(self, rows: Rows, whole: Rows) -> dict[str, Tensor]: ...
    def finish(self, prepared: dict[str, Tensor]) -> Batch: ...


class Streamed:
    """Pictures from this machine's memory and disk, augmented by OpenCV."""

    def __init__(self, faces: Pixels, pairs: Pairs | None, size: int, device: torch.device) -> None:
        self.faces, self.pairs, self.size, self.device = faces, pairs, size, device
        cv2.setNumThreads(1)

    def prepare(self, rows: Rows, whole: Rows) -> dict[str, Tensor]:
        picture, truth = rows.picture.tolist(), rows.truth.tolist()
        sources = [self._window(rows, row, number) for row, number in enumerate(picture)]
        truths = [
            sources[row] if truth[row] == picture[row] else self._window(rows, row, truth[row])
            for row in rows.known.tolist()
        ]
        pixels = {"source": _stacked(sources)}
        pixels["truth"] = _stacked(truths) if truths else pixels["source"][:0]
        return _pinned(pixels | _facts(rows, whole), self.device)

    def finish(self, prepared: dict[str, Tensor]) -> Batch:
        moved = {name: value.to(self.device, non_blocking=True) for name, value in prepared.items()}
        return _batch(moved)

    def _window(self, rows: Rows, row: int, number: int) -> NDArray[np.float32]:
        if row < rows.real or self.pairs is None:
            return rows.views[row].apply(self.faces[number])
        return rows.views[row].apply(self.pairs.picture(number))


class Resident:
    """All pictures in the device's memory. What a thread prepares is a few numbers for each row."""

    def __init__(self, faces: Pixels, pairs: Pairs | None, size: int, device: torch.device) -> None:
        self.size, self.device = size, device
        self.faces = torch.from_numpy(faces).to(device)
        self.drawn = torch.empty((0, 1, 1, 3), dtype=torch.uint8, device=device)
        if pairs is not None:
            order = pairs.order
            count = order.characters * order.pictures
            self.drawn = torch.empty((count, order.side, order.side, 3), dtype=torch.uint8, device=device)
            first = 0
            for chunk in pairs.chunks():
                self.drawn[first : first + len(chunk)] = torch.from_numpy(np.array(chunk)).to(device)
                first += len(chunk)

    def prepare(self, rows: Rows, whole: Rows) -> dict[str, Tensor]:
        real = rows.known < rows.real
        views = {
            "matrix": np.stack([view.matrix for view in rows.views]),
            "tint": np.stack([view.tint for view in rows.views]),
            "gamma": np.array([view.gamma for view in rows.views]),
        }
        numbers = {
            "faces": rows.picture[: rows.real],
            "drawn": rows.picture[rows.real :],
            "true_faces": rows.truth[rows.known[real]],
            "true_drawn": rows.truth[rows.known[~real]],
        }
        facts = {name: torch.from_numpy(np.float32(value)) for name, value in views.items()}
        facts |= {name: torch.from_numpy(value) for name, value in numbers.items()}
        return _pinned(facts | _facts(rows, whole), self.device)

    def finish(self, prepared: dict[str, Tensor]) -> Batch:
        facts = {name: value.to(self.device, non_blocking=True) for name, value in prepared.items()}
        matrix, tint, gamma = (facts.pop(name) for name in ("matrix", "tint", "gamma"))
        real = len(facts["faces"])
        known, true_real = facts["known"], len(facts["true_faces"])
        stores = (self.faces, self.drawn, self.faces, self.drawn)
        places = (slice(0, real), slice(real, None), known[:true_real], known[true_real:])
        names = ("faces", "drawn", "true_faces", "true_drawn")
        windows = [
            apply_views(store[facts.pop(name)], matrix[place], tint[place], gamma[place], self.size)
            for store, name, place in zip(stores, names, places, strict=True)
        ]
        return _batch(facts | {"source": torch.cat(windows[:2]), "truth": torch.cat(windows[2:])})


def batches(
    rows: Callable[[int], Rows],
    feed: Feed,
    first: int,
    last: int,
    *,
    rank: int = 0,
    world: int = 1,
    parts: int = 1,
) -> Generator[list[Batch]]:
    """For each of the iterations `first` to `last` − 1, the `parts` batches from which process `rank` of
    `world` learns, made ready in the background.
    """

    def prepare(iteration: int) -> list[dict[str, Tensor]]:
        whole = rows(iteration)
        mine = range(rank, world * parts, world)  # a process has the same rows in however many parts
        return [feed.prepare(whole.part(part, world * parts), whole) for part in mine]

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(prepare, i) for i in range(first, min(first + AHEAD, last))]
        try:
            for i in range(first, last):
                prepared = waiting.pop(0).result()
                if i + AHEAD < last:
                    waiting.append(pool.submit(prepare, i + AHEAD))
                yield [feed.finish(part) for part in prepared]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _stacked(windows: Sequence[NDArray[np.float32]]) -> Tensor:
    """[N, 3, S, S], channels last in memory, as the windows are."""
    return torch.from_numpy(np.stack([np.moveaxis(window, 0, -1) for window in windows])).movedim(-1, 1)


def _facts(rows: Rows, whole: Rows) -> dict[str, Tensor]:
    target = np.zeros((len(rows.target), CLASSES), np.float32)
    target[np.arange(len(rows.target)), rows.target] = rows.strength
    facts = {
        "label": torch.from_numpy(rows.label),
        "target": torch.from_numpy(target),
        "target_label": torch.from_numpy(rows.target),
        "share": torch.from_numpy(rows.share)[:, None, None, None],
    }
    of_all = len(whole.label) / len(rows.label)
    for name in ("known", "free", "clear"):
        here, everywhere = getattr(rows, name), getattr(whole, name)
        facts[name] = torch.from_numpy(here)
        facts[f"{name}_weight"] = torch.tensor(of_all * len(here) / max(1, len(everywhere)))
    return facts


def _pinned(tensors: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """In memory that a GPU reads by itself, while the processor goes on."""
    if device.type != "cuda":
        return tensors
    with torch.cuda.device(device):  # or a thread would take hold of the first GPU as well
        return {name: _dense(value).pin_memory() for name, value in tensors.items()}


def _batch(tensors: dict[str, Tensor]) -> Batch:
    return Batch(**{entry.name: _dense(tensors[entry.name]) for entry in fields(Batch)})


def _dense(tensor: Tensor) -> Tensor:
    """Without gaps, or a copy to a GPU would wait; pictures channels last, as networks like them best."""
    pictures = tensor.dim() == 4
    return tensor.contiguous(memory_format=torch.channels_last if pictures else torch.contiguous_format)


def resident_bytes(faces: Pixels, pairs: Pairs | None) -> int:
    """What `Resident` takes of the device's memory."""
    return faces.nbytes + (pairs.order.bytes if pairs is not None else 0)
