"""Folders of pictures: split/expression/picture, and the Hugging Face Hub's split/picture with metadata."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from kaogae.dataset.faceset import FaceSet
from kaogae.dataset.manifest import LANDMARKS, Face, to_line
from kaogae.dataset.splits import SPLITS
from kaogae.expressions import EXPRESSIONS

Contents = Iterable[tuple[Face, bytes]]

SPDX = {
    "CC0 1.0": "cc0-1.0",
    "CC0-1.0": "cc0-1.0",
    "CC BY 4.0": "cc-by-4.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC BY-SA 4.0": "cc-by-sa-4.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "Apache-2.0": "apache-2.0",
    "MIT": "mit",
}
"""Licences that the Hub has a name for."""


def file_name(face: Face) -> str:
    """The picture's name in every export: the first letters of its hash."""
    return f"{face.sha256[:24]}.png"


def write_imagefolder(contents: Contents, folder: Path) -> None:
    """split/expression/<hash>.png, and manifest.jsonl with everything that the set knows of each.

    `kaogae dataset freeze --from` reads it back as the same faces in the same splits.
    """
    with (folder / "manifest.jsonl").open("w", encoding="utf-8", newline="\n") as manifest:
        for face, content in contents:
            name = f"{face.split}/{face.expression}/{file_name(face)}"
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            manifest.write(to_line(replace(face, file=name)) + "\n")


def write_huggingface(faces: FaceSet, contents: Contents, folder: Path) -> None:
    """split/<hash>.png and split/metadata.jsonl for each split that has faces, and README.md, the card."""
    common = _common_landmarks(faces)
    for split in SPLITS:
        if faces.of(split):
            (folder / split).mkdir()
    for face, content in contents:
        (folder / face.split / file_name(face)).write_bytes(content)
        with (folder / face.split / "metadata.jsonl").open("a", encoding="utf-8", newline="\n") as metadata:
            metadata.write(json.dumps(_metadata(face, common), ensure_ascii=False) + "\n")
    (folder / "README.md").write_text(_card(faces, common), encoding="utf-8", newline="\n")


def _common_landmarks(faces: FaceSet) -> tuple[str, ...]:
    """Those that every face has: a column's kind must be the same in all rows."""
    return tuple(name for name in LANDMARKS if all(name in (face.landmarks or {}) for face in faces.faces))


def _metadata(face: Face, landmarks: tuple[str, ...]) -> dict[str, Any]:
    origin = face.origin
    return {
        "file_name": file_name(face),
        "expression": face.expression.value,
        "label": face.expression.position,
        "character": face.character,
        "source": face.source,
        "label_origin": face.label_origin,
        "licence": face.licence,
        "site": origin.site if origin else "",
        "post": origin.post if origin else "",
        "artist": origin.artist if origin else "",
        "page": origin.page if origin else "",
        "picture_sha256": origin.picture_sha256 if origin else "",
        "sha256": face.sha256,
    } | {name: list((face.landmarks or {})[name]) for name in landmarks}


def _card(faces: FaceSet, landmarks: tuple[str, ...]) -> str:
    rows = [
        f"| {split} | {' | '.join(str(count) for count in row.values())} | {sum(row.values())} |"
        for split, row in faces.counts().items()
    ]
    return "\n".join(
        [
            *_header(faces, landmarks),
            f"# {faces.name}",
            "",
            f"{len(faces.faces)} anime faces of {faces.size} × {faces.size} pixels, each with one of five",
            "facial expressions: eyes level, crop of 2.7 eye distances. No character is in two splits.",
            f"Frozen with Kaogae; the SHA-256 of its manifest is `{faces.hash}`.",
            "",
            f"| split | {' | '.join(EXPRESSIONS)} | all |",
            f"|---{'|--:' * (len(EXPRESSIONS) + 1)}|",
            *rows,
            "",
            *_table("label from", Counter(face.label_origin for face in faces.faces)),
            *_table("source", Counter(face.source for face in faces.faces)),
            "## Licences",
            "",
            "The pictures belong to their artists; `licence`, `artist` and `page` say what is known of each.",
            "",
            *_table("licence", Counter(face.licence or "not stated" for face in faces.faces)),
        ]
    )


def _header(faces: FaceSet, landmarks: tuple[str, ...]) -> list[str]:
    licences = {face.licence for face in faces.faces}
    licence = SPDX.get(next(iter(licences)), "other") if len(licences) == 1 else "other"
    count = len(faces.faces)
    size = next(
        (name for most, name in ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K")) if count < most),
        "100K<n<1M",
    )
    texts = [name for name in _metadata(faces.faces[0], ()) if name not in ("file_name", "label")]
    lines = ["---", f"pretty_name: {json.dumps(faces.name)}", f"license: {licence}"]
    if licence == "other":
        lines += ["license_name: per-picture", "license_link: README.md"]
    lines += ["task_categories:", "- image-classification", "tags:", "- anime", "- facial-expression"]
    lines += ["size_categories:", f"- {size}", "configs:", "- config_name: default", "  data_files:"]
    for split in SPLITS:
        if faces.of(split):
            lines += [f"  - split: {split}", f"    path: {split}/**"]
    lines += ["  features:", "  - name: image", "    dtype: image"]
    for name in texts:
        lines += [f"  - name: {name}", "    dtype: string"]
    lines += ["  - name: label", "    dtype:", "      class_label:", "        names:"]
    lines += [f"          '{e.position}': {e.value}" for e in EXPRESSIONS]
    for name in landmarks:
        lines += [f"  - name: {name}", "    sequence: float64"]
    return [*lines, "---", ""]


def _table(title: str, counts: Counter[str]) -> list[str]:
    rows = [f"| {_plain(name)} | {count} |" for name, count in sorted(counts.items())]
    return [f"| {title} | faces |", "|---|--:|", *rows, ""]


def _plain(text: str) -> str:
    """Text from outside, unable to be Markdown or HTML."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return re.sub(r"([\\`*_{}\[\]<>()#+!|&~])", r"\\\1", " ".join(text.split()))
