"""What happens to a drawing after it is drawn: light, paper, scaling, compression.

A finish is drawn once and applied in the same way, noise included, to every picture of a character, so that
pictures which differ in expression still differ in nothing else.
"""

import math
import random
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.atelier.palette import hsl

Pixels = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]

REFERENCE = 160
"""Side of an aligned crop in pixels for which blur and grain are stated."""

LIGHTS: tuple[tuple[float, tuple[float, float], tuple[float, float], tuple[float, float]], ...] = (
    # weight, hue, saturation, lightness of the light that everything is multiplied with
    (3.0, (0.06, 0.11), (0.4, 0.9), (0.74, 0.92)),  # lamp, sunset
    (1.5, (0.09, 0.12), (0.3, 0.55), (0.6, 0.8)),  # sepia
    (2.0, (0.58, 0.66), (0.2, 0.5), (0.7, 0.9)),  # night, shade
    (1.0, (0.75, 0.95), (0.3, 0.7), (0.8, 0.93)),  # dusk, neon
    (0.5, (0.0, 0.03), (0.4, 0.7), (0.75, 0.88)),  # embers
    (0.5, (0.25, 0.5), (0.2, 0.4), (0.8, 0.9)),  # leaves, water
)


@dataclass(frozen=True)
class Finish:
    """The defaults leave a picture as it is. Lengths are in pixels of a crop of `REFERENCE` pixels."""

    light: str = "#ffffff"
    """Colour that the picture is multiplied with."""
    light_turn: float = 0.0
    """Direction from which the light comes, in radians."""
    light_fall: float = 0.0
    """How much of the light is lost on the far side (0, 0.6)."""
    haze: float = 0.0
    """How far shadows are lifted towards the light's colour (0, 0.4)."""
    smoothing: float = 0.0
    """Strength of an edge-keeping smoothing, as of paint (0, 1)."""
    saturation: float = 1.0
    contrast: float = 1.0
    gamma: float = 1.0
    grain: float = 0.0
    """Standard deviation of the paper's grain, in grey levels (0, 12)."""
    grain_size: float = 1.0
    blur: float = 0.0
    sharpen: float = 0.0
    """Halos at edges, as of enlargers (0, 1.5)."""
    shrink: float = 1.0
    """Factor by which the picture is made smaller and larger again (1, 3)."""
    levels: int = 0
    """Number of grey levels per channel; 0 keeps all."""
    jpeg: int = 0
    """Quality of JPEG compression (20–95); 0 leaves it out."""
    seed: int = 0

    @classmethod
    def sample(cls, dice: random.Random, strength: float = 1.0) -> "Finish":
        """A finish for one character; `strength` 0 leaves pictures as drawn, 1 is as varied as the wild."""

        def happens(chance: float) -> bool:
            return dice.random() < chance * strength

        finish = cls(seed=dice.getrandbits(32))
        if happens(0.18):
            finish = replace(finish, **_light(dice))
        if happens(0.2):
            finish = replace(finish, smoothing=dice.random())
        if happens(0.5):
            finish = replace(
                finish,
                saturation=dice.uniform(0.6, 1.3),
                contrast=dice.uniform(0.8, 1.2),
                gamma=math.exp(dice.gauss(0, 0.15)),
            )
        if happens(0.16):
            finish = replace(finish, grain=dice.uniform(1, 5), grain_size=dice.uniform(0.7, 2.5))
        if happens(0.2):
            finish = replace(finish, shrink=dice.uniform(1.1, 2.2))
        if happens(0.15):
            finish = replace(finish, blur=dice.uniform(0.3, 0.8))
        if happens(0.25):
            finish = replace(finish, sharpen=dice.uniform(0.2, 1.2))
        if happens(0.04):
            finish = replace(finish, levels=dice.choice((6, 8, 12, 16, 24)))
        if happens(0.35):
            finish = replace(finish, jpeg=dice.randint(35, 95))
        return finish

    def apply(self, pixels: Pixels, unit: float | None = None) -> Pixels:
        """`pixels` [H, W, 3] uint8 finished; the same finish on the same size adds the same noise.

        Args:
            unit: side in pixels that an aligned crop of the (typical) face has; the picture's width if None.
        """
        scale = (pixels.shape[1] if unit is None else unit) / REFERENCE
        if self.smoothing > 0:
            pixels = self._smoothed(pixels, scale)
        values: Floats = pixels.astype(np.float32) / 255
        if self.light != "#ffffff":
            values = self._lit(values)
        values = self._toned(values)
        if self.grain > 0:
            values += self._grain(values.shape[:2], scale)
        values = self._resampled(np.clip(values, 0, 1), scale)
        if self.levels > 1:
            values = np.round(values * (self.levels - 1)) / (self.levels - 1)
        finished = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
        return self._compressed(finished) if self.jpeg else finished

    def _smoothed(self, pixels: Pixels, scale: float) -> Pixels:
        reach = 2.5 * scale * (0.4 + self.smoothing)
        smooth = cv2.bilateralFilter(pixels, min(2 * round(reach) + 1, 15), 18 + 40 * self.smoothing, reach)
        return np.asarray(smooth, np.uint8)

    def _lit(self, values: Floats) -> Floats:
        height, width = values.shape[:2]
        colour = np.array([int(self.light[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        far = 0.5 - 0.5 * (x * math.cos(self.light_turn) + y * math.sin(self.light_turn)) / math.sqrt(2)
        fall = 1 - self.light_fall * far[..., None]
        return values * colour * fall * (1 - self.haze) + self.haze * colour * 0.6

    def _toned(self, values: Floats) -> Floats:
        if self.saturation != 1:
            grey = values @ np.array([0.299, 0.587, 0.114], np.float32)
            values = grey[..., None] + (values - grey[..., None]) * np.float32(self.saturation)
        if self.contrast != 1:
            values = (values - 0.5) * np.float32(self.contrast) + 0.5
        if self.gamma != 1:
            values = np.power(np.clip(values, 0, 1), np.float32(self.gamma))
        return values

    def _grain(self, shape: tuple[int, int], scale: float) -> Floats:
        coarse = max(self.grain_size * scale, 1.0)
        height, width = (max(2, round(side / coarse)) for side in shape)
        noise = np.random.default_rng(self.seed).standard_normal((height, width, 3), np.float32)
        noise = 0.75 * noise.mean(2, keepdims=True) * math.sqrt(3) + 0.25 * noise
        if (height, width) != shape:
            noise = cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(noise, np.float32) * np.float32(self.grain / 255)

    def _resampled(self, values: Floats, scale: float) -> Floats:
        size = (values.shape[1], values.shape[0])
        if self.shrink > 1:
            small = (max(8, round(size[0] / self.shrink)), max(8, round(size[1] / self.shrink)))
            values = np.asarray(cv2.resize(values, small, interpolation=cv2.INTER_AREA), np.float32)
            values = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_CUBIC), np.float32)
        if self.blur > 0:
            values = np.asarray(cv2.GaussianBlur(values, (0, 0), self.blur * scale), np.float32)
        if self.sharpen > 0:
            soft = np.asarray(cv2.GaussianBlur(values, (0, 0), 1.2 * scale), np.float32)
            values = values + np.float32(self.sharpen) * (values - soft)
        return values

    def _compressed(self, pixels: Pixels) -> Pixels:
        done, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.jpeg])
        if not done:
            return pixels
        return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])


def _light(dice: random.Random) -> dict[str, float | str]:
    _, hue, saturation, lightness = dice.choices(LIGHTS, [light[0] for light in LIGHTS])[0]
    return {
        "light": hsl(dice.uniform(*hue), dice.uniform(*saturation), dice.uniform(*lightness)),
        "light_turn": dice.uniform(-math.pi, math.pi),
        "light_fall": dice.uniform(0, 0.4),
        "haze": dice.uniform(0, 0.2) if dice.random() < 0.4 else 0.0,
    }
