"""Learning to tell characters apart by pictures of them, whatever expression they show.

Source: P. Khosla and others, Supervised contrastive learning, Advances in Neural Information Processing
Systems 33 (2020), equation 2. In each batch every character has a sibling beside it (`identity_faces`), which
shares some of its traits, and expression, pose, background and finish.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from kaogae.errors import UsageError
from kaogae.evaluate.identity import Distances, IdentityHeader, as_batch, build_identity, embedded
from kaogae.evaluate.identity_faces import SIZE, TAKES

OUTPUTS = 128
"""Numbers in an embedding."""
FAMILIES = 32
"""In a batch, at most: of each two characters, of each of which two pictures."""
TEMPERATURE = 0.1
RATE = 2e-3
"""Highest learning rate of AdamW; it rises over the first twentieth, then falls to 0 as a cosine."""
DECAY = 1e-2

# How pictures are changed in learning: largest shift in shares of the side, turn in radians, change of scale,
# of each channel's gain, and of contrast; standard deviation of the noise, of 2.
SHIFT, TURN, ZOOM, GAIN, CONTRAST, NOISE = 0.05, 0.09, 0.07, 0.08, 0.15, 0.03

Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class IdentityTraining:
    """How long to learn: until either limit is reached."""

    epochs: int | None = None
    """In each, two pictures of every character are seen."""
    minutes: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """
        Raises:
            UsageError: no limit, or one that can't be.
        """
        if self.epochs is None and self.minutes is None:
            raise UsageError("Learning needs an end: give epochs or minutes.")
        if (self.epochs is not None and self.epochs < 1) or not (self.minutes is None or self.minutes > 0):
            raise UsageError("Learning takes one epoch or more, and more than 0 minutes.")


def learn_identity(
    families: Pixels, how: IdentityTraining, *, progress: Callable[[int, int | None], None] | None = None
) -> nn.Module:
    """A network that has learned from `families` [F, 2, TAKES, S, S, 3]: `draw_families`.

    On one machine and with one number of threads the same seed and epochs give the same weights; minutes
    don't.

    Args:
        progress: called with the steps done and in all; None where minutes decide.
    """
    torch.manual_seed(how.seed)
    dice = torch.Generator().manual_seed(how.seed)
    network = build_identity(OUTPUTS).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    each = math.ceil(len(families) / FAMILIES)
    total = None if how.epochs is None else how.epochs * each
    begun, step, done = time.monotonic(), 0, 0.0
    network.train()
    while done < 1:
        for chosen in torch.randperm(len(families), generator=dice).chunk(each):
            rate = RATE * min(done / 0.05 + 1e-3, 0.5 + 0.5 * math.cos(math.pi * done))
            for group in optimizer.param_groups:
                group["lr"] = rate
            batch, who = _batch(families, chosen, dice)
            loss = contrastive(F.normalize(network(batch)), who)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            done = _share(how, step, total, time.monotonic() - begun)
            if progress is not None:
                progress(step, total if how.minutes is None else None)
            if done >= 1:
                break
    return network.eval()


def contrastive(z: Tensor, who: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """The supervised contrastive loss: a picture should be nearer to those of its character than to others.

    Args:
        z: [N, E] unit vectors.
        who: [N], the character of each; every one has another picture in the batch.

    Returns:
        The mean over i of −1/|P(i)| Σ_{p ∈ P(i)} log( exp(z_i·z_p/τ) / Σ_{a ≠ i} exp(z_i·z_a/τ) ), P(i) being
        the other pictures of i's character.
    """
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    likeness = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    positive = (who[:, None] == who[None, :]) & ~itself
    chances = F.log_softmax(likeness, dim=1).masked_fill(~positive, 0)
    return -(chances.sum(1) / positive.sum(1)).mean()


def _share(how: IdentityTraining, step: int, total: int | None, seconds: float) -> float:
    """How much of the learning is done: 0 to 1."""
    by_steps = step / total if total else 0.0
    by_time = seconds / (60 * how.minutes) if how.minutes else 0.0
    return max(by_steps, by_time)


def _batch(families: Pixels, chosen: Tensor, dice: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two takes of both characters of each chosen family, augmented, and who they are."""
    takes = torch.rand(len(chosen), TAKES, generator=dice).argsort(1)[:, :2]
    faces = families[chosen.numpy()[:, None], :, takes.numpy()]  # [F, takes, characters, S, S, 3]
    who = torch.arange(2 * len(chosen)).view(-1, 1, 2).expand(-1, 2, 2)
    return augment(as_batch(faces.reshape(-1, *faces.shape[-3:])), dice), who.flatten()


def augment(batch: Tensor, dice: torch.Generator) -> Tensor:
    """`batch` [N, 3, S, S] in [−1, 1], each a little shifted, turned, scaled, lit, blurred and noisy; all or
    none of them mirrored. Hues stay nearly as they are: they are part of who somebody is.
    """
    n = len(batch)

    def within(limit: float, *shape: int) -> Tensor:
        return limit * (2 * torch.rand(n, *shape, generator=dice) - 1)

    turn, zoom = within(TURN), 1 + within(ZOOM)
    mirror = 1.0 if torch.rand((), generator=dice) < 0.5 else -1.0
    matrix = torch.empty(n, 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = mirror * zoom * turn.cos(), -zoom * turn.sin()
    matrix[:, 1, 0], matrix[:, 1, 1] = mirror * zoom * turn.sin(), zoom * turn.cos()
    matrix[:, :, 2] = within(2 * SHIFT, 2)
    grid = F.affine_grid(matrix, list(batch.shape), align_corners=False)
    moved = F.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)
    soft = F.avg_pool2d(moved, 3, stride=1, padding=1, count_include_pad=False)
    blurred = torch.lerp(moved, soft, torch.rand(n, 1, 1, 1, generator=dice).pow(2))
    lit = (blurred + 1) * (1 + within(GAIN, 3, 1, 1)) - 1
    toned = lit * (1 + within(CONTRAST, 1, 1, 1))
    noise = torch.randn(toned.shape, generator=dice) * NOISE * torch.rand(n, 1, 1, 1, generator=dice).pow(2)
    return (toned + noise).clamp(-1, 1).contiguous(memory_format=torch.channels_last)


# ---------------------------------------------------------------------------------------------- what is known


def tested_on(characters: int) -> int:
    """How many others a network is tested on that has learned from so many."""
    return min(max(characters // 10, 8), 400)


def measured(
    network: nn.Module, held_out: Pixels, characters: int, training: Mapping[str, Any]
) -> IdentityHeader:
    """The header of a network: its distances on characters that it hasn't learned from.

    Args:
        held_out: [N, 4, S, S, 3] of `draw_held_out`.
        characters: how many it learned from.
        training: what else the header should say.
    """
    flat = held_out.reshape(-1, *held_out.shape[-3:])
    z = embedded(network, flat, SIZE).astype(np.float64).reshape(len(held_out), 4, -1)
    first, same, redrawn, sibling = np.moveaxis(z, 1, 0)
    near, again, mixed = (((first - one) ** 2).sum(-1) / 2 for one in (same, redrawn, sibling))
    far = np.maximum(1 - first @ same.T, 0)[~np.eye(len(first), dtype=bool)]
    auc, equal_error = told_apart(near, far)
    return IdentityHeader(
        size=SIZE,
        outputs=OUTPUTS,
        characters=characters,
        same=Distances.of(near),
        redrawn=Distances.of(again),
        sibling=Distances.of(mixed),
        other=Distances.of(far),
        auc=auc,
        equal_error=equal_error,
        redrawn_auc=told_apart(again, far)[0],
        sibling_auc=told_apart(near, mixed)[0],
        training=dict(training),
    )


def told_apart(near: Values, far: Values) -> tuple[float, float]:
    """How well distances tell pairs of one character, `near` [N], from pairs of two, `far` [M].

    Returns:
        The area under the ROC curve, and the equal error rate: the smallest share of mistakes of which there
        are at most as many among the one as among the other kind. Rounded to four digits.
    """
    near, far = np.sort(near), np.sort(far)
    below, equal = np.searchsorted(near, far), np.searchsorted(near, far, "right")
    limits = np.concatenate([near, far])
    taken_for_two = 1 - np.searchsorted(near, limits) / len(near)  # at least as far apart as the limit
    taken_for_one = np.searchsorted(far, limits) / len(far)
    error = np.maximum(taken_for_two, taken_for_one).min()
    return round(float((below + equal).mean() / 2 / len(near)), 4), round(float(error), 4)
