"""A workspace with drawn faces for people to look at."""

import hashlib
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from kaogae.atelier.expression import canonical
from kaogae.atelier.portrait import Portrait
from kaogae.catalog import Catalog, Face, Picture, Workspace
from kaogae.expressions import EXPRESSIONS, Expression

SIDE = 160


@cache
def drawn_face(number: int) -> tuple[bytes, str, Expression]:
    """PNG, hash of its pixels, expression: the same character shows all five in turn."""
    expression = EXPRESSIONS[number % 5]
    pixels = Portrait.from_seed(number // 5, roughness=0).render(canonical(expression), SIDE)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue(), hashlib.sha256(pixels.tobytes()).hexdigest(), expression


def fill(workspace: Workspace, catalog: Catalog, count: int) -> list[int]:
    """Add `count` drawn faces with the right labels, as `collect` and `faces` would; gives their rows."""
    with catalog.session() as session:
        for number in range(count):
            data, digest, expression = drawn_face(number)
            file = f"faces/{digest[:2]}/{digest}.png"
            path = workspace.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            picture = Picture(
                site="danbooru",
                post=str(number),
                sha256=digest,
                file=file,
                expression=expression,
                label_origin="tag",
                state="searched",
            )
            face = Face(
                number=0,
                site="danbooru",
                box=[0.0, 0.0, SIDE, SIDE],
                landmarks={},
                confidence=1.0,
                detector="drawn",
                matrix=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
                side=SIDE,
                size=SIDE,
                file=file,
                pixels_sha256=digest,
                expression=expression,
                label_origin="tag",
            )
            picture.faces.append(face)
            session.add(picture)
        session.flush()
        return [face.id for face in session.query(Face).order_by(Face.id)]


@pytest.fixture
def workspace(tmp_path: Path, catalog_url: str) -> Workspace:
    """An empty workspace; its catalogue is an SQLite file, then a database of the server."""
    return Workspace(tmp_path / "workspace", catalog_url)


@pytest.fixture
def faces(workspace: Workspace, catalog: Catalog) -> Callable[[int], list[int]]:
    """Fill the workspace's catalogue (`catalog`) with drawn faces; gives their rows."""
    return lambda count: fill(workspace, catalog, count)


@pytest.fixture
def filled(tmp_path: Path) -> Workspace:
    """A workspace with 20 drawn faces in its own SQLite file, closed."""
    workspace = Workspace(tmp_path / "workspace")
    catalog = workspace.open()
    fill(workspace, catalog, 20)
    catalog.close()
    return workspace
