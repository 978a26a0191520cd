"""What makes training fast doesn't change what is computed: against the plain loop of the benchmark."""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import Tensor, nn

from kaogae.dataset import FaceSet
from kaogae.train import TrainConfig, load_settings, updates
from kaogae.train.batches import Batch, Resident, Streamed, batches
from kaogae.train.data import Data
from kaogae.train.networks import Networks, build_networks, set_rates, update_average
from kaogae.train.updates import update_discriminator, update_generator

FABRIC = Fabric(accelerator="cpu", devices=1)
CPU = torch.device("cpu")
STARGAN = (
    "data.drawn=0", "weights.supervised=0", "weights.features=0", "weights.classes=1",
    "weights.adversarial=1", "weights.reconstruction=10", "generator.architecture=stargan",
    "generator.width=8", "generator.downs=2", "generator.blocks=1", "discriminator_width=8",
)  # fmt: skip
EXACT = 1e-6
KINDS = {"stargan": STARGAN, "small": ("data.untouched_share=0.2",)}


def _benchmark() -> Any:
    path = Path(__file__).parents[2] / "benchmarks" / "plain_stargan.py"
    spec = importlib.util.spec_from_file_location("plain_stargan", path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["plain_stargan"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


plain_stargan = _benchmark()


@pytest.fixture(params=KINDS)
def start(request: pytest.FixtureRequest, faces: FaceSet, cache: Path) -> "Start":
    return Start(KINDS[request.param], faces, cache)


class Start:
    """The same networks and pictures as often as they are wanted.

    In float64, unless a test says otherwise. In float32 about one value in a million falls on the other side
    of a ReLU's corner when sums are taken in another order, and each such value turns the gradients of all
    layers before it by a thousandth: that would be a test of luck.
    """

    dtype = torch.float64

    def __init__(self, kind: tuple[str, ...], faces: FaceSet, cache: Path) -> None:
        self.kind = (*kind, "iterations=40", "optimiser.clip=0")
        self.data = Data.load(self.config(), [faces], cache, workers=1)

    def config(self, *changes: str) -> TrainConfig:
        return load_settings("smoke", [*self.kind, *changes])

    def networks(self, *changes: str) -> Networks:
        """Not as they begin: the last layers of `small` are zeros then, and most gradients too."""
        networks = build_networks(self.config(*changes), FABRIC)
        torch.manual_seed(1)
        for network in (networks.generator, networks.discriminator):
            assert network is not None
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter += 0.05 * torch.randn_like(parameter)
        networks.average.load_state_dict(networks.generator.state_dict())
        for network in (networks.generator, networks.average, networks.discriminator):
            assert network is not None
            network.to(self.dtype)
        return networks

    def batches(self, iteration: int = 0, parts: int = 1) -> list[Batch]:
        feed = Streamed(self.data.faces.pixels, self.data.pairs, self.data.config.image_size, CPU)
        (found,) = batches(self.data.rows, feed, iteration, iteration + 1, parts=parts)
        return [self._exact(batch) for batch in found]

    def _exact(self, batch: Batch) -> Batch:
        values = {entry.name: getattr(batch, entry.name) for entry in fields(Batch)}
        return Batch(**{k: v.to(self.dtype) if v.is_floating_point() else v for k, v in values.items()})

    def gradients(self, *changes: str, parts: int = 1) -> tuple[list[Tensor], dict[str, float]]:
        """Those of one step of each network from the first weights, and the losses."""
        config, batches = self.config(*changes), self.batches(parts=parts)
        first, second = self.networks(*changes), self.networks(*changes)
        losses = update_discriminator(FABRIC, first, batches, config)
        losses |= update_generator(FABRIC, second, batches, config, judged=True)
        found = gradients(first.discriminator) + gradients(second.generator)
        return found, {name: float(value) for name, value in losses.items()}


def gradients(network: nn.Module | None) -> list[Tensor]:
    assert network is not None
    return [p.grad.clone() if p.grad is not None else torch.zeros_like(p) for p in network.parameters()]


def parameters(network: nn.Module) -> list[Tensor]:
    return [parameter.detach() for parameter in network.parameters()]


def largest_error(ours: list[Tensor], wanted: list[Tensor]) -> float:
    """Over all tensors: the norm of the difference over the norm, or over a millionth of the largest norm."""
    floor = 1e-6 * max(float(tensor.norm()) for tensor in wanted)
    pairs = zip(ours, wanted, strict=True)
    return max(float((a - b).norm()) / max(float(b.norm()), floor) for a, b in pairs)


def plain_gradients(start: Start) -> tuple[list[Tensor], dict[str, float]]:
    networks, (batch,) = start.networks(), start.batches()
    plain = plain_stargan.Plain(start.config(), networks.generator, networks.discriminator)
    losses = plain.discriminator_gradients(batch)
    found = gradients(plain.discriminator)
    losses |= plain.generator_gradients(batch)
    return found + gradients(plain.generator), losses


def test_gradients_are_the_plain_ones(start: Start) -> None:
    (ours, losses), (wanted, wanted_losses) = start.gradients(), plain_gradients(start)
    assert losses == pytest.approx(wanted_losses, rel=EXACT)
    assert largest_error(ours, wanted) < EXACT


def test_gradients_are_the_plain_ones_in_float32(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """With corners rounded off, for the reason that `Start` gives."""
    monkeypatch.setattr(F, "relu", lambda x, **_: F.softplus(x))
    monkeypatch.setattr(F, "leaky_relu", lambda x, *_: F.softplus(x) + 0.01 * x)
    start.dtype = torch.float32
    (ours, losses), (wanted, wanted_losses) = start.gradients(), plain_gradients(start)
    assert losses == pytest.approx(wanted_losses, rel=1e-4)
    assert largest_error(ours, wanted) < 1e-4


def test_the_loss_curves_are_the_plain_ones(start: Start) -> None:
    config, networks = start.config(), start.networks()
    plain = plain_stargan.Plain(config, networks.generator, networks.discriminator)
    for done in range(10):
        batches, losses = start.batches(done), dict[str, Tensor]()
        set_rates(networks, config, done)
        losses |= update_discriminator(FABRIC, networks, batches, config)
        if (done + 1) % config.optimiser.n_critic == 0:
            losses |= update_generator(FABRIC, networks, batches, config, judged=True)
            update_average(networks, min(config.optimiser.average, done / (done + 10)))
        wanted = plain.iteration(batches[0], done)
        assert {name: float(value) for name, value in losses.items()} == pytest.approx(wanted, rel=EXACT)
    assert largest_error(parameters(networks.average), parameters(plain.average)) < EXACT


@pytest.mark.parametrize("parts", [2, 4])
def test_a_batch_in_parts_has_the_gradients_of_the_whole(start: Start, parts: int) -> None:
    whole, losses = start.gradients()
    found, found_losses = start.gradients(f"accumulate={parts}", parts=parts)
    assert found_losses == pytest.approx(losses, rel=EXACT)
    assert largest_error(found, whole) < EXACT


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """torch.compile up to the code generator, which needs a C++ compiler."""
    whole = partial(torch.compile, backend="aot_eager", fullgraph=True)  # in one piece, or much is lost
    monkeypatch.setattr(updates, "_compiled", whole)
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.no_cover  # the compiler is written in Python: watched line by line, it takes twice as long
@pytest.mark.usefixtures("traced")
def test_compiled_losses_have_the_same_gradients(start: Start) -> None:
    eager, losses = start.gradients()
    found, found_losses = start.gradients("compile=true")
    assert found_losses == pytest.approx(losses, rel=EXACT)
    assert largest_error(found, eager) < EXACT


def test_half_precision_points_the_same_way(start: Start) -> None:
    start.dtype = torch.float32
    exact, _ = start.gradients()
    half, _ = start.gradients("precision=bfloat16")
    one, other = (torch.cat([tensor.flatten() for tensor in tensors]) for tensors in (exact, half))
    assert float(torch.cosine_similarity(one, other, dim=0)) > 0.98
    assert float(other.norm() / one.norm()) == pytest.approx(1, abs=0.05)


def test_pictures_in_the_devices_memory_are_those_of_the_loader(start: Start) -> None:
    start.dtype = torch.float32
    (loaded,) = start.batches()
    feed = Resident(start.data.faces.pixels, start.data.pairs, start.data.config.image_size, CPU)
    ((resident,),) = batches(start.data.rows, feed, 0, 1)
    assert float((loaded.source - resident.source).abs().mean()) < 0.01
