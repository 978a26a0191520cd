"""Panels: which pictures are taken, where they go, and what hostile folders can't do."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from kaogae.catalog import Catalog, Item, Workspace
from kaogae.errors import KaogaeError, LabelError, ManifestError, PictureError, UsageError
from kaogae.expressions import Expression
from kaogae.label.campaigns import Settings, find
from kaogae.label.panels import PanelPicture, new_panel, read_transfers


def draw(path: Path, number: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(path)
    return path


def items(catalog: Catalog) -> list[Item]:
    with catalog.reading() as session:
        campaign = find(session, "panel").id
        return list(session.scalars(select(Item).where(Item.campaign_id == campaign).order_by(Item.number)))


def test_pictures_are_copied_and_nothing_else_is_known_to_annotators(
    workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    pictures = [
        PanelPicture(draw(tmp_path / f"{k}.png", k), Expression.SAD, f"input {k}", "happy", "small")
        for k in range(6)
    ]
    begun = new_panel(workspace, catalog, "panel", pictures, Settings(annotators=1, seed=3))
    assert (begun.kind, begun.items) == ("panel", 6)
    with catalog.reading() as session:
        assert find(session, "panel").settings == {"annotators": 1, "blind": True, "seed": 3}
    found = items(catalog)
    assert sorted(item.about["name"] for item in found) == [f"input {k}" for k in range(6)]
    assert [item.about["name"] for item in found] != [f"input {k}" for k in range(6)]
    for item in found:
        k = int(item.about["name"].split()[1])
        assert item.about == {"name": f"input {k}", "source": "happy", "target": "sad", "model": "small"}
        assert item.file == f"panels/{item.sha256[:2]}/{item.sha256}.png"
        assert (workspace.folder / item.file).read_bytes() == pictures[k].path.read_bytes()
        assert (item.label, item.face_id) == (None, None)


def test_the_same_picture_is_one_item_per_target(
    workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    one, copy = draw(tmp_path / "a.png"), draw(tmp_path / "b.png")
    given = [
        *(PanelPicture(path, Expression.HAPPY) for path in (one, copy)),
        PanelPicture(one, Expression.CRYING),
    ]
    begun = new_panel(workspace, catalog, "panel", given)
    assert (begun.items, begun.left_out) == (2, {"the same picture twice": 1})
    assert len(list((workspace.folder / "panels").rglob("*.png"))) == 1


def test_each_model_and_each_input_counts_although_the_pictures_are_alike(
    workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    same = draw(tmp_path / "a.png")
    given = [
        PanelPicture(same, Expression.HAPPY, name, "sad", model)
        for model in ("small", "paper", "small")
        for name in ("1", "2")
    ]
    begun = new_panel(workspace, catalog, "panel", given)
    assert (begun.items, begun.left_out) == (4, {"the same picture twice": 2})
    assert len(list((workspace.folder / "panels").rglob("*.png"))) == 1


def test_a_sample_copies_only_what_it_asks_about(
    workspace: Workspace, catalog: Catalog, tmp_path: Path
) -> None:
    given = [PanelPicture(draw(tmp_path / f"{k}.png", k), Expression.SAD) for k in range(9)]
    assert new_panel(workspace, catalog, "panel", given, sample=4).items == 4
    assert len(list((workspace.folder / "panels").rglob("*.png"))) == 4


def test_a_copy_that_is_damaged_is_made_anew(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> None:
    picture = PanelPicture(draw(tmp_path / "a.png"), Expression.SAD)
    new_panel(workspace, catalog, "first", [picture])
    (copy,) = (workspace.folder / "panels").rglob("*.png")
    copy.write_bytes(b"half")
    new_panel(workspace, catalog, "panel", [picture])
    assert copy.read_bytes() == picture.path.read_bytes()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_picture_begins_nothing(
    workspace: Workspace, catalog: Catalog, tmp_path: Path, content: bytes
) -> None:
    bad = tmp_path / "bad.sad.png"
    bad.write_bytes(content)
    good = draw(tmp_path / "good.sad.png")
    with pytest.raises(PictureError, match=r"bad\.sad\.png"):
        new_panel(workspace, catalog, "panel", [PanelPicture(path, Expression.SAD) for path in (good, bad)])
    with catalog.reading() as session, pytest.raises(LabelError, match="There is no campaign"):
        find(session, "panel")


def test_no_pictures_and_a_name_twice(workspace: Workspace, catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="There are no pictures"):
        new_panel(workspace, catalog, "panel", [])
    picture = PanelPicture(draw(tmp_path / "a.png"), Expression.SAD)
    new_panel(workspace, catalog, "panel", [picture])
    with pytest.raises(LabelError, match="already"):
        new_panel(workspace, catalog, "panel", [picture])


def test_a_folder_as_transfer_writes_it(tmp_path: Path) -> None:
    for name in (
        *("a.happy.png", "a.sad.webp", "a.happy.face2.png", "a.happy.sad.png", "photo.Crying.JPG"),
        *("sub/b.neutral.png", "wrong.surprised.jpg.png"),
        *("a.happy.mask.png", "contact-sheet.png", "contact-sheet-2.png", "a.png", ".x.sad.png"),
    ):
        draw(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    pictures, left_out = read_transfers(tmp_path)
    assert sorted((picture.name, picture.target.value) for picture in pictures) == [
        ("a", "happy"),
        ("a", "happy"),
        ("a", "sad"),
        ("a.happy", "sad"),
        ("photo", "crying"),
        ("sub/b", "neutral"),
        ("wrong", "surprised"),
    ]
    assert left_out == {
        "a mask": 1,
        "a contact sheet": 2,
        "hidden": 1,
        "not called NAME.EXPRESSION.png": 2,
    }


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_folder_with_a_manifest(tmp_path: Path, form: str) -> None:
    rows = [
        {"file": "x/1.png", "target": "sad", "source": "happy", "model": "模型, small"},
        {"file": "2.png", "target": "crying"},
    ]
    for row in rows:
        draw(tmp_path / row["file"])
    lines = (
        [json.dumps(row) for row in rows]
        if form == "jsonl"
        else ["\ufefffile,target,source,model", 'x/1.png,sad,happy,"模型, small"', "2.png,crying,,"]
    )
    (tmp_path / f"panel.{form}").write_text("\r\n".join(lines), "utf-8")
    pictures, left_out = read_transfers(tmp_path)
    assert pictures == [
        PanelPicture(tmp_path / "x/1.png", Expression.SAD, "x/1.png", "happy", "模型, small"),
        PanelPicture(tmp_path / "2.png", Expression.CRYING, "2.png"),
    ]
    assert not left_out


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"file": "../secret.png", "target": "sad"}, "outside"),
        ({"file": "/etc/passwd", "target": "sad"}, "outside"),
        ({"file": "link.png", "target": "sad"}, "outside"),
        ({"file": "gone.png", "target": "sad"}, "missing"),
        ({"file": "a.png", "target": "smug"}, "'smug' is none of"),
        ({"file": "a.png"}, "'target' is missing"),
        ({"target": "sad"}, "'file' is missing"),
        ({"file": "a.png", "target": "sad", "model": "x" * 501}, "at most 500"),
        ({"file": "a.png", "target": "sad", "model": 7}, "must be text"),
        ({"file": "a.png", "target": ["sad"]}, "must be text"),
        ([1], "JSON object"),
        ({"file": "a.png", "target": "sad", "x": "y" * 2**21}, "more than 1,048,576 bytes"),
    ],
)
def test_manifests_that_lie(tmp_path: Path, row: object, says: str) -> None:
    folder = tmp_path / "transferred"
    draw(folder / "a.png")
    draw(tmp_path / "secret.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "panel.jsonl").write_text(json.dumps(row))
    with pytest.raises(ManifestError, match=says):
        read_transfers(folder)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"file,aim\na.png,sad\n", "has no column target"),
        (b"file,target\nx,sad\n", "line 2: .* is missing"),
        (b"file,target\n,sad\n", "line 2: 'file' is missing"),
        (b'file,target\n"' + b"x\n" * 100_000, "field larger"),
        (b"file,target\na.\0png,sad\n", "outside"),
        ("file,target\na.png,sad\n".encode("utf-16"), "isn't UTF-8"),
    ],
)
def test_tables_that_cant_be(tmp_path: Path, content: bytes, says: str) -> None:
    draw(tmp_path / "a.png")
    (tmp_path / "panel.csv").write_bytes(content)
    with pytest.raises(ManifestError, match=says):
        read_transfers(tmp_path)


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "transferred"
    draw(folder / "a.sad.png")
    (folder / "b.sad.png").symlink_to(draw(tmp_path / "secret.png"))
    with pytest.raises(KaogaeError, match="outside"):
        read_transfers(folder)


def test_folders_without_transfers(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="isn't a folder"):
        read_transfers(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="holds no transferred picture"):
        read_transfers(tmp_path)
    for form in ("csv", "jsonl"):
        (tmp_path / f"panel.{form}").write_text("")
    with pytest.raises(UsageError, match="has both"):
        read_transfers(tmp_path)
