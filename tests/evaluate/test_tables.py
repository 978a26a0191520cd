"""Tables: every format says the same, nothing is rounded to all or none, and no name breaks out."""

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from rich.cells import cell_len

from kaogae.evaluate.confusion import OTHER, PAPER, VERDICTS, Confusion
from kaogae.evaluate.correction import corrected
from kaogae.evaluate.tables import (
    PAPERS,
    Measured,
    Table,
    accuracies,
    as_csv,
    as_html,
    as_latex,
    as_text,
    matrix,
)
from kaogae.expressions import EXPRESSIONS

PERFECT = Confusion(np.eye(5, 6, dtype=np.int64) * 100)
OURS = Measured("ours", Confusion(PAPER.counts[:, [0, 1, 3, 2, 4, 5]]), corrected(PAPER, PERFECT, rounds=200))
"""As the paper's, but neutral and crying faces are taken for each other."""

names = st.text(max_size=120)
measured = st.builds(
    Measured, names, st.builds(Confusion, arrays.arrays(np.int64, (5, 6), elements=st.integers(0, 2000)))
)


def html_cells(table: Table) -> list[list[str]]:
    root = ElementTree.fromstring(as_html(table))
    return [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]


def expected(table: Table) -> list[list[str]]:
    return [list(table.columns), *([cell.text for cell in row] for row in (*table.rows, *table.foot))]


def test_the_papers_table_as_text() -> None:
    title, head, rule, *rows, line, mean = as_text(matrix(PAPERS)).splitlines()
    assert title == "Mobini and Ghaderi (2020), Table II: % of each row"
    assert head.split() == ["asked", "for", *VERDICTS, "faces", "accuracy", "%", "(95", "%)"]
    assert rule == line == "─" * len(head)
    assert [row.split() for row in rows] == [
        ["happy", "89", "2", "·", "5", "1", "3", "100", "89.0", "(81.4–93.7)"],
        ["sad", "1", "74", "8", "10", "·", "7", "100", "74.0", "(64.6–81.6)"],
        ["crying", "·", "14", "72", "5", "·", "9", "100", "72.0", "(62.5–79.9)"],
        ["neutral", "3", "9", "1", "78", "4", "5", "100", "78.0", "(68.9–85.0)"],
        ["surprised", "·", "1", "·", "5", "91", "3", "100", "91.0", "(83.8–95.2)"],
    ]
    assert mean.split() == ["mean", "500", "80.8", "(76.9–83.7)"]


def test_the_page_shows_the_papers_table() -> None:
    page = Path(__file__).parents[2] / "docs/evaluate.md"
    assert f"```\n{as_text(matrix(PAPERS))}```\n" in page.read_text("utf-8")


def test_ours_has_the_papers_accuracies_beside() -> None:
    table = matrix(OURS)
    assert table.columns[-2:] == ("corrected % (95 %)", "paper %")
    assert [row[-1].text for row in table.rows] == ["89", "74", "72", "78", "91"]
    assert table.foot[0][-1].text == "80.8"
    assert table.rows[2][1:7] == matrix(OURS, paper=False).rows[2][1:7]
    assert matrix(OURS, paper=False).columns[-1] == "corrected % (95 %)"


def test_a_judges_own_matrix_has_rows_of_what_faces_show() -> None:
    table = matrix(Measured("judge", PERFECT, rows="shows"), paper=False)
    assert table.columns == ("shows", *VERDICTS, "faces", "accuracy % (95 %)")


def test_counts_stand_for_themselves() -> None:
    twice = Measured("twice", Confusion(PAPER.counts * 20))
    assert [cell.text for cell in matrix(twice, counts=True).rows[0][1:8]] == [
        *("1,780", "40", "·", "100", "20", "60", "2,000")
    ]
    assert matrix(twice).rows[0][1].text == "89"


def test_the_diagonal_is_strong_and_cells_have_their_shares() -> None:
    rows = matrix(PAPERS).rows
    strong = {(i, k) for i, row in enumerate(rows) for k, cell in enumerate(row) if cell.strong}
    assert strong == {(i, i + 1) for i in range(5)}
    assert rows[2][2].share == pytest.approx(0.14)
    assert 'style="--share:0.140">14<' in as_html(matrix(PAPERS))
    assert "<strong>72</strong>" in as_html(matrix(PAPERS))
    assert r"\textbf{72}" in as_latex(matrix(PAPERS))


@pytest.mark.parametrize(("hits", "shown"), [(0, "·"), (1, "1"), (500, "50"), (999, "99"), (1000, "100")])
def test_nothing_is_rounded_to_all_or_none(hits: int, shown: str) -> None:
    wanted = np.zeros(1000, np.int64)
    seen = np.where(np.arange(1000) < hits, 0, OTHER)
    assert matrix(Measured("", Confusion.of(wanted, seen))).rows[0][1].text == shown


def test_unequal_rows_have_the_accuracy_of_all_faces_too() -> None:
    table = matrix(Measured("few", Confusion.of([0, 0, 1], [0, 5, 1])))
    mean, every = table.foot
    assert mean[8].text.startswith("75.0 (")
    assert every[8].text.startswith("66.7 (20.8–93.9)")
    assert [cell.text for cell in table.rows[2][1:9]] == [*["–"] * 6, "0", "–"]
    assert len(matrix(PAPERS).foot) == 1


def test_accuracies_stand_side_by_side() -> None:
    table = accuracies([OURS, PAPERS])
    assert table.columns == ("asked for", "ours", "ours, corrected", PAPERS.name)
    assert [cell.text for cell in table.rows[2]][::3] == ["crying", "72.0 (62.5–79.9)"]
    assert table.rows[2][1].text.startswith("5.0 (")
    assert table.rows[2][2].text.startswith("72.0 (")
    assert [row[0].text for row in (*table.rows, *table.foot)] == [*EXPRESSIONS, "mean"]


def test_latex_is_a_tabular_of_booktabs() -> None:
    lines = as_latex(matrix(PAPERS)).splitlines()
    assert lines[1:4] == [
        r"\begin{tabular}{lrrrrrrrr}",
        r"\toprule",
        "asked for & happy & sad & crying & neutral & surprised & other & faces & accuracy \\% (95 \\%) \\\\",
    ]
    assert (
        lines[6] == r"sad & 1 & \textbf{74} & 8 & 10 & \textperiodcentered{} & 7 & 100 & 74.0 (64.6--81.6) \\"
    )
    assert [line for line in lines if "rule" in line] == [
        r"\toprule",
        r"\midrule",
        r"\midrule",
        r"\bottomrule",
    ]


@given(st.lists(measured, min_size=1, max_size=3))
def test_html_says_what_the_table_says(models: list[Measured]) -> None:
    for table in (*map(matrix, models), accuracies(models)):
        assert html_cells(table) == expected(table)


@given(measured)
def test_text_has_a_line_for_each_row_in_columns_of_one_width(one: Measured) -> None:
    for table in (matrix(one), accuracies([one, PAPERS])):
        lines = as_text(table).split("\n")
        rows = expected(table)
        assert len(lines) == 1 + len(rows) + (2 if table.foot else 1) + 1
        assert max(map(cell_len, lines[1:])) == cell_len(lines[2])


@given(st.lists(measured, min_size=1, max_size=3))
def test_csv_has_every_count_and_share(models: list[Measured]) -> None:
    rows = list(csv.DictReader(as_csv(models).splitlines()))
    assert len(rows) == 6 * len(models)
    for k, one in enumerate(models):
        mine = rows[6 * k : 6 * k + 6]
        assert [row["asked_for"] for row in mine] == [*EXPRESSIONS, "mean"]
        assert [
            [int(row[verdict]) for verdict in VERDICTS] for row in mine[:5]
        ] == one.confusion.counts.tolist()
        shares = [[float(row[f"{verdict}_share"] or "nan") for verdict in VERDICTS] for row in mine[:5]]
        assert shares == pytest.approx(one.confusion.shares, abs=1e-5, nan_ok=True)
        assert float(mine[5]["accuracy"] or "nan") == pytest.approx(
            one.confusion.mean_accuracy, abs=1e-5, nan_ok=True
        )
        assert mine[5]["faces"] == str(one.confusion.counts.sum())


def test_csv_has_intervals_and_what_was_corrected() -> None:
    ours, *_, mean = csv.DictReader(as_csv([OURS]).splitlines())
    assert [float(ours[name]) for name in ("accuracy", "low", "high")] == pytest.approx(
        [0.89, 0.8137, 0.9375], abs=5e-5
    )
    assert float(mean["corrected"]) == pytest.approx(0.808, abs=1e-5)
    assert float(mean["corrected_low"]) < 0.8 < float(mean["corrected_high"])


def test_names_of_strangers_cant_break_out() -> None:
    name = "=1+1\n</caption><script>\x1b[31m & 50 % of $\\evil{_}$ ~^#"
    table = matrix(Measured(name, PAPER))
    assert "\x1b" not in as_text(table)
    assert as_text(table).count("\n") == 10
    assert "<script>" not in as_html(table)
    assert html_cells(table) == expected(table)
    assert as_csv([Measured(name, PAPER)]).splitlines()[1].startswith("'=1+1")
    latex = as_latex(accuracies([Measured(name, PAPER)]))
    assert r"\& 50 \% of \$\textbackslash{}evil\{\_\}\$ \textasciitilde{}\textasciicircum{}\#" in latex
    assert len(matrix(Measured("x" * 1000, PAPER)).title) < 130


@given(names)
def test_no_name_adds_a_column_or_a_line_to_latex(name: str) -> None:
    for table in (matrix(Measured(name, PERFECT)), accuracies([Measured(name, PERFECT)])):
        lines = as_latex(table).removesuffix("\n").split("\n")
        body = [line for line in lines[2:] if line.endswith(r"\\")]
        assert len(lines) == len(body) + len(table.foot[:1]) + 6 - (not table.foot)
        assert all(len(re.findall(r"(?<!\\)&", line)) == len(table.columns) - 1 for line in body)
