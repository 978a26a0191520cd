"""The colours of one character, and colour arithmetic in HSL."""

import colorsys
import random
from dataclasses import dataclass


def shift(colour: str, *, hue: float = 0.0, saturation: float = 0.0, lightness: float = 0.0) -> str:
    """`#rrggbb` moved in HSL: hue in turns, saturation and lightness in shares of the whole range."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    h, l, s = colorsys.rgb_to_hls(red, green, blue)
    return hsl(h + hue, s + saturation, l + lightness)


def hsl(hue: float, saturation: float, lightness: float) -> str:
    """`#rrggbb` of hue in turns, saturation and lightness 0–1; what is outside is clipped."""
    rgb = colorsys.hls_to_rgb(hue % 1, min(max(lightness, 0.0), 1.0), min(max(saturation, 0.0), 1.0))
    return "#" + "".join(f"{round(value * 255):02x}" for value in rgb)


@dataclass(frozen=True)
class Palette:
    """`#rrggbb` each; the shadows are what cel shading lays over the base colour."""

    skin: str
    skin_shadow: str
    blush: str
    lips: str
    mouth: str
    hair: str
    hair_shadow: str
    hair_light: str
    brow: str
    iris: str
    cloth: str
    cloth_shadow: str
    accent: str
    line: str

    @classmethod
    def sample(cls, dice: random.Random) -> "Palette":
        """The colours of a new character."""
        skin = hsl(dice.uniform(0.04, 0.09), dice.uniform(0.5, 0.9), dice.uniform(0.8, 0.94))
        hair = hsl(dice.random(), dice.uniform(0.1, 0.8), dice.uniform(0.15, 0.8))
        cloth = hsl(dice.random(), dice.uniform(0.0, 0.7), dice.uniform(0.15, 0.9))
        return cls(
            skin=skin,
            skin_shadow=shift(skin, hue=-0.02, lightness=-0.1),
            blush="#f0888c",
            lips="#d06a6a",
            mouth="#a33a3f",
            hair=hair,
            hair_shadow=shift(hair, hue=0.02, lightness=-0.12),
            hair_light=shift(hair, hue=-0.02, lightness=0.14),
            brow=shift(hair, lightness=-0.1),
            iris=hsl(dice.random(), dice.uniform(0.3, 0.9), dice.uniform(0.3, 0.6)),
            cloth=cloth,
            cloth_shadow=shift(cloth, lightness=-0.12),
            accent=hsl(dice.random(), 0.7, 0.5),
            line=shift(hair, saturation=-0.1, lightness=-0.45) if dice.random() < 0.5 else "#2a1c20",
        )
