"""A workspace whose catalogue holds drawn faces, as `collect`, `faces` and `upscale` leave it."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from kaogae.atelier.portrait import Portrait, place, sample_rig
from kaogae.catalog import Catalog, Face, Picture, Workspace
from kaogae.dataset import FaceSet, Shares, freeze, load
from kaogae.dataset.catalogued import catalogued_faces
from kaogae.expressions import EXPRESSIONS
from kaogae.faces import crop_matrix
from kaogae.faces.crops import BACKGROUND, crop_path, crop_size, cut, save_crop
from kaogae.images import Picture as Image
from kaogae.images import save_picture

CHARACTERS = 8
SIDES = (100, 160, 300)
"""Of the drawn crops in pixels: one to enlarge, one about right, one to shrink."""


@dataclass
class Filled:
    """A workspace with its open catalogue."""

    workspace: Workspace
    catalog: Catalog

    def face(self, **conditions: object) -> Face:
        """The first face like that."""
        with self.catalog.session() as session:
            return session.scalars(select(Face).filter_by(**conditions).order_by(Face.id)).first()

    def change(self, face: Face, **values: object) -> None:
        """Overwrite columns of `face`."""
        with self.catalog.session() as session:
            row = session.get(Face, face.id)
            for name, value in values.items():
                setattr(row, name, value)

    def path(self, face: Face) -> Path:
        """The file of its crop."""
        return self.workspace.folder / face.file


def picture_row(site: str, post: str, file: str, digest: str, label: str | None) -> Picture:
    origin = None if label is None else "tag" if site == "danbooru" else "file name"
    return Picture(
        site=site, post=post, sha256=digest, file=file, expression=label, label_origin=origin,
        state="searched", licence="CC0 1.0" if site == "danbooru" else None, artist="the atelier", page_url=f"https://x/{post}",
    )  # fmt: skip


def face_row(folder: Path, picture: Picture, pixels: np.ndarray, marks: dict, number: int = 0) -> Face:
    eyes = [np.array(marks[name]) for name in ("left_eye", "right_eye")]
    side = 2.7 * float(np.hypot(*(eyes[1] - eyes[0])))
    size = crop_size(side)
    matrix = crop_matrix(*eyes, size)
    digest = save_crop(cut(Image.of(pixels), matrix, size), folder)
    left, top = np.min(list(marks.values()), axis=0) - 0.1 * side
    return Face(
        picture=picture, number=number, site=picture.site, box=[left, top, 0.7 * side, 0.7 * side],
        landmarks={name: list(point) for name, point in marks.items()}, confidence=0.97 - number / 10,
        detector="animeface", matrix=matrix.tolist(), side=side, size=size, file=crop_path(digest),
        pixels_sha256=digest, expression=picture.expression, label_origin=picture.label_origin,
    )  # fmt: skip


def draw_picture(folder: Path, site: str, seed: int, expression, side: int) -> tuple[Picture, Face]:
    margin = 20
    portrait = Portrait.from_seed(seed, roughness=0)
    pixels = portrait.render(sample_rig(seed, expression, 1.0), side, margin)
    marks = place(portrait.landmarks, portrait.matrix(side))
    marks = {name: (x + margin, y + margin) for name, (x, y) in marks.items()}
    post = f"{seed}{expression.position}"
    path = folder / "pictures" / site / f"{post}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(Image.of(pixels), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    picture = picture_row(site, post, path.relative_to(folder).as_posix(), digest, expression.value)
    return picture, face_row(folder, picture, pixels, marks)


@pytest.fixture(scope="session")
def drawn_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Even characters: danbooru, of unknown character; odd ones: renpy, the character known. 40 faces."""
    folder = tmp_path_factory.mktemp("catalogued")
    catalog = Workspace(folder).open()
    with catalog.session() as session:
        for seed in range(CHARACTERS):
            for expression in EXPRESSIONS:
                site = "renpy:tale" if seed % 2 else "danbooru"
                side = SIDES[(seed + expression.position) % len(SIDES)]
                picture, face = draw_picture(folder, site, seed, expression, side)
                face.character = f"c{seed}" if seed % 2 else None
                session.add_all([picture, face])
                if side == SIDES[0]:
                    enhance(folder, face)
                elif side == SIDES[2]:
                    face.enhanced_by = "large enough"
    catalog.close()
    return folder


def enhance(folder: Path, face: Face) -> None:
    """As `kaogae upscale` would: twice the side, something else inside."""
    small = cv2.imread(str(folder / face.file))
    large = cv2.resize(small, None, fx=2, fy=2, interpolation=cv2.INTER_LANCZOS4)
    face.enhanced_file = face.file.replace(".png", ".carn-m.png")
    face.enhanced_by = "carn-m"
    cv2.imwrite(str(folder / face.enhanced_file), large)


@pytest.fixture(scope="session")
def whole(drawn_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    """All 40 faces, frozen in three splits; nobody changes them."""
    workspace = Workspace(drawn_workspace)
    catalog = workspace.open()
    source = catalogued_faces(workspace, catalog)
    catalog.close()
    sets = tmp_path_factory.mktemp("workspace") / "sets"
    return load(freeze("first", [source], sets, shares=Shares(0.2, 0.2)).path)


@pytest.fixture
def filled(drawn_workspace: Path, tmp_path: Path) -> Iterator[Filled]:
    """A copy that a test may spoil."""
    assert BACKGROUND == 255
    workspace = Workspace(Path(shutil.copytree(drawn_workspace, tmp_path / "workspace")))
    catalog = workspace.open()
    yield Filled(workspace, catalog)
    catalog.close()
