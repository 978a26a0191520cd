"""Workspaces with collected pictures, for the tests of faces in bulk."""

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


def as_png(pixels: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


@pytest.fixture(scope="session")
def portraits() -> list[np.ndarray]:
    """Twelve drawn pictures of 280 pixels with one face each, two of each of six characters."""
    from kaogae.atelier.portrait import Portrait, sample_rig
    from kaogae.expressions import Expression

    return [
        Portrait.from_seed(seed, roughness=0.3).render(sample_rig(seed, expression, 0.9), 200, 40)
        for seed in range(100, 106)
        for expression in (Expression.HAPPY, Expression.SURPRISED)
    ]


@pytest.fixture
def collected(tmp_path: Path) -> Callable[..., Any]:
    """Put pictures into a workspace as `kaogae collect` does; the workspace."""
    from kaogae.catalog import Picture, Workspace

    def put(pictures: list[Any], folder: str = "data", site: str = "test", url: str | None = None) -> Any:
        """`pictures`: arrays, files' contents, or dictionaries with `content` and columns of the row."""
        workspace = Workspace(tmp_path / folder, url)
        opened = workspace.open()
        with opened.session() as session:
            for number, given in enumerate(pictures):
                row = dict(given) if isinstance(given, dict) else {"content": given}
                content = row.pop("content")
                data = content if isinstance(content, bytes) else as_png(content)
                digest = hashlib.sha256(data).hexdigest()
                path = workspace.pictures / site / digest[:2] / f"{digest}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                file = path.relative_to(workspace.folder).as_posix()
                session.add(
                    Picture(**{"site": site, "post": f"{number}", "sha256": digest, "file": file} | row)
                )
        opened.close()
        return workspace

    return put
