"""The paper's claim put to the test: baseline and proposed generator, same drawn faces, same budget.

    python benchmarks/claim.py train               # draws and freezes the set, then nine runs; resumable
    python benchmarks/claim.py train --arm long-baseline --arm long-paper --seed 0
    python benchmarks/claim.py report              # the verdict, its tables and figures
    python benchmarks/claim.py balance             # data.balance 0 against 1
    python benchmarks/claim.py sources             # does it matter what the source shows? The shipped model
    python benchmarks/claim.py strength            # how the shipped model follows the strength

The paper (III.C) says: with StarGAN's own generator both class losses converge to zero and don't recover, and
only the mouth is changed; three down-samplings, nine blocks and λ_rec 5 are stable and change the whole face.
What each half of that means here is a rule in `collapsed` and `reach`, written before the first run had
ended. docs/claim.md has the answer.
"""

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

from claim_faces import SEEN, STORED, Pixels, Tested, tested, write_set
from claim_figures import ORDER, curves, grid
from claim_judge import Judge, confusions, judge, recall, say
from claim_measure import PARTS, Judged, answers, critic_recall, distances, judge_run
from kaogae.expressions import EXPRESSIONS
from kaogae.train.log import read_losses

Rows = Sequence[dict[str, Any]]
Reach = Literal["whole face", "mouth only", "little", "mixed"]

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Arm:
    """What a run learns with, whatever its seed."""

    preset: str
    iterations: int = 8_000
    changes: tuple[str, ...] = ()
    """Besides `SETTINGS`."""


ARMS = {
    "baseline": Arm("baseline"),
    "paper": Arm("paper"),
    "balanced": Arm("paper", changes=("data.balance=1",)),
    "long-baseline": Arm("baseline", 32_000),
    "long-paper": Arm("paper", 32_000),
}
SHOWN = {"baseline": "baseline", "paper": "proposed",
         "long-baseline": "baseline, 4 ×", "long-paper": "proposed, 4 ×"}  # fmt: skip
"""The arms of which faces are shown, and what stands beside them."""
SETTINGS = (
    f"stored_size={STORED}", f"image_size={SEEN}", f"augment.crop={SEEN / STORED:.9f}",
    "augment.shift=0.078125", "batch=8", "generator.width=8", "discriminator_width=8",
    "optimiser.generator_rate=1e-3", "optimiser.discriminator_rate=1e-3",
    "log_every=10", "save_every=500", "samples_every=1000",
)  # fmt: skip
ZERO = 0.1
"""A class loss below this counts as zero: what is wanted has more than nine tenths of the probability."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
WORKSPACE = typer.Option(Path("claim-data"), "--workspace", help="Where set, runs and judge lie.")
CORES = typer.Option(2, "--cores", help="Processes, each with one thread.")
IMAGES = typer.Option(Path("docs/images/training"), "--images", help="Where the figures go.")
CHARACTERS = typer.Option(120, "--characters", help="Characters to translate.")
MODEL = typer.Option(None, "--model", help="An ONNX model; default: the one that is shipped.")


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
    arms: list[str] = typer.Option(["baseline", "paper", "balanced"], "--arm", help="Names in ARMS."),
    seeds: list[int] = typer.Option(list(SEEDS), "--seed"),
) -> None:
    """Draw and freeze the set, and train every arm with every seed. Again, it goes on."""
    if not (workspace / "sets" / "claim").is_dir():
        write_set(workspace / "faces", cores)
        options = ["--size", str(STORED), "--validation", "0.03", "--test", "0"]
        _kaogae("dataset", "freeze", "claim", "--from", str(workspace / "faces"), *options, to=workspace)
    with ThreadPoolExecutor(cores) as pool:
        for run in [pool.submit(_train, arm, seed, workspace) for seed in seeds for arm in arms]:
            run.result()


@app.command()
def report(
    workspace: Path = WORKSPACE, cores: int = CORES, images: Path = IMAGES, characters: int = CHARACTERS
) -> None:
    """The verdict, and its figures."""
    torch.set_num_threads(cores)
    faces, judged_by = tested(characters, cores), _judge(workspace, cores)
    _print_drawn(faces, judged_by)
    images.mkdir(parents=True, exist_ok=True)
    for prefix, figure in (("", "claim-losses"), ("long-", "claim-losses-long")):
        losses: dict[str, list[Rows]] = {}
        for arm in ("baseline", "paper"):
            for folder in _folders(workspace, prefix + arm):
                rows = read_losses(folder / "losses.jsonl")
                losses.setdefault(arm, []).append(rows)
                _print_run(folder.name, rows, judge_run(folder, faces, judged_by))
        if len(losses) == 2:
            curves(losses, images / figure)
    found = {name: _folders(workspace, arm) for arm, name in SHOWN.items()}
    shown = {name: folders[0] for name, folders in found.items() if folders}
    grid(_blocks(list(shown.values()), faces), ["drawn truth", *shown], images / "claim-faces.png")


@app.command()
def balance(workspace: Path = WORKSPACE, cores: int = CORES, characters: int = CHARACTERS) -> None:
    """What it changes to show each expression equally often instead of each face."""
    torch.set_num_threads(cores)
    faces, judged_by = tested(characters, cores), _judge(workspace, cores)
    for title in ("success by target", "D's recall, new faces"):
        print(f"\n{title:22}" + "".join(f"{e:>11}" for e in EXPRESSIONS) + "       mean")
        for arm in ("paper", "balanced"):
            for folder in _folders(workspace, arm):
                if title.startswith("D"):
                    shares = critic_recall(folder, faces)
                else:
                    shares = recall(judge_run(folder, faces, judged_by).table)
                print(f"{folder.name:22}" + "".join(f"{s:11.3f}" for s in shares) + f"{shares.mean():11.3f}")


@app.command()
def sources(
    workspace: Path = WORKSPACE,
    cores: int = CORES,
    model: Path | None = MODEL,
    characters: int = CHARACTERS,
) -> None:
    """How often the shipped model succeeds, by what the source shows, of which it is told nothing."""
    from claim_shipped import by_source

    torch.set_num_threads(cores)
    _print_sources(by_source(model, _judge(workspace, cores), characters, cores))


@app.command()
def strength(
    cores: int = CORES,
    images: Path = IMAGES,
    model: Path | None = MODEL,
    characters: int = typer.Option(100, help="Drawn characters, each neutral at first."),
) -> None:
    """How continuously the shipped model follows the strength, beside drawings of that strength."""
    from claim_shipped import follow

    follow(model, characters, cores, images)


# --------------------------------------------------------------------------------------------------- printing


def _named(shares: NDArray[np.float64]) -> str:
    return ", ".join(f"{e} {share:.3f}" for e, share in zip(EXPRESSIONS, shares, strict=True))


def _print_drawn(faces: Tested, judged_by: Judge) -> None:
    """What the drawings themselves score: the judge on them, and how far apart they are."""
    words = say(judged_by, faces.sources.reshape(-1, SEEN, SEEN, 3))
    right = recall(confusions(np.tile(np.arange(5), len(faces.sources)), words))
    print("judge on the drawn sources: " + _named(right))
    near, far = np.mean([distances(faces.sources[:, [i] * 5], faces) for i in range(5)], axis=0)
    print(f"distance of the sources from the truth: {near:.1f} inside, {far:.1f} outside")


def _print_run(name: str, rows: Rows, judged: Judged) -> None:
    last = rows[-1]["iteration"]
    print(f"\n{name}: {last} iterations, " + ("collapsed" if collapsed(rows) else "no collapse"))
    for loss in ("d_classes", "g_classes", "g_reconstruction"):
        values = [row[loss] for row in rows if loss in row and row["iteration"] > 0.9 * last]
        print(f"  {loss} over the last tenth: median {np.median(values):.3f}, mean {np.mean(values):.3f}")
    print(f"  reach: {reach(judged.moved)}")
    print("  moved rightly " + ", ".join(f"{part} {judged.rightly[part]:.3f}" for part in PARTS))
    print("  moved " + ", ".join(f"{part} {judged.moved[part]:.2f}" for part in PARTS))
    print("  changed " + ", ".join(f"{part} {judged.changed[part]:.1f}" for part in PARTS))
    print(f"  distance from the truth: {judged.inside:.1f} inside, {judged.outside:.1f} outside")
    shares = recall(judged.table)
    changes = judged.by_source[~np.eye(5, dtype=bool)].mean()
    print(f"  success {shares.mean():.3f}, and {changes:.3f} where the source shows something else")
    print(f"  {'asked for':11}" + "".join(f"{e:>10}" for e in EXPRESSIONS))
    for expression, row in zip(EXPRESSIONS, judged.table / judged.table.sum(1, keepdims=True), strict=True):
        print(f"  {expression:11}" + "".join(f"{share:10.2f}" for share in row))
    _print_sources(judged.by_source)


def _print_sources(table: NDArray[np.float64]) -> None:
    """`table` [5, 5] of successes."""
    print("  success from each source (row) to each target (column)")
    for expression, row in zip(EXPRESSIONS, table, strict=True):
        print(f"  {expression:11}" + "".join(f"{share:10.2f}" for share in row) + f"{row.mean():10.2f}")
    print(f"  {'mean':11}" + "".join(f"{share:10.2f}" for share in table.mean(0)) + f"{table.mean():10.2f}")


def _blocks(folders: Sequence[Path], faces: Tested) -> list[list[Pixels]]:
    """Of tested characters, two beside each other, what was drawn and what each run makes of them."""
    columns = [EXPRESSIONS.index(name) for name in ORDER]

    def rows(character: int, source: int) -> list[Pixels]:
        before = faces.sources[character, source][None]
        after = [faces.truths[character, columns]]
        after += [answers(folder, before)[0, columns] for folder in folders]
        return [np.concatenate([before, out]) for out in after]

    shown = [rows(character, source) for character, source in enumerate((3, 0, 1, 4))]
    return [[np.concatenate(two) for two in zip(*shown[i : i + 2], strict=True)] for i in (0, 2)]


# ---------------------------------------------------------------------------------------------------- running


def _judge(workspace: Path, cores: int) -> Judge:
    model, table = judge(workspace / "cache", cores)
    print(f"judge: right in {np.diag(table).sum() / table.sum():.3f} of {table.sum()} drawn faces held out")
    for expression, row in zip(EXPRESSIONS, table, strict=True):
        print(f"  {expression:11}" + "".join(f"{count:6}" for count in row))
    return model


def _folders(workspace: Path, arm: str) -> list[Path]:
    """The arm's runs that are done, by seed."""
    found = sorted((workspace / "runs").glob(f"{arm}-[0-9]/losses.jsonl"))
    return [rows.parent for rows in found if read_losses(rows)[-1]["iteration"] == ARMS[arm].iterations]


def _train(arm: str, seed: int, workspace: Path) -> None:
    how = ARMS[arm]
    changes = (*SETTINGS, *how.changes, f"iterations={how.iterations}", f"seed={seed}")
    options = [word for change in changes for word in ("--set", change)]
    words = ("train", how.preset, "--data", "claim", "--name", f"{arm}-{seed}", "--threads", "1", *options)
    _kaogae(*words, to=workspace)


def _kaogae(*words: str, to: Path) -> None:
    # glibc gives large blocks back and asks for them again at every step: a third of the time here
    memory = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
    command = [sys.executable, "-m", "kaogae.cli", *words, "--workspace", str(to)]
    subprocess.run(command, check=True, env=os.environ | memory | {"OMP_NUM_THREADS": "1"})


if __name__ == "__main__":
    app()
