"""Folders of drawn faces with their truth: pictures and `manifest.jsonl`, one JSON object per face."""

import hashlib
import json
import os
import random
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kaogae.atelier.portrait import Portrait, place, sample_rig
from kaogae.atelier.render import Pixels
from kaogae.atelier.scenes import Scene
from kaogae.errors import UsageError
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.faces import crop_matrix
from kaogae.images import Picture, save_picture
from kaogae.parallel import parallel_map

MANIFEST = "manifest.jsonl"
_OUR_NAME = re.compile(r"-?\d{7,}(-[a-z]+)?\.png")
Row = dict[str, Any]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Order:
    """What every face of a folder has in common."""

    size: int
    expressions: tuple[Expression, ...] = EXPRESSIONS
    intensity: tuple[float, float] = (0.6, 1.0)
    """Least and most; each face's is drawn between them."""
    roughness: float = 1.0
    """Strength of the finish (`Finish.sample`)."""
    sides: tuple[int, int] = (256, 4096)
    """Least and most side of scenes in pixels."""


def write_faces(
    out: Path,
    characters: int,
    *,
    size: int = 256,
    seed: int = 0,
    expressions: Sequence[Expression] = EXPRESSIONS,
    intensity: tuple[float, float] = (0.6, 1.0),
    roughness: float = 1.0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Draw `characters` characters in each of `expressions`: aligned crops as PNG, and their manifest.

    Pictures of one character differ in nothing but the expression.

    Args:
        out: a new folder, or one that was written by this module earlier, which is then replaced.
        size: side of the crops in pixels.
        seed: the first character's seed; the next has the next.
        intensity: least and most, 0 to 1.
        progress: called with the number of characters that are done.

    Returns:
        The manifest's rows.

    Raises:
        UsageError: `out` holds something else, or a number is out of range.
    """
    order = Order(size, tuple(expressions), intensity, roughness)
    return write_folder(out, order, characters, 0, seed=seed, workers=workers, progress=progress)


def write_scenes(
    out: Path,
    scenes: int,
    *,
    size: int = 256,
    seed: int = 0,
    expressions: Sequence[Expression] = EXPRESSIONS,
    intensity: tuple[float, float] = (0.6, 1.0),
    roughness: float = 1.0,
    sides: tuple[int, int] = (256, 4096),
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Draw `scenes` whole illustrations and their manifest, one row per face.

    Args:
        size: side in pixels of the aligned crops that the rows' crop matrices lead to.
        sides: least and most side of the pictures in pixels.
        progress: called with the number of scenes that are done.
        Others as for `write_faces`.

    Returns:
        The manifest's rows.

    Raises:
        UsageError: `out` holds something else, or a number is out of range.
    """
    order = Order(size, tuple(expressions), intensity, roughness, sides)
    return write_folder(out, order, 0, scenes, seed=seed, workers=workers, progress=progress)


def write_folder(
    out: Path,
    order: Order,
    characters: int,
    scenes: int,
    *,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Draw aligned faces of `characters` and whole `scenes` into one folder.

    The folder is filled beside `out` and put in its place when it is complete.

    Args:
        progress: called with the number of characters and scenes that are done.

    Returns:
        The manifest's rows, the faces' first.

    Raises:
        UsageError: `out` holds something that isn't a drawn folder, or a number is out of range.
    """
    _check(order, characters, scenes)
    out = Path(os.path.realpath(out))  # so that a link stays one, and '.' has a name
    if out.exists() and not _is_ours(out):
        raise UsageError(f"{out} already holds something else: choose another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    draft, before = (out.with_name(f".{out.name}.{os.getpid()}.{what}") for what in ("draft", "before"))
    draft.mkdir()
    try:
        (draft / "faces").mkdir()
        (draft / "scenes").mkdir()
        jobs = [("faces", seed + k) for k in range(characters)] + [
            ("scenes", seed + k) for k in range(scenes)
        ]
        work = partial(_draw, order, draft)
        drawn = parallel_map(work, jobs, workers=workers, chunk=2, progress=progress)
        rows = [row for rows in drawn for row in rows]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (draft / MANIFEST).write_text(text, encoding="utf-8")
        if out.exists():
            out.rename(before)  # so that at every moment one of the two is whole
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(before, ignore_errors=True)
    return rows


def _is_ours(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    names = {entry.name for entry in folder.iterdir()}
    pictures = (entry.name for part in ("faces", "scenes") for entry in folder.glob(f"{part}/*"))
    ours = names <= {MANIFEST, "faces", "scenes", "sheet.png"} and all(map(_OUR_NAME.fullmatch, pictures))
    return ours and (MANIFEST in names or not names)


def _check(order: Order, characters: int, scenes: int) -> None:
    if characters < 0 or scenes < 0 or characters + scenes == 0:
        raise UsageError("Ask for at least one character or scene.")
    if not 16 <= order.size <= 4096:
        raise UsageError(f"A size of {order.size} pixels is out of range: 16 to 4096.")
    if not 0 <= order.intensity[0] <= order.intensity[1] <= 1:
        raise UsageError("The intensity's least and most must be between 0 and 1, the least first.")
    if not 128 <= order.sides[0] <= order.sides[1] <= 8192:
        raise UsageError("The sides of scenes must be between 128 and 8192 pixels, the least first.")
    if not 0 <= order.roughness <= 10:
        raise UsageError(f"A roughness of {order.roughness} is out of range: 0 to 10.")
    if not order.expressions:
        raise UsageError("Ask for at least one expression.")


def _draw(order: Order, folder: Path, job: tuple[str, int]) -> list[Row]:
    cv2.setNumThreads(1)  # processes are the parallelism here
    kind, seed = job
    return _draw_faces(order, folder, seed) if kind == "faces" else _draw_scene(order, folder, seed)


def _draw_scene(order: Order, folder: Path, seed: int) -> list[Row]:
    scene = Scene.from_seed(
        seed,
        sides=order.sides,
        intensity=order.intensity,
        expressions=order.expressions,
        roughness=order.roughness,
    )
    name = f"scenes/{seed:08d}.png"
    digest = save(scene.render(), folder / name)
    rows: list[Row] = []
    for figure in scene.figures:
        marks = figure.points()
        matrix = crop_matrix(marks["left_eye"], marks["right_eye"], order.size)
        rows.append(
            {
                "file": name,
                "sha256": digest,
                "size": [scene.width, scene.height],
                "expression": str(figure.expression),
                "intensity": figure.intensity,
                "landmarks": marks,
                "box": figure.box(),
                "crop_matrix": [[round(float(value), 6) for value in row] for row in matrix],
                "character": f"drawn-{figure.character.seed}",
                "seed": seed,
                "label_origin": "drawn",
            }
        )
    return rows


def _draw_faces(order: Order, folder: Path, seed: int) -> list[Row]:
    portrait = Portrait.from_seed(seed, roughness=order.roughness)
    dice = random.Random(f"kaogae {seed} intensity")
    rows: list[Row] = []
    for expression in order.expressions:
        intensity = round(dice.uniform(*order.intensity), 3)
        pixels = portrait.render(sample_rig(seed, expression, intensity), order.size)
        name = f"faces/{seed:08d}-{expression}.png"
        box = [0.0, 0.0, float(order.size), float(order.size)]
        rows.append(
            {
                "file": name,
                "sha256": save(pixels, folder / name),
                "size": [order.size, order.size],
                "expression": str(expression),
                "intensity": intensity,
                "landmarks": place(portrait.landmarks, portrait.matrix(order.size)),
                "box": box,
                "crop_matrix": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
                "character": f"drawn-{seed}",
                "seed": seed,
                "label_origin": "drawn",
            }
        )
    return rows


def save(pixels: Pixels, path: Path) -> str:
    """Write `pixels` [H, W, 3] RGB losslessly; returns the file's SHA-256."""
    done, data = cv2.imencode(path.suffix, np.ascontiguousarray(pixels[..., ::-1]))
    if not done:
        raise UsageError(f"{path} can't be written as {path.suffix}.")
    encoded = data.tobytes()
    path.write_bytes(encoded)
    return hashlib.sha256(encoded).hexdigest()


def contact_sheet(
    folder: Path, rows: Sequence[Row], *, columns: int = 10, side: int = 128, most: int = 100
) -> Path:
    """`sheet.png` in `folder`: up to `most` of the pictures, row by row."""
    cells: list[Pixels] = []
    for row in rows[:most]:
        picture = np.asarray(cv2.imread(str(folder / row["file"]), cv2.IMREAD_COLOR), np.uint8)
        cells.append(np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8))
    blank = np.full((side, side, 3), 255, np.uint8)
    cells += [blank] * (-len(cells) % columns)
    sheet = np.concatenate([np.concatenate(cells[i : i + columns], 1) for i in range(0, len(cells), columns)])
    path = folder / "sheet.png"
    save_picture(Picture.of(np.ascontiguousarray(sheet[..., ::-1])), path)
    return path
