"""What is worn on the head: ears of animals, ribbons, pins, glasses, hats, phones, rings."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Pose, ellipse, outline, smooth
from kaogae.atelier.palette import Palette, shift
from kaogae.atelier.pen import Pen
from kaogae.atelier.strands import turning
from kaogae.atelier.style import Style


@dataclass(frozen=True)
class AccessoryTraits:
    """Names of what is worn, and the seed that shapes it."""

    worn: tuple[str, ...]
    seed: int

    @classmethod
    def sample(cls, dice: random.Random) -> "AccessoryTraits":
        """Often nothing, seldom three things."""
        chosen = [name for name, (chance, _, _) in ITEMS.items() if dice.random() < chance]
        dice.shuffle(chosen)
        if sum(name in HEADWEAR for name in chosen) > 1:
            first = next(name for name in chosen if name in HEADWEAR)
            chosen = [name for name in chosen if name not in HEADWEAR or name == first]
        return cls(tuple(chosen[:3]), dice.getrandbits(32))


def draw_behind(
    canvas: Canvas, pose: Pose, palette: Palette, style: Style, traits: AccessoryTraits, chin: float = 1.1
) -> None:
    """What is behind the head; drawn before the back hair."""
    _draw(canvas, pose, palette, style, traits, chin, behind=True)


def draw_front(
    canvas: Canvas, pose: Pose, palette: Palette, style: Style, traits: AccessoryTraits, chin: float = 1.1
) -> None:
    """What is over hair, eyes and ears; drawn last."""
    _draw(canvas, pose, palette, style, traits, chin, behind=False)


def _draw(
    canvas: Canvas,
    pose: Pose,
    palette: Palette,
    style: Style,
    traits: AccessoryTraits,
    chin: float,
    *,
    behind: bool,
) -> None:
    for number, name in enumerate(traits.worn):
        _, lift, draw = ITEMS[name]
        if (name in BEHIND) == behind:
            dice = random.Random(traits.seed + number)
            draw(Pen(canvas, palette, style, dice, turning(pose, lift), chin, 0.3))


def _animal_ears(p: Pen) -> None:
    """Cat, fox, dog or bear."""
    tall, wide = p.dice.uniform(0.35, 0.75), p.dice.uniform(0.28, 0.42)
    x = p.dice.uniform(0.55, 0.72)
    round_ = p.dice.random() < 0.3
    base, hair = -1.0, p.palette.hair
    tip = (x + wide * 0.45, base - tall)
    inner = p.palette.blush if p.dice.random() < 0.6 else p.palette.trim
    for share, colour in ((1.0, hair), (0.6, inner)):
        left, right = (x - wide * share, base - 0.15), (x + wide * share, base + 0.22)
        top = (tip[0], tip[1] + (1 - share) * tall * 0.55)
        if round_:
            p.both(
                [left, (x - wide * share * 0.7, top[1]), top, (right[0], base - tall * 0.3), right],
                [right, left],
                fill=colour,
            )
        else:
            p.both(
                [left, (x - wide * share * 0.25, base - tall * 0.65), top],
                [top, (x + wide * share * 0.85, base - tall * 0.4), right],
                [right, left],
                fill=colour,
            )


def _bunny_ears(p: Pen) -> None:
    tall, lean = p.dice.uniform(0.9, 1.4), p.dice.uniform(-0.1, 0.35)
    for share, colour in ((1.0, p.palette.trim), (0.55, p.palette.blush)):
        w = 0.2 * share
        x, y = 0.38, -1.15 - (1 - share) * 0.3
        top = (x + lean, y - tall * (0.8 + 0.2 * share))
        p.both(
            [(x - w * 0.6, y), (x - w + lean * 0.4, y - tall * 0.5), top],
            [top, (x + w * 1.4 + lean * 0.5, y - tall * 0.45), (x + w * 0.7, y + 0.05)],
            [(x + w * 0.7, y + 0.05), (x - w * 0.6, y)],
            fill=colour,
        )


def _horns(p: Pen) -> None:
    tall, out = p.dice.uniform(0.25, 0.6), p.dice.uniform(0.0, 0.4)
    colour = p.dice.choice(("#3a3036", "#8a2f3c", "#e8dcc4", p.palette.accent))
    p.both(
        [(0.4, -1.05), (0.5 + out, -1.25 - tall * 0.4), (0.55 + out * 0.6, -1.2 - tall)],
        [(0.55 + out * 0.6, -1.2 - tall), (0.72 + out, -1.2 - tall * 0.3), (0.66, -0.95)],
        [(0.66, -0.95), (0.4, -1.05)],
        fill=colour,
    )


def _halo(p: Pen) -> None:
    centre = p.at([(0.0, -1.55)])[0]
    data = ellipse((float(centre[0]), float(centre[1])), 0.6, 0.14)
    p.canvas.path(data, line="#f4d977", width=0.06)


def _top_ribbon(p: Pen) -> None:
    side = p.dice.choice((-1, 0, 1))
    p.bow(
        side * 0.62,
        -1.12 if side else -1.28,
        p.dice.uniform(0.3, 0.6),
        p.palette.accent,
        tails=p.dice.random() < 0.3,
    )


def _side_ribbons(p: Pen) -> None:
    size, y = p.dice.uniform(0.16, 0.3), p.dice.uniform(-0.75, -0.2)
    for side in (-1, 1) if p.dice.random() < 0.6 else (p.dice.choice((-1, 1)),):
        p.bow(side * 1.02, y, size, p.palette.accent)


def _cross_pins(p: Pen) -> None:
    """X-shaped clips."""
    colour, size = p.dice.choice(("#1c1a20", p.palette.accent, "#f0d060")), p.dice.uniform(0.09, 0.16)
    for side in (-1, 1) if p.dice.random() < 0.6 else (p.dice.choice((-1, 1)),):
        x, y = side * p.dice.uniform(0.72, 0.86), p.dice.uniform(-0.55, -0.2)
        for lean in (-1, 1):
            p.seam(
                [(x - size, y - lean * size), (x, y), (x + size, y + lean * size)], colour=colour, width=0.05
            )


def _bars(p: Pen) -> None:
    """Straight slides, two or three in a row."""
    side, colour = p.dice.choice((-1, 1)), p.dice.choice((p.palette.accent, "#f2e6b0", "#ffffff"))
    for k in range(p.dice.randint(1, 3)):
        y = -0.55 + 0.12 * k
        x = side * (0.62 + 0.04 * k)
        p.seam([(x - 0.13, y + side * 0.03), (x, y), (x + 0.13, y - side * 0.03)], colour=colour, width=0.055)


def _flower(p: Pen) -> None:
    side, size = p.dice.choice((-1, 1)), p.dice.uniform(0.12, 0.26)
    x, y = side * p.dice.uniform(0.7, 0.92), p.dice.uniform(-0.75, -0.35)
    petals = p.dice.choice((4, 5, 5, 6, 8))
    for k in range(petals):
        a = 2 * math.pi * k / petals
        p.disc(x + size * 0.62 * math.cos(a), y + size * 0.62 * math.sin(a), size * 0.48, p.palette.accent)
    p.disc(x, y, size * 0.35, "#f4d35e")


def _star(p: Pen) -> None:
    side, size = p.dice.choice((-1, 1)), p.dice.uniform(0.1, 0.2)
    x, y = side * p.dice.uniform(0.62, 0.85), p.dice.uniform(-0.7, -0.4)
    turn = p.dice.uniform(0, 1)
    corners = [
        (x + r * math.cos(turn + math.pi * k / 5), y + r * math.sin(turn + math.pi * k / 5))
        for k in range(10)
        for r in (size if k % 2 else size * 0.45,)
    ]
    p.piece(
        *[[a, b] for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)],
        fill=p.dice.choice(("#f4d35e", p.palette.accent)),
    )


def _band(p: Pen) -> None:
    """A hair band over the top of the head."""
    low, thick = p.dice.uniform(-0.95, -0.75), p.dice.uniform(0.08, 0.16)
    colour = p.dice.choice((p.palette.accent, p.palette.accent, "#f3e3a0", "#222026", "#ffffff"))
    upper = [(-1.02, -0.45), (-0.72, low - 0.02), (0.0, low - 0.22), (0.72, low - 0.02), (1.02, -0.45)]
    p.piece(upper, [(x * 1.0, y - thick) for x, y in reversed(upper)], fill=colour)


def _maid(p: Pen) -> None:
    """A frilled headdress."""
    count = 11
    angles = [math.pi * (0.16 + 0.68 * k / (2 * count)) for k in range(2 * count + 1)]
    inner = [(-0.98 * math.cos(a), -0.1 - 0.95 * math.sin(a)) for a in angles]
    outer = [
        (-(1.14 + 0.09 * (k % 2)) * math.cos(a), -0.1 - (1.18 + 0.12 * (k % 2)) * math.sin(a))
        for k, a in enumerate(angles)
    ]
    p.piece(inner, outer[::-1], fill="#f8f7f5")
    for a, b in list(zip(inner, outer, strict=True))[1::2]:
        p.seam([a, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2), b], weight=0.5)
    p.seam(inner, colour=p.palette.accent, width=0.05)


def _glasses(p: Pen) -> None:
    """Round, square or half-rimmed."""
    kind = p.dice.choice(("round", "round", "square", "half", "thin"))
    w, h = p.dice.uniform(0.31, 0.38), p.dice.uniform(0.24, 0.34)
    thick = {"thin": 0.018, "half": 0.04}.get(kind, p.dice.uniform(0.022, 0.045))
    colour = p.dice.choice(("#17151a", "#17151a", "#5a2230", "#30405a", "#8a6a3a", p.palette.accent))
    y = 0.04
    power = {"round": 2.0, "half": 3.0}.get(kind, 4.0)
    for side in (-1, 1):
        ring = [
            (
                side * 0.5 + w * math.copysign(abs(math.cos(a)) ** (2 / power), math.cos(a)),
                y + h * math.copysign(abs(math.sin(a)) ** (2 / power), math.sin(a)),
            )
            for a in (math.pi + 2 * math.pi * k / 28 for k in range(29))
        ]
        lens = p.at(ring)
        data = "M" + "L".join(f"{a:.3f},{b:.3f}" for a, b in lens) + "Z"
        p.canvas.path(data, "#ffffff", fill_opacity=f"{p.dice.choice((0.0, 0.05, 0.12)):.2f}")
        shown = ring[13:] if kind == "half" and side else ring
        p.seam(shown, colour=colour, width=thick)
        p.seam(
            [(side * (0.5 + w), y - 0.04), (side * 0.9, y - 0.08), (side * 0.98, y - 0.06)],
            colour=colour,
            width=thick,
        )
    p.seam([(-(0.5 - w), y - 0.02), (0.0, y - 0.07), (0.5 - w, y - 0.02)], colour=colour, width=thick)


def _beret(p: Pen) -> None:
    side = p.dice.choice((-1, 1))
    colour = p.dice.choice((p.palette.accent, p.palette.cloth, "#2a2830"))
    p.piece(
        [
            (-side * 0.95, -0.82),
            (-side * 0.9, -1.35),
            (side * 0.3, -1.62),
            (side * 1.25, -1.3),
            (side * 1.1, -0.85),
        ],
        [(side * 1.1, -0.85), (side * 0.3, -1.02), (-side * 0.4, -0.95), (-side * 0.95, -0.82)],
        fill=colour,
    )


def _cap(p: Pen) -> None:
    """A cap with a peak."""
    colour = p.palette.accent if p.dice.random() < 0.5 else p.palette.cloth
    p.even([(0.0, -1.62), (0.75, -1.45), (1.08, -0.8), (0.6, -0.88), (0.0, -0.92)], colour)
    p.even(
        [(0.0, -0.98), (0.6, -0.95), (1.05, -0.78), (0.7, -0.62), (0.0, -0.55)], shift(colour, lightness=-0.1)
    )


def _knitted(p: Pen) -> None:
    """A knitted cap."""
    colour = p.palette.accent
    p.even([(0.0, -1.75), (0.7, -1.55), (1.12, -0.85), (0.0, -1.0)], colour)
    p.even(
        [(0.0, -1.12), (0.7, -1.05), (1.15, -0.9), (1.14, -0.62), (0.6, -0.78), (0.0, -0.83)],
        shift(colour, lightness=0.06),
    )
    for k in range(-4, 5):
        p.seam(
            [
                (0.24 * k, -1.06 + 0.01 * k * k),
                (0.245 * k, -0.92 + 0.012 * k * k),
                (0.25 * k, -0.8 + 0.011 * k * k),
            ],
            weight=0.5,
        )


def _wide_hat(p: Pen) -> None:
    """Straw hat or witch's hat: a broad brim and a crown."""
    straw = p.dice.random() < 0.5
    colour = "#e6cf92" if straw else p.dice.choice(("#2c2638", "#3a2350", p.palette.cloth))
    reach = p.dice.uniform(1.45, 1.9)
    p.even([(0.0, -1.28), (reach * 0.7, -1.16), (reach, -0.78), (reach * 0.6, -0.8), (0.0, -0.86)], colour)
    top = (
        [(0.0, -1.85), (0.6, -1.75), (0.85, -1.0), (0.0, -1.1)]
        if straw
        else [(0.15, -2.7), (0.5, -1.7), (0.85, -1.0), (0.0, -1.1)]
    )
    p.even(top, shift(colour, lightness=0.03))
    p.even([(0.0, -1.25), (0.55, -1.2), (0.84, -1.12), (0.87, -0.98), (0.0, -1.06)], p.palette.accent)


def _headphones(p: Pen) -> None:
    colour = p.dice.choice(("#24222a", p.palette.accent, "#f2f2f2"))
    p.seam(
        [(-1.08, 0.0), (-0.95, -0.85), (0.0, -1.42), (0.95, -0.85), (1.08, 0.0)], colour=colour, width=0.11
    )
    p.both(
        [(0.92, -0.28), (1.14, -0.3), (1.24, 0.05), (1.14, 0.4), (0.92, 0.36)],
        [(0.92, 0.36), (0.86, 0.05), (0.92, -0.28)],
        fill=colour,
    )
    p.both(
        [(1.0, -0.14), (1.12, 0.05), (1.0, 0.24)],
        [(1.0, 0.24), (0.94, 0.05), (1.0, -0.14)],
        fill=p.palette.accent,
    )


def _headset(p: Pen) -> None:
    """A small microphone on one side."""
    side = p.dice.choice((-1, 1))
    p.piece(
        [(side * 0.84, -0.12), (side * 1.02, -0.14), (side * 1.02, 0.24), (side * 0.84, 0.2)],
        [(side * 0.84, 0.2), (side * 0.84, -0.12)],
        fill="#2c2a33",
    )
    p.seam([(side * 0.92, 0.18), (side * 0.82, 0.55), (side * 0.5, 0.72)], colour="#2c2a33", width=0.035)
    p.disc(side * 0.48, 0.72, 0.06, p.palette.accent)


def _earrings(p: Pen) -> None:
    colour, kind = (
        p.dice.choice(("#e8c35a", "#c9ced8", p.palette.accent)),
        p.dice.choice(("stud", "drop", "ring")),
    )
    for side in (-1, 1):
        x, y = side * 0.93, 0.36
        if kind == "stud":
            p.disc(x, y - 0.02, 0.045, colour)
        elif kind == "ring":
            centre = p.at([(x, y + 0.1)])[0]
            p.canvas.path(ellipse((float(centre[0]), float(centre[1])), 0.09, 0.12), line=colour, width=0.03)
        else:
            p.piece(
                [(x, y), (x + 0.07, y + 0.22), (x, y + 0.3)],
                [(x, y + 0.3), (x - 0.07, y + 0.22), (x, y)],
                fill=colour,
            )


def _veil(p: Pen) -> None:
    """Cloth around the whole head; only the face shows."""
    c, colour = (
        p.chin,
        p.dice.choice((p.palette.accent, p.palette.trim, p.palette.cloth, "#ddd7d2", "#2b2a31")),
    )
    top = p.dice.uniform(-0.78, -0.55)
    outer = p.at(
        [
            (0.0, -1.42),
            (0.75, -1.22),
            (1.1, -0.45),
            (1.08, 0.4),
            (1.0, c),
            (1.35, c + 0.8),
            (1.3, c + 1.5),
            (0.0, c + 1.7),
        ]
    )
    left = p.at(
        [
            (-1.3, c + 1.5),
            (-1.35, c + 0.8),
            (-1.0, c),
            (-1.08, 0.4),
            (-1.1, -0.45),
            (-0.75, -1.22),
            (0.0, -1.42),
        ]
    )
    hole = [(0.0, top), (0.52, top + 0.12), (0.8, -0.1), (0.78, 0.4 * c), (0.5, 0.85 * c), (0.0, c + 0.03)]
    hole = [*hole, *((-x, y) for x, y in reversed(hole[1:-1]))]
    data = outline(outer, left) + smooth(p.at(hole), closed=True)
    p.canvas.path(data, colour, line=p.palette.cloth_line, width=p.style.line_width, fill_rule="evenodd")
    dark = shift(colour, lightness=-0.1)
    for side in (-1, 1):
        p.fold(
            [(side * 0.85, 0.3), (side * 0.95, 0.9), (side * 0.5, c + 0.35), (side * 0.72, 0.85 * c)], dark
        )
        p.fold(
            [(side * 0.1, c + 0.2), (side * 0.6, c + 0.5), (side * 1.0, c + 1.2), (side * 0.4, c + 0.7)], dark
        )
        p.seam([(side * 0.72, -0.95), (side * 0.98, -0.3), (side * 0.97, 0.5)], weight=0.7)


HEADWEAR = frozenset(
    {
        "beret",
        "cap",
        "knitted",
        "wide hat",
        "veil",
        "maid",
        "band",
        "animal ears",
        "bunny ears",
        "horns",
        "top ribbon",
        "headphones",
    }
)
"""Things of which only one is worn."""

BEHIND = frozenset({"bunny ears", "halo"})

ITEMS: dict[str, tuple[float, float, Callable[[Pen], None]]] = {
    "animal ears": (0.05, -0.3, _animal_ears),
    "bunny ears": (0.01, -0.4, _bunny_ears),
    "horns": (0.015, -0.1, _horns),
    "halo": (0.01, -0.4, _halo),
    "top ribbon": (0.05, -0.2, _top_ribbon),
    "side ribbons": (0.06, -0.25, _side_ribbons),
    "cross pins": (0.05, 0.05, _cross_pins),
    "bars": (0.05, 0.05, _bars),
    "flower": (0.05, 0.05, _flower),
    "star": (0.03, 0.05, _star),
    "band": (0.06, 0.0, _band),
    "maid": (0.03, -0.1, _maid),
    "glasses": (0.07, 0.14, _glasses),
    "beret": (0.015, 0.0, _beret),
    "cap": (0.02, 0.0, _cap),
    "knitted": (0.015, 0.0, _knitted),
    "wide hat": (0.02, 0.0, _wide_hat),
    "headphones": (0.02, -0.1, _headphones),
    "headset": (0.015, 0.0, _headset),
    "earrings": (0.09, -0.1, _earrings),
    "veil": (0.02, 0.0, _veil),
}
"""Name: (chance, lift from the face, artist)."""
