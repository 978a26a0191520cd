"""A frozen set in the forms that other programs read; pictures, labels and splits stay what they are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kaogae.dataset.drafts import drafting
from kaogae.dataset.exports_coco import write_coco
from kaogae.dataset.exports_folders import write_huggingface, write_imagefolder
from kaogae.dataset.exports_shards import SHARD_SIZE, write_webdataset
from kaogae.dataset.faceset import FaceSet
from kaogae.dataset.manifest import Face
from kaogae.errors import UsageError

KINDS = ("imagefolder", "huggingface", "webdataset", "coco")


@dataclass
class ExportReport:
    """What `export` did."""

    path: Path
    kind: str
    faces: int
    files: int
    """Of all kinds, in the folder."""
    bytes: int


def export(
    faces: FaceSet,
    kind: str,
    out: Path,
    *,
    shard_size: int = SHARD_SIZE,
    progress: Callable[[int, int], None] | None = None,
) -> ExportReport:
    """Write the set into the new folder `out`.

    The folder is written beside its place and renamed at the end. The same set gives the same files.

    Args:
        kind: of `KINDS`.
        shard_size: faces per file of a WebDataset, 1 to 1,000,000.
        progress: called with (faces done, faces in all).

    Raises:
        UsageError: `out` exists, or there is no such kind.
        ManifestError: a picture of the set is missing or has changed: nothing is written then.
    """
    if kind not in KINDS:
        raise UsageError(f"There is no export to '{kind}': choose from {', '.join(KINDS)}.")
    if not 1 <= shard_size <= 1_000_000:
        raise UsageError(f"A file of {shard_size:,} faces can't be: 1 to 1,000,000.")
    with drafting(out, str(out)) as draft:
        contents = _contents(faces, progress)
        match kind:
            case "imagefolder":
                write_imagefolder(contents, draft)
            case "huggingface":
                write_huggingface(faces, contents, draft)
            case "webdataset":
                write_webdataset(contents, draft, shard_size)
            case _:
                write_coco(faces, contents, draft)
        sizes = [path.stat().st_size for path in draft.rglob("*") if path.is_file()]
    return ExportReport(out, kind, len(faces.faces), len(sizes), sum(sizes))


def _contents(faces: FaceSet, progress: Callable[[int, int], None] | None) -> Iterator[tuple[Face, bytes]]:
    """Every face with its file, one split after the other."""
    ordered = sorted(faces.faces, key=lambda face: face.split)
    for done, face in enumerate(ordered, 1):
        yield face, faces.content(face)
        if progress is not None:
            progress(done, len(ordered))
