import pytest
import torch
from lightning_fabric import Fabric

from kaogae.stargan import StarganConfig
from kaogae.train import TrainConfig, load_settings
from kaogae.train.networks import (
    Networks,
    build_networks,
    set_rates,
    statistics,
    translate,
    update_average,
)

STARGAN = (
    "generator.architecture=stargan",
    "generator.width=4",
    "generator.downs=2",
    "generator.blocks=1",
)


def build(*changes: str) -> tuple[TrainConfig, Networks]:
    config = load_settings("smoke", changes)
    return config, build_networks(config, Fabric(accelerator="cpu", devices=1))


def test_first_weights_follow_from_the_seed() -> None:
    (_, one), (_, same), (_, other) = build(), build(), build("seed=1")
    for name in ("generator", "discriminator"):
        a, b, c = (
            torch.cat([p.flatten() for p in getattr(n, name).parameters()]) for n in (one, same, other)
        )
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_the_average_begins_as_the_generator_and_is_never_learned() -> None:
    _, networks = build()
    pairs = zip(networks.average.parameters(), networks.generator.parameters(), strict=True)
    assert all(torch.equal(kept, new) and kept is not new for kept, new in pairs)
    assert not any(parameter.requires_grad for parameter in networks.average.parameters())


def test_weights_lie_as_processors_and_gpus_convolve_fastest() -> None:
    _, networks = build(*STARGAN)
    for network in (networks.generator, networks.average, networks.discriminator):
        assert network is not None
        for parameter in network.parameters():
            if parameter.dim() == 4:
                assert parameter.is_contiguous(memory_format=torch.channels_last)


def test_without_a_say_there_is_no_discriminator() -> None:
    _, networks = build("weights.adversarial=0", "weights.classes=0", "optimiser.n_critic=1")
    assert networks.discriminator is networks.discriminator_optimiser is None


def test_the_average_follows_slowly() -> None:
    _, networks = build()
    with torch.no_grad():
        networks.generator.head.bias.fill_(1)
    before = networks.average.head.bias.clone()
    update_average(networks, 0.9)
    assert torch.allclose(networks.average.head.bias, 0.9 * before + 0.1)
    update_average(networks, 0)
    assert torch.equal(networks.average.head.bias, networks.generator.head.bias)


def test_statistics_are_those_of_instance_normalisation_in_both_generators() -> None:
    config, networks = build(*STARGAN)
    assert isinstance(config.generator, StarganConfig)
    found = statistics(networks)
    norms = 1 + 2 + 2 + 2  # stem, two down, two in the block, two up
    assert len(found) == 2 * 2 * norms  # mean and variance
    translate(networks.generator, torch.rand(2, 3, 64, 64), torch.eye(5)[:2])
    update_average(networks, 0.9)
    half = len(found) // 2
    assert all(torch.equal(a, b) for a, b in zip(found[:half], found[half:], strict=True))
    assert float(found[0].abs().sum()) > 0
    assert statistics(build()[1]) == []


def test_rates_rise_stay_and_fall() -> None:
    config, networks = build("iterations=100", "optimiser.warmup=10", "optimiser.decay_from=0.5")
    rates, of_discriminator = [], []
    assert networks.discriminator_optimiser is not None
    for iteration in (0, 9, 50, 75, 99):
        rate = set_rates(networks, config, iteration)
        assert networks.generator_optimiser.param_groups[0]["lr"] == rate
        rates.append(rate / config.optimiser.generator_rate)  # 1 at full height
        lr = networks.discriminator_optimiser.param_groups[0]["lr"]
        of_discriminator.append(lr / config.optimiser.discriminator_rate)
    assert rates == pytest.approx([0.1, 1, 1, 0.5, 0.02])
    assert of_discriminator == pytest.approx(rates)


def test_the_original_s_rates_fall_over_the_second_half() -> None:
    config = load_settings("baseline")
    _, networks = build()
    rates = [set_rates(networks, config, i) for i in (0, 125_000, 187_500, 249_999)]
    assert rates == pytest.approx([1e-4, 1e-4, 5e-5, 8e-10])


def test_half_precision_gives_float32() -> None:
    for changes in ((), STARGAN):
        _, networks = build(*changes)
        picture, target = torch.rand(1, 3, 64, 64), torch.eye(5)[:1]
        with torch.no_grad():
            outputs = [translate(networks.generator, picture, target, half=half)[0] for half in (False, True)]
        assert [output.dtype for output in outputs] == [torch.float32] * 2
        assert 0 < float((outputs[0] - outputs[1]).abs().mean()) < 0.05
