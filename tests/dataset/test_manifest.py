"""A set's lines: what is written is read, older sets are read, and nothing else is."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaogae.dataset import load
from kaogae.dataset.manifest import LANDMARKS, Face, Origin, RandomCrop, from_line, to_line
from kaogae.dataset.paths import sha256
from kaogae.errors import ManifestError
from kaogae.expressions import EXPRESSIONS, Expression

PLACE = st.floats(-1e6, 1e6)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN = Face("faces/a.png", "0" * 64, Expression.SAD, "tag", "danbooru", "aki", "", "train")
ORIGIN = Origin("danbooru", "1", "", "f" * 64, 0, (1, 2, 3, 4), ((1, 0, 0), (0, 1, 0)), 0.9, "animeface")


@given(
    st.builds(
        Face, TEXT, TEXT, st.sampled_from(EXPRESSIONS), TEXT, TEXT, TEXT, TEXT,
        st.sampled_from(["train", "validation", "test"]),
        st.none() | st.dictionaries(st.sampled_from(LANDMARKS), st.tuples(PLACE, PLACE)),
        st.none() | st.builds(
            Origin, TEXT, TEXT, TEXT, TEXT, st.integers(0, 99), st.tuples(PLACE, PLACE, PLACE, PLACE),
            st.tuples(st.tuples(PLACE, PLACE, PLACE), st.tuples(PLACE, PLACE, PLACE)), PLACE,
            TEXT, TEXT, TEXT, TEXT,
        ),
        st.none() | st.builds(RandomCrop, TEXT, st.integers(0, 99), st.integers(0, 99), st.booleans()),
    )
)  # fmt: skip
def test_what_is_written_is_read(face):
    line = to_line(face)
    assert "\n" not in line
    assert from_line(line, "here") == face


def spoilt(**changes):
    row = json.loads(to_line(replace(PLAIN, landmarks={"mouth": (1, 2)}, origin=ORIGIN)))
    for path, value in changes.items():
        *parents, last = path.split("__")
        inner = row
        for name in parents:
            inner = inner[name]
        inner[last] = value
    return json.dumps(row)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"file": 3}, "a face needs file"),
        ({"split": "dev"}, "split 'dev'"),
        ({"expression": "angry"}, "expression 'angry'"),
        ({"landmarks": [1]}, "landmarks need"),
        ({"landmarks__mouth": [1]}, "landmarks need mouth"),
        ({"landmarks__mouth": [1, "2"]}, "landmarks need mouth"),
        ({"landmarks__mouth": [1, float("nan")]}, "no place in a picture"),
        ({"landmarks__mouth": [1, float("inf")]}, "no place in a picture"),
        ({"landmarks__mouth": [1, 10**400]}, "no place in a picture"),
        ({"landmarks__mouth": [True, 1]}, "landmarks need mouth"),
        ({"character": "\ud800"}, "not Unicode text"),
        ({"origin__artist": "\udc00"}, "not Unicode text"),
        ({"origin": "danbooru"}, "'origin' must be an object"),
        ({"origin__post": 3}, "needs post as text"),
        ({"origin__artist": 3}, "needs artist as text"),
        ({"origin__number": "1"}, "needs number as a whole number"),
        ({"origin__number": True}, "needs number as a whole number"),
        ({"origin__number": 10**30}, "needs number"),
        ({"origin__matrix": [[1, 0, 0]]}, "needs matrix"),
        ({"origin__matrix": [[1, 0, 0], 4]}, "needs matrix"),
        ({"origin__box": None}, "needs box"),
        ({"origin__confidence": None}, "needs confidence"),
        ({"crop": {"of": "x", "left": 1, "top": 2, "mirrored": 1}}, "needs mirrored"),
        ({"crop": {"of": "x", "left": 1.5, "top": 2, "mirrored": True}}, "needs left"),
    ],
)
def test_lines_that_can_not_be_are_refused(changes, message):
    with pytest.raises(ManifestError, match=rf"^here: .*{message}"):
        from_line(spoilt(**changes), "here")


def write_set(folder, lines, **header):
    text = "".join(line + "\n" for line in lines)
    (folder / "manifest.jsonl").write_text(text, "utf-8")
    about = {"format": "kaogae-set", "version": 2, "name": "old", "size": 32, "licences": {}}
    about["hash"] = sha256(text.encode())
    (folder / "set.json").write_text(json.dumps(about | header), "utf-8")


def test_sets_of_version_1_are_read(tmp_path):
    row = {
        "file": "faces/a.png", "sha256": "0" * 64, "expression": "sad", "label_origin": "tag",
        "source": "danbooru", "character": "aki", "licence": "", "split": "train",
    }  # fmt: skip
    write_set(tmp_path, [json.dumps(row)], version=1)
    assert load(tmp_path).faces == (PLAIN,)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"version": 3}, "not version 1 or 2"),
        ({"size": "224"}, "lacks the set's size"),
        ({"size": True}, "lacks the set's size"),
        ({"size": 10**9}, "no size of faces"),
        ({"hash": "0"}, "has changed"),
    ],
)
def test_headers_that_can_not_be_are_refused(tmp_path, header, message):
    write_set(tmp_path, [to_line(PLAIN)], **header)
    with pytest.raises(ManifestError, match=message):
        load(tmp_path)


def test_a_picture_can_not_be_in_two_splits_under_one_name(tmp_path):
    write_set(tmp_path, [to_line(PLAIN), to_line(replace(PLAIN, split="test"))])
    with pytest.raises(ManifestError, match="names a picture twice"):
        load(tmp_path)


def test_a_set_without_faces_is_none(tmp_path):
    write_set(tmp_path, [])
    with pytest.raises(ManifestError, match="names no face"):
        load(tmp_path)
