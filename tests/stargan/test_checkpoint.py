import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from kaogae.errors import ModelError
from kaogae.stargan import (
    Header,
    SmallConfig,
    StarganConfig,
    build_generator,
    load_checkpoint,
    save_checkpoint,
)

TINY = SmallConfig(width=4, deep=8, blocks=1)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(path, build_generator(TINY), Header(TINY, 64, images_seen=7, dataset="abc"))
    return path


def with_header(path: Path, text: str) -> Path:
    save_file({"a": torch.zeros(1)}, path, {"kaogae": text})
    return path


@pytest.mark.parametrize("config", [TINY, StarganConfig(width=4, downs=1, blocks=1)])
def test_weights_and_header_survive(tmp_path: Path, config: SmallConfig | StarganConfig) -> None:
    generator, header = build_generator(config).eval(), Header(config, 64, 7, "abc", {"L1": 0.5})
    save_checkpoint(tmp_path / "a.safetensors", generator, header)
    loaded, read = load_checkpoint(tmp_path / "a.safetensors")
    assert read == header
    image, target = torch.rand(1, 3, 64, 64), torch.eye(5)[:1]
    assert torch.equal(loaded(image, target), generator(image, target))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "not version 1"),
        ({"version": 2}, "not version 1"),
        ({"expressions": ["happy"]}, "in this order"),
        ({"image_size": 10**9}, "impossible image size"),
        ({"images_seen": -1}, "impossible image size"),
        ({"dataset": 3}, "wrong kind"),
        ({"generator": {"architecture": "huge"}}, "doesn't know the generator"),
        ({"generator": {**vars(TINY), "width": 10**6}}, "out of range"),
        ({"generator": {**vars(TINY), "classes": 7}}, "another number of classes"),
        ({"generator": {**vars(TINY), "more": 1}}, "doesn't describe"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    header = json.loads(Header(TINY, 64).to_json()) | change
    with pytest.raises(ModelError, match=message):
        load_checkpoint(with_header(tmp_path / "a.safetensors", json.dumps(header)))


def test_what_is_no_checkpoint_is_refused(tmp_path: Path, checkpoint: Path) -> None:
    whole, path = checkpoint.read_bytes(), tmp_path / "a.safetensors"
    for data in (b"", b"text", whole[:40], whole[:-1], b"\xff" * 64, whole + b"x"):
        path.write_bytes(data)
        with pytest.raises(ModelError, match=r"a\.safetensors"):
            load_checkpoint(path)
    for text in ("{", "[]", "[" * 100_000):
        with pytest.raises(ModelError, match="JSON"):
            load_checkpoint(with_header(path, text))
    with pytest.raises(ModelError, match="can't be read"):
        load_checkpoint(tmp_path / "absent.safetensors")


def test_weights_must_be_exactly_those_of_the_header(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="don't fit its header"):
        load_checkpoint(with_header(tmp_path / "a.safetensors", Header(TINY, 64).to_json()))


def test_failed_training_is_not_saved(tmp_path: Path) -> None:
    generator = build_generator(TINY)
    torch.nn.init.constant_(generator.head.weight, float("nan"))
    with pytest.raises(ModelError, match="isn't finite"):
        save_checkpoint(tmp_path / "a.safetensors", generator, Header(TINY, 64))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("training", [5, [1]])
def test_a_header_with_a_training_of_the_wrong_kind(tmp_path: Path, training: object) -> None:
    header = {**json.loads(Header(TINY, 64).to_json()), "training": training}
    with pytest.raises(ModelError, match="wrong kind"):
        load_checkpoint(with_header(tmp_path / "a.safetensors", json.dumps(header)))
