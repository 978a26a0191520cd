"""All waiting pictures: what ends up in the catalogue, whatever they are and whatever happens meanwhile."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from kaogae.catalog import Catalog, Face, Picture, Workspace
from kaogae.errors import PictureError
from kaogae.faces import AnimefaceDetector, warp
from kaogae.faces.bulk import Tally, search
from kaogae.faces.crops import pixels_sha256
from kaogae.faces.engines import Local
from kaogae.faces.study import Filters, Study

sys.path.insert(0, str(Path(__file__).parents[1]))
from functions_for_workers import Told, told

Kaogae = Callable[..., tuple[int, str, str]]
Collected = Callable[..., Workspace]


def run(workspace: Workspace, detector: Any = Told, workers: int = 2, **filters: Any) -> Tally:
    catalog = workspace.open()
    study = Study(workspace.folder, detector, Filters(**filters))
    try:
        return search(workspace, catalog, study, Local(workers), detector="told")
    finally:
        catalog.close()


def pictures_of(workspace: Workspace) -> dict[str, tuple[str, str | None]]:
    catalog = workspace.open()
    with catalog.reading() as session:
        found = {row.post: (row.state, row.reason) for row in session.scalars(select(Picture))}
    catalog.close()
    return found


def faces_of(workspace: Workspace) -> list[dict[str, Any]]:
    """All faces, without the numbers of rows, in the order of posts."""
    catalog = workspace.open()
    with catalog.reading() as session:
        query = select(Face, Picture.post).join(Picture).order_by(Picture.site, Picture.post, Face.number)
        names = {face.id: (post, face.number) for face, post in session.execute(query)}
        rows = [
            {column.name: getattr(face, column.name) for column in Face.__table__.columns}
            | {"id": names[face.id], "picture_id": post, "duplicate_of": names.get(face.duplicate_of)}
            for face, post in session.execute(query)
        ]
    catalog.close()
    return rows


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


# What ends up where


def test_faces_get_their_rows_crops_and_labels(
    kaogae: Kaogae, collected: Collected, portraits: list[np.ndarray]
) -> None:
    known = {"expression": "happy", "label_origin": "tag", "character": "Aoi"}
    workspace = collected([{"content": picture, **known} for picture in portraits[:3]])
    code, out, _ = kaogae("faces", "--workspace", workspace.folder, "--workers", 2, "--json")
    assert code == 0
    faces = faces_of(workspace)
    assert len(faces) >= 2
    assert json.loads(out)["faces"]["kept"] == len(faces)
    for face in faces:
        assert (face["state"], face["expression"], face["label_origin"]) == ("kept", "happy", "tag")
        assert (face["character"], face["site"], face["detector"]) == ("Aoi", "test", "animeface")
        crop = np.asarray(Image.open(workspace.folder / face["file"]))
        assert pixels_sha256(crop) == face["pixels_sha256"]
        picture = portraits[int(face["picture_id"])]
        assert np.array_equal(crop, warp(picture, np.array(face["matrix"]), (face["size"],) * 2))
        assert set(face["landmarks"]) == {"left_eye", "right_eye", "mouth", "nose", "chin"}
    assert set(pictures_of(workspace).values()) <= {("searched", None), ("rejected", "no face")}


def test_everything_rejected_stays_with_its_reason(collected: Collected) -> None:
    row = {"expression": "sad", "label_origin": "tag"}
    contents = [told(0, (95, 30, 0), (60, 29, 0), (90, 20, 0)), told(1, *[(90, 26, 0)] * 2), told(2)]
    contents[1][0, : 9 * 7 : 9] = (90, 26, 0)
    contents[1][0, 1] = 255
    workspace = collected([{"content": content, **row} for content in contents])
    tally = run(workspace)
    assert pictures_of(workspace) == {
        "0": ("searched", None),
        "1": ("rejected", "more than 6 faces"),
        "2": ("rejected", "no face"),
    }
    kept = [face for face in faces_of(workspace) if face["state"] == "kept"]
    assert [(face["picture_id"], face["number"], face["expression"]) for face in kept] == [("0", 0, "sad")]
    assert (tally.searched, tally.kept, tally.failed) == (3, 1, 0)
    assert tally.faces == {"confidence below 0.80": 1, "too small": 1, "more than 6 faces": 7}
    labels = {(face["expression"], face["label_origin"]) for face in faces_of(workspace)}
    assert labels == {("sad", "tag")}  # so that rejections are counted per expression


def test_the_same_on_both_databases(
    catalog: Catalog, catalog_url: str, collected: Collected, kaogae: Kaogae
) -> None:
    catalog.close()
    workspace = collected([told(n, (90, 30, 0)) for n in range(3)], url=catalog_url)
    tally = run(workspace)
    assert tally.kept == 3
    arguments = ["--workspace", workspace.folder, "--catalog", catalog_url, "--workers", 1]
    code, out, _ = kaogae("faces", *arguments)
    assert (code, out.splitlines()[0]) == (0, "pictures: 0, faces kept: 0")
    assert len(faces_of(workspace)) == 3


# Bad pictures


def bomb() -> bytes:
    file = BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    return file.getvalue()


def test_hostile_pictures_are_rejected_and_stop_nothing(
    kaogae: Kaogae, collected: Collected, portraits: list[np.ndarray], tmp_path: Path
) -> None:
    whole = BytesIO()
    Image.fromarray(portraits[1]).save(whole, "PNG")
    secret = tmp_path / "secret.png"
    secret.write_bytes(whole.getvalue())
    cases: dict[str, tuple[Any, str | None]] = {
        "good": ({"content": portraits[0]}, None),
        "empty": ({"content": b""}, "empty"),
        "cut off": ({"content": whole.getvalue()[:9000]}, "damaged"),
        "text": ({"content": b"not a picture, whatever its name says"}, "not a picture"),
        "bomb": ({"content": bomb()}, "too large"),
        "changed": ({"content": portraits[2], "sha256": "0" * 64}, "changed"),
        "no file": ({"content": portraits[3], "file": None, "sha256": None}, "no file"),
        "missing": ({"content": portraits[4], "file": "pictures/nowhere.png"}, "no file"),
        "passwd": ({"content": portraits[5], "file": "../../../../../etc/passwd"}, "outside the folder"),
        "absolute": ({"content": portraits[6], "file": str(secret), "sha256": None}, "outside the folder"),
        "link": (
            {"content": portraits[7], "file": "pictures/link.png", "sha256": None},
            "outside the folder",
        ),
        "folder": ({"content": portraits[8], "file": "pictures", "sha256": None}, "no file"),
        "nul": ({"content": portraits[9], "file": "pictures/a\\x00b", "sha256": None}, "no file"),
        "dying": ({"content": portraits[10]}, None),
    }
    workspace = collected([{**row, "post": post} for post, (row, _) in cases.items()])
    (workspace.folder / "pictures/link.png").symlink_to(secret)
    code, out, err = kaogae("faces", "--workspace", workspace.folder, "--workers", 2, "--json")
    assert code == 1
    assert "Traceback" not in err
    found = pictures_of(workspace)
    for post, (_, reason) in cases.items():
        assert found[post][1] == reason, post
        assert found[post][0] == ("rejected" if reason else "searched")
    assert json.loads(out)["pictures"]["failed"] == sum(1 for _, reason in cases.values() if reason)
    assert {face["picture_id"] for face in faces_of(workspace)} == {"good", "dying"}


def test_a_picture_that_kills_its_process_is_rejected_and_the_rest_goes_on(collected: Collected) -> None:
    workspace = collected(
        [told(n, (90, 30, 66 if n in (2, 3, 9) else 77 if n == 5 else 0)) for n in range(12)]
    )
    tally = run(workspace)
    assert tally.pictures == {"crashed the detector": 4}
    assert tally.failed == 4
    crashed = {post for post, (_, reason) in pictures_of(workspace).items() if reason}
    assert crashed == {"2", "3", "5", "9"}
    assert len(faces_of(workspace)) == 8


# Being stopped


def start(workspace: Workspace, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kaogae.cli", "faces", "--workspace", workspace.folder, "--workers", "2"]
    return subprocess.Popen(
        [*map(str, command), *options],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def searched(workspace: Workspace) -> int:
    return sum(1 for state, _ in pictures_of(workspace).values() if state != "waiting")


def test_killed_at_any_moment_and_started_again_every_picture_counts_once(
    collected: Collected, portraits: list[np.ndarray]
) -> None:
    pictures = [np.roll(picture, shift, 1) for picture in portraits for shift in range(0, 45, 9)]
    undisturbed, killed = collected(pictures, "undisturbed"), collected(pictures, "killed")
    run(undisturbed, AnimefaceDetector, workers=2)
    kills = 0
    for _ in range(4):
        before, process = searched(killed), start(killed)
        deadline = time.monotonic() + 60
        while process.poll() is None and searched(killed) < before + 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    assert kills >= 2
    process = start(killed, "--near-duplicate", "0")
    assert process.communicate(timeout=120)[1].count("Traceback") == 0
    assert process.returncode == 0
    stable = (
        "id",
        "picture_id",
        "pixels_sha256",
        "confidence",
        "matrix",
        "phash",
        "blur",
        "file",
        "expression",
    )
    rows = [[{key: row[key] for key in stable} for row in faces_of(each)] for each in (undisturbed, killed)]
    assert rows[0] == rows[1]
    assert len(rows[0]) > 12
    assert pictures_of(undisturbed) == pictures_of(killed)
    crops = files_in(killed.folder / "faces")
    assert {name for name in crops if not name.endswith(".part")} == files_in(undisturbed.folder / "faces")


@pytest.mark.parametrize("after", [0.9, 1.5, 3.0])
def test_ctrl_c_stops_with_one_line(collected: Collected, portraits: list[np.ndarray], after: float) -> None:
    workspace = collected([np.roll(picture, k, 1) for picture in portraits for k in range(20)])
    process = start(workspace)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert (out, err) == ("", "kaogae: stopped.\n")


def test_a_second_run_says_that_one_is_at_work(kaogae: Kaogae, collected: Collected) -> None:
    workspace = collected([told(0)])
    catalog = workspace.open()
    with catalog.alone("faces"):
        code, out, err = kaogae("faces", "--workspace", workspace.folder)
    catalog.close()
    assert (code, out) == (2, "")
    assert "Another run of 'faces' is at work" in err
    assert pictures_of(workspace)["0"][0] == "waiting"


def test_a_folder_that_cannot_be_written_leaves_the_pictures_waiting(collected: Collected) -> None:
    workspace = collected([told(n, (90, 30, 0)) for n in range(3)])
    workspace.faces.write_text("a file where the folder should be")
    with pytest.raises(PictureError, match="can't be written"):
        run(workspace)
    assert Counter(state for state, _ in pictures_of(workspace).values())["searched"] == 0
    workspace.faces.unlink()
    assert run(workspace).kept == 3


def test_where_nothing_was_collected_nothing_is_made(kaogae: Kaogae, tmp_path: Path) -> None:
    code, out, err = kaogae("faces", "--workspace", tmp_path / "mistyped")
    assert (code, out) == (2, "")
    assert "There is no catalogue in" in err
    assert not (tmp_path / "mistyped").exists()


def test_wrong_options_are_sentences(kaogae: Kaogae, collected: Collected, tmp_path: Path) -> None:
    folder = ["faces", "--workspace", collected([told(0)]).folder]
    for options, sentence in (
        (["--detector", "magic"], "There is no detector 'magic'"),
        (["--engine", "magic"], "There is no engine 'magic'"),
        (["--address", "1.2.3.4:5"], "only for --engine ray"),
        (["--workers", "0"], "At least one worker"),
        (["--most-faces", "0"], "not 0."),
        (["--blur", "nan"], "A blur of nan is out of range"),
        (["--least-side", "-1"], "A least side of -1 is out of range"),
        (["--cascade", tmp_path / "none.xml"], "only for --detector lbpcascade"),
        (["--confidence", "80"], "out of range"),
        (["--near-duplicate", "13"], "out of range"),
        (["--detector", "lbpcascade", "--cascade", tmp_path / "none.xml"], "none.xml"),
    ):
        code, out, err = kaogae(*folder, *options)
        assert (code, out) == (2, ""), options
        assert sentence in err
