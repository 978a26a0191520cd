"""Many pictures: which files become which, and going on when one of them fails."""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kaogae.errors import KaogaeError, ModelError, PictureError, UsageError
from kaogae.expressions import Expression
from kaogae.faces import Face
from kaogae.images import SUFFIXES, Picture, save_picture
from kaogae.transfer.sheet import Row, cell
from kaogae.transfer.transferrer import FaceChoice, Prepared, Transfer, Transferrer

WRITERS = 2
"""How many files are packed and written at once: PNG takes longer than the network."""


@dataclass(frozen=True)
class Options:
    """What is done with each picture."""

    expressions: tuple[Expression, ...]
    strength: float = 1.0
    face: FaceChoice = "largest"
    crop: bool = False
    """Write the aligned face alone."""
    save_mask: bool = False
    """Write the edited region beside each picture."""
    sheet: bool = False
    """Keep what a contact sheet needs."""


@dataclass(frozen=True)
class Job:
    """One picture and where its results go."""

    source: Path
    folder: Path
    exactly: Path | None = None
    """The one file to write, if it was named."""

    def target(self, expression: Expression, ending: str) -> Path:
        """The file for `expression`: `<stem>.<expression><ending>`, or the one that was named."""
        return self.exactly or self.folder / f"{self.source.stem}.{expression}{ending}"

    def mask(self, expression: Expression) -> Path:
        """The file for the edited region, beside the picture."""
        target = self.target(expression, "")
        return target.with_name(f"{target.stem if self.exactly else target.name}.mask.png")


@dataclass
class Outcome:
    """What became of one picture."""

    source: Path
    error: KaogaeError | None = None
    size: tuple[int, int] | None = None
    mode: str | None = None
    faces: tuple[Face, ...] = ()
    """All that were found; the changed ones are `changed`."""
    changed: tuple[Face, ...] = ()
    written: dict[str, list[Path]] = field(default_factory=dict[str, list[Path]])
    """Files of each expression."""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    rows: list[Row] = field(default_factory=list[Row])

    def __str__(self) -> str:
        """One line for a person."""
        count = len(self.faces)
        faces = f"{count} face{'s' * (count != 1)}"
        if count > len(self.changed):
            faces += f", {len(self.changed)} changed"
        files = sum(map(len, self.written.values()))
        parts = [faces, f"{files} file{'s' * (files != 1)}", f"{self.seconds:.1f} s", *self.notes]
        return f"{self.source}: {', '.join(parts)}"

    def report(self) -> dict[str, Any]:
        """For machines: plain JSON types."""
        return {
            "input": str(self.source),
            "error": str(self.error) if self.error else None,
            "size": self.size,
            "mode": self.mode,
            "faces": [_described(face, face in self.changed) for face in self.faces],
            "written": {name: [str(path) for path in paths] for name, paths in self.written.items()},
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }


def plan(sources: Sequence[Path], out: Path, options: Options) -> list[Job]:
    """What is to be done for these pictures and folders.

    Args:
        sources: pictures, and folders that are searched for pictures with all folders in them.
        out: a folder, or a file name if one picture gets one expression.

    Raises:
        UsageError: nothing to do, or two results would be the same file, or a result would be an input.
    """
    if out.suffix.lower() in {suffix for known in SUFFIXES.values() for suffix in known} and not out.is_dir():
        if len(sources) != 1 or sources[0].is_dir() or len(options.expressions) != 1 or options.face == "all":
            raise UsageError(
                f"{out} is one file: give one picture, one expression and one face, or name a folder."
            )
        jobs = [Job(sources[0], out.parent, exactly=out)]
    else:
        jobs = [job for source in sources for job in _jobs(source, out)]
    _refuse_clashes(jobs, out, options)
    return jobs


def run(transferrer: Transferrer, jobs: Sequence[Job], options: Options) -> Iterator[Outcome]:
    """Do the jobs one after the other. A picture that fails has its error in its outcome.

    Raises:
        ModelError: the model fails, as it would on every picture.
    """
    inputs = {_real(job.source) for job in jobs}
    for job in jobs:
        outcome, start = Outcome(job.source), time.monotonic()
        try:
            _one(transferrer, job, options, outcome, inputs)
        except ModelError:
            raise
        except KaogaeError as error:
            outcome.error = error
        except OSError as error:  # of the path itself: too long, or in a folder that may not be entered
            outcome.error = PictureError(f"{job.source} can't be read: {error.strerror}.")
        outcome.seconds = time.monotonic() - start
        yield outcome


def _one(transferrer: Transferrer, job: Job, options: Options, outcome: Outcome, inputs: set[Path]) -> None:
    if not job.source.exists():
        raise PictureError(f"{job.source} doesn't exist.")
    prepared = transferrer.prepare(job.source, options.face)
    picture = prepared.picture
    outcome.size, outcome.mode, outcome.notes = picture.size, picture.stored.mode, picture.notes
    outcome.faces, outcome.changed = prepared.faces, prepared.chosen(options.face)
    _make_folder(job.folder)
    results = transferrer.transfer_all(
        prepared, options.expressions, strength=options.strength, face=options.face
    )
    cells = [[cell(picture, face)] for face in outcome.changed] if options.sheet else []
    with ThreadPoolExecutor(WRITERS) as pool:
        writing: list[tuple[str, Path, Future[None]]] = []
        for result in results:
            for path, content in _files(job, prepared, result, options):
                _refuse_input(path, inputs)  # a wrong ending or a numbered crop wasn't foreseen by the plan
                writing.append((result.expression, path, pool.submit(save_picture, content, path)))
            for row, face in zip(cells, outcome.changed, strict=False):
                row.append(cell(result.picture, face))
    for name, path, future in writing:
        future.result()
        outcome.written.setdefault(name, []).append(path)
    outcome.rows = [Row(_title(job.source, i, len(cells)), tuple(row)) for i, row in enumerate(cells, 1)]


def _files(
    job: Job, prepared: Prepared, result: Transfer, options: Options
) -> Iterator[tuple[Path, Picture]]:
    """What is written for one expression, and where."""
    if options.crop:
        for number, face in enumerate(result.faces, 1):
            ending = f".face{number}.png" if len(result.faces) > 1 else ".png"
            yield job.target(result.expression, ending), result.crop(face)
    else:
        yield job.target(result.expression, _suffix(job.source, prepared.picture)), result.picture
    if options.save_mask:
        yield job.mask(result.expression), Picture.of(result.mask)


def _suffix(source: Path, picture: Picture) -> str:
    """The input's own ending; behind a wrong one the right one, so that nothing is lost to another format."""
    suffixes = SUFFIXES[picture.format or "PNG"]
    return source.suffix if source.suffix.lower() in suffixes else source.suffix + suffixes[0]


def _jobs(source: Path, out: Path) -> list[Job]:
    if not source.is_dir():
        return [Job(source, out)]
    known = {suffix for suffixes in SUFFIXES.values() for suffix in suffixes}
    found = [
        path
        for path in sorted(source.rglob("*"))
        if path.suffix.lower() in known
        and not path.is_dir()
        and not any(part.startswith(".") for part in path.relative_to(source).parts)
        and not (_real(out) in _real(path).parents and _real(out) != _real(source))
    ]
    if not found:
        raise UsageError(f"There are no pictures in the folder {source}.")
    return [Job(path, out / path.parent.relative_to(source)) for path in found]


def _refuse_clashes(jobs: Sequence[Job], out: Path, options: Options) -> None:
    inputs = {_real(job.source) for job in jobs}
    taken: dict[Path, Path] = {}
    for job in jobs:
        for expression in options.expressions:
            target = job.target(expression, ".png" if options.crop else job.source.suffix)
            for path in (target, job.mask(expression)) if options.save_mask else (target,):
                _refuse_input(path, inputs)
                other = taken.setdefault(_real(path), job.source)
                if other != job.source:
                    raise UsageError(f"{other} and {job.source} would both become {path}: use two runs.")
    if options.sheet and jobs:
        _refuse_input((jobs[0].folder if jobs[0].exactly else out) / "contact-sheet.png", inputs)
    if not jobs:
        raise UsageError("There is nothing to do: name at least one picture or folder.")


def _refuse_input(target: Path, inputs: set[Path]) -> None:
    if _real(target) in inputs:
        raise UsageError(f"{target} is an input and would be overwritten: choose another place with -o.")


def _real(path: Path) -> Path:
    """Without links. `Path.resolve` fails on links that lead in a circle."""
    return Path(os.path.realpath(path))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"The folder {folder} can't be made: {error.strerror}.") from error


def _title(source: Path, number: int, count: int) -> str:
    return source.name if count == 1 else f"{source.name}, face {number}"


def _described(face: Face, changed: bool) -> dict[str, Any]:
    places = {
        name: np.round(getattr(face, name), 1).tolist() for name in ("box", "left_eye", "right_eye", "mouth")
    }
    return {**places, "confidence": round(face.confidence, 3), "changed": changed}
