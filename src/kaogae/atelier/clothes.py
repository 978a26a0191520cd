"""Clothes from the collar down, in face units measured from the chin."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kaogae.atelier.body import HEM, Build, draw_body
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Pose
from kaogae.atelier.palette import Palette, shift
from kaogae.atelier.pen import Pen
from kaogae.atelier.style import Style


@dataclass(frozen=True)
class ClothesTraits:
    """What a character wears."""

    kind: str
    seed: int
    choker: bool

    @classmethod
    def sample(cls, dice: random.Random) -> "ClothesTraits":
        """New clothes."""
        kind = dice.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
        return cls(kind, dice.getrandbits(32), dice.random() < 0.1)


def draw(
    canvas: Canvas,
    pose: Pose,
    palette: Palette,
    style: Style,
    traits: ClothesTraits,
    chin: float,
    neck: float,
) -> None:
    """Draw the clothes over neck and shoulders; the body goes on below the picture's edge.

    Args:
        chin: y of the chin, in face units.
        neck: half width of the neck.
    """
    pen = _pen(canvas, pose, palette, style, traits, chin, neck)
    if traits.choker and traits.kind not in _HIGH:
        _choker(pen)
    KINDS[traits.kind][1](pen)


def draw_behind(
    canvas: Canvas,
    pose: Pose,
    palette: Palette,
    style: Style,
    traits: ClothesTraits,
    chin: float,
    neck: float,
) -> None:
    """What of the clothes is behind the neck."""
    pen = _pen(canvas, pose, palette, style, traits, chin, neck)
    if traits.kind == "hoodie":
        pen.even([(0.0, -0.1), (0.6, -0.05), (0.98, 0.2), (0.95, 0.6), (0.0, 0.8)], palette.cloth_shadow)
    elif traits.kind in ("shirt", "uniform", "sailor"):
        n = neck
        inside = shift(palette.trim, lightness=-0.15)
        pen.even([(0.0, 0.12), (n * 0.9, 0.1), (n * 1.2, 0.3), (0.0, 0.6)], inside)


def _pen(
    canvas: Canvas,
    pose: Pose,
    palette: Palette,
    style: Style,
    traits: ClothesTraits,
    chin: float,
    neck: float,
) -> Pen:
    """A pen whose places are measured from the chin; the body turns only a little with the head."""
    origin = np.array([0.25 * float(pose([(0.0, chin)])[0, 0]), chin])
    return Pen(canvas, palette, style, random.Random(traits.seed), lambda p: p + origin, chin, neck)


def _choker(t: Pen) -> None:
    n = t.neck * 0.98
    height = t.dice.uniform(0.06, 0.14)
    band = [(-n, 0.12), (0.0, 0.18), (n, 0.12)]
    t.piece(
        band, [(x, y + height) for x, y in reversed(band)], fill=t.dice.choice(("#1c1a20", t.palette.accent))
    )


def _collar_wings(t: Pen, fill: str) -> None:
    n = t.neck
    low = t.dice.uniform(0.55, 0.8)
    t.both(
        [(n * 1.02, 0.14), (n * 1.25, 0.34), (n * 1.5, low)],
        [(n * 1.5, low), (0.05, 0.48)],
        [(0.05, 0.48), (n * 0.6, 0.36), (n * 1.02, 0.14)],
        fill=fill,
    )


def _tie(t: Pen) -> None:
    colour = t.palette.accent
    if t.dice.random() < 0.45:
        t.bow(0.0, 0.55, t.dice.uniform(0.18, 0.34), colour)
        return
    t.piece(
        [(-0.06, 0.66), (-0.15, 2.2), (0.0, 2.4), (0.15, 2.2), (0.06, 0.66)],
        [(0.06, 0.66), (-0.06, 0.66)],
        fill=colour,
    )
    t.piece(
        [(-0.1, 0.46), (0.1, 0.46)], [(0.1, 0.46), (0.06, 0.68)], [(0.06, 0.68), (-0.06, 0.68)], fill=colour
    )


def _shirt(t: Pen) -> None:
    """A shirt with its collar, with or without a tie."""
    draw_body(t, [(t.neck * 1.15, 0.28), (t.neck * 0.7, 0.42), (0.0, 0.62)], t.palette.trim)
    t.seam([(0.03, 0.6), (0.03, 2.0), (0.03, 4.0)])
    if t.dice.random() < 0.7:
        _tie(t)
    _collar_wings(t, t.palette.trim)


def _uniform(t: Pen) -> None:
    """A jacket or waistcoat over a shirt."""
    n = t.neck
    build = Build.of(t)
    draw_body(t, [(n * 1.15, 0.28), (n * 0.7, 0.42), (0.0, 0.62)], t.palette.trim, build)
    build.arms(t, t.palette.cloth)
    _tie(t)
    depth = t.dice.uniform(1.2, 2.2)
    right = build.flank(n * 1.25, 0.32)
    t.both(
        right,
        [(build.wide + 0.2, HEM), (0.0, HEM)],
        [(0.0, HEM), (0.02, depth)],
        [(0.02, depth), (n * 0.9, 0.9), (n * 1.25, 0.32)],
        fill=t.palette.cloth,
    )
    lapel = shift(t.palette.cloth, lightness=0.05)
    t.both(
        [(n * 1.25, 0.32), (n * 1.9, 0.75), (n * 1.5, 1.0)],
        [(n * 1.5, 1.0), (0.02, depth)],
        [(0.02, depth), (n * 1.25, 0.32)],
        fill=lapel,
    )
    _collar_wings(t, t.palette.trim)


def _sailor(t: Pen) -> None:
    """The sailor's collar of a school uniform."""
    n, p = t.neck, t.palette
    deep = t.dice.uniform(0.9, 1.2)
    draw_body(t, [(n * 1.2, 0.28), (n * 0.8, 0.6), (0.0, deep)], p.trim)
    edge = t.dice.uniform(0.95, 1.2)
    t.both(
        [(n * 1.08, 0.22), (0.75, 0.36), (edge, 0.62)],
        [(edge, 0.62), (edge * 0.95, 0.95)],
        [(edge * 0.95, 0.95), (0.5, 1.0), (0.0, deep + 0.12)],
        [(0.0, deep + 0.12), (n * 0.75, 0.6), (n * 1.08, 0.22)],
        fill=p.cloth,
    )
    for inset in (0.1, 0.18)[: t.dice.randint(1, 2)]:
        for side in (-1, 1):
            t.seam(
                [
                    (side * (edge - inset), 0.62),
                    (side * (edge * 0.95 - inset), 0.94 - inset),
                    (side * 0.45, 0.97 - inset),
                    (side * inset * 0.6, deep + 0.06 - inset),
                ],
                colour=p.trim,
            )
    t.bow(0.0, deep, t.dice.uniform(0.2, 0.36), p.accent)


def _hoodie(t: Pen) -> None:
    """A hooded jumper; the hood is drawn behind the neck."""
    n, p = t.neck, t.palette
    draw_body(t, [(n * 1.4, 0.24), (n * 1.0, 0.5), (0.0, 0.72)], p.cloth)
    lighter = shift(p.cloth, lightness=0.05)
    t.both(
        [(n * 1.25, 0.1), (n * 1.9, 0.3), (n * 1.5, 0.75), (0.0, 0.95)],
        [(0.0, 0.95), (0.0, 0.68)],
        [(0.0, 0.68), (n * 0.9, 0.45), (n * 1.25, 0.1)],
        fill=lighter,
    )
    for side in (-1, 1):
        t.seam([(side * 0.16, 0.85), (side * 0.2, 1.3), (side * 0.17, 1.8)], colour=p.trim)


def _tee(t: Pen) -> None:
    """A round neckline."""
    n = t.neck
    low = t.dice.uniform(0.45, 0.85)
    neckline = [(n * t.dice.uniform(1.2, 1.9), 0.38), (n * 1.0, low - 0.06), (0.0, low)]
    draw_body(t, neckline, t.palette.cloth)
    border = [(x * 1.03, y + 0.08) for x, y in neckline]
    t.seam([*border, *((-x, y) for x, y in reversed(border[:-1]))])


def _turtleneck(t: Pen) -> None:
    """A collar that hides the neck."""
    n, p = t.neck, t.palette
    top = t.dice.uniform(0.02, 0.14)
    draw_body(t, [(n * 1.3, 0.34), (n * 0.8, 0.44), (0.0, 0.5)], p.cloth)
    t.even(
        [(0.0, top + 0.06), (n * 0.7, top + 0.04), (n * 1.12, top - 0.04), (n * 1.25, 0.38), (0.0, 0.56)],
        p.cloth,
    )
    for k in range(5):
        x = n * (-0.8 + 0.4 * k)
        t.seam([(x, top + 0.14), (x * 1.05, 0.3), (x * 1.1, 0.46)], weight=0.6)


def _camisole(t: Pen) -> None:
    """Bare shoulders and straps, or puffed sleeves."""
    p, build = t.palette, Build.of(t)
    low = t.dice.uniform(0.9, 1.2)
    build.bare(t, low)
    build.dress(t, [(0.0, low + 0.08), (0.3, low), (0.7, low - 0.12), (build.wide - 0.2, low + 0.2)], p.cloth)
    if t.dice.random() < 0.7:
        for side in (-1, 1):
            t.seam([(side * 0.75, low - 0.06), (side * 0.8, 0.7), (side * 0.82, 0.5)], colour=p.cloth)
    else:
        for side in (-1, 1):
            t.piece(
                [(side * 0.8, low), (side * 1.2, 0.7), (side * 1.6, 0.9)],
                [(side * 1.6, 0.9), (side * 1.7, 1.5), (side * 1.1, 1.6), (side * 0.8, low)],
                fill=p.trim,
            )
    for side in (-1, 1):
        t.seam([(side * 0.1, 0.5), (side * 0.4, 0.46), (side * 0.8, 0.44)], weight=0.5)


def _frills(t: Pen) -> None:
    """A ruffled collar with a ribbon."""
    n, p = t.neck, t.palette
    draw_body(t, [(n * 1.15, 0.26), (n * 0.7, 0.36), (0.0, 0.42)], p.cloth)
    ruffles, reach = 9, t.dice.uniform(0.3, 0.5)
    angles = np.linspace(0.08, np.pi - 0.08, 2 * ruffles + 1)
    inner = [(n * 1.1 * np.cos(a), 0.2 + 0.2 * np.sin(a)) for a in angles]
    radius = [1.0 + (0.14 if k % 2 else 0.0) for k in range(len(angles))]
    outer = [
        (r * (n * 1.2 + reach) * np.cos(a), 0.2 + r * (0.24 + reach) * np.sin(a))
        for a, r in zip(angles, radius, strict=True)
    ]
    t.piece(inner, outer[::-1], fill=p.trim)
    for a, b in zip(inner[::2], outer[::2], strict=True):
        t.seam([a, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), b], weight=0.5)
    t.bow(0.0, 0.48, t.dice.uniform(0.2, 0.34), p.accent)


def _kimono(t: Pen) -> None:
    """Two bands that cross."""
    n, p = t.neck, t.palette
    deep = t.dice.uniform(1.3, 1.7)
    draw_body(t, [(n * 1.3, 0.24), (n * 0.9, 0.6), (0.0, deep)], p.cloth)
    for side, colour in ((-1, p.trim), (1, p.accent if t.dice.random() < 0.5 else p.trim)):
        x = side * n
        t.piece(
            [(x * 1.15, 0.12), (x * 1.0, 0.5), (-side * 0.3, deep + 0.3)],
            [(-side * 0.3, deep + 0.3), (-side * 0.15, deep + 0.7)],
            [(-side * 0.15, deep + 0.7), (x * 1.5, 0.7), (x * 1.55, 0.22)],
            [(x * 1.55, 0.22), (x * 1.15, 0.12)],
            fill=colour,
        )


def _armour(t: Pen) -> None:
    """A gorget and shoulder plates."""
    n = t.neck
    steel = t.dice.choice(("#b9c0cc", "#8a8f9c", "#d8c890", "#5a5e6c", t.palette.cloth))
    draw_body(t, [(n * 1.2, 0.26), (n * 0.8, 0.36), (0.0, 0.42)], t.palette.cloth)
    bright = shift(steel, lightness=0.15)
    t.even(
        [(0.0, 0.34), (n * 0.8, 0.26), (n * 1.3, 0.06), (n * 1.6, 0.42), (n * 1.5, 0.75), (0.0, 1.2)], steel
    )
    t.seam([(0.0, 0.34), (0.0, 0.8), (0.0, 1.2)], colour=bright)
    for k in (1, 0):
        y = 0.5 + 0.35 * k
        t.both(
            [(0.85, y), (1.3, y - 0.12), (1.75, y + 0.1)],
            [(1.75, y + 0.1), (1.85, y + 0.55), (1.3, y + 0.5), (0.95, y + 0.4)],
            [(0.95, y + 0.4), (0.85, y)],
            fill=shift(steel, lightness=0.03 * (1 - k)),
        )


def _coat(t: Pen) -> None:
    """A buttoned coat with a standing collar."""
    n, p = t.neck, t.palette
    draw_body(t, [(n * 1.25, 0.26), (n * 0.6, 0.4), (0.0, 0.44)], p.cloth)
    t.both(
        [(n * 1.06, 0.02), (n * 1.3, 0.2), (n * 1.35, 0.45)],
        [(n * 1.35, 0.45), (0.04, 0.6)],
        [(0.04, 0.6), (0.03, 0.34), (n * 0.6, 0.26), (n * 1.06, 0.02)],
        fill=p.cloth,
    )
    t.seam([(0.0, 0.6), (0.02, 2.0), (0.0, 4.0)])
    for k in range(4):
        t.disc(0.12, 0.8 + 0.4 * k, 0.045, p.accent)


def _scarf(t: Pen) -> None:
    """A muffler around the neck."""
    n, p = t.neck, t.palette
    draw_body(t, [(n * 1.3, 0.3), (n * 0.8, 0.44), (0.0, 0.5)], p.cloth)
    top = t.dice.uniform(-0.04, 0.1)
    side = t.dice.choice((-1, 1))
    t.piece(
        [(side * 0.2, 0.5), (side * 0.25, 1.2), (side * 0.2, 2.0)],
        [(side * 0.2, 2.0), (side * 0.6, 2.0)],
        [(side * 0.6, 2.0), (side * 0.62, 1.2), (side * 0.5, 0.5)],
        fill=p.accent,
    )
    t.even([(0.0, top + 0.2), (n * 1.2, top), (n * 1.9, top + 0.12), (n * 1.8, 0.5), (0.0, 0.75)], p.accent)
    for k in (0, 1):
        t.seam([(-n * 1.5, 0.2 + 0.16 * k), (0.0, 0.38 + 0.16 * k), (n * 1.6, 0.24 + 0.14 * k)])


def _bare(t: Pen) -> None:
    """Bare shoulders and collar bones."""
    build, low = Build.of(t), 1.5
    build.bare(t, low)
    for side in (-1, 1):
        t.seam([(side * 0.1, 0.5), (side * 0.4, 0.46), (side * 0.85, 0.42)], weight=0.5)
    build.dress(t, [(0.0, low), (0.7, low - 0.1), (build.wide - 0.2, low + 0.1)], t.palette.cloth)


_HIGH = frozenset({"turtleneck", "scarf", "coat", "armour", "frills"})
"""Kinds that leave no room for a choker."""

KINDS: dict[str, tuple[float, Callable[[Pen], None]]] = {
    "shirt": (1.5, _shirt),
    "uniform": (2.2, _uniform),
    "sailor": (1.6, _sailor),
    "hoodie": (1.0, _hoodie),
    "tee": (1.5, _tee),
    "turtleneck": (0.8, _turtleneck),
    "camisole": (0.8, _camisole),
    "frills": (0.7, _frills),
    "kimono": (0.6, _kimono),
    "armour": (0.5, _armour),
    "coat": (0.7, _coat),
    "scarf": (0.3, _scarf),
    "bare": (0.3, _bare),
}
"""Name: (how often, tailor)."""
