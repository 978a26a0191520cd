"""Figure 3 of runs: which panels, what sets the scale, the same bytes every time."""

import json
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from kaogae.errors import ModelError, UsageError
from kaogae.train.plot import FIGURE_3, Curves, draw_curves, figure_of

Row = dict[str, float]


def rows(count: int, keys: tuple[str, ...] = tuple(panel.key for panel in FIGURE_3)) -> list[Row]:
    dice = np.random.default_rng(0)
    return [
        {"iteration": 10 * i, "images": 160 * i} | {key: float(dice.normal(1, 0.1)) for key in keys}
        for i in range(1, count + 1)
    ]


def run(folder: Path, lines: list[Row]) -> Path:
    folder.mkdir(parents=True)
    (folder / "losses.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    return folder


def test_two_rows_of_three_panels_become_svg_and_png(tmp_path: Path) -> None:
    svg, png = draw_curves([Curves("one", rows(20)), Curves("two", rows(400))], tmp_path / "deep" / "figure")
    assert (svg.name, png.name) == ("figure.svg", "figure.png")
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    height, width, _ = cv2.imread(str(png)).shape
    assert width == 1440
    assert 1 < width / height < 2


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        draw_curves([Curves("run", rows(300))], tmp_path / name)
    for kind in ("svg", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_panels_and_legend_are_the_papers_and_the_runs() -> None:
    figure = figure_of([Curves("baseline", rows(50)), Curves("_$x$", rows(50))])
    assert [axes.get_title("left") for axes in figure.axes] == [panel.title for panel in FIGURE_3]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["baseline", r"_\$x\$"]
    assert len({line.get_color() for line in figure.axes[0].lines}) == 2


def test_outliers_do_not_set_the_scale_and_are_counted() -> None:
    ill = rows(500)
    for row in ill[100:103]:
        row["d_penalty"] = 1e6
    figure = figure_of([Curves("run", ill)])
    low, high = figure.axes[2].get_ylim()
    assert 0 < low < high < 2
    assert "lie outside" in figure.get_supxlabel()


@pytest.mark.parametrize("scale", [1e-5, 1e-3, 1, 1e4, 1e7])
def test_labels_of_small_and_large_values_are_numbers_with_nothing_above_the_axis(scale: float) -> None:
    scaled = [{key: x * (scale if "_" in key else 1) for key, x in row.items()} for row in rows(60)]
    figure = figure_of([Curves("run", scaled)])
    figure.canvas.draw()
    for axes in figure.axes:
        assert axes.yaxis.get_offset_text().get_text() == ""
        shown = [label.get_text().replace("−", "-") for label in axes.get_yticklabels()]
        assert len(set(shown)) == len(shown) > 2
        for place, text in zip(axes.get_yticks(), shown, strict=True):
            number = float(text.replace("k", "e3").replace("M", "e6"))
            assert number == pytest.approx(place, abs=1e-9)
        assert max(map(len, shown)) < 8


def test_a_loss_that_is_always_zero_is_a_line_in_the_middle() -> None:
    figure = figure_of([Curves("run", [row | {"g_reconstruction": 0.0} for row in rows(60)])])
    assert figure.axes[5].get_ylim() == (-1, 1)


def test_few_points_are_all_within_the_scale() -> None:
    few = rows(6)
    few[3]["d_classes"] = 50.0
    figure = figure_of([Curves("run", few)])
    assert figure.axes[0].get_ylim()[1] > 50
    assert figure.get_supxlabel() == "No value lies outside the scales."


def test_what_only_our_runs_measure_has_rows_of_its_own() -> None:
    more = rows(20, ("g_colours", "g_edges", "g_mask", "d_classes"))
    assert len(figure_of([Curves("small", more)]).axes) == 3
    assert len(figure_of([Curves("small", more)], every=True).axes) == 6
    assert "not measured" in [text.get_text() for text in figure_of([Curves("small", more)]).axes[1].texts]


def test_many_points_make_a_small_file(tmp_path: Path) -> None:
    svg, _ = draw_curves([Curves("run", rows(50_000, ("d_classes",)))], tmp_path / "x")
    assert svg.stat().st_size < 300_000


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "There is no run"),
        (b"", "no rows"),
        (b'{"iteration": 1, "d_cl', "no rows"),
        (b'{"iteration": 1}\n', "no loss"),
        (b'{"iteration": 1, "d_classes": 1}\nnonsense\n{"iteration": 3, "d_classes": 1}\n', "Line 2 of"),
        (b'{"iteration": 1, "d_classes": NaN}\n', "Line 1 of"),
        (b'{"iteration": 1, "d_classes": "1"}\n', "Line 1 of"),
        (b'{"iteration": 1, "d_classes": 1' + 400 * b"0" + b"}\n", "Line 1 of"),
        (b"\xff\xfe\n", "Line 1 of"),
        (100_000 * b"[" + b"\n", "Line 1 of"),
        (b"[1, 2]\n", "Line 1 of"),
        (b'{"d_classes": 1}\n', "Line 1 of"),
    ],
)
def test_what_is_no_run_is_refused_with_a_sentence(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "losses.jsonl").write_bytes(content)
    with pytest.raises((UsageError, ModelError), match=sentence):
        draw_curves([Curves.read(tmp_path)], tmp_path / "figure")
    assert not (tmp_path / "figure.svg").exists()


def test_half_a_line_at_the_end_is_left_out(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", rows(3))
    with (folder / "losses.jsonl").open("a") as file:
        file.write('{"iteration": 40, "d_cla')
    assert [row["iteration"] for row in Curves.read(folder).rows] == [10, 20, 30]


def test_more_runs_than_colours_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="From 1 to 7 runs"):
        draw_curves([Curves("x", rows(2))] * 8, tmp_path / "figure")
