"""`kaogae dataset`: freeze and show."""

from pathlib import Path

import typer

from kaogae.cli.application import WORKSPACE, app, err, out

dataset_app = typer.Typer(help="Freeze labelled faces into immutable sets with splits.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")


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
