"""How differently two pictures look to a network: LPIPS without its calibration by people.

As there, features of several layers are divided by their length at each place, and squared differences are
summed over channels and averaged over the picture. The network is one of ours, which has learned from drawn
faces alone, and every channel weighs the same: nobody has asked people whether they find the same pictures
alike. So these numbers compare models with each other, and with nothing that others publish as LPIPS.

Source:
    R. Zhang, P. Isola, A. A. Efros, E. Shechtman and O. Wang, The unreasonable effectiveness of deep features
    as a perceptual metric, CVPR (2018), equation 1.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from kaogae.evaluate.identity import BATCH, batches

SIZE = 128
"""Side in pixels at which pictures are compared, so that models of all sizes can be."""

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Values = NDArray[np.float64]


class Staged(Protocol):
    """A network that shows its features, such as `Identity`."""

    def stages(self, batch: Tensor) -> list[Tensor]:
        """[N, C, h, w] each, of pictures [N, 3, S, S] in [−1, 1]."""
        ...


def perceptual(a: Pixels, b: Pixels, where: Mask | None = None, *, network: Staged) -> Values:
    """The distance between pictures as `network` sees them.

    Outside of `where`, the pixels of `a` are pasted into `b` before the network looks: what happens there has
    no influence at all, however far the network sees. Its cells then count as far as they lie in `where`.

    Args:
        a, b: [..., S, S, 3] RGB. Their leading axes are broadcast, as are those of `where`: an input
            [N, 1, S, S, 3] is compared with its outputs [N, 5, S, S, 3].
        where: [..., S, S], where to look; None: everywhere.

    Returns:
        [...]: 0 for equal pictures, at most 4; NaN where no pixel counts.
    """
    mask = np.ones(a.shape[-3:-1], np.bool_) if where is None else where
    shape = np.broadcast_shapes(a.shape[:-3], b.shape[:-3], mask.shape[:-2])
    others = np.broadcast_to(b, (*shape, *b.shape[-3:]))
    masks = np.broadcast_to(mask, (*shape, *mask.shape[-2:]))
    ones = a.reshape(*[1] * (len(shape) - a.ndim + 3), *a.shape)
    found = np.empty(shape)
    for i in np.ndindex(ones.shape[:-3]):
        place = tuple(k if size > 1 else slice(None) for k, size in zip(i, ones.shape, strict=False))
        found[place] = _from_one(ones[i], others[place], masks[place], network)
    return found


@torch.inference_mode()
def _from_one(one: Pixels, others: Pixels, masks: Mask, network: Staged) -> Values:
    """Of one picture [S, S, 3] to others [..., S, S, 3]."""
    within = masks.reshape(-1, *masks.shape[-2:])
    pasted = np.where(within[..., None], others.reshape(-1, *one.shape), one)
    found: list[Tensor] = []
    for part, area in _parts(pasted, within):
        batch = torch.cat([next(batches(one[None], SIZE)), *batches(part, SIZE)])
        found.append(_distances(network.stages(batch), area))
    return torch.cat(found).double().numpy().reshape(others.shape[:-3])


def _parts(pictures: Pixels, masks: Mask) -> Iterator[tuple[Pixels, Tensor]]:
    """A few pictures at once, and [n, 1, S, S] how much of each pixel counts."""
    for begin in range(0, len(pictures), BATCH):
        area = torch.from_numpy(masks[begin : begin + BATCH].astype(np.float32))[:, None]
        yield pictures[begin : begin + BATCH], area


def _distances(stages: list[Tensor], area: Tensor) -> Tensor:
    """[n], of the first picture to each of the n behind it: the mean over stages."""
    layers: list[Tensor] = []
    for features in stages:
        unit = F.normalize(features.float(), dim=1)
        apart = (unit[1:] - unit[:1]).square().sum(1, keepdim=True)
        weight = F.adaptive_avg_pool2d(area, (apart.shape[-2], apart.shape[-1]))
        layers.append((apart * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)))  # 0 / 0 is NaN
    return torch.stack(layers).mean(0)
