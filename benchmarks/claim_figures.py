"""The pictures of `claim.py`: the six curves of the paper's Figure 3, a grid like its Figure 4, the strength.

Curves are written as SVG and PNG. Their colours are Okabe and Ito's, for people who see fewer.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image

from claim_faces import Pixels
from kaogae.expressions import EXPRESSIONS
from kaogae.train.plot import FIGURE_3, GREY, STYLE

Values = NDArray[np.float64]
Rows = Sequence[dict[str, Any]]

BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#222222"
COLOURS = {"baseline": ORANGE, "paper": BLUE}
LABELS = {
    "baseline": "baseline: 2 halvings, 6 blocks, λ_rec 10",
    "paper": "proposed: 3 halvings, 9 blocks, λ_rec 5",
}
ORDER = ("crying", "happy", "neutral", "sad", "surprised")
"""Columns after the input in Figure 4."""
SMOOTHED = 0.05
"""Share of a run whose median is one point of a curve: single batches jump too much to be read."""
OUTLIERS = 2.0
"""Percent at either end of the curves that don't set the scale."""
DRAWN = 250
"""Most points of a curve in the file."""
STRIP = slice(None, None, 2)
"""The strengths of which faces are shown."""


def curves(runs: Mapping[str, Sequence[Rows]], stem: Path) -> None:
    """Figure 3: each seed of an arm thin, and the mean of the seeds thick."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 4.6), layout="constrained")
        for i, panel in enumerate(FIGURE_3):
            axes = figure.add_subplot(2, 3, i + 1)
            axes.set_title(panel.title, loc="left", pad=12)
            axes.text(0, 1.03, panel.meaning, transform=axes.transAxes, fontsize=6, color=GREY, va="bottom")
            seen = [line for arm, seeds in runs.items() for line in _draw(axes, arm, seeds, panel.key)]
            low, high = np.percentile(np.concatenate(seen), [OUTLIERS, 100 - OUTLIERS])
            axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))
            if panel.key.endswith("classes"):
                axes.set_ylim(bottom=0)
                axes.axhline(np.log(len(EXPRESSIONS)), color=GREY, linewidth=0.8, linestyle=(0, (1, 2)))
                axes.text(0.99, np.log(5), "guessing", transform=axes.get_yaxis_transform(), fontsize=6,
                          color=GREY, ha="right", va="bottom")  # fmt: skip
            if i > 2:
                axes.set_xlabel("iterations", color=GREY, fontsize=7)
        lines, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(lines, labels, loc="outside upper left", ncols=2, frameon=False, fontsize=8)
        _write(figure, stem)


def following(strengths: Values, lines: Mapping[str, Values], aims: Sequence[str], stem: Path) -> None:
    """Lines [aims, strengths]: the strength that is measured (above), and the distance (below)."""
    how = {
        "drawn": (BLACK, (0, (4, 2)), "the drawing"), "model": (BLUE, "-", "the model"),
        "cross-fade": (ORANGE, (0, (1, 1)), "a cross-fade to its whole expression"),
        "nothing": (GREY, (0, (1, 3)), "the input, unchanged"),
    }  # fmt: skip
    kinds = {"strength": ("drawn", "model"), "distance": ("model", "cross-fade", "nothing")}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 4.4), layout="constrained")
        cells: Any = figure.subplots(2, len(aims), sharex=True, sharey="row")
        for row, (kind, names) in zip(cells, kinds.items(), strict=True):
            for i, (axes, aim) in enumerate(zip(row, aims, strict=True)):
                for name in names:
                    colour, style, label = how[name]
                    dots = "o" if name == "model" else ""
                    line = lines[f"{name} {kind}"][i]
                    axes.plot(strengths, line, color=colour, linestyle=style, label=label, linewidth=1.4,
                              marker=dots, markersize=2.5)  # fmt: skip
                axes.set_ylim(0, 1.02)
                axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "¼", "½", "¾", "1"])
                axes.grid(linewidth=0.4, color="#e6e6e6")
                if kind == "strength":
                    axes.set_title(aim, loc="left")
                else:
                    axes.set_xlabel("strength that was asked for", color=GREY, fontsize=7)
        cells[0, 0].set_ylabel("strength that is measured", color=GREY, fontsize=7)
        cells[1, 0].set_ylabel("distance to the drawing", color=GREY, fontsize=7)
        found = {label: line for axes in (cells[0, 0], cells[1, 0])
                 for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}  # fmt: skip
        figure.legend(found.values(), found.keys(), loc="outside upper left", ncols=4, frameon=False)
        _write(figure, stem)


def grid(blocks: Sequence[Sequence[Pixels]], names: Sequence[str], path: Path) -> None:
    """Like Figure 4: `blocks` of rows, each row [12, S, S, 3]: two inputs, and after each what came out."""
    heads = ["input", *ORDER]
    _faces(blocks, list(names) * len(blocks), heads * 2, path, columns=len(heads))


def strip(pairs: Sequence[tuple[Pixels, Pixels]], aims: Sequence[str], strengths: Values, path: Path) -> None:
    """Characters side by side: what the model makes, and what is drawn, [aims, strengths, S, S, 3] each."""
    blocks = [
        [np.concatenate([pair[kind][i] for pair in pairs]) for kind in (0, 1)] for i in range(len(aims))
    ]
    names = [name for aim in aims for name in (aim, "drawn")]
    heads = [f"{strength:g}" for strength in strengths] * len(pairs)
    _faces(blocks, names, heads, path, columns=len(strengths))


def _faces(
    blocks: Sequence[Sequence[Pixels]],
    names: Sequence[str],
    heads: Sequence[str],
    path: Path,
    columns: int | None = None,
) -> None:
    """Rows of faces [N, S, S, 3] in their own pixels, with a gap between blocks and after each `columns`."""
    side, gap, top, dpi = blocks[0][0].shape[1], 8, 22, 100
    left = 14 + 7 * max(map(len, names))
    rows = [(row, i) for i, block in enumerate(blocks) for row in block]
    xs = [i * side + i // (columns or len(heads)) * gap for i in range(len(heads))]
    ys = [i * side + block * gap for i, (_, block) in enumerate(rows)]
    width, height = xs[-1] + side, ys[-1] + side
    faces = np.full((height, width, 3), 255, np.uint8)
    for (row, _), y in zip(rows, ys, strict=True):
        for face, x in zip(row, xs, strict=True):
            faces[y : y + side, x : x + side] = face
    figure = Figure(figsize=((left + width) / dpi, (top + height) / dpi))
    axes = figure.add_axes((left / (left + width), 0, width / (left + width), height / (top + height)))
    axes.imshow(faces, interpolation="nearest", aspect="auto", extent=(0, width, height, 0))
    axes.set_xticks([x + side / 2 for x in xs], heads, fontsize=8)
    axes.set_yticks([y + side / 2 for y in ys], names, fontsize=8)
    axes.tick_params(length=0, pad=4, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    sheet = io.BytesIO()
    figure.savefig(sheet, format="png", dpi=dpi)
    # 256 colours that cover all there are: the median cut, the default, makes tears grey
    cover, plain = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
    few = Image.open(sheet).convert("RGB").quantize(256, cover, kmeans=3, dither=plain)
    few.save(path, optimize=True)


def _draw(axes: Axes, arm: str, seeds: Sequence[Rows], key: str) -> list[Values]:
    """Draw an arm's smoothed curves; returns them."""
    steps = np.array([row["iteration"] for row in seeds[0] if key in row])
    lines = [_smoothed(np.array([row[key] for row in rows if key in row], np.float64)) for rows in seeds]
    shown = np.unique(np.linspace(0, len(steps) - 1, DRAWN).astype(np.int64))
    for line in lines if len(lines) > 1 else ():
        axes.plot(steps[shown], line[shown], color=COLOURS[arm], linewidth=0.6, alpha=0.5)
    axes.plot(
        steps[shown], np.mean(lines, axis=0)[shown], color=COLOURS[arm], linewidth=1.6, label=LABELS[arm]
    )
    axes.grid(axis="y", linewidth=0.4, color="#e6e6e6")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_locator(MaxNLocator(5))
    return lines


def _smoothed(values: Values) -> Values:
    """The running median, as long as `values`."""
    half = max(1, round(SMOOTHED * len(values) / 2))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, half, mode="reflect"), 2 * half + 1)
    return np.median(windows, axis=1)


def _write(figure: Figure, stem: Path) -> None:
    figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None})
    figure.savefig(stem.with_suffix(".png"), dpi=160, metadata={"Software": None})
