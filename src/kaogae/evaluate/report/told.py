"""Chapters on where the numbers are from, and what they can't say."""

import json
from collections.abc import Generator, Mapping
from typing import Any

from kaogae.evaluate.evaluation import Evaluation
from kaogae.evaluate.report.material import Material
from kaogae.evaluate.report.page import Block, Facts, Lines, Points, Words, tabled
from kaogae.evaluate.tables import UNKNOWN, Cell, Table, as_name

LETTERS = 400
"""Most letters of a fact or a command."""
COLUMNS = 10
"""Most columns of what was made when."""
MANY = 60
"""Most facts or commands in a list."""

Blocks = Generator[Block]


def origin(material: Material) -> Blocks:
    """Commands, machine, versions and hashes."""
    extras = material.extras
    made = [one.made for group in material.groups for one in group.found.values()]
    commands = list(extras.commands) or [str(one["command"]) for one in made if one.get("command")]
    if commands:
        yield Lines(tuple(_short(one) for one in dict.fromkeys(commands))[:MANY])
    for title, facts in (("Machine", extras.machine), ("Versions", extras.versions)):
        if facts:
            yield Facts(title, _facts(facts))
    models = {one.model.sha256: one for group in material.groups for one in group.found.values()}
    for one in models.values():
        yield Facts(f"Model: {as_name(one.name)}", _model(one))
    for group in material.groups:
        inputs = group.first.inputs
        known = ", ".join(f"{count} {as_name(how)}" for how, count in inputs.known.items())
        facts = {"inputs": str(len(inputs)), "seed": str(inputs.seed), "hash of the inputs": inputs.hash}
        facts |= {"hash of the set": inputs.set_hash} if inputs.set_hash else {}
        facts |= {"eyes and mouth": known or UNKNOWN}
        yield Facts(f"Inputs: {group.name}", _facts(facts))
    yield from _sets(material)
    yield from _networks(material)
    if any(made):
        yield tabled("evaluations", _evaluations(material))
    yield Words(
        "Every number, of each input and output, is in the evaluations' own files, evaluation.json. The"
        " tables and figures of this page are beside it as CSV, LaTeX, SVG and PNG."
    )


def limits(material: Material) -> Blocks:
    """What these numbers can't say, as far as that follows from what was measured."""
    found = [one for group in material.groups for one in group.found.values()]
    yield Points(tuple(_limits(material, found)))


def _limits(material: Material, found: list[Evaluation]) -> Generator[str]:
    if any(one.confusion for one in found):
        yield (
            "The judge is a network and errs, as its own matrices show. Taking these errors out assumes that"
            " it errs on outputs as it does on faces; a generator may have ways of its own to mislead it."
        )
    if any(one.confusion and not one.corrected for one in found):
        yield "Where the judge's errors aren't known, or too many to be taken out, its verdicts are hints."
    if not material.extras.people:
        yield "No panel of people is in this report: nobody has looked and said what the outputs show."
    if any(group.drawn for group in material.groups):
        yield (
            "Drawn characters are of one hand's making. They have an exact truth, and less variety than"
            " pictures by people; what is right for them may be wrong for others."
        )
    if all(group.drawn for group in material.groups):
        yield "No face that wasn't drawn by the atelier is among the inputs."
    yield (
        "Intervals hold the chance in which inputs were picked. They don't hold what another training run,"
        " with another seed or other data, would have come to."
    )
    if any("identity" in one.scores for one in found):
        yield (
            "The identity network and the perceptual distance learned from drawn characters; on other faces"
            " they are less sure, and a distance says nothing about beauty."
        )
    assumed = sum(group.first.inputs.known.get("assumed", 0) for group in material.groups)
    if assumed:
        yield (
            f"Of {assumed} inputs no detector found eyes and mouth: their places are assumed, and what moved"
            " is less sure there."
        )
    if any(one.distances for one in found):
        yield "FID and KID are from few faces: for comparing models here, not with numbers from elsewhere."
    yield "Speed was measured once, on one machine, with whatever else ran on it."
    yield "The paper's numbers are from other faces, other models and other eyes."


def _evaluations(material: Material) -> Table:
    """When, where and with what each was made."""
    found = [(g.name, name, one.made) for g in material.groups for name, one in g.found.items()]
    known = dict.fromkeys(key for *_, made in found for key in made if key not in {"command", "key"})
    keys = list(known)[:COLUMNS]

    def row(group: str, name: str, made: Mapping[str, Any]) -> tuple[Cell, ...]:
        texts = [_short(str(made.get(key, UNKNOWN))) for key in keys]
        return Cell(f"{group}, {name}"), *(Cell(as_name(text)) for text in texts)

    columns = ("evaluation", *(as_name(key) for key in keys))
    return Table("The evaluations", columns, tuple(row(*one) for one in found))


def _sets(material: Material) -> Generator[Facts]:
    for one in material.extras.tables:
        yield Facts(f"Set: {as_name(one.name)}", _facts({"hash": one.hash}))


def _model(one: Evaluation) -> dict[str, str]:
    model = one.model
    facts: dict[str, Any] = {"sha256": model.sha256, "bytes": f"{model.bytes:,}", "pixels": model.image_size}
    if model.parameters is not None:
        facts["parameters"] = f"{model.parameters:,}"
    return _facts(facts | model.about)


def _networks(material: Material) -> Generator[Facts]:
    """Judges and identity networks, each once."""
    seen: set[str] = set()
    for group in material.groups:
        for one in group.found.values():
            judge, identity = one.judge, one.identity
            if judge and judge.sha256 not in seen:
                seen.add(judge.sha256)
                facts = {"sha256": judge.sha256, "names an expression from": f"{judge.threshold:.3f} on"}
                yield Facts(f"Judge: {as_name(judge.name)}", _facts(facts))
            if identity and json.dumps(identity, sort_keys=True) not in seen:
                seen.add(json.dumps(identity, sort_keys=True))
                yield Facts("Identity network", _facts(identity))


def _facts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Each short enough to be read; what is nested as JSON."""
    return {
        as_name(str(key)): _short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in list(facts.items())[:MANY]
    }


def _short(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else "�" for letter in text)
    return plain if len(plain) <= LETTERS else f"{plain[: LETTERS - 1]}…"
