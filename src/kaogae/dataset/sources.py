"""Where labelled faces come from: the atelier, a table, a frozen set, folders named by expression."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from kaogae.dataset.manifest import (
    LANDMARKS,
    Landmarks,
    Origin,
    RandomCrop,
    json_object,
    read_crop,
    read_landmarks,
    read_origin,
)
from kaogae.dataset.paths import inside, read_lines, read_text
from kaogae.dataset.splits import SPLITS
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS, Expression

FACES_MOST = 1_000_000
"""Most faces read from one source."""

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})

SPLIT_FOLDERS = {split: split for split in SPLITS} | {"val": "validation", "valid": "validation"}
"""What folders of splits are called, and what we call them."""


@dataclass(frozen=True, slots=True)
class StoredCrop:
    """A crop that the workspace holds. Its files are relative to `folder`."""

    folder: Path
    native: str
    """As it was cut from the picture."""
    pixels_sha256: str
    """Of the native crop's RGB values."""
    size: int
    """Side of the native crop in pixels."""
    enhanced: str | None = None
    """The same crop after `kaogae upscale`."""


@dataclass(frozen=True, slots=True)
class RawFace:
    """A labelled face that has not been frozen yet."""

    path: Path
    """The picture, or the crop."""
    expression: Expression
    character: str
    """Whose face it is, unique within the source."""
    source: str
    """Where it comes from: the artist or project, the site, or the folder's name."""
    label_origin: str
    """Who said which expression it is: drawn, file name, folder, tag, votes."""
    licence: str = ""
    where: str = ""
    """Manifest and line, for messages."""
    sha256: str | None = None
    """What the source says the hash of `path` is, to be checked."""
    landmarks: Landmarks | None = None
    """In pixels of the picture, or of the stored crop."""
    aligned: bool = False
    """The picture is the crop already, landmarks or not."""
    split: str | None = None
    """The split that the source has it in."""
    stored: StoredCrop | None = None
    """Of a face from the catalogue: the crop to take instead of cutting one from the picture."""
    origin: Origin | None = None
    """Its matrix leads from the picture to the stored crop, or to `path` if there is none."""
    crop: RandomCrop | None = None
    """If `path` is a random crop of a face."""

    @property
    def picture(self) -> str:
        """What tells the picture that the face was found in from every other one."""
        return str(self.path) if self.origin is None else f"{self.origin.site}/{self.origin.post}"


class Faces(Protocol):
    """Faces that are counted already; a list, or something that reads them bit by bit."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[RawFace]: ...


@dataclass
class SourceFaces:
    """The faces of one source, and how many rows were left out for which reason."""

    faces: Faces
    left_out: Counter[str] = field(default_factory=Counter[str])


def read_source(place: Path) -> SourceFaces:
    """Faces of a folder or manifest.

    Known kinds: `manifest.jsonl` (the atelier's: file, expression, landmarks, character, label_origin,
    sha256; or that of a frozen or exported set, whose lines have a split), `manifest.csv` (file, label,
    character, source, landmarks "x,y;x,y;x,y", licence), and a folder with one folder per expression, whose
    pictures are taken as crops already, or with such folders in folders named train, validation and test.

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
    if place.is_dir():
        return _read_folders(place)
    raise UsageError(f"{place} is neither a folder nor a manifest.jsonl or manifest.csv.")


Row = Mapping[str, Any]
_Reader = Callable[[Path, str, Row], RawFace | None]


def _json_rows(manifest: Path) -> Iterator[tuple[str, Row]]:
    for number, line in read_lines(manifest):
        where = f"{manifest}, line {number}"
        if not line.strip():
            continue
        yield where, json_object(line, where)


def _csv_rows(manifest: Path) -> Iterator[tuple[str, Row]]:
    reader = csv.DictReader(io.StringIO(read_text(manifest), newline=""))
    try:
        for row in reader:
            yield f"{manifest}, line {reader.line_num}", row
    except csv.Error as error:
        raise ManifestError(f"{manifest}, line {reader.line_num}: {error}.") from error


def _collect(manifest: Path, rows: Iterator[tuple[str, Row]], read: _Reader) -> SourceFaces:
    faces: list[RawFace] = []
    left_out = Counter[str]()
    for number, (where, row) in enumerate(rows):
        if number >= FACES_MOST:
            raise ManifestError(f"{manifest} has more than {FACES_MOST:,} faces.")
        face = read(manifest.parent, where, row)
        if face is None:
            left_out["another expression"] += 1
        else:
            faces.append(face)
    return SourceFaces(faces, left_out)


def _from_json(folder: Path, where: str, row: Row) -> RawFace | None:
    label = _text(row, "expression", where)
    if label == "other":
        return None
    path = inside(folder, _text(row, "file", where), where)
    split = _text(row, "split", where, default="") or None
    if split is not None and split not in SPLITS:
        raise ManifestError(f"{where}: there is no split '{split}'.")
    landmarks = read_landmarks(row.get("landmarks"), where)
    if split is None and landmarks is not None and not {"left_eye", "right_eye"} <= landmarks.keys():
        raise ManifestError(f"{where}: landmarks need left_eye and right_eye as [x, y].")
    return RawFace(
        path=path,
        expression=_expression(label, where),
        character=_text(row, "character", where),
        source=_text(row, "source", where, default="atelier"),
        label_origin=_text(row, "label_origin", where, default="drawn"),
        licence=_text(row, "licence", where, default=""),
        where=where,
        sha256=_text(row, "sha256", where, default="") or None,
        landmarks=landmarks,
        aligned=split is not None,
        split=split,
        origin=read_origin(row.get("origin"), where),
        crop=read_crop(row.get("crop"), where),
    )


def _from_csv(folder: Path, where: str, row: Row) -> RawFace | None:
    label = _text(row, "label", where)
    if label == "other":
        return None
    path = inside(folder, _text(row, "file", where), where)
    return RawFace(
        path=path,
        expression=_expression(label, where),
        character=_text(row, "character", where, default=path.stem),
        source=_text(row, "source", where, default=folder.name),
        label_origin="file name" if row.get("expression_word") else "by eye",
        licence=_text(row, "licence", where, default=""),
        where=where,
        landmarks=_landmarks_from_text(_text(row, "landmarks", where, default=""), where),
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


def _landmarks_from_text(text: str, where: str) -> Landmarks | None:
    """Eyes, then mouth, nose and chin if they are there."""
    if not text:
        return None
    try:
        points = [[float(value) for value in pair.split(",")] for pair in text.split(";")]
    except ValueError as error:
        raise ManifestError(f"{where}: landmarks '{text}' are not 'x,y;x,y;…'.") from error
    if len(points) < 2:
        raise ManifestError(f"{where}: landmarks '{text}' are not 'x,y;x,y;…'.")
    return read_landmarks(dict(zip(LANDMARKS, points, strict=False)), where)


def _read_folders(place: Path) -> SourceFaces:
    name = place.resolve().name
    splits = {
        folder: SPLIT_FOLDERS[folder.name]
        for folder in _folders(place)
        if folder.name in SPLIT_FOLDERS and any((folder / label).is_dir() for label in EXPRESSIONS)
    }
    plain = any((place / label).is_dir() for label in EXPRESSIONS)
    if plain == bool(splits):
        has = "both" if plain else "neither manifest.jsonl nor manifest.csv, nor"
        raise UsageError(
            f"{place} holds {has} folders named {', '.join(EXPRESSIONS)}"
            f"{' and' if plain else ', also not in'} folders named train, validation and test."
        )
    faces: list[RawFace] = []
    left_out = Counter[str]()
    for folder, split in splits.items() if splits else [(place, None)]:
        _read_expressions(folder, split, name, faces, left_out)
    return SourceFaces(faces, left_out)


def _folders(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.is_dir())


def _read_expressions(
    place: Path, split: str | None, source: str, faces: list[RawFace], left_out: Counter[str]
) -> None:
    for folder in _folders(place):
        pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
        if folder.name not in EXPRESSIONS:
            left_out["another expression"] += len(pictures)
            continue
        for picture in pictures:
            name = picture.relative_to(folder)
            inside(folder, name.as_posix(), str(folder))
            if len(faces) >= FACES_MOST:
                raise ManifestError(f"{place} has more than {FACES_MOST:,} faces.")
            # <expression>/<character>/<picture>, or each picture a character of its own
            character = name.parts[0] if len(name.parts) > 1 else picture.stem
            if split is not None and len(name.parts) == 1:
                character = f"{split}/{character}"  # train/happy/1.png and test/happy/1.png are not one
            face = RawFace(picture, Expression(folder.name), character, source, "folder")
            faces.append(replace(face, aligned=True, split=split, where=str(picture)))
