"""Every measure of one model on one set of inputs, in one linear function."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaogae import __version__
from kaogae.dataset import FaceSet
from kaogae.evaluate.evaluation import TARGETS, Evaluation, InputsFacts, JudgeFacts
from kaogae.evaluate.frechet import LEAST, frechet, kernel
from kaogae.evaluate.identity import Identity
from kaogae.evaluate.inputs import Inputs, resized
from kaogae.evaluate.judge import Judge
from kaogae.evaluate.likeness import squared_error, ssim
from kaogae.evaluate.models import Model
from kaogae.evaluate.perceptual import perceptual
from kaogae.evaluate.regions import PARTS, changed, moved, moved_rightly, spread

REFERENCES = 300
"""Most real faces of an expression that outputs are compared with."""
REST = PARTS.index("rest")

Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]
Features = Callable[[Pixels], NDArray[np.float32]]
"""RGB [N, S, S, 3] to [N, F]."""
Progress = Callable[[str, int, int], None]
"""The stage, what is done of it, and of how much."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Faces that show each expression as it should be: what outputs are compared with as a whole."""

    pixels: Pixels
    """[M, S, S, 3] RGB."""
    labels: NDArray[np.int64]
    """[M]."""
    _described: dict[Features, NDArray[np.float32]] = field(default_factory=dict, repr=False)

    def described(self, features: Features) -> NDArray[np.float32]:
        """`features` of all its faces, [M, F]: asked for by each model, found once."""
        if features not in self._described:
            self._described[features] = features(self.pixels)
        return self._described[features]

    @classmethod
    def of_truths(cls, inputs: Inputs) -> "Reference":
        """The exact truths of drawn inputs."""
        assert inputs.truths is not None
        flat = inputs.truths.reshape(-1, *inputs.truths.shape[2:])
        return cls(flat, np.tile(np.arange(TARGETS), len(inputs)))

    @classmethod
    def of_set(
        cls, faces: FaceSet, size: int, without: Sequence[str] = (), most: int = REFERENCES
    ) -> "Reference":
        """Up to `most` faces of each expression, of all splits: those of the test split first.

        Args:
            without: files of the inputs. To find them again would be no merit of a model that copies.
        """
        inputs = set(without)
        others = [face for face in faces.faces if face.file not in inputs]
        ranked = sorted(others, key=lambda face: (face.split != "test", face.sha256, face.file))
        chosen = [
            face
            for k in range(TARGETS)
            for face in [one for one in ranked if one.expression.position == k][:most]
        ]
        pixels = [resized(picture, size) for picture in faces.pictures(chosen)]
        pixels = np.stack(pixels) if pixels else np.empty((0, size, size, 3), np.uint8)
        return cls(pixels, np.array([face.expression.position for face in chosen], np.int64))


@dataclass(frozen=True, eq=False)
class Measures:
    """Who measures."""

    judge: Judge
    identity: Identity
    features: Mapping[str, Features]
    """By name, what faces are compared by as a whole: "judge", "inception"."""
    hashes: Mapping[str, str]
    """Of what those are made from, by name."""


def key_of(
    model: Model, inputs: Inputs, measures: Measures, set_hash: str | None = None
) -> dict[str, str | None]:
    """What an evaluation depends on. With the same key it needn't be made again.

    Args:
        set_hash: of the frozen set, from which the faces are that outputs are compared with as a whole.
    """
    content = hashlib.sha256("\n".join(inputs.names).encode())
    for array in (inputs.pixels, inputs.labels, inputs.masks, inputs.truths):
        content.update(b"" if array is None else array.tobytes())
    own = "" if model.own_head is None else "and its own discriminator"
    return {
        "kaogae": __version__,
        "model": model.facts.sha256,
        "inputs": content.hexdigest(),
        "set": set_hash,
        "own": own,
        **measures.hashes,
    }


def measure(
    model: Model,
    inputs: Inputs,
    facts: InputsFacts,
    reference: Reference,
    measures: Measures,
    tell: Progress,
    *,
    workers: int | None = 1,
) -> tuple[Evaluation, Pixels]:
    """Translate the inputs to all targets and measure everything.

    Args:
        facts: what is kept of `inputs`.
        reference: what the outputs are compared with as a whole.
        tell: called now and then with the stage, what is done of it and of how much.
        workers: processes that look for faces; None: one per processor.

    Returns:
        What was measured, and the outputs [N, 5, S, S, 3] RGB.

    Raises:
        ModelError: the model gives something that isn't a picture.
    """
    total, pixels, rest = TARGETS * len(inputs), inputs.pixels, inputs.masks[:, None, REST]
    scores: dict[str, NDArray[Any]] = {}

    tell("translating", 0, total)
    began = time.perf_counter()
    outputs = model.translate(pixels, lambda done: tell("translating", done, total))
    seconds = time.perf_counter() - began

    tell("there and back", 0, total)
    back = model.back(outputs, inputs.labels, lambda done: tell("there and back", done, total))
    scores["cycle"] = np.stack([_apart(five, source) for five, source in zip(back, pixels, strict=True)])
    del back  # as much memory as the outputs take

    tell("judging", 0, total)
    said = measures.judge.judge(_flat(outputs), workers=workers)
    scores["verdicts"] = said.verdicts.reshape(-1, TARGETS)
    scores["chances"] = said.chances.reshape(-1, TARGETS, TARGETS)
    scores["faces"] = said.faces.reshape(-1, TARGETS)
    scores["input_verdicts"] = measures.judge.verdicts(pixels)
    if (own := model.own_verdicts(outputs)) is not None:
        scores["own_head"] = own

    tell("identity", 0, total)
    scores["identity"] = measures.identity.distance(pixels[:, None], outputs)

    tell("likeness", 0, total)
    scores["ssim_rest"] = ssim(pixels[:, None], outputs, rest)
    scores["perceptual_rest"] = perceptual(pixels[:, None], outputs, rest, network=measures.identity)
    if inputs.truths is not None:
        scores["truth_error"] = squared_error(outputs, inputs.truths)
        scores["input_truth_error"] = squared_error(pixels[:, None], inputs.truths)
        scores["truth_ssim"] = ssim(outputs, inputs.truths)
        scores["truth_perceptual"] = perceptual(outputs, inputs.truths, network=measures.identity)

    tell("regions", 0, total)
    scores["changed"] = changed(pixels, outputs, inputs.masks)
    regions = {"spread": np.nanmean(spread(outputs, inputs.masks), axis=0)}
    if inputs.truths is not None:
        regions["moved"] = moved(outputs, inputs.truths, inputs.masks)
        regions["moved_rightly"] = moved_rightly(outputs, inputs.truths, inputs.masks)

    tell("distances", 0, len(measures.features))
    distances: dict[str, dict[str, Values]] = {}
    for number, (name, features) in enumerate(measures.features.items(), 1):
        distances[name] = compare_as_a_whole(outputs, reference, features)
        tell("distances", number, len(measures.features))

    judge, embedding = facts_of_judge(measures.judge), measures.identity.facts()
    return Evaluation(model.facts, facts, judge, scores, regions, distances, embedding, seconds), outputs


def compare_as_a_whole(outputs: Pixels, reference: Reference, features: Features) -> dict[str, Values]:
    """Fréchet and kernel distances of outputs [N, 5, S, S, 3] to faces that show each target, each [6]: by
    target, and of all to all; NaN where there are fewer than `frechet.LEAST` of either.
    """
    each = np.bincount(reference.labels, minlength=TARGETS)
    found = {key: np.full(TARGETS + 1, np.nan) for key in ("fid", "kid", "kid_sd")}
    found["pictures"] = np.array([*each, each.sum()], np.float64)
    if each.sum() < LEAST:
        return found
    ours = features(_flat(outputs)).reshape(len(outputs), TARGETS, -1)
    theirs = reference.described(features)
    pairs = [(ours[:, k], theirs[reference.labels == k]) for k in range(TARGETS)]
    pairs.append((ours.reshape(-1, ours.shape[-1]), theirs))
    for k, (made, real) in enumerate(pairs):
        if min(len(made), len(real)) >= LEAST:
            found["fid"][k] = frechet(made, real)
            found["kid"][k], found["kid_sd"][k] = kernel(made, real)
    return found


def facts_of_judge(judge: Judge) -> JudgeFacts:
    """What is kept of who judged."""
    header = judge.header
    return JudgeFacts(
        name=header.name,
        sha256=judge.sha256,
        threshold=header.threshold,
        known={kind: known.counts for kind, known in header.known.items()},
        reliability={
            kind: np.array([[one.chance, one.right, one.faces] for one in known.reliability]).reshape(-1, 3)
            for kind, known in header.known.items()
        },
    )


def facts_of_inputs(inputs: Inputs, name: str, seed: int, set_hash: str | None = None) -> InputsFacts:
    """What is kept of what was tested on."""
    names = "\n".join([set_hash or "", *inputs.names])
    return InputsFacts(
        name=name,
        hash=hashlib.sha256(names.encode()).hexdigest(),
        seed=seed,
        names=inputs.names,
        labels=inputs.labels,
        known={kind: inputs.known.count(kind) for kind in sorted(set(inputs.known))},
        set_hash=set_hash,
    )


def _apart(a: Pixels, b: Pixels) -> Values:
    """Mean absolute difference of each of `a` [N, S, S, 3] to `b` [S, S, 3], grey levels."""
    return np.abs(a.astype(np.float32) - b).mean((1, 2, 3)).astype(np.float64)


def _flat(pictures: Pixels) -> Pixels:
    """[N, 5, S, S, 3] as [5 N, S, S, 3]."""
    return pictures.reshape(-1, *pictures.shape[2:])
