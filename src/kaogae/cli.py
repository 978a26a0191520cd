"""Every command. Bodies are short, heavy imports stand inside them; nothing else prints or exits."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape

from kaogae import __version__
from kaogae.errors import KaogaeError, UsageError

if TYPE_CHECKING:
    from kaogae.train import Step
    from kaogae.transfer import Outcome

app = typer.Typer(
    name="kaogae",
    help="Give an anime picture another facial expression, and everything that makes it possible.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)


@app.callback(invoke_without_command=True)
def version(
    show: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True),
) -> None:
    """Give an anime picture another facial expression."""
    if show:
        out.print(f"kaogae {__version__}")
        raise typer.Exit


dataset_app = typer.Typer(help="Freeze labelled faces into immutable sets with splits.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")

WORKSPACE = typer.Option(
    Path("kaogae-data"), "--workspace", envvar="KAOGAE_WORKSPACE", help="The folder with sets/ and runs/."
)


@dataset_app.command("freeze")
def dataset_freeze(
    name: str = typer.Argument(..., help="Name of the new set."),
    places: list[Path] = typer.Option(
        ..., "--from", help="A folder or manifest with labelled faces; may be given several times."
    ),
    size: int = typer.Option(224, "--size", help="Side of the aligned crops in pixels."),
    validation: float = typer.Option(0.1, "--validation", help="Share of the faces for validation."),
    test: float = typer.Option(0.1, "--test", help="Share of the faces for testing."),
    split_by: str = typer.Option("character", "--split-by", help="Never in two splits: character or source."),
    seed: int = typer.Option(0, "--seed", help="Another seed, other splits."),
    workspace: Path = WORKSPACE,
) -> None:
    """Freeze faces into sets/NAME: aligned crops, a manifest with splits, and a hash over everything."""
    from rich.progress import Progress

    from kaogae.dataset import Shares, freeze

    with Progress(console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task("faces", total=None)
        report = freeze(
            name,
            places,
            workspace / "sets",
            size=size,
            shares=Shares(validation, test),
            split_by=split_by,
            seed=seed,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    _print_counts(report.counts)
    for reason, count in report.left_out.items():
        out.print(f"left out: {count} ({reason})")
    out.print(f"{report.path}  {report.hash}", soft_wrap=True)


@dataset_app.command("show")
def dataset_show(
    name: str = typer.Argument(..., help="Name of a frozen set."),
    to: Path | None = typer.Option(
        None, "--out", "-o", help="Folder for the sheets; default: runs/NAME-sheets."
    ),
    workspace: Path = WORKSPACE,
) -> None:
    """Count a set's faces and draw a contact sheet for each expression."""
    from kaogae.dataset import contact_sheet, load
    from kaogae.dataset.paths import check_name
    from kaogae.expressions import EXPRESSIONS
    from kaogae.images import Picture, save_picture

    faces = load(workspace / "sets" / check_name(name))
    folder = to or workspace / "runs" / f"{name}-sheets"
    folder.mkdir(parents=True, exist_ok=True)
    for expression in EXPRESSIONS:
        save_picture(Picture.of(contact_sheet(faces, expression)), folder / f"{expression}.png")
    _print_counts(faces.counts())
    out.print(f"sheets: {folder}", soft_wrap=True)


def _print_counts(counts: dict[str, dict[str, int]]) -> None:
    from rich.table import Table

    table = Table("split", *next(iter(counts.values())), "faces")
    for split, row in counts.items():
        table.add_row(split, *map(str, row.values()), str(sum(row.values())))
    out.print(table)


@app.command()
def transfer(
    pictures: list[Path] = typer.Argument(..., metavar="PICTURE...", help="Pictures, or folders of them."),
    to: list[str] = typer.Option(
        ["all"], "--to", help="happy, sad, crying, neutral, surprised or all; may be given several times."
    ),
    strength: float = typer.Option(1.0, "--strength", help="0 is as it was, 1 the full expression."),
    face: str = typer.Option("largest", "--face", help="largest, all, or a number: 1 is the largest."),
    crop: bool = typer.Option(False, "--crop", help="Write the aligned face alone."),
    sheet: bool = typer.Option(False, "--sheet", help="Also write a contact sheet of all faces."),
    output: Path = typer.Option(
        Path("transferred"), "--out", "-o", help="Folder for the results; a file if there is only one."
    ),
    model: Path | None = typer.Option(None, "--model", help="An ONNX model instead of the built-in one."),
    save_mask: bool = typer.Option(False, "--save-mask", help="Also write which region was edited."),
    as_json: bool = typer.Option(False, "--json", help="Print a report for machines."),
) -> None:
    """Give the faces in pictures other expressions, and change nothing else.

    Results are called NAME.EXPRESSION and are files of the input's kind. Inputs are never overwritten.
    """
    from kaogae.expressions import EXPRESSIONS, parse_expression
    from kaogae.transfer import Options, Transferrer, check_strength, parse_face, plan, run, save_sheets

    named = dict.fromkeys(parse_expression(one) for one in to if one.strip().lower() != "all")
    chosen = EXPRESSIONS if any(one.strip().lower() == "all" for one in to) else tuple(named)
    options = Options(chosen, check_strength(strength), parse_face(face), crop, save_mask, sheet)
    jobs = plan(pictures, output, options)
    outcomes = _follow(run(Transferrer.load(model), jobs, options), len(jobs))
    folder = jobs[0].folder if jobs[0].exactly else output
    sheets = save_sheets(["input", *chosen], [row for one in outcomes for row in one.rows], folder)
    if as_json:
        print(json.dumps({"pictures": [one.report() for one in outcomes], "sheets": list(map(str, sheets))}))
    else:
        written = sum(len(paths) for one in outcomes for paths in one.written.values())
        lines = [f"{written} files in {folder}"] if written else []
        for line in (*lines, *(f"contact sheet: {path}" for path in sheets)):
            out.print(line, soft_wrap=True, highlight=False, markup=False)
    failed = sum(one.error is not None for one in outcomes)
    if failed:
        raise typer.Exit(2 if failed == len(jobs) else 1)


def _follow(outcomes: "Iterable[Outcome]", total: int) -> "list[Outcome]":
    """Say on stderr what becomes of each picture: below a bar on a terminal, as plain lines elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    done: list[Outcome] = []
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal or total == 1, transient=True) as bar:
        for outcome in bar.track(outcomes, total):
            done.append(outcome)
            count = f"[{len(done)}/{total}] " if total > 1 else ""
            line = f"kaogae: {outcome.error}" if outcome.error else str(outcome)
            err.print(f"{count}{line}", soft_wrap=True, highlight=False, markup=False)
    return done


@app.command()
def atelier(
    folder: Path = typer.Option(..., "--out", "-o", help="A new folder, or one that this command wrote."),
    characters: int = typer.Option(200, "--characters", help="Characters to draw, each in all expressions."),
    scenes: int = typer.Option(0, "--scenes", help="Whole illustrations to draw besides."),
    size: int = typer.Option(256, "--size", help="Side of the aligned faces in pixels."),
    seed: int = typer.Option(
        0, "--seed", help="The first character's seed; the same seed draws the same faces."
    ),
    intensity: tuple[float, float] = typer.Option(
        (0.6, 1.0), "--intensity", help="Least and most intensity of the expressions, 0 to 1."
    ),
    roughness: float = typer.Option(
        1.0, "--roughness", help="Light, grain, blur and noise: 0 none, 1 as in the wild."
    ),
    workers: int | None = typer.Option(None, "--workers", help="Processes; default: one per processor."),
    as_json: bool = typer.Option(False, "--json", help="Print a report for machines."),
) -> None:
    """Draw anime faces in every expression, with the truth about each in manifest.jsonl."""
    from rich.progress import Progress

    from kaogae.atelier.manifest import Order, contact_sheet, write_folder

    order = Order(size, intensity=intensity, roughness=roughness)
    with Progress(console=err, disable=as_json or not err.is_terminal) as bar:
        task = bar.add_task("drawing", total=characters + scenes)
        rows = write_folder(
            folder,
            order,
            characters,
            scenes,
            seed=seed,
            workers=workers,
            progress=lambda done: bar.update(task, completed=done),
        )
    sheet = contact_sheet(folder, rows)
    if as_json:
        print(json.dumps({"folder": str(folder), "faces": len(rows), "sheet": str(sheet)}))
    else:
        out.print(f"{len(rows)} faces in {folder}; look at {sheet}", soft_wrap=True)


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


@app.command()
def export(
    run: Path = typer.Argument(..., metavar="RUN", help="Name or folder of a run, or a checkpoint."),
    kind: str = typer.Option("onnx", "--to", help="onnx or safetensors."),
    output: Path | None = typer.Option(
        None, "--out", "-o", help="The file; default: RUN.onnx or RUN.safetensors."
    ),
    half: bool = typer.Option(True, "--half/--full", help="Store the weights of an ONNX file as float16."),
    workspace: Path = WORKSPACE,
) -> None:
    """Write the generator of a run as a file, checked against PyTorch."""
    from kaogae.train import export_run

    place = run if run.exists() else workspace / "runs" / run
    target = output or Path(f"{place.name if place.is_dir() else place.stem}.{kind}")
    report = export_run(place, kind, target, half=half)
    out.print(
        f"{target}: {report.bytes / 1e6:.1f} MB, at most {report.difference:.5f} from PyTorch",
        soft_wrap=True,
        highlight=False,
    )


def main() -> None:
    """Entry point: an error becomes one sentence and exit code 2, Ctrl-C becomes 130."""
    # What libraries have to say about damaged files is in that sentence
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except KaogaeError as error:
        code = _complain(str(error))
    except OSError as error:  # a path that no command expected: too long, no permission, a file as a folder
        code = _complain(f"{error.filename or 'A file'} can't be used: {error.strerror or error}.")
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        complaint = getattr(
            error, "format_message", None
        )  # Typer's own errors: it doesn't export their class
        if complaint is None:
            raise
        code = _complain(complaint())
    if code == 130:
        err.print("kaogae: stopped.")
    sys.exit(code or 0)


def _complain(sentence: str) -> int:
    if sentence:
        err.print(f"[bold red]kaogae:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    return 2


if __name__ == "__main__":
    main()
