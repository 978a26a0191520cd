"""The paper's claim put to the test: baseline and proposed generator, same drawn faces, same budget.

    python benchmarks/claim.py train               # draws and freezes the set, then eight runs; resumable
    python benchmarks/claim.py report              # the verdict, its tables and figures
    python benchmarks/claim.py balance             # data.balance 0 against 1
    python benchmarks/claim.py strength            # how the shipped model follows the strength

The paper (III.C) says: with StarGAN's own generator both class losses converge to zero and don't recover, and
only the mouth is changed; three down-samplings, nine blocks and λ_rec 5 are stable and change the whole face.
What each half of that means here is a rule in `collapsed` and `reach`, written before the first run had
ended. docs/claim.md holds the figures.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from claim_faces import SEEN, STORED, Places, Tested, mean_by_place, tested, write_set
from claim_figures import ORDER, curves, grid
from claim_judge import Counts, Judge, confusions, judge, recall, say
from kaogae.expressions import EXPRESSIONS
from kaogae.images import from_network, to_network
from kaogae.stargan import load_checkpoint

Pixels = NDArray[np.uint8]
Rows = Sequence[dict[str, Any]]
Reach = Literal["whole face", "mouth only", "little", "mixed"]

SEEDS = (0, 1, 2)
ARMS = {"baseline": "baseline", "paper": "paper", "balanced": "paper"}
"""Name of an arm and its preset."""
SETTINGS = (
    f"stored_size={STORED}", f"image_size={SEEN}", f"augment.crop={SEEN / STORED:.9f}",
    "augment.shift=0.078125", "batch=8", "iterations=8000", "generator.width=8", "discriminator_width=8",
    "optimiser.generator_rate=1e-3", "optimiser.discriminator_rate=1e-3",
    "log_every=10", "save_every=500", "samples_every=1000",
)  # fmt: skip
ZERO = 0.1
"""A class loss below this counts as zero: what is wanted has more than nine tenths of the probability."""
PARTS = ("eyes", "brows", "mouth", "rest")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
WORKSPACE = typer.Option(Path("claim-data"), "--workspace", help="Where set, runs and judge lie.")
CORES = typer.Option(2, "--cores", help="Processes, each with one thread.")
IMAGES = typer.Option(Path("docs/images/training"), "--images", help="Where the figures go.")
CHARACTERS = typer.Option(120, "--characters", help="Characters to translate, each from five expressions.")


@dataclass(frozen=True)
class Judged:
    """What one generator does with the tested characters."""

    table: Counts
    """[5, 5]: asked for (row), and what the judge sees (column)."""
    by_source: NDArray[np.float64]
    """[5, 5]: share of successes, from what the source shows (row) to what is asked for (column)."""
    moved: dict[str, float]
    """Of each part, how much of what the drawings move between expressions the outputs move, 1 for all."""
    changed: dict[str, float]
    """Of each part, the mean change from the input (0 to 255), whatever it is good for."""
    inside: float
    """Mean distance from the truth in eyes, brows and mouth (0 to 255)."""
    outside: float
    """The same elsewhere."""


# -------------------------------------------------------------------------------------------------- the rules


def collapsed(rows: Rows) -> bool:
    """Whether both class losses went to zero and stayed there: in each of the last three tenths of the run
    the median of either is below `ZERO`.
    """
    last = max(row["iteration"] for row in rows)
    for tenth in (7, 8, 9):
        part = [row for row in rows if tenth * last / 10 < row["iteration"] <= (tenth + 1) * last / 10]
        for name in ("d_classes", "g_classes"):
            if not np.median([row[name] for row in part if name in row]) < ZERO:
                return False
    return True


def reach(moved: dict[str, float]) -> Reach:
    """What is changed, given how much of the drawings' movement eyes, brows and mouth show (`Judged.moved`).

    Only the mouth: it moves at least a quarter as it should, and eyes and brows less than half as much as it.
    The whole face: each of the three moves at least a quarter, and none less than half as much as the mouth.
    """
    eyes, brows, mouth = (moved[part] for part in ("eyes", "brows", "mouth"))
    if max(eyes, brows, mouth) < 0.25:
        return "little"
    if mouth >= 0.25 and max(eyes, brows) < mouth / 2:
        return "mouth only"
    return "whole face" if min(eyes, brows, mouth) >= 0.25 and min(eyes, brows) >= mouth / 2 else "mixed"


# --------------------------------------------------------------------------------------------------- commands


@app.command()
def train(
    workspace: Path = WORKSPACE,
    cores: int = CORES,
    arms: list[str] = typer.Option(list(ARMS), "--arm", help="baseline, paper, balanced."),
    seeds: list[int] = typer.Option(list(SEEDS), "--seed"),
) -> None:
    """Draw and freeze the set, and train every arm with every seed. Again, it goes on."""
    if not (workspace / "sets" / "claim").is_dir():
        write_set(workspace / "faces", cores)
        options = ["--size", str(STORED), "--validation", "0.03", "--test", "0"]
        _kaogae("dataset", "freeze", "claim", "--from", str(workspace / "faces"), *options, to=workspace)
    runs = [(arm, seed) for seed in seeds for arm in arms]
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(lambda run: _train(*run, workspace), runs))


@app.command()
def report(
    workspace: Path = WORKSPACE, cores: int = CORES, images: Path = IMAGES, characters: int = CHARACTERS
) -> None:
    """The verdict, and the two figures."""
    torch.set_num_threads(cores)
    faces, judged_by = tested(characters, cores), _judge(workspace, cores)
    _print_drawn(faces, judged_by)
    losses: dict[str, list[Rows]] = {}
    for arm in ("baseline", "paper"):
        for folder in _folders(workspace, arm):
            rows = read_rows(folder)
            losses.setdefault(arm, []).append(rows)
            _print_run(folder.name, rows, judge_run(folder, faces, judged_by))
    images.mkdir(parents=True, exist_ok=True)
    curves(losses, images / "claim-losses.svg")
    firsts = [_folders(workspace, arm)[0] for arm in ("baseline", "paper")]
    grid(_blocks(firsts, faces), images / "claim-faces.png")


@app.command()
def balance(workspace: Path = WORKSPACE, cores: int = CORES, characters: int = CHARACTERS) -> None:
    """What it changes to show each expression equally often instead of each face."""
    torch.set_num_threads(cores)
    faces, judged_by = tested(characters, cores), _judge(workspace, cores)
    print(f"{'success by target':18}" + "".join(f"{e:>11}" for e in EXPRESSIONS) + "       mean")
    for arm in ("paper", "balanced"):
        for folder in _folders(workspace, arm):
            shares = recall(judge_run(folder, faces, judged_by).table)
            print(f"{folder.name:18}" + "".join(f"{s:11.3f}" for s in shares) + f"{shares.mean():11.3f}")


@app.command()
def strength(
    cores: int = CORES,
    images: Path = IMAGES,
    model: Path | None = typer.Option(None, help="An ONNX model; default: the one that is shipped."),
    characters: int = typer.Option(100, help="Drawn characters, each neutral at first."),
) -> None:
    """How continuously a model follows the strength, on drawn faces whose truth at each strength is known."""
    from claim_strength import measure

    measure(model, characters, cores, images)


# -------------------------------------------------------------------------------------------------- measuring


def read_rows(folder: Path) -> Rows:
    """The log of the run in `folder`."""
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text("utf-8").splitlines()]


def translate(folder: Path, sources: Pixels) -> Pixels:
    """The answers [N, 5, S, S, 3] of the run in `folder` to [N, S, S, 3], one for each expression."""
    generator, _ = load_checkpoint(folder / "generator.safetensors")
    answers = np.empty((len(sources), len(EXPRESSIONS), *sources.shape[1:]), np.uint8)
    with torch.inference_mode():
        for first in range(0, len(sources), 64):
            image = torch.from_numpy(to_network(sources[first : first + 64]))
            for i, expression in enumerate(EXPRESSIONS):
                target = torch.from_numpy(expression.vector()).expand(len(image), -1)
                answers[first : first + 64, i] = from_network(generator(image, target).numpy())
    return answers


def judge_run(folder: Path, faces: Tested, judged_by: Judge) -> Judged:
    """Every number about one run."""
    answers = np.stack([translate(folder, faces.sources[:, i]) for i in range(len(EXPRESSIONS))], 1)
    characters = len(answers)  # answers: [characters, source, target, S, S, 3]
    said = say(judged_by, answers.reshape(-1, *answers.shape[3:])).reshape(characters, 5, 5)
    wanted = np.broadcast_to(np.arange(5), said.shape)
    by_source = (said == wanted).mean(0)
    truth_moves = dict(mean_by_place(_spread(faces.truths), faces.places))
    moves = [dict(mean_by_place(_spread(answers[:, i]), faces.places)) for i in range(5)]
    moved = {part: float(np.mean([m[part] for m in moves])) / truth_moves[part] for part in PARTS}
    changed, inside, outside = list[dict[str, float]](), list[float](), list[float]()
    for i in range(5):
        source = faces.sources[:, i, None]
        changed.append(dict(mean_by_place(_difference(answers[:, i], source), faces.places)))
        near, far = _distances(answers[:, i], faces)
        inside.append(near)
        outside.append(far)
    change = {part: float(np.mean([c[part] for c in changed])) for part in PARTS}
    table = confusions(wanted.ravel(), said.ravel())
    return Judged(table, by_source, moved, change, float(np.mean(inside)), float(np.mean(outside)))


def _spread(pictures: Pixels) -> NDArray[np.float32]:
    """How much [N, 5, S, S, 3] differ between the five: [N, 5, S, S], from their mean."""
    values = pictures.astype(np.float32)
    return np.abs(values - values.mean(1, keepdims=True)).mean(-1)


def _difference(a: Pixels, b: Pixels) -> NDArray[np.float32]:
    return np.abs(a.astype(np.float32) - b).mean(-1)


def _distances(answers: Pixels, faces: Tested) -> tuple[float, float]:
    """From the truth, in eyes, brows and mouth, and elsewhere."""
    places: list[Places] = [{"in": ~place["rest"], "out": place["rest"]} for place in faces.places]
    distance = dict(mean_by_place(_difference(answers, faces.truths), places))
    return distance["in"], distance["out"]


# --------------------------------------------------------------------------------------------------- printing


def _print_drawn(faces: Tested, judged_by: Judge) -> None:
    """What the drawings themselves score: the judge on them, and how far apart they are."""
    words = say(judged_by, faces.sources.reshape(-1, SEEN, SEEN, 3))
    right = recall(confusions(np.tile(np.arange(5), len(faces.sources)), words))
    print(
        "judge on the drawn sources: "
        + ", ".join(f"{e} {r:.3f}" for e, r in zip(EXPRESSIONS, right, strict=True))
    )
    near, far = np.mean([_distances(faces.sources[:, [i] * 5], faces) for i in range(5)], axis=0)
    print(f"distance of the sources from the truth: {near:.1f} inside, {far:.1f} outside")


def _print_run(name: str, rows: Rows, judged: Judged) -> None:
    print(
        f"\n{name}: {rows[-1]['iteration']} iterations, "
        + ("collapsed" if collapsed(rows) else "no collapse")
    )
    last = rows[-1]["iteration"] * 0.9
    for loss in ("d_classes", "g_classes", "g_reconstruction"):
        values = [row[loss] for row in rows if loss in row and row["iteration"] > last]
        print(f"  {loss} over the last tenth: median {np.median(values):.3f}, mean {np.mean(values):.3f}")
    print(f"  reach: {reach(judged.moved)}")
    print("  moved " + ", ".join(f"{part} {judged.moved[part]:.2f}" for part in PARTS))
    print("  changed " + ", ".join(f"{part} {judged.changed[part]:.1f}" for part in PARTS))
    print(f"  distance from the truth: {judged.inside:.1f} inside, {judged.outside:.1f} outside")
    shares = recall(judged.table)
    print(f"  success {shares.mean():.3f}\n  {'asked for':11}" + "".join(f"{e:>10}" for e in EXPRESSIONS))
    for expression, row in zip(EXPRESSIONS, judged.table / judged.table.sum(1, keepdims=True), strict=True):
        print(f"  {expression:11}" + "".join(f"{share:10.2f}" for share in row))
    print("  success from each source (row) to each target (column)")
    for expression, row in zip(EXPRESSIONS, judged.by_source, strict=True):
        print(f"  {expression:11}" + "".join(f"{share:10.2f}" for share in row) + f"{row.mean():10.2f}")


def _blocks(folders: Sequence[Path], faces: Tested) -> list[list[Pixels]]:
    """The first six tested characters, each with another source: baseline, proposed, and what was drawn."""
    columns = [EXPRESSIONS.index(name) for name in ORDER]
    blocks: list[list[Pixels]] = []
    for i in range(6):
        source = faces.sources[i, (3, 0, 1, 2, 4, 3)[i]]
        rows = [translate(folder, source[None])[0, columns] for folder in folders]
        blocks.append([np.stack([source, *row]) for row in (*rows, faces.truths[i, columns])])
    return blocks


# ---------------------------------------------------------------------------------------------------- running


def _judge(workspace: Path, cores: int) -> Judge:
    model, table = judge(workspace / "cache", cores)
    print(f"judge: right in {np.diag(table).sum() / table.sum():.3f} of {table.sum()} drawn faces held out")
    for expression, row in zip(EXPRESSIONS, table, strict=True):
        print(f"  {expression:11}" + "".join(f"{count:6}" for count in row))
    return model


def _folders(workspace: Path, arm: str) -> list[Path]:
    """The arm's runs that have a checkpoint, by seed."""
    found = sorted((workspace / "runs").glob(f"{arm}-[0-9]*"))
    return [folder for folder in found if (folder / "generator.safetensors").is_file()]


def _train(arm: str, seed: int, workspace: Path) -> None:
    changes = [*SETTINGS, f"seed={seed}", *(["data.balance=1"] if arm == "balanced" else [])]
    options = [word for change in changes for word in ("--set", change)]
    name = f"{arm}-{seed}"
    _kaogae("train", ARMS[arm], "--data", "claim", "--name", name, "--threads", "1", *options, to=workspace)


def _kaogae(*words: str, to: Path) -> None:
    # glibc gives large blocks back and asks for them again at every step: a third of the time here
    memory = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
    command = [sys.executable, "-m", "kaogae.cli", *words, "--workspace", str(to)]
    subprocess.run(command, check=True, env=os.environ | memory | {"OMP_NUM_THREADS": "1"})


if __name__ == "__main__":
    app()
