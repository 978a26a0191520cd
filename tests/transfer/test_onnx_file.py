"""A model that keeps values elsewhere never reaches ONNX Runtime."""

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from kaogae.errors import ModelError
from kaogae.transfer import Generator
from kaogae.transfer.onnx_file import refuse_external_data


def outside(tensor: onnx.TensorProto, path: str) -> None:
    """Let `tensor` read its values from the file `path`."""
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", path


def test_values_inside_are_fine(build_model: Callable[..., onnx.ModelProto]) -> None:
    refuse_external_data(build_model().SerializeToString())


@pytest.mark.parametrize("name", ["secret.bin", "../secret.bin", "/etc/passwd"])
def test_an_initializer_in_another_file_is_refused(
    build_model: Callable[..., onnx.ModelProto], tmp_path: Path, name: str
) -> None:
    model = build_model()
    outside(model.graph.initializer[0], name)
    (tmp_path / "hostile.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "secret.bin").write_bytes(bytes(4 * 96 * 96))
    with pytest.raises(ModelError, match="in another file"):
        Generator.load(tmp_path / "hostile.onnx")


def test_a_constant_in_a_branch_of_the_graph_is_refused(build_model: Callable[..., onnx.ModelProto]) -> None:
    model = build_model()
    tensor = numpy_helper.from_array(numpy_helper.to_array(model.graph.initializer[0]))
    outside(tensor, "secret.bin")
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=tensor)], "inner", [], [])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))
    with pytest.raises(ModelError, match="in another file"):
        refuse_external_data(model.SerializeToString())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        refuse_external_data(data)
    except ModelError:
        return
