"""`kaogae train`."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import WORKSPACE, app, err, out
from kaogae.errors import UsageError

if TYPE_CHECKING:
    from kaogae.train import Step


@app.command()
def train(
    preset: str = typer.Argument(..., help="baseline, paper, small or smoke."),
    data: list[str] = typer.Option(
        [], "--data", help="A frozen set's name or folder; may be given several times."
    ),
    name: str | None = typer.Option(None, "--name", help="Name of the run; default: the preset's."),
    changes: list[str] = typer.Option(
        [], "--set", metavar="KEY=VALUE", help="Change a setting of the preset."
    ),
    max_time: float | None = typer.Option(None, "--max-time", help="Stop after so many minutes, all saved."),
    threads: int | None = typer.Option(None, "--threads", help="Processors to use; default: all."),
    workspace: Path = WORKSPACE,
) -> None:
    """Train the networks. The same command goes on with a run that was stopped."""
    import torch

    from kaogae.dataset import load
    from kaogae.dataset.paths import check_name
    from kaogae.train import load_settings
    from kaogae.train import train as run

    config = load_settings(preset, changes)
    if max_time is not None and not max_time > 0:
        raise UsageError(f"--max-time {max_time:g} isn't a number of minutes above 0.")
    sets = [load(Path(one) if Path(one).is_dir() else workspace / "sets" / check_name(one)) for one in data]
    if threads is not None:
        torch.set_num_threads(max(1, threads))
    with _watch_training() as progress:
        report = run(
            config,
            sets,
            workspace / "runs" / check_name(name or preset),
            cache=workspace / "cache",
            max_minutes=max_time,
            workers=threads,
            progress=progress,
        )
    state = "finished" if report.finished else "stopped; the same command goes on"
    out.print(
        f"{report.folder}: {report.iterations} iterations, {report.images} images, {state}", soft_wrap=True
    )


@contextmanager
def _watch_training() -> "Generator[Callable[[Step], None], None, None]":
    """Rate and time left: a bar on a terminal, a plain line now and then elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, speed_estimate_period=120) as bar:
        task = bar.add_task("")
        stage, since, first, said = "", 0.0, 0, 0.0

        def follow(step: "Step") -> None:
            nonlocal stage, since, first, said
            now = time.monotonic()
            if step.stage != stage:
                stage, since, first = step.stage, now, step.done
                bar.reset(task, total=step.total)
            rate = (step.done - first) / max(now - since, 1e-9)
            images = f", {rate * step.images / step.done:.1f} images/s" if step.images else ""
            text = f"{stage} {rate:.2f}/s{images}"
            bar.update(task, completed=step.done, total=step.total, description=text)
            if not err.is_terminal and (now - said > 30 or step.done == step.total):
                said = now
                left = f", {(step.total - step.done) / rate / 60:.0f} min left" if rate else ""
                err.print(f"{step.done}/{step.total} {text}{left}", soft_wrap=True, highlight=False)

        yield follow
