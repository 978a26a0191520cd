"""Confusion matrices as tables: for a terminal, LaTeX and HTML, and as CSV with every number.

Percentages are rounded, but never to 0 or 100 of what isn't none or all. A dot stands for none, a dash for
what was never asked for.
"""

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import NamedTuple

from rich.cells import cell_len

from kaogae.evaluate.confusion import PAPER, VERDICTS, Confusion, wilson
from kaogae.evaluate.correction import Corrected
from kaogae.expressions import EXPRESSIONS

LETTERS = 100
"""Most letters of a name."""
GAP = "  "
"""Between the columns of a terminal."""
NONE, UNKNOWN = "·", "–"
CSV_COLUMNS = (
    *("model", "asked_for", *VERDICTS, "faces", *(f"{verdict}_share" for verdict in VERDICTS)),
    *("accuracy", "low", "high", "corrected", "corrected_low", "corrected_high"),
)

_LATEX = str.maketrans(
    {letter: f"\\{letter}" for letter in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}"}
    | {NONE: r"\textperiodcentered{}", UNKNOWN: "--"}
)


@dataclass(frozen=True)
class Measured:
    """A matrix with a name, and what remains of it through a judge whose errors are known."""

    name: str
    confusion: Confusion
    corrected: Corrected | None = None
    rows: str = "asked for"
    """What the rows say about a face: of a judge's own matrix, what it shows."""


PAPERS = Measured("Mobini and Ghaderi (2020), Table II", PAPER)
"""To be put beside ours."""


class Cell(NamedTuple):
    """What stands in a place of a table."""

    text: str
    share: float | None = None
    """0 to 1, for a shade behind it."""
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells, whose first column names the row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[tuple[Cell, ...], ...] = ()
    """Rows below a line: means."""


def matrix(one: Measured, *, counts: bool = False, paper: bool = True) -> Table:
    """Table II of one model: what was seen of each row, and accuracies with their 95 % intervals.

    Args:
        counts: how often, in place of percentages of the row.
        paper: the paper's accuracies beside.
    """
    found = one.confusion
    paper = paper and found is not PAPER
    columns = [one.rows, *VERDICTS, "faces", "accuracy % (95 %)"]
    columns += ["corrected % (95 %)"] if one.corrected else []
    columns += ["paper %"] if paper else []

    def row(name: str, seen: Sequence[Cell], faces: int, k: int | None) -> tuple[Cell, ...]:
        ends = [as_interval(*_of(each, k)) for each in (found, one.corrected) if each]
        ends += [as_percent(_of(PAPER, k)[0], 1 if k is None else 0)] if paper else []
        return (Cell(name), *seen, Cell(f"{faces:,}"), *map(Cell, ends))

    rows = [
        row(expression, _verdicts(found, k, counts), int(found.totals[k]), k)
        for k, expression in enumerate(EXPRESSIONS)
    ]
    total, empty = int(found.totals.sum()), [Cell("")] * len(VERDICTS)
    foot = [row("mean", empty, total, None)]
    if len(set(found.totals.tolist())) > 1:  # else it is the mean
        every = as_interval(found.accuracy, *wilson(found.hits.sum(), total).tolist())
        blank = [Cell("")] * (len(columns) - len(VERDICTS) - 3)
        foot.append((Cell("all faces"), *empty, Cell(f"{total:,}"), Cell(every), *blank))
    unit = "counts" if counts else "% of each row"
    return Table(f"{as_name(one.name)}: {unit}", tuple(columns), tuple(rows), tuple(foot))


def accuracies(models: Sequence[Measured]) -> Table:
    """A column for each model, and for what is left through its judge: accuracy in %, with 95 % intervals."""
    columns: list[tuple[str, Confusion | Corrected]] = []
    for one in models:
        name = as_name(one.name)
        columns.append((name, one.confusion))
        columns += [(f"{name}, corrected", one.corrected)] if one.corrected else []

    def row(name: str, k: int | None) -> tuple[Cell, ...]:
        return (Cell(name), *(Cell(as_interval(*_of(found, k))) for _, found in columns))

    return Table(
        "Accuracy, % (95 % interval)",
        ("asked for", *(name for name, _ in columns)),
        tuple(row(expression, k) for k, expression in enumerate(EXPRESSIONS)),
        (row("mean", None),),
    )


def as_text(table: Table) -> str:
    """For a terminal; ends with a line break."""
    rows = [table.columns, *([cell.text for cell in row] for row in (*table.rows, *table.foot))]
    widths = [max(cell_len(row[k]) for row in rows) for k in range(len(table.columns))]

    def line(row: Sequence[str]) -> str:
        gaps = [" " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)]
        cells = [row[0] + gaps[0], *(gap + text for gap, text in zip(gaps[1:], row[1:], strict=True))]
        return GAP.join(cells).rstrip()

    rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
    lines = [line(row) for row in rows]
    if table.foot:
        lines.insert(-len(table.foot), rule)
    return "\n".join([table.title, lines[0], rule, *lines[1:]]) + "\n"


def as_latex(table: Table) -> str:
    r"""A `tabular` for LaTeX with the package booktabs; what is strong is bold."""

    def line(row: Sequence[Cell]) -> str:
        texts = [cell.text.translate(_LATEX) for cell in row]
        bold = [rf"\textbf{{{text}}}" if cell.strong else text for cell, text in zip(row, texts, strict=True)]
        return " & ".join(bold) + r" \\"

    return "\n".join(
        [
            f"% {table.title}",
            rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}",
            r"\toprule",
            line([Cell(column) for column in table.columns]),
            r"\midrule",
            *map(line, table.rows),
            *([r"\midrule"] if table.foot else []),
            *map(line, table.foot),
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def as_html(table: Table) -> str:
    """A `<table>`; a cell that has a share has it as `--share` in its style."""

    def cell(one: Cell) -> str:
        style = "" if one.share is None else f' style="--share:{one.share:.3f}"'
        text = html.escape(one.text)
        return f"<td{style}>{f'<strong>{text}</strong>' if one.strong else text}</td>"

    def line(row: Sequence[Cell]) -> str:
        return f'<tr><th scope="row">{html.escape(row[0].text)}</th>{"".join(map(cell, row[1:]))}</tr>'

    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in table.columns)
    return "\n".join(
        [
            "<table>",
            f"<caption>{html.escape(table.title)}</caption>",
            f"<thead><tr>{head}</tr></thead>",
            "<tbody>",
            *map(line, table.rows),
            "</tbody>",
            *(["<tfoot>", *map(line, table.foot), "</tfoot>"] if table.foot else []),
            "</table>",
            "",
        ]
    )


def as_csv(models: Sequence[Measured]) -> str:
    """Every number: a line for each model and expression, and one for each mean; shares are 0 to 1."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for one in models:
        name = as_name(one.name)
        name = name if name[:1].isalnum() else f"'{name}"  # a spreadsheet would take "=…" for a formula
        found, empty = one.confusion, [""] * len(VERDICTS)
        for k, expression in enumerate(EXPRESSIONS):
            shares = _exactly(*found.shares[k].tolist())
            counts = [*found.counts[k].tolist(), int(found.totals[k])]
            writer.writerow([name, expression, *counts, *shares, *_numbers(one, k)])
        writer.writerow([name, "mean", *empty, int(found.totals.sum()), *empty, *_numbers(one, None)])
    return out.getvalue()


def _verdicts(confusion: Confusion, asked: int, counts: bool) -> list[Cell]:
    """A row of the matrix."""
    if not confusion.totals[asked]:
        return [Cell(UNKNOWN)] * len(VERDICTS)
    row = zip(confusion.counts[asked].tolist(), confusion.shares[asked].tolist(), strict=True)
    return [
        Cell(
            f"{count:,}" if counts and count else as_percent(share, 0) if count else NONE,
            share,
            verdict == asked,
        )
        for verdict, (count, share) in enumerate(row)
    ]


def _of(found: Confusion | Corrected, k: int | None) -> tuple[float, float, float]:
    """Accuracy for the k-th expression, or their mean, and its interval."""
    if k is None:
        return found.mean_accuracy, *found.mean_interval
    low, high = found.class_intervals[k].tolist()
    return float(found.class_accuracies[k]), low, high


def _numbers(one: Measured, k: int | None) -> list[str]:
    theirs = _of(one.corrected, k) if one.corrected else (nan, nan, nan)
    return _exactly(*_of(one.confusion, k), *theirs)


def _exactly(*values: float) -> list[str]:
    return ["" if isnan(value) else f"{value:.6g}" for value in values]


def as_interval(share: float, low: float, high: float) -> str:
    """A share and its limits in %, with one digit; a dash if it isn't known."""
    if isnan(share):
        return UNKNOWN
    return f"{as_percent(share, 1)} ({as_percent(low, 1)}–{as_percent(high, 1)})"


def as_percent(share: float, digits: int) -> str:
    """A share in %: never 0 or 100 of what isn't none or all."""
    shown = round(100 * share, digits)
    if 1e-9 < share < 1 - 1e-9:
        shown = min(max(shown, 0.1**digits), 100 - 0.1**digits)
    return f"{shown:.{digits}f}"


def as_name(name: str) -> str:
    """Names come from strangers: nothing that a terminal would act on."""
    plain = "".join(letter if letter.isprintable() else "�" for letter in name)
    return plain if len(plain) <= LETTERS else f"{plain[: LETTERS - 1]}…"
