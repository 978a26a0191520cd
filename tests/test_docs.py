"""The documents say what the program does, and nothing that it doesn't."""

import re
import typing
from pathlib import Path

import click
import pytest
import typer

from kaogae.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def commands(group: click.Command, words: tuple[str, ...] = ()) -> typing.Iterator[tuple[str, click.Command]]:
    for name, command in getattr(group, "commands", {}).items():
        if getattr(command, "commands", None):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name):
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    assert f"kaogae {name}" in text
    for parameter in COMMANDS[name].params:
        for option in parameter.opts:
            if option.startswith("--") and option != "--help":
                assert f"`{option}" in text or f" {option}" in text, f"{name} {option} is in no page of docs/"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


def test_every_command_in_the_pages_exists():
    known = {name.split()[0] for name in COMMANDS}
    for page in PAGES:
        for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for word in re.findall(r"^\$? ?kaogae ([a-z]+)", block, re.MULTILINE):
                assert word in known, f"{page.name}: kaogae {word}"


def test_the_readmes_tree_names_what_is_there():
    readme = (ROOT / "README.md").read_text("utf-8")
    tree = re.search(r"```\nsrc/kaogae/\n(.*?)```", readme, re.DOTALL)
    assert tree, "the README has no commented tree"
    named = set(re.findall(r"^  ([a-z_]+(?:\.py|/))", tree[1], re.MULTILINE))
    there = {
        path.name + "/" * path.is_dir()
        for path in (ROOT / "src/kaogae").iterdir()
        if (path.is_dir() and any(path.glob("*.py"))) or (path.suffix == ".py" and path.stem != "__init__")
    }
    assert named == there
