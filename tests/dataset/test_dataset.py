"""Freezing: nothing in two splits, nothing lost silently, nothing changed later."""

import json
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaogae.dataset import SPLITS, Shares, contact_sheet, freeze, load
from kaogae.dataset.paths import sha256
from kaogae.dataset.splits import assign
from kaogae.errors import ConfigError, ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS, Expression

EYES = {"left_eye": [22.0, 28.0], "right_eye": [42.0, 28.0], "mouth": [32.0, 44.0]}


def face_file(folder, name, seed, shape=(64, 64)):
    pixels = np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels[..., ::-1])
    return path


def draw(folder, characters):
    """Fill a folder as the atelier does: each of the characters in five expressions."""
    lines = []
    for character in range(characters):
        for expression in EXPRESSIONS:
            name = f"{expression}/{character}.png"
            path = face_file(folder, name, character * 10 + expression.position)
            lines.append({
                "file": name, "expression": str(expression), "character": character, "landmarks": EYES,
                "sha256": sha256(path.read_bytes()), "seed": character, "label_origin": "drawn",
            })  # fmt: skip
    write_manifest(folder, lines)
    return folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """20 characters; nobody changes them."""
    return draw(tmp_path_factory.mktemp("faces") / "drawn", 20)


@pytest.fixture
def few(tmp_path):
    """Two characters, for tests that spoil something."""
    return draw(tmp_path / "drawn", 2)


def write_manifest(folder, lines):
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def change_first_line(folder, **changes):
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]
    write_manifest(folder, [lines[0] | changes, *lines[1:]])


def test_a_frozen_set_comes_back_whole(drawn, tmp_path):
    report = freeze("first", [drawn], tmp_path / "sets", size=64)
    faces = load(report.path)
    assert faces.hash == report.hash
    assert faces.pixels().shape == (100, 64, 64, 3)
    assert faces.counts() == report.counts
    assert sum(len(faces.labels(split)) for split in SPLITS) == 100
    assert all(min(row.values()) > 0 for row in report.counts.values()), "each split has each expression"
    assert contact_sheet(faces, Expression.SAD).ndim == 3


def test_crops_are_aligned_to_our_crop(drawn, tmp_path):
    faces = load(freeze("first", [drawn], tmp_path / "sets", size=54).path)
    original = cv2.imread(str(drawn / "happy/0.png"))[..., ::-1]
    # eyes 20 px apart: the crop is 54 px wide, its centre 5 px below the eyes
    expected = original[33 - 27 : 33 + 27, 32 - 27 : 32 + 27]
    assert any(np.array_equal(crop, expected) for crop in faces.pixels())


def test_no_character_is_in_two_splits(drawn, tmp_path):
    faces = load(freeze("first", [drawn], tmp_path / "sets", size=32).path)
    where = defaultdict(set)
    for split in SPLITS:
        for character in faces.characters(split):
            where[character].add(split)
    assert len(where) == 20
    assert all(len(splits) == 1 for splits in where.values())


def test_the_same_faces_freeze_to_the_same_hash(drawn, tmp_path):
    hashes = {freeze(name, [drawn], tmp_path / "sets", size=32).hash for name in ("first", "second")}
    assert len(hashes) == 1


def test_a_set_is_never_overwritten(few, tmp_path):
    freeze("first", [few], tmp_path / "sets", size=32)
    with pytest.raises(UsageError, match="exists already"):
        freeze("first", [few], tmp_path / "sets", size=32)


def test_a_failed_freeze_leaves_nothing(few, tmp_path):
    face_file(few, "happy/0.png", 999)
    with pytest.raises(ManifestError, match=r"happy.0\.png has changed"):
        freeze("first", [few], tmp_path / "sets", size=32)
    assert list((tmp_path / "sets").iterdir()) == []


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/../../b.png", "C:\\x.png", "..\\x.png"])
def test_paths_that_lead_outside_are_refused(few, tmp_path, name):
    face_file(tmp_path, "secret.png", 1)
    change_first_line(few, file=name)
    with pytest.raises(ManifestError, match=r"line 1: .* leads outside"):
        freeze("first", [few], tmp_path / "sets")


def test_links_that_lead_outside_are_refused(few, tmp_path):
    (few / "link.png").symlink_to(face_file(tmp_path, "secret.png", 1))
    change_first_line(few, file="link.png")
    with pytest.raises(ManifestError, match="leads outside"):
        freeze("first", [few], tmp_path / "sets")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expression": "angry"}, "'angry' is none of"),
        ({"expression": None}, "'expression' is missing"),
        ({"file": "gone.png"}, "gone.png is missing"),
        ({"file": ["a"]}, "'file' must be text"),
        ({"landmarks": {"left_eye": [1]}}, "landmarks need"),
        ({"landmarks": "x"}, "landmarks need"),
    ],
)
def test_a_damaged_manifest_is_named_with_its_line(few, tmp_path, changes, message):
    change_first_line(few, **changes)
    with pytest.raises(ManifestError, match=rf"manifest\.jsonl, line 1: .*{message}"):
        freeze("first", [few], tmp_path / "sets")


@pytest.mark.parametrize("text", ["not json\n", "[1]\n", "[" * 100_000 + "\n", "\xff"])
def test_text_that_is_no_manifest_is_refused(tmp_path, text):
    (tmp_path / "manifest.jsonl").write_bytes(text.encode("latin-1"))
    with pytest.raises(ManifestError):
        freeze("first", [tmp_path], tmp_path / "sets")


def test_a_table_of_crops_is_read_and_other_expressions_are_counted(tmp_path):
    folder = tmp_path / "crops"
    rows = ["file,label,character,source,landmarks,licence"]
    for i, label in enumerate(["happy", "sad", "other"]):
        face_file(folder, f"{i}.png", i)
        rows.append(f'{i}.png,{label},c{i},someone,"22,28; 42,28; 32,44",CC0 1.0')
    (folder / "manifest.csv").write_text("\n".join(rows), "utf-8")
    report = freeze("table", [folder / "manifest.csv"], tmp_path / "sets", size=32)
    faces = load(report.path)
    assert report.left_out == {"another expression": 1}
    assert {face.character for face in faces.faces} == {"c0", "c1"}
    assert faces.licences == {"CC0 1.0": 2}


def test_folders_named_by_expression_are_read(tmp_path):
    folder = tmp_path / "folders"
    face_file(folder, "happy/aki/1.png", 1)
    face_file(folder, "sad/aki/1.png", 2)
    face_file(folder, "sad/wide.png", 3, shape=(32, 64))
    face_file(folder, "angry/1.png", 4)
    face_file(folder, "sad/twice.png", 2)
    report = freeze("folders", [folder], tmp_path / "sets", size=32)
    assert report.left_out == {
        "another expression": 1, "no landmarks and not square": 1, "the same picture twice": 1,
    }  # fmt: skip
    assert [face.character for face in load(report.path).faces] == ["aki", "aki"]


def test_a_changed_set_is_named(drawn, tmp_path):
    path = freeze("first", [drawn], tmp_path / "sets", size=32).path
    faces = load(path)
    face_file(path, faces.faces[3].file, 5, shape=(32, 32))
    with pytest.raises(ManifestError, match=f"{Path(faces.faces[3].file).name} has changed"):
        faces.pixels()
    manifest = path / "manifest.jsonl"
    manifest.write_text(manifest.read_text("utf-8").replace('"test"', '"train"'), "utf-8")
    with pytest.raises(ManifestError, match=r"manifest\.jsonl has changed"):
        load(path)


def test_what_is_no_set_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="not a frozen set"):
        load(tmp_path)
    (tmp_path / "set.json").write_text('{"format": "kaogae-set", "version": 99}', "utf-8")
    with pytest.raises(ManifestError, match="not version 1 or 2"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 200, "ü"])
def test_names_that_are_no_plain_folder_are_refused(drawn, tmp_path, name):
    with pytest.raises(UsageError):
        freeze(name, [drawn], tmp_path / "sets")


def test_shares_must_leave_something_to_train_on():
    with pytest.raises(ConfigError):
        Shares(0.5, 0.5)


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(EXPRESSIONS)), min_size=1, max_size=200))
def test_splits_do_not_depend_on_the_order_of_the_faces(faces):
    groups = [f"c{character}" for character, _ in faces]
    labels = [expression for _, expression in faces]
    splits = assign(groups, labels, Shares())
    assert assign(groups[::-1], labels[::-1], Shares())[::-1] == splits
    assert all(len({s for g, s in zip(groups, splits, strict=True) if g == name}) == 1 for name in groups)
    if len(set(groups)) == 1:
        assert set(splits) == {"train"}


def test_the_command_freezes_and_shows(few, tmp_path, kaogae):
    def run(*words):
        code, _, err = kaogae("dataset", *words, "--workspace", tmp_path)
        return code, err

    assert run("freeze", "first", "--from", few, "--size", 32) == (0, "")
    assert run("show", "first", "--out", tmp_path / "sheets") == (0, "")
    assert len(list((tmp_path / "sheets").glob("*.png"))) == 5
    code, err = run("freeze", "first", "--from", few)
    assert (code, "exists already" in err) == (2, True)


def test_names_of_strangers_do_nothing_to_the_terminal(few, tmp_path, kaogae):
    change_first_line(few, source="\x1b]0;mine\x07[red]")
    options = ("--workspace", tmp_path)
    shown = [
        kaogae("dataset", "freeze", "first", "--from", few, "--size", 32, *options),
        kaogae("dataset", "show", "first", *options),
        kaogae("dataset", "freeze", "\x1b[31m", "--from", few, *options),
    ]
    assert [code for code, _, _ in shown] == [0, 0, 2]
    assert all("[red] 1" in out for _, out, _ in shown[:2])
    assert all("\x1b]" not in out + err and "\x1b[31m'" not in err for _, out, err in shown)


def test_a_set_that_is_not_there_and_a_folder_that_is_none_are_told_apart(tmp_path):
    with pytest.raises(
        ManifestError, match=r"There is no set at .*: make it with `kaogae dataset freeze first`"
    ):
        load(tmp_path / "first")
    with pytest.raises(ManifestError, match=r"is not a frozen set: it has no set\.json"):
        load(tmp_path)
