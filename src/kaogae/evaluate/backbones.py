"""torchvision's networks, which judge and compare faces here, without weights that others trained."""

from typing import Any, cast

import torch
from torch import nn

_UNDEFINED = ("nms", "qnms")
"""Operators that torchvision's import describes; no network here uses them."""


def build_backbone(architecture: str, outputs: int) -> nn.Module:
    """A new classification network of torchvision with `outputs` outputs, its weights from PyTorch's global
    seed.

    Args:
        architecture: a name in `torchvision.models`, from our own code; what a file says is checked before.
    """
    return cast(nn.Module, getattr(torchvision().models, architecture)(weights=None, num_classes=outputs))


def torchvision() -> Any:
    """The library. To be called before importing anything that imports it itself, as torchmetrics does.

    Its wheel for GPUs can't load its own operators beside a torch for processors, and then fails at
    describing two of them; the networks need neither.
    """
    try:
        import torchvision
    except RuntimeError:
        global _library  # as long as this lives, the operators are defined
        _library = torch.library.Library("torchvision", "FRAGMENT")
        for name in _UNDEFINED:
            _library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision
    return torchvision


_library: Any = None
