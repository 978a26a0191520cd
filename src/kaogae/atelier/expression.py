"""How each expression is drawn: several recipes each, as artists have, with intensity and jitter.

A recipe names only what it changes in the neutral rig. Recipes of one expression never look like another's:
that is what makes the label of a drawing certain.
"""

import random
from dataclasses import dataclass, fields, replace

from kaogae.atelier.rig import Rig
from kaogae.expressions import Expression

NEUTRAL = Rig()


@dataclass(frozen=True)
class Variant:
    """One way to draw an expression, and how often artists choose it."""

    name: str
    rig: Rig
    weight: float = 1.0


def _variant(name: str, weight: float = 1.0, **parameters: float) -> Variant:
    return Variant(name, Rig(**parameters), weight)


_WORRIED = {"brow_slant": 0.8, "brow_raise": 0.1, "brow_pinch": 0.4}
_WEEPING = {"tear_well": 0.8, "tear_stream": 0.8, "blush": 0.4}

VARIANTS: dict[Expression, tuple[Variant, ...]] = {
    Expression.HAPPY: (
        _variant("laugh", 3, eye_open=0.0, eye_smile=1.0, brow_raise=0.5, brow_slant=0.2, brow_arch=0.6,
                 mouth_open=0.8, mouth_width=1.6, mouth_curve=0.9, blush=0.4),
        _variant("closed smile", 2.5, eye_open=0.0, eye_smile=0.8, brow_raise=0.3, brow_slant=0.2,
                 brow_arch=0.5, mouth_width=1.15, mouth_curve=0.85, blush=0.3),
        _variant("open smile", 3, eye_open=0.95, lower_lid=0.35, brow_raise=0.35, brow_slant=0.2,
                 brow_arch=0.5, mouth_open=0.6, mouth_width=1.4, mouth_curve=0.8, blush=0.3, shine=1.2),
        _variant("grin", 1.2, eye_open=0.85, lower_lid=0.5, brow_raise=0.3, brow_arch=0.4, mouth_open=0.45,
                 mouth_width=1.75, mouth_curve=0.8, teeth=1.0, blush=0.2),
        _variant("laughing grin", 0.8, eye_open=0.0, eye_smile=0.9, brow_raise=0.4, brow_arch=0.4,
                 mouth_open=0.55, mouth_width=1.7, mouth_curve=0.9, teeth=0.9, blush=0.3),
        _variant("soft smile", 2, eye_open=0.85, lower_lid=0.45, brow_raise=0.2, brow_slant=0.2,
                 brow_arch=0.5, mouth_width=1.2, mouth_curve=0.8, blush=0.4),
        _variant("bright", 1.2, eye_open=1.12, brow_raise=0.5, brow_slant=0.2, brow_arch=0.6,
                 mouth_open=0.85, mouth_width=1.5, mouth_curve=0.75, shine=1.4, blush=0.3),
        _variant("narrow smile", 1, eye_open=0.45, eye_smile=0.7, lower_lid=0.55, brow_raise=0.2,
                 brow_arch=0.4, mouth_open=0.4, mouth_width=1.2, mouth_curve=0.85, blush=0.4),
        _variant("cheerful", 2, lower_lid=0.1, brow_raise=0.2, brow_slant=0.2, brow_arch=0.4,
                 mouth_open=0.35, mouth_width=0.85, mouth_curve=0.75, shine=1.2, blush=0.2),
        _variant("gentle", 1.2, eye_open=0.92, lower_lid=0.25, brow_raise=0.15, brow_slant=0.2,
                 brow_arch=0.4, mouth_width=1.05, mouth_curve=0.6, blush=0.3),
        _variant("delighted", 0.8, eye_open=0.0, eye_squeeze=1.0, brow_raise=0.2, brow_slant=0.2,
                 brow_arch=0.3, mouth_open=0.6, mouth_width=1.2, mouth_curve=0.85, blush=0.6),
        _variant("sly", 0.7, eye_open=0.7, lower_lid=0.4, brow_slant=-0.4, brow_raise=-0.05, mouth_open=0.25,
                 mouth_width=1.3, mouth_curve=0.85, teeth=0.6),
    ),
    Expression.SAD: (
        _variant("frown", 3, eye_open=0.78, lid_droop=0.8, gaze_y=0.15, shine=0.6, mouth_width=0.85,
                 mouth_curve=-0.7, **_WORRIED),
        _variant("downcast", 2, eye_open=0.5, lid_droop=0.6, gaze_y=0.7, shine=0.3, mouth_width=0.8,
                 mouth_curve=-0.5, **_WORRIED),
        _variant("closed", 1, eye_open=0.0, eye_smile=-0.7, lid_droop=0.3, mouth_width=0.75,
                 mouth_curve=-0.5, **_WORRIED),
        _variant("aside", 1, eye_open=0.65, lid_droop=0.7, gaze_x=0.7, gaze_y=0.35, shine=0.4,
                 mouth_width=0.8, mouth_curve=-0.6, **_WORRIED),
        _variant("parted lips", 1.5, eye_open=0.8, lid_droop=0.7, gaze_y=0.1, mouth_open=0.22,
                 mouth_width=0.75, mouth_curve=-0.7, mouth_round=0.2, **_WORRIED),
        _variant("hurt", 1.2, eye_open=0.88, lid_droop=0.9, tear_well=0.25, mouth_width=0.9,
                 mouth_curve=-0.9, mouth_wave=0.3, brow_slant=1.1, brow_raise=0.2, brow_pinch=0.6),
        _variant("gloom", 1, eye_open=0.6, lid_droop=0.7, shine=0.0, mouth_width=0.7, mouth_curve=-0.35,
                 brow_slant=0.7, brow_raise=-0.1, brow_pinch=0.2),
        _variant("troubled", 1.5, eye_open=0.92, lid_droop=0.4, mouth_width=0.7, mouth_curve=-0.45,
                 brow_slant=0.9, brow_pinch=0.5, sweat=0.3),
        _variant("pleading", 0.8, eye_open=1.0, lid_droop=0.5, shine=1.4, tear_well=0.2, mouth_open=0.15,
                 mouth_width=0.6, mouth_curve=-0.5, brow_slant=1.1, brow_raise=0.3, blush=0.3),
    ),
    Expression.CRYING: (
        _variant("wail", 2, eye_open=0.0, eye_smile=0.5, mouth_open=0.75, mouth_width=1.1, mouth_curve=-0.7,
                 tear_well=0.6, tear_stream=1.0, tear_drop=0.7, blush=0.5, brow_slant=1.0, brow_raise=0.2,
                 brow_pinch=0.6),
        _variant("streams", 2.5, eye_open=0.75, lid_droop=0.7, shine=1.2, mouth_width=0.85, mouth_curve=-0.8,
                 mouth_wave=0.4, **_WORRIED, **_WEEPING),
        _variant("welling", 2, eye_open=0.9, lid_droop=0.7, lower_lid=0.15, tear_well=1.0, tear_drop=0.9,
                 shine=1.4, blush=0.4, mouth_width=0.8, mouth_curve=-0.75, mouth_wave=0.5, **_WORRIED),
        _variant("quiet", 2, eye_open=0.0, eye_smile=-0.7, tear_stream=0.9, tear_drop=0.6, tear_well=0.4,
                 blush=0.3, mouth_width=0.75, mouth_curve=-0.6, **_WORRIED),
        _variant("sob", 2, eye_open=0.7, lid_droop=0.8, lower_lid=0.2, mouth_open=0.5, mouth_width=0.95,
                 mouth_curve=-0.75, mouth_wave=0.3, **_WORRIED, **_WEEPING),
        _variant("squeezed", 1.2, eye_open=0.05, eye_smile=0.15, mouth_open=0.3, mouth_width=1.1,
                 mouth_curve=-0.7, teeth=0.8, tear_well=0.7, tear_drop=1.0, tear_stream=0.5, blush=0.4,
                 brow_slant=0.9, brow_raise=-0.1, brow_pinch=0.9),
        _variant("comic", 1.2, eye_open=0.0, eye_smile=0.8, mouth_open=0.5, mouth_width=1.3,
                 mouth_curve=-0.6, mouth_wave=0.4, tear_drop=1.0, tear_well=0.5, brow_slant=0.9,
                 brow_raise=0.2, blush=0.3),
        _variant("tight", 1, eye_open=0.0, eye_squeeze=1.0, mouth_open=0.55, mouth_width=1.15,
                 mouth_curve=-0.7, mouth_wave=0.3, tear_drop=1.0, tear_well=0.4, tear_stream=0.4, blush=0.4,
                 brow_slant=0.7, brow_pinch=0.8),
        _variant("holding back", 1.5, eye_open=0.85, lid_droop=0.5, lower_lid=0.25, tear_well=0.9,
                 tear_drop=0.6, shine=1.3, mouth_width=0.7, mouth_curve=-0.5, mouth_wave=0.8, blush=0.5,
                 **_WORRIED),
        _variant("bawl", 1.5, eye_open=0.0, eye_smile=1.0, mouth_open=0.7, mouth_width=1.3, mouth_curve=0.1,
                 mouth_round=0.4, tear_drop=1.0, tear_stream=0.4, brow_slant=0.9, brow_raise=0.2, blush=0.4),
        _variant("one tear", 1.5, eye_open=0.85, lid_droop=0.6, tear_stream=0.9, mouth_width=0.75,
                 mouth_curve=-0.5, **_WORRIED),
        _variant("weeping gasp", 1, eye_open=0.9, lid_droop=0.5, tear_drop=1.0, tear_stream=0.6,
                 tear_well=0.4, mouth_open=0.4, mouth_width=0.75, mouth_curve=-0.5, mouth_round=0.3,
                 **_WORRIED),
    ),
    Expression.NEUTRAL: (
        _variant("calm", 3, mouth_curve=0.05),
        _variant("slight smile", 1, mouth_curve=0.22, mouth_width=0.85),
        _variant("tiny mouth", 1.5, mouth_width=0.5, mouth_curve=-0.1),
        _variant("half-lidded", 1.5, eye_open=0.68, gaze_y=0.1, shine=0.7, brow_raise=-0.1),
        _variant("parted", 1, mouth_open=0.1, mouth_width=0.55, mouth_round=0.4),
        _variant("serious", 1.5, eye_open=0.9, brow_slant=-0.35, brow_raise=-0.25, mouth_curve=-0.12),
        _variant("aside", 0.7, gaze_x=0.6, mouth_width=0.8),
        _variant("stern", 0.8, eye_open=0.85, brow_slant=-0.6, brow_raise=-0.35, mouth_curve=-0.2),
        _variant("faint smile", 1.5, mouth_curve=0.34, mouth_width=0.7),
        _variant("small frown", 1.2, eye_open=0.95, mouth_width=0.65, mouth_curve=-0.35),
        _variant("cool", 1.2, eye_open=0.72, brow_slant=-0.2, brow_raise=-0.15, mouth_curve=0.12,
                 mouth_width=0.8),
        _variant("firm", 0.8, mouth_width=1.15),
        _variant("drowsy", 1, eye_open=0.6, lid_droop=0.2, mouth_width=0.7, mouth_curve=-0.1),
        _variant("pout", 0.8, eye_open=0.92, brow_slant=-0.25, mouth_width=0.55, mouth_curve=-0.45),
        _variant("knowing", 0.8, eye_open=0.75, brow_slant=-0.15, mouth_curve=0.22, mouth_width=0.9),
    ),
    Expression.SURPRISED: (
        _variant("shock", 2, eye_open=1.3, iris_size=0.72, brow_raise=1.0, brow_arch=0.5, mouth_open=0.65,
                 mouth_width=0.75, mouth_round=0.9),
        _variant("small o", 2.5, eye_open=1.15, iris_size=0.9, brow_raise=0.8, brow_arch=0.4,
                 mouth_open=0.36, mouth_width=0.55, mouth_round=1.0),
        _variant("gasp", 2, eye_open=1.2, iris_size=0.8, brow_raise=1.0, brow_slant=0.45, brow_arch=0.3,
                 mouth_open=0.8, mouth_width=0.8, mouth_round=0.8, mouth_curve=-0.3, sweat=0.6),
        _variant("startled", 1.2, eye_open=1.2, iris_size=0.85, brow_raise=0.9, brow_slant=0.3,
                 mouth_open=0.4, mouth_width=1.0, mouth_round=0.35, mouth_curve=-0.4, sweat=0.7),
        _variant("amazed", 1.2, eye_open=1.2, iris_size=0.95, brow_raise=1.0, brow_arch=0.7, shine=1.5,
                 mouth_open=0.5, mouth_width=0.6, mouth_round=0.9, blush=0.4),
        _variant("dumbfounded", 0.8, eye_open=1.4, iris_size=0.5, brow_raise=0.9, mouth_open=0.35,
                 mouth_width=0.7, mouth_round=0.6, shine=0.3),
        _variant("taken aback", 3, eye_open=1.08, iris_size=0.95, brow_raise=0.6, brow_arch=0.3,
                 mouth_open=0.42, mouth_width=0.75, mouth_round=0.8),
        _variant("caught", 1.2, eye_open=1.15, iris_size=0.85, brow_raise=0.5, brow_slant=0.5,
                 mouth_open=0.4, mouth_width=0.9, mouth_round=0.55, mouth_curve=-0.3, sweat=0.8, blush=0.4),
        _variant("agape", 1.5, eye_open=1.05, iris_size=0.95, brow_raise=0.4, brow_arch=0.2, mouth_open=0.5,
                 mouth_width=0.95, mouth_round=0.6, sweat=0.3),
        _variant("outcry", 1.2, eye_open=1.2, iris_size=0.75, brow_raise=0.6, brow_slant=-0.35,
                 mouth_open=0.85, mouth_width=1.05, mouth_round=0.65, teeth=0.3),
        _variant("open-mouthed", 2, eye_open=1.05, brow_raise=0.5, brow_arch=0.3, mouth_open=0.45,
                 mouth_width=0.65, mouth_round=0.75, mouth_curve=-0.3),
        _variant("aghast", 1, eye_open=1.08, iris_size=0.88, brow_raise=0.4, brow_slant=0.3, mouth_open=0.6,
                 mouth_width=0.95, mouth_round=0.5, mouth_curve=-0.4, teeth=0.4, sweat=0.6),
    ),
}  # fmt: skip

_CANONICAL = {
    Expression.HAPPY: "laugh",
    Expression.SAD: "frown",
    Expression.CRYING: "streams",
    Expression.NEUTRAL: "calm",
    Expression.SURPRISED: "shock",
}

_RANGES = {
    "eye_open": (0.0, 1.4), "eye_smile": (-1, 1), "lower_lid": (0, 1), "lid_droop": (-0.5, 1),
    "iris_size": (0.45, 1.2), "gaze_x": (-1, 1), "gaze_y": (-1, 1), "shine": (0, 1.5),
    "brow_raise": (-1, 1.2), "brow_slant": (-1, 1.2), "brow_arch": (-1, 1), "brow_pinch": (0, 1),
    "mouth_open": (0, 1.2),
    "mouth_width": (0.3, 1.8), "mouth_curve": (-1, 1), "mouth_round": (0, 1),
}  # fmt: skip

_WATER = ("tear_well", "tear_stream", "tear_drop")


def canonical(expression: Expression) -> Rig:
    """The least mistakable way to draw `expression`: against neutral, eyes, brows and mouth move."""
    name = _CANONICAL[expression]
    return next(variant.rig for variant in VARIANTS[expression] if variant.name == name)


def sample(expression: Expression, intensity: float, dice: random.Random) -> Rig:
    """A way to draw `expression`, jittered.

    Args:
        intensity: 0 is the calm face, 1 the whole expression.
    """
    variants = VARIANTS[expression]
    variant = dice.choices(variants, [v.weight for v in variants])[0]
    rig = jitter(variant.rig, dice)
    face = NEUTRAL.towards(rig, intensity)
    ahead = NEUTRAL.towards(rig, min(1.0, 2 * intensity))
    # nobody draws half a closed eye or half a tear: these are whole from half the intensity on
    quick = _WATER if variant.rig.eye_open > 0.2 else (*_WATER, "eye_open", "eye_smile")
    return replace(face, **{name: getattr(ahead, name) for name in quick})


def jitter(rig: Rig, dice: random.Random, amount: float = 1.0) -> Rig:
    """`rig` a little different in every parameter; what is closed, dry or absent stays so."""
    changed: dict[str, float] = {}
    flip = dice.choice((-1.0, 1.0))
    for field in fields(Rig):
        value: float = getattr(rig, field.name)
        if field.name == "gaze_x":
            value *= flip
        shake = dice.gauss(0.0, 0.08) * amount
        if field.name not in _RANGES:  # tears, teeth, blush …: scaled only
            changed[field.name] = min(max(value * (1 + min(max(2 * shake, -0.25), 0.25)), 0.0), 1.0)
            continue
        least, most = _RANGES[field.name]
        if field.name in ("eye_open", "mouth_open", "mouth_round", "lower_lid", "brow_pinch"):
            value *= 1 + 1.5 * shake
        else:
            value += shake
        changed[field.name] = min(max(value, least), most)
    return replace(rig, **changed)
