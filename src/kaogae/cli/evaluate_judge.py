"""`kaogae evaluate train-judge`."""

import json
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import WORKSPACE, out, plain
from kaogae.cli.evaluate import group
from kaogae.cli.evaluate_models import open_sets
from kaogae.cli.progress import watch
from kaogae.errors import UsageError

if TYPE_CHECKING:
    from kaogae.evaluate.judge import Judge

MOST_THREADS = 1024
COUNTED = {"drawing": "faces drawn", "learning": "faces learned from", "testing": "faces judged"}


@group.command("train-judge")
def train_judge(
    data: list[str] = typer.Option(
        [], "--data", help="A frozen set to learn from beside drawn faces; may be given several times."
    ),
    split: str = typer.Option("train", "--split", help="Of these sets: train or validation."),
    characters: int = typer.Option(8_000, "--characters", help="Drawn, each with three expressions."),
    epochs: float = typer.Option(12.0, "--epochs", help="How often it sees each drawn face."),
    minutes: float | None = typer.Option(None, "--minutes", help="Most time to learn in."),
    seed: int = typer.Option(0, "--seed", help="Another seed, another judge."),
    start: Path | None = typer.Option(None, "--from", help="A judge to go on from."),
    to: Path | None = typer.Option(
        None, "--out", "-o", help="The file; default: judges/judge.safetensors in the workspace."
    ),
    threads: int | None = typer.Option(None, "--threads", help="Processors to use; default: all."),
    as_json: bool = typer.Option(False, "--json", help="Print a report for machines."),
    workspace: Path = WORKSPACE,
) -> None:
    """Train a judge of expressions, and test it on faces that it hasn't seen."""
    import torch

    from kaogae.evaluate.judge import Judge
    from kaogae.evaluate.judge_training import Plan
    from kaogae.evaluate.judge_training import train_judge as train

    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise UsageError(f"--threads {threads} isn't a number of processors from 1 to {MOST_THREADS}.")
    path = to or workspace / "judges" / "judge.safetensors"
    plan = Plan(
        name=path.stem, characters=characters, epochs=epochs, minutes=minutes, split=split, seed=seed
    ).with_exam_to_fit()
    sets = [faces for faces in open_sets(data, workspace) if faces is not None] if data else []
    before = Judge.load(start) if start else None
    if threads is not None:
        torch.set_num_threads(max(1, threads - 1))  # one makes lessons ready
    begun = time.monotonic()
    with _stages() as progress:
        train(plan, sets, workspace / "cache", start=before, workers=threads, progress=progress).save(path)
    _report(Judge.load(path), path, time.monotonic() - begun, as_json=as_json)


@contextmanager
def _stages() -> Generator[Callable[[str, int, int | None], None]]:
    """A view of one stage after the other."""
    views: dict[str, Callable[[int, int | None], None]] = {}
    with ExitStack() as stack:

        def follow(stage: str, done: int, total: int | None) -> None:
            if stage not in views:
                stack.close()
                views.clear()
                views[stage] = stack.enter_context(watch(COUNTED[stage]))
            views[stage](done, total)

        yield follow


def _report(judge: "Judge", path: Path, seconds: float, *, as_json: bool) -> None:
    from kaogae.evaluate.tables import Measured, as_text, matrix

    header = judge.header
    if as_json:
        facts = {"path": str(path), "sha256": judge.sha256, "seconds": round(seconds, 1)}
        out.print_json(json.dumps(json.loads(header.to_json()) | facts))
        return
    for name, known in header.known.items():
        table = matrix(Measured(f"{header.name} on {name}", known.confusion, rows="shows"), paper=False)
        out.print(plain(as_text(table)), soft_wrap=True, markup=False, highlight=False, end="")
        if known.others.any():
            share = known.others[-1] / known.others.sum()
            out.print(f"pictures that show none of the five: {share:.0%} called other\n", highlight=False)
    learned = ", ".join(f"{one.faces} {one.name} ({one.split})" for one in header.learned_from)
    out.print(plain(f"learned from {learned}"), soft_wrap=True, markup=False, highlight=False)
    says = f"temperature {header.temperature:.3g}, other below {header.threshold:.2f}, {seconds:.0f} s"
    out.print(plain(f"{path}: {says}"), soft_wrap=True, markup=False, highlight=False)
