"""Reading a frozen set: one small object with the pixels, labels and characters of each split."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.dataset.manifest import READABLE, SET_FORMAT, Face, from_line, json_object
from kaogae.dataset.paths import (
    PICTURE_BYTES,
    file_sha256,
    inside,
    read_bytes,
    read_lines,
    read_text,
    sha256,
)
from kaogae.dataset.splits import SPLITS
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS


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

    def pictures(self, faces: Sequence[Face]) -> Iterator[NDArray[np.uint8]]:
        """[size, size, 3] RGB of each of `faces`, one at a time; errors as in `pixels`."""
        for face in faces:
            picture = cv2.imdecode(np.frombuffer(self.content(face), np.uint8), cv2.IMREAD_COLOR)
            if picture is None or picture.shape != (self.size, self.size, 3):
                raise ManifestError(
                    f"{self.path / face.file} is not a picture of {self.size} × {self.size} pixels."
                )
            yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8)

    def content(self, face: Face) -> bytes:
        """The PNG file of `face`, checked against its hash.

        Raises:
            ManifestError: it is missing or has changed.
        """
        path = inside(self.path, face.file, f"{self.path / 'manifest.jsonl'}")
        content = read_bytes(path, PICTURE_BYTES)
        if sha256(content) != face.sha256:
            raise ManifestError(f"{path} has changed since the set '{self.name}' was frozen.")
        return content


def load(path: Path) -> FaceSet:
    """The frozen set in the folder `path`. Pictures are read later, by `FaceSet.pixels`.

    Raises:
        ManifestError: no set is there, or set.json and manifest.jsonl are damaged or don't belong together.
    """
    if not path.exists():
        raise ManifestError(f"There is no set at {path}: make it with `kaogae dataset freeze {path.name}`.")
    if not (path / "set.json").is_file():
        raise ManifestError(f"{path} is not a frozen set: it has no set.json (see `kaogae dataset freeze`).")
    header = json_object(read_text(path / "set.json"), str(path / "set.json"))
    if header.get("format") != SET_FORMAT or header.get("version") not in READABLE:
        raise ManifestError(
            f"{path / 'set.json'} is not version {' or '.join(map(str, READABLE))} of a Kaogae set."
        )
    size, name, licences = header.get("size"), header.get("name"), header.get("licences")
    if not (type(size) is int and isinstance(name, str) and isinstance(licences, dict)):
        raise ManifestError(f"{path / 'set.json'} lacks the set's size, name or licences.")
    if not 1 <= size <= 1024:
        raise ManifestError(f"{path / 'set.json'}: {size} is no size of faces: 32 to 1024 pixels are.")
    manifest = path / "manifest.jsonl"
    digest = file_sha256(manifest)
    if digest != header.get("hash"):
        raise ManifestError(f"{manifest} has changed since the set '{name}' was frozen.")
    faces = tuple(from_line(line, f"{manifest}, line {number}") for number, line in read_lines(manifest))
    if not faces:
        raise ManifestError(f"{manifest} names no face: freeze the set again.")
    if len({face.file for face in faces}) < len(faces):
        raise ManifestError(f"{manifest} names a picture twice: freeze the set again.")
    return FaceSet(path, name, size, digest, cast("dict[str, int]", licences), faces)
