"""The method: StarGAN's networks and losses, checkpoints and export, without a loop or data."""

from kaogae.stargan.checkpoint import (
    Generator,
    GeneratorConfig,
    Header,
    build_generator,
    load_checkpoint,
    save_checkpoint,
)
from kaogae.stargan.discriminator import Discriminator, DiscriminatorConfig
from kaogae.stargan.generator import StarganConfig, StarganGenerator
from kaogae.stargan.losses import (
    discriminator_loss,
    feature_loss,
    generator_loss,
    gradient_penalty,
    supervised_loss,
)
from kaogae.stargan.original import load_original_discriminator, load_original_generator
from kaogae.stargan.small import SmallConfig, SmallGenerator

__all__ = [
    "Discriminator",
    "DiscriminatorConfig",
    "Generator",
    "GeneratorConfig",
    "Header",
    "SmallConfig",
    "SmallGenerator",
    "StarganConfig",
    "StarganGenerator",
    "build_generator",
    "discriminator_loss",
    "feature_loss",
    "generator_loss",
    "gradient_penalty",
    "load_checkpoint",
    "load_original_discriminator",
    "load_original_generator",
    "save_checkpoint",
    "supervised_loss",
]
