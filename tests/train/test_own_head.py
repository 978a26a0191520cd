"""A run's discriminator is read back as it was, or refused."""

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file, save_file

from kaogae.errors import ModelError
from kaogae.stargan import Header
from kaogae.train import load_settings
from kaogae.train.networks import build_networks
from kaogae.train.own_head import load_discriminator
from kaogae.train.settings import to_toml
from kaogae.train.state import Checkpoints

SMOKE = load_settings("smoke")


def saved(folder: Path, config=SMOKE):
    """A run's folder with one state, and the networks in it."""
    networks = build_networks(config, Fabric(accelerator="cpu", devices=1))
    folder.mkdir()
    (folder / "config.toml").write_text(to_toml(config))
    Checkpoints(folder, config).save(networks, 3, Header(config.generator, config.image_size))
    return networks


def test_it_says_what_it_said_in_training(tmp_path):
    networks = saved(tmp_path / "run")
    images = torch.rand(2, 3, SMOKE.image_size, SMOKE.image_size) * 2 - 1
    with torch.no_grad():
        wanted = networks.discriminator(images)[1]
        found = load_discriminator(tmp_path / "run")(images)[1]
    assert torch.equal(found, wanted)


def test_a_run_without_one_has_none(tmp_path):
    assert load_discriminator(tmp_path) is None
    alone = load_settings("smoke", ["weights.adversarial=0", "weights.classes=0", "optimiser.n_critic=1"])
    saved(tmp_path / "run", alone)
    assert load_discriminator(tmp_path / "run") is None


def test_one_of_other_settings_or_with_lost_weights_is_refused(tmp_path):
    saved(tmp_path / "run")
    path = next((tmp_path / "run").glob("checkpoints/*/state.safetensors"))
    tensors = load_file(path)
    name = next(key for key in tensors if key.startswith("discriminator.") and key.endswith("bias"))
    save_file(tensors | {name: tensors[name] * torch.nan}, path)
    with pytest.raises(ModelError, match="aren't finite"):
        load_discriminator(tmp_path / "run")
    save_file(tensors | {name: tensors[name][:1]}, path)
    with pytest.raises(ModelError, match="doesn't belong to the settings"):
        load_discriminator(tmp_path / "run")
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="damaged"):
        load_discriminator(tmp_path / "run")
