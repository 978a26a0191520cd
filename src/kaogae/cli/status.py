"""`kaogae status`: what was collected, kept and rejected, and the paper's Table I."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import CATALOG, WORKSPACE, app, out, plain

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from kaogae.catalog.counts import Counts, Group

COLUMNS = ("happy", "sad", "crying", "neutral", "surprised", "none", "all")
"""The expressions, as a light import: `kaogae.expressions` brings NumPy."""

LABEL = 22
"""Characters that the names of rows should have."""

MOST_ROWS = 12
"""Rows of one section: what comes after is one row."""

MOST_SOURCES = 6
"""More projects or folders than these are one row; `--json` lists them all."""

EMPTY = """Nothing is collected yet in {where}. Begin with one of

  kaogae collect danbooru --expression happy --limit 100
  kaogae collect folder PATH --expression sad
  kaogae collect renpy PATH

and then find the faces: kaogae faces"""


@app.command("status")
def status(
    source: str | None = typer.Option(None, "--source", help="Only this one: danbooru, renpy:NAME, …"),
    as_json: bool = typer.Option(False, "--json", help="For machines: everything, as JSON."),
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Count pictures, faces, labels and rejections, beside the paper's Table I."""
    import json

    from kaogae.catalog import Workspace
    from kaogae.catalog.counts import Counts, count, merged

    where = "the catalogue" if catalog else str(workspace)
    if catalog is None and not (workspace / "catalog.db").exists():
        counts = Counts((), (), 0)  # looking makes no workspace
    else:
        opened = Workspace(workspace, catalog).open()
        where = opened.place
        try:
            counts = count(opened, source)
        finally:
            opened.close()
    if as_json:
        out.print_json(json.dumps(_json(counts)))
    elif not counts.pictures and not counts.faces:
        what = f"Nothing of the source '{source}' is in {where}." if source else EMPTY.format(where=where)
        out.print(plain(what), soft_wrap=True, markup=False, highlight=False)
    else:
        out.print(f"Catalogue: {plain(where)}", soft_wrap=True, markup=False, highlight=False)
        out.print(_matrix(merged(counts, MOST_SOURCES)))
        out.print(_table_one(counts))
        _what_next(counts)


def _json(counts: "Counts") -> dict[str, object]:
    from dataclasses import asdict

    return {
        "pictures": [group._asdict() for group in counts.pictures],
        "faces": [group._asdict() for group in counts.faces],
        "to_upscale": counts.to_upscale,
        "table_1": [asdict(row) for row in counts.table_one()],
    }


def _matrix(counts: "Counts", *, short: bool = False) -> "Table":
    """Sections of rows; in each the same columns: the five expressions, none of them, all.

    `short`: write 205k for 205,371. Where the terminal is narrow, that is done, and names are cut.
    """
    from rich import box
    from rich.table import Table

    kept = [group for group in counts.faces if group.state == "kept"]
    rejected = [[g for g in groups if g.state == "rejected"] for groups in (counts.pictures, counts.faces)]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True, overflow="ellipsis")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    add = partial(_section, table, short=short)
    add("Pictures by source", counts.pictures, "site")
    add("Pictures by state", counts.pictures, "state", total=False)
    add("Pictures rejected", rejected[0], "reason")
    add("Faces kept by source", kept, "site")
    add("Faces kept, label from", kept, "label_origin", total=False)
    add("Faces rejected", rejected[1], "reason")
    room = out.width - 2 * len(table.columns)  # a space and a line of spaces for each
    for column, name in zip(table.columns[1:], COLUMNS, strict=True):
        column.width = max(len(str(cell)) for cell in (name, *column.cells))
        room -= column.width
    if room < LABEL and not short:
        return _matrix(counts, short=True)
    table.columns[0].max_width = max(room, 10)
    return table


def _section(
    table: "Table", title: str, groups: Iterable["Group"], name: str, *, total: bool = True, short: bool
) -> None:
    from rich.text import Text

    rows: dict[str, Counter[str]] = {}
    for group in groups:
        label = getattr(group, name) or ("no label" if name == "label_origin" else "no reason given")
        rows.setdefault(label, Counter())[group.expression or "none"] += group.number
    if not rows:
        return
    ordered = sorted(rows.items(), key=lambda row: (-row[1].total(), row[0]))
    if len(ordered) > MOST_ROWS + 1:
        rest = sum((row for _, row in ordered[MOST_ROWS:]), Counter[str]())
        ordered = [*ordered[:MOST_ROWS], (f"… {len(ordered) - MOST_ROWS} others", rest)]
    table.add_row(Text(title, "bold"))
    for label, row in ordered:
        table.add_row(Text("  " + plain(label)), *_cells(row, short))
    if total and len(ordered) > 1:
        table.add_row(Text("  all"), *_cells(sum(rows.values(), Counter[str]()), short), style="bold")
    table.add_section()


def _cells(row: dict[str, int], short: bool) -> "list[Text]":
    from rich.text import Text

    numbers = [row.get(name, 0) for name in COLUMNS[:-1]]
    return [Text(_number(n, short)) if n else Text("·", "dim") for n in (*numbers, sum(numbers))]


def _number(number: int, short: bool) -> str:
    if short and number >= 1_000_000:
        return f"{number / 1e6:.2f}M"
    return f"{number // 1000}k" if short and number >= 10_000 else f"{number:,}"


def _table_one(counts: "Counts") -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = counts.table_one()
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("Table I")
    table.add_column("main source", no_wrap=True, overflow="ellipsis")
    table.add_column("faces", justify="right", style="bold")
    table.add_column("paper: source")
    table.add_column("keyword")
    table.add_column("faces", justify="right")
    table.add_column("ratio", justify="right")
    for row in rows:
        paper, ratio = row.paper, f"{row.faces / row.paper.faces:.2f}"
        here = (Text(plain(row.source or "·")), f"{row.faces:,}")
        table.add_row(str(row.expression), *here, paper.source, paper.keyword, f"{paper.faces:,}", ratio)
    here, there = sum(row.faces for row in rows), sum(row.paper.faces for row in rows)
    table.add_section()
    table.add_row("all", "", f"{here:,}", "", "", f"{there:,}", f"{here / there:.2f}", style="bold")
    return table


def _what_next(counts: "Counts") -> None:
    waiting = sum(group.number for group in counts.pictures if group.state == "waiting")
    labelled = sum(group.number for group in counts.faces if group.state == "kept" and group.expression)
    if waiting:
        out.print(f"Next: kaogae faces ({waiting:,} pictures wait)", highlight=False)
    if counts.to_upscale:
        out.print(f"Next: kaogae upscale ({counts.to_upscale:,} faces wait)", highlight=False)
    if labelled and not waiting and not counts.to_upscale:
        out.print(f"Next: kaogae dataset freeze NAME ({labelled:,} labelled faces)", highlight=False)
