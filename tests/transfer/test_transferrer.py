"""One picture in, another expression out: what changes, what stays, and what the caller may ask for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kaogae import transfer
from kaogae.errors import NoFaceError, UsageError
from kaogae.expressions import EXPRESSIONS
from kaogae.images import Picture
from kaogae.transfer import Transferrer, parse_face

SHIPPED = Path(transfer.__file__).parent / "models" / "small.onnx"


@pytest.fixture(scope="module", params=["tiny", *["shipped"] * SHIPPED.exists()])
def transferrer(request: pytest.FixtureRequest, model: Path) -> Transferrer:
    return Transferrer.load(model if request.param == "tiny" else SHIPPED, threads=1)


@pytest.fixture(scope="module")
def two_faces(drawn: np.ndarray) -> np.ndarray:
    picture = np.full((320, 560, 3), 235, np.uint8)
    picture[20:276, 10:266] = drawn
    picture[60:252, 330:522] = np.array(Image.fromarray(drawn).resize((192, 192), Image.Resampling.LANCZOS))
    return picture


def test_three_lines_are_enough(scene: Path, model: Path, tmp_path: Path) -> None:
    result = Transferrer.load(model).transfer(scene, "happy")
    result.save(tmp_path / "happy.png")
    assert Image.open(tmp_path / "happy.png").size == Image.open(scene).size


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "CMYK"])
def test_pixels_outside_the_mask_are_identical_to_the_inputs(
    transferrer: Transferrer, scene: Path, mode: str
) -> None:
    with Image.open(scene) as image:
        source = image.convert(mode)
    result = transferrer.transfer(source, "sad")
    before, after = np.array(source), np.array(result.image)
    assert (result.image.mode, result.image.size) == (source.mode, source.size)
    np.testing.assert_array_equal(before[result.mask == 0], after[result.mask == 0])
    changed = (before != after).reshape(*before.shape[:2], -1).any(-1)
    assert 0.003 < changed.mean() < 0.35  # the crop is a third of the picture
    assert (result.mask > 0).mean() >= changed.mean()


def test_transparency_is_kept_and_what_is_hidden_is_not_painted(
    transferrer: Transferrer, drawn: np.ndarray
) -> None:
    alpha = np.full(drawn.shape[:2], 255, np.uint8)
    alpha[:, 128:] = 0
    sprite = np.dstack([drawn, alpha])
    whole = transferrer.prepare(drawn)
    picture = Picture.of(sprite)
    result = next(
        transferrer.transfer_all(replace(whole, picture=picture, seen=picture.over(255)), ["happy"])
    )
    after = np.array(result.image)
    np.testing.assert_array_equal(after[..., 3], alpha)
    np.testing.assert_array_equal(after[:, 128:], sprite[:, 128:])
    assert (after[:, :128] != sprite[:, :128]).any()


def test_the_strength_is_how_far_it_goes(transferrer: Transferrer, scene: Path) -> None:
    before = np.array(Image.open(scene), int)
    change = {
        strength: np.abs(
            np.array(transferrer.transfer(scene, "happy", strength=strength).image, int) - before
        )
        for strength in (0.0, 0.5, 1.0)
    }
    assert change[0.0].max() == 0
    assert 0 < change[0.5].sum() < change[1.0].sum()


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan"), float("inf")])
def test_a_strength_out_of_range_is_refused(transferrer: Transferrer, scene: Path, strength: float) -> None:
    with pytest.raises(UsageError, match="between 0"):
        transferrer.transfer(scene, "happy", strength=strength)


def test_faces_are_chosen_by_size_or_all(transferrer: Transferrer, two_faces: np.ndarray) -> None:
    where = {
        face: transferrer.transfer(two_faces, "happy", face=face).mask.any(axis=0).nonzero()[0]
        for face in ("largest", 1, 2, "2", "all")
    }
    assert where["largest"].max() < 280
    np.testing.assert_array_equal(where["largest"], where[1])
    assert where[2].min() > 320
    np.testing.assert_array_equal(where[2], where["2"])
    assert set(where["all"]) == set(where[1]) | set(where[2])


def test_a_face_that_is_not_there_is_said(transferrer: Transferrer, two_faces: np.ndarray) -> None:
    with pytest.raises(NoFaceError, match="no face 3: the picture has only 2 faces"):
        transferrer.transfer(two_faces, "happy", face=3)


@pytest.mark.parametrize("face", ["first", "0", "-1", "1.5", "", 0])
def test_a_face_that_cannot_be_is_refused(face: str | int) -> None:
    with pytest.raises(UsageError, match="counts from 1"):
        parse_face(face)


def test_all_expressions_come_from_one_preparation(transferrer: Transferrer, scene: Path) -> None:
    results = list(transferrer.transfer_all(transferrer.prepare(scene)))
    assert [result.expression for result in results] == list(EXPRESSIONS)
    assert len({result.image.tobytes() for result in results}) == 5


def test_the_crop_is_the_aligned_face_at_full_resolution(
    transferrer: Transferrer, scene: Path, drawn: np.ndarray
) -> None:
    result = transferrer.transfer(scene, "happy")
    crop = result.crop(result.faces[0])
    assert abs(crop.size[0] - drawn.shape[0]) < 0.2 * drawn.shape[0]
    assert crop.size[0] == crop.size[1]
