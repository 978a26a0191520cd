"""What a face goes through before the judge learns from it, and pictures that show none of the five.

Shapes stay what they are, style doesn't; and none of it is what generators and discriminators learn with.
"""

import random

import torch
import torch.nn.functional as F
from torch import Tensor

from kaogae.evaluate.judge_network import blurred, inner_face, inner_grid
from kaogae.expressions import Expression
from kaogae.faces import CROP_DROP, CROP_SCALE

ALIKE = (Expression.SAD.position, Expression.CRYING.position)
"""Two that share eyes and brows: a sad face with a mouth that cries is a sad face still."""
CLEARLY = (0.03, 0.01)
"""Mean difference of two faces' upper and lower halves, of 1, from which on they are different there."""


# ---------------------------------------------------------------------------------------------- as they are


def looked_at(faces: Tensor, size: int) -> Tensor:
    """[N, 3, H, H] in [0, 1] to inner faces [N, 3, size, size], each moved, turned, bent and restyled."""
    n = len(faces)
    angle = torch.randn(n) * 0.09
    scale = torch.exp(torch.randn(n, 2) * 0.07 + torch.randn(n, 1) * 0.08)
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).view(n, 2, 2)
    stretch = torch.diag_embed(torch.stack([scale[:, 0] * flip, scale[:, 1]], -1))
    grid = inner_grid(size)
    centre = grid.mean((1, 2), keepdim=True)
    grid = torch.einsum("nij,nhwj->nhwi", turn @ stretch, (grid - centre).expand(n, -1, -1, -1))
    knots = torch.randn(n, 2, 5, 5) * 0.022
    bend = F.interpolate(knots, (size, size), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    return restyled(inner_face(faces, size, grid + centre + bend + torch.randn(n, 1, 1, 2) * 0.04))


def restyled(x: Tensor) -> Tensor:
    """Other colours, light, sharpness and texture for faces [N, 3, H, W] in [0, 1]; shapes stay."""
    n = len(x)
    grey = x.mean(1, keepdim=True)
    mix = torch.eye(3) + torch.randn(n, 3, 3) * _between(n, 0.0, 0.5)[..., 0]
    mix = mix / mix.sum(2, keepdim=True).clamp(min=0.5)
    x = torch.where(_chosen(n, 0.5), torch.einsum("nij,njhw->nihw", mix, x), x)
    x = grey + (x - grey) * _between(n, 0.0, 1.5)
    x = torch.where(_chosen(n, 0.2), grey, x)
    x = x.clamp(0, 1) ** torch.exp(torch.randn(n, 1, 1, 1) * 0.35)
    x = torch.where(_chosen(n, 0.5), x * torch.exp(torch.randn(n, 3, 1, 1) * 0.2), x)
    slope = torch.linspace(-1, 1, x.shape[-1])  # light from one side
    light = torch.randn(n, 1, 1, 1) * slope[:, None] + torch.randn(n, 1, 1, 1) * slope
    x = torch.where(_chosen(n, 0.5), x * (1 + 0.15 * light), x)
    some = torch.randperm(n)[: n // 3]
    x[some] = blurred(x[some], random.uniform(0.4, 1.3))
    some = torch.randperm(n)[: n // 4]
    x[some] = x[some] + random.uniform(0.5, 2.0) * (x[some] - blurred(x[some], 1.0))
    some = torch.randperm(n)[: n // 4]
    kernel = F.normalize(torch.randn(3, 3, 3, 3).flatten(1), p=1).view(3, 3, 3, 3)  # another texture
    x[some] = torch.lerp(x[some], F.conv2d(x[some], kernel * 2, padding=1), random.uniform(0.2, 0.7))
    x = torch.where(_chosen(n, 0.5), x + torch.randn_like(x) * _between(n, 0.0, 0.06), x)
    return _covered(x)


def _covered(x: Tensor) -> Tensor:
    """A box of one colour over some faces, as a hand, a lock of hair or glasses would."""
    n, _, height, width = x.shape
    for i in torch.nonzero(torch.rand(n) < 0.3).flatten().tolist():
        h, w = random.randint(4, height // 3), random.randint(4, width // 3)
        top, left = random.randint(0, height - h), random.randint(0, width - w)
        x[i, :, top : top + h, left : left + w] = torch.rand(3, 1, 1)
    return x


def _between(n: int, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(n, 1, 1, 1)


def _chosen(n: int, share: float) -> Tensor:
    return torch.rand(n, 1, 1, 1) < share


# ------------------------------------------------------------------------------------------ none of the five


def ghosts(a: Tensor, b: Tensor) -> Tensor:
    """Both faces at once."""
    return torch.lerp(a, b, _between(len(a), 0.35, 0.65))


def chimeras(a: Tensor, b: Tensor) -> Tensor:
    """Eyes and brows of `a` with the mouth of `b`."""
    return torch.lerp(a, b, lower(len(a), a.shape[-1]))


def lower(n: int, side: int) -> Tensor:
    """[n, 1, side, 1]: 0 at the eyes, 1 at the mouth, and soft between, somewhere on the cheeks."""
    below_eyes = _between(n, 0.32, 0.45)
    line = side * (0.5 + (below_eyes - CROP_DROP) / CROP_SCALE)
    rows = torch.arange(side).view(1, 1, side, 1) + 0.5
    return torch.sigmoid((rows - line) / (0.012 * side))


def scrambled(a: Tensor) -> Tensor:
    """Its tiles in another order."""
    n, side = random.randint(3, 6), a.shape[-1]
    whole = F.interpolate(a, (side // n * n,) * 2, mode="bilinear", align_corners=False)
    tiles = F.unfold(whole, side // n, stride=side // n)
    mixed = tiles[..., torch.randperm(n * n)]
    mixed = F.fold(mixed, whole.shape[-2:], side // n, stride=side // n)
    return F.interpolate(mixed, (side, side), mode="bilinear", align_corners=False)


def smeared(a: Tensor) -> Tensor:
    """So blurred that eyes, or the mouth, or all, can't be made out."""
    n, side = len(a), a.shape[-1]
    soft = blurred(a, random.uniform(0.05, 0.1) * side)
    where = lower(n, side)
    part = torch.randint(3, (n, 1, 1, 1))
    share = torch.where(part == 0, where, torch.where(part == 1, 1 - where, torch.ones_like(where)))
    return torch.lerp(a, soft, share)


def noisy(a: Tensor) -> Tensor:
    """Noise, fine or coarse, alone or with some of the face left."""
    n, side = len(a), a.shape[-1]
    coarse = random.choice((side, side, side // 2, side // 4, side // 12, 2))
    noise = F.interpolate(
        torch.randn(n, 3, coarse, coarse), (side, side), mode="bilinear", align_corners=False
    )
    noise = 0.5 + noise * _between(n, 0.05, 0.6)
    return torch.lerp(a, noise, _between(n, 0.75, 1.0)).clamp(0, 1)


def turned(a: Tensor) -> Tensor:
    """On its head, or on a side."""
    return torch.rot90(a, random.choice((1, 2, 2, 3)), (2, 3))


def none_of_five(a: Tensor, b: Tensor, labels: Tensor) -> Tensor:
    """[N, 3, H, H] in [0, 1] that show none of the five.

    Args:
        a, b: the same, of one character each, with two different expressions.
        labels: [N, 2], which.
    """
    n = len(a)
    made = [torch.cat([make(x) for x in a.split(8)]) for make in (scrambled, smeared, noisy, turned)]
    kind = torch.randint(len(made), (n,))
    spoiled = torch.stack(made)[kind, torch.arange(n)]
    mixes = torch.where(_chosen(n, 0.6), chimeras(a, b), ghosts(a, b))
    unlike = differ(a, b, labels) & (torch.rand(n) < 0.85)
    return torch.where(unlike.view(n, 1, 1, 1), mixes, spoiled)


def differ(a: Tensor, b: Tensor, labels: Tensor) -> Tensor:
    """[N] of bool: whether two faces are clearly different, both above and below."""
    inner = (inner_face(a, 64) - inner_face(b, 64)).abs().mean((1, 3))
    upper, below = inner[:, :36].mean(1), inner[:, 36:].mean(1)
    alike = (labels.sort(1).values == torch.tensor(ALIKE)).all(1)
    return (upper > CLEARLY[0]) & (below > CLEARLY[1]) & ~alike
