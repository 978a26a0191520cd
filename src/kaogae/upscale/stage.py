"""The stage over the catalogue: every kept face that is too small gets an enhanced crop beside its own."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import cast

import numpy as np
from sqlalchemy import Table, and_, bindparam, func, select, update

from kaogae.catalog import Catalog, Face, Workspace
from kaogae.errors import PictureError, UsageError
from kaogae.faces.crops import LARGEST, pixels_sha256
from kaogae.images import Picture, locate, read_picture, save_picture
from kaogae.parallel import cpus
from kaogae.upscale.enlarge import SCALES, TILE, Enlarger, Pixels, enlarge

BELOW = 224
"""Crops with fewer pixels on a side need it: the side that training wants."""

LARGE_ENOUGH = "large enough"
"""What stands in `enhanced_by` of a face that needed nothing."""

WINDOW = 512
"""Faces that are taken from the catalogue at once."""

BATCH = 8
"""Crops of one size that a thread takes at once."""

COMMIT_SECONDS = 1.0
"""After how long finished faces are written into the catalogue: this much work a kill can cost."""

CROP_BYTES = 8 * 2**20
"""Largest file of a crop that is read."""

SENTENCES = 5
"""Of how many failures the report keeps the sentence."""


@dataclass
class Enhanced:
    """What a run did."""

    method: str
    enhanced: int = 0
    large_enough: int = 0
    failed: Counter[str] = field(default_factory=Counter[str])
    """Why crops couldn't be enhanced, and how many; they stay unmarked, so the next run tries them again."""
    sentences: list[str] = field(default_factory=list[str])
    """The first failures in full."""


@dataclass(frozen=True)
class Crop:
    """What the catalogue says about one face's crop."""

    id: int
    file: str | None
    size: int
    digest: str | None


@dataclass(frozen=True)
class Outcome:
    """One crop's enhanced file, or why there is none."""

    id: int
    file: str | None
    reason: str = ""
    sentence: str = ""


def reaching(size: int, side: int) -> int:
    """The smallest scale at which a crop of `size` pixels reaches `side`; 4 if none does."""
    return next((scale for scale in SCALES if scale * size >= side), SCALES[-1])


def enhance(
    workspace: Workspace,
    catalog: Catalog,
    enlarger: Enlarger,
    *,
    below: int = BELOW,
    scale: int | None = None,
    again: bool = False,
    threads: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Enhanced:
    """Enhance every kept face whose crop is smaller than `below` and that wasn't looked at yet.

    The enhanced crop is written beside the crop, as <name>.<method>.png; its row follows within a second.
    Killed at any moment, the next run goes on. A crop that is missing, damaged or another one is counted and
    left.

    Args:
        below: least side in pixels of a crop that needs nothing.
        scale: 2, 3 or 4; None takes for each crop the smallest that reaches `below`.
        again: first forget what earlier runs did, so that every kept face is looked at. Killed, a run
            without `again` goes on. Files of other methods stay.
        threads: crops that are worked on at once; None takes one per processor.
        progress: called with the faces looked at, and how many there are.

    Raises:
        UsageError: no such scale, or fewer than one thread or pixel.
        CatalogError: another run is at work, or the catalogue can't be used.
        PictureError: results can't be written: full disk, no permission.
    """
    count = cpus() if threads is None else threads
    if scale not in (None, *SCALES) or count < 1 or below < 1:
        raise UsageError(
            "Crops are enlarged by 2, 3 or 4, with at least one thread, below a side of 1 or more."
        )
    with catalog.alone("upscale"):
        if again:
            _forget(catalog)
        run = _Run(workspace.folder, catalog, enlarger, below, scale)
        run.go(count, progress or (lambda _done, _total: None))
    return run.report


_WAITING = and_(Face.state == "kept", Face.enhanced_by.is_(None))


def _forget(catalog: Catalog) -> None:
    """That any face was enhanced, or large enough."""
    done = and_(Face.state == "kept", Face.enhanced_by.is_not(None))
    with catalog.session() as session:
        forget = update(Face).where(done).values(enhanced_by=None, enhanced_file=None)
        session.execute(forget.execution_options(synchronize_session=False))


class _Run:
    """One run: windows of faces from the catalogue, batches of one size to the threads, outcomes back."""

    def __init__(
        self, folder: Path, catalog: Catalog, enlarger: Enlarger, below: int, scale: int | None
    ) -> None:
        self.folder, self.catalog, self.enlarger = folder, catalog, enlarger
        self.below, self.scale = below, scale
        self.report = Enhanced(enlarger.method)
        self.finished: list[Outcome] = []
        self.written = time.monotonic()

    def go(self, threads: int, progress: Callable[[int, int | None], None]) -> None:
        """Look at every face that is to be looked at."""
        with self.catalog.reading() as session:
            total = session.scalar(select(func.count()).select_from(Face).where(_WAITING)) or 0
        done = 0
        pool = ThreadPoolExecutor(threads, "upscale", initializer=self.enlarger.begin_thread)
        waiting: set[Future[list[Outcome]]] = set()
        try:
            for window in self._windows():
                done += self._pass_over([crop.id for crop in window if crop.size >= self.below])
                progress(done, total)
                batches = self._batches([crop for crop in window if crop.size < self.below])
                waiting = {pool.submit(self._work, batch) for batch in batches}
                for future in as_completed(tuple(waiting)):
                    waiting.discard(future)
                    outcomes = future.result()
                    self._take(outcomes)
                    done += len(outcomes)
                    progress(done, total)
        finally:  # after Ctrl-C too: what waits is dropped, what is under way ends, and its rows are written
            pool.shutdown(cancel_futures=True)
            for future in waiting:
                if not future.cancelled() and future.exception() is None:
                    self._take(future.result())
            self._write()

    def _windows(self) -> Iterator[list[Crop]]:
        last = -1
        columns = (Face.id, Face.file, Face.size, Face.pixels_sha256)
        while True:
            with self.catalog.reading() as session:
                # Their ids are found in an index alone, however many are done already
                ids = select(Face.id).where(_WAITING, Face.id > last).order_by(Face.id).limit(WINDOW)
                query = select(*columns).where(Face.id.in_(ids)).order_by(Face.id)
                window = [Crop(*row) for row in session.execute(query)]
            if not window:
                return
            yield window
            last = window[-1].id

    def _pass_over(self, ids: list[int]) -> int:
        """These are large enough."""
        if ids:
            mark = update(Face).where(Face.id.in_(ids)).values(enhanced_by=LARGE_ENOUGH, enhanced_file=None)
            with self.catalog.session() as session:
                session.execute(mark.execution_options(synchronize_session=False))
            self.report.large_enough += len(ids)
        return len(ids)

    def _batches(self, crops: list[Crop]) -> Iterator[list[Crop]]:
        # Large ones first: what they leave in memory has room for the small ones, and it stays half as much
        ordered = sorted(crops, key=lambda crop: (-crop.size, crop.id))
        for _, same in groupby(ordered, key=lambda crop: crop.size):
            group = list(same)
            yield from (group[start : start + BATCH] for start in range(0, len(group), BATCH))

    def _work(self, batch: list[Crop]) -> list[Outcome]:
        """In a thread: read, enlarge and write crops of one size."""
        read: list[tuple[Crop, Path, Pixels]] = []
        outcomes: list[Outcome] = []
        for crop in batch:
            try:
                path = locate(self.folder, crop.file)
                read.append((crop, path, _pixels(crop, path)))
            except PictureError as error:
                outcomes.append(Outcome(crop.id, None, error.reason, str(error)))
        if not read:
            return outcomes
        scale = self.scale or reaching(batch[0].size, self.below)
        for (crop, path, _), larger in zip(read, self._enlarge([p for *_, p in read], scale), strict=True):
            beside = path.with_name(f"{path.stem}.{self.enlarger.method}.png")
            save_picture(Picture.of(larger), beside)
            outcomes.append(Outcome(crop.id, str(PurePosixPath(str(crop.file)).with_name(beside.name))))
        return outcomes

    def _enlarge(self, crops: Sequence[Pixels], scale: int) -> Sequence[Pixels]:
        if crops[0].shape[0] > TILE:
            return [enlarge(crop, self.enlarger, scale) for crop in crops]
        return list(self.enlarger(np.stack(crops), scale))

    def _take(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.file is not None:
                self.finished.append(outcome)
                continue
            self.report.failed[outcome.reason] += 1
            if len(self.report.sentences) < SENTENCES:
                self.report.sentences.append(outcome.sentence)
        if time.monotonic() - self.written > COMMIT_SECONDS:
            self._write()

    def _write(self) -> None:
        """The rows of what is finished; their files are there already."""
        finished, self.finished, self.written = self.finished, [], time.monotonic()
        if not finished:
            return
        table = cast(Table, Face.__table__)
        mark = (
            update(table)
            .where(table.c.id == bindparam("face"))
            .values(enhanced_by=self.enlarger.method, enhanced_file=bindparam("larger"))
        )
        with self.catalog.session() as session:
            session.connection().execute(mark, [{"face": o.id, "larger": o.file} for o in finished])
        self.report.enhanced += len(finished)


def _pixels(crop: Crop, path: Path) -> Pixels:
    """RGB uint8 [size, size, 3], and the very ones that were cut."""
    pixels = read_picture(path, pixel_limit=LARGEST**2, file_limit=CROP_BYTES).pixels
    same = crop.digest is None or pixels_sha256(pixels) == crop.digest
    if pixels.shape != (crop.size, crop.size, 3) or not same:
        raise PictureError(
            f"{path} isn't the crop that the catalogue knows: bring the right file back.", "another crop"
        )
    return pixels
