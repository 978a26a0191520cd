"""The cascading residual network, CARN, and its small sister CARN-M.

Ahn, Kang and Sohn, "Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual Network", ECCV
2018, arXiv:1803.08664. The parameters have the names and shapes of the published multi-scale checkpoints.

How it is made to be fast on processors, with the same result:
- Everything lies in memory as [N, H, W, C], in which oneDNN's convolutions and the shuffle are quickest.
- One pass takes few pixels, so that what lies between two layers stays in the cache: a batch goes through in
  parts.
- A 1 × 1 convolution sees each row as a picture of its own. That is the same sum, but with many "pictures"
  PyTorch hands it to oneDNN also where there is one thread, which takes half as long as the matrix product.
"""

from collections.abc import Callable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kaogae.errors import UsageError
from kaogae.upscale.enlarge import SCALES

CHANNELS = 64
"""Width of every layer between the first and the last."""

REACH = 22
"""From how many input pixels away an output pixel can be influenced, at most: 1 by the entry, 18 by nine
residual blocks of two convolutions, 1.5 by the two steps of ×4, a fraction by the exit; rounded up."""

PASS = 112 * 112 * 256
"""Values that lie between two layers at most, while a batch goes through on a processor; what needs more goes
through alone."""

WIDEST = {2: 256, 3: 576, 4: 1024}
"""Per scale: values that lie between two layers, for each input pixel."""

Step = Callable[[Tensor], Tensor]


class Carn(nn.Module):
    """CARN or CARN-M with the heads for ×2, ×3 and ×4, as published; begins with random weights.

    Call it as `model(batch, scale)`: RGB [N, 3, H, W] in [0, 1] to [N, 3, scale·H, scale·W], clamped
    to [0, 1].
    """

    def __init__(self, *, light: bool, groups: int) -> None:
        """`light`: CARN-M, whose blocks are cheaper and used three times; `groups`: of its convolutions."""
        super().__init__()
        self.light = light
        self.groups = groups
        self.sub_mean = Shift()
        self.add_mean = Shift()
        self.entry = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.b1, self.b2, self.b3 = (Block(light, groups) for _ in range(3))
        self.c1, self.c2, self.c3 = (Mix(count) for count in (2, 3, 4))
        self.upsample = Heads(groups)
        self.exit = nn.Conv2d(CHANNELS, 3, 3, padding=1)

    @property
    def method(self) -> str:
        """What the catalogue calls it: carn or carn-m."""
        return "carn-m" if self.light else "carn"

    def forward(self, batch: Tensor, scale: int) -> Tensor:
        """[N, 3, H, W] in [0, 1] to [N, 3, scale·H, scale·W] in [0, 1].

        Raises:
            UsageError: no such scale, or a batch of another shape.
        """
        if scale not in SCALES:
            raise UsageError(f"CARN enlarges by 2, 3 or 4, not by {scale}.")
        if batch.ndim != 4 or batch.shape[1] != 3 or not batch.numel():
            raise UsageError(f"CARN takes batches [N, 3, H, W], not {list(batch.shape)}.")
        if batch.device.type != "cpu":
            return self._enlarge(batch, scale)
        at_once = max(1, PASS // (WIDEST[scale] * batch.shape[2] * batch.shape[3]))
        parts = [self._enlarge(part, scale) for part in batch.split(at_once)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _enlarge(self, batch: Tensor, scale: int) -> Tensor:
        features = self.entry(self.sub_mean(batch.contiguous(memory_format=torch.channels_last)))
        features = cascade(features, (self.b1, self.b2, self.b3), (self.c1, self.c2, self.c3))
        return self.add_mean(self.exit(self.upsample(features, scale))).clamp_(0, 1)


def cascade(features: Tensor, steps: Sequence[Step], mixes: Sequence[Step]) -> Tensor:
    """After each step a mix of everything so far goes on: the input, and what each step made of a mix."""
    everything = mixed = features
    for step, mix in zip(steps, mixes, strict=True):
        everything = torch.cat((everything, step(mixed)), dim=1)
        mixed = mix(everything)
    return mixed


def by_rows(convolution: nn.Conv2d, features: Tensor) -> Tensor:
    """A 1 × 1 convolution of [N, C, H, W] that takes each row as a picture of its own."""
    count, channels, height, width = features.shape
    rows = features.permute(0, 2, 3, 1).reshape(count * height, 1, width, channels)
    sums = F.conv2d(rows.permute(0, 3, 1, 2), convolution.weight, convolution.bias)
    return sums.permute(0, 2, 3, 1).reshape(count, height, width, -1).permute(0, 3, 1, 2)


class Shift(nn.Module):
    """Takes the mean colour of the training pictures away, or adds it again."""

    def __init__(self) -> None:
        super().__init__()
        self.shifter = nn.Conv2d(3, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        """[N, 3, H, W] to the same."""
        return by_rows(self.shifter, image)


class Mix(nn.Module):
    """A 1 × 1 convolution from `count` × 64 channels to 64."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.body = nn.ModuleList([nn.Conv2d(count * CHANNELS, CHANNELS, 1)])

    def forward(self, features: Tensor) -> Tensor:
        """[N, count × 64, H, W] to [N, 64, H, W]."""
        return by_rows(cast(nn.Conv2d, self.body[0]), features).relu_()


class Residual(nn.Module):
    """Two 3 × 3 convolutions, grouped and followed by a 1 × 1 one if `light`; their input is added."""

    def __init__(self, light: bool, groups: int) -> None:
        super().__init__()
        first, second = (
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=groups if light else 1) for _ in range(2)
        )
        last = [nn.Identity(), nn.Conv2d(CHANNELS, CHANNELS, 1)] if light else []
        self.body = nn.ModuleList([first, nn.Identity(), second, *last])  # the places that checkpoints name

    def forward(self, features: Tensor) -> Tensor:
        """[N, 64, H, W] to the same."""
        change = self.body[2](self.body[0](features).relu_())
        if len(self.body) > 3:
            change = by_rows(cast(nn.Conv2d, self.body[4]), change.relu_())
        return change.add_(features).relu_()


class Block(nn.Module):
    """A cascade of three residual blocks; in the light network it is three times the same one."""

    def __init__(self, light: bool, groups: int) -> None:
        super().__init__()
        self.b1 = Residual(light, groups)
        if not light:
            self.b2, self.b3 = Residual(light, groups), Residual(light, groups)
        self.steps = 1 if light else 3
        self.c1, self.c2, self.c3 = (Mix(count) for count in (2, 3, 4))

    def forward(self, features: Tensor) -> Tensor:
        """[N, 64, H, W] to the same."""
        steps = (self.b1,) * 3 if self.steps == 1 else (self.b1, self.b2, self.b3)
        return cascade(features, steps, (self.c1, self.c2, self.c3))


class Head(nn.Module):
    """Convolutions that make factor² times as many channels, each followed by a shuffle into pixels."""

    def __init__(self, factors: Sequence[int], groups: int) -> None:
        super().__init__()
        self.factors = tuple(factors)
        layers: list[nn.Module] = []
        for factor in factors:
            convolution = nn.Conv2d(CHANNELS, CHANNELS * factor**2, 3, padding=1, groups=groups)
            layers += [convolution, nn.Identity(), nn.Identity()]  # the places that checkpoints name
        self.body = nn.ModuleList(layers)

    def forward(self, features: Tensor) -> Tensor:
        """[N, 64, H, W] to [N, 64, factor·H, factor·W], by the product of the factors."""
        for place, factor in enumerate(self.factors):
            features = F.pixel_shuffle(self.body[3 * place](features).relu_(), factor)
        return features


class Heads(nn.Module):
    """One head per scale; only the one that is asked for works."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.up2, self.up3, self.up4 = Head((2,), groups), Head((3,), groups), Head((2, 2), groups)

    def forward(self, features: Tensor, scale: int) -> Tensor:
        """[N, 64, H, W] to [N, 64, scale·H, scale·W]."""
        return {2: self.up2, 3: self.up3, 4: self.up4}[scale](features)
