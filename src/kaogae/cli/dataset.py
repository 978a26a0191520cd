"""`kaogae dataset`: freeze, show, export and share."""

import json
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import CATALOG, WORKSPACE, app, out, plain
from kaogae.errors import UsageError

if TYPE_CHECKING:
    from kaogae.dataset import SourceFaces

dataset_app = typer.Typer(help="Freeze labelled faces into immutable sets with splits.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")

CATALOGUE = "catalog"
"""What `--from` calls the workspace's catalogue."""

JSON = typer.Option(False, "--json", help="Print a report for machines.")


@dataset_app.command("freeze")
def dataset_freeze(
    name: str = typer.Argument(..., help="Name of the new set."),
    places: list[str] = typer.Option(
        [CATALOGUE],
        "--from",
        help="'catalog', or a folder or manifest with labelled faces; may be given several times.",
    ),
    expressions: list[str] = typer.Option([], "--expression", help="Catalogue: only this expression."),
    sites: list[str] = typer.Option([], "--site", help="Catalogue: only pictures from this site."),
    origins: list[str] = typer.Option(
        [], "--label-origin", help="Catalogue: only labels known from tag, file name, folder, drawn or votes."
    ),
    confidence: float = typer.Option(0.0, "--least-confidence", help="Catalogue: of the detector, 0 to 1."),
    side: float = typer.Option(0.0, "--least-side", help="Catalogue: of the crop, in picture pixels."),
    paper: bool = typer.Option(
        False, "--paper", help="Eight random flipped 192 × 192 crops of each 224 × 224 face, as the paper."
    ),
    size: int = typer.Option(224, "--size", help="Side of the aligned crops in pixels."),
    validation: float = typer.Option(0.1, "--validation", help="Share of the faces for validation."),
    test: float = typer.Option(0.1, "--test", help="Share of the faces for testing."),
    split_by: str = typer.Option("character", "--split-by", help="Never in two splits: character or source."),
    new_splits: bool = typer.Option(False, "--new-splits", help="Forget the splits that faces come with."),
    seed: int = typer.Option(0, "--seed", help="Another seed, other splits and other random crops."),
    workers: int | None = typer.Option(None, "--workers", help="Processes; default: one per processor."),
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Freeze faces into sets/NAME: aligned crops, a manifest with splits, and a hash over everything."""
    from kaogae.cli.progress import watch
    from kaogae.dataset import Shares, freeze
    from kaogae.dataset.paths import check_name

    check_name(name)
    choice = (expressions, sites, origins, confidence, side)
    if CATALOGUE not in places and any(choice):
        raise UsageError("--expression, --site and the like choose from the catalogue: add --from catalog.")
    with ExitStack() as stack:
        found = [
            stack.enter_context(_catalogued(workspace, catalog, *choice))
            if place == CATALOGUE
            else Path(place)
            for place in places
        ]
        report = freeze(
            name,
            found,
            workspace / "sets",
            size=size,
            shares=Shares(validation, test),
            split_by=split_by,
            seed=seed,
            keep_splits=not new_splits,
            paper=paper,
            workers=workers,
            progress=stack.enter_context(watch("faces")),
        )
    if as_json:
        print(json.dumps(asdict(report) | {"path": str(report.path)}))
        return
    _print_counts(report.counts)
    for title, counts in (("from", report.sources), ("labels", report.label_origins)):
        out.print(f"{title}: {_list(counts)}", soft_wrap=True, markup=False, highlight=False)
    if report.enhanced:
        out.print(f"enhanced: {_list(report.enhanced)}", soft_wrap=True, markup=False, highlight=False)
    for reason, count in report.left_out.items():
        out.print(f"left out: {count} ({reason})")
    out.print(f"{report.path}  {report.hash}", soft_wrap=True)


@contextmanager
def _catalogued(
    folder: Path,
    url: str | None,
    expressions: list[str],
    sites: list[str],
    origins: list[str],
    confidence: float,
    side: float,
) -> "Generator[SourceFaces]":
    from kaogae.catalog import Workspace
    from kaogae.dataset.catalogued import Choice, catalogued_faces
    from kaogae.expressions import parse_expression

    named = tuple(parse_expression(name) for name in expressions)
    choice = Choice(named, tuple(sites), tuple(origins), confidence, side)
    workspace = Workspace(folder, url)
    with closing(workspace.existing("collect pictures first, or name a folder with --from")) as catalog:
        yield catalogued_faces(workspace, catalog, choice)


@dataset_app.command("show")
def dataset_show(
    name: str = typer.Argument(..., help="Name of a frozen set."),
    to: Path | None = typer.Option(
        None, "--out", "-o", help="Folder for the sheets; default: runs/NAME-sheets."
    ),
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
) -> None:
    """Count a set's faces and draw a contact sheet for each expression."""
    from collections import Counter

    from kaogae.dataset import contact_sheet, load
    from kaogae.dataset.paths import check_name
    from kaogae.expressions import EXPRESSIONS
    from kaogae.images import Picture, save_picture

    faces = load(workspace / "sets" / check_name(name))
    folder = to or workspace / "runs" / f"{name}-sheets"
    folder.mkdir(parents=True, exist_ok=True)
    for expression in EXPRESSIONS:
        save_picture(Picture.of(contact_sheet(faces, expression)), folder / f"{expression}.png")
    lists = {
        "from": Counter(face.source for face in faces.faces),
        "labels": Counter(face.label_origin for face in faces.faces),
        "licences": Counter(face.licence or "not stated" for face in faces.faces),
    }
    if as_json:
        about = {"name": faces.name, "size": faces.size, "hash": faces.hash, "counts": faces.counts()}
        print(json.dumps(about | lists | {"sheets": str(folder)}))
        return
    _print_counts(faces.counts())
    for title, counts in lists.items():
        text = f"{title}: {_list(dict(counts.most_common()))}"
        out.print(text, soft_wrap=True, markup=False, highlight=False)
    out.print(f"sheets: {folder}", soft_wrap=True)


@dataset_app.command("export")
def dataset_export(
    name: str = typer.Argument(..., help="Name of a frozen set."),
    kind: str = typer.Option(..., "--to", help="imagefolder, huggingface, webdataset or coco."),
    to: Path | None = typer.Option(None, "--out", "-o", help="A new folder; default: NAME-KIND."),
    shard_size: int = typer.Option(1000, "--shard-size", help="WebDataset: faces per file."),
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
) -> None:
    """Write a set in a form that other programs read: the same pictures, labels and splits."""
    from kaogae.cli.progress import watch
    from kaogae.dataset import export, load
    from kaogae.dataset.paths import check_name

    faces = load(workspace / "sets" / check_name(name))
    with watch("faces") as follow:
        report = export(faces, kind, to or Path(f"{name}-{kind}"), shard_size=shard_size, progress=follow)
    if as_json:
        print(json.dumps(asdict(report) | {"path": str(report.path)}))
        return
    out.print(
        f"{report.path}: {report.faces} faces, {report.files} files, {report.bytes / 1e6:.1f} MB",
        soft_wrap=True,
        highlight=False,
    )


@dataset_app.command("share")
def dataset_share(
    name: str | None = typer.Argument(None, help="Name of a frozen set."),
    every: bool = typer.Option(False, "--all", help="Every kept face with a label instead of a set's."),
    to: Path | None = typer.Option(
        None, "--out", "-o", help="The file, packed if it ends in .gz; default: NAME.share.jsonl.gz."
    ),
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Write where a set's faces are found and what they show, without pictures and names of people."""
    from kaogae.catalog import Workspace
    from kaogae.cli.progress import watch
    from kaogae.dataset.share import share

    if every == (name is not None):
        raise UsageError("What should be shared? Give the name of a frozen set, or --all.")
    place = Workspace(workspace, catalog)
    target = to or Path(f"{name or 'all'}.share.jsonl.gz")
    with closing(place.existing()) as opened, watch("pictures") as follow:
        report = share(place, opened, name, target, progress=follow)
    if as_json:
        print(json.dumps(vars(report) | {"path": str(report.path)}))
        return
    sizes = f"{report.faces} faces on {report.pictures} pictures, {report.votes} votes"
    out.print(f"{sizes}: {_list(dict(report.expressions))}", soft_wrap=True, highlight=False)
    if report.by_hash:
        out.print(f"only for those who have the files: {report.by_hash} faces", highlight=False)
    for reason, count in report.left_out.items():
        out.print(f"left out: {count} ({reason})", markup=False)
    out.print(f"{report.path}  {report.hash}", soft_wrap=True)


def _print_counts(counts: dict[str, dict[str, int]]) -> None:
    from rich.table import Table

    table = Table("split", *next(iter(counts.values())), "faces")
    for split, row in counts.items():
        table.add_row(split, *map(str, row.values()), str(sum(row.values())))
    out.print(table)


def _list(counts: dict[str, int]) -> str:
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    more = f" and {len(most) - 8} more" if len(most) > 8 else ""
    return plain(", ".join(f"{name} {count}" for name, count in most[:8])) + more
