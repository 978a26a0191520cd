"""One update of the discriminator and one of the generator."""

from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from kaogae.errors import ModelError
from kaogae.stargan import (
    Discriminator,
    SmallGenerator,
    discriminator_loss,
    feature_loss,
    generator_loss,
    gradient_penalty,
    supervised_loss,
)
from kaogae.stargan.checkpoint import Generator
from kaogae.train.batches import CLASSES, Batch
from kaogae.train.config import TrainConfig, WeightsConfig

CLEAR = 0.5
"""From this strength on a translated picture must show the class that was asked for."""
LARGEST_GRADIENT = 1.0
"""Norm to which a supervised generator's gradients are cut: one odd batch must not undo many."""


@dataclass
class Networks:
    """What learns, with what makes it learn."""

    generator: Generator
    average: Generator
    """The running average of the generator: what is saved and shown."""
    discriminator: Discriminator | None
    generator_optimiser: Optimizer
    discriminator_optimiser: Optimizer | None


def translate(
    generator: Generator, image: Tensor, target: Tensor, *, half: bool = False
) -> tuple[Tensor, Tensor | None]:
    """The translated pictures as float32, and the mask if there is one; `half` computes in bfloat16."""
    with torch.autocast(image.device.type, torch.bfloat16, enabled=half):
        if isinstance(generator, SmallGenerator):
            output, mask = generator.with_mask(image, target)
            return output.float(), mask.float()
        return generator(image, target).float(), None


def update_discriminator(
    fabric: Fabric, networks: Networks, batch: Batch, config: TrainConfig
) -> dict[str, Tensor]:
    """One step down equation (1); returns its named parts."""
    discriminator, optimiser, weights = (
        networks.discriminator,
        networks.discriminator_optimiser,
        config.weights,
    )
    assert discriminator is not None  # the loop calls this only where there is one
    assert optimiser is not None
    with torch.no_grad():
        fake, _ = translate(networks.generator, batch.source, batch.target, half=_half(config))
    real_score, real_logits = discriminator(batch.source)
    fake_score, _ = discriminator(fake)
    penalty = gradient_penalty(lambda x: discriminator(x)[0], batch.source, fake, batch.share)
    # (1)  L_D = −L_adv + λ_cls · L_cls + λ_gp · L_gp
    loss, parts = discriminator_loss(
        real_score,
        fake_score,
        real_logits,
        batch.label,
        penalty,
        class_weight=1.0,  # λ_cls; its weight against the drawn truth is the generator's matter
        penalty_weight=weights.penalty,
    )
    optimiser.zero_grad(set_to_none=True)
    fabric.backward(loss)
    optimiser.step()
    return {f"d_{name}": value for name, value in parts.items()}


def update_generator(
    fabric: Fabric, networks: Networks, batch: Batch, config: TrainConfig, *, judged: bool
) -> dict[str, Tensor]:
    """One step down equation (2), to which pairs add the supervised term; returns the named parts.

    Args:
        judged: whether the discriminator has a say yet.

    Raises:
        ModelError: the training has diverged.
    """
    weights, generator, half = config.weights, networks.generator, _half(config)
    output, mask = translate(generator, batch.source, batch.target, half=half)
    if not bool(output.isfinite().all()):
        raise ModelError("The generator's output isn't finite any more: lower optimiser.generator_rate.")
    loss, parts = output.new_zeros(()), dict[str, Tensor]()
    if judged and networks.discriminator is not None:
        loss, parts = _judged_loss(networks, batch, output, weights, half)
    if weights.supervised and bool(batch.known.any()):
        # Ours: L_G += λ_sup · L_sup(output, drawn truth)
        known = batch.known
        supervised, named = supervised_loss(
            output[known],
            None if mask is None else mask[known],
            batch.source[known],
            batch.truth[known],
            focus=weights.focus,
            edge_weight=weights.edges,
            mask_weight=weights.mask,
        )
        loss, parts = loss + weights.supervised * supervised, parts | named
        if judged and weights.features and networks.discriminator is not None:
            # Ours: L_G += λ_feat · L_feat(what D sees in the output, in the truth)
            with torch.no_grad():
                seen = networks.discriminator.features(batch.truth[known])
            matched, named = feature_loss(networks.discriminator.features(output[known]), seen)
            loss, parts = loss + weights.features * matched, parts | named
    networks.generator_optimiser.zero_grad(set_to_none=True)
    fabric.backward(loss)
    if weights.supervised:
        nn.utils.clip_grad_norm_(generator.parameters(), LARGEST_GRADIENT)
    networks.generator_optimiser.step()
    return {f"g_{name}": value for name, value in parts.items()}


def update_average(networks: Networks, weight: float) -> None:
    """average ← weight · average + (1 − weight) · generator."""
    with torch.no_grad():
        for kept, new in zip(networks.average.parameters(), networks.generator.parameters(), strict=True):
            kept.lerp_(new, 1 - weight)
        for kept, new in zip(networks.average.buffers(), networks.generator.buffers(), strict=True):
            kept.copy_(new)


def _judged_loss(
    networks: Networks, batch: Batch, output: Tensor, weights: WeightsConfig, half: bool
) -> tuple[Tensor, dict[str, Tensor]]:
    assert networks.discriminator is not None
    score, logits = networks.discriminator(output)
    clear = batch.target.amax(1) >= CLEAR
    # Where the truth is drawn, the way back would ask for a face that no longer can be known.
    free = ~batch.known if weights.supervised else torch.ones_like(batch.known)
    source, back = batch.source[free], batch.source[free]
    if weights.reconstruction and bool(free.any()):
        label = torch.nn.functional.one_hot(batch.label[free], CLASSES).to(output)
        back, _ = translate(networks.generator, output[free], label, half=half)
    # (2)  L_G = L_adv + λ_cls · L_cls + λ_rec · L_rec
    return generator_loss(
        score,
        logits[clear],
        batch.target_label[clear],
        source,
        back,
        adversarial_weight=weights.adversarial,
        class_weight=weights.classes,
        reconstruction_weight=weights.reconstruction,
    )


def _half(config: TrainConfig) -> bool:
    return config.precision == "bfloat16"
