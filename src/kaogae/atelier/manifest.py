"""Folders of drawn faces with their truth: pictures and `manifest.jsonl`, one JSON object per face."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kaogae.atelier.portrait import Portrait, place, sample_rig
from kaogae.atelier.render import Pixels
from kaogae.errors import UsageError
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.parallel import parallel_map

MANIFEST = "manifest.jsonl"
Row = dict[str, Any]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Order:
    """What every face of a folder has in common."""

    folder: Path
    size: int
    expressions: tuple[Expression, ...] = EXPRESSIONS
    intensity: tuple[float, float] = (0.6, 1.0)
    """Least and most; each face's is drawn between them."""
    roughness: float = 1.0
    """Strength of the finish (`Finish.sample`)."""


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
        out: a new folder, or one that this function wrote earlier, which is then replaced.
        size: side of the crops in pixels.
        seed: the first character's seed; the next has the next.
        intensity: least and most, 0 to 1.
        progress: called with the number of characters that are done.

    Returns:
        The manifest's rows.

    Raises:
        UsageError: `out` holds something else, or a number is out of range.
    """
    _check(characters, size, intensity)

    def work(draft: Path) -> Iterable[list[Row]]:
        order = Order(draft, size, tuple(expressions), intensity, roughness)
        (draft / "faces").mkdir()
        seeds = range(seed, seed + characters)
        return parallel_map(partial(_draw_faces, order), seeds, workers=workers, chunk=4, progress=progress)

    return write_folder(out, work)


def write_folder(out: Path, work: Callable[[Path], Iterable[list[Row]]]) -> list[Row]:
    """Let `work` fill a folder beside `out`, add the manifest, and only then put it in `out`'s place.

    Raises:
        UsageError: `out` holds something that isn't a drawn folder.
    """
    if out.exists() and not _is_ours(out):
        raise UsageError(f"{out} already holds something else: choose another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        rows = [row for rows in work(draft) for row in rows]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (draft / MANIFEST).write_text(text, encoding="utf-8")
        if out.exists():
            shutil.rmtree(out)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return rows


def _is_ours(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    names = {entry.name for entry in folder.iterdir()}
    return names <= {MANIFEST, "faces", "scenes", "sheet.png"} and (MANIFEST in names or not names)


def _check(characters: int, size: int, intensity: tuple[float, float]) -> None:
    if characters < 1:
        raise UsageError(f"At least one is needed, not {characters}.")
    if not 16 <= size <= 4096:
        raise UsageError(f"A size of {size} pixels is out of range: 16 to 4096.")
    if not 0 <= intensity[0] <= intensity[1] <= 1:
        raise UsageError("The intensity's least and most must be between 0 and 1, the least first.")


def _draw_faces(order: Order, seed: int) -> list[Row]:
    cv2.setNumThreads(1)
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
                "sha256": save(pixels, order.folder / name),
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
    cv2.imwrite(str(path), sheet)
    return path
