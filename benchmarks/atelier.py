"""How fast the atelier draws on one core, and how many of its faces are found.

    python benchmarks/atelier.py [--faces 500] [--workers 2]

Faces are looked for in head-and-shoulder pictures of 480 px by animeface, which never saw a drawing of ours:
once, and in up to thirteen views. Kaogae's own detector stands beside it, but says less about the drawings,
because its network learned from drawings.
"""

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import animeface
import numpy as np
from PIL import Image, ImageOps

from kaogae.atelier import expression as acting
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.drawing import draw
from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.atelier.render import Pixels, over, rasterise
from kaogae.atelier.rig import Rig
from kaogae.expressions import EXPRESSIONS
from kaogae.faces.detector import AnimefaceDetector
from kaogae.parallel import parallel_map

FIRST_SEED = 50_000
SIDE, UNIT = 480, 100
CONFIDENCE = 0.8
OPEN = 0.3
"""From this `Rig.eye_open` on, eyes count as open."""


@dataclass(frozen=True)
class Outcome:
    """What became of one drawn face."""

    open_eyed: bool
    alone: bool
    """Found by one call of animeface."""
    views: bool
    """Found by animeface in one of several views."""
    detector: bool
    """Found by Kaogae's detector."""


def bust(portrait: Portrait, rig: Rig) -> Pixels:
    """Head and shoulders [SIDE, SIDE, 3], UNIT pixels between the eyes."""
    canvas = Canvas()
    portrait.background.draw(canvas, (SIDE, SIDE))
    canvas.open(transform=f"translate({SIDE / 2} {SIDE / 2}) scale({UNIT})")
    draw(portrait.character, rig, portrait.pose, canvas)
    canvas.close()
    return portrait.finish.apply(
        over(rasterise(canvas.svg((0, 0, SIDE, SIDE)), SIDE, SIDE), "#ffffff"), 2.7 * UNIT
    )


def look_for(seed: int, roughness: float) -> Outcome:
    """Draw the face with this seed and look for it."""
    rig = acting.sample(EXPRESSIONS[seed % len(EXPRESSIONS)], 1.0, random.Random(seed))
    picture = bust(Portrait.from_seed(seed, roughness=roughness), rig)
    found = [face.confidence for face in AnimefaceDetector().detect(picture)]
    return Outcome(
        rig.eye_open >= OPEN,
        alone=is_seen(Image.fromarray(picture)),
        views=any(map(is_seen, views(picture))),
        detector=max(found, default=0) >= CONFIDENCE,
    )


def is_seen(view: Image.Image) -> bool:
    """Whether one call of animeface finds a face."""
    return max((face.likelihood for face in animeface.detect(view)), default=0) >= CONFIDENCE


def views(picture: Pixels) -> Iterator[Image.Image]:
    """With a margin and at several sizes; then in other contrast, mirrored, turned, squeezed."""
    margin = SIDE // 8
    image = Image.fromarray(np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), "edge"))
    sizes = [image.resize((side, side), Image.Resampling.LANCZOS) for side in (320, 640, 1280)]
    yield from sizes
    for view in sizes[:2]:
        yield ImageOps.autocontrast(view, 2)
        yield ImageOps.mirror(view)
        yield view.rotate(15, fillcolor="#808080")
        yield view.rotate(-15, fillcolor="#808080")
        yield view.resize((view.width, round(view.height * 0.86)))


def throughput(faces: int, size: int) -> tuple[float, float]:
    """Faces per second on one core: all five expressions of a character, and a single one of each."""
    start = time.perf_counter()
    for seed in range(faces // len(EXPRESSIONS)):
        portrait = Portrait.from_seed(FIRST_SEED + seed)
        for expression in EXPRESSIONS:
            portrait.render(sample_rig(seed, expression, 1.0), size)
    five = time.perf_counter() - start
    start = time.perf_counter()
    for seed in range(faces):
        portrait = Portrait.from_seed(FIRST_SEED + seed)
        portrait.render(sample_rig(seed, EXPRESSIONS[seed % len(EXPRESSIONS)], 1.0), size)
    return faces / five, faces / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=500, help="open-eyed faces to look for")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--roughness", type=float, default=1.0, help="of the finish; 0 is a clean drawing")
    given = parser.parse_args()

    five, one = throughput(100, 160)
    print(
        f"drawing at 160 px, one core: {five:.1f} faces/s in fives, {one:.1f} one by one ({five / one:.2f} x)"
    )
    seeds = range(FIRST_SEED, FIRST_SEED + round(given.faces * 1.6))
    outcomes = list(parallel_map(partial(look_for, roughness=given.roughness), seeds, workers=given.workers))
    for name, wanted in (("open", True), ("closed", False)):
        group = [outcome for outcome in outcomes if outcome.open_eyed == wanted][: given.faces]
        alone, several, own = (
            sum(getattr(o, how) for o in group) / len(group) for how in ("alone", "views", "detector")
        )
        print(
            f"{name} eyes, {len(group)} faces: one call of animeface finds {alone:.1%} at {CONFIDENCE}, "
            f"animeface in several views {several:.1%}, Kaogae's detector {own:.1%}"
        )


if __name__ == "__main__":
    main()
