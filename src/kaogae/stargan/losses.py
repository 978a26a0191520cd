"""StarGAN's losses, as pure functions that return the loss and its named parts.

Equation numbers are those of Mobini & Ghaderi (2020). The adversarial loss is Wasserstein's with gradient
penalty (Gulrajani et al., 2017), as in the original StarGAN.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

Parts: TypeAlias = dict[str, Tensor]
"""Name to scalar, before weighting and detached: for the log."""


def discriminator_loss(
    real_score: Tensor,
    fake_score: Tensor,
    real_logits: Tensor,
    labels: Tensor,
    penalty: Tensor,
    *,
    class_weight: float | Tensor = 1.0,
    penalty_weight: float = 10.0,
) -> tuple[Tensor, Parts]:
    """Equation (1): L_D = −L_adv + λ_cls · L_cls, with λ_gp · L_gp, which the paper leaves unwritten.

    Args:
        real_score, fake_score: patch scores [N, 1, h, w] of real and translated pictures.
        real_logits: class logits [N, C] of the real pictures; `labels` [N] are their true classes.
        penalty: scalar of `gradient_penalty`.
        class_weight, penalty_weight: λ_cls and λ_gp.
    """
    adversarial = real_score.mean() - fake_score.mean()
    classes = F.cross_entropy(real_logits, labels)
    # (1)  L_D = −L_adv + λ_cls · L_cls + λ_gp · L_gp
    loss = -adversarial + class_weight * classes + penalty_weight * penalty
    return loss, _parts(adversarial=adversarial, classes=classes, penalty=penalty)


def generator_loss(
    fake_score: Tensor,
    fake_logits: Tensor,
    targets: Tensor,
    source: Tensor,
    reconstruction: Tensor,
    *,
    adversarial_weight: float = 1.0,
    class_weight: float | Tensor = 1.0,
    reconstruction_weight: float | Tensor = 10.0,
) -> tuple[Tensor, Parts]:
    """Equation (2): L_G = L_adv + λ_cls · L_cls + λ_rec · L_rec.

    Args:
        fake_score: patch scores [N, 1, h, w] of the translated pictures.
        fake_logits: their class logits [N, C]; `targets` [N] are the classes asked for.
        source, reconstruction: the input and its translation there and back, [M, 3, S, S] in [−1, 1].
        adversarial_weight: 1 in the paper, which has no λ there.
        class_weight, reconstruction_weight: λ_cls and λ_rec.

    With M = 0, or without logits, that loss is 0.
    """
    adversarial = -fake_score.mean()
    zero = fake_score.new_zeros(())
    classes = F.cross_entropy(fake_logits, targets) if len(targets) else zero
    there_and_back = (source - reconstruction).abs().mean() if len(source) else zero
    # (2)  L_G = L_adv + λ_cls · L_cls + λ_rec · L_rec
    loss = adversarial_weight * adversarial + class_weight * classes + reconstruction_weight * there_and_back
    return loss, _parts(adversarial=adversarial, classes=classes, reconstruction=there_and_back)


def gradient_penalty(score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """(‖∇ score‖₂ − 1)², averaged, at the points `share` · real + (1 − share) · fake.

    Args:
        score: maps pictures to patch scores of any shape.
        real, fake: [N, 3, S, S].
        share: [N, 1, 1, 1], uniform in [0, 1].

    Written with `torch.func.grad`, which torch.compile traces as a part of the forward pass: it has no double
    backward.
    """

    def total(pictures: Tensor) -> Tensor:
        return score(pictures).sum()

    between = (share * real + (1 - share) * fake).detach()
    gradient = torch.func.grad(total)(between)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def supervised_loss(
    output: Tensor,
    mask: Tensor | None,
    source: Tensor,
    drawn: Tensor,
    *,
    focus: float = 8.0,
    edge_weight: float = 1.0,
    mask_weight: float = 0.2,
) -> tuple[Tensor, Parts]:
    """Ours, for pairs: how far `output` is from the picture that was asked for.

    The mean absolute difference, counted 1 + `focus` times where the expression changes the picture, plus
    the same for the differences between neighbouring pixels at three scales, which keeps lines sharp, plus
    the cross entropy of the mask with where the picture changes. Without that the mask closes in the first
    hundred steps, while copying is still better than drawing, and never opens again.

    Args:
        output, source, drawn: result, input and truth, [N, 3, S, S] in [−1, 1].
        mask: the generator's [N, 1, S, S], if it has one.
        focus: how much more a pixel counts that changes.
        edge_weight, mask_weight: weights of the two further terms.
    """
    changed = _changed(source, drawn)
    weights = 1 + focus * changed
    colours = ((output - drawn).abs() * weights).mean()
    edges, a, b, w = output.new_zeros(()), output, drawn, weights
    for _ in range(3):
        for axis in (2, 3):
            steps = (a.diff(dim=axis) - b.diff(dim=axis)).abs()
            edges = edges + (steps * w.narrow(axis, 1, w.shape[axis] - 1)).mean() / 6
        a, b, w = (F.avg_pool2d(value, 2) for value in (a, b, w))
    loss, parts = colours + edge_weight * edges, _parts(colours=colours, edges=edges)
    if mask is not None:
        where = F.binary_cross_entropy(mask, changed)
        loss, parts = loss + mask_weight * where, parts | _parts(mask=where)
    return loss, parts


def feature_loss(output: Sequence[Tensor], drawn: Sequence[Tensor]) -> tuple[Tensor, Parts]:
    """Ours, for pairs: how differently the discriminator sees the output and the truth (feature matching).

    A thin line one pixel beside its place costs twice in `supervised_loss`, so where the place is uncertain
    that loss is lowest without a line. To the discriminator a missing line is worse than a shifted one.

    Args:
        output, drawn: features of the same pictures, fine to coarse, each [N, C, h, w] (Wang et al., 2018,
            eq. 4; each layer of each picture in units of its own mean).
    """
    layers = [
        ((a - b).abs().mean((1, 2, 3)) / b.abs().mean((1, 2, 3)).clamp(min=1e-6)).mean()
        for a, b in zip(output, drawn, strict=True)
    ]
    loss = torch.stack(layers).mean()
    return loss, _parts(features=loss)


def _changed(source: Tensor, drawn: Tensor) -> Tensor:
    """[N, 1, S, S] in [0, 1]: 1 in and around the pixels that differ, falling off within 3 pixels."""
    difference = (source - drawn).abs().amax(1, keepdim=True)
    spread = F.max_pool2d((difference * 4).clamp(max=1), 5, 1, 2)
    return F.avg_pool2d(spread, 3, 1, 1)


def _parts(**scalars: Tensor) -> Parts:
    return {name: scalar.detach() for name, scalar in scalars.items()}
