"""What a report is made of: evaluations by their inputs, and what is told besides."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from kaogae.errors import UsageError
from kaogae.evaluate.bootstrap import Comparison
from kaogae.evaluate.confusion import Confusion
from kaogae.evaluate.evaluation import Evaluation
from kaogae.evaluate.tables import as_name

MODELS = 7
"""Most models that colours and marks tell apart."""
SETS = 12
"""Most sets of inputs."""

Key = TypeVar("Key")


@dataclass(frozen=True)
class SetFacts:
    """What a set consists of: Table I."""

    name: str
    hash: str
    faces: Mapping[str, Mapping[str, int]]
    """Faces by source, then by expression."""
    licences: Mapping[str, int] = field(default_factory=dict[str, int])
    """Faces by licence."""


class PanelResult(Protocol):
    """What people saw: of `panel_votes`, as much as is told here."""

    @property
    def name(self) -> str: ...
    @property
    def inputs(self) -> Collection[str]:
        """Names of the inputs from which its pictures were made."""
        ...

    @property
    def matrices(self) -> Mapping[str, Confusion]:
        """By model: what was asked for, and what most people saw."""
        ...

    @property
    def controls(self) -> Confusion | None:
        """The same of faces that nobody changed: what they show, and what most people saw."""
        ...

    @property
    def kappa(self) -> float | None:
        """Fleiss': how far people agree."""
        ...

    @property
    def failed(self) -> Sequence[str]:
        """Who fails the controls."""
        ...

    @property
    def missing(self) -> str:
        """What lacks votes, in words; empty if nothing does."""
        ...


@dataclass(frozen=True)
class Extras:
    """What a report tells besides evaluations; whatever isn't here is left out."""

    curves: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    """Figure 3, as "svg" and as "png"."""
    tables: Sequence[SetFacts] = ()
    """Table I of each set."""
    people: Sequence[PanelResult] = ()
    comparisons: Sequence[tuple[str, str, Comparison]] = ()
    """A, B, and how much more often A succeeds: others than by the judge on the same inputs, which the report
    makes itself."""
    commands: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    machine: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, eq=False)
class Group:
    """Models on the same inputs."""

    name: str
    """Of the inputs, as the report calls them."""
    slug: str
    """The same in names of files."""
    found: Mapping[str, Evaluation]
    """By the model, as the report calls it."""

    @property
    def first(self) -> Evaluation:
        """Any of them, for what they have in common."""
        return next(iter(self.found.values()))

    @property
    def drawn(self) -> bool:
        """Whether the inputs are drawn characters."""
        return self.first.kind == "drawn"

    @property
    def judged(self) -> dict[str, Confusion]:
        """Table II by the judge, of the models that were judged."""
        return {name: one.confusion for name, one in self.found.items() if one.confusion is not None}


@dataclass(frozen=True, eq=False)
class Material:
    """All that a report tells."""

    models: tuple[str, ...]
    """As the report calls them: their places give their colours."""
    groups: tuple[Group, ...]
    extras: Extras

    def place(self, model: str) -> int:
        """Of the model among all."""
        return self.models.index(model)

    def panels(self, group: Group) -> list[PanelResult]:
        """Those about the inputs of `group`."""
        names = set(group.first.inputs.names)
        return [one for one in self.extras.people if one.inputs and names.issuperset(one.inputs)]

    def people(self, group: Group, model: str) -> Confusion | None:
        """Table II by people, of the first panel that has `model`."""
        name = group.found[model].name
        return next((one.matrices[name] for one in self.panels(group) if name in one.matrices), None)


def arrange(evaluations: Sequence[Evaluation], extras: Extras) -> Material:
    """Put together what has the same inputs.

    Raises:
        UsageError: nothing to report on, or too much; a model twice on the same inputs; models on the same
            inputs that were measured by different networks.
    """
    if not evaluations:
        raise UsageError("There is nothing to report on: evaluate a model first.")
    models = _called({(one.name, one.model.sha256): one.name for one in evaluations})
    by_inputs: dict[tuple[str, tuple[str, ...]], list[Evaluation]] = {}
    for one in evaluations:
        by_inputs.setdefault((one.inputs.hash, one.inputs.names), []).append(one)
    if len(models) > MODELS or len(by_inputs) > SETS:
        raise UsageError(
            f"{len(models)} models on {len(by_inputs)} sets of inputs are too much for one report:"
            f" at most {MODELS} models can be told apart, on at most {SETS} sets."
        )
    calls = _called({k: _titled(each[0]) for k, each in by_inputs.items()})
    groups: list[Group] = []
    for k, each in by_inputs.items():
        _check(each)
        found = {models[one.name, one.model.sha256]: one for one in each}
        groups.append(Group(calls[k], f"{len(groups) + 1}-{_slug(calls[k])}", found))
    return Material(tuple(models.values()), tuple(groups), extras)


def _called(names: Mapping[Key, str]) -> dict[Key, str]:
    """What a reader can tell apart: the second of a name has a 2 behind it."""
    calls: dict[Key, str] = {}
    for key, name in names.items():
        plain, number = as_name(name) or "nameless", 1
        call = plain
        while call in calls.values():
            number += 1
            call = f"{plain} ({number})"
        calls[key] = call
    return calls


def _titled(found: Evaluation) -> str:
    return "Drawn characters" if found.kind == "drawn" else found.inputs.name


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:40].strip("-") or "inputs"


def _check(same: Sequence[Evaluation]) -> None:
    first = same[0]
    often = Counter((one.name, one.model.sha256) for one in same)
    for (name, _), count in often.items():
        if count > 1:
            raise UsageError(f"'{as_name(name)}' is there twice on the same inputs: name each model once.")
    judges = {one.judge.sha256 for one in same if one.judge is not None}
    identities = {one.identity["sha256"] for one in same if "sha256" in one.identity}
    for what, found in (("judges", judges), ("identity networks", identities)):
        if len(found) > 1:
            raise UsageError(
                f"The models on '{as_name(first.inputs.name)}' were measured by different {what}, so their"
                " numbers can't stand side by side: evaluate them again with the same one."
            )
