"""The colours of one character, and colour arithmetic in HSL."""

import colorsys
import random
from dataclasses import dataclass

HAIR_COLOURS: tuple[tuple[float, tuple[float, float], tuple[float, float], tuple[float, float]], ...] = (
    # weight, hue in turns, saturation, lightness
    (0.12, (0.95, 1.08), (0.02, 0.25), (0.1, 0.22)),  # black, warm or neutral
    (0.08, (0.58, 0.75), (0.08, 0.45), (0.1, 0.27)),  # blue-black, indigo
    (0.20, (0.02, 0.09), (0.2, 0.55), (0.18, 0.42)),  # browns
    (0.10, (0.04, 0.1), (0.25, 0.5), (0.42, 0.62)),  # light brown
    (0.15, (0.09, 0.145), (0.4, 0.9), (0.55, 0.78)),  # blond
    (0.05, (0.03, 0.075), (0.7, 0.95), (0.45, 0.6)),  # orange
    (0.06, (0.96, 1.02), (0.45, 0.8), (0.3, 0.5)),  # red
    (0.08, (0.91, 0.99), (0.5, 0.85), (0.65, 0.82)),  # pink
    (0.06, (0.53, 0.64), (0.3, 0.8), (0.4, 0.72)),  # blue
    (0.04, (0.45, 0.52), (0.35, 0.8), (0.45, 0.7)),  # teal
    (0.03, (0.22, 0.42), (0.25, 0.55), (0.35, 0.6)),  # green
    (0.06, (0.69, 0.83), (0.2, 0.6), (0.35, 0.75)),  # violet
    (0.08, (0.0, 1.0), (0.02, 0.14), (0.74, 0.92)),  # silver, white
    (0.04, (0.0, 1.0), (0.0, 0.1), (0.4, 0.65)),  # grey
)

IRIS_HUES = (0.03, 0.07, 0.09, 0.13, 0.3, 0.36, 0.48, 0.55, 0.6, 0.64, 0.72, 0.78, 0.9, 0.97)


def shift(colour: str, *, hue: float = 0.0, saturation: float = 0.0, lightness: float = 0.0) -> str:
    """`#rrggbb` moved in HSL: hue in turns, saturation and lightness in shares of the whole range."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    h, luma, s = colorsys.rgb_to_hls(red, green, blue)
    return hsl(h + hue, s + saturation, luma + lightness)


def hsl(hue: float, saturation: float, lightness: float) -> str:
    """`#rrggbb` of hue in turns, saturation and lightness 0–1; what is outside is clipped."""
    rgb = colorsys.hls_to_rgb(hue % 1, min(max(lightness, 0.0), 1.0), min(max(saturation, 0.0), 1.0))
    return "#" + "".join(f"{round(value * 255):02x}" for value in rgb)


def mix(first: str, second: str, share: float) -> str:
    """`#rrggbb` that is `share` of the way from `first` to `second`, in sRGB."""
    pairs = ((int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)


def multiply(colour: str, shade: str) -> str:
    """`colour` seen through `shade`, as paint programs multiply layers."""
    pairs = ((int(colour[i : i + 2], 16), int(shade[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a * b / 255):02x}" for a, b in pairs)


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
    """Outlines of face and features."""
    hair_line: str
    """Outlines of hair."""
    cloth_line: str
    """Outlines of clothes and accessories."""
    hair_tip: str
    """Colour that hair runs into at its ends; often the hair's own."""
    hair_inner: str
    """The inner side of the hair, seen behind the neck."""
    trim: str
    """Second colour of the clothes: collars, shirts."""

    @classmethod
    def sample(cls, dice: random.Random) -> "Palette":
        """The colours of a new character."""
        skin, skin_shadow = _skin(dice)
        hair = _hair(dice)
        hair_shadow = _shade(dice, hair)
        cloth = _cloth(dice)
        two_tone = dice.random()
        tip = _hair(dice) if two_tone < 0.06 else shift(hair, hue=dice.uniform(-0.05, 0.05), lightness=0.08)
        inner = _hair(dice) if 0.06 < two_tone < 0.11 else shift(hair_shadow, lightness=-0.05)
        ink = dice.choice(("#000000", "#1a1214", "#2a1c20", "#3a2320", "#20182c"))
        tinted = dice.random()  # how far each outline takes the colour of what it surrounds
        return cls(
            skin=skin,
            skin_shadow=skin_shadow,
            blush=hsl(dice.uniform(0.96, 1.03), dice.uniform(0.6, 0.9), dice.uniform(0.62, 0.76)),
            lips=mix(skin, dice.choice(("#c8505c", "#d87878", "#b04048", "#e08a80")), dice.uniform(0.3, 0.9)),
            mouth=dice.choice(("#a33a3f", "#8a2c34", "#b5504f", "#6e1f2a", "#c2605a")),
            hair=hair,
            hair_shadow=hair_shadow,
            hair_light=_light(dice, hair),
            brow=mix(shift(hair, lightness=-0.12), ink, dice.uniform(0.0, 0.6)),
            iris=_iris(dice, hair),
            cloth=cloth,
            cloth_shadow=_shade(dice, cloth),
            accent=hsl(dice.random(), dice.uniform(0.45, 0.9), dice.uniform(0.4, 0.65)),
            line=mix(ink, multiply(skin_shadow, "#a05a50"), tinted * 0.65),
            hair_line=mix(ink, multiply(hair_shadow, multiply(hair_shadow, "#909090")), tinted),
            cloth_line=mix(ink, multiply(cloth, "#606060"), tinted * 0.9),
            hair_tip=tip if two_tone < 0.35 else hair,
            hair_inner=inner,
            trim=_cloth(dice) if dice.random() < 0.5 else "#f6f4f2",
        )


def _hair(dice: random.Random) -> str:
    _, *ranges = dice.choices(HAIR_COLOURS, [row[0] for row in HAIR_COLOURS])[0]
    return hsl(*(dice.uniform(*limits) for limits in ranges))


def _skin(dice: random.Random) -> tuple[str, str]:
    """Base and shadow: mostly the pale skin of sprites, some nearly white, some tanned or dark."""
    hue = dice.uniform(0.03, 0.095)
    tone = dice.random()
    if tone < 0.2:
        skin = hsl(hue, dice.uniform(0.4, 1.0), dice.uniform(0.95, 0.985))
    elif tone < 0.87:
        skin = hsl(hue, dice.uniform(0.6, 1.0), dice.uniform(0.88, 0.95))
    elif tone < 0.975:
        skin = hsl(hue - 0.005, dice.uniform(0.4, 0.8), dice.uniform(0.76, 0.88))
    else:
        skin = hsl(dice.uniform(0.04, 0.075), dice.uniform(0.3, 0.55), dice.uniform(0.5, 0.7))
    shade = hsl(dice.uniform(-0.06, 0.06), dice.uniform(0.4, 0.9), dice.uniform(0.8, 0.92))
    return skin, multiply(skin, shade)


def _shade(dice: random.Random, colour: str) -> str:
    """The shadow of a colour: darker, and a little towards violet or towards its own hue."""
    shade = hsl(dice.uniform(0.62, 1.05), dice.uniform(0.1, 0.4), dice.uniform(0.6, 0.82))
    return multiply(colour, shade)


def _light(dice: random.Random, hair: str) -> str:
    """The gloss of hair: far lighter on dark hair, nearly white on light hair."""
    tint = shift(hair, hue=dice.uniform(-0.04, 0.04), saturation=0.1, lightness=dice.uniform(0.14, 0.3))
    return mix(tint, "#ffffff", dice.uniform(0.1, 0.6))


def _iris(dice: random.Random, hair: str) -> str:
    if dice.random() < 0.15:
        return shift(hair, saturation=0.1)
    if dice.random() < 0.12:
        return hsl(dice.random(), dice.uniform(0.0, 0.15), dice.uniform(0.2, 0.6))
    hue = dice.choice(IRIS_HUES) + dice.uniform(-0.03, 0.03)
    return hsl(hue, dice.uniform(0.25, 0.8), dice.uniform(0.25, 0.6))


def _cloth(dice: random.Random) -> str:
    kind = dice.random()
    if kind < 0.3:
        return hsl(dice.uniform(0.58, 0.7), dice.uniform(0.1, 0.6), dice.uniform(0.14, 0.45))
    if kind < 0.55:
        return hsl(dice.random(), dice.uniform(0.0, 0.15), dice.uniform(0.85, 0.98))
    if kind < 0.65:
        return hsl(dice.random(), dice.uniform(0.0, 0.12), dice.uniform(0.08, 0.3))
    return hsl(dice.random(), dice.uniform(0.2, 0.75), dice.uniform(0.3, 0.85))
