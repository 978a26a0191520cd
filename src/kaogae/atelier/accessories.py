"""What is worn on the head: ears of animals, ribbons, pins, glasses, hats, phones, rings."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from kaogae.atelier import headwear
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Pose, ellipse
from kaogae.atelier.palette import Palette
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
    "animal ears": (0.05, -0.3, headwear.animal_ears),
    "bunny ears": (0.01, -0.4, headwear.bunny_ears),
    "horns": (0.015, -0.1, headwear.horns),
    "halo": (0.01, -0.4, headwear.halo),
    "top ribbon": (0.05, -0.2, _top_ribbon),
    "side ribbons": (0.06, -0.25, _side_ribbons),
    "cross pins": (0.05, 0.05, _cross_pins),
    "bars": (0.05, 0.05, _bars),
    "flower": (0.05, 0.05, _flower),
    "star": (0.03, 0.05, _star),
    "band": (0.06, 0.0, headwear.band),
    "maid": (0.03, -0.1, headwear.maid),
    "glasses": (0.07, 0.14, _glasses),
    "beret": (0.015, 0.0, headwear.beret),
    "cap": (0.02, 0.0, headwear.cap),
    "knitted": (0.015, 0.0, headwear.knitted),
    "wide hat": (0.02, 0.0, headwear.wide_hat),
    "headphones": (0.02, -0.1, headwear.headphones),
    "headset": (0.015, 0.0, _headset),
    "earrings": (0.09, -0.1, _earrings),
    "veil": (0.02, 0.0, headwear.veil),
}
"""Name: (chance, lift from the face, artist)."""
