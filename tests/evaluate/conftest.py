"""Drawn characters to be translated, and the generators of which theory says what each measure must find."""

from collections.abc import Callable

import numpy as np
import pytest

from kaogae.evaluate.inputs import Inputs, drawn

SIDE = 96


@pytest.fixture(scope="session")
def inputs() -> Inputs:
    """Ten drawn characters of `SIDE` pixels, each expression twice among them."""
    return drawn(10, seed=3, size=SIDE, workers=1)


@pytest.fixture(scope="session")
def answers(inputs: Inputs) -> Callable[[str], np.ndarray]:
    """What a generator makes of `inputs`, [N, 5, S, S, 3], by what it does."""
    unchanged = np.repeat(inputs.pixels[:, None], 5, axis=1)
    others = np.roll(unchanged, 1, axis=0)
    noise = np.random.default_rng(0).normal(0, 40, unchanged.shape)
    mouth = inputs.masks[:, None, 2, ..., None]
    known = {
        "copies its input": unchanged,
        "returns another character": others,
        "returns another character as asked": np.roll(inputs.truths, 1, axis=0),
        "returns the truth": inputs.truths,
        "adds noise": np.clip(np.rint(unchanged + noise), 0, 255).astype(np.uint8),
        "moves the mouth only": np.where(mouth, inputs.truths, unchanged),
    }
    return known.__getitem__
