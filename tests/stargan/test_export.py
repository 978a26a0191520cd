"""ONNX and TorchScript: what is written is what PyTorch computes, or nothing is written."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from kaogae.errors import ModelError
from kaogae.stargan import Generator, Header, SmallConfig, StarganConfig, build_generator
from kaogae.stargan.checking import TOGETHER, TOLERANCE, Signature, check_same, running
from kaogae.stargan.export import export_onnx
from kaogae.stargan.torchscript import HEADER_FILE, export_torchscript

CONFIGS = {
    "small": SmallConfig(width=8, deep=16, blocks=1),
    "stargan": StarganConfig(width=8, downs=1, blocks=1),
}
EXPORTS = {"onnx": export_onnx, "torchscript": export_torchscript}


def noise(count: int, size: int = 64) -> Tensor:
    return torch.rand(count, 3, size, size) * 2 - 1


@pytest.mark.parametrize("name", CONFIGS)
def test_the_onnx_file_keeps_the_contract(tmp_path: Path, name: str) -> None:
    config, path = CONFIGS[name], tmp_path / "model.onnx"
    header = Header(config, 64, images_seen=3)
    report = export_onnx(build_generator(config), header, path, noise(2))
    assert report.bytes == path.stat().st_size
    session = onnxruntime.InferenceSession(path)
    assert json.loads(session.get_modelmeta().custom_metadata_map["kaogae"]) == json.loads(header.to_json())
    outputs = [value.name for value in session.get_outputs()]
    assert outputs == (["output", "mask"] if name == "small" else ["output"])
    for count in (1, 3):
        image, target = np.zeros((count, 3, 64, 64), np.float32), np.eye(5, dtype=np.float32)[:count]
        assert session.run(["output"], {"image": image, "target": target})[0].shape == (count, 3, 64, 64)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_torchscript_file_runs_with_any_batch_and_without_kaogae(tmp_path: Path, name: str) -> None:
    config, path = CONFIGS[name], tmp_path / "model.pt"
    header = Header(config, 64, images_seen=3, training={"preset": "表情"})
    generator = build_generator(config)
    report = export_torchscript(generator, header, path, noise(2))
    assert report.bytes == path.stat().st_size
    extra = {HEADER_FILE: ""}
    loaded = torch.jit.load(path, _extra_files=extra)
    assert json.loads(extra[HEADER_FILE]) == json.loads(header.to_json())
    assert "kaogae" not in loaded.code
    for count in (1, 3):
        image, target = noise(count), torch.eye(5)[:count]
        wanted, found = running(Signature(generator).eval())(image, target), running(loaded)(image, target)
        assert [one.shape for one in found] == [one.shape for one in wanted]
        assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(wanted, found, strict=True))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_torchscript_file_isnt_bound_to_the_device_that_it_was_made_on(tmp_path: Path, name: str) -> None:
    config, path = CONFIGS[name], tmp_path / "model.pt"
    export_torchscript(build_generator(config), Header(config, 64), path, noise(1))
    graph = torch.jit.load(path).inlined_graph
    moves = graph.findAllNodes("aten::to")
    devices = [value for node in moves for value in node.inputs() if value.type().kind() == "DeviceObjType"]
    assert devices == []


@pytest.mark.parametrize("kind", EXPORTS)
def test_a_file_that_differs_from_pytorch_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setitem(TOLERANCE, "float16" if kind == "onnx" else kind, -1.0)
    config = CONFIGS["small"]
    with pytest.raises(ModelError, match="differs"):
        EXPORTS[kind](build_generator(config), Header(config, 64), tmp_path / "model", noise(1))
    assert not list(tmp_path.iterdir())


def broken(generator: Generator, wrong: Callable[[Tensor, Tensor], Tensor]) -> float:
    """What the check says of an export whose output is changed by `wrong(output, target)`."""
    signature = running(Signature(generator).eval())

    def run(image: Tensor, target: Tensor) -> list[Tensor]:
        output, *rest = signature(image, target)
        return [wrong(output.clone(), target), *rest]

    return check_same(run, generator, noise(TOGETHER + 1), 1e-3)


def spoil_one_target(output: Tensor, target: Tensor) -> Tensor:
    output[target[:, 4] == 1, 0, 0, 0] += 0.1
    return output


def spoil_the_lone(output: Tensor, _: Tensor) -> Tensor:
    return output + 0.1 if len(output) == 1 else output


def spoil_the_batch(output: Tensor, _: Tensor) -> Tensor:
    return output.flip(0)


def spoil_with_nan(output: Tensor, _: Tensor) -> Tensor:
    output[-1, -1, -1, -1] = torch.nan
    return output


def test_an_export_that_is_right_passes_the_check() -> None:
    assert broken(build_generator(CONFIGS["small"]), lambda output, _: output) < 1e-5


@pytest.mark.parametrize("wrong", [spoil_one_target, spoil_the_lone, spoil_the_batch, spoil_with_nan])
def test_the_check_notices_what_is_wrong_in_one_case_alone(wrong: Callable[..., Tensor]) -> None:
    with pytest.raises(ModelError, match="differs"):
        broken(build_generator(CONFIGS["small"]), wrong)
