"""How continuously a model follows the strength that it's asked for, for `claim.py`."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from claim_figures import following
from kaogae.atelier import expression as acting
from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.images import Picture, from_network, save_picture, to_network
from kaogae.transfer.model import Generator

Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]

FIRST = 80_000
"""First seed: below what training draws, and nobody else's."""
STRENGTHS = np.arange(11) / 10
AIMS = tuple(expression for expression in EXPRESSIONS if expression is not Expression.NEUTRAL)
SLACK = 0.1
"""Grey levels (of 255) by which the mean change may fall at a step that still counts as rising."""
VISIBLE = 8
"""Grey levels by which a pixel must differ between the input and the whole expression to be looked at."""


def drawn(job: tuple[int, int]) -> Pixels:
    """The character with this seed at this size, [4, 11, S, S, 3]: on its way from neutral to each aim."""
    cv2.setNumThreads(1)
    seed, size = job
    portrait, start = Portrait.from_seed(seed), sample_rig(seed, Expression.NEUTRAL, 1.0)

    def way(aim: Expression) -> Pixels:
        rigs = [start.towards(acting.canonical(aim), float(strength)) for strength in STRENGTHS]
        return np.stack([portrait.render(rig, size) for rig in rigs])

    return np.stack([way(aim) for aim in AIMS])


def answers(generator: Generator, source: Pixels) -> Pixels:
    """The same from the model, [4, 11, S, S, 3]."""
    targets = np.stack([aim.vector(float(strength)) for aim in AIMS for strength in STRENGTHS])
    out, _ = generator.translate(np.repeat(to_network(source)[None], len(targets), axis=0), targets)
    return from_network(out).reshape(len(AIMS), len(STRENGTHS), *source.shape)


def measure(model: Path | None, characters: int, cores: int, images: Path) -> None:
    """Print the table, and draw the curve and the strip."""
    generator = Generator.load(model, threads=cores)
    jobs = [(FIRST + i, generator.image_size) for i in range(characters)]
    with ProcessPoolExecutor(cores) as pool:
        truths = list(pool.map(drawn, jobs, chunksize=2))
    rows = [_follow(truth, answers(generator, truth[0, 0])) for truth in truths]
    lines = {name: np.stack([row[name] for row in rows]) for name in rows[0]}  # [characters, 4, 11]
    _print(lines, characters)
    images.mkdir(parents=True, exist_ok=True)
    following(STRENGTHS, {name: v.mean((0, 1)) for name, v in lines.items()}, images / "strength.svg")
    _strip(generator, truths[0], images / "strength-strip.png")


def _follow(truth: Pixels, answer: Pixels) -> dict[str, Values]:
    """Changes and distances [4, 11] of one character, where its drawing changes at all."""
    source = truth[:, :1].astype(np.float64)
    share = STRENGTHS[None, :, None, None, None]
    fade = source + share * (answer[:, -1:] - source)
    where = np.abs(truth[:, -1] - source[:, 0]).max(-1) > VISIBLE  # [4, S, S]

    def mean(a: NDArray[np.generic], b: NDArray[np.generic]) -> Values:
        apart = np.abs(np.asarray(a, np.float64) - b).mean(-1)
        return (apart * where[:, None]).sum((2, 3)) / where.sum((1, 2))[:, None]

    changes = {"model": answer, "cross-fade": fade, "truth": truth}
    found = {f"{name} change": mean(pictures, source) for name, pictures in changes.items()}
    found |= {f"{name} distance": mean(changes[name], truth) for name in ("model", "cross-fade")}
    return found | {"input distance": mean(np.broadcast_to(source, truth.shape), truth)}


def _print(lines: dict[str, Values], characters: int) -> None:
    print(f"{characters} drawn characters, mean over four expressions, grey levels where the drawing changes")
    print(f"{'strength':20}" + "".join(f"{s:7.1f}" for s in STRENGTHS))
    for name, values in lines.items():
        print(f"{name:20}" + "".join(f"{v:7.1f}" for v in values.mean((0, 1))))
    for name in ("model", "truth"):
        steps = np.diff(lines[f"{name} change"], axis=2)  # [characters, 4, 10]
        print(f"\n{name}: each step's share of the whole change, and how many faces rise at every step")
        for i, aim in enumerate(AIMS):
            shares = steps[:, i].mean(0) / lines[f"{name} change"][:, i, -1].mean()
            rising = (steps[:, i] > -SLACK).all(1).mean()
            print(f"  {aim:11}" + "".join(f"{s:7.2f}" for s in shares) + f"   rising {rising:.2f}")
        rising = steps > -SLACK
        print(f"  rising: {rising.mean():.3f} of the steps; {rising.all(2).mean():.3f} of the faces at each")


def _strip(generator: Generator, truth: Pixels, path: Path) -> None:
    """The first character on its way to happy and to surprised: the model's answer above the drawing."""
    answer = answers(generator, truth[0, 0])
    rows: list[Pixels] = []
    for aim in (Expression.HAPPY, Expression.SURPRISED):
        i = AIMS.index(aim)
        rows += [np.concatenate(pictures[i][::2], axis=1) for pictures in (answer, truth)]
    save_picture(Picture.of(np.concatenate(rows)), path)
