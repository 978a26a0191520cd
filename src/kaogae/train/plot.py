"""The paper's Figure 3: every loss over the iterations, of one run or of several on top of each other."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kaogae.errors import ModelError, UsageError
from kaogae.files import write_whole
from kaogae.train.log import Row, read_losses

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """One small chart."""

    key: str
    """Of the rows of losses.jsonl."""
    title: str
    meaning: str


FIGURE_3 = (
    Panel("d_classes", "D classification loss", "cross entropy, real faces"),
    Panel("d_adversarial", "D adversarial loss", "D(real) − D(fake)"),
    Panel("d_penalty", "D gradient loss", "(‖∇D‖ − 1)²"),
    Panel("g_classes", "G classification loss", "cross entropy, translated"),
    Panel("g_adversarial", "G adversarial loss", "−D(fake)"),
    Panel("g_reconstruction", "G reconstruction loss", "|there and back − input|"),
)
"""As the paper has them: two rows of three."""
BEYOND = (
    Panel("g_colours", "Colours", "|output − drawn truth|"),
    Panel("g_edges", "Edges", "the same, of differences"),
    Panel("g_mask", "Mask", "cross entropy"),
    Panel("g_features", "Features", "what D sees"),
    Panel("spread", "Spread", "|output − another target's|"),
    Panel("change", "Change", "|output − input|"),
)
"""What our runs measure besides."""
COLUMNS = 3
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of Okabe and Ito: told apart by people who see fewer colours."""
MOST_RUNS = len(COLOURS)
GREY = "#6b6b6b"
MANY = 150
"""From so many points on, the points themselves are pale and a smoothed line leads the eye."""
FEW = 40
"""Below, no point is left out of the scale."""
WINDOW, MARGIN = 0.02, 3
"""Of the smoothed line: how many points count, as a share of all, and at least on either side."""
DRAWN = 1500
"""Most points of a line in the file."""
OUTLIERS = 2.0
"""Percent at either end that don't set the scale."""
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
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
}


@dataclass(frozen=True)
class Curves:
    """The losses of one run."""

    name: str
    rows: Sequence[Row]

    @classmethod
    def read(cls, folder: Path) -> "Curves":
        """Those of the run in `folder`.

        Raises:
            UsageError: there is no run, or it has no rows yet.
            ModelError: its rows are damaged.
        """
        path = folder / "losses.jsonl"
        if not path.is_file():
            raise UsageError(f"There is no run in {folder}: it has no losses.jsonl.")
        rows = read_losses(path)
        if not rows:
            raise UsageError(f"{folder} has no rows of losses yet: wait until log_every iterations are done.")
        return cls(folder.resolve().name, rows)

    def of(self, key: str) -> tuple[Values, Values]:
        """Iterations and values where `key` was measured."""
        points = [(row["iteration"], row[key]) for row in self.rows if key in row]
        x, y = np.array(points, np.float64).reshape(-1, 2).T
        return x, y


def draw_curves(runs: Sequence[Curves], stem: Path, *, every: bool = False) -> list[Path]:
    """Write the curves of `runs` as `stem`.svg and `stem`.png; the same rows give the same bytes.

    Args:
        every: also what the paper doesn't have, as far as it was measured.

    Raises:
        UsageError: no run, more than can be told apart, or none of the losses in any.
        ModelError: a file can't be written.
    """
    import matplotlib as mpl

    files = [stem.with_name(f"{stem.name}.{kind}") for kind in ("svg", "png")]
    with mpl.rc_context(mpl.rcParamsDefault), mpl.rc_context(STYLE):
        figure = figure_of(runs, every=every)
        for path, metadata in zip(files, ({"Date": None}, {"Software": None}), strict=True):
            data = io.BytesIO()
            figure.savefig(data, format=path.suffix[1:], dpi=200, metadata=metadata)
            write_whole(data.getvalue(), path, ModelError)
    return files


def _panels(runs: Sequence[Curves], *, every: bool) -> list[tuple[Panel, ...]]:
    """The rows of panels in which there is something to see.

    Raises:
        UsageError: as `draw_curves`.
    """
    if not 0 < len(runs) <= MOST_RUNS:
        raise UsageError(f"From 1 to {MOST_RUNS} runs can be told apart in one figure, not {len(runs)}.")
    measured = {key for run in runs for row in run.rows for key in row}
    all_panels = FIGURE_3 + (BEYOND if every else ())
    rows = [all_panels[i : i + COLUMNS] for i in range(0, len(all_panels), COLUMNS)]
    rows = [row for row in rows if any(panel.key in measured for panel in row)]
    if not rows:
        raise UsageError(f"{' and '.join(run.name for run in runs)} measured no loss that can be drawn.")
    return rows


def figure_of(runs: Sequence[Curves], *, every: bool = False) -> "Figure":
    """The figure, before it is a file; as `draw_curves`."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels = _panels(runs, every=every)
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.05, wspace=0.03, hspace=0.03)
    figure = Figure(figsize=(7.2, 0.55 + 1.75 * len(panels)), layout=layout)
    grid: Any = figure.subplots(len(panels), COLUMNS, sharex=True, squeeze=False)
    outside = sum(
        _draw_panel(grid[i][j], panel, runs) for i, row in enumerate(panels) for j, panel in enumerate(row)
    )
    for axes in grid[-1]:
        axes.set_xlabel("iterations", color=GREY, fontsize=7)
    lines = [_legend_line(colour) for _, colour in zip(runs, COLOURS, strict=False)]
    figure.legend(
        lines,
        [run.name.replace("$", r"\$") for run in runs],
        loc="outside upper left",
        ncols=min(len(runs), 4),
        frameon=False,
        fontsize=8,
        handlelength=1.4,
        borderaxespad=0.2,
    )
    note = "No value lies outside the scales."
    if outside:
        note = f"Scales leave outliers out: {outside:,} of the values lie outside."
    figure.supxlabel(note, fontsize=6, color=GREY, x=0.995, ha="right")
    return figure


def _legend_line(colour: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, linewidth=1.8)


def _draw_panel(axes: "Axes", panel: Panel, runs: Sequence[Curves]) -> int:
    """Draw one panel; returns how many values lie outside its scale."""
    axes.set_title(panel.title, pad=12, loc="left")
    axes.text(0, 1.03, panel.meaning, transform=axes.transAxes, fontsize=6, color=GREY, va="bottom")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_number)
        axis.set_major_locator(_few_ticks())
    axes.grid(axis="y", linewidth=0.4, color="#e6e6e6")
    axes.set_axisbelow(True)
    values: list[Values] = []
    for run, colour in zip(runs, COLOURS, strict=False):
        x, y = run.of(panel.key)
        if len(y):
            _draw_line(axes, x, y, colour)
            values.append(y)
    if not values:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, color=GREY, ha="center", fontsize=7)
        return 0
    low, high = _limits(values)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)
    return sum(int(((y < low - margin) | (y > high + margin)).sum()) for y in values)


def _draw_line(axes: "Axes", x: Values, y: Values, colour: str) -> None:
    if len(x) < MANY:
        axes.plot(x, y, color=colour, linewidth=1.0, marker="o" if len(x) < FEW else "", markersize=1.8)
        return
    places = np.unique(np.linspace(0, len(x) - 1, DRAWN).astype(np.int64))
    axes.plot(x[places], y[places], color=colour, linewidth=0.4, alpha=0.3)
    axes.plot(x[places], _smoothed(y, places), color=colour, linewidth=1.1)


def _smoothed(values: Values, places: NDArray[np.int64]) -> Values:
    """At `places`, what an eye sees: medians, so that outliers change nothing, and means of them."""
    half = max(MARGIN, round(WINDOW * len(values) / 2))
    medians = np.array([np.median(values[max(0, i - half) : i + half + 1]) for i in places])
    width = 2 * max(MARGIN, round(WINDOW * len(places) / 2)) + 1
    window = np.ones(width)
    return np.convolve(medians, window, "same") / np.convolve(np.ones(len(medians)), window, "same")


def _limits(values: Sequence[Values]) -> tuple[float, float]:
    """Of the scale: what all but the outliers of each run lie within."""
    ends: list[tuple[float, float]] = []
    for y in values:
        cut = OUTLIERS if len(y) >= FEW else 0.0
        low, high = np.percentile(y, [cut, 100 - cut])
        ends.append((float(low), float(high)))
    return min(low for low, _ in ends), max(high for _, high in ends)


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4, steps=[1, 2, 2.5, 5, 10])


def _number(value: float, _: object) -> str:
    """250000 as 250k. Each stands for itself: a factor above the axis would stand in the way."""
    text = f"{round(value, 9):.6g}"  # rows have six digits after the point: less is a locator's rounding
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if unit <= abs(value) < 1e9:
            text = f"{value / unit:.6g}{letter}"
            break
    return text.replace("-", "\N{MINUS SIGN}")
