"""What the judge sees of a face, and the network that says what it shows.

Shape should count, and style not: colours are given in units of the picture's own contrast, with its local
contrast and its edges, and the first layers forget each picture's own statistics (IBN-Net).

Sources:
    X. Pan et al., Two at once: enhancing learning and generalization capacities via IBN-Net, ECCV 2018.
    K. Zhou et al., Domain generalization with MixStyle, ICLR 2021.
"""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaogae.evaluate.backbones import build_backbone
from kaogae.evaluate.confusion import VERDICTS
from kaogae.faces import CROP_DROP, CROP_SCALE

ARCHITECTURES = ("resnet18",)
"""Of torchvision, those that a judge can have."""
REGION = (-0.98, -0.75, 0.98, 1.21)
"""What it sees: left, top, right and bottom in eye distances from the middle of the eye line."""
CHANNELS = 5
PARTS = (3, 2)
MOMENTUM = 0.1
"""What a step of training adds to running statistics."""
COARSE = 4
"""Pixels that are taken together where surroundings are looked at."""


class JudgeNetwork(nn.Module):
    """[N, 3, H, H] in [0, 1], the aligned crop, to logits [N, 6]: the five expressions, and none of them.

    ResNet-18 up to the first block of its third stage: the rest has nine tenths of the weights, and looks at
    more than eyes and mouths need. The parts of a face stay apart until the end, in three rows of two.
    """

    def __init__(self, architecture: str, size: int) -> None:
        """`size`: side in pixels of the inner face that it sees."""
        super().__init__()
        self.size = size
        backbone: Any = build_backbone(architecture, len(VERDICTS))
        backbone.conv1 = nn.Conv2d(CHANNELS, 64, 3, 2, 1, bias=False)
        backbone.bn1 = HalfInstance(64)
        for block in backbone.layer1:
            block.bn1 = HalfInstance(64)
        backbone.layer3, backbone.layer4 = backbone.layer3[:1], nn.Identity()
        backbone.avgpool = nn.AdaptiveAvgPool2d(PARTS)
        backbone.fc = nn.Identity()
        self.backbone: nn.Module = backbone
        self.head = nn.Linear(256 * math.prod(PARTS), len(VERDICTS))

    def styled(self) -> tuple[nn.Module, ...]:
        """The layers after which faces still have their style."""
        return self.backbone.get_submodule("layer1"), self.backbone.get_submodule("layer2")

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
    """Instance normalisation of half the channels, which forgets style; batch normalisation of the rest.

    Both are one scale and one shift for each face and channel: faster than two layers side by side.
    """

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_variance", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        own_variance, own_mean = torch.var_mean(x, (2, 3), correction=0)
        mean, variance = self.running_mean, self.running_variance
        if self.training:
            mean = own_mean.mean(0)
            variance = own_variance.mean(0) + own_mean.var(0, correction=0)
            self.running_mean.lerp_(mean.detach().to(self.running_mean), MOMENTUM)
            self.running_variance.lerp_(variance.detach().to(self.running_mean), MOMENTUM)
        half = x.shape[1] // 2
        mean = torch.cat([own_mean[:, :half], mean[half:].expand(len(x), -1)], 1)
        variance = torch.cat([own_variance[:, :half], variance[half:].expand(len(x), -1)], 1)
        scale = self.weight * (variance.float() + 1e-5).rsqrt()
        return moved(x, scale, self.bias - mean.float() * scale)


class MixStyle:
    """A hook after a layer: in half of the steps of training, each face takes part of another's channel means
    and spreads. Its chance is its own, so that lessons can be made ready in another thread.
    """

    def __init__(self, seed: int) -> None:
        self._dice = np.random.default_rng(seed)

    def __call__(self, module: nn.Module, _: object, x: Tensor) -> Tensor:
        if not module.training or self._dice.random() < 0.5:
            return x
        order = torch.from_numpy(self._dice.permutation(len(x)))
        share = torch.from_numpy(self._dice.beta(0.2, 0.2, (len(x), 1))).float()
        with torch.no_grad():
            variance, mean = torch.var_mean(x, (2, 3))
            spread, mean = variance.float().sqrt() + 1e-5, mean.float()
            scale = torch.lerp(spread[order], spread, share) / spread
            shift = torch.lerp(mean[order], mean, share) - mean * scale
        return moved(x, scale, shift)


def moved(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """[N, C, H, W] by a scale and a shift [N, C] for each face and channel."""
    return torch.addcmul(shift[..., None, None].to(x.dtype), x, scale[..., None, None].to(x.dtype))
