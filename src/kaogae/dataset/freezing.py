"""Freezing: faces from several places become one set that never changes, with splits and a hash.

sets/<name>/
  set.json         what the set is: counts, seed, sources, what was left out, the data-set hash
  manifest.jsonl   one face per line
  faces/           aligned crops, PNG, named after their content
"""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.dataset.paths import PICTURE_BYTES, check_name, read_bytes, sha256
from kaogae.dataset.sources import RawFace, SourceFaces, read_source
from kaogae.dataset.splits import SPLITS, Shares, assign
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS
from kaogae.faces import crop_matrix, warp
from kaogae.images import read_picture

SET_FORMAT = "kaogae-set"
SET_VERSION = 1

FACE_SIZE = 224
"""Side of a frozen face in pixels: the paper's."""

SQUARE = 0.02
"""A picture without landmarks is a crop already if its sides differ by no more than this share."""

GROUPINGS = ("character", "source")


@dataclass
class FreezeReport:
    """What `freeze` did. `path` is the new set's folder."""

    path: Path
    hash: str = ""
    counts: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    """Faces of each split (name), per expression."""
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    """Faces that the set does not hold, per reason."""


def freeze(
    name: str,
    places: Sequence[Path],
    sets: Path,
    *,
    size: int = FACE_SIZE,
    shares: Shares | None = None,
    split_by: str = "character",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> FreezeReport:
    """Freeze the faces of `places` into the set `sets`/`name`.

    The set is written beside its place and renamed at the end: it is there whole or not at all.

    Args:
        places: see `read_source`.
        sets: the workspace's folder of sets.
        size: side of the aligned crops in pixels, 32 to 1024.
        split_by: "character" or "source": which of them is never in two splits.
        progress: called with (faces done, faces in all).

    Raises:
        UsageError: the set exists already (a set never changes), or an argument can't be.
        ManifestError: a source is damaged: its sentence says where.
        PictureError: a picture can't be read.
    """
    target = sets / check_name(name)
    if target.exists():
        raise UsageError(
            f"The set '{name}' exists already and a frozen set never changes: choose another name."
        )
    if not 32 <= size <= 1024:
        raise UsageError(f"The size of a face must be from 32 to 1024 pixels, not {size}.")
    if split_by not in GROUPINGS:
        raise UsageError(f"Splits go by {' or '.join(GROUPINGS)}, not by '{split_by}'.")
    found = [read_source(place) for place in places]
    sets.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=sets))
    try:
        report = _write(draft, name, found, size, shares or Shares(), split_by, seed, progress)
        draft.chmod(0o755)  # mkdtemp makes it private
        try:
            draft.rename(target)
        except OSError as error:  # another process froze the same name meanwhile
            raise UsageError(f"The set '{name}' can't be put at {target}: {error.strerror}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    report.path = target
    return report


def _write(
    draft: Path,
    name: str,
    found: Sequence[SourceFaces],
    size: int,
    shares: Shares,
    split_by: str,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> FreezeReport:
    raw = [face for source in found for face in source.faces]
    left_out = Counter[str]()
    for source in found:
        left_out += source.left_out
    entries = _write_faces(draft / "faces", raw, size, left_out, progress)
    if not entries:
        raise ManifestError("None of the sources has a face with one of the five expressions.")
    labels = [face.expression for face, _ in entries]
    groups = [
        face.source if split_by == "source" else f"{face.source}/{face.character}" for face, _ in entries
    ]
    splits = assign(groups, labels, shares, seed=seed)
    lines = [_line(face, content, split) for (face, content), split in zip(entries, splits, strict=True)]
    manifest = "".join(line + "\n" for line in sorted(lines)).encode()
    (draft / "manifest.jsonl").write_bytes(manifest)
    report = FreezeReport(draft, sha256(manifest), left_out=dict(left_out))
    pairs = Counter(zip(splits, labels, strict=True))
    report.counts = {split: {e.value: pairs[split, e] for e in EXPRESSIONS} for split in SPLITS}
    header = {
        "format": SET_FORMAT,
        "version": SET_VERSION,
        "name": name,
        "size": size,
        "faces": len(lines),
        "characters": len({(face.source, face.character) for face, _ in entries}),
        "split_by": split_by,
        "shares": asdict(shares),
        "seed": seed,
        "counts": report.counts,
        "left_out": report.left_out,
        "licences": dict(sorted(Counter(face.licence or "not stated" for face, _ in entries).items())),
        "hash": report.hash,
    }
    (draft / "set.json").write_text(json.dumps(header, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


def _write_faces(
    folder: Path,
    raw: Sequence[RawFace],
    size: int,
    left_out: Counter[str],
    progress: Callable[[int, int], None] | None,
) -> list[tuple[RawFace, str]]:
    """Write the crops; returns each face with the hash of its file."""
    folder.mkdir()
    entries: list[tuple[RawFace, str]] = []
    seen: set[str] = set()
    for done, face in enumerate(raw, 1):
        crop = _crop(face, size)
        if crop is None:
            left_out["no landmarks and not square"] += 1
            continue
        content = _png(crop)
        digest = sha256(content)
        if digest in seen:
            left_out["the same picture twice"] += 1
        else:
            seen.add(digest)
            entries.append((face, digest))
            (folder / f"{digest[:24]}.png").write_bytes(content)
        if progress is not None:
            progress(done, len(raw))
    return entries


def _line(face: RawFace, digest: str, split: str) -> str:
    entry = {
        "file": f"faces/{digest[:24]}.png",
        "sha256": digest,
        "expression": face.expression.value,
        "label_origin": face.label_origin,
        "source": face.source,
        "character": face.character,
        "licence": face.licence,
        "split": split,
    }
    return json.dumps(entry, ensure_ascii=False)


def _crop(face: RawFace, size: int) -> NDArray[np.uint8] | None:
    """Aligned crop [size, size, 3] RGB; None if the picture says nothing about where the face is."""
    if face.sha256 is not None and sha256(read_bytes(face.path, PICTURE_BYTES)) != face.sha256:
        raise ManifestError(f"{face.path} has changed: its hash is not the one in its manifest.")
    pixels = read_picture(face.path).over(255)
    height, width = pixels.shape[:2]
    if face.eyes is not None:
        matrix = crop_matrix(*face.eyes, size)
    elif abs(width - height) <= SQUARE * max(width, height):
        matrix = np.array([[size / width, 0.0, 0.0], [0.0, size / height, 0.0]])
    else:
        return None
    return warp(pixels, matrix, (size, size)).astype(np.uint8)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    done, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not done:
        raise ManifestError("A face can't be written as PNG.")
    return content.tobytes()
