"""Random changes to a picture, or to both pictures of a pair in the same way."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from kaogae.train.config import AugmentConfig

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114])
_TO_YIQ = np.array([_LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_UNTINTED = np.eye(3, 4, dtype=np.float32)
_VALUES: Values = np.arange(256, dtype=np.float32) / np.float32(255) * 2 - 1
"""Of each byte."""
NEARLY = 1e-6
"""Shares are written with so many digits: 0.083333333 of 192 is 16 pixels."""


@dataclass(frozen=True)
class View:
    """A window into a picture and a tint. Applied twice, it gives the same window and tint."""

    matrix: NDArray[np.float64]
    """[2, 3], from the window's pixels to the picture's, pixel centres at whole numbers."""
    size: int
    """Side of the window in pixels."""
    tint: Values
    """[3, 4]: what RGB in [0, 1] is multiplied with, and what is added."""
    gamma: float

    def apply(self, picture: Pixels) -> Values:
        """[3, size, size] in [−1, 1] from `picture` [H, W, 3] RGB, channels last in memory."""
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        window = cv2.warpAffine(
            picture, self.matrix, (self.size, self.size), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        if self.gamma == 1 and np.array_equal(self.tint, _UNTINTED):
            return np.moveaxis(_VALUES[np.asarray(window, np.uint8)], -1, 0)
        values = window.astype(np.float32) / 255
        if self.gamma != 1:
            values = values ** np.float32(self.gamma)
        values = (values @ self.tint[:, :3].T + self.tint[:, 3]).clip(0, 1)
        return np.moveaxis(values * 2 - 1, -1, 0)


def apply_views(pictures: Tensor, matrix: Tensor, tint: Tensor, gamma: Tensor, size: int) -> Tensor:
    """What `View.apply` does, for many pictures at once and where they lie.

    Args:
        pictures: [N, H, H, 3] RGB uint8.
        matrix, tint, gamma: [N, 2, 3], [N, 3, 4] and [N] of the views.
        size: side of the windows in pixels.

    Returns:
        [N, 3, size, size] in [−1, 1]: equal where a view moves by whole pixels, else but for float32's
        rounding, which now and then makes a value of 0–255 the next one before the tint.
    """
    if not len(pictures):
        return torch.empty((0, 3, size, size), device=pictures.device)
    # Sums of products, not matrix products: those a GPU may compute in TF32, whose 11 bits move pixels.
    steps = torch.arange(size, device=pictures.device, dtype=torch.float32)
    column, row, one = matrix[..., None, None].unbind(2)
    places = column * steps + row * steps[:, None] + one
    grid = places.movedim(1, -1) * (2 / (pictures.shape[1] - 1)) - 1
    values = pictures.permute(0, 3, 1, 2).float()
    window = F.grid_sample(values, grid, "bicubic", "border", align_corners=True)
    window = window.round().clamp(0, 255) / 255
    gamma = gamma[:, None, None, None]
    window = torch.where(gamma == 1, window, window**gamma)
    red, green, blue, added = tint[..., None, None].unbind(2)
    window = red * window[:, :1] + green * window[:, 1:2] + blue * window[:, 2:] + added
    return window.clamp(0, 1) * 2 - 1


def sample_view(config: AugmentConfig, side: int, inner: int, size: int, dice: np.random.Generator) -> View:
    """A random view.

    Args:
        side: of the stored picture, in pixels.
        inner: side of the aligned crop in the middle of it.
        size: side of the window.
    """
    scale, angle, reach = inner * config.crop / size, 0.0, config.shift * size
    if math.isclose(scale, 1, rel_tol=NEARLY):
        scale = 1.0
    luck = dice.random(2)
    exact = dice.random() < config.exact_share
    grow, turn = dice.uniform(-config.scale, config.scale), dice.uniform(-config.rotation, config.rotation)
    if exact:
        most = math.floor(reach + NEARLY * size)
        shift = np.floor((2 * most + 1) * luck) - most  # each of the whole pixels as often
    else:
        shift = reach * (2 * luck - 1)
        scale, angle = scale * (1 + grow), math.radians(turn)
    mirror = -1.0 if config.flip and dice.random() < 0.5 else 1.0
    rotation = scale * np.array(
        [[mirror * math.cos(angle), -math.sin(angle)], [mirror * math.sin(angle), math.cos(angle)]]
    )
    middle = (size - 1) / 2
    centre = np.full(2, (side - 1) / 2) + scale * shift
    if exact and scale == 1 and (side - size) % 2:
        centre -= 0.5
    matrix = np.column_stack([rotation, centre - rotation @ [middle, middle]])
    tint, gamma = _sample_tint(config.colour, dice)
    return View(matrix, size, tint, gamma)


def plain_view(side: int, inner: int, size: int) -> View:
    """The aligned crop as it is."""
    return sample_view(AugmentConfig(flip=False), side, inner, size, np.random.default_rng(0))


def _sample_tint(strength: float, dice: np.random.Generator) -> tuple[Values, float]:
    """Hue, saturation, brightness and contrast as one matrix, and a gamma."""
    tint = np.column_stack([np.eye(3), np.zeros(3)])
    gamma = 1.0
    if dice.random() < strength:
        any_hue = dice.random() < 0.15
        hue = dice.uniform(-math.pi, math.pi) if any_hue else dice.normal(0, 0.12)
        saturation = 0.0 if dice.random() < 0.06 else dice.uniform(0.6, 1.3)
        turn = np.array([[1, 0, 0], [0, math.cos(hue), -math.sin(hue)], [0, math.sin(hue), math.cos(hue)]])
        turn[1:] *= saturation
        colour = np.linalg.inv(_TO_YIQ) @ turn @ _TO_YIQ
        contrast, brightness = dice.uniform(0.75, 1.15), dice.uniform(-0.1, 0.1)
        gains = 1 + dice.normal(0, 0.04, 3)
        tint[:, :3] = contrast * gains[:, None] * colour
        tint[:, 3] = 0.5 * (1 - contrast) + brightness
        gamma = math.exp(dice.normal(0, 0.15))
    return tint.astype(np.float32), gamma
