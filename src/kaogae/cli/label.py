"""`kaogae label`: campaigns in which people say what faces show."""

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import CATALOG, WORKSPACE, app, out, plain
from kaogae.errors import UsageError

if TYPE_CHECKING:
    from kaogae.catalog import Workspace
    from kaogae.label.campaigns import Begun, Settings
    from kaogae.label.relabelling import Relabelled

label_app = typer.Typer(no_args_is_help=True, help="Let people say what faces show, on their phones.")
app.add_typer(label_app, name="label")

CATALOGUE = "catalog"
"""What `--to` calls the faces' labels in the catalogue."""

NAME = typer.Argument(..., help="Name of the campaign.")
JSON = typer.Option(False, "--json", help="Print a report for machines.")


@label_app.command("new")
def label_new(
    name: str = typer.Argument(..., help="Name of the new campaign."),
    kind: str = typer.Option(
        "clean", "--kind", help="clean: faces of the catalogue; panel: transferred pictures, judged blind."
    ),
    from_set: str | None = typer.Option(None, "--set", help="Only the faces of this frozen set."),
    expressions: list[str] = typer.Option([], "--expression", help="Only faces with this label."),
    sites: list[str] = typer.Option([], "--site", help="Only faces from this site."),
    origins: list[str] = typer.Option(
        [], "--from-label", help="Only labels known from tag, file name, folder, drawn or votes."
    ),
    unlabelled: bool = typer.Option(False, "--unlabelled", help="Only faces without a label."),
    transfers: Path | None = typer.Option(
        None, "--transfers", help="Panel: the folder that kaogae transfer or an evaluation wrote."
    ),
    sample: int | None = typer.Option(None, "--sample", help="At most so many, drawn at random."),
    annotators: int = typer.Option(3, "--annotators", help="People who judge each item: 1 to 25."),
    blind: bool = typer.Option(False, "--blind", help="Don't show the label. In panels nobody sees one."),
    seed: int = typer.Option(0, "--seed", help="Another seed, another sample and other orders."),
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Begin a campaign: which faces or transferred pictures people are asked about, and how many of them."""
    from kaogae.catalog import Workspace
    from kaogae.dataset import load
    from kaogae.dataset.catalogued import Choice
    from kaogae.dataset.paths import check_name
    from kaogae.expressions import parse_expression
    from kaogae.label.campaigns import Settings, Wanted, check_sample, new_clean
    from kaogae.label.verdicts import KINDS, PANEL

    if kind not in KINDS:
        raise UsageError(f"There is no kind of campaign '{kind}': choose {' or '.join(KINDS)}.")
    settings = Settings(annotators, blind or kind == PANEL, seed)
    check_sample(sample)
    choice = Choice(tuple(parse_expression(one) for one in expressions), tuple(sites), tuple(origins))
    place = Workspace(workspace, catalog)
    if kind == PANEL:
        if choice != Choice() or unlabelled or from_set:
            raise UsageError("--set, --expression and the like choose faces: a panel has --transfers.")
        if transfers is None:
            raise UsageError("Which pictures should be judged? Name their folder with --transfers.")
        begun = _new_panel(place, name, transfers, settings, sample)
    else:
        if transfers is not None:
            raise UsageError("--transfers is for transferred pictures: add --kind panel.")
        with closing(place.existing()) as opened:
            faces = load(place.sets / check_name(from_set)) if from_set is not None else None
            begun = new_clean(opened, name, Wanted(choice, unlabelled, faces, sample), settings)
    _say_begun(begun, settings, as_json)


@label_app.command("status")
def label_status(
    name: str | None = typer.Argument(None, help="Name of a campaign; default: all of them."),
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Say how far campaigns are; of one, what everybody did, what was said, and how far people agree."""
    from dataclasses import asdict

    from kaogae.catalog import Workspace
    from kaogae.cli.label_tables import show_all, show_one
    from kaogae.label.campaigns import campaigns, find
    from kaogae.label.report import report

    with closing(Workspace(workspace, catalog).existing()) as opened, opened.reading() as session:
        chosen = campaigns(session) if name is None else [find(session, name)]
        reports = [report(session, campaign, people=name is not None) for campaign in chosen]
    if as_json:
        found = [asdict(one) for one in reports]
        print(json.dumps(found if name is None else found[0], default=datetime.isoformat))
    elif name is not None:
        show_one(reports[0])
    elif reports:
        show_all(reports)
    else:
        _say("There is no campaign yet. Begin with: kaogae label new NAME")


@label_app.command("export")
def label_export(
    name: str = NAME,
    to: str | None = typer.Option(
        None,
        "--to",
        help="A file that ends in .csv or .jsonl, or 'catalog': the faces' labels; default: NAME-votes.csv.",
    ),
    what: str = typer.Option("votes", "--what", help="votes: all that was said; labels: what it comes to."),
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Write a campaign's votes or labels to a file, or what people agreed on into the catalogue."""
    from kaogae.catalog import Workspace
    from kaogae.label.campaigns import find
    from kaogae.label.exporting import export_file
    from kaogae.label.relabelling import relabel

    with closing(Workspace(workspace, catalog).existing()) as opened:
        if to == CATALOGUE:
            done = relabel(opened, name)
            if as_json:
                print(json.dumps(vars(done)))
            else:
                _say_relabelled(done)
            return
        with opened.reading() as session:
            campaign = find(session, name)
            path = Path(to or f"{name}-{what}.csv")
            rows = export_file(session, campaign, path, what)
    if as_json:
        print(json.dumps({"path": str(path), "rows": rows}))
    else:
        _say(f"{path}: {rows:,} {what}")


@label_app.command("import")
def label_import(
    name: str = NAME,
    path: Path = typer.Argument(..., metavar="FILE", help="Votes: .csv or .jsonl."),
    speaks_for: list[str] = typer.Option(
        [], "--speaks-for", help="Somebody who was invited here and whose votes may be in the file."
    ),
    as_json: bool = JSON,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Add votes from a file: one that was exported, or rows of sha256, annotator and verdict."""
    from kaogae.catalog import Workspace
    from kaogae.cli.progress import watch
    from kaogae.label.importing import import_votes

    with closing(Workspace(workspace, catalog).existing()) as opened, watch("lines") as follow:
        done = import_votes(opened, name, path, speaks_for=speaks_for, progress=follow)
    if as_json:
        print(json.dumps(vars(done)))
    else:
        new = len(done.people)
        people = f", {new:,} new {'person' if new == 1 else 'people'}" if new else ""
        _say(f"votes added: {done.added:,}, known already: {done.known:,}{people}")
        _say_left_out(done.refused)
        for line, reason in done.lines:
            _say(f"  line {line}: {reason}")
    if done.refused:
        raise typer.Exit(1)


@label_app.command("close")
def label_close(name: str = NAME, workspace: Path = WORKSPACE, catalog: str | None = CATALOG) -> None:
    """Close a campaign: nobody is asked any more, and only what was said before still counts."""
    _set_open(name, False, workspace, catalog)


@label_app.command("reopen")
def label_reopen(name: str = NAME, workspace: Path = WORKSPACE, catalog: str | None = CATALOG) -> None:
    """Open a closed campaign again."""
    _set_open(name, True, workspace, catalog)


def _set_open(name: str, is_open: bool, workspace: Path, url: str | None) -> None:
    from kaogae.catalog import Workspace
    from kaogae.label.campaigns import find, set_open

    with closing(Workspace(workspace, url).existing()) as opened, opened.session() as session:
        changed = set_open(find(session, name), is_open)
    _say(
        f"{name} {'is' if changed else 'was'} {'open' if is_open else 'closed'}{'' if changed else ' before'}"
    )


def _say_relabelled(done: "Relabelled") -> None:
    _say(f"labels kept: {done.kept:,}, faces relabelled: {done.relabelled:,}")
    for reason, count in done.rejected.items():
        _say(f"faces rejected: {count:,} ({reason})")
    _say(f"undecided, left as they are: {done.undecided:,}")
    for reason, count in done.left_out.items():
        _say(f"left as they are: {count:,} (rejected before: {reason})")
    _say(f"rows changed in the catalogue: {done.changed:,}")


def _new_panel(
    place: "Workspace", name: str, folder: Path, settings: "Settings", sample: int | None
) -> "Begun":
    from kaogae.cli.progress import watch
    from kaogae.label.panels import new_panel, read_transfers

    pictures, left_out = read_transfers(folder)
    with closing(place.open()) as catalog, watch("pictures") as follow:
        return new_panel(
            place, catalog, name, pictures, settings, sample=sample, left_out=left_out, progress=follow
        )


def _say_begun(begun: "Begun", settings: "Settings", as_json: bool) -> None:
    if as_json:
        print(json.dumps(vars(begun) | vars(settings)))
        return
    people = "1 person" if settings.annotators == 1 else f"{settings.annotators} people"
    _say(f"{begun.name}: {begun.items:,} items, each for {people}")
    _say_left_out(begun.left_out)
    _say("Next: kaogae label serve --host 0.0.0.0 --invite NAME")


def _say_left_out(left_out: Mapping[str, int]) -> None:
    for reason, count in left_out.items():
        _say(f"left out: {count:,} ({reason})")


def _say(line: str) -> None:
    out.print(plain(line), soft_wrap=True, markup=False, highlight=False)
