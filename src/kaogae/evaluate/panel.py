"""A blind panel: people are asked what the outputs of models show, and what faces show that nobody changed.

Outputs of all models and controls are shuffled together, of one size and one kind of file. The service sends
nothing but the picture, so nobody who votes can tell one model from another, or an output from a control by
anything but its looks.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.catalog import Catalog, Workspace
from kaogae.errors import UsageError
from kaogae.evaluate.evaluation import Evaluation
from kaogae.evaluate.snapshots import read_row
from kaogae.expressions import EXPRESSIONS
from kaogae.label import Begun, PanelPicture, Settings, new_panel

CONTROL = "control"
"""What stands where an output has its model: the picture is an input as it was."""

CONTROLS_LEAST = 20
"""With fewer, somebody who guesses can't be told from somebody who looks."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Panel:
    """A new panel."""

    begun: Begun
    models: tuple[str, ...]
    outputs: int
    controls: int
    size: int
    """Side of all its pictures in pixels."""


def begin_panel(
    workspace: Workspace,
    catalog: Catalog,
    name: str,
    evaluations: Sequence[Evaluation],
    settings: Settings | None = None,
    *,
    controls: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Panel:
    """A campaign about the outputs of models on the same inputs, with some of the inputs as controls.

    Models of different sizes are brought to the smallest one's: a sharper picture would say whose it is.

    Args:
        evaluations: saved ones, one for each model.
        settings: how many people judge each picture, and the seed of order and controls.
        controls: how many, each expression as often as the others as far as there are enough. None: one for
            ten outputs, but at least `CONTROLS_LEAST`; all inputs if they are fewer.
        progress: called with the pictures that are in the workspace, of how many.

    Raises:
        UsageError: no evaluations, not of the same inputs, two of one name or one called "control"; or more
            controls than inputs.
        EvaluationError: pictures of an evaluation are missing or damaged.
        LabelError: there is such a campaign already, or the disk is full.
    """
    settings = settings or Settings()
    _check(evaluations)
    smallest = min(evaluations, key=lambda one: one.model.image_size)
    labels, size = smallest.inputs.labels, smallest.model.image_size
    outputs = len(evaluations) * len(labels) * len(EXPRESSIONS)
    chosen = _stratified(labels.tolist(), _number(controls, outputs, len(labels)), settings.seed)
    with tempfile.TemporaryDirectory(prefix="kaogae-panel-") as folder:
        pictures = chain(
            *(_outputs(one, size, Path(folder, str(k))) for k, one in enumerate(evaluations)),
            _controls(smallest, chosen, Path(folder, CONTROL)),
        )
        begun = new_panel(workspace, catalog, name, pictures, settings, progress=progress)
    return Panel(begun, tuple(one.name for one in evaluations), outputs, len(chosen), size)


def _check(evaluations: Sequence[Evaluation]) -> None:
    if not evaluations:
        raise UsageError("Whose pictures should be judged? Name at least one model.")
    first = evaluations[0].inputs
    for one in evaluations:
        if (one.inputs.hash, one.inputs.names) != (first.hash, first.names):
            raise UsageError(
                f"'{evaluations[0].name}' and '{one.name}' were evaluated on other inputs: evaluate both on"
                " the same set, with the same count and seed."
            )
    twice = [name for name, count in Counter(one.name for one in evaluations).items() if count > 1]
    if twice:
        raise UsageError(f"'{twice[0]}' is named twice: name each model once.")
    if any(one.name == CONTROL for one in evaluations):
        raise UsageError(
            f"In a panel '{CONTROL}' is what faces are called that nobody changed: give this model another"
            " name, and evaluate it again."
        )


def _number(controls: int | None, outputs: int, inputs: int) -> int:
    if controls is None:
        return min(max(CONTROLS_LEAST, round(outputs / 10)), inputs)
    if not 0 <= controls <= inputs:
        raise UsageError(f"{controls} controls can't be taken from {inputs} inputs: choose 0 to {inputs}.")
    return controls


def _stratified(labels: Sequence[int], count: int, seed: int) -> list[int]:
    """`count` numbers of inputs at random, expressions taking turns."""
    turns: list[tuple[int, int, int]] = []
    before = Counter[int]()
    for k in np.random.default_rng(seed).permutation(len(labels)).tolist():
        turns.append((before[labels[k]], labels[k], k))
        before[labels[k]] += 1
    return [k for _, _, k in sorted(turns)[:count]]


def _outputs(one: Evaluation, size: int, folder: Path) -> Iterator[PanelPicture]:
    for number, (name, label) in enumerate(zip(one.inputs.names, one.inputs.labels.tolist(), strict=True)):
        for target, pixels in zip(EXPRESSIONS, read_row(one, number)[1:], strict=True):
            path = folder / f"{number}.{target}.png"
            _write(pixels, size, path)
            yield PanelPicture(path, target, name, EXPRESSIONS[label].value, one.name)


def _controls(one: Evaluation, chosen: Sequence[int], folder: Path) -> Iterator[PanelPicture]:
    for number in chosen:
        shown = EXPRESSIONS[int(one.inputs.labels[number])]
        path = folder / f"{number}.png"
        _write(read_row(one, number)[0], one.model.image_size, path)
        yield PanelPicture(path, shown, one.inputs.names[number], shown.value, CONTROL)


def _write(pixels: Pixels, size: int, path: Path) -> None:
    """As PNG without a word about itself."""
    if len(pixels) != size:
        pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))[1].tobytes())
