"""The stage over a small workspace: what is enhanced, what is left, and what killing it costs."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from sqlalchemy import select

from kaogae.catalog import Face
from kaogae.errors import CatalogError, PictureError, UsageError
from kaogae.upscale import Bicubic, enhance, reaching


@pytest.fixture
def catalog(workspace):
    opened = workspace.open()
    yield opened
    opened.close()


def rows(catalog):
    with catalog.reading() as session:
        return list(session.scalars(select(Face).order_by(Face.id)))


def test_small_faces_are_enhanced_and_large_ones_marked(workspace, catalog, add_face, rgb):
    for size in (224, 100, 300, 112, 60, 100):
        add_face(workspace, catalog, size)
    add_face(workspace, catalog, 90, state="rejected", reason="blurred")
    report = enhance(workspace, catalog, Bicubic(), threads=2)
    assert (report.enhanced, report.large_enough, report.failed) == (4, 2, Counter())
    large, first, larger, second, tiny, third, rejected = rows(catalog)
    for face in (large, larger):
        assert (face.enhanced_by, face.enhanced_file) == ("large enough", None)
    for face, side in ((first, 300), (second, 224), (tiny, 240), (third, 300)):
        assert face.enhanced_by == "none"
        assert face.enhanced_file == face.file.removesuffix(".png") + ".none.png"
        assert rgb(workspace.folder / face.enhanced_file).shape == (side, side, 3)
    assert rejected.enhanced_by is None
    expected = Bicubic()(rgb(workspace.folder / first.file)[None], 3)[0]
    np.testing.assert_array_equal(rgb(workspace.folder / first.enhanced_file), expected)


def test_a_second_run_finds_nothing_to_do(workspace, catalog, add_face):
    add_face(workspace, catalog, 50)
    assert enhance(workspace, catalog, Bicubic()).enhanced == 1
    assert enhance(workspace, catalog, Bicubic()).enhanced == 0
    add_face(workspace, catalog, 51)
    assert enhance(workspace, catalog, Bicubic()).enhanced == 1


def test_another_method_passes_enhanced_faces_unless_told_again(workspace, catalog, add_face):
    class Other(Bicubic):
        method = "carn"

    add_face(workspace, catalog, 50)
    add_face(workspace, catalog, 250)
    enhance(workspace, catalog, Bicubic())
    before = workspace.folder / rows(catalog)[0].enhanced_file
    assert enhance(workspace, catalog, Other()).enhanced == 0
    assert enhance(workspace, catalog, Other(), again=True).enhanced == 1
    assert [face.enhanced_by for face in rows(catalog)] == ["carn", "large enough"]
    assert before.is_file()


def test_again_means_all_also_by_the_same_method(workspace, catalog, add_face, rgb):
    for size in (50, 250, 64):
        add_face(workspace, catalog, size)
    enhance(workspace, catalog, Bicubic())
    lost, _, other = rows(catalog)
    (workspace.folder / lost.enhanced_file).unlink()
    report = enhance(workspace, catalog, Bicubic(), scale=2, below=60, again=True)
    assert (report.enhanced, report.large_enough) == (1, 2)
    assert rgb(workspace.folder / rows(catalog)[0].enhanced_file).shape == (100, 100, 3)
    assert (rows(catalog)[2].enhanced_by, rows(catalog)[2].enhanced_file) == ("large enough", None)
    assert other.enhanced_by == "none"


def test_a_stopped_again_goes_on_without_it(workspace, catalog, add_face):
    class Stops(Bicubic):
        def __call__(self, images, scale):
            if images.shape[1] == 40:
                raise KeyboardInterrupt
            return super().__call__(images, scale)

    for size in (50, 40, 300):
        add_face(workspace, catalog, size)
    enhance(workspace, catalog, Bicubic())
    with pytest.raises(KeyboardInterrupt):
        enhance(workspace, catalog, Stops(), again=True, threads=1)
    assert [face.enhanced_by for face in rows(catalog)] == ["none", None, "large enough"]
    assert enhance(workspace, catalog, Bicubic()).enhanced == 1


def test_the_scale_reaches_the_side_where_one_can():
    assert [reaching(size, 224) for size in (223, 112, 111, 75, 74, 56, 16)] == [2, 2, 3, 3, 4, 4, 4]


def test_a_fixed_scale_and_another_side(workspace, catalog, add_face, rgb):
    add_face(workspace, catalog, 100)
    add_face(workspace, catalog, 120)
    assert enhance(workspace, catalog, Bicubic(), below=110, scale=2).large_enough == 1
    assert rgb(workspace.folder / rows(catalog)[0].enhanced_file).shape == (200, 200, 3)
    for wrong in ({"scale": 5}, {"threads": 0}, {"below": 0}):
        with pytest.raises(UsageError):
            enhance(workspace, catalog, Bicubic(), **wrong)


def test_one_bad_crop_never_stops_the_rest_and_stays_unmarked(workspace, catalog, add_face, tmp_path):
    good = [add_face(workspace, catalog, 64) for _ in range(2)]
    add_face(workspace, catalog, 64).unlink()
    add_face(workspace, catalog, 64).write_bytes(good[0].read_bytes()[:200])
    add_face(workspace, catalog, 64).write_bytes(b"")
    add_face(workspace, catalog, 64).write_bytes(good[0].read_bytes())  # another face's
    outside = tmp_path / "outside.png"
    outside.write_bytes(good[0].read_bytes())
    add_face(workspace, catalog, 64, file="../outside.png")
    add_face(workspace, catalog, 64, file=str(outside))
    (workspace.folder / "faces" / "link.png").symlink_to(outside)
    add_face(workspace, catalog, 64, file="faces/link.png")
    add_face(workspace, catalog, 64, file=None)
    report = enhance(workspace, catalog, Bicubic())
    assert report.enhanced == 2
    assert report.failed == {
        "no file": 2,
        "damaged": 1,
        "empty": 1,
        "another crop": 1,
        "outside the folder": 3,
    }
    assert 0 < len(report.sentences) < 8
    assert [face.enhanced_by for face in rows(catalog)] == ["none"] * 2 + [None] * 8
    assert list(tmp_path.glob("*.none.png")) == []
    good[0].unlink()
    assert sum(enhance(workspace, catalog, Bicubic()).failed.values()) == 8  # and they are tried again


def test_results_that_cannot_be_written_stop_the_run_and_mark_nothing(workspace, catalog, add_face):
    path = add_face(workspace, catalog, 64)
    path.with_name(f"{path.stem}.none.png").mkdir()
    with pytest.raises(PictureError, match="written"):
        enhance(workspace, catalog, Bicubic())
    assert rows(catalog)[0].enhanced_by is None
    assert [each for each in path.parent.iterdir() if each.name.endswith(".part")] == []


def test_two_runs_at_once_say_so(workspace, catalog, add_face):
    add_face(workspace, catalog, 64)
    with catalog.alone("upscale"), pytest.raises(CatalogError, match="upscale"):
        enhance(workspace, catalog, Bicubic())


def test_progress_reaches_the_total(workspace, catalog, add_face):
    for size in (64, 64, 300, 90):
        add_face(workspace, catalog, size)
    seen = []
    enhance(workspace, catalog, Bicubic(), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4)
    assert seen == sorted(seen)


def start(workspace, *options):
    code = "from kaogae.cli import main; main()"
    command = [
        sys.executable,
        "-c",
        code,
        "upscale",
        "--workspace",
        workspace.folder,
        "--threads",
        "1",
        *options,
    ]
    return subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_files(workspace, count, process):
    for _ in range(1500):
        if len(list(workspace.folder.glob("faces/*/*.carn-m.png"))) >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    pytest.fail("nothing was enhanced in 30 seconds")


def test_killed_and_started_again_every_face_once_and_none_lost(
    workspace, catalog, add_face, random_weights, rgb
):
    for _ in range(150):
        add_face(workspace, catalog, 48)
    options = ("--weights", random_weights, "--below", 96)
    process = start(workspace, *options)
    wait_for_files(workspace, 10, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    marked = [face for face in rows(catalog) if face.enhanced_by]
    assert len(marked) < 150
    for face in marked:  # a row never comes before its file
        assert rgb(workspace.folder / face.enhanced_file).shape == (96, 96, 3)
    process = start(workspace, *options, "--json")
    output, complaints = process.communicate(timeout=100)
    assert (process.returncode, complaints) == (0, "")
    assert f'"enhanced": {150 - len(marked)}' in output
    assert {face.enhanced_by for face in rows(catalog)} == {"carn-m"}
    assert len(list(workspace.folder.glob("faces/*/*.carn-m.png"))) == 150


def test_ctrl_c_ends_it_soon_and_keeps_what_is_done(workspace, catalog, add_face, random_weights):
    for _ in range(60):
        add_face(workspace, catalog, 80)
    process = start(workspace, "--weights", random_weights)
    wait_for_files(workspace, 3, process)
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 130
    assert complaints.strip().endswith("kaogae: stopped.")
    assert "Traceback" not in complaints
    marked = sum(face.enhanced_by == "carn-m" for face in rows(catalog))
    assert 0 < marked < 60
    assert marked == len(list(workspace.folder.glob("faces/*/*.carn-m.png")))
