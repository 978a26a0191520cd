"""`kaogae evaluate panel` and `votes`: people say what outputs show."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kaogae.cli.application import CATALOG, WORKSPACE, out, plain
from kaogae.cli.evaluate import group
from kaogae.errors import UsageError

if TYPE_CHECKING:
    from kaogae.evaluate.evaluation import Evaluation
    from kaogae.evaluate.panel import Panel
    from kaogae.evaluate.panel_votes import Agreement, PanelResult, Person

JSON = typer.Option(False, "--json", help="Print a report for machines.")


@group.command("panel")
def evaluate_panel(
    name: str = typer.Argument(..., help="Name of the new panel."),
    runs: list[str] = typer.Argument(
        ..., metavar="RUN...", help="Models, as kaogae evaluate was given them."
    ),
    from_set: str | None = typer.Option(
        None, "--set", help="The frozen set that they were evaluated on; default: drawn characters."
    ),
    count: int = typer.Option(100, "--count", help="Inputs that they were evaluated on."),
    seed: int = typer.Option(0, "--seed", help="The evaluation's seed; also of the panel's order."),
    annotators: int = typer.Option(3, "--annotators", help="People who judge each picture: 1 to 25."),
    controls: int | None = typer.Option(
        None, "--controls", help="Unchanged faces among them; default: one for ten outputs, 20 or more."
    ),
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Begin a blind panel: people say what models' outputs show, with unchanged faces among them."""
    from kaogae.catalog import Workspace
    from kaogae.cli.progress import watch
    from kaogae.evaluate.panel import begin_panel
    from kaogae.label import Settings

    place = Workspace(workspace, catalog)
    settings = Settings(annotators, blind=True, seed=seed)
    found = [_evaluation(place.folder / "evaluations", run, from_set, count, seed) for run in runs]
    with closing(place.open()) as opened, watch("pictures") as follow:
        panel = begin_panel(place, opened, name, found, settings, controls=controls, progress=follow)
    if as_json:
        print(json.dumps(vars(panel) | {"begun": vars(panel.begun)}))
    else:
        _say_begun(panel, annotators)


@group.command("votes")
def evaluate_votes(
    name: str = typer.Argument(..., help="Name of the panel."),
    partial: bool = typer.Option(
        False, "--partial", help="Use the pictures that have all their votes although others lack some."
    ),
    without: list[str] = typer.Option(
        [], "--without", help="Leave out what this annotator said; may be given several times."
    ),
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Say what a panel saw: a matrix for each model, how far its people agree, and who fails the controls.

    The exit code is 1 if pictures lack votes and the others were used.
    """
    from kaogae.catalog import Workspace
    from kaogae.evaluate.panel_votes import read_panel

    with closing(Workspace(workspace, catalog).existing()) as opened:
        result = read_panel(opened, name, partial=partial, without=without)
    if as_json:
        print(json.dumps(_as_json(result)))
    else:
        for line in _lines(result):
            _say(line)
    if result.partial:
        raise typer.Exit(1)


def _evaluation(folder: Path, run: str, from_set: str | None, count: int, seed: int) -> "Evaluation":
    """The evaluation of the model `run`, or in the folder of that name."""
    from kaogae.evaluate.snapshots import FILE, read_evaluation

    inputs = f"{Path(from_set or 'drawn').name}-{count}-{seed}"
    place = Path(run)
    called = place.stem if place.suffix in (".onnx", ".safetensors") else place.name  # as evaluate calls it
    there = next((at for at in (place, folder / called / inputs) if (at / FILE).is_file()), None)
    if there is None:
        known = sorted(path.parent.parent.name for path in folder.glob(f"*/{escape(inputs)}/{FILE}"))
        raise UsageError(
            f"'{run}' wasn't evaluated on {inputs}: run `kaogae evaluate` first"
            + (f", or choose from {', '.join(known)}." if known else ".")
        )
    return read_evaluation(there)


def _say_begun(panel: "Panel", annotators: int) -> None:
    begun = panel.begun
    people = "1 person" if annotators == 1 else f"{annotators} people"
    models = "1 model" if len(panel.models) == 1 else f"{len(panel.models)} models"
    _say(
        f"{begun.name}: {begun.items:,} pictures of {panel.size} px, each for {people}: {panel.outputs:,}"
        f" outputs of {models}, {panel.controls:,} controls"
    )
    for reason, count in begun.left_out.items():
        _say(f"left out: {count:,} ({reason})")
    _say("Next: kaogae label serve --host 0.0.0.0 --invite NAME")
    _say(f"Then: kaogae evaluate votes {begun.name}")


def _lines(result: "PanelResult") -> Iterator[str]:
    yield from _matrices(result)
    yield f"All together: {_agreement(result.agreement)}."
    if result.missing:
        yield f"Not finished: {result.missing}; they aren't counted."
    if result.unknown:
        yield f"Votes on pictures that this panel doesn't have, counted nowhere: {result.unknown:,}."
    yield ""
    yield from _people(result.people)
    if not result.failed:
        return
    yield ""
    yield from map(_failure, (person for person in result.people if person.failed))
    if result.trusted is None:
        yield "Nobody else voted. If nobody guessed, the controls show something else than their labels say."
        return
    yield f"Without {_listed(result.failed)}, from the votes that are left:"
    yield ""
    yield from _matrices(result.trusted)


def _matrices(result: "PanelResult") -> Iterator[str]:
    from kaogae.evaluate.panel import CONTROL
    from kaogae.evaluate.tables import Measured, as_text, matrix

    less = f", without {_listed(result.without)}" if result.without else ""
    for model, confusion in result.matrices.items():
        yield as_text(matrix(Measured(f"{model or result.name}, by people{less}", confusion))).rstrip("\n")
        yield _standing(result, model)
        yield ""
    if result.controls is not None:
        shown = Measured(f"Controls, by people{less}", result.controls, rows="shows")
        yield as_text(matrix(shown, paper=False)).rstrip("\n")
        yield _standing(result, CONTROL)
        yield ""


def _standing(result: "PanelResult", model: str) -> str:
    one = result.standings[model]
    parts = [f"{one.items - one.waiting:,} of {one.items:,} pictures", _agreement(result.agreements[model])]
    if one.undecided:
        parts.append(f'{one.undecided:,} without a majority, so "other"')
    return f"{'; '.join(parts)}."


def _agreement(agreement: "Agreement") -> str:
    from kaogae.evaluate.tables import as_percent
    from kaogae.label.agreement import in_words

    if agreement.observed is None:
        return "nobody judged what another did"
    kappa = agreement.kappa
    words = "not defined" if kappa is None else f"{kappa:.2f} ({in_words(kappa)})"
    return f"{as_percent(agreement.observed, 0)} % of pairs of votes agree, Fleiss' κ {words}"


def _people(people: "Sequence[Person]") -> Iterator[str]:
    from kaogae.evaluate.tables import Cell, Table, as_text

    rows = [(one.name, one.votes, one.controls, one.right, _limits(one)) for one in people]
    columns = ("annotator", "votes", "controls", "right", "95 %")
    cells = tuple(tuple(Cell(plain(f"{value}")) for value in row) for row in rows)
    yield as_text(Table("People, and on how many controls they are right", columns, cells)).rstrip("\n")


def _limits(person: "Person") -> str:
    from kaogae.evaluate.tables import as_percent

    low, high = (as_percent(limit, 0) for limit in person.limits)
    return f"{low}–{high} %" if person.controls else "–"


def _failure(person: "Person") -> str:
    from kaogae.evaluate.tables import as_percent

    others = "" if person.others is None else f"; the others are on {as_percent(person.others, 0)} %"
    return f"{person.name} fails the controls: right on {person.right} of {person.controls}{others}."


def _listed(names: "Sequence[str]") -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _as_json(result: "PanelResult") -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "name": result.name,
        "matrices": {model: _numbers(found) for model, found in result.matrices.items()},
        "controls": result.controls and _numbers(result.controls),
        "agreement": asdict(result.agreement),
        "agreements": {model: asdict(one) for model, one in result.agreements.items()},
        "standings": {model: asdict(one) for model, one in result.standings.items()},
        "people": [asdict(one) for one in result.people],
        "annotators": result.annotators,
        "without": result.without,
        "unknown": result.unknown,
        "partial": result.partial,
        "missing": result.missing,
        "trusted": result.trusted and _as_json(result.trusted),
    }


def _numbers(found: Any) -> dict[str, Any]:
    """Of a confusion matrix."""
    shares = [None if share != share else share for share in (found.mean_accuracy, found.accuracy)]  # nan
    return {"counts": found.counts.tolist(), "mean_accuracy": shares[0], "accuracy": shares[1]}


def _say(line: str) -> None:
    out.print(plain(line), soft_wrap=True, markup=False, highlight=False)
