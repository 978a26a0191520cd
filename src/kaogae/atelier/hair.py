"""The hair of one character: traits, and the order in which its parts are drawn."""

import random
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from kaogae.atelier.backhair import BACKS, Back, Mane
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.fringe import CROWN, FRINGES, Cut, Part, fall
from kaogae.atelier.geometry import Pose
from kaogae.atelier.palette import Palette
from kaogae.atelier.strands import Ink, Sheet, Turn, border, comb, draw_sheet, joined, turning
from kaogae.atelier.style import Style

FRONT_LIFT, BACK_LIFT = 0.06, -0.4


@dataclass(frozen=True)
class HairTraits:
    """One haircut; the same traits draw the same hair, lock for lock."""

    seed: int
    fringe: str
    back: str
    sides: str
    """Locks before the ears: "none", "short", "long", "blunt" or "thin"."""
    cut: Cut
    mane: Mane
    ahoge: int
    """Number of hairs that stand up from the crown."""
    gloss: float
    gloss_height: float
    mirrored: bool

    @classmethod
    def sample(cls, dice: random.Random) -> "HairTraits":
        """A new haircut."""
        back = _pick(dice, {name: weight for name, (weight, _) in BACKS.items()})
        fringe = _pick(dice, {name: weight for name, (weight, _) in FRINGES.items()})
        short = back in ("boyish", "cropped")
        sides = dice.choices(
            ("none", "short", "long", "blunt", "thin"), (6, 3, 0, 0, 1) if short else (1.5, 2, 4, 1.5, 1.5)
        )[0]
        width = min(max(dice.gauss(1.15, 0.06), 1.04), 1.32)
        fineness = dice.random()
        return cls(
            seed=dice.getrandbits(32),
            fringe=fringe,
            back=back,
            sides=sides,
            cut=Cut(dice.uniform(-0.38, -0.1), width, fineness, dice.random(), dice.uniform(-1, 1)),
            mane=Mane(dice.random(), width, fineness, dice.random() ** 2),
            ahoge=dice.choices((0, 1, 2, 3), (0.75, 0.17, 0.05, 0.03))[0],
            gloss=0.0 if dice.random() < 0.25 else dice.random(),
            gloss_height=dice.uniform(-0.95, -0.6),
            mirrored=dice.random() < 0.5,
        )


def _pick(dice: random.Random, weights: dict[str, float]) -> str:
    return dice.choices(list(weights), list(weights.values()))[0]


def draw_back(canvas: Canvas, pose: Pose, palette: Palette, style: Style, traits: HairTraits) -> None:
    """What is behind head and body; drawn first."""
    back = _back(traits)
    turn = _turn(pose, BACK_LIFT, traits)
    ink = Ink.of(palette, style, gloss=traits.gloss, gloss_height=traits.gloss_height)
    _draw(canvas, turn, back.behind, ink, traits.seed + 1)
    _draw(canvas, turn, back.inner, Ink.inner(palette, style), traits.seed + 2)


def draw_front(canvas: Canvas, pose: Pose, palette: Palette, style: Style, traits: HairTraits) -> None:
    """What falls over shoulders, ears and forehead; drawn after the skin."""
    ink = Ink.of(palette, style, gloss=traits.gloss, gloss_height=traits.gloss_height)
    back = _back(traits)
    _draw(canvas, _turn(pose, -0.3, traits), back.before, ink, traits.seed + 3)
    turn = _turn(pose, FRONT_LIFT, traits)
    _draw(canvas, turn, [*_sides(traits), *_fringe(traits)], ink, traits.seed + 4)
    _draw_ahoge(canvas, turn, ink, traits)


def fringe_shadow(pose: Pose, traits: HairTraits, drop: float = 0.07) -> str:
    """SVG path data of the shadow that fringe and side locks cast on the skin, `drop` face units lower."""
    turn = _turn(pose, FRONT_LIFT, traits)
    shapes: list[str] = []
    down = np.array([0.0, drop])
    for part in [*_sides(traits), *_fringe(traits)]:
        shapes.append(joined([curve + down for curve in border(part.sheet.turned(turn), part.cut)]))
    return "".join(shapes)


def _turn(pose: Pose, lift: float, traits: HairTraits) -> Turn:
    turn = turning(pose, lift)
    flip = np.array([-1.0, 1.0])
    return (lambda p: turn(p * flip)) if traits.mirrored else turn


def _draw(canvas: Canvas, turn: Turn, parts: list[Part], ink: Ink, seed: int) -> None:
    for number, part in enumerate(parts):
        shiny = ink if part.gloss else Ink(ink.base, ink.shadow, ink.light, ink.line, ink.tip, ink.style)
        draw_sheet(canvas, turn, part.sheet, part.cut, shiny, seed + 7 * number, root_line=part.root_line)


@lru_cache(maxsize=32)
def _back(traits: HairTraits) -> Back:
    return BACKS[traits.back][1](random.Random(traits.seed), traits.mane)


@lru_cache(maxsize=32)
def _fringe(traits: HairTraits) -> list[Part]:
    return FRINGES[traits.fringe][1](random.Random(traits.seed + 5), traits.cut)


@lru_cache(maxsize=32)
def _sides(traits: HairTraits) -> list[Part]:
    """The hair that runs over the temples, ending above the ears or in locks before them."""
    dice = random.Random(traits.seed + 6)
    w = traits.cut.width
    inner, tips, count, belly = {
        "none": (0.8, (0.02, -0.05), 3, 1.8),
        "short": (0.7, (0.35, 0.2), 3, 1.4),
        "long": (0.68, (1.5, 1.1), 3, 1.8),
        "blunt": (0.66, (0.75, 0.72), 5, 5.0),
        "thin": (0.72, (1.2, 0.05), 4, 1.3),
    }[traits.sides]
    stretch = dice.uniform(0.8, 1.25)
    near, far = tips[0] * stretch, tips[1] * stretch
    parts: list[Part] = []
    for side in (-1, 1):
        guides = [
            fall((0.0, CROWN), side * inner, near, drift=side * dice.uniform(-0.02, 0.1)),
            fall((0.0, CROWN), side * (inner + w) / 2, (near + far) / 2 + 0.05),
            fall((0.0, CROWN), side * w, far, drift=-side * 0.04),
        ]
        sheet = Sheet.through(guides if side > 0 else guides[::-1])
        parts.append(Part(sheet, comb(dice, count, gap=(0.72, 0.92), ragged=0.1, belly=belly)))
    return parts


def _draw_ahoge(canvas: Canvas, turn: Turn, ink: Ink, traits: HairTraits) -> None:
    dice = random.Random(traits.seed + 8)
    for _ in range(traits.ahoge):
        x, reach, height = dice.uniform(-0.15, 0.15), dice.uniform(-0.5, 0.5), dice.uniform(0.25, 0.55)
        spine = np.array(
            [(x, CROWN + 0.05), (x + reach * 0.2, CROWN - height * 0.7), (x + reach, CROWN - height * 0.6)]
        )
        half = np.array([dice.uniform(0.025, 0.06), 0.0])
        sheet = Sheet.through([spine - half, spine + half])
        draw_sheet(canvas, turn, sheet, comb(dice, 1, gap=(0.3, 0.4), belly=1.2), ink, traits.seed + 9)
