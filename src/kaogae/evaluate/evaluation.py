"""What was measured of one model on one set of inputs. `snapshots.py` keeps it on disk."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kaogae.errors import UsageError
from kaogae.evaluate.confusion import Confusion
from kaogae.evaluate.correction import Corrected, corrected
from kaogae.evaluate.likeness import decibels
from kaogae.evaluate.regions import PARTS
from kaogae.expressions import EXPRESSIONS

TARGETS = len(EXPRESSIONS)

Values = NDArray[np.float64]
Counts = NDArray[np.int64]

SCORES: dict[str, tuple[int, ...]] = {
    "verdicts": (TARGETS,),
    "input_verdicts": (),
    "chances": (TARGETS, TARGETS),
    "faces": (TARGETS,),
    "own_head": (TARGETS,),
    "changed": (TARGETS, len(PARTS)),
    "identity": (TARGETS,),
    "ssim_rest": (TARGETS,),
    "perceptual_rest": (TARGETS,),
    "cycle": (TARGETS,),
    "truth_error": (TARGETS,),
    "truth_ssim": (TARGETS,),
    "truth_perceptual": (TARGETS,),
    "input_truth_error": (TARGETS,),
}
"""What is known of each input: [N] and these axes behind. See `Evaluation`."""


@dataclass(frozen=True)
class ModelFacts:
    """What a model is."""

    name: str
    sha256: str
    """Of its file."""
    bytes: int
    """Of its file."""
    image_size: int
    """Side of the pictures that it takes, in pixels."""
    parameters: int | None = None
    about: dict[str, Any] = field(default_factory=dict[str, Any])
    """What its header says about itself: architecture, preset, images seen, data hash."""


@dataclass(frozen=True, eq=False)
class InputsFacts:
    """What it was tested on."""

    name: str
    """Of the frozen set; "drawn" for drawn characters."""
    hash: str
    """Of the names of the pictures; for a set with its own hash."""
    seed: int
    names: tuple[str, ...]
    """N names: of the set's files, or of drawn characters."""
    labels: Counts
    """[N], what the inputs show."""
    known: dict[str, int]
    """How many inputs' landmarks were given, found, assumed."""
    set_hash: str | None = None
    """Of the frozen set."""

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, eq=False)
class JudgeFacts:
    """Who judged."""

    name: str
    sha256: str
    threshold: float
    """A verdict needs at least this chance, else it is "other"."""
    known: dict[str, Counts]
    """Its own matrices [6, 6] on held-out faces, by their name ("drawn", or a set's): row what a face shows
    (the sixth: none of the five), column its verdict.
    """
    reliability: dict[str, Values]
    """By the same name: [bins, 3], the mean chance of what it names, the share that is right, faces."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One model on N inputs, each translated to all five targets."""

    model: ModelFacts
    inputs: InputsFacts
    judge: JudgeFacts | None
    scores: dict[str, NDArray[Any]]
    """Of each input and target ([N, 5]; axes behind as in `SCORES`), what was measured:

    - verdicts: by the judge, 0–5; input_verdicts [N]: of the inputs themselves; chances [N, 5, 5]:
      calibrated, of each expression; faces: whether a face was found in the output; own_head: what the
      model's own discriminator says, 0–4
    - changed [N, 5, 4]: mean change of each of `PARTS`, grey levels
    - identity: distance to the input, 0 to 2; ssim_rest, perceptual_rest: likeness to the input outside eyes,
      brows and mouth; cycle: mean difference of the input and the way there and back, grey levels
    - truth_error, truth_ssim, truth_perceptual: to the exact truth; truth_error is the mean squared
      difference, and input_truth_error that of the unchanged input
    """
    regions: dict[str, Values]
    """[4], of `PARTS`, over all inputs: "spread" in grey levels; of drawn ones "moved", "moved_rightly"."""
    distances: dict[str, dict[str, Values]]
    """Fréchet and kernel distances of the outputs to real faces, by features ("judge", "inception"): "fid",
    "kid", "kid_sd", each [6], of each target's outputs to faces that show it, and last of all to all;
    "pictures" [6], how many faces they were compared with.
    """
    identity: dict[str, Any] = field(default_factory=dict[str, Any])
    """Of the embedding: name, sha256, and what distances mean: "same" and "other", each [mean, 5 %, 95 %]."""
    seconds: float = 0.0
    """That translating all inputs to all targets took."""
    made: dict[str, Any] = field(default_factory=dict[str, Any])
    """When, by which version, on which machine, by which command, from which key."""
    folder: Path | None = None
    """Where the snapshot lies."""

    @property
    def name(self) -> str:
        """Of the model."""
        return self.model.name

    @cached_property
    def confusion(self) -> Confusion | None:
        """Table II by the judge."""
        return self._confusion("verdicts")

    @cached_property
    def own_confusion(self) -> Confusion | None:
        """Table II by the model's own discriminator, which it learned to please."""
        return self._confusion("own_head")

    @property
    def corrected(self) -> Corrected | None:
        """Table II with the judge's known error on faces of this kind taken out; None where it can't be."""
        return self.corrected_or_why[0]

    @cached_property
    def corrected_or_why(self) -> tuple[Corrected | None, str]:
        """The same, and why it can't be: thousands of draws, made once."""
        return _corrected_or_why(self)

    @property
    def hits(self) -> NDArray[np.bool_] | None:
        """[N, 5], whether the judge sees what was asked for."""
        verdicts = self.scores.get("verdicts")
        return None if verdicts is None else verdicts == np.arange(TARGETS)

    @property
    def kind(self) -> str:
        """Of the inputs: "drawn" or "real"."""
        return "drawn" if self.inputs.name == "drawn" else "real"

    @property
    def faces_per_second(self) -> float:
        """Faces translated in a second."""
        return len(self.inputs) * TARGETS / self.seconds if self.seconds else math.nan

    def summary(self) -> dict[str, float]:
        """The numbers that stand for all, by name: what a model card repeats. Only those that are known."""
        found: dict[str, float] = {}
        if self.confusion:
            found |= {"accuracy": self.confusion.mean_accuracy}
        if self.own_confusion:
            found |= {"accuracy_by_its_own_discriminator": self.own_confusion.mean_accuracy}
        if self.corrected:
            found |= {"accuracy_corrected": self.corrected.mean_accuracy}
        for key in ("moved_rightly", "spread"):
            if key in self.regions:
                found |= {f"{key}_{p}": float(v) for p, v in zip(PARTS, self.regions[key], strict=True)}
        for key in ("identity", "ssim_rest", "perceptual_rest", "cycle", "truth_ssim", "truth_perceptual"):
            if key in self.scores:
                found[key] = float(np.nanmean(self.scores[key]))
        for key, name in (("truth_error", "truth_psnr"), ("input_truth_error", "input_truth_psnr")):
            if key in self.scores:
                found[name] = float(decibels(self.scores[key].mean()))
        for by, distances in self.distances.items():
            found |= {f"{key}_{by}": float(distances[key][-1]) for key in ("fid", "kid")}
        return {key: value for key, value in found.items() if math.isfinite(value)}

    def _confusion(self, by: str) -> Confusion | None:
        seen = self.scores.get(by)
        return None if seen is None else Confusion.of(np.tile(np.arange(TARGETS), len(seen)), seen.ravel())


def _corrected_or_why(found: Evaluation) -> tuple[Corrected | None, str]:
    """Table II with the judge's known error taken out, or why it can't be."""
    if found.confusion is None or found.judge is None:
        return None, "no judge was asked"
    tables = [
        table for name, table in found.judge.known.items() if (name == "drawn") == (found.kind == "drawn")
    ]
    known = sum(tables, np.zeros((TARGETS + 1, TARGETS + 1), np.int64))
    if not known.any():
        return None, f"how often the judge errs on {found.kind} faces isn't known"
    others = known[TARGETS] if known[TARGETS].sum() else None
    try:
        return corrected(found.confusion, Confusion(known[:TARGETS]), others), ""
    except UsageError as error:
        return None, str(error)
