"""What a run leaves to look at: lines of losses, their plot, and sample grids."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from kaogae.atelier import expression as acting
from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.errors import ModelError
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.files import write_whole
from kaogae.images import from_network
from kaogae.stargan.checkpoint import Generator
from kaogae.train.augment import plain_view
from kaogae.train.batches import Faces
from kaogae.train.config import TrainConfig
from kaogae.train.pairs import render_set
from kaogae.train.updates import translate

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]

SHOWN_DRAWN, SHOWN_REAL = 4, 4
"""Rows of a sample grid."""
ORDER = ("crying", "happy", "neutral", "sad", "surprised")
"""Columns of a sample grid after the input: those of the paper's Figure 4."""


def log_losses(path: Path, row: dict[str, Any]) -> None:
    """Append one line to the JSON lines at `path`."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read_losses(path: Path) -> list[dict[str, Any]]:
    """The rows at `path`; from a damaged line on, as a stop leaves it, they are left out."""
    rows: list[dict[str, Any]] = []
    if path.is_file():
        for line in path.read_text("utf-8", "replace").splitlines():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                break
            if not isinstance(row, dict) or "iteration" not in row:
                break
            rows.append(cast("dict[str, Any]", row))
    return rows


def forget_after(path: Path, iteration: int) -> None:
    """Drop the rows after `iteration`, which a run that goes on from there writes again."""
    rows = [row for row in read_losses(path) if row["iteration"] <= iteration]
    if path.is_file():
        write_whole("".join(json.dumps(row) + "\n" for row in rows).encode(), path, ModelError)


def plot_losses(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Every loss over the iterations, as in the paper's Figure 3: outliers don't set the scale."""
    from matplotlib.figure import Figure

    names = sorted({name for row in rows for name in row} - {"iteration", "images", "seconds"})
    if not names:
        return
    columns = min(4, len(names))
    lines = -(-len(names) // columns)
    figure = Figure(figsize=(4 * columns, 2.6 * lines), layout="constrained")
    for i, name in enumerate(names):
        axes = figure.add_subplot(lines, columns, i + 1, title=name)
        points = [(row["iteration"], row[name]) for row in rows if name in row]
        x, y = np.array(points).T
        axes.plot(x, y, linewidth=0.7)
        low, high = np.percentile(y, [1, 99])
        if high > low:
            axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    figure.savefig(path, dpi=90)


class SampleSheet:
    """Faces that are never trained on, translated: drawn ones with the truth below, and real ones."""

    def __init__(self, config: TrainConfig, held_out: Faces | None) -> None:
        self.config = config
        self._truths: list[list[Values]] = []
        inputs: list[Values] = []
        if config.data.drawn:
            for seed in range(SHOWN_DRAWN):
                source, *truth = self._drawn(seed)
                inputs.append(source)
                self._truths.append(truth)
        if held_out is not None:
            inputs += self._real(held_out)
        self.inputs = torch.from_numpy(np.stack(inputs)) if inputs else None
        """[rows, 3, S, S] in [−1, 1]; None if nothing was held out."""

    def draw(self, generator: Generator) -> Pixels | None:
        """The sheet [H, W, 3] RGB: input, then the expressions in `ORDER`, then the mask of the last."""
        if self.inputs is None:
            return None
        device = next(generator.parameters()).device
        columns, mask = [self.inputs.numpy()], None
        was_training = generator.training
        generator.eval()
        with torch.no_grad():
            for name in ORDER:
                target = torch.from_numpy(Expression(name).vector()).expand(len(self.inputs), -1)
                output, mask = translate(generator, self.inputs.to(device), target.to(device))
                columns.append(output.cpu().numpy())
        generator.train(was_training)
        if mask is not None:
            columns.append(mask.cpu().numpy().repeat(3, 1) * 2 - 1)
        rows: list[Pixels] = []
        for i in range(len(self.inputs)):
            rows.append(_row([column[i] for column in columns]))
            if i < len(self._truths):
                blank = np.ones_like(columns[0][i])
                rows.append(_row([blank, *self._truths[i], *([blank] if mask is not None else [])]))
        return np.concatenate(rows)

    def _drawn(self, seed: int) -> list[Values]:
        config = self.config
        source = (Expression.NEUTRAL, EXPRESSIONS[seed % len(EXPRESSIONS)])[seed % 2]
        rigs = [sample_rig(seed, source, 0.8), *(acting.canonical(Expression(name)) for name in ORDER)]
        pictures = render_set(Portrait.from_seed(seed, roughness=0.5), rigs, config.stored_size, 0)
        view = plain_view(config.stored_size, config.stored_size, config.image_size)
        return [view.apply(picture) for picture in pictures]

    def _real(self, faces: Faces) -> list[Values]:
        dice = np.random.default_rng(0)
        count = min(SHOWN_REAL, len(faces.labels))
        chosen = dice.choice(len(faces.labels), count, replace=False, p=faces.chances) if count else []
        view = plain_view(self.config.stored_size, self.config.stored_size, self.config.image_size)
        return [view.apply(faces.pixels[i]) for i in chosen]


def save_png(pixels: Pixels, path: Path) -> None:
    """Write `pixels` [H, W, 3] RGB whole."""
    _, data = cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))
    write_whole(data.tobytes(), path, ModelError)


def _row(values: Sequence[Values]) -> Pixels:
    return np.concatenate([from_network(picture) for picture in values], 1)
