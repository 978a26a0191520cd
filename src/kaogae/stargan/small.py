"""The generator that ships: a small U-Net with an attention mask, made to run on two CPU cores.

Ours, not the paper's. What the paper found holds here too: the receptive field must cover the whole face, or
only the mouth changes. The mask is GANimation's (Pumarola et al., 2018).
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class SmallConfig:
    """Size of a small generator."""

    architecture: Literal["small"] = "small"
    width: int = 48
    """Channels at half the picture's size; twice as many at a quarter (1–256)."""
    deep: int = 192
    """Channels at an eighth, where the residual blocks are (1–1024)."""
    blocks: int = 6
    """Residual blocks; every one widens the receptive field by 32 pixels (0–32)."""
    classes: int = 5
    """Length of the target vector (1–64)."""


GROUP = 16
"""Channels that are normalised together."""


class Modulation(nn.Module):
    """Normalises, then scales and shifts every channel by the target and the picture's averages (FiLM)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(max(1, channels // GROUP), channels)
        self.hidden = nn.Linear(channels + classes, 64)
        self.scale_shift = nn.Linear(64, 2 * channels)

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        summary = torch.cat([x.mean((2, 3)), target.to(x)], 1)
        scale, shift = self.scale_shift(F.relu(self.hidden(summary)))[:, :, None, None].chunk(2, 1)
        return self.norm(x) * (1 + scale) + shift


class ModulatedBlock(nn.Module):
    """x + conv(relu(modulate(conv(x)))), 3 × 3, same size in and out; starts as x + 0."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulation = Modulation(channels, classes)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.modulation(self.conv1(x), target)))


class UpStage(nn.Module):
    """Doubles the size and joins the encoder's features of that size, so that lines keep their place."""

    def __init__(self, channels: int, skip: int, after: int, classes: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels, skip, 1)
        self.join = nn.Conv2d(2 * skip, after, 3, padding=1)
        self.modulation = Modulation(after, classes)
        self.refine = nn.Conv2d(after, after, 3, padding=1)

    def forward(self, x: Tensor, skip: Tensor, target: Tensor) -> Tensor:
        x = F.interpolate(self.narrow(x), scale_factor=2.0, mode="nearest")
        x = F.relu(self.modulation(self.join(torch.cat([x, skip], 1)), target))
        return x + F.relu(self.refine(x))


class SmallGenerator(nn.Module):
    """Translates [N, 3, H, W] RGB in [−1, 1] by the target vector [N, classes] = strength × one-hot.

    H and W divide by 8. All zeros in the target ask for the picture as it is.
    """

    has_mask = True

    def __init__(self, config: SmallConfig) -> None:
        super().__init__()
        self.config = config
        width, deep, classes = config.width, config.deep, config.classes
        # 2 × 2 pixels become 12 channels, and back: nothing is lost, and nothing runs at full size.
        self.stem = nn.Conv2d(12 + 2, width, 3, padding=1)
        self.down1 = nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.down2 = nn.Conv2d(2 * width, deep, 3, 2, 1)
        self.body = nn.ModuleList(ModulatedBlock(deep, classes) for _ in range(config.blocks))
        self.up1 = UpStage(deep, 2 * width, 2 * width, classes)
        self.up2 = UpStage(2 * width, width, width + width // 2, classes)
        self.head = nn.Conv2d(width + width // 2, 4 * 4, 3, padding=1)

    def forward(self, image: Tensor, target: Tensor) -> Tensor:
        return self.with_mask(image, target)[0]

    def with_mask(self, image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The translated picture and the mask [N, 1, H, W] in [0, 1]: 0 where the input was kept."""
        fine = F.relu(self.stem(torch.cat([F.pixel_unshuffle(image, 2), _places(image)], 1)))
        middle = F.relu(self.down1(fine))
        x = F.relu(self.down2(middle))
        for block in self.body:
            x = block(x, target)
        x = self.up1(F.relu(x), middle, target)
        x = self.up2(x, fine, target)
        drawn = F.pixel_shuffle(self.head(x), 2).to(image)  # bfloat16 would round a sure mask to exactly 1
        colour, mask = torch.tanh(drawn[:, :3]), torch.sigmoid(drawn[:, 3:])
        # result = mask · colour + (1 − mask) · input
        return mask * colour + (1 - mask) * image, mask


def _places(image: Tensor) -> Tensor:
    """Planes x and y [N, 2, H/2, W/2], −1 to 1: in an aligned crop the place says what is drawn there."""
    height, width = image.shape[2] // 2, image.shape[3] // 2
    # Made where the image is: to send them there would wait for a GPU
    y = torch.linspace(-1, 1, height, device=image.device).to(image)[:, None].expand(height, width)
    x = torch.linspace(-1, 1, width, device=image.device).to(image)[None, :].expand(height, width)
    return torch.stack([x, y])[None].expand(image.shape[0], -1, -1, -1)
