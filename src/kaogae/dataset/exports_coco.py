"""COCO's form for landmarks: pictures, and one file of annotations for each split."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from kaogae.dataset.exports_folders import file_name
from kaogae.dataset.faceset import FaceSet
from kaogae.dataset.manifest import LANDMARKS, Face
from kaogae.dataset.splits import SPLITS
from kaogae.expressions import EXPRESSIONS
from kaogae.faces import apply_matrix

SKELETON = [[1, 2], [1, 4], [2, 4], [4, 3], [3, 5]]
"""Pairs of landmarks that are drawn joined, counted from 1."""


def write_coco(faces: FaceSet, contents: Iterable[tuple[Face, bytes]], folder: Path) -> None:
    """images/<split>/<hash>.png and annotations/<split>.json.

    Each expression is a category with the five keypoints; places are in pixels of the crop, its corner at
    (0, 0) and pixel centres at whole + 0.5. A landmark that is unknown or outside the crop is 0, 0, 0.
    """
    licences = sorted({face.licence for face in faces.faces})
    files = {split: _new_file(faces, split, licences) for split in SPLITS if faces.of(split)}
    (folder / "annotations").mkdir()
    for number, (face, content) in enumerate(contents, 1):
        path = folder / "images" / face.split / file_name(face)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        file = files[face.split]
        file["images"].append(
            {
                "id": number,
                "file_name": f"{face.split}/{path.name}",
                "width": faces.size,
                "height": faces.size,
                "license": licences.index(face.licence) + 1,
                "character": face.character,
                "source": face.source,
                "sha256": face.sha256,
            }
        )
        file["annotations"].append(_annotation(face, number, faces.size))
    for split, file in files.items():
        with (folder / "annotations" / f"{split}.json").open("w", encoding="utf-8", newline="\n") as target:
            json.dump(file, target, ensure_ascii=False)


def _new_file(faces: FaceSet, split: str, licences: list[str]) -> dict[str, Any]:
    return {
        "info": {"description": f"{faces.name}, {split}", "version": faces.hash},
        "licenses": [
            {"id": i, "name": name or "not stated", "url": ""} for i, name in enumerate(licences, 1)
        ],
        "categories": [
            {
                "id": expression.position + 1,
                "name": expression.value,
                "supercategory": "face",
                "keypoints": list(LANDMARKS),
                "skeleton": SKELETON,
            }
            for expression in EXPRESSIONS
        ],
        "images": [],
        "annotations": [],
    }


def _annotation(face: Face, number: int, size: int) -> dict[str, Any]:
    keypoints: list[float] = []
    for name in LANDMARKS:
        x, y = (face.landmarks or {}).get(name, (-1.0, -1.0))
        inside = 0 <= x <= size and 0 <= y <= size
        keypoints += [x, y, 2] if inside else [0, 0, 0]
    box = _box(face, size)
    return {
        "id": number,
        "image_id": number,
        "category_id": face.expression.position + 1,
        "bbox": box,
        "area": round(box[2] * box[3], 2),
        "iscrowd": 0,
        "keypoints": keypoints,
        "num_keypoints": sum(value == 2 for value in keypoints[2::3]),
        "label_origin": face.label_origin,
    }


def _box(face: Face, size: int) -> list[float]:
    """Left, top, width, height: what the detector found, as far as the crop shows it, or the whole crop."""
    if face.origin is not None:
        left, top, width, height = face.origin.box
        corners = [[left, top], [left + width, top], [left, top + height], [left + width, top + height]]
        seen = apply_matrix(np.array(face.origin.matrix), corners).clip(0, size)
        low, high = seen.min(axis=0), seen.max(axis=0)
        if (high - low >= 1).all():
            return [round(float(value), 2) for value in (*low, *(high - low))]
    return [0.0, 0.0, float(size), float(size)]
