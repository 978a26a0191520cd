"""`kaogae evaluate`, and the group of what belongs to it."""

import shlex
import sys
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import CATALOG, WORKSPACE, app, err, out, plain
from kaogae.cli.evaluate_models import open_models, open_sets
from kaogae.cli.evaluate_tables import as_json_text, as_object, compared, show
from kaogae.cli.grouped import Nameless, first
from kaogae.cli.progress import watch
from kaogae.errors import UsageError

if TYPE_CHECKING:
    from kaogae.evaluate.evaluating import Order, Progress
    from kaogae.evaluate.evaluation import Evaluation
    from kaogae.evaluate.measure import Features
    from kaogae.evaluate.panel_votes import PanelResult

RUN = "RUN"
"""Stands in the group's list for the command that every word is for which isn't another command's name."""
MOST_THREADS = 1024

group = typer.Typer(cls=first(RUN), add_completion=False)
app.add_typer(group, name="evaluate", help="Measure how often a face shows what was asked for.")

SETS = typer.Option(
    [], "--set", help="A frozen set's name or folder, or drawn (default); may be given several times."
)
COUNT = typer.Option(100, "--count", help="Inputs of each set.")
SEED = typer.Option(0, "--seed", help="Another seed, other inputs.")
JUDGES = typer.Option(
    [], "--judge", metavar="[SET=]FILE", help="Another judge, for all sets or for one; may be given again."
)
IDENTITY = typer.Option(None, "--identity", help="Another network that tells characters apart.")
INCEPTION = typer.Option(
    None, "--inception", help="Inception's weights for FID; default: what kaogae weights fetched."
)
THREADS = typer.Option(None, "--threads", help="Processors to use; default: all.")
JSON = typer.Option(False, "--json", help="Print a report for machines.")


@group.command(
    RUN,
    cls=Nameless,
    epilog="More: kaogae evaluate compare | panel | votes | train-judge | train-identity --help.",
)
def evaluate(
    runs: list[str] = typer.Argument(
        ..., metavar=RUN, help="Names of runs, checkpoints, .onnx files, hf://OWNER/NAME, or shipped."
    ),
    sets: list[str] = SETS,
    count: int = COUNT,
    seed: int = SEED,
    judges: list[str] = JUDGES,
    identity: Path | None = IDENTITY,
    inception: Path | None = INCEPTION,
    report: Path | None = typer.Option(None, "--report", help="Write a page with everything to this folder."),
    panels: list[str] = typer.Option([], "--panel", help="With --report: a panel's votes too."),
    partial: bool = typer.Option(False, "--partial", help="Also those of a panel that isn't finished."),
    counts: bool = typer.Option(False, "--counts", help="How many were seen, in place of percentages."),
    threads: int | None = THREADS,
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Translate faces to all five expressions, and measure what became of them."""
    if panels and report is None:
        raise UsageError("--panel is for the page: add --report FOLDER, or see kaogae evaluate votes.")
    people = _people(panels, workspace, catalog, partial)
    order, found = evaluated(runs, sets, count, seed, judges, identity, inception, threads, workspace)
    if as_json:
        out.print_json(as_json_text([as_object(one) for one in found]))
    else:
        show(found, counts=counts)
    if report is not None:
        from kaogae.cli.evaluate_report import write_page

        line = write_page(report, order, found, runs, people, workspace)
        (err if as_json else out).print(plain(line), markup=False, highlight=False, soft_wrap=True)


@group.command()
def compare(
    a: str = typer.Argument(..., metavar="A", help="A model, as for kaogae evaluate."),
    b: str = typer.Argument(..., metavar="B", help="Another."),
    sets: list[str] = SETS,
    count: int = COUNT,
    seed: int = SEED,
    judges: list[str] = JUDGES,
    identity: Path | None = IDENTITY,
    inception: Path | None = INCEPTION,
    threads: int | None = THREADS,
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
) -> None:
    """Is A better than B, by how much, how surely? Both do the same inputs."""
    from kaogae.evaluate.comparing import comparisons

    _, found = evaluated([a, b], sets, count, seed, judges, identity, inception, threads, workspace)
    rows = comparisons(found)
    if as_json:
        out.print_json(as_json_text([asdict(row) for row in rows]))
        return
    for line in compared(rows):
        out.print(plain(line), markup=False, highlight=False, soft_wrap=True)


def evaluated(
    runs: list[str],
    sets: list[str],
    count: int,
    seed: int,
    judges: list[str],
    identity: Path | None,
    inception: Path | None,
    threads: int | None,
    workspace: Path,
) -> "tuple[Order, list[Evaluation]]":
    """What was asked for, and every model on every set, measured now or before."""
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise UsageError(f"--threads {threads} isn't a number of processors from 1 to {MOST_THREADS}.")
    import torch

    from kaogae.evaluate.evaluating import Order
    from kaogae.evaluate.evaluating import evaluate as run
    from kaogae.evaluate.identity import Identity
    from kaogae.evaluate.judge import Judge

    if threads is not None:
        torch.set_num_threads(threads)
    opened = {name: Judge.load(path) for name, path in _named(judges)}
    order = Order(
        models=open_models(runs, workspace, threads or 0),
        sets=open_sets(sets, workspace),
        count=count,
        seed=seed,
        judges={"": opened.get("") or Judge.load(), **opened},
        identity=Identity.load(identity),
        features=_inception(inception),
        command=shlex.join(["kaogae", *sys.argv[1:]]),
    )
    with _following() as follow:
        return order, run(order, workspace / "evaluations", workers=threads, progress=follow)


def _named(judges: list[str]) -> "list[tuple[str, Path]]":
    """The set that each is for ("" for all), and its file."""
    pairs = [
        ("", text) if Path(text).is_file() or "=" not in text else tuple(text.split("=", 1))
        for text in judges
    ]
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise UsageError("Two judges are given for one set, or for all sets: give one, or SET=FILE for each.")
    return [(name, Path(path)) for name, path in pairs]


def _people(panels: list[str], workspace: Path, catalog: str | None, partial: bool) -> "list[PanelResult]":
    """What the panels saw: read before the work, or it came out after it that one isn't finished."""
    if not panels:
        return []
    from kaogae.catalog import Workspace
    from kaogae.evaluate.panel_votes import read_panel

    with closing(Workspace(workspace, catalog).existing()) as opened:
        return [read_panel(opened, name, partial=partial) for name in panels]


def _inception(path: Path | None) -> "dict[str, tuple[str, Features]]":
    """The network that everybody's FID is measured with, if its weights were brought or fetched before."""
    from kaogae.evaluate.frechet import Inception
    from kaogae.weights import look, named

    place = look(named("inception"))
    if path is None and place.state == "missing":
        return {}
    network = Inception.load(path)  # nothing but the published file
    return {"inception": (place.weights.sha256 or "", network.features)}


@contextmanager
def _following() -> "Generator[Progress]":
    """For each stage of each model a bar, or a line now and then."""
    with ExitStack() as stack:
        shown, follow = "", None

        def tell(what: str, stage: str, done: int, total: int) -> None:
            nonlocal shown, follow
            if follow is None or shown != f"{what}: {stage}":
                shown = f"{what}: {stage}"
                stack.close()
                follow = stack.enter_context(watch(shown))
            follow(done, total)

        yield tell
