"""Many pictures: names, folders, clashes, and going on after a failure."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kaogae.errors import UsageError
from kaogae.expressions import Expression
from kaogae.transfer import Options, Transferrer, plan, run

HAPPY = Options((Expression.HAPPY,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b/a.png", "b/c.JPG", ".hidden/d.png", "notes.txt", "out/a.happy.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def test_folders_are_searched_and_keep_their_shape(folder: Path) -> None:
    jobs = plan([folder], folder / "out", HAPPY)
    assert {job.source.relative_to(folder).as_posix() for job in jobs} == {"a.png", "b/a.png", "b/c.JPG"}
    targets = {job.target(Expression.HAPPY, ".png").relative_to(folder / "out").as_posix() for job in jobs}
    assert targets == {"a.happy.png", "b/a.happy.png", "b/c.happy.png"}


def test_a_folder_without_pictures_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no pictures in the folder"):
        plan([tmp_path], tmp_path / "out", HAPPY)


def test_two_results_never_become_one_file(folder: Path) -> None:
    with pytest.raises(UsageError, match="would both become"):
        plan([folder / "a.png", folder / "b" / "a.png"], folder / "out", HAPPY)


def test_a_result_never_becomes_an_input(folder: Path) -> None:
    (folder / "a.happy.png").write_bytes(b"")
    with pytest.raises(UsageError, match="is an input and would be overwritten"):
        plan([folder / "a.png", folder / "a.happy.png"], folder, HAPPY)
    with pytest.raises(UsageError, match="is an input and would be overwritten"):
        plan([folder / "a.png"], folder / "b" / ".." / "a.png", HAPPY)


@pytest.mark.parametrize("options", [Options(tuple(Expression)), Options((Expression.SAD,), face="all")])
def test_one_file_name_is_for_one_picture(folder: Path, options: Options) -> None:
    with pytest.raises(UsageError, match="is one file"):
        plan([folder / "a.png"], folder / "result.png", options)
    with pytest.raises(UsageError, match="is one file"):
        plan([folder / "a.png", folder / "b" / "c.JPG"], folder / "result.png", HAPPY)


def test_a_failure_is_kept_and_the_rest_is_done(scene: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    options = Options((Expression.HAPPY, Expression.SAD), save_mask=True, sheet=True)
    jobs = plan([tmp_path / "broken.png", tmp_path / "none.png", scene], tmp_path / "out", options)
    broken, missing, fine = run(Transferrer.load(model), jobs, options)
    assert "isn't a picture" in str(broken.error)
    assert "doesn't exist" in str(missing.error)
    assert fine.error is None
    stem = scene.stem
    names = {f"{stem}.{name}" for name in ("happy.png", "happy.mask.png", "sad.png", "sad.mask.png")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert {path.name for paths in fine.written.values() for path in paths} == names
    mask = np.array(Image.open(tmp_path / "out" / f"{stem}.happy.mask.png"))
    before, after = np.array(Image.open(scene)), np.array(Image.open(tmp_path / "out" / f"{stem}.happy.png"))
    np.testing.assert_array_equal(before[mask == 0], after[mask == 0])
    assert len(fine.rows) == 1
    assert len(fine.rows[0].cells) == 3


def test_a_wrong_ending_does_not_cost_quality(scene: Path, model: Path, tmp_path: Path) -> None:
    liar = tmp_path / "liar.jpg"
    liar.write_bytes(scene.read_bytes())
    jobs = plan([liar], tmp_path / "out", HAPPY)
    (outcome,) = run(Transferrer.load(model), jobs, HAPPY)
    assert [path.name for path in outcome.written["happy"]] == ["liar.happy.jpg.png"]


def test_crops_of_several_faces_are_numbered(scene: Path, model: Path, tmp_path: Path) -> None:
    with Image.open(scene) as one:
        both = Image.new("RGB", (one.width * 2, one.height))
        both.paste(one, (0, 0))
        both.paste(one, (one.width, 0))
    both.save(tmp_path / "both.webp")
    options = Options((Expression.SAD,), face="all", crop=True)
    (outcome,) = run(
        Transferrer.load(model), plan([tmp_path / "both.webp"], tmp_path / "out", options), options
    )
    assert sorted(path.name for path in outcome.written["sad"]) == [
        "both.sad.face1.png",
        "both.sad.face2.png",
    ]


def test_two_masks_never_become_one_file(tmp_path: Path) -> None:
    sources = [tmp_path / "a.png", tmp_path / "a.jpg"]
    assert len(plan(sources, tmp_path / "out", HAPPY)) == 2
    with pytest.raises(UsageError, match="would both become"):
        plan(sources, tmp_path / "out", Options((Expression.HAPPY,), save_mask=True))


def test_a_sheet_never_becomes_an_input_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/x.png", "contact-sheet.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UsageError, match="is an input and would be overwritten"):
        plan([tmp_path], tmp_path, Options((Expression.HAPPY,), sheet=True))


def test_folders_named_like_pictures_are_no_pictures(folder: Path) -> None:
    (folder / "c.png").mkdir()
    assert folder / "c.png" not in [job.source for job in plan([folder], folder / "out", HAPPY)]
