"""The hair of one character: traits, and the order in which its parts are drawn."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from kaogae.atelier.backhair import BACKS, Back, Mane
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.fringe import CROWN, FRINGES, Cut, Part, fall
from kaogae.atelier.geometry import Pose
from kaogae.atelier.inking import Gloss, Ink, draw_lock, draw_sheet
from kaogae.atelier.palette import Palette
from kaogae.atelier.strands import Lock, Sheet, Turn, border, comb, joined, turning
from kaogae.atelier.style import Style

FRONT_LIFT, BACK_LIFT = 0.06, -0.4

UNDER = 0.62
"""How far in the side hair begins, so that the fringe always meets it."""

SMOOTH_FRINGES = frozenset({"blunt", "bowl", "rounded", "slicked"})
"""Fringes over which few loose locks lie."""

SIDES: dict[str, tuple[float, float, float, int, float]] = {
    # inner edge, lowest point near the face and at the outside, locks, their belly
    "none": (0.8, 0.0, -0.05, 3, 1.8),
    "short": (0.72, 0.32, 0.2, 3, 1.4),
    "long": (0.7, 1.4, 1.1, 3, 1.6),
    "jaw": (0.74, 0.85, 0.9, 3, 1.5),
    "blunt": (0.66, 0.75, 0.72, 5, 5.0),
    "thin": (0.78, 0.5, 0.05, 4, 1.3),
}
"""How the hair ends before the ears."""


@dataclass(frozen=True)
class HairTraits:
    """One haircut; the same traits draw the same hair, lock for lock."""

    seed: int
    fringe: str
    back: str
    sides: str
    """How the hair ends before the ears: a name in `SIDES`."""
    cut: Cut
    mane: Mane
    ahoge: int
    """Number of hairs that stand up from the crown."""
    loose: float
    """How many locks lie askew over the fringe (0, 1)."""
    flicks: float
    """How many ends stand off the outline (0, 1)."""
    gloss: float
    gloss_height: float
    gloss_kind: Gloss
    back_shade: float
    """How far the hair behind the head lies in the shadow (0, 0.7)."""
    busy: float
    """How many locks have shadows and lines of their own (0, 1)."""
    mirrored: bool

    @classmethod
    def sample(cls, dice: random.Random) -> "HairTraits":
        """A new haircut."""
        back = _pick(dice, {name: weight for name, (weight, _) in BACKS.items()})
        fringe = _pick(dice, {name: weight for name, (weight, _) in FRINGES.items()})
        short = back in ("boyish", "cropped")
        sides = dice.choices(list(SIDES), (6, 3, 0, 0, 0, 1) if short else (1.5, 2, 3, 2, 1.5, 1.5))[0]
        width = min(max(dice.gauss(1.19, 0.08), 1.05), 1.4)
        fineness = dice.random() ** 1.4
        return cls(
            seed=dice.getrandbits(32),
            fringe=fringe,
            back=back,
            sides=sides,
            cut=Cut(dice.uniform(-0.38, -0.08), width, fineness, dice.random(), dice.uniform(-1, 1)),
            mane=Mane(dice.random(), width, fineness, dice.random() ** 2),
            ahoge=dice.choices((0, 1, 2, 3), (0.75, 0.17, 0.05, 0.03))[0],
            loose=dice.random() ** 1.5,
            flicks=max(0.0, dice.uniform(-0.6, 1.0)),
            gloss=0.0 if dice.random() < 0.25 else dice.random(),
            gloss_height=dice.uniform(-0.95, -0.6),
            gloss_kind=dice.choice(("ring", "ring", "streaks", "streaks", "band")),
            back_shade=dice.choice((0.0, dice.uniform(0.1, 0.7))),
            busy=dice.random(),
            mirrored=dice.random() < 0.5,
        )


def _pick(dice: random.Random, weights: dict[str, float]) -> str:
    return dice.choices(list(weights), list(weights.values()))[0]


def draw_back(canvas: Canvas, pose: Pose, palette: Palette, style: Style, traits: HairTraits) -> None:
    """What is behind head and body; drawn first."""
    back = _back(traits)
    turn = _turn(pose, BACK_LIFT, traits)
    ink = _ink(palette, style, traits)
    _draw(canvas, turn, back.behind, ink.darker(traits.back_shade), traits.seed + 1)
    _draw(canvas, turn, back.inner, Ink.inner(palette, style), traits.seed + 2)


def draw_front(canvas: Canvas, pose: Pose, palette: Palette, style: Style, traits: HairTraits) -> None:
    """What falls over shoulders, ears and forehead; drawn after the skin."""
    ink = _ink(palette, style, traits)
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
        if isinstance(part, Part):
            shapes.append(joined([curve + down for curve in border(part.sheet.turned(turn), part.cut)]))
    return "".join(shapes)


def _ink(palette: Palette, style: Style, traits: HairTraits) -> Ink:
    return replace(
        Ink.of(palette, style),
        gloss=traits.gloss,
        gloss_height=traits.gloss_height,
        gloss_kind=traits.gloss_kind,
        busy=traits.busy,
        flipped=traits.mirrored,
    )


def _turn(pose: Pose, lift: float, traits: HairTraits) -> Turn:
    turn = turning(pose, lift)
    flip = np.array([-1.0, 1.0])
    return (lambda p: turn(p * flip)) if traits.mirrored else turn


def _draw(canvas: Canvas, turn: Turn, parts: Sequence[Part | Lock], ink: Ink, seed: int) -> None:
    for number, part in enumerate(parts):
        if isinstance(part, Lock):
            draw_lock(canvas, turn, part, ink, seed + 7 * number)
            continue
        shiny = ink if part.gloss else replace(ink, gloss=0.0)
        draw_sheet(canvas, turn, part.sheet, part.cut, shiny, seed + 7 * number, root_line=part.root_line)


@lru_cache(maxsize=32)
def _back(traits: HairTraits) -> Back:
    return BACKS[traits.back][1](random.Random(traits.seed), traits.mane)


@lru_cache(maxsize=32)
def _fringe(traits: HairTraits) -> list[Part | Lock]:
    dice = random.Random(traits.seed + 5)
    parts = FRINGES[traits.fringe][1](dice, traits.cut)
    count = round(traits.loose * (2 if traits.fringe in SMOOTH_FRINGES else 7))
    sheets = [part.sheet for part in parts if isinstance(part, Part)]
    loose = [_loose(dice, dice.choice(sheets)) for _ in range(count)]
    return [*parts, *loose]


def _loose(dice: random.Random, sheet: Sheet) -> Lock:
    """A lock that lies askew over the others."""
    u, cross = dice.uniform(0.06, 0.94), dice.uniform(-0.13, 0.13)
    v = np.linspace(dice.uniform(0.2, 0.5), dice.uniform(0.86, 1.0), 5)
    spine = sheet.at(u + cross * np.linspace(0, 1, 5) ** 2, v)
    reach = dice.uniform(0.03, 0.1)
    tip = spine[-1] + (np.sign(cross) * reach * dice.uniform(0.2, 1.2), reach)
    return Lock(np.concatenate([spine, tip[None]]), dice.uniform(0.05, 0.17), dice.uniform(0.35, 0.65))


@lru_cache(maxsize=32)
def _sides(traits: HairTraits) -> list[Part | Lock]:
    """The hair over the temples, ending above the ears or running down before them, and locks on it."""
    dice = random.Random(traits.seed + 6)
    parts: list[Part | Lock] = []
    inner, near, far, count, belly = SIDES[traits.sides]
    inner += dice.uniform(-0.03, 0.08)
    near, far = near * dice.uniform(0.8, 1.25), far * dice.uniform(0.8, 1.25)
    w, wave = traits.cut.width, 0.06 * traits.mane.wave
    for side in (-1, 1):
        guides = [
            fall(
                (0.0, CROWN),
                side * UNDER,
                near,
                drift=side * (inner - UNDER + dice.uniform(-0.02, 0.12)),
                curl=side * wave,
            ),
            fall((0.0, CROWN), side * (inner + w) / 2, (near + far) / 2 + 0.05, curl=side * wave),
            fall((0.0, CROWN), side * w, far, drift=-side * 0.06, curl=side * wave),
        ]
        sheet = Sheet.through(guides if side > 0 else guides[::-1])
        parts.append(Part(sheet, comb(dice, count, gap=(0.72, 0.92), ragged=0.12, belly=belly)))
        parts += _side_locks(dice, traits, side, inner, near)
        parts += _flicks(dice, traits, side)
    return parts


def _side_locks(dice: random.Random, traits: HairTraits, side: int, inner: float, end: float) -> list[Lock]:
    """Locks that swing down before the ear."""
    if traits.sides == "blunt" or (traits.sides == "none" and dice.random() < 0.6):
        return []
    locks: list[Lock] = []
    for _ in range(dice.choice((0, 1, 1, 2))):
        x, low = inner + dice.uniform(-0.04, 0.16), max(end * dice.uniform(0.6, 1.15), 0.15)
        swing = dice.uniform(-0.12, 0.14)
        spine = np.array(
            [
                (side * x * 0.8, -0.75),
                (side * (x + 0.04), -0.35),
                (side * (x + 0.05 - 0.3 * swing), 0.3 * low),
                (side * (x + swing * 0.3), 0.7 * low),
                (side * (x + swing), low),
            ]
        )
        locks.append(Lock(spine, dice.uniform(0.07, 0.2), dice.uniform(0.4, 0.65)))
    return locks


def _flicks(dice: random.Random, traits: HairTraits, side: int) -> list[Lock]:
    """Ends that stand off the outline."""
    locks: list[Lock] = []
    for _ in range(round(traits.flicks * dice.uniform(1, 5))):
        y, w = dice.uniform(-0.5, 0.45), traits.cut.width
        edge = w * math.sqrt(max(0.1, 1 - max(0.0, (-0.3 - y) / 1.0) ** 2))
        out, down = dice.uniform(0.05, 0.24), dice.uniform(0.15, 0.4)
        spine = np.array(
            [
                (side * (edge - 0.3), y - 1.3 * down),
                (side * (edge - 0.12), y - 0.5 * down),
                (side * (edge + 0.3 * out), y + 0.2 * down),
                (side * (edge + out), y + 0.5 * down),
            ]
        )
        locks.append(Lock(spine, dice.uniform(0.08, 0.2), 0.45))
    return locks


def _draw_ahoge(canvas: Canvas, turn: Turn, ink: Ink, traits: HairTraits) -> None:
    dice = random.Random(traits.seed + 8)
    for number in range(traits.ahoge):
        x, reach, height = dice.uniform(-0.15, 0.15), dice.uniform(-0.5, 0.5), dice.uniform(0.25, 0.55)
        spine = np.array(
            [
                (x, CROWN + 0.12),
                (x + reach * 0.15, CROWN - height * 0.7),
                (x + reach * 0.6, CROWN - height),
                (x + reach, CROWN - height * 0.6),
            ]
        )
        draw_lock(canvas, turn, Lock(spine, dice.uniform(0.05, 0.12)), ink, traits.seed + 9 + number)
