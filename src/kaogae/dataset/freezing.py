"""Freezing: faces from several places become one set that never changes, with splits and a hash.

sets/<name>/
  set.json         what the set is: counts, seed, sources, what was left out, the data-set hash
  manifest.jsonl   one face per line
  faces/           aligned crops, PNG, named after their content
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import chain, tee
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from kaogae.dataset.cutting import Order, cut_face
from kaogae.dataset.drafts import drafting
from kaogae.dataset.manifest import SET_FORMAT, SET_VERSION
from kaogae.dataset.paper import FACE_SIDE, Recipe
from kaogae.dataset.paths import MANIFEST_BYTES, check_name
from kaogae.dataset.sources import RawFace, SourceFaces, read_source
from kaogae.dataset.splits import SPLITS, Shares, assign, groups
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.parallel import parallel_map

FACE_SIZE = FACE_SIDE
"""Side of a frozen face in pixels: the paper's."""

GROUPINGS = ("character", "source")

CHUNK = 16
"""Faces that a process gets at once."""

FEW = 256
"""So few faces are cut sooner than processes are started."""


@dataclass
class FreezeReport:
    """What `freeze` did. `path` is the new set's folder."""

    path: Path
    hash: str = ""
    counts: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    """Pictures of each split (name), per expression."""
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    """Faces that the set does not hold, per reason."""
    sources: dict[str, int] = field(default_factory=dict[str, int])
    """Pictures per source."""
    label_origins: dict[str, int] = field(default_factory=dict[str, int])
    """Pictures per way in which their label is known."""
    enhanced: dict[str, int] = field(default_factory=dict[str, int])
    """Pictures of catalogued faces per `Origin.enhanced_by`; "not looked at" where nobody has."""


@dataclass(frozen=True)
class Freezing:
    """How a set is made."""

    size: int = FACE_SIZE
    """Side of the aligned crops in pixels, 32 to 1024."""
    shares: Shares = field(default_factory=Shares)
    split_by: str = "character"
    """character or source: which of them is never in two splits."""
    seed: int = 0
    keep_splits: bool = True
    """Faces that come with a split stay in it."""
    paper: bool = False
    """Eight random 192 × 192 crops of each face, as the paper has them, instead of the face."""

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 1024:
            raise UsageError(f"The size of a face must be from 32 to 1024 pixels, not {self.size}.")
        if self.split_by not in GROUPINGS:
            raise UsageError(f"Splits go by {' or '.join(GROUPINGS)}, not by '{self.split_by}'.")
        if self.paper and self.size != FACE_SIDE:
            raise UsageError(f"The paper's faces have {FACE_SIDE} pixels, not {self.size}: leave out --size.")
        if self.seed < 0:
            raise UsageError(f"A seed is 0 or more, not {self.seed}.")

    @property
    def recipe(self) -> Recipe | None:
        """Which random crops are taken; None: none."""
        return Recipe(seed=self.seed) if self.paper else None


def freeze(
    name: str,
    places: Sequence[Path | SourceFaces],
    sets: Path,
    *,
    size: int = FACE_SIZE,
    shares: Shares | None = None,
    split_by: str = "character",
    seed: int = 0,
    keep_splits: bool = True,
    paper: bool = False,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FreezeReport:
    """Freeze the faces of `places` into the set `sets`/`name`.

    The set is written beside its place and renamed at the end: it is there whole or not at all. The same
    faces and settings give the same manifest, whatever the number of workers.

    Args:
        places: see `read_source`; or faces that were read already (`kaogae.dataset.catalogued`).
        sets: the workspace's folder of sets.
        workers: processes; None: one per processor if there are many faces.
        progress: called with (faces done, faces in all).
        Others as in `Freezing`.

    Raises:
        UsageError: the set exists already (a set never changes), or an argument can't be.
        ManifestError: a source is damaged: its sentence says where.
        PictureError: a picture can't be read.
    """
    how = Freezing(size, shares or Shares(), split_by, seed, keep_splits, paper)
    target = sets / check_name(name)
    with drafting(target, f"The set '{name}'") as draft:
        found = [read_source(place) if isinstance(place, Path) else place for place in places]
        report = _write(draft, name, found, how, workers, progress)
    report.path = target
    return report


@dataclass(frozen=True, slots=True)
class _About:
    """What many faces have in common."""

    source: str
    character: str
    label_origin: str
    licence: str
    enhanced_by: str | None
    """None: the face isn't from the catalogue."""

    @classmethod
    def of(cls, face: RawFace) -> "_About":
        enhanced = None if face.origin is None else face.origin.enhanced_by or "not looked at"
        return cls(face.source, face.character, face.label_origin, face.licence, enhanced)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is remembered of a picture while the others are being written; its line is in a file."""

    cut: str
    """SHA-256 of its file."""
    start: int
    """Where its line begins."""
    face: _About
    expression: Expression
    picture: str
    split: str | None


def _write(
    draft: Path,
    name: str,
    found: Sequence[SourceFaces],
    how: Freezing,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> FreezeReport:
    left_out = Counter[str]()
    with TemporaryFile(dir=draft) as file:
        lines = cast("BinaryIO", file)
        entries = _write_faces(draft, found, how, lines, left_out, workers, progress)
        for source in found:
            left_out += source.left_out
        if not entries:
            why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
            raise ManifestError(
                "None of the sources has a face with one of the five expressions"
                f"{f' (left out: {why})' if why else ''}."
            )
        splits = _splits(entries, how)
        digest = _write_manifest(draft / "manifest.jsonl", entries, splits, lines)
    report = _report(draft, entries, splits)
    report.hash, report.left_out = digest, dict(left_out)
    header = _header(name, how, entries, report)
    (draft / "set.json").write_text(json.dumps(header, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


def _write_faces(
    draft: Path,
    found: Sequence[SourceFaces],
    how: Freezing,
    lines: BinaryIO,
    left_out: Counter[str],
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> list[_Entry]:
    """Write the crops, and their lines one after the other into `lines`."""
    (draft / "faces").mkdir()
    total = sum(len(source.faces) for source in found)
    count = 1 if workers is None and total <= FEW else workers
    if count is not None:
        count = min(count, max(1, -(-total // CHUNK)))  # more would find nothing to do
    given, taken = tee(chain.from_iterable(source.faces for source in found))
    work = partial(cut_face, Order(draft, how.size, how.recipe))
    entries: list[_Entry] = []
    seen: set[str] = set()
    abouts: dict[_About, _About] = {}
    for done, (face, result) in enumerate(
        zip(taken, parallel_map(work, given, workers=count, chunk=CHUNK), strict=True), 1
    ):
        if progress is not None:
            progress(done, total)
        if isinstance(result, str):
            left_out[result] += 1
            continue
        about = _About.of(face)
        about = abouts.setdefault(about, about)
        for cut in result:
            if cut.sha256 in seen:
                left_out["the same picture twice"] += 1
                continue
            seen.add(cut.sha256)
            entries.append(_Entry(cut.sha256, lines.tell(), about, face.expression, face.picture, face.split))
            lines.write(cut.line.encode() + b"\n")
    return entries


def _splits(entries: Sequence[_Entry], how: Freezing) -> list[str]:
    abouts = [entry.face for entry in entries]
    by_source = how.split_by == "source"
    names = [about.source if by_source else f"{about.source}/{about.character}" for about in abouts]
    return assign(
        groups(names, [entry.picture for entry in entries]),
        [entry.expression for entry in entries],
        how.shares,
        seed=how.seed,
        given=[entry.split for entry in entries] if how.keep_splits else None,
    )


def _write_manifest(path: Path, entries: Sequence[_Entry], splits: Sequence[str], lines: BinaryIO) -> str:
    """Every line with its split, in the order of the files; returns the manifest's SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as manifest:
        for entry, split in sorted(zip(entries, splits, strict=True), key=lambda pair: pair[0].cut):
            lines.seek(entry.start)
            line = lines.readline().replace(b'"split": ""', f'"split": "{split}"'.encode(), 1)
            digest.update(line)
            manifest.write(line)
        if manifest.tell() > MANIFEST_BYTES:
            raise ManifestError(f"{len(entries):,} faces are too many for one set: freeze smaller ones.")
    return digest.hexdigest()


def _report(draft: Path, entries: Sequence[_Entry], splits: Sequence[str]) -> FreezeReport:
    pairs = Counter(zip(splits, (entry.expression for entry in entries), strict=True))
    return FreezeReport(
        draft,
        counts={split: {e.value: pairs[split, e] for e in EXPRESSIONS} for split in SPLITS},
        sources=_counted(entry.face.source for entry in entries),
        label_origins=_counted(entry.face.label_origin for entry in entries),
        enhanced=_counted(entry.face.enhanced_by for entry in entries if entry.face.enhanced_by is not None),
    )


def _header(name: str, how: Freezing, entries: Sequence[_Entry], report: FreezeReport) -> dict[str, object]:
    recipe = how.recipe
    augmented = {"faces_size": how.size, "crops": recipe.crops} if recipe else None
    return {
        "format": SET_FORMAT,
        "version": SET_VERSION,
        "name": name,
        "size": recipe.side if recipe else how.size,
        "faces": len(entries),
        "characters": len({(entry.face.source, entry.face.character) for entry in entries}),
        "augmented": augmented,
        "split_by": how.split_by,
        "shares": asdict(how.shares),
        "seed": how.seed,
        "counts": report.counts,
        "left_out": report.left_out,
        "sources": report.sources,
        "label_origins": report.label_origins,
        "enhanced": report.enhanced,
        "licences": _counted(entry.face.licence or "not stated" for entry in entries),
        "hash": report.hash,
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
