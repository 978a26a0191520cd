import hashlib
import json
from pathlib import Path

import cv2
import pytest

from kaogae.atelier.manifest import contact_sheet, write_faces, write_scenes
from kaogae.errors import UsageError
from kaogae.expressions import EXPRESSIONS, Expression


def read(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_faces_come_with_their_truth(tmp_path: Path):
    out = tmp_path / "faces"
    rows = write_faces(out, 2, size=64, workers=1)
    assert read(out) == json.loads(json.dumps(rows))
    assert [row["expression"] for row in rows] == [*EXPRESSIONS] * 2
    for row in rows:
        path = out / row["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
        assert cv2.imread(str(path)).shape == (64, 64, 3)
        assert row["label_origin"] == "drawn"
        assert set(row["landmarks"]) == {"left_eye", "right_eye", "mouth", "nose", "chin"}
        assert 0.6 <= row["intensity"] <= 1


def test_the_same_seed_writes_the_same_faces_with_any_number_of_workers(tmp_path: Path):
    first = write_faces(tmp_path / "a", 2, size=48, seed=7, workers=1)
    second = write_faces(tmp_path / "b", 2, size=48, seed=7, workers=2)
    assert first == second


def test_expressions_and_intensity_can_be_chosen(tmp_path: Path):
    rows = write_faces(
        tmp_path / "a", 1, size=48, expressions=[Expression.SAD], intensity=(0.3, 0.3), workers=1
    )
    assert [(row["expression"], row["intensity"]) for row in rows] == [("sad", 0.3)]


def test_scenes_have_a_row_for_each_face(tmp_path: Path):
    out = tmp_path / "scenes"
    rows = write_scenes(out, 3, sides=(256, 320), seed=2, workers=1)
    assert {row["file"] for row in rows} == {f"scenes/{seed:08d}.png" for seed in (2, 3, 4)}
    for row in rows:
        width, height = row["size"]
        assert cv2.imread(str(out / row["file"])).shape == (height, width, 3)


def test_its_own_folder_is_replaced(tmp_path: Path):
    write_faces(tmp_path / "a", 1, size=48, workers=1)
    rows = write_faces(tmp_path / "a", 1, size=48, seed=5, workers=1)
    assert sorted(path.name for path in (tmp_path / "a" / "faces").iterdir()) == sorted(
        Path(row["file"]).name for row in rows
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError, match="something else"):
        write_faces(tmp_path, 1, size=48, workers=1)
    assert (tmp_path / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("characters", "options"),
    [(0, {}), (-1, {}), (1, {"size": 3}), (1, {"intensity": (0.9, 0.1)}), (1, {"expressions": []})],
)
def test_numbers_out_of_range_are_refused(tmp_path: Path, characters: int, options: dict):
    with pytest.raises(UsageError):
        write_faces(tmp_path / "a", characters, workers=1, **options)
    assert not (tmp_path / "a").exists()


def test_the_contact_sheet_shows_the_faces(tmp_path: Path):
    rows = write_faces(tmp_path / "a", 1, size=48, workers=1)
    sheet = cv2.imread(str(contact_sheet(tmp_path / "a", rows, columns=3, side=32)))
    assert sheet.shape == (64, 96, 3)


def test_pictures_that_the_atelier_did_not_draw_are_never_replaced(tmp_path: Path):
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "mine.png").write_bytes(b"precious")
    (tmp_path / "manifest.jsonl").write_text("{}")
    with pytest.raises(UsageError, match="holds something else"):
        write_faces(tmp_path, 1, size=48, workers=1)
    assert (tmp_path / "faces" / "mine.png").read_bytes() == b"precious"


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_faces(tmp_path / "link", 1, size=48, workers=1)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "manifest.jsonl").is_file()
