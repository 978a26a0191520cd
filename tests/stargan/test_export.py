import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from kaogae.errors import ModelError
from kaogae.stargan import Header, SmallConfig, StarganConfig, build_generator
from kaogae.stargan.export import TOLERANCE, export_onnx

CONFIGS = {
    "small": SmallConfig(width=8, deep=16, blocks=1),
    "stargan": StarganConfig(width=8, downs=1, blocks=1),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_file_keeps_the_contract(tmp_path: Path, name: str) -> None:
    config, path = CONFIGS[name], tmp_path / "model.onnx"
    header = Header(config, 64, images_seen=3)
    report = export_onnx(build_generator(config), header, path, torch.rand(2, 3, 64, 64) * 2 - 1)
    assert report.bytes == path.stat().st_size
    session = onnxruntime.InferenceSession(path)
    assert json.loads(session.get_modelmeta().custom_metadata_map["kaogae"]) == json.loads(header.to_json())
    outputs = [value.name for value in session.get_outputs()]
    assert outputs == (["output", "mask"] if name == "small" else ["output"])
    for count in (1, 3):
        image, target = np.zeros((count, 3, 64, 64), np.float32), np.eye(5, dtype=np.float32)[:count]
        assert session.run(["output"], {"image": image, "target": target})[0].shape == (count, 3, 64, 64)


def test_a_file_that_differs_from_pytorch_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOLERANCE, "float16", -1.0)
    config = CONFIGS["small"]
    with pytest.raises(ModelError, match="differs"):
        export_onnx(
            build_generator(config), Header(config, 64), tmp_path / "model.onnx", torch.zeros(1, 3, 64, 64)
        )
    assert not list(tmp_path.iterdir())
