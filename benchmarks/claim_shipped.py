"""The model that is shipped, for `claim.py`: how it follows the strength, and what the source matters.

Drawn characters that it never saw; each comes with the drawing of what it should have become.
"""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from claim_faces import DRAWN, SEEN, Pixels
from claim_figures import STRIP, following, strip
from claim_judge import Judge, say
from kaogae.atelier import expression as acting
from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.images import from_network, to_network
from kaogae.transfer.model import Generator

Values = NDArray[np.float64]

FIRST = 80_000
"""First seed: below what training draws, and nobody else's."""
STRENGTHS = np.arange(9) / 8
AIMS = tuple(expression for expression in EXPRESSIONS if expression is not Expression.NEUTRAL)
SHOWN = slice(3, 11, 7)
"""Of the characters, the two in the strip: their brows aren't under a fringe."""
SLACK = 0.01
"""Of the whole way; what goes back by less still counts as going on."""


def follow(model: Path | None, characters: int, cores: int, images: Path) -> None:
    """Print the tables, draw the curves and the strip."""
    generator = Generator.load(model, threads=cores)
    jobs = [(FIRST + i, generator.image_size) for i in range(characters)]
    with ProcessPoolExecutor(cores) as pool:
        truths = list(pool.map(_ways, jobs, chunksize=2))
    rows = [_measured(truth, _asked(generator, truth[0, 0])) for truth in truths]
    lines = {name: np.stack([row[name] for row in rows]) for name in rows[0]}  # [characters, 4, 9]
    _print(lines, characters)
    images.mkdir(parents=True, exist_ok=True)
    following(STRENGTHS, {name: line.mean(0) for name, line in lines.items()}, AIMS, images / "strength")
    pairs = [(_asked(generator, truth[0, 0])[:, STRIP], truth[:, STRIP]) for truth in truths[SHOWN]]
    strip(pairs, AIMS, STRENGTHS[STRIP], images / "strength-faces.png")


def by_source(model: Path | None, judged_by: Judge, characters: int, cores: int) -> Values:
    """Share of successes [5, 5], from what the source shows (row) to what is asked for (column)."""
    generator = Generator.load(model, threads=cores)
    jobs = [(FIRST + i, generator.image_size) for i in range(characters)]
    with ProcessPoolExecutor(cores) as pool:
        faces = np.concatenate(list(pool.map(_sources, jobs, chunksize=2)))  # [characters × 5, S, S, 3]
    targets = np.stack([expression.vector() for expression in EXPRESSIONS])
    out = [generator.translate(np.repeat(to_network(face)[None], 5, axis=0), targets)[0] for face in faces]
    said = say(judged_by, _as_judged(from_network(np.concatenate(out)))).reshape(characters, 5, 5)
    return (said == np.arange(5)).mean(0)


def _ways(job: tuple[int, int]) -> Pixels:
    """The character with this seed at this size, [4, 9, S, S, 3]: on its way from neutral to each aim."""
    cv2.setNumThreads(1)
    seed, size = job
    portrait, start = Portrait.from_seed(seed), sample_rig(seed, Expression.NEUTRAL, 1.0)

    def way(aim: Expression) -> Pixels:
        rigs = [start.towards(acting.canonical(aim), float(strength)) for strength in STRENGTHS]
        return np.stack([portrait.render(rig, size) for rig in rigs])

    return np.stack([way(aim) for aim in AIMS])


def _sources(job: tuple[int, int]) -> Pixels:
    """The character with this seed, [5, S, S, 3]: each expression in one of the ways to show it."""
    cv2.setNumThreads(1)
    seed, size = job
    portrait = Portrait.from_seed(seed, roughness=0)
    return np.stack([portrait.render(sample_rig(seed, e, 0.9), size) for e in EXPRESSIONS])


def _asked(generator: Generator, source: Pixels) -> Pixels:
    """The model's way from `source` [S, S, 3] to each aim, [4, 9, S, S, 3]."""
    targets = np.stack([aim.vector(float(strength)) for aim in AIMS for strength in STRENGTHS])
    out, _ = generator.translate(np.repeat(to_network(source)[None], len(targets), axis=0), targets)
    return from_network(out).reshape(len(AIMS), len(STRENGTHS), *source.shape)


def _as_judged(pictures: Pixels) -> Pixels:
    """What the judge knows of [N, S, S, 3]: the same scale and the same middle as its lessons."""
    edge = (DRAWN - SEEN) // 2
    small = [cv2.resize(picture, (DRAWN, DRAWN), interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.stack(small)[:, edge : edge + SEEN, edge : edge + SEEN]


def _measured(truth: Pixels, answer: Pixels) -> dict[str, Values]:
    """One character's lines [4, 9], in shares of what the whole expression changes.

    The strength of a picture is how far it lies on the straight way from the input to the whole drawn
    expression, by least squares; its distance is that to the drawing of the strength that was asked for.
    """
    source = truth[:, :1].astype(np.float64)
    whole = truth[:, -1:] - source
    fade = source + STRENGTHS[None, :, None, None, None] * (answer[:, -1:] - source)
    pictures = {"model": answer, "cross-fade": fade, "drawn": truth, "nothing": source + 0 * fade}

    def along(picture: NDArray[Any]) -> Values:
        return ((picture - source) * whole).sum((2, 3, 4)) / (whole**2).sum((2, 3, 4))

    def apart(picture: NDArray[Any]) -> Values:
        return np.abs(np.asarray(picture, np.float64) - truth).sum((2, 3, 4)) / np.abs(whole).sum((2, 3, 4))

    found = {f"{name} strength": along(picture) for name, picture in pictures.items()}
    return found | {f"{name} distance": apart(picture) for name, picture in pictures.items()}


def _print(lines: dict[str, Values], characters: int) -> None:
    print(f"{characters} drawn characters from neutral, in shares of what the whole expression changes")
    print(f"{'asked for':31}" + "".join(f"{s:7.3f}" for s in STRENGTHS))
    for name, values in lines.items():
        for i, aim in enumerate(AIMS):
            print(f"{name:20}{aim:11}" + "".join(f"{value:7.2f}" for value in values[:, i].mean(0)))
        print(f"{name:20}{'all':11}" + "".join(f"{value:7.2f}" for value in values.mean((0, 1))))
    for name in ("model", "drawn"):
        steps = np.diff(lines[f"{name} strength"], axis=2)  # [characters, 4, 8]
        rising = steps > -SLACK
        print(
            f"{name}: {rising.mean():.3f} of the steps rise, {rising.all(2).mean():.3f} of the ways at every "
            f"step; the largest step is {steps.max(2).mean():.3f} of the whole way, on average"
        )
