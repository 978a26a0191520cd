"""What a run would cost, before it is begun: arithmetic, memory, disk and time. Writes and draws nothing.

FLOPs and memory come from one update of each network on tensors without content (torch's fake tensors), so
they take a second for networks of any size. Only the time is measured, on pictures of noise.
"""

import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakIdKeyDictionary

from kaogae.dataset import FaceSet
from kaogae.errors import ModelError
from kaogae.train.batches import AHEAD, Batch
from kaogae.train.config import TrainConfig
from kaogae.train.data import RESIDENT_SHARE, check_sets, drawn_order
from kaogae.train.folder import space_needed
from kaogae.train.networks import Networks, build_networks, choose_arithmetic, translate
from kaogae.train.pairs import undrawn
from kaogae.train.sampling import CLASSES
from kaogae.train.updates import (
    discriminator_objective,
    generator_objective,
    update_discriminator,
    update_generator,
)

LIBRARIES = 480 * 10**6
"""Bytes that Python and the libraries take, from a run of `smoke`."""
SCRATCH = 0.2
"""What convolutions and the allocator take beside the tensors, as a share of them."""
COPIES = 1.7
"""Of all networks and optimisers, made in a processor's memory while a state is saved."""


@dataclass(frozen=True)
class Estimate:
    """What a run would be, in one process."""

    generator_parameters: int
    discriminator_parameters: int
    """0 if there is none."""
    generator_flops: int
    """Of one picture's way through the generator. A multiplication and an addition count as two; what isn't a
    convolution or a product of matrices doesn't count."""
    iteration_flops: float
    """Of an iteration, averaged over a run: both directions, the penalty's second differentiation included,
    the discriminator's update from `adversarial_from` on, and the generator's once in `n_critic` then."""
    networks_memory: int
    """Bytes of both networks, the average, and Adam's two moments."""
    updates_memory: int
    """Most bytes of gradients, activations and batches at once."""
    pictures_memory: int
    """Bytes of the pictures that are kept where the networks are."""
    other_memory: int
    """Bytes of the libraries, of what they need to convolve, and of copies that are saved."""
    disk: int
    """Bytes of states, checkpoints, grids, records, and drawings that are to be made."""
    faces: int
    """In the train splits of the frozen sets."""
    characters: int
    """Drawn ones to learn from, each with every expression."""
    characters_to_draw: int
    """Those of them that aren't drawn yet."""
    iterations: int
    images: int
    """Pictures translated, with repetition."""
    device: str
    seconds_per_iteration: float
    """Averaged over a run, from updates of `measured_rows` pictures at once; without drawing and saving."""
    measured_rows: int

    @property
    def memory(self) -> int:
        """Bytes at the most, on a GPU of its memory. On a processor, the largest resident set of real runs
        (small; baseline at 64 pixels, and with batches of 4; paper with batches of 4, and of 16 in 8 parts)
        was between 7 % less and 4 % more; the constants above come from the same runs. No GPU was compared.
        """
        return self.networks_memory + self.updates_memory + self.pictures_memory + self.other_memory

    @property
    def seconds(self) -> float:
        return self.iterations * self.seconds_per_iteration

    def lines(self) -> list[tuple[str, str]]:
        """What each thing is called, and how much it is, for people."""
        parts = (
            f"networks {_gb(self.networks_memory)}, updates {_gb(self.updates_memory)}, "
            f"pictures {_gb(self.pictures_memory)}, libraries {_gb(self.other_memory)}"
        )
        rate, to_draw = self.images / self.seconds, f"{self.characters_to_draw:,}"
        return [
            ("device", self.device),
            ("generator", f"{self.generator_parameters:,} parameters"),
            ("discriminator", f"{self.discriminator_parameters:,} parameters"),
            ("per picture", f"{self.generator_flops / 1e9:,.1f} GFLOP through the generator"),
            ("per iteration", f"{self.iteration_flops / 1e9:,.1f} GFLOP on average"),
            ("memory", f"about {_gb(self.memory)}: {parts}"),
            ("disk", f"at most {_gb(self.disk)}"),
            (
                "learns from",
                f"{self.faces:,} faces, {self.characters:,} drawn characters ({to_draw} to be drawn)",
            ),
            ("iterations", f"{self.iterations:,}, {self.images:,} images"),
            ("rate", f"{_rate(1 / self.seconds_per_iteration)} it/s, {_rate(rate)} images/s"),
            ("time", f"about {_long(self.seconds)}, measured on {self.measured_rows} pictures at once"),
        ]


def estimate(
    config: TrainConfig, sets: Sequence[FaceSet], cache: Path, device: torch.device, *, seconds: float = 15
) -> Estimate:
    """What a run with `config` would cost on `device`.

    Args:
        sets: frozen sets; with none, and no drawings, only the networks are looked at.
        cache: the folder of drawings, to see which are there.
        seconds: about how long to measure; the batch is made smaller for it, and the time scaled.

    Raises:
        ConfigError: the settings, or settings and sets, don't hold together.
        ModelError: not even two pictures at once fit into the memory of `device`.
    """
    config.check()
    if sets:
        check_sets(config, sets)
    choose_arithmetic(config)
    pictures = _pictures(config, sets, device)
    networks = build_networks(config, _fabric(device))
    order, rows = drawn_order(config), config.batch // config.accumulate
    disk = space_needed(config, networks, cache)
    measured, times = _time(config, networks, sets, device, seconds)
    flops, working, per_picture = _count(config, networks, sets, device)  # networks are of no use after it
    average = {name: share * config.accumulate for name, share in _updates(config).items()}
    parts = _parameters(networks.generator), _parameters(networks.discriminator)
    weights = 4 * (4 * parts[0] + 3 * parts[1])
    copies = round(COPIES * weights) if device.type == "cpu" else 0
    return Estimate(
        generator_parameters=parts[0],
        discriminator_parameters=parts[1],
        generator_flops=per_picture,
        iteration_flops=sum(flops[name] * share for name, share in average.items()),
        networks_memory=weights,
        updates_memory=working,
        pictures_memory=pictures,
        other_memory=LIBRARIES + max(round(SCRATCH * (weights + working)), copies - working),
        disk=disk,
        faces=sum(len(faces.of("train")) for faces in sets),
        characters=config.data.drawn,
        characters_to_draw=undrawn(order, cache) if order else 0,
        iterations=config.iterations,
        images=config.iterations * config.batch,
        device=_name(device),
        seconds_per_iteration=sum(times[name] * share for name, share in average.items()) * rows / measured,
        measured_rows=measured,
    )


def _updates(config: TrainConfig) -> dict[str, float]:
    """How often each kind of update comes in an iteration, averaged over a run."""
    alone = config.adversarial_from if config.uses_discriminator else 1.0
    kinds = {
        "discriminator": 1 - alone,
        "generator": (1 - alone) / config.optimiser.n_critic,
        "generator alone": alone,
    }
    return {name: share for name, share in kinds.items() if share}


class _Meter(TorchDispatchMode):
    """Counts the FLOPs of what runs within, and the most bytes that its tensors take at once.

    torch's own counter doesn't work here: its hooks refuse the gradient within a gradient.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = self.bytes = self.most = 0
        self._known = WeakIdKeyDictionary()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        for value in tree_leaves(result):
            if isinstance(value, Tensor):
                self._hold(value.untyped_storage())
        return result

    def _hold(self, storage: torch.UntypedStorage) -> None:
        if storage not in self._known:
            size = storage.nbytes()
            self._known[storage] = size
            self.bytes += size
            self.most = max(self.most, self.bytes)
            weakref.finalize(storage, self._release, size)

    def _release(self, size: int) -> None:
        self.bytes -= size


def _count(
    config: TrainConfig, networks: Networks, sets: Sequence[FaceSet], device: torch.device
) -> tuple[dict[str, int], int, int]:
    """FLOPs of each kind of update of a micro-batch, most bytes that one takes, FLOPs of a translation."""
    rows = config.batch // config.accumulate
    flops, most, mode = dict[str, int](), 0, FakeTensorMode()
    for network in (networks.generator, networks.discriminator):
        _empty(network, mode)
    with mode:
        batch = _noise(config, sets, rows, device)
        objectives: dict[str, Callable[[], tuple[Tensor, Any]]] = {
            "discriminator": lambda: discriminator_objective(networks, batch, config),
            "generator": lambda: generator_objective(networks, batch, config, judged=True),
            "generator alone": lambda: generator_objective(networks, batch, config, judged=False),
        }
        for name in _updates(config):
            learns, waits = networks.discriminator, networks.generator
            if name != "discriminator":
                learns, waits = waits, learns
                if networks.discriminator is not None:
                    networks.discriminator.requires_grad_(False)
            assert learns is not None  # or it would not be in the list
            with _Meter() as meter:
                for _ in range(min(2, config.accumulate)):  # the second finds gradients of the first
                    loss, _ = objectives[name]()
                    loss.backward()
                    del loss
            flops[name] = meter.flops // min(2, config.accumulate)
            most = max(most, meter.most + 4 * _parameters(waits))  # with the gradients of its last update
            learns.zero_grad()
        with _Meter() as meter, torch.no_grad():
            translate(networks.generator, batch.source, batch.target)
        waiting = (AHEAD + 1) * config.accumulate * (batch.source.nbytes + batch.truth.nbytes)
    return flops, most + waiting, meter.flops // rows


def _time(
    config: TrainConfig, networks: Networks, sets: Sequence[FaceSet], device: torch.device, seconds: float
) -> tuple[int, dict[str, float]]:
    """How many pictures were used at once, and the seconds that each kind of update then took."""
    plain = replace(config, compile=False, accumulate=1)  # compiling takes longer than all the rest
    fabric, most = _fabric(device), config.batch // config.accumulate
    end, rows, took, best = time.monotonic() + seconds, min(2, most), dict[str, float](), 0
    while True:
        try:
            batch = _noise(config, sets, rows, device)
            for _ in range(2):  # the first time is slower: memory is fetched, algorithms are chosen
                took = {name: _timed(fabric, networks, batch, plain, name) for name in _updates(config)}
        except torch.OutOfMemoryError as error:
            if best:
                return best, took
            raise ModelError(
                f"Not even {rows} pictures at once fit into the memory of {_name(device)}: "
                "set image_size, generator.width or discriminator_width lower."
            ) from error
        best = rows
        affordable = int(rows * (end - time.monotonic()) / (3 * sum(took.values())))
        if rows == most or affordable <= rows:
            return rows, took
        rows = min(most, affordable)


def _timed(fabric: Fabric, networks: Networks, batch: Batch, config: TrainConfig, name: str) -> float:
    began = time.monotonic()
    if name == "discriminator":
        update_discriminator(fabric, networks, [batch], config)
    else:
        update_generator(fabric, networks, [batch], config, judged=name == "generator")
    if fabric.device.type == "cuda":
        torch.cuda.synchronize(fabric.device)
    return time.monotonic() - began


def _noise(config: TrainConfig, sets: Sequence[FaceSet], rows: int, device: torch.device) -> Batch:
    """Pictures without content: as many with a known truth as a run has."""
    share = config.data.real_share if config.data.drawn and sets else 0.0
    known = round(rows * (1 - share)) if config.weights.supervised else 0

    def pictures(count: int) -> Tensor:
        noise = torch.rand(count, 3, config.image_size, config.image_size, device=device) * 2 - 1
        return noise.contiguous(memory_format=torch.channels_last)

    everywhere, one = torch.arange(rows, device=device), torch.ones((), device=device)
    return Batch(
        source=pictures(rows),
        label=everywhere % CLASSES,
        target=torch.eye(CLASSES, device=device)[everywhere % CLASSES],
        target_label=everywhere % CLASSES,
        truth=pictures(known),
        known=everywhere[:known],
        free=everywhere[known:],
        clear=everywhere,
        known_weight=one,
        free_weight=one,
        clear_weight=one,
        share=torch.rand(rows, 1, 1, 1, device=device),
    )


def _empty(network: nn.Module | None, mode: FakeTensorMode) -> None:
    """Replace all tensors of `network` by ones of the same shape without content."""
    for module in network.modules() if network is not None else ():
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(mode.from_tensor(parameter.detach())))
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, mode.from_tensor(buffer))


def _pictures(config: TrainConfig, sets: Sequence[FaceSet], device: torch.device) -> int:
    """Bytes of pictures in the memory of `device`, as `Data.feed` decides; drawings on disk don't count."""
    learned, shown = (sum(len(faces.of(split)) for faces in sets) for split in ("train", "validation"))
    order, picture = drawn_order(config), config.stored_size**2 * 3
    every, wish = learned * picture + (order.bytes if order else 0), config.data.resident
    if wish == "auto" and device.type == "cuda":
        wish = "yes" if every < RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0] else "no"
    if wish == "yes":
        return every
    return 0 if device.type == "cuda" else (learned + shown) * picture


def _parameters(network: nn.Module | None) -> int:
    return sum(parameter.numel() for parameter in network.parameters()) if network is not None else 0


def _fabric(device: torch.device) -> Fabric:
    return Fabric(accelerator=device.type, devices=[device.index or 0] if device.type == "cuda" else 1)


def _name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"processor, {threads} thread{'s' if threads > 1 else ''}"


def _gb(size: int) -> str:
    return f"{size / 1e9:,.2f} GB"


def _rate(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:,.0f}"


def _long(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days:,} d" if days > 9 else f"{days} d {hours} h"
    return f"{hours} h {rest // 60} min" if hours else f"{rest} s"
