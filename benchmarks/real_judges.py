"""Judges for our own figures on real faces, and how the shipped judge does on them.

    python benchmarks/real_judges.py --sprites ../shared/data/sprites --workspace real --out judges
    python benchmarks/real_judges.py --sprites ../shared/data/sprites --measure judge.safetensors

The sprites are divided by artist into two halves, as alike as can be in expressions. The set `real-a` has
half a to learn from (some artists of it for validation) and half b as its test split; `real-b` the other way
round. Each half can so be judged by a judge that never saw its artists. These aren't shipped. With
`--measure`, a judge that learned nothing of the sprites is tested on all of them, and its file then says so.
"""

import argparse
import csv
import json
import os
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.dataset import freeze, load
from kaogae.evaluate.confusion import OTHER, VERDICTS
from kaogae.evaluate.judge import SIZE, Judge
from kaogae.evaluate.judge_training import Plan, examine, train_judge
from kaogae.faces import apply_matrix, crop_matrix, warp
from kaogae.images import Picture, save_picture

CROP = 224
VALIDATION = 0.15
"""Share of the half that is learned from which calibrates instead."""
SAME = {
    "LSS-Studio/Uirusu-Shoujo": "EbolaTeam/Uirusu-Shoujo",
    "vvaselin/TyranoEdu": "ShikemokuMK/tyranoscript",
    "ChaosCuteSoft/MarisaAndTheOldGods": "ChaosCuteSoft/CirnosPerfectSummer",
    "brndnz7/visualnovel": "Nyette/dating-sim",
    "Ronterox/Lovu-Lovu-Learning": "Nyette/dating-sim",
    "stanleyjiang25/PPP": "acica0126/gypsy-expressions",
    "Lex-ari/Claude-Chan": "acica0126/gypsy-expressions",
}
"""Sources with the same artists, or faces that look the same."""

Rows = list[dict[str, str]]
Pixels = NDArray[np.uint8]


def crop(folder: Path, row: dict[str, str], size: int) -> tuple[Pixels, NDArray[np.float64]]:
    """A sprite in our crop, and its eyes and mouth there."""
    marks = np.array([[float(v) for v in point.split(",")] for point in row["landmarks"].split(";")])
    matrix = crop_matrix(marks[0], marks[1], size)
    picture = cv2.imread(str(folder / row["file"]))[..., ::-1]
    return warp(picture, matrix, (size, size)), apply_matrix(matrix, marks)


def artist(row: dict[str, str]) -> str:
    return SAME.get(row["source"], row["source"])


def halves(rows: Rows, share: float, seed: int) -> set[str]:
    """Artists who together have `share` of the faces of each expression, as nearly as chance finds."""
    artists = sorted({artist(row) for row in rows})
    table = np.array(
        [[sum(artist(r) == a and r["label"] == v for r in rows) for v in VERDICTS] for a in artists]
    )
    dice = np.random.default_rng(seed)
    chosen = dice.random((100_000, len(artists))) < share
    counts = chosen @ table
    total = table.sum(0)
    wrong = (np.abs(counts - share * total) / np.sqrt(np.maximum(total, 1))).max(1)
    return {a for a, yes in zip(artists, chosen[wrong.argmin()], strict=True) if yes}


def freeze_halves(folder: Path, rows: Rows, workspace: Path) -> dict[str, set[str]]:
    """The sets real-a and real-b in `workspace`; for each the artists of its test split."""
    half = halves(rows, 0.5, seed=0)
    rest = {artist(row) for row in rows} - half
    tests = {"real-a": rest, "real-b": half}
    for name, test in tests.items():
        learned = [row for row in rows if artist(row) not in test]
        validation = halves(learned, VALIDATION, seed=1)
        place = workspace / "crops" / name
        place.mkdir(parents=True, exist_ok=True)
        lines: list[str] = []
        for row in rows:
            if row["label"] == "other":
                continue
            pixels, marks = crop(folder, row, CROP)
            file = Path(row["file"]).stem + ".png"
            save_picture(Picture.of(pixels), place / file)
            split = "test" if artist(row) in test else "validation" if artist(row) in validation else "train"
            named = dict(zip(("left_eye", "right_eye", "mouth"), marks.round(2).tolist(), strict=True))
            facts = {"file": file, "expression": row["label"], "landmarks": named, "split": split}
            texts = {"character": row["character"], "source": artist(row), "licence": row["licence"]}
            lines.append(json.dumps(facts | texts | {"label_origin": "file name"}))
        (place / "manifest.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if not (workspace / "sets" / name).is_dir():
            freeze(name, [place], workspace / "sets", size=CROP, split_by="source", workers=1)
    return tests


def test_on(judge: Judge, name: str, folder: Path, rows: Rows) -> Judge:
    """The same judge, which now says how it did on `rows`."""
    pixels = np.stack([crop(folder, row, SIZE)[0] for row in rows])
    labels = np.array([VERDICTS.index(row["label"]) for row in rows])
    known = dict(judge.header.known) | {name: examine(judge, pixels, labels, workers=1)}
    return judge.with_header(replace(judge.header, known=known))


def say(judge: Judge, name: str) -> None:
    counts = judge.header.known[name].counts
    print(
        f"{judge.header.name} on {name}: {Counter(dict(zip(VERDICTS, counts.sum(1).tolist(), strict=True)))}"
    )
    print("".join(f"{v:>10}" for v in ("", *VERDICTS)))
    for verdict, row in zip(VERDICTS, counts, strict=True):
        print(
            f"{verdict:>10}"
            + "".join(f"{n:>10}" for n in row)
            + f"{row[VERDICTS.index(verdict)] / max(1, row.sum()):8.2f}"
        )
    recalls = np.diag(counts)[:OTHER] / counts.sum(1)[:OTHER]
    print(f"mean of the five {recalls.mean():.3f}\n", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sprites", type=Path, default=Path("../shared/data/sprites"))
    parser.add_argument("--workspace", type=Path, help="for the sets real-a and real-b, and drawings")
    parser.add_argument("--out", type=Path, help="folder for the judges")
    parser.add_argument("--only", choices=("real-a", "real-b"))
    parser.add_argument("--start", type=Path, help="a judge to go on from")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--measure", type=Path, help="a judge's file")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with (options.sprites / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if options.measure:
        judge = test_on(Judge.load(options.measure), "real", options.sprites, rows)
        say(judge, "real")
        judge.save(options.measure)
        return
    tests = freeze_halves(options.sprites, rows, options.workspace)
    for name in [options.only] if options.only else list(tests):
        faces = load(options.workspace / "sets" / name)
        print(name, faces.counts(), flush=True)
        epochs = 1000.0 if options.minutes else Plan.epochs
        plan = Plan(name=name, minutes=options.minutes, epochs=epochs, exam=100, seed=1)
        start = Judge.load(options.start) if options.start else None
        judge = train_judge(plan, [faces], options.workspace / "cache", start=start, workers=1)
        judge = test_on(judge, name, options.sprites, [row for row in rows if artist(row) in tests[name]])
        say(judge, "drawn")
        say(judge, name)
        judge.save(options.out / f"{name}.safetensors")


if __name__ == "__main__":
    random.seed(0)
    main()
