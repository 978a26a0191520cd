"""Where labelled faces come from: the atelier, a table of crops, or folders named by expression."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from kaogae.dataset.paths import inside, read_text
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS, Expression

FACES_MOST = 1_000_000
"""Most faces read from one source."""

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})


@dataclass(frozen=True)
class RawFace:
    """A labelled face that has not been frozen yet."""

    path: Path
    """The picture."""
    expression: Expression
    eyes: tuple[tuple[float, float], tuple[float, float]] | None
    """Centres (x, y) of the viewer's left and right eye in picture pixels; None: the picture is the crop."""
    character: str
    """Whose face it is, unique within the source."""
    source: str
    """Where it comes from: the artist or project, or the folder's name."""
    label_origin: str
    """Who said which expression it is: drawn, file name, folder, votes."""
    licence: str = ""
    sha256: str | None = None
    """What the source says the picture's hash is, to be checked."""


@dataclass
class SourceFaces:
    """The faces of one source, and how many rows were left out for which reason."""

    faces: list[RawFace] = field(default_factory=list[RawFace])
    left_out: Counter[str] = field(default_factory=Counter[str])


def read_source(place: Path) -> SourceFaces:
    """Faces of a folder or manifest.

    Known kinds: `manifest.jsonl` (the atelier's: file, expression, landmarks, character, label_origin,
    sha256), `manifest.csv` (file, label, character, source, landmarks "x,y;x,y;x,y", licence), and a folder
    with one folder per expression, whose pictures are taken as crops already.

    Raises:
        ManifestError: a manifest is damaged, names an unknown expression, or leads outside its folder.
        UsageError: no such place, or none of these kinds.
    """
    if not place.exists():
        raise UsageError(f"There is nothing at {place}.")
    candidates = [place] if place.is_file() else [place / "manifest.jsonl", place / "manifest.csv"]
    for manifest in candidates:
        if manifest.is_file() and manifest.suffix == ".jsonl":
            return _collect(manifest, _json_rows(manifest), _from_json)
        if manifest.is_file() and manifest.suffix == ".csv":
            return _collect(manifest, _csv_rows(manifest), _from_csv)
    if place.is_dir() and any((place / name).is_dir() for name in EXPRESSIONS):
        return _read_folders(place)
    raise UsageError(
        f"{place} holds neither manifest.jsonl nor manifest.csv, nor folders named {', '.join(EXPRESSIONS)}."
    )


Row = Mapping[str, Any]
_Reader = Callable[[Path, str, Row], RawFace | None]


def _json_rows(manifest: Path) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(read_text(manifest).split("\n"), 1):
        where = f"{manifest}, line {number}"
        if not line.strip():
            continue
        try:
            row: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ManifestError(f"{where}: this is not JSON.") from error
        if not isinstance(row, dict):
            raise ManifestError(f"{where}: expected one JSON object per line.")
        yield where, cast("Row", row)


def _csv_rows(manifest: Path) -> Iterator[tuple[str, Row]]:
    reader = csv.DictReader(io.StringIO(read_text(manifest), newline=""))
    try:
        for row in reader:
            yield f"{manifest}, line {reader.line_num}", row
    except csv.Error as error:
        raise ManifestError(f"{manifest}, line {reader.line_num}: {error}.") from error


def _collect(manifest: Path, rows: Iterator[tuple[str, Row]], read: _Reader) -> SourceFaces:
    found = SourceFaces()
    for number, (where, row) in enumerate(rows):
        if number >= FACES_MOST:
            raise ManifestError(f"{manifest} has more than {FACES_MOST:,} faces.")
        face = read(manifest.parent, where, row)
        if face is None:
            found.left_out["another expression"] += 1
        else:
            found.faces.append(face)
    return found


def _from_json(folder: Path, where: str, row: Row) -> RawFace | None:
    label = _text(row, "expression", where)
    if label == "other":
        return None
    path = inside(folder, _text(row, "file", where), where)
    return RawFace(
        path=path,
        expression=_expression(label, where),
        eyes=_eyes_from_json(row.get("landmarks"), where),
        character=_text(row, "character", where),
        source=_text(row, "source", where, default="atelier"),
        label_origin=_text(row, "label_origin", where, default="drawn"),
        licence=_text(row, "licence", where, default=""),
        sha256=_text(row, "sha256", where, default="") or None,
    )


def _from_csv(folder: Path, where: str, row: Row) -> RawFace | None:
    label = _text(row, "label", where)
    if label == "other":
        return None
    path = inside(folder, _text(row, "file", where), where)
    return RawFace(
        path=path,
        expression=_expression(label, where),
        eyes=_eyes_from_text(_text(row, "landmarks", where, default=""), where),
        character=_text(row, "character", where, default=path.stem),
        source=_text(row, "source", where, default=folder.name),
        label_origin="file name" if row.get("expression_word") else "by eye",
        licence=_text(row, "licence", where, default=""),
    )


def _text(row: Row, key: str, where: str, *, default: str | None = None) -> str:
    value = row.get(key)
    if value is None or value == "":
        if default is None:
            raise ManifestError(f"{where}: '{key}' is missing.")
        return default
    if not isinstance(value, str | int):
        raise ManifestError(f"{where}: '{key}' must be text.")
    text = str(value)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ManifestError(f"{where}: '{key}' isn't Unicode text.")
    return text


def _expression(label: str, where: str) -> Expression:
    if label not in EXPRESSIONS:
        raise ManifestError(f"{where}: '{label}' is none of {', '.join(EXPRESSIONS)}.")
    return Expression(label)


def _eyes_from_json(landmarks: object, where: str) -> tuple[tuple[float, float], tuple[float, float]] | None:
    if landmarks is None:
        return None
    try:
        marks = cast("Mapping[str, Any]", landmarks)
        (ax, ay), (bx, by) = marks["left_eye"], marks["right_eye"]
        return (float(ax), float(ay)), (float(bx), float(by))
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError(f"{where}: landmarks need left_eye and right_eye as [x, y].") from error


def _eyes_from_text(landmarks: str, where: str) -> tuple[tuple[float, float], tuple[float, float]] | None:
    if not landmarks:
        return None
    try:
        (ax, ay), (bx, by), *_ = (map(float, pair.split(",")) for pair in landmarks.split(";"))
        return (ax, ay), (bx, by)
    except ValueError as error:
        raise ManifestError(f"{where}: landmarks '{landmarks}' are not 'x,y;x,y;…'.") from error


def _read_folders(place: Path) -> SourceFaces:
    found = SourceFaces()
    for folder in sorted(path for path in place.iterdir() if path.is_dir()):
        pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
        if folder.name not in EXPRESSIONS:
            found.left_out["another expression"] += len(pictures)
            continue
        for picture in pictures:
            name = picture.relative_to(folder)
            inside(folder, name.as_posix(), str(folder))
            # <expression>/<character>/<picture>, or each picture a character of its own
            character = name.parts[0] if len(name.parts) > 1 else picture.stem
            expression = Expression(folder.name)
            found.faces.append(RawFace(picture, expression, None, character, place.name, "folder"))
    return found
