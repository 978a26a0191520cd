"""Reading a frozen set: one small object with the pixels, labels and characters of each split."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.dataset.freezing import SET_FORMAT, SET_VERSION
from kaogae.dataset.paths import PICTURE_BYTES, inside, read_bytes, read_text, sha256
from kaogae.dataset.splits import SPLITS
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS, Expression


@dataclass(frozen=True)
class Face:
    """One line of a set's manifest."""

    file: str
    """The crop, relative to the set."""
    sha256: str
    expression: Expression
    label_origin: str
    source: str
    character: str
    licence: str
    split: str


@dataclass(frozen=True)
class FaceSet:
    """A frozen set. The accessors take a split's name, or None for all faces, and keep the manifest's order.

    faces = load(Path("kaogae-data/sets/first"))
    pixels, labels = faces.pixels("train"), faces.labels("train")
    """

    path: Path
    name: str
    size: int
    """Side of the crops in pixels."""
    hash: str
    """SHA-256 of the manifest, which holds the hash of every picture: changes if anything does."""
    licences: dict[str, int]
    """Faces per licence, for the card of a model trained on them."""
    faces: tuple[Face, ...]

    def of(self, split: str | None = None) -> list[Face]:
        """The manifest's lines.

        Raises:
            UsageError: there is no such split.
        """
        if split is not None and split not in SPLITS:
            raise UsageError(f"There is no split '{split}': choose from {', '.join(SPLITS)}.")
        return [face for face in self.faces if split is None or face.split == split]

    def labels(self, split: str | None = None) -> NDArray[np.int64]:
        """[N], indices into `EXPRESSIONS`."""
        return np.array([face.expression.position for face in self.of(split)], np.int64)

    def characters(self, split: str | None = None) -> list[str]:
        """N names, unique over sources: faces with the same name show the same character."""
        return [f"{face.source}/{face.character}" for face in self.of(split)]

    def counts(self) -> dict[str, dict[str, int]]:
        """Faces of each split, per expression."""
        pairs = Counter((face.split, face.expression) for face in self.faces)
        return {split: {e.value: pairs[split, e] for e in EXPRESSIONS} for split in SPLITS}

    def pixels(self, split: str | None = None) -> NDArray[np.uint8]:
        """[N, size, size, 3] RGB, each picture checked against its hash.

        Raises:
            ManifestError: a picture is missing, damaged or changed: names it.
        """
        chosen = self.of(split)
        pixels = np.empty((len(chosen), self.size, self.size, 3), np.uint8)
        for i, picture in enumerate(self.pictures(chosen)):
            pixels[i] = picture
        return pixels

    def pictures(self, faces: list[Face]) -> Iterator[NDArray[np.uint8]]:
        """[size, size, 3] RGB of each of `faces`, one at a time; errors as in `pixels`."""
        for face in faces:
            path = inside(self.path, face.file, f"{self.path / 'manifest.jsonl'}")
            content = read_bytes(path, PICTURE_BYTES)
            if sha256(content) != face.sha256:
                raise ManifestError(f"{path} has changed since the set '{self.name}' was frozen.")
            picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
            if picture is None or picture.shape != (self.size, self.size, 3):
                raise ManifestError(f"{path} is not a picture of {self.size} × {self.size} pixels.")
            yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8)


def load(path: Path) -> FaceSet:
    """The frozen set in the folder `path`. Pictures are read later, by `FaceSet.pixels`.

    Raises:
        ManifestError: no set is there, or set.json and manifest.jsonl are damaged or don't belong together.
    """
    if not (path / "set.json").is_file():
        raise ManifestError(f"{path} is not a frozen set: it has no set.json (see `kaogae dataset freeze`).")
    header = _json_object(read_text(path / "set.json"), str(path / "set.json"))
    if header.get("format") != SET_FORMAT or header.get("version") != SET_VERSION:
        raise ManifestError(f"{path / 'set.json'} is not version {SET_VERSION} of a Kaogae set.")
    size, name, licences = header.get("size"), header.get("name"), header.get("licences")
    if not (isinstance(size, int) and isinstance(name, str) and isinstance(licences, dict)):
        raise ManifestError(f"{path / 'set.json'} lacks the set's size, name or licences.")
    text = read_text(path / "manifest.jsonl")
    if sha256(text.encode()) != header.get("hash"):
        raise ManifestError(f"{path / 'manifest.jsonl'} has changed since the set '{name}' was frozen.")
    faces = tuple(
        _face(line, f"{path / 'manifest.jsonl'}, line {number}")
        for number, line in enumerate(text.rstrip("\n").split("\n"), 1)
    )
    return FaceSet(path, name, size, str(header["hash"]), cast("dict[str, int]", licences), faces)


def _json_object(text: str, where: str) -> dict[str, Any]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{where}: this is not JSON.") from error
    if not isinstance(value, dict):
        raise ManifestError(f"{where}: expected a JSON object.")
    return cast("dict[str, Any]", value)


def _face(line: str, where: str) -> Face:
    row = _json_object(line, where)
    names = [entry.name for entry in fields(Face)]
    values = {name: row[name] for name in names if isinstance(row.get(name), str)}
    if len(values) < len(names):
        raise ManifestError(f"{where}: a face needs {', '.join(names)}, all text.")
    if values["expression"] not in EXPRESSIONS or values["split"] not in SPLITS:
        raise ManifestError(
            f"{where}: unknown expression '{values['expression']}' or split '{values['split']}'."
        )
    return Face(**{**values, "expression": Expression(values["expression"])})
