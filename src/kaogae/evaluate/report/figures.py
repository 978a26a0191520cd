"""The report's charts, as SVG and PNG: the same numbers give the same bytes.

They are as wide as a phone, so that what is written in them can be read there; a wide page shows several in a
row. Colour is never all that tells two things apart: marks, hatching and order do too.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from kaogae.evaluate.confusion import PAPER, Confusion
from kaogae.evaluate.regions import PARTS, VISIBLE
from kaogae.expressions import EXPRESSIONS

Values = NDArray[np.float64]
Pixels = NDArray[np.uint8]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of Okabe and Ito, by model: told apart by people who see fewer colours."""
MARKS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "////", "\\\\\\\\", "xxxx", "----", "||||", "++++")
"""Of lines only: dots make an SVG ten times as large."""
DASHES = (0, (4, 3))
GREY, PALE = "#595959", "#e6e6e6"
WIDTH = 3.5
"""Of a chart, in inches."""
LETTERS = 28
"""Most letters of a model's name in a chart."""
TICKS = (0, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 1.5, 2)
"""Of distances."""
BRIEF = 20
"""Most letters of names that stand side by side."""
STYLE: Any = {
    "font.size": 8,
    "font.family": "DejaVu Sans",
    "svg.hashsalt": "kaogae",
    "svg.fonttype": "path",
    "axes.linewidth": 0.5,
    "axes.edgecolor": "#9a9a9a",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.labelcolor": GREY,
    "axes.labelsize": 7.5,
    "xtick.color": GREY,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 0,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
}


@dataclass(frozen=True)
class Drawn:
    """A figure as files."""

    svg: bytes
    png: bytes


@dataclass(frozen=True, eq=False)
class Line:
    """What is drawn of one model."""

    name: str
    place: int
    """Among the report's models: its colour and mark."""
    values: Values


def accuracies(models: Sequence[tuple[str, int, Confusion]]) -> Drawn:
    """How often each expression is seen that was asked for, with 95 % intervals; the paper's beside."""
    names = [*(name for name, _, _ in models), "the paper, by people"]

    def draw(figure: Figure) -> None:
        axes: Axes = figure.subplots()
        apart = _apart(len(models))
        for (_, place, found), shift in zip(models, apart, strict=True):
            y = np.arange(len(EXPRESSIONS)) + shift
            x, limits = 100 * found.class_accuracies, 100 * found.class_intervals
            colour = COLOURS[place]
            axes.hlines(y, limits[:, 0], limits[:, 1], color=colour, linewidth=1.1)
            axes.plot(x, y, MARKS[place], color=colour, markersize=4.5)
        paper = 100 * PAPER.class_accuracies
        axes.plot(paper, np.arange(len(paper)), "|", color="black", markersize=15, markeredgewidth=1)
        axes.set_xlim(-2, 102)
        axes.set_xlabel("as asked, %")
        _by_expression(axes)
        handles = [_mark(place) for _, place, _ in models]
        handles.append(Line2D([], [], marker="|", color="black", linestyle="", markersize=8))
        _legend(figure, handles, names)

    return _figure(draw, 0.9 + 5 * (0.22 + 0.12 * len(models)) + 0.17 * _rows(names))


def habit(models: Sequence[tuple[str, int, Confusion, Confusion]]) -> Drawn:
    """For each model what the judge sees as asked, and what its own discriminator does."""
    names = [name for name, *_ in models]

    def draw(figure: Figure) -> None:
        axes: Axes = figure.subplots()
        apart = _apart(len(models))
        for (_, place, judge, own), shift in zip(models, apart, strict=True):
            y = np.arange(len(EXPRESSIONS)) + shift
            a, b, colour = 100 * judge.class_accuracies, 100 * own.class_accuracies, COLOURS[place]
            axes.hlines(y, a, b, color=colour, linewidth=0.9)
            axes.plot(b, y, MARKS[place], color=colour, markersize=4.5, markerfacecolor="white")
            axes.plot(a, y, MARKS[place], color=colour, markersize=4.5)
        axes.set_xlim(-2, 102)
        axes.set_xlabel("as asked, %")
        _by_expression(axes)
        _legend(figure, [_mark(place) for _, place, _, _ in models], names)

    return _figure(draw, 0.9 + 5 * (0.2 + 0.12 * len(models)) + 0.17 * _rows(names))


def reliability(bins: Values) -> Drawn:
    """Of a judge: how often it is right against how sure it says it is; below, of how many faces.

    Args:
        bins: [B, 3], mean chance, share right, faces.
    """
    full = bins[bins[:, 2] > 0]

    def draw(figure: Figure) -> None:
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=DASHES)
        axes.text(0.04, 0.1, "as sure as right", color=GREY, fontsize=7, rotation=41, va="bottom")
        axes.plot(full[:, 0], full[:, 1], "o-", color=COLOURS[0], linewidth=1.1, markersize=4)
        axes.set_ylim(-0.03, 1.03)
        axes.set_ylabel("share that is right")
        below.bar(full[:, 0], full[:, 2], width=0.04, color=COLOURS[0])
        below.set_ylabel("faces")
        below.set_xlabel("chance that the judge gives its answer")
        below.set_xlim(-0.03, 1.03)
        below.set_yticks([0, float(full[:, 2].max())] if len(full) else [0])
        for one in (axes, below):
            _grid(one, "both" if one is axes else "y")
        figure.align_ylabels([axes, below])

    return _figure(draw, 3.4)


def moved(models: Sequence[Line], *, rightly: bool) -> Drawn:
    """What moved, by part: as a share of what should, or in grey levels.

    Args:
        models: values [4], of `PARTS`.
        rightly: they are shares: 1 is the truth.
    """
    line, said = (1.0, "the truth") if rightly else (VISIBLE, "a change is seen")
    names = [*(one.name for one in models), said]

    def draw(figure: Figure) -> None:
        axes: Axes = figure.subplots()
        width = 0.8 / len(models)
        for one, shift in zip(models, _apart(len(models), width), strict=True):
            axes.bar(
                np.arange(len(PARTS)) + shift,
                np.nan_to_num(one.values),
                width * 0.92,
                color=_pale(COLOURS[one.place]),
                edgecolor=COLOURS[one.place],
                hatch=HATCHES[one.place],
                linewidth=0.8,
            )
        axes.axhline(line, color="black", linewidth=0.8, linestyle=DASHES)
        axes.axhline(0, color="#9a9a9a", linewidth=0.5)
        top = max([line, *(float(np.nan_to_num(one.values).max()) for one in models)])
        axes.set_ylim(min(0.0, *(float(np.nan_to_num(one.values).min()) for one in models)), top * 1.12)
        axes.set_xticks(range(len(PARTS)), PARTS)
        axes.tick_params("x", length=0, colors="black")
        axes.set_ylabel("moved rightly" if rightly else "mean change, grey levels")
        _grid(axes, "y")
        dashed = Line2D([], [], color="black", linewidth=0.8, linestyle=DASHES)
        handles = [*(_bar(one.place) for one in models), dashed]
        _legend(figure, handles, names)

    return _figure(draw, 2.4 + 0.17 * _rows(names))


def identities(models: Sequence[Line], same: Sequence[float], other: Sequence[float]) -> Drawn:
    """How far outputs are from their inputs, against what such distances mean.

    The scale is that of square roots, since small distances are what matters.

    Args:
        models: values [N]: distances.
        same: mean, 5 % and 95 % of the distance between two pictures of one character; empty: unknown.
        other: the same of two characters.
    """
    top = max([*same, *other, *(float(np.nanmax(one.values)) for one in models), 0.1]) * 1.05
    edges = np.linspace(0, top**0.5, 41) ** 2

    def draw(figure: Figure) -> None:
        grid: Any = figure.subplots(len(models), 1, sharex=True, squeeze=False)
        for axes, one in zip(grid[:, 0], models, strict=True):
            for band, hatch, text in ((same, "////", "one character"), (other, "\\\\\\\\", "two characters")):
                _band(axes, band, hatch, text if axes is grid[0, 0] else "")
            values = one.values[np.isfinite(one.values)]
            colour = COLOURS[one.place]
            axes.hist(values, edges, color=_pale(colour), edgecolor=colour, linewidth=0.7)
            if len(values):
                axes.axvline(float(values.mean()), color=colour, linewidth=1.4)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            axes.set_ylabel(_written(one.name), rotation=0, ha="right", va="center", color="black")
            axes.yaxis.set_label_coords(0.995, 0.8)
        grid[-1, 0].set_xlabel("distance of the output to its input; line: mean")
        grid[-1, 0].set_xscale("function", functions=(_root, np.square))
        grid[-1, 0].set_xlim(0, top)
        grid[-1, 0].set_xticks([tick for tick in TICKS if tick <= top], [f"{t:g}" for t in TICKS if t <= top])

    return _figure(draw, 0.75 + 0.8 * len(models))


def mosaic(rows: Sequence[tuple[str, Sequence[Pixels]]], columns: Sequence[str], *, every: int) -> Drawn:
    """Faces in rows and columns, each row with its name.

    Args:
        rows: the name and the pictures [S, S, 3] RGB of each, all of one size.
        columns: what stands above them.
        every: rows that belong together: then comes a gap.
    """
    side = len(rows[0][1][0])
    gap = side // 8
    height = len(rows) * side + (len(rows) - 1) // every * gap
    whole = np.full((height, len(columns) * side, 3), 255, np.uint8)
    tops = [k * side + k // every * gap for k in range(len(rows))]
    for top, (_, pictures) in zip(tops, rows, strict=True):
        whole[top : top + side, : len(pictures) * side] = np.concatenate(list(pictures), axis=1)

    def draw(figure: Figure) -> None:
        figure.set_layout_engine("none")
        left, above = 0.15 + 0.065 * max(len(_written(name)) for name, _ in rows), 0.22
        wide, high = 0.85 * len(columns), 0.85 * height / side
        figure.set_size_inches(left + wide, above + high)
        total = figure.get_size_inches()
        axes: Axes = figure.add_axes((left / total[0], 0, wide / total[0], high / total[1]))
        axes.imshow(whole, interpolation="none", aspect="auto")
        axes.set_axis_off()
        for k, column in enumerate(columns):
            axes.text((k + 0.5) * side, -0.05 * side, column, ha="center", va="bottom")
        for top, (name, _) in zip(tops, rows, strict=True):
            axes.text(-0.08 * side, top + side / 2, _written(name), ha="right", va="center", fontsize=7)

    return _figure(draw, 1.0, 150)


# ----------------------------------------------------------------------------------------------- how all look


def _figure(draw: Callable[[Figure], None], height: float, dots: int = 200) -> Drawn:
    """Inches and dots per inch."""
    with mpl.rc_context(mpl.rcParamsDefault), mpl.rc_context(STYLE):
        layout = ConstrainedLayoutEngine(w_pad=0.04, h_pad=0.04)
        figure = Figure(figsize=(WIDTH, height), layout=layout)
        draw(figure)
        svg, png = io.BytesIO(), io.BytesIO()
        figure.savefig(svg, format="svg", dpi=dots, metadata={"Date": None, "Creator": None})
        figure.savefig(png, format="png", dpi=dots, metadata={"Software": None})
    return Drawn(svg.getvalue(), png.getvalue())


def _apart(count: int, step: float | None = None) -> Values:
    """How far marks of `count` models stand above and below the middle of their row."""
    step = step or 0.7 / max(count, 2)
    return np.asarray((np.arange(count) - (count - 1) / 2) * step, np.float64)


def _by_expression(axes: Axes) -> None:
    axes.set_yticks(range(len(EXPRESSIONS)), [expression.value for expression in EXPRESSIONS])
    axes.set_ylim(len(EXPRESSIONS) - 0.45, -0.55)
    for k in range(1, len(EXPRESSIONS)):
        axes.axhline(k - 0.5, color=PALE, linewidth=0.5)
    _grid(axes, "x")


def _grid(axes: Axes, which: Any) -> None:
    axes.grid(axis=which, linewidth=0.4, color=PALE)
    axes.set_axisbelow(True)


def _root(values: Values) -> Values:
    """Of what may lie a rounding below 0."""
    return np.sqrt(np.maximum(values, 0))


def _band(axes: Axes, band: Sequence[float], hatch: str, text: str) -> None:
    """From the 5 % to the 95 % of a distribution, its name above the mean; nothing of an unknown one."""
    if len(band) == 3:
        mean, low, high = band
        axes.axvspan(low, high, facecolor="#f3f3f3", edgecolor="#c9c9c9", hatch=hatch, linewidth=0)
        axes.text(
            mean, 1.02, text, fontsize=7, ha="center", va="bottom", transform=axes.get_xaxis_transform()
        )


def _columns(names: Sequence[str]) -> int:
    """Of a legend: two if the names are short enough."""
    return 2 if len(names) > 1 and max(map(len, names)) <= BRIEF else 1


def _rows(names: Sequence[str]) -> int:
    """Of a legend."""
    return -(-len(names) // _columns(names))


def _legend(figure: Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    figure.legend(
        list(handles),
        [_written(name) for name in names],
        loc="outside upper left",
        ncols=_columns(names),
        handlelength=1.4,
        borderaxespad=0.2,
        columnspacing=1.2,
    )


def _mark(place: int) -> Line2D:
    return Line2D([], [], marker=MARKS[place], color=COLOURS[place], markersize=4.5, linewidth=1.1)


def _bar(place: int) -> Patch:
    colour = COLOURS[place]
    return Patch(facecolor=_pale(colour), edgecolor=colour, hatch=HATCHES[place], linewidth=0.8)


def _pale(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return 0.5 + red / 2, 0.5 + green / 2, 0.5 + blue / 2


def _written(name: str) -> str:
    """A stranger's name in the one font that is everywhere: no formula, and a box for a letter it hasn't."""
    short = name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"
    known = "".join(letter if _has(letter) else "□" for letter in short)
    return known.replace("$", r"\$")


@cache
def _has(letter: str) -> bool:
    font = get_font(findfont(FontProperties(family="DejaVu Sans")))
    return font.get_char_index(ord(letter)) != 0
