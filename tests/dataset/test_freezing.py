"""Freezing on bad days: full and read-only disks, killed processes, two at once."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from kaogae.dataset import freeze, load
from kaogae.dataset.drafts import drafting
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS

KAOGAE = Path(sys.executable).with_name("kaogae")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """200 faces as folders; nobody changes them."""
    tmp_path = tmp_path_factory.mktemp("faces")
    dice = np.random.default_rng(1)
    for i in range(200):
        path = tmp_path / "folders" / EXPRESSIONS[i % 5] / f"c{i // 5}" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), dice.integers(0, 256, (64, 64, 3), np.uint8))
    return tmp_path / "folders"


def start(folders, workspace, name="first", *options):
    words = [KAOGAE, "dataset", "freeze", name, "--from", folders, "--workspace", workspace, *options]
    return subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_full_disk_is_told_and_leaves_nothing(folders, mount, workers):
    place = mount("size=2m")
    done = start(folders, place, "first", "--workers", workers)
    _, err = done.communicate(timeout=100)
    assert done.returncode == 2
    assert "The set 'first' can't be written: No space left on device" in err
    assert err.count("\n") == 1
    assert list((place / "sets").iterdir()) == []


def test_a_read_only_disk_is_told(folders, mount):
    place = mount("size=2m")
    (place / "sets").mkdir()
    mount("remount,ro")
    done = start(folders, place)
    _, err = done.communicate(timeout=100)
    assert (done.returncode, err.count("\n")) == (2, 1)
    assert "Read-only file system" in err


def test_a_killed_freeze_leaves_no_set_and_the_next_one_cleans_up(folders, tmp_path):
    sets = tmp_path / "w" / "sets"
    process = start(folders, tmp_path / "w", "first", "--workers", "2")
    wait_for(lambda: len(list(sets.glob(".first.draft/faces/*.png"))) > 20)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert not (sets / "first").exists()
    assert (sets / ".first.draft").exists()
    other = freeze("other", [folders], sets, size=32)
    assert sorted(path.name for path in sets.iterdir()) == ["other"]
    again = freeze("first", [folders], sets, size=32)
    assert again.hash == other.hash


def test_stopping_with_ctrl_c_leaves_nothing(folders, tmp_path):
    sets = tmp_path / "w" / "sets"
    process = start(folders, tmp_path / "w", "first", "--workers", "2")
    wait_for(lambda: len(list(sets.glob(".first.draft/faces/*.png"))) > 20)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert list(sets.iterdir()) == []


def test_of_two_freezes_of_one_name_one_wins_and_the_other_says_so(folders, tmp_path):
    sets = tmp_path / "w" / "sets"
    first = start(folders, tmp_path / "w", "first", "--workers", "1")
    wait_for(lambda: (sets / ".first.draft").exists())
    with pytest.raises(UsageError, match=r"being made by another process|exists already"):
        freeze("first", [folders], sets, size=32)
    other = freeze("other", [folders], sets, size=32)  # must leave the first one's draft alone
    assert load(other.path).size == 32
    _, err = first.communicate(timeout=100)
    assert first.returncode == 0, err
    assert len(load(sets / "first").faces) == 200


def test_a_draft_in_use_is_left_alone_and_a_leftover_is_not(tmp_path):
    with drafting(tmp_path / "a", "It") as draft:
        (draft / "file").write_text("x")
        left = tmp_path / ".b.draft"
        (left / "faces").mkdir(parents=True)
        with drafting(tmp_path / "c", "It"):
            assert not left.exists()
            assert (draft / "file").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]


@pytest.mark.parametrize("kind", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_a_place_that_is_taken_is_refused(tmp_path, kind):
    kind(tmp_path / "a")
    with pytest.raises(UsageError, match="exists already"), drafting(tmp_path / "a", "It"):
        raise AssertionError


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "x" * 101, "a\0b"])
def test_names_that_lead_elsewhere_are_refused(kaogae, folders, tmp_path, name):
    code, _, err = kaogae("dataset", "freeze", name, "--from", folders, "--workspace", tmp_path / "w")
    assert (code, err.count("\n")) == (2, 1)
    assert "can't be the name of a set" in err
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    "eyes",
    [
        ([1e9, 10], [2e9, 10]),
        ([-40, 10], [-20, 10]),
        ([-40, 10], [100, 10]),
        ([10, 10], [10, 10]),
        ([10, 10], [10.2, 10]),
        ([60, 30], [90, 30]),
        ([0, 0], [64, 64]),
    ],
)
def test_eyes_that_no_face_has_are_refused_with_their_line(tmp_path, eyes):
    import json

    cv2.imwrite(str(tmp_path / "x.png"), np.zeros((64, 64, 3), np.uint8))
    marks = dict(zip(("left_eye", "right_eye"), eyes, strict=True))
    row = {"file": "x.png", "expression": "sad", "character": "aki", "landmarks": marks}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(ManifestError, match=r"manifest\.jsonl, line 1: "):
        freeze("first", [tmp_path], tmp_path / "sets")
    assert list((tmp_path / "sets").iterdir()) == []
