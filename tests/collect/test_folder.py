"""Folders of drawn pictures, in this process and killed in one of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select

from kaogae.atelier.manifest import write_faces, write_scenes
from kaogae.catalog import Picture, Workspace, open_catalog
from kaogae.collect.folder import read_truth
from kaogae.errors import ManifestError


def save(path: Path, seed: int, kind: str = "PNG") -> None:
    """A picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (24, 24, 3), np.uint8)
    Image.fromarray(noise).save(path, kind)


def rows(workspace: Path) -> dict[str, Picture]:
    catalog = Workspace(workspace).open()
    with catalog.reading() as session:
        found = {row.post: row for row in session.scalars(select(Picture))}
    catalog.close()
    return found


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for number, name in enumerate(
        ("happy/ann/1.png", "Sad/ann/2.png", "ben/sad/3.png", "4.png", "happy/sad/5.png")
    ):
        save(folder / name, number)
    return folder


@pytest.fixture
def collect(kaogae, tmp_path):
    def run(folder: Path, *options: object) -> tuple[int, dict]:
        code, printed, _ = kaogae(
            "collect", "folder", folder, "--workspace", tmp_path / "workspace", "--json", *options
        )
        return code, json.loads(printed) if printed.strip() else {}

    return run


def test_sub_folders_called_like_expressions_give_the_label(collect, pictures, tmp_path):
    code, report = collect(pictures)
    assert (code, report["new"]) == (0, 5)
    found = rows(tmp_path / "workspace")
    assert {post: (row.expression, row.label_origin) for post, row in found.items()} == {
        "happy/ann/1.png": ("happy", "folder"),
        "Sad/ann/2.png": ("sad", "folder"),
        "ben/sad/3.png": ("sad", "folder"),
        "4.png": (None, None),
        "happy/sad/5.png": (None, None),
    }
    assert {row.site for row in found.values()} == {"folder:pictures"}
    assert {row.character for row in found.values()} == {None}


def test_an_expression_given_by_the_user_holds_for_all(collect, pictures, tmp_path):
    code, _ = collect(pictures, "--expression", "crying", "--name", "mine", "--character-from", "folder")
    found = rows(tmp_path / "workspace").values()
    assert code == 0
    assert {(row.expression, row.label_origin, row.site) for row in found} == {
        ("crying", "folder", "folder:mine")
    }
    assert {row.post: row.character for row in found} == {
        "happy/ann/1.png": "ann",
        "Sad/ann/2.png": "ann",
        "ben/sad/3.png": "ben",
        "4.png": None,
        "happy/sad/5.png": None,
    }


def test_drawn_folders_bring_their_truth(collect, tmp_path):
    write_faces(tmp_path / "faces", 1, size=48, workers=1)
    code, report = collect(tmp_path / "faces")
    found = rows(tmp_path / "workspace")
    assert (code, report["new"]) == (0, 5)
    for post, row in found.items():
        assert f"-{row.expression}.png" in post
        assert (row.label_origin, row.character) == ("drawn", "drawn-0")
    assert report["left_out"] == {"the atelier's manifest and contact sheet": 1}


def test_a_scene_whose_faces_differ_is_unlabelled(collect, tmp_path):
    drawn = write_scenes(tmp_path / "scenes", 6, sides=(256, 300), workers=1)
    truth = {row["file"]: {r["expression"] for r in drawn if r["file"] == row["file"]} for row in drawn}
    assert {len(said) > 1 for said in truth.values()} == {True, False}, "take another seed"
    collect(tmp_path / "scenes")
    for post, row in rows(tmp_path / "workspace").items():
        assert row.expression == (next(iter(truth[post])) if len(truth[post]) == 1 else None)


def test_a_drawn_picture_that_was_exchanged_loses_its_label(collect, tmp_path):
    drawn = write_faces(tmp_path / "faces", 1, size=48, workers=1)
    save(tmp_path / "faces" / drawn[0]["file"], 1)
    collect(tmp_path / "faces")
    found = rows(tmp_path / "workspace")
    assert found[drawn[0]["file"]].expression is None
    assert found[drawn[1]["file"]].expression == drawn[1]["expression"]


def test_a_second_run_takes_only_what_is_new(collect, pictures, tmp_path):
    collect(pictures)
    before = {post: row.id for post, row in rows(tmp_path / "workspace").items()}
    save(pictures / "new.webp", 77, "WEBP")
    code, report = collect(pictures)
    assert (code, report["new"], report["known"]) == (0, 1, 5)
    after = {post: row.id for post, row in rows(tmp_path / "workspace").items()}
    assert before == {post: number for post, number in after.items() if post != "new.webp"}


def test_refused_files_are_counted_and_leave_with_1(collect, pictures, tmp_path):
    shutil.copy(pictures / "4.png", pictures / "copy.png")
    (pictures / "half.png").write_bytes((pictures / "4.png").read_bytes()[:400])
    (pictures / "empty.jpg").touch()
    (pictures / "page.png").write_text("<html>")
    (pictures / "notes.txt").write_text("no picture")
    (pictures / ".hidden.png").write_bytes(b"x")
    shutil.copy(pictures / "ben/sad/3.png", pictures / "nameless")
    (pictures / "ben/sad/3.png").unlink()
    code, report = collect(pictures)
    assert code == 1
    assert report["new"] == 5
    assert report["rejected"] == {
        "damaged": 1,
        "empty": 1,
        "not a picture": 1,
        "same file as another post": 1,
    }
    assert report["left_out"] == {"not a picture": 1}
    found = rows(tmp_path / "workspace")
    assert found["nameless"].state == "waiting"
    assert found["copy.png"].reason == "same file as another post"


def test_links_are_not_followed(collect, pictures, tmp_path):
    save(tmp_path / "outside/secret.png", 50)
    (pictures / "secret.png").symlink_to(tmp_path / "outside/secret.png")
    (pictures / "away").symlink_to(tmp_path / "outside")
    (pictures / "round").symlink_to(pictures)
    code, report = collect(pictures)
    assert (code, report["new"], report["left_out"]) == (0, 5, {"link": 3})


def test_names_that_are_no_text_are_kept_apart(collect, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    for number, name in enumerate((b"a\xff.png", b"b\n.png", "ü.png".encode())):
        save(tmp_path / "draft.png", number)
        os.rename(os.fsencode(tmp_path / "draft.png"), os.fsencode(folder) + b"/" + name)  # noqa: PTH104
    code, report = collect(folder)
    assert (code, report["new"]) == (0, 3)
    code, report = collect(folder)
    assert (code, report["known"]) == (0, 3)


@pytest.mark.parametrize(
    "text", ["[1]\n", "{", '{"file": "a.png"}\n', '"x"\n', "[" * 5000, "null\n"], ids=lambda text: text[:12]
)
def test_manifests_that_are_none_are_refused_in_a_sentence(tmp_path, text):
    (tmp_path / "manifest.jsonl").write_text(text)
    with pytest.raises(ManifestError, match="line 1"):
        read_truth(tmp_path / "manifest.jsonl")


def test_a_folder_that_is_none_is_refused(kaogae, tmp_path):
    code, _, complaint = kaogae("collect", "folder", tmp_path / "none", "--workspace", tmp_path / "workspace")
    assert code == 2
    assert "does not exist" in complaint


def test_killed_and_started_again_it_has_every_picture_once(tmp_path, environment):
    folder, workspace = tmp_path / "many", tmp_path / "workspace"
    for number in range(600):
        save(folder / f"{number % 7}/{number}.png", number)
    command = [
        sys.executable,
        "-m",
        "kaogae.cli",
        "collect",
        "folder",
        str(folder),
        "--workspace",
        str(workspace),
    ]
    for stop in (signal.SIGKILL, signal.SIGKILL, signal.SIGINT):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        stored = len(list(workspace.glob("pictures/*/*/*.png")))
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            if len(list(workspace.glob("pictures/*/*/*.png"))) > stored + 60:
                break
            time.sleep(0.005)
        assert process.poll() is None, "it was done before it could be stopped"
        process.send_signal(stop)
        process.communicate(timeout=30)
        assert process.returncode == (130 if stop is signal.SIGINT else -stop)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    catalog = open_catalog(workspace / "catalog.db")
    with catalog.reading() as session:
        count = session.scalar(select(func.count()).select_from(Picture))
        files = session.scalars(select(Picture.file).where(Picture.state == "waiting")).all()
    catalog.close()
    assert count == len(set(files)) == 600
    assert all((workspace / str(file)).is_file() for file in files)


def test_what_is_no_file_is_counted_and_no_folder_makes_no_workspace(kaogae, tmp_path):
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.png")
    code, out, _ = kaogae("collect", "folder", tmp_path / "in", "--workspace", tmp_path / "w")
    assert (code, "left out: 1 (neither file nor folder)" in out) == (0, True)
    code, _, err = kaogae("collect", "folder", tmp_path / "none", "--workspace", tmp_path / "w2")
    assert (code, str(tmp_path / "none") in err) == (2, True)
    assert not (tmp_path / "w2").exists()
