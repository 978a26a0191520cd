"""Which parts of the face a model changes: eyes, brows, mouth and the rest, for each expression.

    python benchmarks/what_moved.py [--model PATH] [--drawn 100] [--faces FOLDER ...] [--sheet OUT.png]

The known failure of expression transfer is that only the mouth moves, so the parts are measured apart. A
part's figure is the mean absolute change of its pixels (0 to 255), and beside it the share of faces in which
that is above 4. The named alternative is on drawn faces the truth: the same character drawn with that
expression. Drawn faces have seeds that training never uses; FOLDER has faces and a manifest.csv with their
landmarks.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kaogae.atelier import expression as acting
from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.faces import CROP_DROP, CROP_SCALE, apply_matrix, crop_matrix, warp
from kaogae.images import Picture, read_picture, save_picture, to_network
from kaogae.transfer.model import Generator

Pixels = NDArray[np.uint8]
FIRST_SEED = 70_000
VISIBLE = 4.0
PARTS = ("eyes", "brows", "mouth", "rest")


@dataclass(frozen=True)
class Face:
    """An aligned crop [S, S, 3], its mouth (x, y) in pixels, and the truth per expression if it is known."""

    pixels: Pixels
    mouth: tuple[float, float]
    truth: tuple[Pixels, ...] = ()


def drawn_faces(count: int, size: int) -> Iterator[Face]:
    """Characters that show nothing much yet, as most pictures that people bring."""
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        portrait = Portrait.from_seed(seed)
        truth = tuple(portrait.render(acting.canonical(expression), size) for expression in EXPRESSIONS)
        source = portrait.render(sample_rig(seed, Expression.NEUTRAL, 1.0), size)
        yield Face(source, portrait.points(size)["mouth"], truth)


def real_faces(folder: Path, size: int, most: int, per_source: int = 12) -> Iterator[Face]:
    """Up to `most` faces, at most `per_source` of them by one hand."""
    seen: Counter[str] = Counter()
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if (
                seen[row["source"]] >= per_source
                or seen.total() >= most
                or row["label"] not in ("neutral", "other")
            ):
                continue
            seen[row["source"]] += 1
            left, right, mouth = (tuple(map(float, p.split(","))) for p in row["landmarks"].split(";"))
            matrix = crop_matrix(left, right, size)
            place = apply_matrix(matrix, mouth)
            crop = warp(read_picture(folder / row["file"]).over(255), matrix, (size, size))
            yield Face(crop, (float(place[0]), float(place[1])))


def parts(face: Face) -> dict[str, NDArray[np.bool_]]:
    """[S, S] each: where eyes, brows and mouth are, and the rest.

    What is published was measured with these sizes; those of `kaogae.evaluate.regions` were fitted later.
    """
    size = len(face.pixels)
    unit = size / CROP_SCALE
    y, x = np.mgrid[:size, :size] + 0.5
    x, y = (x - size / 2) / unit, (y - size / 2) / unit + CROP_DROP
    sides = np.abs(np.abs(x) - 0.5)
    mouth_x, mouth_y = (face.mouth[0] - size / 2) / unit, (face.mouth[1] - size / 2) / unit + CROP_DROP
    found = {
        "eyes": (sides < 0.38) & (np.abs(y) < 0.28),
        "brows": (sides < 0.4) & (y < -0.3) & (y > -0.7),
        "mouth": (np.abs(x - mouth_x) < 0.35) & (np.abs(y - mouth_y) < 0.22),
    }
    return found | {"rest": ~np.any(list(found.values()), axis=0)}


def measure(name: str, faces: list[Face], generator: Generator) -> list[Pixels]:
    """Print the table of one kind of faces; returns input and answers of each face, side by side."""
    changes = {(e, part): list[float]() for e in EXPRESSIONS for part in PARTS}
    wanted = {key: list[float]() for key in changes}
    rows: list[Pixels] = []
    targets = np.stack([expression.vector() for expression in EXPRESSIONS])
    for face in faces:
        answers, _ = generator.translate(np.stack([to_network(face.pixels)] * len(targets)), targets)
        pictures = ((answers.transpose(0, 2, 3, 1) + 1) * 127.5).round().clip(0, 255).astype(np.uint8)
        rows.append(np.concatenate([face.pixels, *pictures], axis=1))
        for part, where in parts(face).items():
            for i, expression in enumerate(EXPRESSIONS):
                changes[expression, part].append(_change(face.pixels, pictures[i], where))
                if face.truth:
                    wanted[expression, part].append(_change(face.pixels, face.truth[i], where))
    print(f"\n{name}, {len(faces)} faces: mean change (share above {VISIBLE:g}; the drawn truth's change)")
    print(f"{'':10}" + "".join(f"{part:>22}" for part in PARTS))
    for expression in EXPRESSIONS:
        cells = [_cell(changes[expression, part], wanted[expression, part]) for part in PARTS]
        print(f"{expression:10}" + "".join(f"{cell:>22}" for cell in cells))
    return rows


def _change(before: Pixels, after: Pixels, where: NDArray[np.bool_]) -> float:
    return float(np.abs(before.astype(np.float32) - after)[where].mean())


def _cell(values: list[float], truth: list[float]) -> str:
    share = np.mean(np.array(values) > VISIBLE)
    return f"{np.mean(values):5.1f} ({share:4.0%}" + (f"; {np.mean(truth):4.1f})" if truth else ")")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="an ONNX model instead of the shipped one")
    parser.add_argument("--drawn", type=int, default=100, help="number of drawn faces")
    parser.add_argument("--faces", type=Path, action="append", default=[], help="folder with a manifest.csv")
    parser.add_argument("--sheet", type=Path, help="write the drawn faces and their answers here")
    given = parser.parse_args()

    generator = Generator.load(given.model)
    rows = measure("drawn", list(drawn_faces(given.drawn, generator.image_size)), generator)
    for folder in given.faces:
        measure(folder.name, list(real_faces(folder, generator.image_size, given.drawn)), generator)
    if given.sheet:
        save_picture(Picture.of(np.concatenate(rows[:12])), given.sheet)


if __name__ == "__main__":
    main()
