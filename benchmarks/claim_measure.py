"""The numbers about one run of `claim.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from claim_faces import Pixels, Places, Tested, mean_by_place
from claim_judge import Counts, Judge, confusions, recall, say
from kaogae.expressions import EXPRESSIONS
from kaogae.images import from_network, to_network
from kaogae.stargan import Discriminator, DiscriminatorConfig, load_checkpoint

PARTS = ("eyes", "brows", "mouth", "rest")
CLASSES = len(EXPRESSIONS)


@dataclass(frozen=True)
class Judged:
    """What one generator does with the tested characters, each with five sources and five targets."""

    table: Counts
    """[5, 5]: asked for (row), and what the judge sees (column)."""
    by_source: NDArray[np.float64]
    """[5, 5]: share of successes, from what the source shows (row) to what is asked for (column)."""
    moved: dict[str, float]
    """Of each part, how much the outputs for different targets differ, 1 for as much as the drawings do."""
    rightly: dict[str, float]
    """The same, counting only what goes the drawings' way (least squares): noise adds nothing. Added after
    the first results.
    """
    changed: dict[str, float]
    """Of each part, the mean change from the input (0 to 255), whatever it is good for."""
    inside: float
    """Mean distance from the truth in eyes, brows and mouth (0 to 255)."""
    outside: float
    """The same elsewhere."""


def answers(folder: Path, sources: Pixels) -> Pixels:
    """[N, 5, S, S, 3]: what the run in `folder` makes of [N, S, S, 3], for each expression."""
    generator, _ = load_checkpoint(folder / "generator.safetensors")
    found = np.empty((len(sources), CLASSES, *sources.shape[1:]), np.uint8)
    with torch.inference_mode():
        for first in range(0, len(sources), 64):
            image = torch.from_numpy(to_network(sources[first : first + 64]))
            for i, expression in enumerate(EXPRESSIONS):
                target = torch.from_numpy(expression.vector()).expand(len(image), -1)
                found[first : first + 64, i] = from_network(generator(image, target).numpy())
    return found


def judge_run(folder: Path, faces: Tested, judged_by: Judge) -> Judged:
    """Every number about the run in `folder`."""
    out = np.stack([answers(folder, faces.sources[:, i]) for i in range(CLASSES)], 1)
    # out: [characters, source, target, S, S, 3]
    said = say(judged_by, out.reshape(-1, *out.shape[3:])).reshape(out.shape[:3])
    wanted = np.broadcast_to(np.arange(CLASSES), said.shape)
    truth = _parts(_spread(faces.truths), faces.places)
    per_source = range(CLASSES)
    moved = _mean([_parts(_spread(out[:, i]), faces.places) for i in per_source])
    changed = _mean([_parts(_apart(out[:, i], faces.sources[:, i, None]), faces.places) for i in per_source])
    inside, outside = np.mean([distances(out[:, i], faces) for i in per_source], axis=0)
    return Judged(
        table=confusions(wanted.ravel(), said.ravel()),
        by_source=(said == wanted).mean(0),
        moved={part: moved[part] / truth[part] for part in PARTS},
        rightly=_mean([_along(out[:, i], faces) for i in per_source]),
        changed=changed,
        inside=float(inside),
        outside=float(outside),
    )


def distances(out: Pixels, faces: Tested) -> tuple[float, float]:
    """How far [N, 5, S, S, 3] are from the truth, in eyes, brows and mouth, and elsewhere."""
    places: list[Places] = [{"in": ~place["rest"], "out": place["rest"]} for place in faces.places]
    found = _parts(_apart(out, faces.truths), places)
    return found["in"], found["out"]


def critic_recall(folder: Path, faces: Tested) -> NDArray[np.float64]:
    """[5]: of the sources that show each expression, the share in which the run's own D sees it."""
    state = max((folder / "checkpoints").iterdir()) / "state.safetensors"
    with safe_open(state, "pt") as file:
        names = [name for name in file.keys() if name.startswith("discriminator.")]  # noqa: SIM118
        weights = {name.removeprefix("discriminator."): file.get_tensor(name) for name in names}
    size, width = faces.sources.shape[2], len(weights["convs.0.weight"])
    critic = Discriminator(DiscriminatorConfig(size, width))
    critic.load_state_dict(weights)
    with torch.inference_mode():
        logits = critic(torch.from_numpy(to_network(faces.sources.reshape(-1, size, size, 3))))[1]
    shown = np.tile(np.arange(CLASSES), len(faces.sources))
    return recall(confusions(shown, logits.argmax(1).numpy()))


def _parts(values: NDArray[np.float32], places: Sequence[Places]) -> dict[str, float]:
    return dict(mean_by_place(values, places))


def _mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {part: float(np.mean([row[part] for row in rows])) for part in rows[0]}


def _spread(pictures: Pixels) -> NDArray[np.float32]:
    """How much [N, 5, S, S, 3] differ between the five: [N, 5, S, S], from their mean."""
    values = pictures.astype(np.float32)
    return np.abs(values - values.mean(1, keepdims=True)).mean(-1)


def _along(out: Pixels, faces: Tested) -> dict[str, float]:
    """Of each part, how far [N, 5, S, S, 3] go along the way that the drawings go from their mean."""
    found: dict[str, float] = {}
    for part in PARTS:
        dot = square = 0.0
        for answer, truth, place in zip(out, faces.truths, faces.places, strict=True):
            ours, theirs = (p[:, place[part]].astype(np.float64) for p in (answer, truth))
            theirs -= theirs.mean(0)
            dot += float((ours * theirs).sum())
            square += float((theirs**2).sum())
        found[part] = dot / square
    return found


def _apart(a: Pixels, b: Pixels) -> NDArray[np.float32]:
    return np.abs(a.astype(np.float32) - b).mean(-1)
