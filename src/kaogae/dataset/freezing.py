"""Freezing: faces from several places become one set that never changes, with splits and a hash.

sets/<name>/
  set.json         what the set is: counts, seed, sources, what was left out, the data-set hash
  manifest.jsonl   one face per line
  faces/           aligned crops, PNG, named after their content
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from kaogae.dataset.cutting import Cut, Order, cut_face
from kaogae.dataset.drafts import drafting
from kaogae.dataset.manifest import SET_FORMAT, SET_VERSION
from kaogae.dataset.paper import FACE_SIDE, Recipe
from kaogae.dataset.paths import MANIFEST_BYTES, check_name, sha256
from kaogae.dataset.sources import RawFace, SourceFaces, read_source
from kaogae.dataset.splits import SPLITS, Shares, assign, groups
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS
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


def _write(
    draft: Path,
    name: str,
    found: Sequence[SourceFaces],
    how: Freezing,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> FreezeReport:
    raw = [face for source in found for face in source.faces]
    left_out = Counter[str]()
    for source in found:
        left_out += source.left_out
    entries = _write_faces(draft, raw, how, left_out, workers, progress)
    if not entries:
        raise ManifestError("None of the sources has a face with one of the five expressions.")
    splits = _splits([face for face, _ in entries], how)
    lines = sorted(_with_split(cut.line, split) for (_, cut), split in zip(entries, splits, strict=True))
    manifest = "".join(lines).encode()
    if len(manifest) > MANIFEST_BYTES:
        raise ManifestError(f"{len(lines):,} faces are too many for one set: freeze several smaller ones.")
    (draft / "manifest.jsonl").write_bytes(manifest)
    report = _report(draft, entries, splits)
    report.hash, report.left_out = sha256(manifest), dict(left_out)
    header = _header(name, how, entries, report)
    (draft / "set.json").write_text(json.dumps(header, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


_Entry = tuple[RawFace, Cut]


def _write_faces(
    draft: Path,
    raw: Sequence[RawFace],
    how: Freezing,
    left_out: Counter[str],
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> list[_Entry]:
    """Write the crops; returns each with the face that it is of."""
    (draft / "faces").mkdir()
    count = 1 if workers is None and len(raw) <= FEW else workers
    work = partial(cut_face, Order(draft, how.size, how.recipe))
    results = parallel_map(work, raw, workers=count, chunk=CHUNK)
    entries: list[_Entry] = []
    seen: set[str] = set()
    for done, (face, result) in enumerate(zip(raw, results, strict=True), 1):
        if isinstance(result, str):
            left_out[result] += 1
            continue
        new = [cut for cut in result if cut.sha256 not in seen]
        if len(new) < len(result):
            left_out["the same picture twice"] += len(result) - len(new)
        seen.update(cut.sha256 for cut in new)
        entries += [(face, cut) for cut in new]
        if progress is not None:
            progress(done, len(raw))
    return entries


def _splits(faces: Sequence[RawFace], how: Freezing) -> list[str]:
    by_source = how.split_by == "source"
    names = [face.source if by_source else f"{face.source}/{face.character}" for face in faces]
    return assign(
        groups(names, [face.picture for face in faces]),
        [face.expression for face in faces],
        how.shares,
        seed=how.seed,
        given=[face.split for face in faces] if how.keep_splits else None,
    )


def _with_split(line: str, split: str) -> str:
    return line.replace('"split": ""', f'"split": "{split}"', 1) + "\n"


def _report(draft: Path, entries: Sequence[_Entry], splits: Sequence[str]) -> FreezeReport:
    faces = [face for face, _ in entries]
    pairs = Counter(zip(splits, (face.expression for face in faces), strict=True))
    enhanced = Counter(face.origin.enhanced_by or "not looked at" for face in faces if face.origin)
    return FreezeReport(
        draft,
        counts={split: {e.value: pairs[split, e] for e in EXPRESSIONS} for split in SPLITS},
        sources=_sorted(Counter(face.source for face in faces)),
        label_origins=_sorted(Counter(face.label_origin for face in faces)),
        enhanced=_sorted(enhanced),
    )


def _header(name: str, how: Freezing, entries: Sequence[_Entry], report: FreezeReport) -> dict[str, object]:
    recipe = how.recipe
    augmented = (
        {"faces_size": how.size, "crops": recipe.crops, "mirrored": "half of them"} if recipe else None
    )
    return {
        "format": SET_FORMAT,
        "version": SET_VERSION,
        "name": name,
        "size": recipe.side if recipe else how.size,
        "faces": len(entries),
        "characters": len({(face.source, face.character) for face, _ in entries}),
        "augmented": augmented,
        "split_by": how.split_by,
        "shares": asdict(how.shares),
        "seed": how.seed,
        "counts": report.counts,
        "left_out": report.left_out,
        "sources": report.sources,
        "label_origins": report.label_origins,
        "enhanced": report.enhanced,
        "licences": _sorted(Counter(face.licence or "not stated" for face, _ in entries)),
        "hash": report.hash,
    }


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
