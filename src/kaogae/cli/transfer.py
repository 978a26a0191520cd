"""`kaogae transfer`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import app, err, out

if TYPE_CHECKING:
    from kaogae.transfer import Outcome


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
    model: str | None = typer.Option(
        None, "--model", help="An ONNX model, or hf://OWNER/NAME, instead of the built-in one."
    ),
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
