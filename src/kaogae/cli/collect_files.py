"""`kaogae collect renpy` and `kaogae collect folder`: pictures that lie on this machine already."""

from enum import StrEnum
from pathlib import Path

import typer

from kaogae.cli.application import CATALOG, WORKSPACE, out
from kaogae.cli.collect import JSON, LIMIT, collect_app, report
from kaogae.cli.progress import watch


class CharacterFrom(StrEnum):
    """Where a picture's character comes from."""

    FOLDER = "folder"
    NONE = "none"


@collect_app.command("renpy")
def collect_renpy(
    project: Path = typer.Argument(
        ..., metavar="PATH", help="The folder that holds the project's game folder."
    ),
    site: str | None = typer.Option(
        None, "--site", help="Name of the project in the catalogue; default: renpy:FOLDER."
    ),
    limit: int | None = LIMIT,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
    as_json: bool = JSON,
) -> None:
    """Collect the character sprites of a Ren'Py project; scripts are read as text, never run."""
    from kaogae.catalog import Workspace
    from kaogae.collect import renpy
    from kaogae.collect.intake import Intake

    made = renpy.plan(project)
    place = Workspace(workspace, catalog)
    with watch("sprites") as follow, Intake(place, place.open()) as intake:
        name = site or f"renpy:{project.resolve().name}"
        renpy.collect(intake, made, name, limit=limit, progress=follow)
    if made.unread and not as_json:
        out.print(made.unread, soft_wrap=True, highlight=False)
    report(intake.tally, as_json, made.left_out)


@collect_app.command("folder")
def collect_folder(
    folder: Path = typer.Argument(
        ..., metavar="PATH", exists=True, file_okay=False, help="The folder, with all folders in it."
    ),
    expression: str | None = typer.Option(None, "--expression", "-e", help="The label of all its pictures."),
    name: str | None = typer.Option(
        None, "--name", help="Name of the folder in the catalogue; default: its own. Stands behind 'folder:'."
    ),
    character_from: CharacterFrom = typer.Option(
        CharacterFrom.NONE, "--character-from", help="folder: each sub-folder is one character."
    ),
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
    as_json: bool = JSON,
) -> None:
    """Collect the pictures of a folder; leaves with code 1 if some were refused."""
    from kaogae.catalog import Workspace
    from kaogae.collect.folder import collect
    from kaogae.collect.intake import Intake
    from kaogae.expressions import parse_expression

    label = parse_expression(expression) if expression else None
    place = Workspace(workspace, catalog)
    with watch("pictures") as follow, Intake(place, place.open()) as intake:
        skipped = collect(
            intake,
            folder,
            f"folder:{name or folder.resolve().name}",
            expression=label,
            character_from=character_from.value,
            progress=follow,
        )
    report(intake.tally, as_json, skipped, strict=True)
