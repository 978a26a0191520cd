"""What the judge sees of a face, and the network that says what it shows.

Shape should count, and style not: colours are given in units of the picture's own contrast, with its local
contrast and its edges, and the first layers forget each picture's own statistics (IBN-Net).

Sources:
    X. Pan et al., Two at once: enhancing learning and generalization capacities via IBN-Net, ECCV 2018.
    K. Zhou et al., Domain generalization with MixStyle, ICLR 2021.
"""

import math
import random

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaogae.evaluate.backbones import build_backbone
from kaogae.evaluate.confusion import VERDICTS
from kaogae.faces import CROP_DROP, CROP_SCALE

ARCHITECTURES = {
    "mobilenet_v3_small": ("features.1", "features.3"),
    "shufflenet_v2_x1_0": ("maxpool", "stage2"),
}
"""Of torchvision, those that a judge can have, and the parts after which styles are mixed in training."""
REGION = (-0.98, -0.75, 0.98, 1.21)
"""What it sees: left, top, right and bottom in eye distances from the middle of the eye line."""
CHANNELS = 5
EARLY = 5
"""Normalisations, from the first one on, that forget style."""
COARSE = 4
"""Pixels that are taken together where surroundings are looked at."""


class JudgeNetwork(nn.Module):
    """[N, 3, H, H] in [0, 1], the aligned crop, to logits [N, 6]: the five expressions, and none of them."""

    def __init__(self, architecture: str, size: int) -> None:
        """`size`: side in pixels of the inner face that it sees."""
        super().__init__()
        self.size = size
        self.backbone = build_backbone(architecture, len(VERDICTS))
        last = [name for name, part in self.backbone.named_modules() if isinstance(part, nn.Linear)][-1]
        head = self.backbone.get_submodule(last)
        assert isinstance(head, nn.Linear)
        _replace(self.backbone, last, nn.Identity())
        self.head = nn.Linear(head.in_features, len(VERDICTS))
        _forget_style(self.backbone)
        for name in ARCHITECTURES[architecture]:
            self.backbone.get_submodule(name).register_forward_hook(mix_style)

    def forward(self, faces: Tensor) -> Tensor:
        return self.say(inner_face(faces, self.size))

    def say(self, inner: Tensor) -> Tensor:
        """[N, 3, size, size] in [0, 1], inner faces, to logits [N, 6]."""
        return self.head(self.describe(inner))

    def describe(self, inner: Tensor) -> Tensor:
        """[N, 3, size, size] in [0, 1], inner faces, to features [N, F]."""
        return self.backbone(shapes(inner).contiguous(memory_format=torch.channels_last))


def inner_face(faces: Tensor, size: int, grid: Tensor | None = None) -> Tensor:
    """[N, 3, H, H] to [N, 3, size, size]: `REGION` of the aligned crop.

    Args:
        grid: [N, size, size, 2]; where each pixel is taken from, if not from a straight grid (`inner_grid`).
    """
    where = inner_grid(size).expand(len(faces), -1, -1, -1) if grid is None else grid
    return F.grid_sample(faces, where.to(faces), mode="bilinear", padding_mode="border", align_corners=False)


def inner_grid(size: int) -> Tensor:
    """[1, size, size, 2]: where the pixels of the inner face are, in half sides of the crop."""
    left, top, right, bottom = REGION
    steps = torch.linspace(-1, 1, size) * (1 - 1 / size)
    x = (left + right) / 2 + (right - left) / 2 * steps
    y = (top + bottom) / 2 + (bottom - top) / 2 * steps - CROP_DROP
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None] * 2 / CROP_SCALE


def shapes(x: Tensor) -> Tensor:
    """[N, 3, H, W] in [0, 1] to [N, 5, H, W]: colours in units of the face's contrast, grey in units of its
    surroundings' contrast, and edges.
    """
    mean = x.mean((1, 2, 3), keepdim=True)
    colour = (x - mean) / (x.std((1, 2, 3), keepdim=True) + 0.05)
    grey = x.mean(1, keepdim=True)
    local = grey - _surroundings(grey, 4.0)
    contrast = local / (_surroundings(local**2, 6.0).clamp(min=0).sqrt() + 0.03)
    dx = F.pad(grey[..., 1:] - grey[..., :-1], (0, 1))
    dy = F.pad(grey[..., 1:, :] - grey[..., :-1, :], (0, 0, 0, 1))
    edges = (dx**2 + dy**2 + 1e-8).sqrt()
    edges = edges / (edges.mean((2, 3), keepdim=True) + 0.01)
    return torch.cat([colour, contrast, edges.clamp(max=6) - 1], 1)


def _surroundings(x: Tensor, sigma: float) -> Tensor:
    """`blurred`, nearly, in a tenth of the time."""
    small = blurred(F.avg_pool2d(x, COARSE), sigma / COARSE)
    return F.interpolate(small, x.shape[-2:], mode="bilinear", align_corners=False)


def blurred(x: Tensor, sigma: float) -> Tensor:
    """[N, C, H, W] after a Gaussian of `sigma` pixels; edges are repeated."""
    radius = max(1, math.ceil(2 * sigma))
    t = torch.arange(-radius, radius + 1.0, device=x.device)
    kernel = torch.exp(-(t**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).repeat(x.shape[1], 1, 1)
    padded = F.pad(x, (radius,) * 4, mode="replicate")
    x = F.conv2d(padded, kernel[:, :, None, :], groups=x.shape[1])
    return F.conv2d(x, kernel[:, :, :, None], groups=x.shape[1])


class HalfInstance(nn.Module):
    """Instance normalisation of half the channels, which forgets style; batch normalisation of the rest."""

    def __init__(self, channels: int, eps: float, momentum: float) -> None:
        super().__init__()
        self.forgetful = channels // 2
        self.instance = nn.InstanceNorm2d(self.forgetful, affine=True)
        self.batch = nn.BatchNorm2d(channels - self.forgetful, eps, momentum)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.instance(x[:, : self.forgetful]), self.batch(x[:, self.forgetful :])], 1)


def mix_style(module: nn.Module, _: object, x: Tensor) -> Tensor:
    """MixStyle, a hook: in half of the steps of training, each face takes part of another's channel means and
    spreads.
    """
    if not module.training or random.random() < 0.5:
        return x
    with torch.no_grad():
        mean, spread = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True) + 1e-5
        order = torch.randperm(len(x))
        share = torch.distributions.Beta(0.2, 0.2).sample((len(x), 1, 1, 1)).to(x.dtype)
        new_mean, new_spread = (torch.lerp(v[order], v, share) for v in (mean, spread))
    return (x - mean) / spread * new_spread + new_mean


def _forget_style(backbone: nn.Module) -> None:
    """Give `backbone` a first convolution for `CHANNELS`, and early normalisations that forget style."""
    name, stem = next((n, m) for n, m in backbone.named_modules() if isinstance(m, nn.Conv2d))
    _replace(backbone, name, nn.Conv2d(CHANNELS, stem.out_channels, 3, 2, 1, bias=False))
    norms = [(n, m) for n, m in backbone.named_modules() if isinstance(m, nn.BatchNorm2d)]
    for name, norm in norms[:EARLY]:
        _replace(backbone, name, HalfInstance(norm.num_features, norm.eps, 0.1))


def _replace(whole: nn.Module, name: str, part: nn.Module) -> None:
    above, _, last = name.rpartition(".")
    setattr(whole.get_submodule(above), last, part)
