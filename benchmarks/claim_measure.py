"""The numbers about one run of `claim.py`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from claim_faces import Pixels, Tested
from claim_judge import Counts, Judge, confusions, recall, say
from kaogae.evaluate.regions import PARTS, changed, moved, moved_rightly
from kaogae.expressions import EXPRESSIONS
from kaogae.images import from_network, to_network
from kaogae.stargan import Discriminator, DiscriminatorConfig, load_checkpoint

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
    masks = np.stack([[place[part] for part in PARTS] for place in faces.places])
    sources = range(CLASSES)
    inside, outside = np.mean([distances(out[:, i], faces) for i in sources], axis=0)
    return Judged(
        table=confusions(wanted.ravel(), said.ravel()),
        by_source=(said == wanted).mean(0),
        moved=_by_part([moved(out[:, i], faces.truths, masks) for i in sources]),
        rightly=_by_part([moved_rightly(out[:, i], faces.truths, masks) for i in sources]),
        changed=_by_part([changed(faces.sources[:, i], out[:, i], masks).mean((0, 1)) for i in sources]),
        inside=float(inside),
        outside=float(outside),
    )


def distances(out: Pixels, faces: Tested) -> tuple[float, float]:
    """How far [N, 5, S, S, 3] are from the truth, in eyes, brows and mouth, and elsewhere."""
    rest = np.stack([place["rest"] for place in faces.places])
    inside, outside = changed(faces.truths, out, np.stack([~rest, rest], axis=1)).mean((0, 1))
    return float(inside), float(outside)


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


def _by_part(rows: list[NDArray[np.float64]]) -> dict[str, float]:
    return dict(zip(PARTS, np.mean(rows, axis=0).tolist(), strict=True))
