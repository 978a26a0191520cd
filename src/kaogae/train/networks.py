"""What learns, with what makes it learn."""

import copy
from dataclasses import dataclass
from typing import TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.swa_utils import get_ema_multi_avg_fn

from kaogae.stargan import Discriminator, DiscriminatorConfig, SmallGenerator, build_generator
from kaogae.stargan.checkpoint import Generator
from kaogae.train.config import TrainConfig

Network = TypeVar("Network", bound=nn.Module)


@dataclass
class Networks:
    """Two networks in each other's hands, and the one that is kept."""

    generator: Generator
    average: Generator
    """The running average of the generator: what is saved and shown."""
    discriminator: Discriminator | None
    generator_optimiser: Adam
    discriminator_optimiser: Adam | None


def choose_arithmetic(config: TrainConfig) -> None:
    """On GPUs: with bfloat16, what stays in float32 may use TF32; without, nothing does. Of the whole
    process.
    """
    half = config.precision == "bfloat16"
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = half
    torch.backends.cuda.matmul.allow_tf32 = half


def build_networks(config: TrainConfig, fabric: Fabric) -> Networks:
    """New networks with the weights that follow from the seed, on `fabric`'s device."""
    torch.manual_seed(config.seed)
    generator = _placed(build_generator(config.generator), fabric)
    average = copy.deepcopy(generator).requires_grad_(False)
    generator_adam = _adam(generator, config.optimiser.generator_rate, config)
    if not config.uses_discriminator:
        return Networks(generator, average, None, generator_adam, None)
    size = DiscriminatorConfig(config.image_size, config.discriminator_width)
    discriminator = _placed(Discriminator(size), fabric)
    discriminator_adam = _adam(discriminator, config.optimiser.discriminator_rate, config)
    return Networks(generator, average, discriminator, generator_adam, discriminator_adam)


def set_rates(networks: Networks, config: TrainConfig, iteration: int) -> float:
    """Up over the warm-up, level, and down to 0 over the last part. Returns the generator's rate."""
    optimiser, total = config.optimiser, config.iterations
    factor = min(1.0, (iteration + 1) / max(1, optimiser.warmup))
    turn = optimiser.decay_from * total
    if iteration > turn:
        factor *= (total - iteration) / (total - turn)
    pairs = (
        (networks.generator_optimiser, optimiser.generator_rate),
        (networks.discriminator_optimiser, optimiser.discriminator_rate),
    )
    for adam, rate in pairs:
        for group in adam.param_groups if adam is not None else ():
            group["lr"] = rate * factor
    return optimiser.generator_rate * factor


def update_average(networks: Networks, weight: float) -> None:
    """average ← weight · average + (1 − weight) · generator."""
    kept: list[Tensor] = [*networks.average.parameters()]
    new: list[Tensor] = [*networks.generator.parameters()]
    get_ema_multi_avg_fn(weight)(kept, new, 1)
    for statistic, now in zip(networks.average.buffers(), networks.generator.buffers(), strict=True):
        statistic.copy_(now)


def statistics(networks: Networks) -> list[Tensor]:
    """The running statistics of instance normalisation, of which each process has those of its own pictures.
    What is learned doesn't depend on them; a checkpoint with generator.statistics = "running" does.
    """
    buffers = [*networks.generator.buffers(), *networks.average.buffers()]
    return [buffer for buffer in buffers if buffer.is_floating_point()]


def translate(
    generator: Generator, image: Tensor, target: Tensor, *, half: bool = False
) -> tuple[Tensor, Tensor | None]:
    """The translated pictures and the mask, if there is one, as exact as `image`.

    Args:
        half: compute in bfloat16.
    """
    with torch.autocast(image.device.type, torch.bfloat16, enabled=half):
        if isinstance(generator, SmallGenerator):
            output, mask = generator.with_mask(image, target)
            return output.to(image), mask.to(image)
        return generator(image, target).to(image), None


def _placed(network: Network, fabric: Fabric) -> Network:
    """On the device, in the layout in which processors and GPUs convolve fastest."""
    network.to(fabric.device)
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return network


def _adam(network: nn.Module, rate: float, config: TrainConfig) -> Adam:
    betas = (config.optimiser.beta1, config.optimiser.beta2)
    return Adam(network.parameters(), rate, betas, fused=True)
