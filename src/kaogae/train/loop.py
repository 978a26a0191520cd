"""The training loop."""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Adam

from kaogae.dataset import FaceSet
from kaogae.errors import ConfigError, ModelError
from kaogae.files import write_whole
from kaogae.stargan import Discriminator, DiscriminatorConfig, Header, build_generator, save_checkpoint
from kaogae.train.batches import Data, Faces
from kaogae.train.config import TrainConfig
from kaogae.train.record import SampleSheet, forget_after, log_losses, plot_losses, read_losses, save_png
from kaogae.train.settings import differences, parse_settings, to_toml
from kaogae.train.state import load_state, save_state
from kaogae.train.updates import Networks, update_average, update_discriminator, update_generator

MAY_CHANGE = {"iterations", "log_every", "samples_every", "save_every"}
"""Settings that a run may go on with after they changed."""


@dataclass(frozen=True)
class Step:
    """Where a run is."""

    stage: Literal["drawing", "training"]
    done: int
    """Characters drawn, or iterations."""
    total: int
    images: int = 0
    """Pictures translated so far, with repetition."""


@dataclass(frozen=True)
class RunReport:
    """What a run came to."""

    folder: Path
    iterations: int
    images: int
    finished: bool
    """False if time was up before."""


def train(
    config: TrainConfig,
    sets: Sequence[FaceSet],
    folder: Path,
    *,
    cache: Path,
    max_minutes: float | None = None,
    workers: int | None = None,
    progress: Callable[[Step], None] | None = None,
) -> RunReport:
    """Train, or go on with the run in `folder`.

    The folder gets config.toml, losses.jsonl, losses.png, samples/, state.pt and generator.safetensors.

    Args:
        sets: frozen sets; their train split is learned from, their validation split shown in the samples.
        cache: folder for what is drawn; several runs may share it.
        max_minutes: stop after this time, with everything saved.
        workers: processes that draw; None for one per processor.

    Raises:
        ConfigError: nothing to learn from, or `folder` holds a run with other settings.
        ModelError: the state is damaged, or a loss isn't finite any more.
        ManifestError: a set is damaged.
    """

    def report(step: Step) -> None:
        if progress is not None:
            progress(step)

    started = time.monotonic()

    # Settings
    config.check()
    _claim(folder, config)

    # Data
    data = Data.load(
        config,
        sets,
        cache,
        workers=workers,
        progress=lambda done: report(Step("drawing", done, config.data.drawn)),
    )
    held_out = Faces.of(sets, config.stored_size, "validation") if sets else None
    sheet = SampleSheet(config, held_out)

    # Networks
    fabric = Fabric(accelerator="auto", devices=1)
    networks = _networks(config, fabric)
    first = 0
    if (folder / "state.pt").is_file():
        first = load_state(folder / "state.pt", networks)
    forget_after(folder / "losses.jsonl", first)

    def save(iteration: int) -> None:
        save_state(folder / "state.pt", networks, iteration)
        header = _header(config, data, sets, iteration, _row(iteration, config, parts))
        save_checkpoint(folder / "generator.safetensors", networks.average, header)

    def show(iteration: int) -> None:
        pixels = sheet.draw(networks.average)
        if pixels is not None:
            save_png(pixels, folder / "samples" / f"{iteration:07d}.png")
        plot_losses(read_losses(folder / "losses.jsonl"), folder / "losses.png")

    # Iterations
    done = first
    parts: dict[str, Tensor] = {}
    for iteration, batch in zip(
        range(first, config.iterations), data.batches(first, config.iterations), strict=False
    ):
        batch = batch.to(fabric.device)
        judged = config.uses_discriminator and iteration >= config.adversarial_from * config.iterations
        _set_rates(networks, config, iteration)
        parts = {}

        # Discriminator
        if judged:
            parts |= update_discriminator(fabric, networks, batch, config)

        # Generator
        if (iteration + 1) % config.optimiser.n_critic == 0:
            parts |= update_generator(fabric, networks, batch, config, judged=judged)
            update_average(networks, min(config.optimiser.average, done / (done + 10)))

        # Record
        done = iteration + 1
        if done % config.log_every == 0:
            log_losses(folder / "losses.jsonl", _row(done, config, parts))
        if done % config.samples_every == 0:
            show(done)
        if done % config.save_every == 0:
            save(done)
        report(Step("training", done, config.iterations, done * config.batch))
        if max_minutes is not None and time.monotonic() - started > 60 * max_minutes:
            break
    if done > first:
        show(done)
        save(done)
    return RunReport(folder, done, done * config.batch, done >= config.iterations)


def _claim(folder: Path, config: TrainConfig) -> None:
    """Write the resolved settings, or see that they are those of the run that is there."""
    path = folder / "config.toml"
    if path.is_file():
        text = path.read_text("utf-8", "replace")
        changed = set(differences(parse_settings(text), config)) - MAY_CHANGE
        if changed:
            raise ConfigError(
                f"{folder} holds a run with other settings ({', '.join(sorted(changed))}): "
                "choose another --name."
            )
    write_whole(to_toml(config).encode(), path, ModelError)


def _networks(config: TrainConfig, fabric: Fabric) -> Networks:
    torch.manual_seed(config.seed)
    generator = build_generator(config.generator).to(fabric.device)
    fastest = torch.channels_last  # the layout in which processors convolve
    generator.to(memory_format=fastest)  # pyright: ignore[reportCallIssue]
    average = copy.deepcopy(generator)
    average.requires_grad_(False)
    betas = (config.optimiser.beta1, config.optimiser.beta2)
    generator_adam = Adam(generator.parameters(), config.optimiser.generator_rate, betas)
    if not config.uses_discriminator:
        return Networks(generator, average, None, generator_adam, None)
    size = DiscriminatorConfig(config.image_size, config.discriminator_width)
    discriminator = Discriminator(size).to(fabric.device)
    discriminator.to(memory_format=fastest)  # pyright: ignore[reportCallIssue]
    discriminator_adam = Adam(discriminator.parameters(), config.optimiser.discriminator_rate, betas)
    return Networks(generator, average, discriminator, generator_adam, discriminator_adam)


def _set_rates(networks: Networks, config: TrainConfig, iteration: int) -> None:
    """Up over the warm-up, level, and down to 0 over the last part."""
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


def _row(iteration: int, config: TrainConfig, parts: dict[str, Tensor]) -> dict[str, float]:
    row: dict[str, float] = {"iteration": iteration, "images": iteration * config.batch}
    for name, value in parts.items():
        row[name] = round(float(value), 6)
        if not abs(row[name]) < float("inf"):
            raise ModelError(f"{name} isn't finite at iteration {iteration}: lower the learning rate.")
    return row


def _header(
    config: TrainConfig, data: Data, sets: Sequence[FaceSet], iteration: int, losses: dict[str, float]
) -> Header:
    training = {"preset": config.preset, "seed": config.seed, "iterations": iteration, "batch": config.batch}
    training |= {"weights": asdict(config.weights), "drawn_characters": config.data.drawn}
    training |= {"sets": {faces.name: faces.hash for faces in sets}}
    return Header(
        config.generator,
        config.image_size,
        iteration * config.batch,
        data.hash,
        {"losses": losses},
        training,
    )
