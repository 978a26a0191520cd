"""Which models are taken, which are refused and with what sentence, and what a model gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from kaogae.errors import ModelError
from kaogae.transfer import Generator

Build = Callable[..., onnx.ModelProto]


def write(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_a_model_of_the_contract_loads_and_knows_its_size(model: Path) -> None:
    generator = Generator.load(model, threads=1)
    assert generator.image_size == 96
    assert generator.attentive
    assert generator.header["generator"] == {"architecture": "small"}


def test_any_number_of_faces_goes_through_at_once(model: Path) -> None:
    generator = Generator.load(model, threads=1)
    images = np.zeros((3, 3, 96, 96), np.float32)
    targets = np.eye(5, dtype=np.float32)[[0, 1, 1]] * np.array([[1], [1], [0.5]], np.float32)
    output, mask = generator.translate(images, targets)
    assert output.shape == images.shape
    assert mask is not None
    assert mask.shape == (3, 1, 96, 96)
    np.testing.assert_allclose(output[2], output[1] / 2, atol=1e-6)


def test_a_model_without_attention_is_fine(build_model: Build, tmp_path: Path) -> None:
    generator = Generator.load(write(build_model(mask=False), tmp_path))
    assert generator.translate(np.zeros((1, 3, 96, 96), np.float32), np.zeros((1, 5), np.float32))[1] is None


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({"format": "recipe"}, "not a kaogae-generator"),
        ({"version": 2}, "this Kaogae reads version 1"),
        ({"expressions": ["happy"]}, "expressions aren't"),
        ({"expressions": ["sad", "happy", "crying", "neutral", "surprised"]}, "in this order"),
        ({"image_size": 100000}, "isn't between 32 and 1024"),
        ({"image_size": "96"}, "isn't between 32 and 1024"),
        ({"image_size": 128}, "its header needs"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(
    build_model: Build, tmp_path: Path, header: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ModelError, match=sentence):
        Generator.load(write(build_model(header), tmp_path))


def test_a_header_that_is_no_json_object_is_refused(build_model: Build, tmp_path: Path) -> None:
    for text in ("{", "[1]", "[" * 100_000):
        model = build_model()
        model.metadata_props[0].value = text
        with pytest.raises(ModelError, match="JSON"):
            Generator.load(write(model, tmp_path))


def test_a_foreign_onnx_file_is_refused(build_model: Build, tmp_path: Path) -> None:
    model = build_model()
    del model.metadata_props[:]
    with pytest.raises(ModelError, match="not one of Kaogae's"):
        Generator.load(write(model, tmp_path))


def test_other_inputs_are_refused(build_model: Build, tmp_path: Path) -> None:
    model = build_model()
    model.graph.input[0].name = "picture"
    for node in model.graph.node:
        node.input[:] = ["picture" if name == "image" else name for name in node.input]
    with pytest.raises(ModelError, match="must be called image"):
        Generator.load(write(model, tmp_path))


def test_a_fixed_batch_is_refused(build_model: Build, tmp_path: Path) -> None:
    model = build_model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    with pytest.raises(ModelError, match="fixed batch"):
        Generator.load(write(model, tmp_path))


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.99])
def test_a_damaged_file_is_refused(model: Path, tmp_path: Path, cut: float) -> None:
    data = model.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(data[: int(len(data) * cut)])
    with pytest.raises(ModelError, match=r"cut\.onnx can't be used"):
        Generator.load(tmp_path / "cut.onnx")


def test_what_is_no_model_at_all_is_refused(tmp_path: Path) -> None:
    for name, data in (
        ("text.onnx", b"hello, I am text\n" * 99),
        ("empty.onnx", b""),
        ("ort.onnx", b"....ORTM"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelError, match="can't be used"):
            Generator.load(tmp_path / name)
    for path in (tmp_path, tmp_path / "none.onnx"):
        with pytest.raises(ModelError, match="no model file"):
            Generator.load(path)


def test_an_answer_that_is_no_picture_is_refused(model: Path) -> None:
    generator = Generator.load(model)
    with pytest.raises(ModelError, match="isn't a picture"):
        generator.translate(np.full((1, 3, 96, 96), np.nan, np.float32), np.ones((1, 5), np.float32))
    with pytest.raises(ModelError, match="fails on a face"):
        generator.translate(np.zeros((1, 3, 95, 96), np.float32), np.ones((1, 5), np.float32))
