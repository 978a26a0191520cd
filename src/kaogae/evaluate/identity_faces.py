"""Drawn characters to learn identity from, each again and again in other ways, and others to be tested on.

What stays the same is the character alone: expression, pose, background and finish (light, blur, grain,
compression) change from picture to picture. And each character has a sibling that shares some of its traits
and all of that: only by looking at the character can the two be told apart.
"""

import random
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.atelier.background import Background
from kaogae.atelier.character import Character
from kaogae.atelier.finish import Finish
from kaogae.atelier.portrait import Portrait, sample_pose, sample_rig
from kaogae.errors import UsageError
from kaogae.expressions import EXPRESSIONS
from kaogae.parallel import parallel_map

LEARNED_SEEDS = range(100_000, 200_000)
"""Characters that the shipped network learned from."""
HELD_OUT_SEEDS = range(200_000, 300_000)
"""Characters that it is tested on."""

MOST = 20_000
"""Characters to learn from, for which 2 GB of memory are needed."""
SIZE = 96
"""Side of the pictures in pixels."""
TAKES = 4
"""Pictures of each character, each with another expression."""
CLEARLY = (0.4, 1.0)
"""How strongly expressions are shown."""

TRAITS = (("hair",), ("palette",), ("eyes",), ("look", "face", "nose", "brows", "mouth"))
"""What siblings share or don't: hair, colours, eyes, and the shape of the face with all in it."""

Pixels = NDArray[np.uint8]


def draw_families(
    characters: int,
    seed: int = 0,
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Pixels:
    """[characters / 2, 2, TAKES, SIZE, SIZE, 3] RGB: of each family a character and its sibling.

    Both are alike in each take in everything that isn't the character: expression, pose, background, finish.

    Args:
        workers: processes; None takes one per processor.
        progress: called with the number of families that are drawn.

    Raises:
        UsageError: fewer than four characters, or too many.
    """
    if not 4 <= characters <= MOST or characters % 2:
        raise UsageError(
            f"Identity is learned from an even number of characters, 4 to {MOST:,}, not {characters:,}."
        )
    seeds = random.Random(f"kaogae identity {seed}").sample(LEARNED_SEEDS, characters)
    families = np.empty((characters // 2, 2, TAKES, SIZE, SIZE, 3), np.uint8)
    pairs = list(zip(seeds[::2], seeds[1::2], strict=True))
    drawn = parallel_map(_family, pairs, workers=workers, chunk=4, progress=progress)
    for place, family in zip(families, drawn, strict=True):
        place[:] = family
    return families


def draw_held_out(
    characters: int, *, workers: int | None = None, progress: Callable[[int], None] | None = None
) -> Pixels:
    """[characters, 4, SIZE, SIZE, 3] RGB, of each held-out character: a picture; the same with another
    expression; a third expression in another pose, before another background, with another finish; and the
    first picture of a sibling.

    Raises:
        UsageError: fewer than two characters, or more than there are.
    """
    if not 2 <= characters <= len(HELD_OUT_SEEDS) // 2:
        raise UsageError(f"Identity is tested on 2 to {len(HELD_OUT_SEEDS) // 2:,} characters.")
    drawn = parallel_map(
        _held_out, HELD_OUT_SEEDS[: 2 * characters : 2], workers=workers, chunk=4, progress=progress
    )
    return np.stack(list(drawn))


def _family(seeds: tuple[int, int]) -> Pixels:
    cv2.setNumThreads(1)  # processes are the parallelism here
    first, second = seeds
    dice = random.Random(f"kaogae {first} {second} family")
    character = Character.from_seed(first)
    both = character, sibling(character, Character.from_seed(second), dice)
    shown = dice.sample(EXPRESSIONS, TAKES)
    rigs = [sample_rig(first, shown[take], dice.uniform(*CLEARLY), take) for take in range(TAKES)]
    return np.stack(
        [
            [_posed(one, first, take).render(rig, SIZE) for take, rig in enumerate(rigs)]
            for one in both
        ]
    )  # fmt: skip


def _held_out(seed: int) -> Pixels:
    cv2.setNumThreads(1)
    dice = random.Random(f"kaogae {seed} held out")
    portrait = Portrait.from_seed(seed)
    rigs = [
        sample_rig(seed, expression, dice.uniform(*CLEARLY)) for expression in dice.sample(EXPRESSIONS, 3)
    ]
    other = sibling(portrait.character, Character.from_seed(seed + 1), dice)
    return np.stack(
        [
            portrait.render(rigs[0], SIZE),
            portrait.render(rigs[1], SIZE),
            _posed(portrait.character, seed, 1).render(rigs[2], SIZE),
            replace(portrait, character=other).render(rigs[0], SIZE),
        ]
    )


def sibling(character: Character, other: Character, dice: random.Random) -> Character:
    """`character` with one, two or three of the four `TRAITS` of `other`."""
    taken = dice.sample(TRAITS, dice.randint(1, len(TRAITS) - 1))
    return replace(character, **{name: getattr(other, name) for names in taken for name in names})


def _posed(character: Character, seed: int, take: int) -> Portrait:
    """The character in a picture of its own."""
    dice = random.Random(f"kaogae {seed} identity {take}")
    return Portrait(character, sample_pose(dice), Background.sample(dice), Finish.sample(dice))
