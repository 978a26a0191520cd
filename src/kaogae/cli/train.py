"""`kaogae train` and `kaogae train plot`."""

import json
import shlex
import signal
import sys
from dataclasses import asdict, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import WORKSPACE, app, err, found, out, plain
from kaogae.cli.grouped import Nameless, first
from kaogae.cli.train_run import Signals, device, how_many, launched, watch_training
from kaogae.errors import UsageError

if TYPE_CHECKING:
    import torch

    from kaogae.dataset import FaceSet
    from kaogae.train import RunReport, TrainConfig

PRESET = "PRESET"
"""Stands in the group's list for the command that every word is for which isn't another command's name."""
MOST_THREADS = 1024


group = typer.Typer(cls=first(PRESET), add_completion=False)
app.add_typer(group, name="train", help="Train the networks, and draw how it went.")


@group.command(
    PRESET,
    cls=Nameless,
    epilog="kaogae train plot RUN... draws the losses of runs: kaogae train plot --help.",
)
def train(
    preset: str = typer.Argument(
        ...,
        metavar=PRESET,
        help="baseline and paper (the paper's), small (what is shipped), smoke (a test), or a .toml.",
    ),
    data: list[str] = typer.Option(
        [], "--data", help="A frozen set's name or folder; may be given several times."
    ),
    name: str | None = typer.Option(None, "--name", help="Name of the run; default: the preset's."),
    changes: list[str] = typer.Option(
        [], "--set", metavar="KEY=VALUE", help="Change a setting of the preset."
    ),
    max_time: float | None = typer.Option(None, "--max-time", help="Stop after so many minutes, all saved."),
    stop_on_collapse: bool = typer.Option(
        False, "--stop-on-collapse", help="Stop when the training has failed for good."
    ),
    accelerator: str = typer.Option("auto", "--accelerator", help="auto, cpu or cuda."),
    devices: int | None = typer.Option(None, "--devices", help="Processes, each with a device; default: 1."),
    nodes: int | None = typer.Option(None, "--nodes", help="Machines; default: 1."),
    threads: int | None = typer.Option(None, "--threads", help="Processors to use; default: all."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would run, and write nothing."),
    as_json: bool = typer.Option(False, "--json", help="Print a report for machines."),
    workspace: Path = WORKSPACE,
) -> None:
    """Train the networks. The same command goes on with a run that was stopped."""
    import torch

    from kaogae.train import load_settings
    from kaogae.train import train as run

    config = load_settings(preset, changes)
    if max_time is not None and not max_time > 0:
        raise UsageError(f"--max-time {max_time:g} isn't a number of minutes above 0.")
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise UsageError(f"--threads {threads} isn't a number of processors from 1 to {MOST_THREADS}.")
    folder, sets = _run_folder(name or config.preset, workspace), _sets(data, workspace)
    if threads is not None:
        torch.set_num_threads(threads)
    if dry_run:
        config.check_processes(prod(how_many(devices, nodes)))
        _say_what_would_run(config, sets, workspace / "cache", device(accelerator), as_json=as_json)
        return
    with launched(accelerator, devices, nodes) as fabric:
        if threads is not None:
            torch.set_num_threads(threads)  # launching may have changed it
        leads = fabric.is_global_zero
        with watch_training(silent=not leads) as live, Signals(live) as signals:
            try:
                report = run(
                    config,
                    sets,
                    folder,
                    cache=workspace / "cache",
                    fabric=fabric,
                    max_minutes=max_time,
                    workers=threads,
                    stop_on_collapse=stop_on_collapse,
                    stop=lambda: bool(signals.caught),
                    command=shlex.join(["kaogae", *sys.argv[1:]]),
                    progress=live.step,
                )
            except KeyboardInterrupt:
                raise typer.Exit(128 + signals.caught) from None
    if leads:
        _say(report, as_json=as_json)
        stopped = 128 + (signals.caught or signal.SIGINT)
        raise typer.Exit({"signal": stopped, "collapse": 1}.get(report.reason, 0))


def _say_what_would_run(
    config: "TrainConfig", sets: "list[FaceSet]", cache: Path, place: "torch.device", *, as_json: bool
) -> None:
    from kaogae.train.estimate import estimate

    result = estimate(config, sets, cache, place)
    if as_json:
        out.print_json(json.dumps(asdict(result) | {"memory": result.memory, "seconds": result.seconds}))
        return
    for what, how_much in result.lines():
        out.print(f"{what:<13} {plain(how_much)}", markup=False, highlight=False, soft_wrap=True)


def _say(report: "RunReport", *, as_json: bool) -> None:
    if as_json:
        facts = asdict(report) | {"folder": str(report.folder), "finished": report.finished}
        out.print_json(json.dumps(facts))
        return
    if report.reason == "collapse":
        err.print("[bold yellow]kaogae:[/] stopped for this alarm, with everything saved.", highlight=False)
    new = report.iterations > report.began
    went_on = f"went on from iteration {report.began}, " if report.began and new else ""
    amount = f"{report.iterations} iterations, {report.images} images"
    state = "stopped; the same command goes on"
    if report.finished:
        state = "finished" if new else "finished before"
    out.print(plain(f"{report.folder}: {went_on}{amount}, {state}"), soft_wrap=True, markup=False)


@group.command()
def plot(
    runs: list[str] = typer.Argument(..., metavar="RUN", help="Names or folders of runs."),
    stem: Path = typer.Option(Path("figure-3"), "--out", "-o", help="The files, without .svg and .png."),
    every: bool = typer.Option(False, "--all", help="Also the losses that the paper doesn't have."),
    workspace: Path = WORKSPACE,
) -> None:
    """Draw the losses of runs on top of each other, as the paper's Figure 3, as SVG and PNG."""
    from kaogae.train.plot import Curves, draw_curves

    folders = [_found(run, "run", workspace, "losses.jsonl") for run in runs]
    curves = [Curves.read(folder) for folder in folders]
    if len({one.name for one in curves}) < len(curves):  # runs of the same name in several workspaces
        curves = [replace(one, name=run) for one, run in zip(curves, runs, strict=True)]
    if stem.is_dir():
        stem /= "figure-3"
    elif stem.suffix in (".svg", ".png"):
        stem = stem.with_suffix("")
    for path in draw_curves(curves, stem, every=every):
        out.print(plain(str(path)), soft_wrap=True, markup=False, highlight=False)


def _run_folder(name: str, workspace: Path) -> Path:
    from kaogae.dataset.paths import check_name

    return workspace / "runs" / check_name(name, "run")


def _sets(names: list[str], workspace: Path) -> "list[FaceSet]":
    from kaogae.dataset import load

    return [load(_found(name, "set", workspace, "set.json")) for name in names]


def _found(name: str, what: str, workspace: Path, mark: str) -> Path:
    """The folder of a run or set, by its path or its name."""
    from kaogae.dataset.paths import check_name

    return found(name if Path(name).is_dir() else check_name(name, what), workspace / f"{what}s", mark)
