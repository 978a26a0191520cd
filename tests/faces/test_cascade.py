"""The paper's reference detector finds faces, and a damaged or poisoned file is refused with a sentence."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from kaogae.errors import WeightsError
from kaogae.faces import find_faces
from kaogae.faces.cascade import LARGEST_FILE, CascadeDetector, checked_cascade
from kaogae.images import read_picture

Pixels = np.ndarray


@pytest.fixture(scope="module")
def cascade(shared: Path) -> Path:
    """The published cascade."""
    return shared / "weights" / "lbpcascade_animeface.xml"


def test_boxes_and_landmarks_of_a_real_picture(cascade: Path, shared: Path) -> None:
    detector = CascadeDetector(cascade)
    picture = read_picture(shared / "data" / "pictures" / "01-456d0ec9abb2.png")
    (face,) = find_faces(picture, detector)
    (usual,) = find_faces(picture)
    assert 0.8 <= face.confidence <= 1
    assert np.hypot(*np.subtract(face.left_eye, usual.left_eye)) < 0.15 * usual.eye_distance
    assert np.hypot(*np.subtract(face.right_eye, usual.right_eye)) < 0.15 * usual.eye_distance


def test_a_box_in_which_animeface_sees_nothing_is_no_finding(cascade: Path, drawn: Pixels) -> None:
    picture = np.pad(drawn, ((80, 80), (80, 80), (0, 0)), "edge")
    assert CascadeDetector(cascade).boxes(picture)
    assert CascadeDetector(cascade).detect(picture)
    assert CascadeDetector(cascade, confidence=1.01).detect(picture) == []


def test_the_detector_travels_to_another_process(cascade: Path, drawn: Pixels) -> None:
    picture = np.pad(drawn, ((80, 80), (80, 80), (0, 0)), "edge")
    detector = CascadeDetector(cascade)
    assert pickle.loads(pickle.dumps(detector)).detect(picture) == detector.detect(picture)


@pytest.mark.parametrize("shape", [(1, 1, 3), (24, 24, 3), (20, 900, 3), (300, 300, 3)])
def test_nothing_is_found_in_nothing(cascade: Path, shape: tuple[int, int, int]) -> None:
    assert CascadeDetector(cascade).detect(np.full(shape, 200, np.uint8)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"</opencv_storage>", b""),
        (b"<stageNum>20<", b"<stageNum>2000000000<"),
        (b"<stageNum>20<", b"<stageNum>19<"),
        (b"<maxWeakCount>3<", b"<maxWeakCount>4<"),
        (b"<maxWeakCount>3<", b"<maxWeakCount>-1<"),
        (b"0 -1 103 -1302", b"0 -1 99999 -1302"),
        (b"0 -1 103 -1302", b"0 -1 -3 -1302"),
        (b"0 -1 103 -1302", b"0 -1 103"),
        (b"0 -1 103 -1302", b"0 -1 103 -99999999999"),
        (b"21 10 1 1</rect>", b"21 10 9 1</rect>"),
        (b"21 10 1 1</rect>", b"21 -1 1 1</rect>"),
        (b"<width>24<", b"<width>0<"),
        (b"<height>24<", b"<height>a<"),
        (b"<height>24</height>", b""),
        (b"<stageThreshold>", b"<stageThreshold>x"),
        (b"LBP", b"HAAR"),
        (b"<opencv_storage>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><opencv_storage>"),
        (b'version="1.0"', b'version="1.0" encoding="nonsense"'),
    ],
)
def test_a_damaged_or_poisoned_file_is_refused(cascade: Path, tmp_path: Path, old: bytes, new: bytes) -> None:
    data = cascade.read_bytes()
    assert old in data
    path = tmp_path / "cascade.xml"
    path.write_bytes(data.replace(old, new, 1))
    with pytest.raises(WeightsError, match=r"weights fetch lbpcascade"):
        checked_cascade(path)


@pytest.mark.parametrize("data", [b"", b"\0\1", b"<a/>", b" " * (LARGEST_FILE + 1)])
def test_what_is_no_cascade_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "cascade.xml"
    path.write_bytes(data)
    with pytest.raises(WeightsError):
        CascadeDetector(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="can't be read"):
        CascadeDetector(tmp_path / "none.xml")
