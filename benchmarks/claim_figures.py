"""The pictures of `claim.py`: the six curves of the paper's Figure 3, and a grid like its Figure 4."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kaogae.expressions import EXPRESSIONS

Pixels = NDArray[np.uint8]
Rows = Sequence[dict[str, Any]]

PANELS = {
    "d_classes": "D: class loss", "d_adversarial": "D: adversarial loss", "d_penalty": "D: gradient loss",
    "g_classes": "G: class loss", "g_adversarial": "G: adversarial loss",
    "g_reconstruction": "G: reconstruction loss",
}  # fmt: skip
"""Figure 3, row by row."""
COLOURS = {"baseline": "#c4501b", "paper": "#1b6ac4"}
LABELS = {
    "baseline": "baseline (2 downs, 6 blocks, λ_rec 10)",
    "paper": "proposed (3 downs, 9 blocks, λ_rec 5)",
}
ORDER = ("crying", "happy", "neutral", "sad", "surprised")
"""Columns after the input in Figure 4."""
SMOOTHED = 21
"""Rows of the log whose median is one point of a curve: single batches of 16 jump too much to be read."""


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The running median, as long as `values`."""
    half = SMOOTHED // 2
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, half, mode="edge"), SMOOTHED)
    return np.median(windows, axis=1)


def curves(runs: Mapping[str, Sequence[Rows]], path: Path) -> None:
    """Each arm's seeds thin and their mean thick, into an SVG; outliers don't set the scale."""
    figure = Figure(figsize=(11, 5.4), layout="constrained")
    for i, (name, title) in enumerate(PANELS.items()):
        axes = figure.add_subplot(2, 3, i + 1, title=title)
        seen: list[NDArray[np.float64]] = []
        for arm, seeds in runs.items():
            lines = [np.array([row[name] for row in rows if name in row], np.float64) for rows in seeds]
            steps = np.array([row["iteration"] for row in seeds[0] if name in row])
            lines = [smoothed(line)[: len(steps)] for line in lines]
            shortest = min(len(line) for line in lines)
            lines = [line[:shortest] for line in lines]
            _draw(axes, steps[:shortest], lines, arm)
            seen += lines
        low, high = np.percentile(np.concatenate(seen), [1, 99])
        axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        axes.grid(alpha=0.25)
        if name.endswith("classes"):
            axes.axhline(np.log(len(EXPRESSIONS)), color="grey", linewidth=0.8, linestyle=":")
    figure.axes[0].legend(fontsize=7.5)
    figure.supxlabel("iteration", fontsize=9)
    figure.savefig(path, metadata={"Date": None})


def grid(blocks: Sequence[Sequence[Pixels]], path: Path) -> None:
    """Like Figure 4: `blocks` of rows, each row [6, S, S, 3]: the input and what came out, in `ORDER`."""
    side = blocks[0][0].shape[1]
    scale, unit = 1.5, side / 100
    high, wide = sum(len(block) for block in blocks), 6
    figure = Figure(figsize=(wide * unit * scale + 1.05, high * unit * scale + 0.3))
    left, top = 1.0 / figure.get_figwidth(), 1 - 0.25 / figure.get_figheight()
    axes = figure.add_axes((left, 0.005, 1 - left - 0.005, top - 0.005))
    rows = [np.concatenate(row, axis=1) for block in blocks for row in block]
    axes.imshow(np.concatenate(rows), interpolation="lanczos", aspect="auto")
    axes.set_xticks([side * (i + 0.5) for i in range(wide)], ["input", *ORDER], fontsize=8)
    names = ["baseline", "proposed", "drawn"][: len(blocks[0])] * len(blocks)
    axes.set_yticks([side * (i + 0.5) for i in range(high)], names, fontsize=7)
    axes.tick_params(length=0, pad=2, labeltop=True, labelbottom=False)
    for edge in axes.spines.values():
        edge.set_visible(False)
    figure.savefig(path, dpi=100)


def following(shares: NDArray[np.float64], lines: Mapping[str, NDArray[np.float64]], path: Path) -> None:
    """How the change follows the strength (left), and how far it is from the truth (right)."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left = figure.add_subplot(1, 2, 1, title="change from the input")
    right = figure.add_subplot(1, 2, 2, title="distance to the truth of that strength")
    for name, colour in (("model", "#1b6ac4"), ("cross-fade", "#c4501b"), ("truth", "#444444")):
        left.plot(shares, lines[f"{name} change"], color=colour, label=name, marker=".")
        if f"{name} distance" in lines:
            right.plot(shares, lines[f"{name} distance"], color=colour, label=name, marker=".")
    right.plot(shares, lines["input distance"], color="grey", linestyle=":", label="doing nothing")
    for axes in (left, right):
        axes.set_xlabel("strength")
        axes.legend(fontsize=8)
        axes.grid(alpha=0.25)
        axes.set_ylim(bottom=0)
    figure.savefig(path, metadata={"Date": None})


def _draw(axes: Axes, steps: NDArray[np.int64], lines: Sequence[NDArray[np.float64]], arm: str) -> None:
    for line in lines:
        axes.plot(steps, line, color=COLOURS[arm], linewidth=0.6, alpha=0.45)
    axes.plot(steps, np.mean(lines, axis=0), color=COLOURS[arm], linewidth=1.6, label=LABELS[arm])
