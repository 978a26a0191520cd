"""Sharing a set without its pictures: where each face is found, and what it shows.

The same catalogue gives the same bytes, on SQLite and on PostgreSQL. `kaogae.collect.shared` has the format,
`kaogae collect manifest` reads it.
"""

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from kaogae.catalog import Catalog, Workspace
from kaogae.collect.share_file import FORMAT, LINE_BYTES, VERSION, is_share
from kaogae.collect.shared import SharedPicture, from_line, to_line
from kaogae.dataset.faceset import load
from kaogae.dataset.paths import check_name, read_text
from kaogae.dataset.shared_rows import Rows, Wanted, wanted_by
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS
from kaogae.faces import CROP_DROP, CROP_SCALE
from kaogae.faces.crops import BACKGROUND, LARGEST, SMALLEST
from kaogae.files import beside

ABOUT = "Labelled faces without their pictures: `kaogae collect manifest FILE` fetches the pictures again."

LICENCE = (
    "This file holds addresses, hashes, places and labels, and no pictures. Each picture belongs to whoever "
    "made it: 'licence' is what its source states, where it states anything, and each site has its own rules."
)

CROP = {
    "side": f"{CROP_SCALE} eye distances, centre {CROP_DROP} below the middle of the eyes",
    "size": f"the side, rounded, from {SMALLEST} to {LARGEST} pixels",
    "matrix": "from picture to crop, pixel centres at whole numbers + 0.5",
    "background": BACKGROUND,
}


@dataclass
class ShareReport:
    """What `share` wrote."""

    path: Path
    hash: str = ""
    """SHA-256 of the lines after the header."""
    pictures: int = 0
    faces: int = 0
    votes: int = 0
    by_hash: int = 0
    """Faces whose pictures no site has: someone with the same files can match them."""
    expressions: Counter[str] = field(default_factory=Counter[str])
    left_out: Counter[str] = field(default_factory=Counter[str])
    """Faces that can't be shared, per reason."""


def share(
    workspace: Workspace,
    catalog: Catalog,
    name: str | None,
    to: Path,
    *,
    progress: Callable[[int, int | None], None] | None = None,
) -> ShareReport:
    """Write the faces of the frozen set `name`, or with None every kept face with a label, to `to`.

    The file is packed if its name ends in .gz. It is written beside its place and then renamed.

    Args:
        progress: called with (pictures done, None).

    Raises:
        ManifestError: there is no such set, it is damaged, or nothing in it can be shared.
        UsageError: `to` is a file that isn't a shared manifest.
    """
    if to.exists() and not (to.is_file() and is_share(to)):
        raise UsageError(f"{to} exists and isn't a shared manifest: choose another name.")
    wanted, about, left_out = None, None, Counter[str]()
    if name is not None:
        wanted, about, left_out = _set(workspace.sets / check_name(name))
    report = ShareReport(to, left_out=left_out)
    with beside(to, ManifestError) as body_path, beside(to, ManifestError) as whole_path:
        with body_path.open("xb") as body:
            _write_body(body, catalog, wanted, report, progress)
        if not report.faces:
            why = "; ".join(f"{count} {reason}" for reason, count in report.left_out.items())
            raise ManifestError(
                f"There is no face to share{f' ({why})' if why else ''}: see `kaogae status`."
            )
        with whole_path.open("xb") as whole, body_path.open("rb") as body:
            header = json.dumps(_header(report, about), ensure_ascii=False)
            _write_whole(whole, header, body, pack=to.suffix == ".gz")
        whole_path.replace(to)
    return report


def _set(folder: Path) -> tuple[Wanted, dict[str, Any], Counter[str]]:
    faces = load(folder)
    wanted, nowhere = wanted_by(faces)
    recipe = json.loads(read_text(folder / "set.json"))
    about = {key: recipe[key] for key in ("size", "split_by", "shares", "seed") if key in recipe}
    left_out = Counter({"not from a catalogue": nowhere}) if nowhere else Counter[str]()
    return wanted, {"name": faces.name, "hash": faces.hash, **about}, left_out


def _write_body(
    body: BinaryIO,
    catalog: Catalog,
    wanted: Wanted | None,
    report: ShareReport,
    progress: Callable[[int, int | None], None] | None,
) -> None:
    digest = hashlib.sha256()
    with catalog.reading() as session:
        rows = Rows(session, wanted, report.left_out)
        for picture in rows.pictures():
            line = to_line(picture).encode() + b"\n"
            if not _readable(line):
                report.left_out["says what can't be"] += len(picture.faces)
                continue
            digest.update(line)
            body.write(line)
            _count(picture, report)
            if progress is not None:
                progress(report.pictures, None)
    report.hash = digest.hexdigest()


def _readable(line: bytes) -> bool:
    """Whether others could read it: a catalogue may hold anything, and one bad line would spoil them all."""
    try:
        from_line(line, "")
    except ManifestError:
        return False
    return len(line) <= LINE_BYTES


def _count(picture: SharedPicture, report: ShareReport) -> None:
    report.pictures += 1
    report.faces += len(picture.faces)
    report.by_hash += 0 if picture.fetched else len(picture.faces)
    report.votes += sum(len(face.votes) for face in picture.faces)
    report.expressions.update(face.expression or "unlabelled" for face in picture.faces)


def _header(report: ShareReport, about: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "about": ABOUT,
        "licence": LICENCE,
        "crop": CROP,
        "counts": {
            "pictures": report.pictures,
            "faces": report.faces,
            "votes": report.votes,
            "by_hash": report.by_hash,
            "expressions": {name.value: report.expressions[name] for name in EXPRESSIONS},
        },
        **({"set": about} if about else {}),
        "hash": report.hash,
    }


def _write_whole(whole: BinaryIO, header: str, body: BinaryIO, *, pack: bool) -> None:
    """Header and body; the packed file says nothing about when it was made, and where."""
    file = cast("BinaryIO", gzip.GzipFile("", "wb", 9, whole, mtime=0)) if pack else whole
    file.write(header.encode() + b"\n")
    while part := body.read(2**20):
        file.write(part)
    if pack:
        file.close()
