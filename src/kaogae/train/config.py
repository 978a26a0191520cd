"""What a training run can be told: frozen, checked as a whole, every field with its unit.

Values stand in `presets/`; `settings.py` puts preset and command line together.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

import torch

from kaogae.errors import ConfigError, ModelError
from kaogae.stargan import GeneratorConfig, Header, StarganConfig, build_generator
from kaogae.stargan.checkpoint import FILE_LIMIT


@dataclass(frozen=True)
class DataConfig:
    """Which faces the networks see, besides the frozen sets named on the command line."""

    drawn: int = 0
    """Characters that the atelier draws, each in all expressions (0–1,000,000). 0: frozen sets only."""
    sources: int = 3
    """Pictures of each drawn character that serve as input (1–16)."""
    margin: float = 0.09
    """Drawn around the aligned crop, as a share of its side, so that shifting shows no edge (0–0.5)."""
    real_share: float = 0.25
    """Share of each batch that comes from the frozen sets, if there are both (0–1)."""
    untouched_share: float = 0.08
    """Share of the pictures that are asked for with a target of zeros, and must stay as they are (0–1)."""
    partial_share: float = 0.2
    """Share of the drawn pictures that are asked for at a strength between 0.2 and 0.9 (0–1)."""
    balance: float = 0.0
    """How far the frozen sets' expressions are evened out: at 0 each face is shown equally often, at 1 each
    expression, however many faces it has (0–1)."""
    balance_sources: float = 0.0
    """The same for the places that the faces come from, so that a large one doesn't drown the rest (0–1)."""
    resident: Literal["auto", "yes", "no"] = "auto"
    """Whether all pictures lie in the device's memory and are augmented there; auto: on a GPU with room."""


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes, the same for every picture of a pair. Blur, grain and JPEG come with the drawing."""

    crop: float = 1.0
    """Side of the window as a share of the aligned crop's (0.5–1.2)."""
    shift: float = 0.0
    """Most that the window moves along x and y, as a share of its side (0–0.25)."""
    scale: float = 0.0
    """Most that the window grows or shrinks, as a share (0–0.3)."""
    rotation: float = 0.0
    """Most that the window turns, in degrees (0–45)."""
    exact_share: float = 0.0
    """Share of the pictures that are only moved by whole pixels, and so stay sharp (0–1)."""
    flip: bool = True
    """Whether half of the pictures are mirrored."""
    colour: float = 0.0
    """Strength of changes of hue, saturation, brightness and contrast (0–1)."""


@dataclass(frozen=True)
class WeightsConfig:
    """The λ of every loss. With `adversarial` and `classes` at 0 there is no discriminator."""

    adversarial: float = 1.0
    """Of the adversarial loss; the paper has no λ before it, so 1 (≥ 0)."""
    classes: float = 1.0
    """λ_cls, of the class loss (≥ 0)."""
    reconstruction: float = 10.0
    """λ_rec, of the way there and back, for pictures without a drawn truth (≥ 0)."""
    penalty: float = 10.0
    """λ_gp, of the gradient penalty (≥ 0)."""
    supervised: float = 0.0
    """Ours: of the difference from the drawn truth, where there is one (≥ 0)."""
    focus: float = 8.0
    """How many times more a pixel counts in it that the expression changes (≥ 0)."""
    edges: float = 1.0
    """Within it, of the differences between neighbouring pixels (≥ 0)."""
    mask: float = 0.2
    """Within it, of the attention mask's cross entropy with where the picture changes (≥ 0)."""
    features: float = 0.0
    """Ours: of the difference between what the discriminator sees in output and truth (≥ 0)."""


@dataclass(frozen=True)
class OptimiserConfig:
    """Adam, for both networks."""

    generator_rate: float = 1e-4
    """Learning rate of the generator (> 0)."""
    discriminator_rate: float = 1e-4
    """Learning rate of the discriminator (> 0)."""
    beta1: float = 0.5
    beta2: float = 0.999
    n_critic: int = 5
    """Iterations, which each update the discriminator, per update of the generator (1–100)."""
    warmup: int = 0
    """Iterations over which the rates rise to their values."""
    decay_from: float = 1.0
    """Share of the iterations after which the rates fall linearly to 0 (0–1)."""
    average: float = 0.0
    """Weight of the past in the running average of the generator that is saved; 0 saves the last (0–1).
    Early on the past weighs less."""
    clip: float = 0.0
    """Norm to which the generator's gradients are cut, so that one odd batch doesn't undo many; 0: none."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a run's weights will be, besides the frozen sets."""

    preset: str
    """Name of the preset that it started from."""
    seed: int = 0
    """Decides initial weights, order of the pictures and augmentation."""
    iterations: int = 250_000
    batch: int = 16
    """Pictures per update."""
    image_size: int = 192
    """Side of the pictures that the networks see, in pixels."""
    stored_size: int = 224
    """Side at which aligned crops are kept, in pixels; the window is taken out of it."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of both networks; losses, gradient penalty, weights and optimisers are always float32."""
    accumulate: int = 1
    """Parts into which each batch is cut, one after the other through the networks, to need less memory."""
    compile: bool = False
    """Whether torch.compile makes the losses: slower to begin, faster to go on. For GPUs."""
    discriminator_width: int = 64
    """Channels after the discriminator's first convolution (1–256)."""
    adversarial_from: float = 0.0
    """Share of the iterations after which the discriminator and its losses come in (0–1)."""
    log_every: int = 50
    """Iterations between two lines of losses."""
    samples_every: int = 2000
    """Iterations between two sample grids."""
    save_every: int = 1000
    """Iterations between two saved states."""
    keep_last: int = 2
    """Saved states that are kept (1–1000)."""
    keep_every: int = 0
    """Iterations between two states that are kept for good; 0: none."""
    generator: GeneratorConfig = field(default_factory=StarganConfig)
    weights: WeightsConfig = field(default_factory=WeightsConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    @property
    def uses_discriminator(self) -> bool:
        return self.weights.adversarial > 0 or self.weights.classes > 0

    def check(self) -> None:
        """See whether the values hold together.

        Raises:
            ConfigError: with all problems in one message.
        """
        sections = ("", "data.", "augment.", "weights.", "optimiser.", "generator.")
        problems = [
            *(problem for prefix in sections for problem in _range_problems(self, prefix)),
            *_size_problems(self),
            *_schedule_problems(self),
            *_loss_problems(self),
        ]
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", self.preset):  # runs are called by it
            problems.append(
                f"preset = {shown(self.preset)} can't be a name: use letters, digits, '.', '_' and '-'."
            )
        if problems:
            raise ConfigError("These settings can't be:\n- " + "\n- ".join(problems))

    def check_processes(self, count: int) -> None:
        """See whether `count` processes can share each batch: every part of it has the same size.

        Raises:
            ConfigError: they can't; names a batch that they could share.
        """
        parts = count * self.accumulate
        if self.batch % parts:
            raise ConfigError(
                f"batch = {self.batch} must divide by {parts}: {count} processes with accumulate = "
                f"{self.accumulate} share it. --set batch={max(1, round(self.batch / parts)) * parts} does."
            )


RANGES: dict[str, tuple[float, float]] = {
    "seed": (0, 2**32 - 1), "iterations": (1, 10**9), "batch": (1, 4096), "image_size": (16, 1024),
    "stored_size": (16, 1024), "discriminator_width": (1, 256), "adversarial_from": (0, 1),
    "log_every": (1, 10**9), "samples_every": (1, 10**9), "save_every": (1, 10**9),
    "data.drawn": (0, 10**6), "data.sources": (1, 16), "data.margin": (0, 0.5), "data.real_share": (0, 1),
    "data.untouched_share": (0, 1), "data.partial_share": (0, 1),
    "data.balance": (0, 1), "data.balance_sources": (0, 1), "accumulate": (1, 4096),
    "keep_last": (1, 1000), "keep_every": (0, 10**9), "optimiser.clip": (0, 1e6),
    "augment.crop": (0.5, 1.2), "augment.shift": (0, 0.25), "augment.scale": (0, 0.3),
    "augment.rotation": (0, 45), "augment.exact_share": (0, 1), "augment.colour": (0, 1),
    "optimiser.generator_rate": (1e-9, 1), "optimiser.discriminator_rate": (1e-9, 1),
    "optimiser.beta1": (0, 0.99999), "optimiser.beta2": (0, 0.999999), "optimiser.n_critic": (1, 100),
    "optimiser.warmup": (0, 10**9), "optimiser.decay_from": (0, 1), "optimiser.average": (0, 0.999999),
    "generator.width": (1, 256), "generator.deep": (1, 1024), "generator.downs": (1, 5),
    "generator.blocks": (0, 32), "generator.classes": (5, 5),
}  # fmt: skip


def _range_problems(config: TrainConfig, prefix: str) -> list[str]:
    section = getattr(config, prefix[:-1]) if prefix else config
    problems: list[str] = []
    for name, value in vars(section).items():
        key = prefix + name
        least, most = RANGES.get(key, (0, 1e6) if prefix == "weights." else (None, None))
        if least is None or most is None:
            continue
        if isinstance(value, bool) or not least <= value <= most:  # NaN isn't between either
            wanted = f"between {least:,} and {most:,}" if least < most else f"{least:,}"
            problems.append(f"{key} = {shown(value)} is not {wanted}.")
    return problems


def shown(value: object) -> str:
    """A value for a sentence: what is long is cut off, and what can't be written at all is only described."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, brackets in brackets
        return "a value too large to show"
    return text if len(text) <= 60 else text[:57] + "..."


def _size_problems(config: TrainConfig) -> list[str]:
    generator, size, stored = config.generator, config.image_size, config.stored_size
    downs = min(max(generator.downs, 0), 8) if isinstance(generator, StarganConfig) else 3
    crop, shift = config.augment.crop, config.augment.shift
    reach = crop * (0.5 + shift) - 0.5
    wrong = (
        (size % 2**downs != 0, f"image_size = {size} must divide by {2**downs} for this generator."),
        (
            config.uses_discriminator and size % 64 != 0,
            f"image_size = {size} must divide by 64 for the discriminator.",
        ),
        (size > stored, f"image_size = {size} is more than stored_size = {stored}: pictures have no more."),
        (
            reach > config.data.margin + 1e-6,
            f"augment.crop = {crop:g} and augment.shift = {shift:g} reach {reach:.3f} beyond the picture, of "
            f"which only data.margin = {config.data.margin:g} is drawn: lower them.",
        ),
        (
            config.batch % max(1, config.accumulate) != 0,
            f"batch = {config.batch} must divide by accumulate = {config.accumulate}.",
        ),
    )
    return [sentence for is_wrong, sentence in wrong if is_wrong] + _unreadable(config)


def _unreadable(config: TrainConfig) -> list[str]:
    """Why the checkpoints of such a run could not be read again: better known before it than after."""
    if _range_problems(config, "generator.") or _range_problems(config, ""):
        return []
    try:
        Header.from_json(Header(config.generator, config.image_size).to_json())
    except ModelError as error:
        return [f"No checkpoint can hold this generator. {error}"]
    with torch.device("meta"):
        size = sum(tensor.numel() for tensor in build_generator(config.generator).state_dict().values()) * 4
    if size > FILE_LIMIT:
        most = FILE_LIMIT >> 20
        return [f"This generator takes {size >> 20} MiB, and a checkpoint at most {most}: make it smaller."]
    return []


def _schedule_problems(config: TrainConfig) -> list[str]:
    iterations, n_critic, warmup = config.iterations, config.optimiser.n_critic, config.optimiser.warmup
    judged, begins = config.uses_discriminator, config.adversarial_from
    wrong = (
        (
            n_critic > 1 and not judged,
            "optimiser.n_critic > 1 needs a discriminator: set weights.adversarial.",
        ),
        (
            n_critic > max(1, iterations),
            f"optimiser.n_critic = {n_critic} is more than iterations = {iterations}: the generator would "
            "never be updated.",
        ),
        (
            0 < warmup >= iterations,
            f"optimiser.warmup = {warmup} must be less than iterations = {iterations}.",
        ),
        (
            config.save_every > 0 and config.keep_every % config.save_every != 0,
            f"keep_every = {config.keep_every} must be a multiple of save_every = {config.save_every}: only "
            "what is saved can be kept.",
        ),
        (
            judged and begins == 1,
            "adversarial_from = 1 never lets the discriminator in: set weights.adversarial and "
            "weights.classes to 0 instead.",
        ),
        (
            judged and begins > 0 and not config.weights.supervised,
            f"adversarial_from = {begins:g} needs weights.supervised: until then there is nothing to learn.",
        ),
    )
    return [sentence for is_wrong, sentence in wrong if is_wrong]


def _loss_problems(config: TrainConfig) -> list[str]:
    weights, data = config.weights, config.data
    shares = data.untouched_share + data.partial_share
    wrong = (
        (
            weights.supervised > 0 and not data.drawn,
            "weights.supervised needs drawn pairs: set data.drawn, or weights.supervised=0.",
        ),
        (
            not config.uses_discriminator and not weights.supervised > 0,
            "There is nothing to learn: weights.adversarial, .classes and .supervised are all 0.",
        ),
        (shares > 1, "data.untouched_share and data.partial_share are more than 1 together."),
    )
    return [sentence for is_wrong, sentence in wrong if is_wrong]
