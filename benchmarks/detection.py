"""How many faces are found, how exactly, how often where there are none, and how fast.

    python benchmarks/detection.py --sprites ../shared/data/sprites --cascade lbpcascade_animeface.xml

The named alternative is `animeface.detect`, called once on each full-size picture. A face is found if a
finding of 0.80 or more has the middle of its eyes within 0.4 eye distances of the true one, and an eye
distance between 0.6 and 1.6 of the true one. Real sprites are for measuring only.
"""

import argparse
import csv
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from kaogae.atelier import expression as acting
from kaogae.atelier.background import Background
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.drawing import draw
from kaogae.atelier.portrait import Portrait
from kaogae.atelier.render import over, rasterise
from kaogae.atelier.scenes import Scene
from kaogae.expressions import EXPRESSIONS
from kaogae.faces import AnimefaceDetector, Face
from kaogae.faces.cascade import CascadeDetector
from kaogae.faces.look import look
from kaogae.images import read_picture
from kaogae.parallel import parallel_map

Pixels = np.ndarray
Detect = Callable[[Pixels], list[Face]]

CONFIDENCE = 0.8
BUSTS, SCENES, GROUNDS = 50_000, 31_000_000, 32_000_000
"""First seeds; the landmark network learned from those from 20,000,000 on."""
SIDE, UNIT = 480, 100
"""Of head-and-shoulder pictures, and between their eyes, in pixels."""
OPEN = 0.3
"""From this `Rig.eye_open` on, eyes count as open."""


@dataclass
class Sample:
    """A picture, the truth about it, and the group under which it is counted."""

    pixels: Pixels
    eyes: np.ndarray
    """[N, 2, 2]: left and right eye of each face."""
    group: str


@dataclass
class Tally:
    """What one detector did with one group of pictures."""

    pictures: int = 0
    faces: int = 0
    found: int = 0
    wrong: int = 0
    """Findings where no face is."""
    seconds: float = 0.0
    errors: list[float] = field(default_factory=list)
    """Of each eye, in eye distances."""


def once(pixels: Pixels) -> list[Face]:
    """The named alternative: one call on the picture as it is."""
    return look(pixels, np.eye(2, 3), CONFIDENCE)


def with_margin(pixels: Pixels) -> list[Face]:
    """One call on the picture with a margin of an eighth: animeface misses what touches the border."""
    side = max(pixels.shape[:2]) // 8
    framed = cv2.copyMakeBorder(pixels, side, side, side, side, cv2.BORDER_REPLICATE)
    return look(np.asarray(framed, np.uint8), np.array([[1.0, 0, side], [0, 1.0, side]]), CONFIDENCE)


def detectors(cascade: Path | None) -> dict[str, Detect]:
    """By the name in the tables."""
    named: dict[str, Detect] = {
        "animeface, one call": once,
        "… with a margin": with_margin,
        "AnimefaceDetector": AnimefaceDetector(CONFIDENCE).detect,
    }
    if cascade:
        named["lbpcascade"] = CascadeDetector(cascade, CONFIDENCE).detect
    return named


def judge(sample: Sample, faces: list[Face], tally: Tally) -> None:
    """Count `faces` against the truth."""
    tally.pictures += 1
    tally.faces += len(sample.eyes)
    left = list(faces)
    for eyes in sample.eyes:
        hit = next((face for face in left if is_found(face, eyes)), None)
        if hit is not None:
            left.remove(hit)
            tally.found += 1
            distance = np.hypot(*(eyes[1] - eyes[0]))
            apart = np.subtract((hit.left_eye, hit.right_eye), eyes)
            tally.errors += (np.hypot(*apart.T) / distance).tolist()
    tally.wrong += len(left)


def is_found(face: Face, eyes: np.ndarray) -> bool:
    """Whether `face` is the one with these `eyes`."""
    distance = float(np.hypot(*(eyes[1] - eyes[0])))
    apart = np.hypot(*(np.add(face.left_eye, face.right_eye) / 2 - eyes.mean(0)))
    return bool(apart < 0.4 * distance and 0.6 < face.eye_distance / distance < 1.6)


def sprites(folder: Path) -> Iterator[Sample]:
    """Real aligned crops with their landmarks, by label."""
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            places = [point.split(",") for point in row["landmarks"].split(";")[:2]]
            pixels = read_picture(folder / row["file"]).over(255)
            yield Sample(np.ascontiguousarray(pixels), np.array([places], np.float64), row["label"])


def bust(seed: int) -> Sample:
    """A drawn head with shoulders, eyes open or closed."""
    rig = acting.sample(EXPRESSIONS[seed % len(EXPRESSIONS)], 1.0, random.Random(seed))
    portrait = Portrait.from_seed(seed)
    canvas = Canvas()
    portrait.background.draw(canvas, (SIDE, SIDE))
    canvas.open(transform=f"translate({SIDE / 2} {SIDE / 2}) scale({UNIT})")
    draw(portrait.character, rig, portrait.pose, canvas)
    canvas.close()
    drawn = over(rasterise(canvas.svg((0, 0, SIDE, SIDE)), SIDE, SIDE), "#ffffff")
    eyes = np.array([[portrait.landmarks.left_eye, portrait.landmarks.right_eye]]) * UNIT + SIDE / 2
    group = "eyes open" if rig.eye_open >= OPEN else "eyes closed"
    return Sample(portrait.finish.apply(drawn, 2.7 * UNIT), eyes, group)


def scene(seed: int) -> Sample:
    """A drawn illustration of 1024 to 4096 px."""
    drawn = Scene.from_seed(seed, sides=(1024, 4096))
    points = [figure.points() for figure in drawn.figures]
    return Sample(drawn.render(), np.array([[p["left_eye"], p["right_eye"]] for p in points]), "scenes")


def ground(seed: int) -> Sample:
    """A background without anybody, or a part of a scene in which no eye is."""
    none, dice = np.zeros((0, 2, 2)), np.random.default_rng(seed)
    if seed % 3 == 0:
        width, height = dice.integers(300, 900, 2).tolist()
        canvas = Canvas()
        Background.sample(random.Random(seed), white=0).draw(canvas, (width, height))
        return Sample(
            over(rasterise(canvas.svg((0, 0, width, height)), width, height), "#ffffff"), none, "nothing"
        )
    drawn = Scene.from_seed(seed, sides=(512, 1600))
    pixels = drawn.render()
    points = [figure.points() for figure in drawn.figures]
    eyes = np.array([p[name] for p in points for name in ("left_eye", "right_eye")])
    for _ in range(200):
        side = int(dice.uniform(0.15, 0.6) * min(pixels.shape[:2]))
        y, x = (int(dice.integers(0, length - side)) for length in pixels.shape[:2])
        part = np.ascontiguousarray(pixels[y : y + side, x : x + side])
        if part.std() > 8 and not (np.abs(eyes - [x + side / 2, y + side / 2]).max(1) < side / 2 + 8).any():
            return Sample(cv2.resize(part, (480, 480)) if side < 480 else part, none, "nothing")
    return Sample(pixels[:64, :64], none, "nothing")


def measure(cascade: Path | None, job: Callable[[], Sample] | Sample) -> tuple[str, dict[str, Tally]]:
    """What every detector makes of one picture."""
    cv2.setNumThreads(1)
    sample = job() if callable(job) else job
    tallies: dict[str, Tally] = {}
    for name, detect in detectors(cascade).items():
        tallies[name] = Tally()
        start = time.perf_counter()
        faces = detect(sample.pixels)
        tallies[name].seconds = time.perf_counter() - start
        judge(sample, faces, tallies[name])
    return sample.group, tallies


def table(title: str, results: Iterator[tuple[str, dict[str, Tally]]]) -> None:
    """Print what came out, per detector and group, and over all groups."""
    sums: dict[tuple[str, str], Tally] = {}
    for group, tallies in results:
        for name, one in tallies.items():
            for of in (group, "all"):
                add(sums.setdefault((name, of), Tally()), one)
    print(f"\n{title}")
    for name in dict.fromkeys(name for name, _ in sums):
        for (other, group), total in sorted(sums.items()):
            if other == name:
                print(f"  {name:22s} {group:12s} {line(total)}")


def add(total: Tally, one: Tally) -> None:
    for name in ("pictures", "faces", "found", "wrong", "seconds", "errors"):
        setattr(total, name, getattr(total, name) + getattr(one, name))


def line(tally: Tally) -> str:
    """One row's figures."""
    seconds = tally.seconds / tally.pictures
    speed = f"wrong {tally.wrong:3d} in {tally.pictures} pictures; {seconds:6.3f} s a picture"
    if not tally.faces:
        return speed
    exact = "eyes off by {:.3f}, a tenth by {:.3f}".format(*np.percentile(tally.errors or [np.nan], [50, 90]))
    return f"found {tally.found / tally.faces:6.1%} of {tally.faces:3d}; {exact}; {speed}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sprites", type=Path, help="folder of real aligned crops with manifest.csv")
    parser.add_argument("--cascade", type=Path, help="lbpcascade_animeface.xml, to measure it too")
    parser.add_argument("--busts", type=int, default=300)
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--grounds", type=int, default=300)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()

    work = partial(measure, given.cascade)
    for title, jobs in (
        ("real sprites", sprites(given.sprites) if given.sprites else ()),
        ("drawn heads", [partial(bust, BUSTS + i) for i in range(given.busts)]),
        ("no faces", [partial(ground, GROUNDS + i) for i in range(given.grounds)]),
        ("drawn scenes of 1024 to 4096 px", [partial(scene, SCENES + i) for i in range(given.scenes)]),
    ):
        table(title, parallel_map(work, jobs, workers=given.workers))


if __name__ == "__main__":
    main()
