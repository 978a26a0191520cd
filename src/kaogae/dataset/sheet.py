"""Contact sheets: one expression of a set seen at one glance, split by split."""

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kaogae.dataset.faceset import FaceSet
from kaogae.dataset.manifest import Face
from kaogae.dataset.splits import SPLITS
from kaogae.expressions import Expression

COLUMNS, CELL, GAP, MARGIN = 12, 112, 6, 24
"""Faces side by side, the side of a face, the distance between faces and around the sheet, in pixels."""
HEADING, SECTION, CAPTION = 52, 36, 15
"""Heights of the sheet's title, of a split's title and of the line below a face, in pixels."""
ROWS = {"train": 5, "validation": 2, "test": 2}
"""Most rows of each split."""
PAPER, INK, FAINT = "#f6f3ee", "#2b2a33", "#8b8793"
COLOURS = {"train": "#4a7fb5", "validation": "#c08a2e", "test": "#b5504a"}


def contact_sheet(faces: FaceSet, expression: Expression) -> NDArray[np.uint8]:
    """[H, W, 3] RGB: up to 108 faces of `expression`, split by split, with counts and where they come from.

    Which faces are shown follows from their hashes, so it is a fair sample. The line below a face names its
    character.

    Raises:
        ManifestError: a picture is missing or changed.
    """
    shown = {split: _chosen(faces, expression, split) for split in SPLITS}
    rows = {split: -(-len(chosen) // COLUMNS) for split, chosen in shown.items()}
    below = CELL + CAPTION + GAP
    height = 2 * MARGIN + HEADING + sum(SECTION + count * below for count in rows.values())
    sheet = Image.new("RGB", (2 * MARGIN + COLUMNS * (CELL + GAP) - GAP, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    every = sum(face.expression is expression for face in faces.faces)
    draw.text((MARGIN, MARGIN), expression.value, INK, ImageFont.load_default(30))
    about = f"{_latin(faces.name, 60)}: {every:,} of {len(faces.faces):,} faces"
    draw.text((sheet.width - MARGIN, MARGIN + 12), about, FAINT, ImageFont.load_default(15), anchor="ra")
    top = MARGIN + HEADING
    for split, chosen in shown.items():
        _title(draw, top, split, [face for face in faces.of(split) if face.expression is expression])
        top += SECTION
        _cells(sheet, draw, top, faces, chosen)
        top += rows[split] * below
    return np.asarray(sheet, np.uint8)


def _chosen(faces: FaceSet, expression: Expression, split: str) -> list[Face]:
    found = [face for face in faces.of(split) if face.expression is expression]
    return sorted(found, key=lambda face: face.sha256)[: COLUMNS * ROWS[split]]


def _title(draw: ImageDraw.ImageDraw, top: int, split: str, faces: Sequence[Face]) -> None:
    draw.rectangle((MARGIN, top + 8, MARGIN + 5, top + 26), COLOURS[split])
    draw.text((MARGIN + 14, top + 6), f"{split}  {len(faces):,}", INK, ImageFont.load_default(17))
    sources = Counter(face.source for face in faces).most_common(4)
    origins = Counter(face.label_origin for face in faces).most_common(3)
    parts = [
        ", ".join(f"{_latin(name, 24)} {count:,}" for name, count in part) for part in (sources, origins)
    ]
    more = len({face.source for face in faces}) - len(sources)
    text = (
        f"{parts[0]}{f' and {more} more' if more > 0 else ''}   labels: {parts[1]}" if faces else "no faces"
    )
    draw.text((MARGIN + 170, top + 9), text, FAINT, ImageFont.load_default(13))


def _cells(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, top: int, faces: FaceSet, chosen: Sequence[Face]
) -> None:
    captions = ImageFont.load_default(10)
    way = cv2.INTER_AREA if faces.size > CELL else cv2.INTER_CUBIC
    for i, (face, picture) in enumerate(zip(chosen, faces.pictures(chosen), strict=True)):
        x = MARGIN + i % COLUMNS * (CELL + GAP)
        y = top + i // COLUMNS * (CELL + CAPTION + GAP)
        small = cv2.resize(picture, (CELL, CELL), interpolation=way)
        sheet.paste(Image.fromarray(small.astype(np.uint8)), (x, y))
        names = [_latin(face.character, most) for most in range(22, 9, -1)]
        caption = next((name for name in names if captions.getlength(name) <= CELL), names[-1])
        draw.text((x, y + CELL + 2), caption, FAINT, captions)


def _latin(text: str, most: int) -> str:
    """The font has Latin letters only; of a long name both ends are told."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    plain = plain.encode("latin-1", "replace").decode("latin-1")
    return plain if len(plain) <= most else f"{plain[: most - 9]}...{plain[-6:]}"
