"""The generator of the paper: StarGAN's, for RaFD, at any number of down-samplings and residual blocks.

Source: Choi et al., "StarGAN" (CVPR 2018), appendix; Mobini & Ghaderi (2020), III.C.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class StarganConfig:
    """Size of a StarGAN generator. The defaults are the paper's baseline (8,430,528 parameters)."""

    architecture: Literal["stargan"] = "stargan"
    width: int = 64
    """Channels after the first convolution; each down-sampling doubles them (1–256)."""
    downs: int = 2
    """Halvings before, and doublings after, the residual blocks: 2 baseline, 3 proposed (1–5)."""
    blocks: int = 6
    """Residual blocks: 6 baseline, 9 proposed (0–32)."""
    classes: int = 5
    """Length of the label vector (1–64)."""
    statistics: Literal["image", "running"] = "image"
    """What instance normalisation uses in eval mode: each picture's own statistics, as the original's test
    does by never leaving train mode, or the running ones."""


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalisation with affine weights that keeps running statistics and may ignore them.

    Train mode always uses the picture's own statistics.
    """

    def __init__(self, channels: int, statistics: Literal["image", "running"]) -> None:
        super().__init__(channels, affine=True, track_running_stats=True)
        self.statistics = statistics

    def forward(self, input: Tensor) -> Tensor:
        if self.training or self.statistics == "running":
            output = super().forward(input)
            if output.requires_grad and len(input) == 1:
                # Of a single picture, PyTorch (2.13, processor) misreads a gradient that comes channels last
                output.register_hook(Tensor.contiguous)
            return output
        return F.instance_norm(input, weight=self.weight, bias=self.bias, eps=self.eps)


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), 3 × 3, same size in and out."""

    def __init__(self, channels: int, statistics: Literal["image", "running"]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = InstanceNorm(channels, statistics)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = InstanceNorm(channels, statistics)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.norm1(self.conv1(x)))
        return x + self.norm2(self.conv2(hidden))


class StarganGenerator(nn.Module):
    """Translates [N, 3, H, W] RGB in [−1, 1] to the expression of the target vector [N, classes].

    H and W must divide by 2 ** downs. All convolutions pad with zeros: with reflection padding, instance
    normalisation would cancel the label planes, which are constant.
    """

    has_mask = False

    def __init__(self, config: StarganConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.stem = self._stage(nn.Conv2d(3 + config.classes, width, 7, padding=3, bias=False))
        self.down = nn.ModuleList()
        for _ in range(config.downs):
            self.down.append(self._stage(nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False)))
            width *= 2
        self.body = nn.ModuleList(ResidualBlock(width, config.statistics) for _ in range(config.blocks))
        self.up = nn.ModuleList()
        for _ in range(config.downs):
            self.up.append(self._stage(nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False)))
            width //= 2
        self.head = nn.Conv2d(width, 3, 7, padding=3, bias=False)

    def _stage(self, conv: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
        return nn.Sequential(conv, InstanceNorm(conv.out_channels, self.config.statistics), nn.ReLU())

    def forward(self, image: Tensor, target: Tensor) -> Tensor:
        planes = target[:, :, None, None].expand(-1, -1, *image.shape[2:]).to(image)
        x = self.stem(torch.cat([image, planes], 1))
        for layer in (*self.down, *self.body, *self.up):
            x = layer(x)
        return torch.tanh(self.head(x))
