"""The shared manifest: numbers come back as they were, and what a stranger may have written is a sentence."""

import gzip
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaogae.collect.share_file import LINE_BYTES, open_share
from kaogae.collect.shared import from_line, to_line
from kaogae.errors import ManifestError

HEADER = {"format": "kaogae-share", "version": 1}
MATRIX = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
VOTE = "6f2c1c1e-8f6e-4a53-9f0c-0d3a5e5b7a11"


def example(post: str) -> dict:
    """A picture with two faces."""
    face = {
        "box": [1, 2, 80, 80], "landmarks": {"nose": [50.25, 60]}, "confidence": 0.9, "detector": "animeface",
        "matrix": MATRIX, "side": 100.0, "size": 100, "expression": "happy", "label_origin": "tag",
    }  # fmt: skip
    digest = hashlib.sha256(post.encode()).hexdigest()
    return {
        "site": "danbooru", "post": post, "sha256": digest, "bytes": 1000, "width": 300, "height": 200,
        "faces": [face | {"number": number, "pixels_sha256": digest} for number in (0, 1)],
    }  # fmt: skip


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write(path: Path, header: dict, pictures: list[dict]) -> Path:
    """A manifest whose hash fits, whatever is in it."""
    body = "".join(json.dumps(line) + "\n" for line in pictures).encode()
    head = header | {"hash": hashlib.sha256(body).hexdigest()}
    path.write_bytes(json.dumps(head).encode() + b"\n" + body)
    return path


@pytest.fixture
def manifest(tmp_path) -> Path:
    path = write(tmp_path / "good", HEADER, [example("11"), example("12")])
    assert open_share(path).pictures_count == 2
    return path


def face(**changes):
    return lambda picture: picture["faces"][0].update(changes)


def picture(**changes):
    return lambda row: row.update(changes)


WRONG = {
    "no site": picture(site=None),
    "a path as site": picture(site="folder:../../etc"),
    "a path as post": picture(post="../../etc/passwd"),
    "a query as post": picture(post="1 status:any"),
    "a post of a folder": picture(site="folder:0001", post="12"),
    "no hash": picture(sha256="abc"),
    "an enormous picture": picture(width=10**9, height=10**9),
    "no size": picture(bytes=True),
    "text as width": picture(width="100"),
    "another expression": picture(expression="angry"),
    "no faces": picture(faces=[]),
    "faces that are none": picture(faces=[1, 2]),
    "a face too often": lambda row: row["faces"].append(row["faces"][0]),
    "too many faces": lambda row: row.update(faces=row["faces"] * 101),
    "a negative number": face(number=-1),
    "a stretched matrix": face(matrix=[[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]]),
    "a matrix of zeros": face(matrix=[[0.0] * 3, [0.0] * 3]),
    "a ragged matrix": face(matrix=[[1.0, 0.0], [0.0, 1.0]]),
    "another size than the matrix": face(matrix=MATRIX, side=10.0, size=500),
    "a matrix that leads far away": face(matrix=[[1.0, 0.0, 9e6], [0.0, 1.0, 0.0]], side=100.0, size=100),
    "a crop larger than the picture": face(matrix=[[1e-2, 0.0, 0], [0.0, 1e-2, 0]], side=9000.0, size=90),
    "an endless number": face(side=10**400),
    "a huge crop": face(size=100_000),
    "a confidence above one": face(confidence=2),
    "landmarks that are none": face(landmarks=[1, 2]),
    "a landmark of text": face(landmarks={"nose": ["1", "2"]}),
    "a landmark named like a path": face(landmarks={"../nose": [1, 2]}),
    "a vote without a name": face(votes=[{"id": "1", "verdict": "happy"}]),
    "a vote by somebody": face(
        votes=[{"id": VOTE, "annotator": "jane", "verdict": "happy", "day": "2026-01-01"}]
    ),
    "a verdict that is none": face(votes=[{"verdict": "angry"}]),
    "a hash that is too large": face(phash=2**63),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_line_that_cannot_be_is_refused(manifest, tmp_path, name):
    header, *pictures = lines(manifest)
    WRONG[name](pictures[-1])
    with pytest.raises(ManifestError, match=rf"m, line {len(pictures) + 1}: ") as error:
        open_share(write(tmp_path / "m", header, pictures))
    assert str(error.value).endswith(".")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "{",
        '{"a":' * 99_999,
        '{"a": NaN}',
        '{"a": Infinity}',
        "\udc80",
        " " * (LINE_BYTES + 5),
    ],
    ids=["empty", "null", "list", "cut", "deep", "nan", "infinity", "bytes", "long"],
)
def test_a_line_that_is_no_picture_is_a_sentence(manifest, tmp_path, line):
    header = lines(manifest)[0]
    path = tmp_path / "m"
    path.write_bytes(json.dumps(header).encode() + b"\n" + line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(ManifestError, match="m, line 2: "):
        open_share(path)


def test_a_picture_twice_or_out_of_order_is_refused(manifest, tmp_path):
    header, *pictures = lines(manifest)
    for wrong in ([pictures[0], pictures[0]], pictures[::-1]):
        with pytest.raises(ManifestError, match="line 3: the picture is out of order, or comes twice"):
            open_share(write(tmp_path / "m", header, wrong))


def test_a_changed_or_cut_manifest_is_refused(manifest, tmp_path):
    whole = (manifest).read_bytes()
    for wrong in (whole[: whole.rindex(b"\n", 0, -1) + 1], whole.replace(b'"happy"', b'"crying"', 1)):
        (tmp_path / "m").write_bytes(wrong)
        with pytest.raises(ManifestError, match="was changed or cut off"):
            open_share(tmp_path / "m")


def test_damaged_gzip_is_a_sentence(manifest, tmp_path):
    packed = gzip.compress((manifest).read_bytes())
    assert open_share(_put(tmp_path, packed)).faces_count == 4
    turned = packed[:60] + b"\xff\xff" + packed[62:]
    for wrong in (packed[:-20], packed[:40], turned, packed[:2], packed + b"more"):
        with pytest.raises(ManifestError, match=r"damaged gzip|isn't a shared manifest|line \d+"):
            open_share(_put(tmp_path, wrong))


def test_a_bomb_is_left_before_it_unfolds(tmp_path):
    bomb = gzip.compress(b" " * 2**20) * 2000  # two gigabytes of nothing
    begun = time.monotonic()
    with pytest.raises(ManifestError, match="longer than any manifest"):
        open_share(_put(tmp_path, bomb))
    assert time.monotonic() - begun < 3


def _put(folder: Path, content: bytes) -> Path:
    (folder / "m").write_bytes(content)
    return folder / "m"


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({"version": 2}, "version 2.*update Kaogae"),
        ({"version": "1"}, "isn't a shared manifest"),
        ({"format": "kaogae-set"}, "isn't a shared manifest"),
    ],
)
def test_another_version_or_format_is_a_sentence(manifest, tmp_path, header, sentence):
    old, *pictures = lines(manifest)
    with pytest.raises(ManifestError, match=sentence):
        open_share(write(tmp_path / "m", old | header, pictures))


@pytest.mark.parametrize("content", [b"", b"\n", b"\x89PNG\r\n\x1a\n" + b"\0" * 500, b"\xff\xfe"])
def test_what_is_no_manifest_is_a_sentence(tmp_path, content):
    with pytest.raises(ManifestError, match="isn't a shared manifest"):
        open_share(_put(tmp_path, content))


def test_a_folder_a_device_and_nothing_are_sentences(tmp_path):
    for path in (tmp_path, Path("/dev/zero"), tmp_path / "none", tmp_path / "a\0b"):
        with pytest.raises(ManifestError):
            open_share(path)


numbers = st.floats(-1e6, 1e6, allow_nan=False)


@given(
    angle=st.floats(-3.2, 3.2),
    side=st.floats(20, 900),
    place=st.tuples(st.floats(0, 500), st.floats(0, 400)),
    marks=st.lists(numbers, min_size=2, max_size=2),
    blur=st.none() | st.floats(0, 1e6),
    phash=st.none() | st.integers(-(2**63), 2**63 - 1),
)
def test_every_number_survives_the_line(angle, side, place, marks, blur, phash):
    size = int(np.clip(round(side), 16, 512))
    turn = size / side * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([turn, size / 2 - turn @ place])
    face = {
        "number": 0, "box": [*marks, 1.5, 2], "landmarks": {"nose": marks}, "confidence": 0.1 + 0.2,
        "detector": "d", "matrix": matrix.tolist(), "side": side, "size": size, "pixels_sha256": "a" * 64,
    }  # fmt: skip
    face |= {name: value for name, value in (("blur", blur), ("phash", phash)) if value is not None}
    row = {
        "site": "danbooru", "post": "1", "sha256": "b" * 64, "bytes": 5, "width": 500, "height": 400,
        "faces": [face],
    }  # fmt: skip
    shared = from_line(json.dumps(row).encode(), "here")
    assert np.array_equal(np.array(shared.faces[0].matrix), matrix)
    assert json.loads(to_line(shared)) == row
    assert from_line(to_line(shared).encode(), "here") == shared
