from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from kaogae.dataset import FaceSet
from kaogae.train import TrainConfig, load_settings, updates
from kaogae.train.batches import Batch, Resident, Streamed, batches
from kaogae.train.data import Data
from kaogae.train.networks import Networks, build_networks, update_average
from kaogae.train.updates import discriminator_objective, update_discriminator, update_generator

CPU = torch.device("cpu")
FABRIC = Fabric(accelerator="cpu", devices=1)
PLAIN = (
    "data.drawn=0",
    "weights.supervised=0",
    "generator.architecture=stargan",
    "generator.width=4",
    "generator.downs=2",
    "generator.blocks=1",
)
FULL = ("weights.features=3", "data.untouched_share=0.2")


def start(cache: Path, *changes: str, sets: tuple[FaceSet, ...] = ()) -> tuple[TrainConfig, Data, Networks]:
    config = load_settings("smoke", ["optimiser.n_critic=1", *changes])
    return config, Data.load(config, sets, cache, workers=1), build_networks(config, FABRIC)


def batches_of(data: Data, iteration: int, parts: int = 1, feed: type = Streamed) -> list[Batch]:
    pictures = feed(data.faces.pixels, data.pairs, data.config.image_size, CPU)
    (found,) = batches(data.rows, pictures, iteration, iteration + 1, parts=parts)
    return found


def weights(network: torch.nn.Module | None) -> Tensor:
    assert network is not None
    return torch.cat([parameter.detach().flatten().clone() for parameter in network.parameters()])


def gradients(network: torch.nn.Module | None) -> Tensor:
    assert network is not None
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


def test_supervised_learning_brings_the_output_nearer_to_the_drawing(cache: Path) -> None:
    alone = ("weights.adversarial=0", "weights.classes=0")
    config, data, networks = start(cache, *alone, "augment.colour=0", "optimiser.generator_rate=3e-3")
    batches = batches_of(data, 0)
    losses = [
        float(update_generator(FABRIC, networks, batches, config, judged=False)["g_colours"])
        for _ in range(25)
    ]
    assert losses[-1] < 0.7 * losses[0]


def test_each_update_moves_its_own_network_only(cache: Path) -> None:
    config, data, networks = start(cache)
    batches = batches_of(data, 0)
    g0, d0 = weights(networks.generator), weights(networks.discriminator)
    parts = update_discriminator(FABRIC, networks, batches, config)
    g1, d1 = weights(networks.generator), weights(networks.discriminator)
    assert all(parameter.grad is None for parameter in networks.generator.parameters())
    parts |= update_generator(FABRIC, networks, batches, config, judged=True)
    g2, d2 = weights(networks.generator), weights(networks.discriminator)
    assert torch.equal(g0, g1)
    assert not torch.equal(d0, d1)
    assert not torch.equal(g1, g2)
    assert torch.equal(d1, d2)
    names = {"d_adversarial", "d_classes", "d_penalty", "g_adversarial", "g_classes", "g_reconstruction"}
    assert names <= set(parts)


def test_the_discriminator_learns_to_tell_drawn_from_translated(cache: Path) -> None:
    config, data, networks = start(cache, "optimiser.discriminator_rate=5e-4", "weights.penalty=1")
    batches = batches_of(data, 1)
    distances = [
        float(update_discriminator(FABRIC, networks, batches, config)["d_adversarial"]) for _ in range(20)
    ]
    assert abs(distances[0]) < 0.01
    assert distances[-1] > 0.05


@pytest.mark.parametrize("parts", [2, 16])
@pytest.mark.parametrize("kind", ["plain", "full"])
def test_micro_batches_give_the_gradients_and_losses_of_the_whole(
    faces: FaceSet, cache: Path, kind: str, parts: int
) -> None:
    changes = PLAIN if kind == "plain" else FULL
    size = 4 if kind == "plain" else 16
    parts = min(parts, size)
    config, data, networks = start(cache, *changes, f"batch={size}", "optimiser.clip=0", sets=(faces,))
    if kind == "full":  # the parts have different numbers of rows of each kind, 0 among them
        counts = [{len(getattr(b, n)) for b in batches_of(data, 1, parts)} for n in ("known", "clear")]
        assert all(len(numbers) > 1 for numbers in counts)
    found = []
    for count in (1, parts):
        networks = build_networks(config, FABRIC)
        batches = batches_of(data, 1, count)
        named = update_discriminator(FABRIC, networks, batches, config)
        of_d = gradients(networks.discriminator)
        torch.manual_seed(0)
        named |= update_generator(FABRIC, networks, batches, config, judged=True)
        found.append((named, of_d, gradients(networks.generator)))
    (named, *wholes), (named_parts, *summed) = found
    assert list(named) == list(named_parts)
    for name, value in named.items():
        assert float(value) == pytest.approx(float(named_parts[name]), rel=1e-4, abs=1e-5), name
    for whole, sum_of_parts in zip(wholes, summed, strict=True):
        assert float((whole - sum_of_parts).norm() / whole.norm()) < 1e-4


def test_every_part_of_a_batch_names_the_same_losses(faces: FaceSet, cache: Path) -> None:
    config, data, networks = start(cache, *FULL, "batch=8", sets=(faces,))
    for parts in batches_of(data, 0, 8), batches_of(data, 3, 8):
        kinds = {len(part.known) for part in parts}
        assert kinds == {0, 1}
        names = [list(update_generator(FABRIC, networks, [part], config, judged=True)) for part in parts]
        assert all(one == names[0] for one in names)


def test_clipping_bounds_the_step(cache: Path) -> None:
    config, data, networks = start(cache, "optimiser.clip=0.01")
    update_generator(FABRIC, networks, batches_of(data, 0), config, judged=True)
    assert float(gradients(networks.generator).norm()) == pytest.approx(0.01, rel=1e-3)


def test_the_penalty_is_computed_in_float32_whatever_the_precision(cache: Path) -> None:
    config, data, networks = start(cache)
    batch = batches_of(data, 0)[0]
    _, exact = discriminator_objective(networks, batch, config)
    _, half = discriminator_objective(networks, batch, replace(config, precision="bfloat16"))
    assert float(half["penalty"]) == pytest.approx(float(exact["penalty"]), rel=1e-2)
    assert all(value.dtype == torch.float32 for value in half.values())


class NeverWaits(TorchDispatchMode):
    """Fails at what makes the processor wait for a GPU: reading a value, or a shape that depends on one."""

    WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "_unique", "equal")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.__name__.split(".")[0]
        assert name.removesuffix("2") not in self.WAITS, f"{name} waits for the device"
        if name in ("index", "index_put_"):
            assert all(i is None or i.dtype != torch.bool for i in args[1]), "a mask waits for the device"
        if name == "_to_copy":
            kwargs_device = (kwargs or {}).get("device")
            assert kwargs_device is None or kwargs_device.type == CPU.type
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("feed", [Streamed, Resident])
@pytest.mark.parametrize("changes", [PLAIN, FULL, (*FULL, "precision=bfloat16")])
def test_an_iteration_never_waits_for_the_device(
    faces: FaceSet, cache: Path, changes: tuple[str, ...], feed: type
) -> None:
    config, data, networks = start(cache, *changes, sets=(faces,))
    pictures = feed(data.faces.pixels, data.pairs, config.image_size, CPU)
    rows = data.rows(0)
    prepared = [pictures.prepare(rows.part(part, 2), rows) for part in range(2)]
    broken = torch.zeros(())
    with NeverWaits():
        batches = [pictures.finish(part) for part in prepared]
        parts = update_discriminator(FABRIC, networks, batches, config)
        parts |= update_generator(FABRIC, networks, batches, config, judged=True)
        update_average(networks, 0.5)
        for part in parts.values():
            broken += ~part.isfinite()
    assert np.isfinite([float(part) for part in parts.values()]).all()


def test_what_waits_would_be_noticed() -> None:
    value = torch.ones(3)
    for wait in (lambda: float(value[0]), value.nonzero, lambda: bool(value[0]), lambda: value[value > 0]):
        with pytest.raises(AssertionError, match="waits"), NeverWaits():
            wait()


def test_as_many_forms_of_an_objective_are_compiled_as_batches_have(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[str]()

    def backend(graph: torch.fx.GraphModule, _: Any) -> Any:
        made.append(graph.code)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    objective = updates._compiled(lambda value, form: (value * len(form), {}))
    for count in range(20):
        objective(torch.ones(1), "x" * count)
    assert len(made) == 20
