"""What is behind a character, in picture pixels."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import ellipse
from kaogae.atelier.palette import hsl, mix, shift

Size = tuple[float, float]
"""Width and height of the picture in pixels."""


@dataclass(frozen=True)
class Background:
    """A kind of background with its colours; the same seed paints the same one at any size."""

    kind: str
    first: str
    second: str
    seed: int

    @classmethod
    def sample(cls, dice: random.Random, *, white: float = 0.45) -> "Background":
        """A new background; `white` is the share of pictures without one, as sprites have."""
        if dice.random() < white:
            return cls("flat", "#ffffff", "#ffffff", 0)
        kind = dice.choices(list(PAINTERS), [weight for weight, _ in PAINTERS.values()])[0]
        hue = dice.random()
        first = hsl(hue, dice.uniform(0.0, 0.7), dice.uniform(0.15, 0.95))
        second = hsl(hue + dice.gauss(0, 0.12), dice.uniform(0.0, 0.7), dice.uniform(0.15, 0.95))
        return cls(kind, first, second, dice.getrandbits(32))

    def draw(self, canvas: Canvas, size: Size) -> None:
        """Paint the whole picture of `size` pixels."""
        PAINTERS[self.kind][1](canvas, size, self, random.Random(self.seed))


def rectangle(x: float, y: float, width: float, height: float) -> str:
    """SVG path data of an upright rectangle."""
    return f"M{x:.2f},{y:.2f}h{width:.2f}v{height:.2f}h{-width:.2f}z"


def _flat(canvas: Canvas, size: Size, ground: Background, _: random.Random) -> None:
    canvas.path(rectangle(0, 0, *size), ground.first)


def _gradient(canvas: Canvas, size: Size, ground: Background, dice: random.Random) -> None:
    angle = dice.uniform(0, 2 * math.pi)
    half = (size[0] / 2 * (1 + math.cos(angle)), size[1] / 2 * (1 + math.sin(angle)))
    fill = canvas.linear(
        half, (size[0] - half[0], size[1] - half[1]), (0, ground.first, 1), (1, ground.second, 1)
    )
    canvas.path(rectangle(0, 0, *size), fill)


def _glow(canvas: Canvas, size: Size, ground: Background, dice: random.Random) -> None:
    centre = (size[0] * dice.uniform(0.2, 0.8), size[1] * dice.uniform(0.1, 0.8))
    fill = canvas.radial(centre, max(size) * 0.8, (0, ground.first, 1), (1, ground.second, 1))
    canvas.path(rectangle(0, 0, *size), fill)


def _bokeh(canvas: Canvas, size: Size, ground: Background, dice: random.Random) -> None:
    _gradient(canvas, size, ground, dice)
    for _ in range(dice.randint(8, 24)):
        radius = min(size) * dice.uniform(0.02, 0.14)
        centre = (size[0] * dice.random(), size[1] * dice.random())
        light = shift(ground.first, lightness=dice.uniform(0.1, 0.4))
        canvas.path(ellipse(centre, radius, radius), light, fill_opacity=f"{dice.uniform(0.1, 0.5):.2f}")


def _sky(canvas: Canvas, size: Size, _ground: Background, dice: random.Random) -> None:
    hue, light = dice.choice(((0.56, 0.65), (0.6, 0.5), (0.06, 0.65), (0.65, 0.18), (0.85, 0.6)))
    top, low = hsl(hue, 0.6, light), hsl(hue - 0.04, 0.5, min(light + 0.28, 0.95))
    canvas.path(rectangle(0, 0, *size), canvas.linear((0, 0), (0, size[1]), (0, top, 1), (1, low, 1)))
    for _ in range(dice.randint(2, 6)):
        x, y, r = (
            size[0] * dice.random(),
            size[1] * dice.uniform(0.05, 0.6),
            min(size) * dice.uniform(0.05, 0.14),
        )
        for _ in range(6):
            centre = (x + r * dice.uniform(-2.2, 2.2), y + r * dice.uniform(-0.4, 0.4))
            puff = r * dice.uniform(0.5, 1.1)
            canvas.path(ellipse(centre, puff * 1.4, puff), mix(low, "#ffffff", 0.8), fill_opacity="0.7")
    if dice.random() < 0.5:
        _hills(canvas, size, dice)


def _hills(canvas: Canvas, size: Size, dice: random.Random) -> None:
    for depth in range(2):
        y = size[1] * (0.62 + 0.15 * depth + dice.uniform(-0.05, 0.05))
        bend = size[1] * dice.uniform(-0.12, 0.12)
        data = f"M0,{y:.1f}Q{size[0] / 2:.1f},{y - bend:.1f} {size[0]:.1f},{y:.1f}V{size[1]:.1f}H0z"
        canvas.path(data, hsl(dice.uniform(0.22, 0.4), 0.35, 0.5 - 0.15 * depth))


def _room(canvas: Canvas, size: Size, ground: Background, dice: random.Random) -> None:
    width, height = size
    floor = height * dice.uniform(0.6, 0.9)
    canvas.path(rectangle(0, 0, width, height), ground.first)
    canvas.path(rectangle(0, floor, width, height - floor), shift(ground.second, lightness=-0.1))
    dark = shift(ground.first, lightness=-0.2)
    for _ in range(dice.randint(1, 3)):
        w, h = width * dice.uniform(0.15, 0.4), height * dice.uniform(0.2, 0.45)
        x, y = width * dice.uniform(-0.1, 0.9), height * dice.uniform(0.02, 0.3)
        pane = canvas.linear((x, y), (x, y + h), (0, ground.second, 1), (1, "#ffffff", 1))
        canvas.path(rectangle(x, y, w, h), pane, line=dark, width=width * 0.012)
        canvas.path(
            f"M{x + w / 2:.1f},{y:.1f}v{h:.1f}M{x:.1f},{y + h / 2:.1f}h{w:.1f}",
            line=dark,
            width=width * 0.008,
        )
    if dice.random() < 0.6:
        shelf = height * dice.uniform(0.1, 0.5)
        canvas.path(rectangle(0, shelf, width * 0.35, height * 0.02), dark)
        for k in range(dice.randint(3, 8)):
            h = height * dice.uniform(0.08, 0.14)
            book = hsl(dice.random(), 0.4, dice.uniform(0.3, 0.7))
            canvas.path(rectangle(width * 0.04 * k, shelf - h, width * 0.035, h), book)


def _stripes(canvas: Canvas, size: Size, ground: Background, dice: random.Random) -> None:
    _flat(canvas, size, ground, dice)
    step, lean = min(size) * dice.uniform(0.05, 0.25), dice.choice((0.0, 0.5, 1.0)) * size[1]
    x = -lean
    while x < size[0]:
        data = f"M{x:.1f},{size[1]:.1f}l{lean:.1f},{-size[1]:.1f}h{step / 2:.1f}l{-lean:.1f},{size[1]:.1f}z"
        canvas.path(data, ground.second)
        x += step


def _dots(canvas: Canvas, size: Size, ground: Background, dice: random.Random) -> None:
    _flat(canvas, size, ground, dice)
    step = min(size) * dice.uniform(0.08, 0.2)
    radius = step * dice.uniform(0.1, 0.35)
    circles = [
        ellipse(((column + 0.5 * (row % 2)) * step, row * step), radius, radius)
        for row in range(math.ceil(size[1] / step) + 1)
        for column in range(math.ceil(size[0] / step) + 1)
    ]
    canvas.path("".join(circles), ground.second)


def _rays(canvas: Canvas, size: Size, ground: Background, dice: random.Random) -> None:
    _flat(canvas, size, ground, dice)
    x, y, far = size[0] * dice.uniform(0.3, 0.7), size[1] * dice.uniform(0.3, 0.6), 2 * max(size)
    count = dice.randint(10, 30)
    for k in range(count):
        a, b = 2 * math.pi * k / count, 2 * math.pi * (k + 0.5) / count
        ends = [(x + far * math.cos(t), y + far * math.sin(t)) for t in (a, b)]
        canvas.path(
            f"M{x:.1f},{y:.1f}L{ends[0][0]:.1f},{ends[0][1]:.1f}L{ends[1][0]:.1f},{ends[1][1]:.1f}z",
            ground.second,
        )


def _shapes(canvas: Canvas, size: Size, ground: Background, dice: random.Random) -> None:
    """Soft blots, as of something far away and out of focus."""
    _gradient(canvas, size, ground, dice)
    for _ in range(dice.randint(5, 14)):
        centre, radius = (
            (size[0] * dice.random(), size[1] * dice.random()),
            min(size) * dice.uniform(0.1, 0.5),
        )
        colour = hsl(dice.random(), dice.uniform(0.0, 0.6), dice.uniform(0.2, 0.9))
        canvas.path(
            ellipse(centre, radius, radius), canvas.radial(centre, radius, (0, colour, 0.7), (1, colour, 0))
        )


Painter = Callable[[Canvas, Size, Background, random.Random], None]
PAINTERS: dict[str, tuple[float, Painter]] = {
    "flat": (3, _flat),
    "gradient": (2, _gradient),
    "glow": (1.5, _glow),
    "bokeh": (1, _bokeh),
    "sky": (1, _sky),
    "room": (1.5, _room),
    "stripes": (0.3, _stripes),
    "dots": (0.3, _dots),
    "rays": (0.2, _rays),
    "blots": (1.5, _shapes),
}
"""Name: (how often, painter)."""
