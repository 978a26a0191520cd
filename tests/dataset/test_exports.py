"""What is exported is read back with the libraries that it is for: every label, every pixel."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kaogae.dataset import SPLITS, export, freeze, load
from kaogae.dataset.manifest import LANDMARKS
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS


@pytest.fixture
def faces(whole):
    """A set of 40 catalogued faces in three splits."""
    return whole


def pixels_of(faces):
    return {face.sha256[:24]: p for face, p in zip(faces.faces, faces.pictures(faces.faces), strict=True)}


def test_image_folders_hold_the_same_files(faces, tmp_path):
    report = export(faces, "imagefolder", tmp_path / "out")
    assert (report.faces, report.files) == (40, 41)
    found = {path.relative_to(tmp_path / "out").as_posix() for path in report.path.rglob("*.png")}
    assert found == {f"{face.split}/{face.expression}/{face.sha256[:24]}.png" for face in faces.faces}
    for face in faces.faces:
        path = tmp_path / "out" / face.split / face.expression / f"{face.sha256[:24]}.png"
        assert path.read_bytes() == faces.content(face)


def test_image_folders_come_back_as_the_same_set(faces, tmp_path):
    export(faces, "imagefolder", tmp_path / "out")
    again = freeze("again", [tmp_path / "out"], tmp_path / "sets")
    assert again.hash == faces.hash
    assert load(again.path).faces == faces.faces


def test_a_frozen_set_is_a_source_too(faces, tmp_path):
    assert freeze("again", [faces.path], tmp_path / "sets").hash == faces.hash
    other = freeze("other", [faces.path], tmp_path / "sets", keep_splits=False)
    assert other.hash != faces.hash


def test_image_folders_of_others_keep_pixels_labels_and_splits(faces, tmp_path):
    export(faces, "imagefolder", tmp_path / "out")
    (tmp_path / "out/manifest.jsonl").unlink()
    (tmp_path / "out/validation").rename(tmp_path / "out/val")
    again = load(freeze("again", [tmp_path / "out"], tmp_path / "sets").path)

    def about(one):
        return sorted((face.sha256, face.expression, face.split) for face in one.faces)

    assert about(again) == about(faces)


def test_a_character_in_two_splits_of_a_folder_is_refused(tmp_path):
    for split, level in (("train", 1), ("test", 2)):
        folder = tmp_path / "faces" / split / "happy" / "aki"
        folder.mkdir(parents=True)
        Image.new("RGB", (40, 40), (level, 0, 0)).save(folder / "1.png")
    with pytest.raises(ManifestError, match="'faces/aki' would be in the splits test and train"):
        freeze("first", [tmp_path / "faces"], tmp_path / "sets")
    made = freeze("first", [tmp_path / "faces"], tmp_path / "sets", keep_splits=False)
    assert sum(made.counts["train"].values()) == 2


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    import datasets

    datasets.disable_progress_bars()
    return datasets


@pytest.mark.parametrize("by", ["builder", "card"])
def test_hugging_face_reads_the_same_faces(faces, offline, tmp_path, by):
    """As folders with metadata, and by the card, where labels are classes."""
    out = export(faces, "huggingface", tmp_path / "out").path
    where = {"path": "imagefolder", "data_dir": str(out)} if by == "builder" else {"path": str(out)}
    read = offline.load_dataset(**where, cache_dir=str(tmp_path / "cache"))
    assert set(read) == set(SPLITS)
    pixels = pixels_of(faces)
    for split in SPLITS:
        known = {face.sha256: face for face in faces.of(split)}
        assert len(read[split]) == len(known)
        for row in read[split]:
            face = known[row["sha256"]]
            assert np.array_equal(np.asarray(row["image"].convert("RGB")), pixels[face.sha256[:24]])
            assert row["expression"] == face.expression
            assert row["label"] == face.expression.position
            assert (row["character"], row["source"], row["licence"]) == (
                face.character, face.source, face.licence,
            )  # fmt: skip
            assert (row["post"], row["artist"]) == (face.origin.post, face.origin.artist)
            assert tuple(row["left_eye"]) == face.landmarks["left_eye"]
    if by == "card":
        assert read["train"].features["label"].names == [e.value for e in EXPRESSIONS]


def test_the_card_says_what_is_there_and_what_it_may_be_used_for(faces, tmp_path):
    card = (export(faces, "huggingface", tmp_path / "out").path / "README.md").read_text("utf-8")
    header = card.split("---\n")[1]
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(header)["license"] == "other"
    assert "| CC0 1.0 | 20 |" in card
    assert "| not stated | 20 |" in card
    assert faces.hash in card


def test_webdataset_reads_the_same_faces(faces, tmp_path):
    import webdataset

    out = export(faces, "webdataset", tmp_path / "out", shard_size=7).path
    pixels = pixels_of(faces)
    for split in SPLITS:
        shards = sorted(map(str, out.glob(f"{split}-*.tar")))
        assert len(shards) == -(-len(faces.of(split)) // 7)
        known = {face.sha256[:24]: face for face in faces.of(split)}
        samples = list(webdataset.WebDataset(shards, shardshuffle=False, empty_check=False))
        assert [sample["__key__"] for sample in samples] == [face.sha256[:24] for face in faces.of(split)]
        for sample in samples:
            face, about = known[sample["__key__"]], json.loads(sample["json"])
            assert int(sample["cls"]) == face.expression.position
            with Image.open(io.BytesIO(sample["png"])) as image:
                assert np.array_equal(np.asarray(image), pixels[sample["__key__"]])
            assert (about["expression"], about["split"]) == (face.expression, split)
            assert about["origin"]["post"] == face.origin.post


def test_coco_holds_every_landmark_where_it_is(faces, tmp_path):
    out = export(faces, "coco", tmp_path / "out").path
    known = {face.sha256: face for face in faces.faces}
    seen = 0
    for split in SPLITS:
        file = json.loads((out / "annotations" / f"{split}.json").read_text("utf-8"))
        images = {image["id"]: image for image in file["images"]}
        categories = {category["id"]: category for category in file["categories"]}
        licences = {licence["id"]: licence["name"] for licence in file["licenses"]}
        assert len(images) == len(file["annotations"]) == len(faces.of(split))
        for note in file["annotations"]:
            image, category = images[note["image_id"]], categories[note["category_id"]]
            path = out / "images" / image["file_name"]
            face = known[hashlib.sha256(path.read_bytes()).hexdigest()]
            with Image.open(path) as picture:
                assert picture.size == (image["width"], image["height"]) == (224, 224)
            assert category["name"] == face.expression
            assert category["keypoints"] == list(LANDMARKS)
            assert np.reshape(note["keypoints"], (5, 3))[:, :2].tolist() == [
                list(face.landmarks[name]) for name in LANDMARKS
            ]
            assert note["num_keypoints"] == 5
            left, top, width, height = note["bbox"]
            assert 0 <= left < left + width <= 224.01
            assert 0 <= top < top + height <= 224.01
            assert note["area"] == pytest.approx(width * height, abs=0.01)
            assert licences[image["license"]] == (face.licence or "not stated")
            seen += 1
    assert seen == 40


@pytest.mark.parametrize("kind", ["imagefolder", "huggingface", "webdataset", "coco"])
def test_the_same_set_gives_the_same_bytes(faces, tmp_path, kind):
    def everything(folder):
        return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    first, second = (everything(export(faces, kind, tmp_path / name).path) for name in "ab")
    assert first == second


def test_existing_folders_unknown_kinds_and_odd_shards_are_refused(faces, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        export(faces, "coco", tmp_path / "there")
    with pytest.raises(UsageError, match="choose from imagefolder"):
        export(faces, "zip", tmp_path / "new")
    with pytest.raises(UsageError, match="of 0 faces"):
        export(faces, "webdataset", tmp_path / "new", shard_size=0)
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_changed_picture_ends_an_export_that_leaves_nothing(faces, tmp_path):
    import shutil

    copy = load(Path(shutil.copytree(faces.path, tmp_path / "copy")))
    (copy.path / copy.faces[20].file).write_bytes(b"x")
    with pytest.raises(ManifestError, match="has changed"):
        export(copy, "imagefolder", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_faces_without_landmarks_or_origin_are_exported_too(offline, tmp_path):
    for expression in EXPRESSIONS:
        folder = tmp_path / "plain" / expression
        folder.mkdir(parents=True)
        Image.new("RGB", (40, 40), (expression.position, 0, 0)).save(folder / f"{expression}.png")
    plain = load(freeze("plain", [tmp_path / "plain"], tmp_path / "sets").path)
    for kind in ("imagefolder", "huggingface", "webdataset", "coco"):
        export(plain, kind, tmp_path / kind)
    read = offline.load_dataset("imagefolder", data_dir=str(tmp_path / "huggingface"))
    assert sorted(row["expression"] for row in read["train"]) == sorted(e.value for e in EXPRESSIONS)
    note = json.loads((tmp_path / "coco/annotations/train.json").read_text("utf-8"))["annotations"][0]
    assert (note["num_keypoints"], note["bbox"]) == (0, [0, 0, 224, 224])


def test_the_command_exports(faces, kaogae, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    where = ("--workspace", faces.path.parent.parent)
    code, out, err = kaogae("dataset", "export", "first", "--to", "coco", "--json", *where)
    assert code == 0, err
    assert json.loads(out) | {"bytes": 0} == {
        "path": "first-coco", "kind": "coco", "faces": 40, "files": 43, "bytes": 0,
    }  # fmt: skip
    code, _, err = kaogae("dataset", "export", "first", "--to", "coco", *where)
    assert (code, "exists already" in err) == (2, True)
    code, _, err = kaogae("dataset", "export", "../first", "--to", "coco", *where)
    assert (code, "can't be the name of a set" in err) == (2, True)
