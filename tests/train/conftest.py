"""A small frozen set and a cache of drawings that the tests of this room share."""

from pathlib import Path

import pytest

from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.dataset import FaceSet, freeze, load
from kaogae.expressions import EXPRESSIONS
from kaogae.images import Picture, save_picture


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    folder = tmp_path_factory.mktemp("faces")
    for seed, expression in enumerate(EXPRESSIONS):
        (folder / "pictures" / expression).mkdir(parents=True)
        pixels = Portrait.from_seed(seed).render(sample_rig(seed, expression, 1.0), 64)
        save_picture(Picture.of(pixels), folder / "pictures" / expression / f"{seed}.png")
    report = freeze("five", [folder / "pictures"], folder / "sets", size=64)
    return load(report.path)
