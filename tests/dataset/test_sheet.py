"""Contact sheets show what is there, whatever it is called."""

import pytest
from PIL import Image

from kaogae.dataset import Shares, contact_sheet, freeze, load
from kaogae.dataset.sheet import CAPTION, CELL, COLUMNS, GAP, HEADING, MARGIN, ROWS, SECTION
from kaogae.expressions import Expression


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """200 happy faces of one colour each; a sad one of a character with a long Japanese name."""
    folder = tmp_path_factory.mktemp("colours")
    for i in range(200):
        path = folder / "colours" / "happy" / f"c{i}" / "1.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (32, 32), (i, 255 - i, 7)).save(path)
    path = folder / "colours" / "sad" / ("涙" * 40) / "1.png"
    path.parent.mkdir(parents=True)
    Image.new("RGB", (32, 32), (1, 2, 3)).save(path)
    return load(
        freeze("first", [folder / "colours"], folder / "sets", size=32, shares=Shares(0.05, 0.2)).path
    )


def test_each_split_is_shown_under_its_title(faces):
    sheet = contact_sheet(faces, Expression.HAPPY)
    assert {split: row["happy"] for split, row in faces.counts().items()} == {
        "train": 150, "validation": 10, "test": 40,
    }  # fmt: skip
    rows = {"train": 5, "validation": 1, "test": 2}
    assert all(rows[split] <= most for split, most in ROWS.items())
    below = CELL + CAPTION + GAP
    assert sheet.shape[0] == 2 * MARGIN + HEADING + 3 * SECTION + 8 * below
    top = MARGIN + HEADING
    for split, count in rows.items():
        top += SECTION
        known = {tuple(p[0, 0]) for p in faces.pictures(faces.of(split))}
        for row in range(count):
            shown = COLUMNS if split != "validation" else 10
            for column in range(shown):
                y, x = top + row * below + CELL // 2, MARGIN + column * (CELL + GAP) + CELL // 2
                assert tuple(sheet[y, x]) in known
        top += count * below


@pytest.mark.parametrize(("expression", "count"), [(Expression.SAD, 1), (Expression.CRYING, 0)])
def test_few_faces_none_at_all_and_odd_names_have_a_sheet_too(faces, expression, count):
    sheet = contact_sheet(faces, expression)
    assert (sheet == [1, 2, 3]).all(axis=-1).sum() == count * CELL * CELL
