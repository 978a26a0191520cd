"""Panels: transferred pictures that people judge without knowing what they should show (Table II).

The pictures are copied into the workspace as panels/<first two letters>/<SHA-256>.<ending>, so that a panel
stays the same whatever becomes of the folder that they came from.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kaogae.catalog import Catalog, Workspace
from kaogae.dataset.paths import inside
from kaogae.errors import LabelError, ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.files import write_whole
from kaogae.images import SUFFIXES, decode_picture, read_bytes
from kaogae.label.campaigns import ITEMS_MOST, Begun, Settings, begin, check_new, check_sample
from kaogae.label.rows import read_rows
from kaogae.label.verdicts import PANEL

MANIFESTS = ("panel.jsonl", "panel.csv")
"""What says about a folder's pictures what they should show: file, target, and source, model if known."""

TEXT_MOST = 500
"""Most characters of a name, source or model."""

_ENDINGS = "|".join(suffix[1:] for suffixes in SUFFIXES.values() for suffix in suffixes)
# What kaogae.transfer.batch calls its results: <name>.<target>[.face<n>].<ending>, with the right ending
# behind a wrong one
_RESULT = re.compile(
    rf"(?P<name>.+)\.(?P<target>{'|'.join(EXPRESSIONS)})(\.face\d+)?(\.(?:{_ENDINGS})){{1,2}}", re.IGNORECASE
)
_MASK = re.compile(rf".+\.(?:{'|'.join(EXPRESSIONS)})\.mask\.png", re.IGNORECASE)
_SHEET = re.compile(r"contact-sheet(-\d+)?\.png")


@dataclass(frozen=True)
class PanelPicture:
    """A transferred picture, and what is known about it. No annotator sees more than the picture."""

    path: Path
    target: Expression
    """What it should show."""
    name: str = ""
    """Which input it was made from; empty: not known."""
    source: str = ""
    """What the input showed; empty: not known."""
    model: str = ""
    """Which model made it; empty: not known."""


def new_panel(
    workspace: Workspace,
    catalog: Catalog,
    name: str,
    pictures: Iterable[PanelPicture],
    settings: Settings | None = None,
    *,
    sample: int | None = None,
    left_out: Mapping[str, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Begun:
    """A campaign that asks what transferred pictures show.

    The same file with the same target is one item. Only where its model is known, each input's is an item of
    its own, however alike: a model that makes one picture of all would else be judged by that one. Files are
    copied before the rows are written: what a kill leaves of them the next run uses.

    Args:
        sample: at most so many, drawn at random.
        left_out: what the caller left out before, for the report.
        progress: called with the pictures that were looked at, of how many.

    Raises:
        UsageError: the name or the sample can't be.
        LabelError: there is such a campaign already, there are no pictures or too many, or the disk is full.
        PictureError: a picture is missing, damaged or too large: names it.
    """
    settings = replace(settings or Settings(), blind=True)
    check_sample(sample)
    with catalog.reading() as session:
        check_new(session, name)
    given = list(pictures)
    if not given:
        raise LabelError("There are no pictures to ask about: make some with `kaogae transfer`.")
    if len(given) > ITEMS_MOST:
        raise LabelError(f"{len(given):,} pictures are too many for one panel: {ITEMS_MOST:,} at most.")
    order = np.random.default_rng(settings.seed).permutation(len(given))
    items: dict[tuple[str, ...], dict[str, Any]] = {}
    twice = 0
    for done, k in enumerate(order, 1):
        item = _item(workspace, given[k])
        twice += items.setdefault(_asked(item), item) is not item
        if progress is not None:
            progress(done, len(given))
        if len(items) == sample:
            break
    counted = +(Counter(left_out or {}) + Counter({"the same picture twice": twice}))
    with catalog.session() as session:
        check_new(session, name)
        return begin(session, name, PANEL, settings, list(items.values()), counted)


def _item(workspace: Workspace, picture: PanelPicture) -> dict[str, Any]:
    """The row of a picture, which is in the workspace when this returns."""
    data = read_bytes(picture.path)
    form = decode_picture(data, picture.path).format or "PNG"
    digest = hashlib.sha256(data).hexdigest()
    file = f"panels/{digest[:2]}/{digest}{SUFFIXES[form][0]}"
    path = workspace.folder / file
    if not (path.is_file() and path.stat().st_size == len(data)):  # written whole, or not at all
        write_whole(data, path, LabelError)
    texts = {"name": picture.name, "source": picture.source, "model": picture.model}
    about = {"target": picture.target.value} | {key: text[:TEXT_MOST] for key, text in texts.items() if text}
    return {"file": file, "sha256": digest, "about": about}


def _asked(item: Mapping[str, Any]) -> tuple[str, ...]:
    """What no two items of a panel have in common."""
    about = item["about"]
    whose = (about["model"], about.get("name", "")) if "model" in about else ()
    return (item["sha256"], about["target"], *whose)


def read_transfers(folder: Path) -> tuple[list[PanelPicture], Counter[str]]:
    """The transferred pictures in a folder: those that its panel.jsonl or panel.csv names.

    If it has neither, all that are called <name>.<target>.<ending>, as `kaogae transfer` calls them; folders
    in it are searched too.

    Returns:
        The pictures in the order of the manifest or of their paths; and why other files are none of them.

    Raises:
        UsageError: it isn't a folder, or no picture is in it.
        ManifestError: the manifest is damaged or leads outside the folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} isn't a folder: name the one that `kaogae transfer` wrote into.")
    manifests = [folder / name for name in MANIFESTS if (folder / name).is_file()]
    if len(manifests) > 1:
        raise UsageError(f"{folder} has both {MANIFESTS[0]} and {MANIFESTS[1]}: remove one.")
    left_out = Counter[str]()
    pictures = list(_listed(manifests[0])) if manifests else list(_called(folder, left_out))
    if not pictures:
        raise UsageError(
            f"{folder} holds no transferred picture: they are called NAME.EXPRESSION.png, as"
            " `kaogae transfer` writes them, or listed in panel.csv."
        )
    return pictures, left_out


def _called(folder: Path, left_out: Counter[str]) -> Iterator[PanelPicture]:
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.is_dir():
            continue
        found = _RESULT.fullmatch(path.name)
        if any(part.startswith(".") for part in place.parts):
            left_out["hidden"] += 1
        elif _MASK.fullmatch(path.name):
            left_out["a mask"] += 1
        elif _SHEET.fullmatch(path.name):
            left_out["a contact sheet"] += 1
        elif found is None:
            left_out["not called NAME.EXPRESSION.png"] += 1
        else:
            inside(folder, place.as_posix(), str(folder))  # a link may lead elsewhere
            name = (place.parent / found["name"]).as_posix()
            yield PanelPicture(path, Expression(found["target"].lower()), name)


def _listed(manifest: Path) -> Iterator[PanelPicture]:
    for count, (line, row) in enumerate(read_rows(manifest, ("file", "target"))):
        where = f"{manifest}, line {line}"
        if count >= ITEMS_MOST:
            raise ManifestError(f"{manifest} names more than {ITEMS_MOST:,} pictures.")
        if isinstance(row, str):
            raise ManifestError(f"{where}: {row}.")
        target = _text(row, "target", where)
        if target not in EXPRESSIONS:
            raise ManifestError(f"{where}: the target '{target[:50]}' is none of {', '.join(EXPRESSIONS)}.")
        file = _text(row, "file", where)
        yield PanelPicture(
            inside(manifest.parent, file, where),
            Expression(target),
            _text(row, "name", where, default=file),
            _text(row, "source", where, default=""),
            _text(row, "model", where, default=""),
        )


def _text(row: Mapping[str, Any], key: str, where: str, *, default: str | None = None) -> str:
    value = row.get(key)
    if value is None or value == "":
        if default is None:
            raise ManifestError(f"{where}: '{key}' is missing.")
        return default
    if not isinstance(value, str) or len(value) > TEXT_MOST:
        raise ManifestError(f"{where}: '{key}' must be text of at most {TEXT_MOST} characters.")
    return value
