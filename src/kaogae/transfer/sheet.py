"""The contact sheet: one row for each face, the input and its expressions side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kaogae.faces import CROP_SCALE, Face, warp
from kaogae.images import Picture, save_picture

CELL, GAP, MARGIN = 256, 14, 28
"""Side of a cell and the distances between cells and around them, in pixels."""
HEADING, CAPTION = 40, 26
"""Heights of the line of column titles and of the line below each row, in pixels."""
AROUND = 1.5
"""What a cell shows, in sides of the aligned crop."""
PAPER, INK, FAINT, CARD = "#f6f3ee", "#2b2a33", "#8b8793", 255
ROWS = 40
"""Most rows of one sheet."""
CORNER = 14
"""Radius of a cell's corners in pixels."""


@dataclass(frozen=True)
class Row:
    """A face in all its expressions."""

    title: str
    cells: tuple[Image.Image, ...]
    """RGB, `CELL` × `CELL`: the input first."""


def cell(picture: Picture, face: Face) -> Image.Image:
    """The head around `face` as it stands in the picture, on a plain card: RGB, `CELL` × `CELL`."""
    size = picture.pixels.shape[1::-1]
    side = min(AROUND * CROP_SCALE * face.eye_distance, *size)
    eyes = np.add(face.left_eye, face.right_eye) / 2
    # Half way between the eyes and the chin, so that hair and chin are both there, and nowhere outside
    middle = (eyes + np.array(face.chin)) / 2 - [0, 0.05 * side]
    left, top = np.clip(middle - side / 2, 0, np.array(size) - side)
    scale = CELL / side
    matrix = np.array([[scale, 0, -scale * left], [0, scale, -scale * top]])
    return Image.fromarray(warp(picture.over(CARD), matrix, (CELL, CELL)))


def contact_sheet(columns: Sequence[str], rows: Sequence[Row]) -> Image.Image:
    """One picture of all `rows` under the titles `columns`: RGB."""
    width = 2 * MARGIN + len(columns) * (CELL + GAP) - GAP
    height = 2 * MARGIN + HEADING + len(rows) * (CELL + CAPTION + GAP) - GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    titles, captions = ImageFont.load_default(22), ImageFont.load_default(14)
    rounded = Image.new("L", (CELL * 4, CELL * 4))
    ImageDraw.Draw(rounded).rounded_rectangle((0, 0, CELL * 4 - 1, CELL * 4 - 1), CORNER * 4, 255)
    rounded = rounded.resize((CELL, CELL), Image.Resampling.LANCZOS)
    for i, title in enumerate(columns):
        middle = MARGIN + i * (CELL + GAP) + CELL / 2
        draw.text((middle, MARGIN), title, INK, titles, anchor="ma")
    for j, row in enumerate(rows):
        top = MARGIN + HEADING + j * (CELL + CAPTION + GAP)
        for i, picture in enumerate(row.cells):
            sheet.paste(picture, (MARGIN + i * (CELL + GAP), top), rounded)
        draw.text((MARGIN + 4, top + CELL + 6), _short(row.title), FAINT, captions)
    return sheet


def save_sheets(columns: Sequence[str], rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write contact sheets of up to `ROWS` rows to `folder`: contact-sheet.png, contact-sheet-2.png ...

    Raises:
        PictureError: one can't be written.
    """
    paths: list[Path] = []
    for start in range(0, len(rows), ROWS):
        number = start // ROWS + 1
        path = folder / ("contact-sheet.png" if number == 1 else f"contact-sheet-{number}.png")
        save_picture(Picture.of(contact_sheet(columns, rows[start : start + ROWS])), path)
        paths.append(path)
    return paths


def _short(title: str, most: int = 60) -> str:
    # The default font has Latin letters only
    plain = title.encode("latin-1", "replace").decode("latin-1")
    return plain if len(plain) <= most else plain[: most // 2] + "..." + plain[-most // 2 :]
