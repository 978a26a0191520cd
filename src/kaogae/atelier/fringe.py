"""Fringe families: the sheets of hair that fall over the forehead, from the hindmost to the foremost."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kaogae.atelier.geometry import Points
from kaogae.atelier.strands import Comb, Lock, Sheet, comb

CROWN = -1.3
"""Height of the hair's crown, in face units, above a skull of which the top is at −1.15."""


@dataclass(frozen=True)
class Part:
    """One sheet of hair with its cut."""

    sheet: Sheet
    cut: Comb
    root_line: bool = True
    """Whether its root is outlined: not where the hair comes out from other hair."""
    gloss: bool = True


@dataclass(frozen=True)
class Cut:
    """What the barber was told; the same numbers serve every family."""

    line: float
    """Height of the fringe's ends (−0.6 to 0): the eyes' middle is 0."""
    width: float
    """Half width of the head with hair (0.95 to 1.2)."""
    fineness: float
    """Fine locks or broad ones (0, 1)."""
    ragged: float
    """How uneven the ends are (0, 1)."""
    sweep: float
    """Towards which side the ends lean (−1, 1)."""


def fall(
    pole: tuple[float, float],
    x: float,
    tip: float,
    *,
    drift: float = 0.0,
    curl: float = 0.0,
    equator: float = -0.3,
    count: int = 14,
) -> Points:
    """One strand from `pole` over the head's curve to breadth `x`, then down to y = `tip`.

    Args:
        drift: how far the tip strays sideways.
        curl: a wave's amplitude, in face units.
        equator: where the head is widest.
    """
    s = np.linspace(0, 1, count)
    y = pole[1] + (tip - pole[1]) * s**1.7
    rise = np.clip((equator - y) / max(equator - pole[1], 1e-6), 0, 1)
    across = pole[0] + (x - pole[0]) * np.sqrt(1 - rise**2) + drift * s**3
    return np.column_stack([across + curl * np.sin(7 * (y - pole[1])) * s**2, y])


def globe(
    pole: tuple[float, float],
    xs: Sequence[float],
    tips: Sequence[float],
    drifts: Sequence[float] | float = 0.0,
    *,
    curl: float = 0.0,
) -> Sheet:
    """Strands from one crown; `xs`, `tips` and `drifts` have one entry per guide."""
    each = drifts if isinstance(drifts, Sequence) else [drifts] * len(xs)
    guides = [
        fall(pole, x, tip, drift=drift, curl=curl) for x, tip, drift in zip(xs, tips, each, strict=True)
    ]
    return Sheet.through(guides)


def _count(dice: random.Random, cut: Cut, least: int, most: int) -> int:
    return max(2, round(least + (most - least) * cut.fineness + dice.uniform(-1, 1)))


def blunt(dice: random.Random, cut: Cut) -> list[Part]:
    """Cut straight across, the locks hardly parted."""
    w, y = 0.8, cut.line
    sheet = globe((0.0, CROWN), (-w, -0.4, 0.0, 0.4, w), (y + 0.12, y + 0.02, y, y + 0.02, y + 0.12))
    ends = comb(
        dice,
        _count(dice, cut, 5, 16),
        gap=(0.8, 0.97),
        ragged=0.02 + 0.04 * cut.ragged,
        belly=dice.uniform(3, 6),
    )
    return [Part(sheet, ends)]


def pointed(dice: random.Random, cut: Cut) -> list[Part]:
    """Straight down in pointed locks."""
    w, y = 0.8, cut.line
    sheet = globe(
        (0.0, CROWN),
        (-w, -0.4, 0.0, 0.4, w),
        (y + 0.3, y + 0.08, y, y + 0.08, y + 0.3),
        [d + 0.1 * cut.sweep for d in (0.04, 0.03, 0.0, -0.03, -0.04)],
    )
    ends = comb(
        dice, _count(dice, cut, 5, 11), gap=(0.68, 0.92), ragged=0.12 * cut.ragged, lean=0.5 * cut.sweep
    )
    return [Part(sheet, ends)]


def swept(dice: random.Random, cut: Cut) -> list[Part]:
    """Combed from a crown on one side towards the other."""
    y = cut.line
    sheet = globe(
        (-0.42, CROWN + 0.04),
        (-0.86, -0.62, -0.1, 0.42, 0.88),
        (y + 0.25, y - 0.12, y + 0.02, y + 0.08, y + 0.42),
        (-0.05, 0.1, 0.2, 0.22, 0.02),
    )
    ends = comb(dice, _count(dice, cut, 5, 10), gap=(0.7, 0.93), ragged=0.1 * cut.ragged, lean=0.7, belly=1.5)
    return [Part(sheet, ends)]


def _curtains(
    dice: random.Random, cut: Cut, part: float, opening: float, inner: float, outer: float, curl: float
) -> list[Part]:
    """Two sheets that fall to both sides of a parting at x = `part`."""
    sheets: list[Part] = []
    for side in (-1, 1):
        near = part + side * opening
        guides = [
            fall((part, -0.78), near, inner, drift=side * 0.12, curl=side * curl, equator=-0.35),
            fall((part, -1.0), part + side * (opening + 0.22), (inner + outer) / 2, curl=side * curl),
            fall((part, -1.2), side * 0.78, outer, curl=side * curl),
            fall((part, CROWN), side * 0.92, outer + 0.1, curl=side * curl),
        ]
        sheet = Sheet.through(guides if side > 0 else guides[::-1])
        ends = comb(
            dice,
            _count(dice, cut, 3, 6),
            gap=(0.7, 0.93),
            ragged=0.1 * cut.ragged,
            lean=0.5 * side,
            belly=1.7,
        )
        sheets.append(Part(sheet, ends))
    return sheets


def centre_part(dice: random.Random, cut: Cut) -> list[Part]:
    """Parted in the middle, the forehead showing."""
    return _curtains(dice, cut, 0.0, dice.uniform(0.25, 0.45), cut.line + 0.05, 0.3, 0.0)


def side_part(dice: random.Random, cut: Cut) -> list[Part]:
    """Parted at one side."""
    return _curtains(dice, cut, dice.uniform(-0.45, -0.2), dice.uniform(0.3, 0.45), cut.line + 0.05, 0.3, 0.0)


def curtain(dice: random.Random, cut: Cut) -> list[Part]:
    """Long parted locks that swing in and out again beside the cheeks."""
    return _curtains(
        dice,
        cut,
        dice.uniform(-0.15, 0.15),
        dice.uniform(0.62, 0.72),
        cut.line + 0.6,
        0.8,
        dice.uniform(0.02, 0.05),
    )


def m_shape(dice: random.Random, cut: Cut) -> list[Part]:
    """A tuft between the eyes and a group over each temple."""
    y = cut.line
    sheet = globe(
        (0.0, CROWN),
        (-0.84, -0.58, -0.3, 0.0, 0.3, 0.58, 0.84),
        (y + 0.5, y + 0.12, y - 0.16, y + 0.16, y - 0.16, y + 0.12, y + 0.5),
        (0.0, 0.06, 0.12, 0.04, -0.12, -0.06, 0.0),
    )
    ends = comb(dice, _count(dice, cut, 5, 9), gap=(0.66, 0.88), ragged=0.1 * cut.ragged, uneven=0.3)
    return [Part(sheet, ends)]


def spiky(dice: random.Random, cut: Cut) -> list[Part]:
    """Few broad locks that end in thorns."""
    y = cut.line
    sheet = globe(
        (0.12, CROWN),
        (-0.9, -0.5, -0.05, 0.42, 0.9),
        (y + 0.35, y + 0.05, y + 0.12, y, y + 0.35),
        [d + 0.14 * cut.sweep for d in (-0.06, -0.05, 0.04, 0.08, 0.06)],
    )
    ends = comb(
        dice,
        _count(dice, cut, 4, 8),
        gap=(0.55, 0.85),
        ragged=0.25 * cut.ragged,
        lean=0.6 * cut.sweep,
        belly=dice.uniform(1.0, 1.4),
    )
    return [Part(sheet, ends)]


def wispy(dice: random.Random, cut: Cut) -> list[Part]:
    """Thin, deeply parted strands."""
    y = cut.line + 0.06
    sheet = globe((0.05, CROWN), (-0.78, -0.4, 0.0, 0.4, 0.78), (y + 0.3, y, y - 0.03, y, y + 0.3))
    ends = comb(
        dice,
        _count(dice, cut, 9, 18),
        gap=(0.55, 0.9),
        ragged=0.25,
        lean=0.3 * cut.sweep,
        uneven=0.9,
        belly=1.3,
    )
    return [Part(sheet, ends)]


def one_eye(dice: random.Random, cut: Cut) -> list[Part]:
    """Parted far to one side, the other side's locks reaching over an eye."""
    y = cut.line
    deep = dice.uniform(0.0, 0.3)
    left = Sheet.through(
        [fall((-0.35, CROWN), -0.9, y + 0.4), fall((-0.35, -0.85), -0.62, y + 0.2, drift=-0.05)]
    )
    right = Sheet.through(
        [
            fall((-0.35, -0.82), -0.1, y + 0.1, drift=0.15),
            fall((-0.35, -1.0), 0.3, y + deep * 0.7, drift=0.12),
            fall((-0.35, -1.15), 0.62, y + deep + 0.2, drift=0.05),
            fall((-0.35, CROWN), 0.92, y + deep + 0.45),
        ]
    )
    return [
        Part(left, comb(dice, 3, gap=(0.75, 0.92), ragged=0.1, lean=-0.4)),
        Part(right, comb(dice, _count(dice, cut, 4, 8), gap=(0.7, 0.93), ragged=0.08, lean=0.5, belly=1.5)),
    ]


def messy(dice: random.Random, cut: Cut) -> list[Part]:
    """Two layers of short locks that lie across one another."""
    y = cut.line
    lower = globe((0.1, CROWN), (-0.85, -0.3, 0.3, 0.85), (y + 0.3, y, y, y + 0.3), (0.1, 0.15, 0.12, 0.0))
    upper = globe(
        (-0.1, CROWN),
        (-0.8, -0.3, 0.3, 0.8),
        (y + 0.1, y - 0.12, y - 0.12, y + 0.1),
        (0.0, -0.15, -0.15, -0.1),
    )
    return [
        Part(lower, comb(dice, _count(dice, cut, 5, 9), gap=(0.6, 0.9), ragged=0.15, lean=0.4, belly=1.4)),
        Part(upper, comb(dice, _count(dice, cut, 4, 8), gap=(0.55, 0.85), ragged=0.2, lean=-0.5, belly=1.4)),
    ]


def tuft(dice: random.Random, cut: Cut) -> list[Part | Lock]:
    """A pointed fringe and long locks between the eyes."""
    parts: list[Part | Lock] = [*pointed(dice, cut)]
    for _ in range(dice.choice((1, 1, 2))):
        x, low = dice.uniform(-0.2, 0.2), cut.line + dice.uniform(0.2, 0.5)
        bend = dice.uniform(-0.15, 0.15)
        spine = np.array(
            [(x * 0.4, -1.1), (x + bend, -0.7), (x + 1.2 * bend, low - 0.3), (x + 0.3 * bend, low)]
        )
        parts.append(Lock(spine, dice.uniform(0.08, 0.2), dice.uniform(0.4, 0.6)))
    return parts


def rounded(dice: random.Random, cut: Cut) -> list[Part]:
    """Short curls: a scalloped edge."""
    y = cut.line - 0.1
    sheet = globe(
        (0.0, CROWN), (-0.84, -0.42, 0.0, 0.42, 0.84), (y + 0.4, y + 0.05, y, y + 0.05, y + 0.4), curl=0.02
    )
    return [Part(sheet, comb(dice, _count(dice, cut, 5, 9), gap=(0.82, 0.92), belly=5.0, ragged=0.06))]


def bowl(dice: random.Random, cut: Cut) -> list[Part]:
    """Rounded like a helmet, in one piece."""
    y = cut.line
    sheet = globe((0.0, CROWN), (-0.88, -0.5, 0.0, 0.5, 0.88), (y + 0.5, y + 0.12, y, y + 0.12, y + 0.5))
    return [Part(sheet, comb(dice, _count(dice, cut, 12, 22), gap=(0.96, 1.0), belly=4.0, ragged=0.01))]


def slicked(dice: random.Random, cut: Cut) -> list[Part]:
    """Combed back from the hairline; the whole forehead shows."""
    low = dice.uniform(-0.78, -0.62)
    peak = dice.uniform(-0.05, 0.12)
    w = 0.86
    hairline = (
        (-w, 0.0),
        (-0.72, low * 0.62),
        (-0.42, low),
        (0.0, low + peak),
        (0.42, low),
        (0.72, low * 0.62),
        (w, 0.0),
    )
    guides = [
        np.array([(0.15 * x, CROWN), (0.75 * x + 0.1 * np.sign(x), (y + CROWN * 1.6) / 2.6), (x, y)])
        for x, y in hairline
    ]
    return [
        Part(
            Sheet.through(guides),
            comb(dice, _count(dice, cut, 9, 14), gap=(0.97, 1.0), belly=3.0, ragged=0.02),
        )
    ]


FRINGES: dict[str, tuple[float, Callable[[random.Random, Cut], Sequence[Part | Lock]]]] = {
    "blunt": (1.2, blunt),
    "pointed": (1.5, pointed),
    "swept": (1.3, swept),
    "centre part": (0.9, centre_part),
    "side part": (1.0, side_part),
    "curtain": (0.8, curtain),
    "m-shape": (1.2, m_shape),
    "spiky": (0.9, spiky),
    "wispy": (0.9, wispy),
    "one eye": (0.3, one_eye),
    "messy": (1.0, messy),
    "tuft": (1.0, tuft),
    "rounded": (0.4, rounded),
    "bowl": (0.4, bowl),
    "slicked": (0.5, slicked),
}
"""Name: (how often, artist)."""
