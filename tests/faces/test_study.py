"""One picture to its faces: what is rejected and why, what is cut and measured."""

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from kaogae.errors import UsageError
from kaogae.faces import AnimefaceDetector, warp
from kaogae.faces.crops import pixels_sha256
from kaogae.faces.study import Filters, Job, Report, Study

sys.path.insert(0, str(Path(__file__).parents[1]))
from functions_for_workers import Told


def as_png(pixels: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def told(*findings: tuple[int, int]) -> bytes:
    """A picture in which `Told` finds faces of these confidences in percent and eye distances."""
    pixels = np.random.default_rng(0).integers(0, 256, (120, 120, 3), np.uint8)
    pixels[0] = 255
    for k, (sure, apart) in enumerate(findings):
        pixels[0, 9 * k] = (sure, apart, 0)
    return as_png(pixels)


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Report]:
    def run(content: bytes, detector: Any = Told, **filters: Any) -> Report:
        return Study(tmp_path, detector, Filters(**filters))(Job(1, None, "it", content))

    return run


def reasons(report: Report) -> list[str | None]:
    return [finding.reason for finding in report.findings]


def test_a_real_face_is_cut_as_its_matrix_says(study: Callable[..., Report], drawn: np.ndarray) -> None:
    picture = np.pad(drawn, ((60,), (60,), (0,)), "edge")
    report = study(as_png(picture), AnimefaceDetector)
    assert reasons(report) == [None]
    face = report.findings[0]
    assert face.crop
    crop = np.asarray(Image.open(BytesIO(face.crop)))
    assert crop.shape == (face.size, face.size, 3)
    assert face.size == round(face.side) == round(face.face.eye_distance * 2.7)
    assert np.array_equal(crop, warp(picture, np.array(face.matrix), (face.size, face.size)))
    assert pixels_sha256(crop) == face.pixels_sha256
    assert face.phash is not None
    assert -(2**63) <= face.phash < 2**63


def test_a_transparent_picture_is_cut_on_white(study: Callable[..., Report], drawn: np.ndarray) -> None:
    picture = np.pad(drawn, ((60,), (60,), (0,)), "edge")
    clear = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    clear[:, :60] = (0, 0, 0, 0)
    report = study(as_png(clear), AnimefaceDetector)
    assert report.findings[0].crop
    size, matrix = report.findings[0].size, np.array(report.findings[0].matrix)
    picture[:, :60] = 255
    crop = np.asarray(Image.open(BytesIO(report.findings[0].crop)))
    assert np.array_equal(crop, warp(picture, matrix, (size, size)))


def test_unsure_findings_stay_with_their_reason_and_are_not_cut(study: Callable[..., Report]) -> None:
    report = study(told((95, 30), (79, 28), (60, 40), (30, 30)))
    assert report.reason is None
    assert sorted(map(str, reasons(report))) == [
        "None",
        *["confidence below 0.80"] * 2,
    ]  # 0.30: none
    assert [finding.crop is None for finding in report.findings] == [bool(r) for r in reasons(report)]


def test_a_picture_with_nothing_sure_has_no_face(study: Callable[..., Report]) -> None:
    report = study(told((79, 30)))
    assert (report.reason, report.detail) == ("no face", "the surest finding has 0.79")
    assert reasons(report) == ["confidence below 0.80"]
    assert study(told()).reason == "no face"


def test_the_confidence_is_an_option(study: Callable[..., Report]) -> None:
    assert reasons(study(told((79, 30)), confidence=0.7)) == [None]
    assert reasons(study(told((30, 30)), confidence=0.2)) == [None]
    assert reasons(study(told((95, 30)), confidence=0.96)) == ["confidence below 0.96"]


def test_more_faces_than_six_drop_the_picture_whole(study: Callable[..., Report]) -> None:
    six, seven = (told((60, 26), *[(90, 26)] * n) for n in (6, 7))
    assert study(six).reason is None
    report = study(seven)
    assert (report.reason, report.failed) == ("more than 6 faces", False)
    assert sorted(map(str, reasons(report))) == ["confidence below 0.80", *["more than 6 faces"] * 7]
    assert study(seven, most_faces=7).reason is None


def test_small_faces_are_rejected(study: Callable[..., Report]) -> None:
    assert reasons(study(told((90, 23)))) == ["too small"]
    assert reasons(study(told((90, 24)))) == [None]  # 64.8 pixels
    assert reasons(study(told((90, 24)), least_side=65)) == ["too small"]


def test_eyes_at_one_place_are_no_face(study: Callable[..., Report]) -> None:
    assert reasons(study(told((90, 0)), least_side=0)) == ["eyes at one place"]


def test_blurred_faces_are_kept_on_disk_but_rejected(study: Callable[..., Report], drawn: np.ndarray) -> None:
    picture = np.pad(drawn, ((60,), (60,), (0,)), "edge")
    soft = cv2.GaussianBlur(picture, (0, 0), 5)
    report = study(as_png(soft), AnimefaceDetector)
    assert reasons(report) == ["blurred"]
    assert report.findings[0].crop


def test_what_a_library_raises_becomes_a_reason(study: Callable[..., Report]) -> None:
    pixels = np.full((50, 50, 3), 77, np.uint8)
    report = study(as_png(pixels))
    assert (report.reason, report.failed) == ("crashed the detector", True)
    assert report.detail == "RuntimeError: what a library says"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("confidence", 1.1),
        ("confidence", -0.1),
        ("most_faces", 0),
        ("least_side", -1),
        ("blur", float("nan")),
    ],
)
def test_limits_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(UsageError):
        Filters(**{name: value})
