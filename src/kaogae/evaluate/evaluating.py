"""Models on sets of inputs: each measured once, and kept in the workspace.

evaluations/<model>/<inputs>/    see `snapshots.py`
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch

from kaogae import __version__
from kaogae.dataset import FaceSet
from kaogae.dataset.paths import check_name
from kaogae.errors import EvaluationError, UsageError
from kaogae.evaluate.evaluation import Evaluation
from kaogae.evaluate.identity import Identity
from kaogae.evaluate.inputs import Inputs, check_inputs, choose, drawn, stratified
from kaogae.evaluate.judge import Judge
from kaogae.evaluate.measure import Features, Measures, Reference, facts_of_inputs, key_of, measure
from kaogae.evaluate.models import Model
from kaogae.evaluate.snapshots import INPUTS, read_evaluation, read_row, save_evaluation
from kaogae.files import beside
from kaogae.parallel import cpus, processor_name

DRAWN = "drawn"
"""What the set of drawn characters is called."""
SEEDS = range(2**53)
"""Whole numbers that every reader of JSON keeps; a panel takes the same ones."""
NAME_BYTES = 200
"""Most of a model's name, which a folder is called by."""

Progress = Callable[[str, str, int, int], None]
"""Which model on what, the stage, what is done of it, and of how much."""


@dataclass(frozen=True)
class Order:
    """What is to be evaluated, and by whom."""

    models: Sequence[Model]
    sets: Sequence[FaceSet | None] = (None,)
    """Frozen sets, whose test splits are taken; None stands for drawn characters."""
    count: int = 100
    """Inputs of each set."""
    seed: int = 0
    judges: Mapping[str, Judge] = field(default_factory=dict[str, Judge])
    """By name of the set; "" for all others."""
    identity: Identity = field(default_factory=Identity.load)
    features: Mapping[str, tuple[str, Features]] = field(default_factory=dict[str, tuple[str, Features]])
    """Besides the judge's: by name the hash and what gives them."""
    command: str = ""

    def __post_init__(self) -> None:
        """Raises UsageError or EvaluationError for what can't be evaluated together."""
        _check_models([model.facts.name for model in self.models])
        _check_sets(self.sets, self.judges)
        if self.count > INPUTS:
            raise UsageError(f"{self.count:,} inputs are too many for one evaluation: {INPUTS:,} at most.")
        if self.seed not in SEEDS:
            raise UsageError(f"{self.seed} can't be a seed: choose 0 to {SEEDS[-1]}.")
        for model in self.models:
            check_inputs(self.count, model.facts.image_size)
        for faces in self.sets:
            if faces is not None:
                self.judge_of(faces).refuse(faces.hash, "test")
                stratified(faces, self.count, self.seed)  # or it came out after what is measured before it

    def judge_of(self, faces: FaceSet | None) -> Judge:
        """Who judges outputs made of the set's faces."""
        name = DRAWN if faces is None else faces.name
        return self.judges.get(name) or self.judges[""]


def evaluate(
    order: Order, folder: Path, *, workers: int | None = None, progress: Progress | None = None
) -> list[Evaluation]:
    """Every model on every set, set by set. What lies in `folder` from the same model, inputs and judge isn't
    made again.

    Args:
        folder: `evaluations` in the workspace.
        workers: processes that draw; None takes one per processor.

    Raises:
        KaogaeError: an input, model or judge can't be used, or the disk is full. What is finished stays.
    """
    found: list[Evaluation] = []
    for faces in order.sets:
        name = DRAWN if faces is None else faces.name
        measures = _measures(order, faces)
        prepared: dict[int, tuple[Inputs, Reference]] = {}  # by the size that models take
        for model in order.models:
            tell = partial(progress or _silence, f"{model.facts.name} on {name}")
            size = model.facts.image_size
            if size not in prepared:
                prepared[size] = _prepared(order, faces, size, workers, tell)
            inputs, reference = prepared[size]
            key = key_of(model, inputs, measures, faces and faces.hash)
            place = folder / model.facts.name / f"{name}-{order.count}-{order.seed}"
            kept = _kept(place, key)
            if kept is None:
                _try_to_write(place)  # before the work
                facts = facts_of_inputs(inputs, name, order.seed, faces and faces.hash)
                made, outputs = measure(model, inputs, facts, reference, measures, tell, workers=workers)
                made = replace(made, made=_made(order.command, key))
                kept = save_evaluation(made, place, inputs.pixels, outputs)
            found.append(kept)
    return found


def _check_models(names: Sequence[str]) -> None:
    """Whether each can have a folder of its own, inside of `evaluations`."""
    if not names:
        raise UsageError("No model was named: name a run, a checkpoint, or 'shipped'.")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"Two models are called '{twice}': give one of the files another name.")
    for name in names:
        if not name.isprintable() or "/" in name or name[:1] in (".", "") or len(name.encode()) > NAME_BYTES:
            raise UsageError(
                f"No model can be called '{name}': give its file or folder a name that doesn't begin with a"
                f" dot, of letters that can be printed, {NAME_BYTES} bytes at most."
            )


def _check_sets(sets: Sequence[FaceSet | None], judges: Mapping[str, Judge]) -> None:
    """Whether each has a name of its own, and each judge a set."""
    names = [DRAWN if faces is None else faces.name for faces in sets]
    for name in names:
        check_name(name)  # a set says itself what it's called, and a folder is called so too
    if any(faces is not None and faces.name == DRAWN for faces in sets):
        raise UsageError(
            f"This set is called '{DRAWN}', as those characters are that are drawn for an evaluation: freeze"
            " it under another name."
        )
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(
            f"The set '{twice}' was named twice, or two sets are called so: name it once, or freeze one of"
            " them under another name."
        )
    if unasked := next((name for name in judges if name and name not in names), None):
        raise UsageError(
            f"A judge is given for '{unasked}', on which nothing is evaluated: name a set of"
            f" {', '.join(names)}."
        )


def _prepared(
    order: Order, faces: FaceSet | None, size: int, workers: int | None, tell: Callable[[str, int, int], None]
) -> tuple[Inputs, Reference]:
    """The inputs as models take them, and what their outputs are compared with as a whole."""
    if faces is None:
        drawing: Callable[[int], None] = lambda done: tell("drawing", done, order.count)  # noqa: E731
        inputs = drawn(order.count, order.seed, size, workers=workers, progress=drawing)
        return inputs, Reference.of_truths(inputs)
    tell("reading faces", 0, order.count)
    inputs = choose(faces, order.count, order.seed, size=size)
    return inputs, Reference.of_set(faces, size, without=inputs.names)


def _measures(order: Order, faces: FaceSet | None) -> Measures:
    judge = order.judge_of(faces)
    features = {"judge": judge.features} | {name: each for name, (_, each) in order.features.items()}
    hashes = {"judge": judge.sha256, "identity": order.identity.sha256}
    hashes |= {name: sha256 for name, (sha256, _) in order.features.items()}
    return Measures(judge, order.identity, features, hashes)


def _kept(place: Path, key: Mapping[str, str | None]) -> Evaluation | None:
    """What lies there, if it is from the same, and whole."""
    with suppress(EvaluationError):
        kept = read_evaluation(place)
        if kept.made.get("key") == key:
            for number in range(len(kept.inputs)):
                read_row(kept, number)  # or whoever finds it damaged later couldn't have it made again
            return kept
    return None


def _try_to_write(place: Path) -> None:
    with beside(place, EvaluationError) as draft:
        draft.touch()


def _made(command: str, key: Mapping[str, str | None]) -> dict[str, Any]:
    """When and with what an evaluation was made."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "kaogae": __version__,
        "torch": torch.__version__,
        "machine": processor_name(),
        "processors": cpus(),
        "threads": torch.get_num_threads(),
        "command": command.encode(errors="replace").decode(),  # a file's name may be no text
        "key": key,
    }


def _silence(what: str, stage: str, done: int, total: int) -> None:
    pass
