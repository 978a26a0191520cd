"""What covers or crowns the head: hats, bands, cloth, phones, and the ears and horns of other beings.

Each draws with a pen whose places are in face units on a head that looks straight ahead.
"""

import math

from kaogae.atelier.geometry import ellipse, outline, smooth
from kaogae.atelier.palette import shift
from kaogae.atelier.pen import Pen


def animal_ears(p: Pen) -> None:
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


def bunny_ears(p: Pen) -> None:
    """Long ears that stand up or lean out."""
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


def horns(p: Pen) -> None:
    """A pair of horns."""
    tall, out = p.dice.uniform(0.25, 0.6), p.dice.uniform(0.0, 0.4)
    colour = p.dice.choice(("#3a3036", "#8a2f3c", "#e8dcc4", p.palette.accent))
    p.both(
        [(0.4, -1.05), (0.5 + out, -1.25 - tall * 0.4), (0.55 + out * 0.6, -1.2 - tall)],
        [(0.55 + out * 0.6, -1.2 - tall), (0.72 + out, -1.2 - tall * 0.3), (0.66, -0.95)],
        [(0.66, -0.95), (0.4, -1.05)],
        fill=colour,
    )


def halo(p: Pen) -> None:
    """A ring over the head."""
    centre = p.at([(0.0, -1.55)])[0]
    data = ellipse((float(centre[0]), float(centre[1])), 0.6, 0.14)
    p.canvas.path(data, line="#f4d977", width=0.06)


def band(p: Pen) -> None:
    """A hair band over the top of the head."""
    low, thick = p.dice.uniform(-0.95, -0.75), p.dice.uniform(0.08, 0.16)
    colour = p.dice.choice((p.palette.accent, p.palette.accent, "#f3e3a0", "#222026", "#ffffff"))
    upper = [(-1.02, -0.45), (-0.72, low - 0.02), (0.0, low - 0.22), (0.72, low - 0.02), (1.02, -0.45)]
    p.piece(upper, [(x * 1.0, y - thick) for x, y in reversed(upper)], fill=colour)


def maid(p: Pen) -> None:
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


def beret(p: Pen) -> None:
    """A flat cap that leans to one side."""
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


def cap(p: Pen) -> None:
    """A cap with a peak."""
    colour = p.palette.accent if p.dice.random() < 0.5 else p.palette.cloth
    p.even([(0.0, -1.62), (0.75, -1.45), (1.08, -0.8), (0.6, -0.88), (0.0, -0.92)], colour)
    p.even(
        [(0.0, -0.98), (0.6, -0.95), (1.05, -0.78), (0.7, -0.62), (0.0, -0.55)], shift(colour, lightness=-0.1)
    )


def knitted(p: Pen) -> None:
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


def wide_hat(p: Pen) -> None:
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


def headphones(p: Pen) -> None:
    """Headphones."""
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


def veil(p: Pen) -> None:
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
