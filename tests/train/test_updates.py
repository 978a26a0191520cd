from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from kaogae.train import TrainConfig, load_settings
from kaogae.train.batches import Data
from kaogae.train.loop import _networks, _set_rates
from kaogae.train.updates import update_average, update_discriminator, update_generator


def start(cache: Path, *changes: str) -> tuple[TrainConfig, Data, Fabric]:
    config = load_settings("smoke", ["optimiser.n_critic=1", *changes])
    return config, Data.load(config, [], cache, workers=1), Fabric(accelerator="cpu", devices=1)


def test_supervised_learning_brings_the_output_nearer_to_the_drawing(cache: Path) -> None:
    config, data, fabric = start(
        cache,
        "weights.adversarial=0",
        "weights.classes=0",
        "augment.colour=0",
        "optimiser.generator_rate=3e-3",
    )
    networks = _networks(config, fabric)
    assert networks.discriminator is None
    batch = data.batch(0)
    losses = [update_generator(fabric, networks, batch, config, judged=False)["g_colours"] for _ in range(25)]
    assert losses[-1] < 0.7 * losses[0]


def test_each_update_moves_its_own_network_only(cache: Path) -> None:
    config, data, fabric = start(cache)
    networks, batch = _networks(config, fabric), data.batch(0)
    assert networks.discriminator is not None

    def snapshot() -> tuple[torch.Tensor, torch.Tensor]:
        networks_now = (networks.generator, networks.discriminator)
        g, d = (torch.cat([p.detach().flatten().clone() for p in n.parameters()]) for n in networks_now if n)
        return g, d

    g0, d0 = snapshot()
    parts = update_discriminator(fabric, networks, batch, config)
    g1, d1 = snapshot()
    parts |= update_generator(fabric, networks, batch, config, judged=True)
    g2, d2 = snapshot()
    assert torch.equal(g0, g1)
    assert not torch.equal(d0, d1)
    assert not torch.equal(g1, g2)
    assert torch.equal(d1, d2)
    assert {
        "d_adversarial",
        "d_classes",
        "d_penalty",
        "g_adversarial",
        "g_classes",
        "g_reconstruction",
    } <= set(parts)


def test_the_discriminator_learns_to_tell_drawn_from_translated(cache: Path) -> None:
    config, data, fabric = start(cache, "optimiser.discriminator_rate=5e-4", "weights.penalty=1")
    networks, batch = _networks(config, fabric), data.batch(1)
    distances = [
        float(update_discriminator(fabric, networks, batch, config)["d_adversarial"]) for _ in range(20)
    ]
    assert abs(distances[0]) < 0.01
    assert distances[-1] > 0.05


def test_the_average_follows_slowly(cache: Path) -> None:
    config, _, fabric = start(cache)
    networks = _networks(config, fabric)
    with torch.no_grad():
        networks.generator.head.bias.fill_(1)
    before = networks.average.head.bias.clone()
    update_average(networks, 0.9)
    assert torch.allclose(networks.average.head.bias, 0.9 * before + 0.1)


def test_rates_rise_stay_and_fall(cache: Path) -> None:
    config, _, fabric = start(cache, "iterations=100", "optimiser.warmup=10", "optimiser.decay_from=0.5")
    networks, rates = _networks(config, fabric), []
    for iteration in (0, 9, 50, 75, 99):
        _set_rates(networks, config, iteration)
        rates.append(networks.generator_optimiser.param_groups[0]["lr"] / config.optimiser.generator_rate)
    assert rates == pytest.approx([0.1, 1, 1, 0.5, 0.02])
