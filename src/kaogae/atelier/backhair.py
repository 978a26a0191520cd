"""Back-hair families: what is seen of the hair behind the head, and what falls over the shoulders."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kaogae.atelier.fringe import CROWN, Part, globe
from kaogae.atelier.geometry import Points
from kaogae.atelier.strands import Sheet, comb, resample


@dataclass(frozen=True)
class Back:
    """Sheets from the hindmost to the foremost, in three depths."""

    behind: list[Part] = field(default_factory=list[Part])
    """Behind the body, drawn first."""
    inner: list[Part] = field(default_factory=list[Part])
    """The hair's inner side behind the neck, darker."""
    before: list[Part] = field(default_factory=list[Part])
    """Over the shoulders, in front of the body but behind the face's own locks."""


@dataclass(frozen=True)
class Mane:
    """The numbers that every family reads."""

    length: float
    """Within the family's own range (0, 1)."""
    width: float
    """Half width of the head with hair (0.95 to 1.2)."""
    fineness: float
    """Fine locks or broad ones (0, 1)."""
    wave: float
    """Amplitude of waves (0, 1)."""


def _locks(dice: random.Random, mane: Mane, least: int, most: int) -> int:
    return max(2, round(least + (most - least) * mane.fineness + dice.uniform(-1, 1)))


def _cape(
    dice: random.Random,
    mane: Mane,
    end: float,
    *,
    flare: float = 0.0,
    tuck: float = 0.0,
    gap: float = 0.8,
    **cut: float,
) -> Part:
    """Hair from the crown down to y = `end` behind the head; `flare` spreads and `tuck` draws in its ends."""
    w = mane.width + 0.03
    xs = (-w, -0.6 * w, 0.0, 0.6 * w, w)
    spread = flare - tuck
    tips = (end - 0.12, end, end - 0.04, end, end - 0.12)
    sheet = globe(
        (0.0, CROWN), xs, tips, (-spread, -0.5 * spread, 0.0, 0.5 * spread, spread), curl=0.07 * mane.wave
    )
    return Part(sheet, comb(dice, _locks(dice, mane, 8, 18), gap=(gap, 0.96), **cut))  # type: ignore[arg-type]


def _inside(dice: random.Random, mane: Mane, end: float, width: float = 0.72) -> Part:
    guides = [
        np.array([(x, -0.3), (x * 1.02, 0.5), (x * 1.05, end)])
        for x in (-width, -0.3 * width, 0.3 * width, width)
    ]
    return Part(Sheet.through(guides), comb(dice, _locks(dice, mane, 5, 9), gap=(0.8, 0.95)), False, False)


def boyish(dice: random.Random, mane: Mane) -> Back:
    """Short, with pointed ends beside the neck."""
    end = 0.35 + 0.35 * mane.length
    return Back(
        [_cape(dice, mane, end, tuck=0.22, gap=0.75, ragged=0.1, belly=1.4)], [_inside(dice, mane, end, 0.55)]
    )


def bob(dice: random.Random, mane: Mane) -> Back:
    """To the jaw, the ends drawn in."""
    end = 0.75 + 0.4 * mane.length
    return Back(
        [_cape(dice, mane, end, tuck=dice.uniform(-0.05, 0.15), gap=0.85, belly=2.2)],
        [_inside(dice, mane, end - 0.05)],
    )


def medium(dice: random.Random, mane: Mane) -> Back:
    """To the shoulders, the ends flicked out."""
    end = 1.1 + 0.5 * mane.length
    return Back(
        [_cape(dice, mane, end, flare=dice.uniform(0.05, 0.3), gap=0.78, ragged=0.1)],
        [_inside(dice, mane, end - 0.1)],
    )


def straight(dice: random.Random, mane: Mane) -> Back:
    """Long and straight."""
    end = 1.9 + 1.6 * mane.length
    return Back(
        [_cape(dice, mane, end, flare=dice.uniform(0.0, 0.4), gap=0.85)], [_inside(dice, mane, end - 0.3)]
    )


def wavy(dice: random.Random, mane: Mane) -> Back:
    """Long, in waves."""
    soft = Mane(mane.length, mane.width * 1.04, mane.fineness, 0.6 + 0.8 * mane.wave)
    end = 1.6 + 1.4 * mane.length
    return Back(
        [_cape(dice, soft, end, flare=dice.uniform(0.1, 0.35), gap=0.6, ragged=0.15)],
        [_inside(dice, soft, end - 0.3)],
    )


def curly(dice: random.Random, mane: Mane) -> Back:
    """A cloud of curls: small round masses that overlap."""
    wide, low = mane.width + 0.05 + 0.15 * mane.length, 0.3 + 0.9 * mane.length
    puffs: list[Part] = []
    count = dice.randint(5, 8)
    for side in (-1, 1):
        for k in range(count):
            y = -0.9 + (low + 0.9) * k / (count - 1)
            x = side * (wide - 0.12 - 0.35 * max(0.0, (-0.4 - y) / 0.6) ** 2 + dice.uniform(-0.05, 0.05))
            radius = dice.uniform(0.2, 0.34)
            puffs.append(cloud(dice, (x, y), radius, radius, dice.randint(6, 9)))
    dice.shuffle(puffs)
    return Back([*puffs, _cape(dice, mane, low * 0.8, tuck=0.1)], [])


def cloud(dice: random.Random, centre: tuple[float, float], rx: float, ry: float, bumps: int) -> Part:
    """A round mass with a scalloped edge: a sheet that fans out from its middle all the way round."""
    angles = np.linspace(0.5 * math.pi, 2.5 * math.pi, 25)
    steps = np.linspace(0.05, 1, 5)[:, None]
    guides = [
        np.array(centre) + steps * np.array([rx * math.cos(a), ry * math.sin(a)]) * dice.uniform(0.97, 1.03)
        for a in angles
    ]
    sheet = Sheet.through(guides, across=65)
    return Part(sheet, comb(dice, bumps, gap=(0.84, 0.9), belly=4.0, ragged=0.05, uneven=0.4), gloss=False)


def tail(
    dice: random.Random, path: Points, breadth: float, locks: int, *, curl: float = 0.0, gloss: bool = False
) -> Part:
    """A gathered tail along `path` [K, 2], `breadth` wide where it is fullest."""
    line = resample(path, 16)
    t = np.linspace(0, 1, 16)
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.hypot(along[:, :1], along[:, 1:]), 1e-9)
    normal = np.column_stack([-along[:, 1], along[:, 0]])
    half = breadth / 2 * (0.3 + 0.7 * np.sin(np.pi * np.minimum(t * 1.1 + 0.05, 1)) ** 0.6)
    line = line + normal * (curl * np.sin(9 * t) * t)[:, None]
    guides = [line - normal * (half * k)[:, None] for k in (1, 0.4, -0.4, -1)]
    ends = comb(dice, locks, gap=(0.6, 0.9), ragged=0.2, belly=1.6)
    return Part(Sheet.through(guides), ends, True, gloss)


def twin_tails(dice: random.Random, mane: Mane) -> Back:
    """Two tails tied high at the sides."""
    y, reach = dice.uniform(-0.95, -0.4), dice.uniform(0.15, 0.5)
    end = 0.8 + 1.6 * mane.length
    tails: list[Part] = []
    for side in (-1, 1):
        path = np.array(
            [
                (side * 0.88, y),
                (side * (1.15 + reach * 0.6), y + 0.15),
                (side * (1.2 + reach), (y + end) / 2),
                (side * (1.15 + reach), end),
            ]
        )
        tails.append(
            tail(
                dice,
                path,
                0.4 + 0.35 * mane.width * dice.random(),
                _locks(dice, mane, 3, 6),
                curl=0.1 * mane.wave,
            )
        )
    return Back([*tails, _cape(dice, mane, 0.5, tuck=0.35, gap=0.8)], [])


def low_tails(dice: random.Random, mane: Mane) -> Back:
    """Two tails tied at the neck that fall over the shoulders."""
    end = 1.5 + mane.length
    tails = [
        tail(
            dice,
            np.array([(s * 0.72, 0.62), (s * 0.98, 0.9), (s * 1.05, 1.2), (s * 0.9, end)]),
            0.45,
            _locks(dice, mane, 3, 5),
            curl=0.08 * mane.wave,
        )
        for s in (-1, 1)
    ]
    return Back([_cape(dice, mane, 0.75, tuck=0.3, gap=0.85)], [_inside(dice, mane, 0.7, 0.6)], tails)


def ponytail(dice: random.Random, mane: Mane) -> Back:
    """One tail tied high behind the head, seen beside it."""
    side = dice.choice((-1, 1))
    x = side * dice.uniform(0.1, 0.6)
    end = 0.4 + 1.6 * mane.length
    path = np.array([(x, -1.2), (x + side * 0.6, -1.4), (x + side * 0.95, -0.6), (x + side * 0.8, end)])
    return Back(
        [tail(dice, path, 0.6, _locks(dice, mane, 3, 6)), _cape(dice, mane, 0.35, tuck=0.3, gap=0.85)]
    )


def side_tail(dice: random.Random, mane: Mane) -> Back:
    """One tail over a shoulder."""
    s = dice.choice((-1, 1))
    end = 1.3 + mane.length
    path = np.array([(s * 0.75, 0.45), (s * 1.05, 0.75), (s * 1.02, 1.1), (s * 0.85, end)])
    return Back(
        [_cape(dice, mane, 0.7, tuck=0.25)],
        [_inside(dice, mane, 0.65, 0.6)],
        [tail(dice, path, 0.55, _locks(dice, mane, 3, 6), curl=0.1 * mane.wave)],
    )


def buns(dice: random.Random, mane: Mane) -> Back:
    """Two round knots on the head, or one."""
    r = dice.uniform(0.26, 0.42)
    places = [(-0.72, -1.05), (0.72, -1.05)] if dice.random() < 0.7 else [(dice.uniform(-0.2, 0.2), -1.45)]
    knots = [cloud(dice, place, r, r, 7) for place in places]
    return Back(
        [*knots, _cape(dice, mane, 0.4 + 0.9 * mane.length, tuck=0.2)], [_inside(dice, mane, 0.4, 0.5)]
    )


def roll(
    dice: random.Random, x: float, y: float, half: float, height: float, tilt: float, round_: float
) -> Part:
    """One turn of a spiral or of a plait: a bulging band from left to right, `tilt` lower on the right."""
    t = np.linspace(-1, 1, 7)
    bow = 0.3 * height * (1 - t**2)
    upper = np.column_stack([x + half * t, y + tilt * t + bow])
    lower = np.column_stack([x + 0.92 * half * t, y + tilt * t + bow + height * (1.15 - 0.35 * t**2)])
    guides = [upper + share * (lower - upper) for share in (0.0, 0.5, 1.0)]
    return Part(Sheet.through(guides[::-1]), comb(dice, 1, gap=(0.9, 0.95), belly=round_), gloss=False)


def drills(dice: random.Random, mane: Mane) -> Back:
    """Tight spirals that hang at both sides."""
    turns, r = dice.randint(4, 7), dice.uniform(0.2, 0.32)
    length = (1.3 + mane.length) / turns
    parts: list[Part] = []
    for side in (-1, 1):
        x, y = side * dice.uniform(0.95, 1.1), dice.uniform(-0.1, 0.35)
        for k in reversed(range(turns)):
            half = r * (0.75 if k == 0 else 1.0 - 0.6 * k / turns)
            parts.append(roll(dice, x, y + k * length, half, length * 1.05, side * length * 0.35, 4.0))
    return Back([_cape(dice, mane, 0.5, tuck=0.3)], [], parts)


def braids(dice: random.Random, mane: Mane) -> Back:
    """Plaits over the shoulders."""
    count, sides = dice.randint(6, 9), (-1, 1) if dice.random() < 0.75 else (dice.choice((-1, 1)),)
    size = dice.uniform(0.13, 0.19)
    parts: list[Part] = []
    for s in sides:
        for k in reversed(range(count)):
            x, y = s * (0.84 + 0.1 * math.sin(k * 0.5)), 0.5 + size * 1.15 * k
            for way in (-1, 1):
                tilt = -way * 0.08
                parts.append(roll(dice, x + way * size * 0.55, y, size * 0.75, size * 1.2, tilt, 2.5))
    return Back([_cape(dice, mane, 0.7, tuck=0.3)], [_inside(dice, mane, 0.65, 0.6)], parts)


def wolf(dice: random.Random, mane: Mane) -> Back:
    """Layered, in spikes that stand off."""
    end = 0.7 + 0.9 * mane.length
    upper = _cape(dice, mane, 0.25, flare=dice.uniform(0.1, 0.3), gap=0.6, ragged=0.3, belly=1.2)
    lower = _cape(dice, mane, end, flare=dice.uniform(0.0, 0.25), gap=0.65, ragged=0.25, belly=1.2)
    return Back([lower, upper], [_inside(dice, mane, end - 0.1, 0.6)])


def cropped(dice: random.Random, mane: Mane) -> Back:
    """Hardly anything: close to the skull."""
    close = Mane(mane.length, 0.9, mane.fineness, 0.0)
    return Back([_cape(dice, close, 0.1, tuck=0.15, gap=0.95)], [])


BACKS: dict[str, tuple[float, Callable[[random.Random, Mane], Back]]] = {
    "boyish": (1.8, boyish),
    "bob": (1.4, bob),
    "medium": (1.4, medium),
    "straight": (1.8, straight),
    "wavy": (1.2, wavy),
    "curly": (0.3, curly),
    "twin tails": (0.9, twin_tails),
    "low tails": (0.5, low_tails),
    "ponytail": (0.7, ponytail),
    "side tail": (0.5, side_tail),
    "buns": (0.4, buns),
    "drills": (0.3, drills),
    "braids": (0.5, braids),
    "wolf": (0.8, wolf),
    "cropped": (0.3, cropped),
}
"""Name: (how often, artist)."""
