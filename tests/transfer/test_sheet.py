"""The contact sheet."""

from pathlib import Path

import numpy as np
from PIL import Image

from kaogae.faces import Face
from kaogae.images import Picture
from kaogae.transfer import save_sheets
from kaogae.transfer.sheet import CELL, ROWS, Row, cell

FACE = Face((40, 40, 60, 60), (55, 70), (85, 70), (70, 88), (70, 80), (70, 100), 1.0)


def test_a_cell_shows_the_head_and_nothing_beyond_the_picture() -> None:
    pixels = np.full((200, 90, 3), (10, 200, 30), np.uint8)
    pixels[60:80, 48:62] = (0, 0, 0)  # the left eye
    shown = np.array(cell(Picture.of(pixels), FACE))
    assert shown.shape == (CELL, CELL, 3)
    dark = np.argwhere((shown == 0).all(axis=2))
    assert 0 < dark.min() < dark.max() < CELL - 1
    assert (shown[:, [0, -1]] == (10, 200, 30)).all()


def test_many_rows_go_onto_several_sheets(tmp_path: Path) -> None:
    rows = [Row(f"顔 {i}.png" * 20, (Image.new("RGB", (CELL, CELL), "red"),) * 2) for i in range(ROWS + 1)]
    paths = save_sheets(["input", "happy"], rows, tmp_path)
    assert [path.name for path in paths] == ["contact-sheet.png", "contact-sheet-2.png"]
    first, second = map(Image.open, paths)
    assert first.width == second.width
    assert first.height > 30 * second.height
    assert (255, 0, 0) in {color for _, color in second.getcolors(1 << 20)}


def test_no_rows_no_sheet(tmp_path: Path) -> None:
    assert save_sheets(["input"], [], tmp_path) == []
