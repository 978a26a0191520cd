"""The discriminator of the paper: PatchGAN with an adversarial and a class head."""

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from kaogae.errors import ConfigError


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Size of a discriminator. The defaults are StarGAN's, at 128 pixels."""

    image_size: int = 128
    """Side of the pictures in pixels; divides by 2 ** layers, which is 64 in the paper."""
    width: int = 64
    """Channels after the first convolution; each further one doubles them (1–256)."""
    layers: int = 6
    """Strided convolutions (1–8)."""
    classes: int = 5
    """Length of the label vector (1–64)."""


class Halving(nn.Conv2d):
    """A convolution of 4 × 4 taps, stride 2 and one pixel of padding.

    The widest ones see 4 × 4 pixels or fewer. Processors multiply such patches by one matrix several times
    faster than they convolve them, and the gradient penalty asks for that four times over.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 4, 2, 1)

    def forward(self, input: Tensor) -> Tensor:
        if input.shape[2] > 4:
            return super().forward(input)
        pixels, taps = input.permute(0, 2, 3, 1), self.weight.permute(0, 2, 3, 1)
        if input.shape[2] == 2:  # the outer taps see nothing but padding
            patches, taps = pixels.flatten(1)[:, None, None], taps[:, 1:3, 1:3]
        else:
            windows = F.pad(pixels, (0, 0, 1, 1, 1, 1)).unfold(1, 4, 2).unfold(2, 4, 2)
            patches = windows.permute(0, 1, 2, 4, 5, 3).flatten(3)
        return F.linear(patches, taps.flatten(1), self.bias).permute(0, 3, 1, 2)


class Discriminator(nn.Module):
    """Judges [N, 3, S, S] RGB in [−1, 1]: realness of each patch, and which expression it shows.

    Returns (score [N, 1, S / 64, S / 64] without a range, higher is more real; logits [N, classes]).

    Raises:
        ConfigError: the image size doesn't divide by 2 ** layers.
    """

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        stride = 2**config.layers
        if config.image_size < stride or config.image_size % stride:
            raise ConfigError(f"The discriminator needs an image size that divides by {stride}.")
        self.config = config
        widths = [3, *(config.width * 2**i for i in range(config.layers))]
        self.convs = nn.ModuleList(Halving(before, after) for before, after in pairwise(widths))
        self.score = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        self.logits = nn.Conv2d(widths[-1], config.classes, config.image_size // stride, bias=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.heads(self.features(image)[-1])

    def heads(self, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """Score and logits from the coarsest features."""
        return self.score(coarse), self.logits(coarse).flatten(1)

    def features(self, image: Tensor) -> list[Tensor]:
        """What each convolution sees, fine to coarse: [N, C, S / 2, S / 2], [N, 2 C, S / 4, S / 4] ..."""
        seen: list[Tensor] = []
        x = image
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.01)
            seen.append(x)
        return seen
