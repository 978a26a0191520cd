"""What the tests of this room share: the published weights, random ones, and a small workspace."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from kaogae.catalog import Catalog, Face, Picture, Workspace
from kaogae.faces.crops import save_crop
from kaogae.upscale import Carn


@pytest.fixture(scope="session")
def carn_m(shared: Path) -> Path:
    """The published weights of CARN-M."""
    return shared / "weights" / "carn_m.pth"


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as the published one, with random values: for what doesn't depend on them."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(Carn(light=True, groups=4).state_dict(), path)
    return path


@pytest.fixture
def add_face() -> Callable[..., Path]:
    """Put a crop of so many pixels into the workspace and its row into the catalogue; gives the file."""

    def add(workspace: Workspace, catalog: Catalog, size: int, **about: object) -> Path:
        with catalog.session() as session:
            number = session.query(Face).count()
            y, x = np.mgrid[:size, :size]
            wave = np.sin((x + number) / 3)[..., None] + np.cos(y / (4, 5, 6)[number % 3])[..., None]
            crop = np.repeat((127 + 60 * wave).astype(np.uint8), 3, axis=2)
            digest = save_crop(crop, workspace.folder)
            row = {
                "number": 0,
                "site": "danbooru",
                "box": [0.0, 0.0, 1.0, 1.0],
                "landmarks": {},
                "confidence": 0.9,
                "detector": "animeface",
                "matrix": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
                "side": float(size),
                "size": size,
                "file": f"faces/{digest[:2]}/{digest}.png",
                "pixels_sha256": digest,
            }
            picture = Picture(site="danbooru", post=str(number), state="searched")
            session.add(Face(picture=picture, **(row | about)))
        return workspace.folder / str(row["file"])

    return add


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "data")


@pytest.fixture
def rgb() -> Callable[[Path], np.ndarray]:
    """The pixels of a file."""
    return lambda path: np.asarray(Image.open(path).convert("RGB"))
