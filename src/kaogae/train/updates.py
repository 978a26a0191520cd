"""The losses of a batch, and one update of each network.

Gradients are averaged over processes here rather than by a wrapper around the networks: the discriminator
runs several times within one update, once of them to be differentiated twice.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache

import torch
import torch._dynamo.config as dynamo
from lightning_fabric import Fabric
from torch import Tensor, nn

from kaogae.stargan import (
    Discriminator,
    discriminator_loss,
    feature_loss,
    generator_loss,
    gradient_penalty,
    supervised_loss,
)
from kaogae.train.batches import Batch
from kaogae.train.config import TrainConfig
from kaogae.train.networks import Networks, translate
from kaogae.train.processes import average
from kaogae.train.sampling import CLASSES

Parts = dict[str, Tensor]
"""Name to scalar, before weighting and detached."""
Objective = Callable[..., tuple[Tensor, Parts]]
FORMS = 64
"""Most forms in which an objective is compiled: with no, one, some or all rows known, free and clear."""


def discriminator_objective(networks: Networks, batch: Batch, config: TrainConfig) -> tuple[Tensor, Parts]:
    """Equation (1) and its named parts."""
    discriminator = networks.discriminator
    assert discriminator is not None  # or there would be nothing to update
    source, half = batch.source, _half(config)
    with torch.no_grad():
        fake, _ = translate(networks.generator, source, batch.target, half=half)
    # Both in one pass: nothing in D mixes the pictures of a batch.
    with torch.autocast(source.device.type, torch.bfloat16, enabled=half):
        scores, logits = discriminator(torch.cat([source, fake]))
    real_score, fake_score = scores.to(source).chunk(2)
    # As exact as the pictures: a gradient's norm has too few digits in bfloat16.
    penalty = gradient_penalty(lambda pictures: discriminator(pictures)[0], source, fake, batch.share)
    # (1)  L_D = −L_adv + λ_cls · L_cls + λ_gp · L_gp
    return discriminator_loss(
        real_score,
        fake_score,
        logits[: len(source)].to(source),
        batch.label,
        penalty,
        class_weight=1.0,  # λ_cls; its weight against the drawn truth is the generator's matter
        penalty_weight=config.weights.penalty,
    )


def generator_objective(
    networks: Networks, batch: Batch, config: TrainConfig, *, judged: bool
) -> tuple[Tensor, Parts]:
    """Equation (2), to which pairs add the supervised terms, and the named parts.

    Args:
        judged: whether the discriminator has a say yet.
    """
    weights, half = config.weights, _half(config)
    output, mask = translate(networks.generator, batch.source, batch.target, half=half)
    loss = 0 * output.mean()
    parts: Parts = {}  # not Parts(), which torch.compile can't trace
    seen: list[Tensor] = []
    if judged and networks.discriminator is not None:
        with torch.autocast(output.device.type, torch.bfloat16, enabled=half):
            seen = networks.discriminator.features(output)
            score, logits = networks.discriminator.heads(seen[-1])
        loss, parts = _judged_loss(networks, batch, output, score.to(output), logits.to(output), config)
    if weights.supervised and not len(batch.known):
        # In another part of the batch there may be some: every part has the same names
        names = ("colours", "edges", *(("mask",) if mask is not None else ()))
        names += ("features",) if seen and weights.features else ()
        parts |= {name: torch.zeros_like(loss.detach()) for name in names}
    elif weights.supervised:
        # Ours: L_G += λ_sup · L_sup(output, drawn truth)
        supervised, named = supervised_loss(
            _rows(output, batch.known),
            None if mask is None else _rows(mask, batch.known),
            _rows(batch.source, batch.known),
            batch.truth,
            focus=weights.focus,
            edge_weight=weights.edges,
            mask_weight=weights.mask,
        )
        if seen and weights.features:
            # Ours: L_G += λ_feat · L_feat(what D sees in the output, in the truth)
            matched, features = _matched_loss(networks.discriminator, batch, seen, half)
            loss = loss + weights.features * batch.known_weight * matched
            named |= features
        loss = loss + weights.supervised * batch.known_weight * supervised
        parts |= {name: value * batch.known_weight for name, value in named.items()}
    return loss, parts


def update_discriminator(
    fabric: Fabric, networks: Networks, batches: Sequence[Batch], config: TrainConfig
) -> Parts:
    """One step down equation (1) over `batches`, the parts of one batch; returns its named parts."""
    discriminator, optimiser = networks.discriminator, networks.discriminator_optimiser
    assert discriminator is not None  # the loop calls this only where there is one
    assert optimiser is not None
    objective = _made(discriminator_objective, config)
    optimiser.zero_grad(set_to_none=True)
    parts = _descend(fabric, batches, lambda batch: objective(networks, batch, config))
    average_gradients(discriminator.parameters())
    optimiser.step()
    return {f"d_{name}": value for name, value in parts.items()}


def update_generator(
    fabric: Fabric, networks: Networks, batches: Sequence[Batch], config: TrainConfig, *, judged: bool
) -> Parts:
    """One step down equation (2) over `batches`, the parts of one batch; returns the named parts."""
    generator, discriminator = networks.generator, networks.discriminator
    objective = _made(generator_objective, config)
    networks.generator_optimiser.zero_grad(set_to_none=True)
    if discriminator is not None:
        discriminator.requires_grad_(False)  # it judges, and learns nothing from it
    parts = _descend(fabric, batches, lambda batch: objective(networks, batch, config, judged=judged))
    if discriminator is not None:
        discriminator.requires_grad_(True)
    average_gradients(generator.parameters())
    if config.optimiser.clip:
        nn.utils.clip_grad_norm_(generator.parameters(), config.optimiser.clip)
    networks.generator_optimiser.step()
    return {f"g_{name}": value for name, value in parts.items()}


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """The same gradients in every process: their mean."""
    gradients: list[Tensor] = []
    for parameter in parameters:
        if parameter.grad is None:  # nothing of this process's rows led there
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    average(gradients)


def _descend(
    fabric: Fabric, batches: Sequence[Batch], objective: Callable[[Batch], tuple[Tensor, Parts]]
) -> Parts:
    """Gradients of the mean over `batches`, and the mean of the named parts."""
    sums = Parts()
    for batch in batches:
        loss, parts = objective(batch)
        fabric.backward(loss / len(batches))
        for name, value in parts.items():
            sums[name] = sums.get(name, 0) + value / len(batches)
    return sums


def _judged_loss(
    networks: Networks, batch: Batch, output: Tensor, score: Tensor, logits: Tensor, config: TrainConfig
) -> tuple[Tensor, Parts]:
    weights, free, clear = config.weights, batch.free, batch.clear
    source = back = _rows(batch.source, free)
    if weights.reconstruction and len(free):
        # One-hot, without asking the device whether every label is one
        label = _rows(batch.label, free)[:, None] == torch.arange(CLASSES, device=output.device)
        back, _ = translate(networks.generator, _rows(output, free), label.to(output), half=_half(config))
    # (2)  L_G = L_adv + λ_cls · L_cls + λ_rec · L_rec
    loss, parts = generator_loss(
        score,
        _rows(logits, clear),
        _rows(batch.target_label, clear),
        source,
        back,
        adversarial_weight=weights.adversarial,
        class_weight=weights.classes * batch.clear_weight,
        reconstruction_weight=weights.reconstruction * batch.free_weight,
    )
    parts["classes"] = parts["classes"] * batch.clear_weight
    parts["reconstruction"] = parts["reconstruction"] * batch.free_weight
    return loss, parts


def _matched_loss(
    discriminator: Discriminator | None, batch: Batch, seen: list[Tensor], half: bool
) -> tuple[Tensor, Parts]:
    assert discriminator is not None  # or nothing would have been seen
    with torch.no_grad(), torch.autocast(batch.truth.device.type, torch.bfloat16, enabled=half):
        true = discriminator.features(batch.truth)
    exact = batch.truth.dtype
    return feature_loss(
        [_rows(layer, batch.known).to(exact) for layer in seen], [layer.to(exact) for layer in true]
    )


def _rows(values: Tensor, rows: Tensor) -> Tensor:
    """These rows, without asking the device how many there are."""
    return values if len(rows) == len(values) else values.index_select(0, rows)


def _made(objective: Objective, config: TrainConfig) -> Objective:
    return _compiled(objective) if config.compile else objective


@cache
def _compiled(objective: Objective) -> Objective:
    dynamo.recompile_limit = FORMS  # of PyTorch's 8, `small` needs all, and more with accumulate
    return torch.compile(objective)


def _half(config: TrainConfig) -> bool:
    return config.precision == "bfloat16"
