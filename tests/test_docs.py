"""The documents say what the program does, and nothing that it doesn't."""

import pkgutil
import re
import tomllib
import typing
from dataclasses import asdict
from pathlib import Path

import click
import pytest
import typer

from kaogae.cli import app
from kaogae.train import load_settings
from kaogae.train.settings import differences

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


PRESETS = {name: load_settings(name) for name in ("baseline", "paper", "small", "smoke")}
PAPER = (ROOT / "docs/paper.md").read_text("utf-8")


def settings_of(preset: str) -> dict[str, object]:
    """Every setting with its value, as `kaogae train` resolves it."""
    values = asdict(PRESETS[preset])
    sections = {name: values.pop(name) for name in list(values) if isinstance(values[name], dict)}
    return values | {f"{name}.{key}": value for name, part in sections.items() for key, value in part.items()}


@pytest.mark.parametrize("preset", ["baseline", "paper"])
def test_the_paper_page_gives_the_presets_values(preset):
    named = re.findall(rf"`{preset}\.toml: ([\w.]+) = ([^`]+)`", PAPER)
    assert len(named) > 5
    for key, value in named:
        assert settings_of(preset)[key] == tomllib.loads(f"value = {value}")["value"], f"{preset} {key}"


def test_every_name_in_the_paper_page_is_in_the_code():
    names = re.findall(r"`(kaogae(?:\.\w+)+)", PAPER)
    assert len(names) > 20
    for name in names:
        pkgutil.resolve_name(name)  # raises where there is none


def test_the_paper_page_has_every_sentence_with_its_place():
    rows = re.findall(r"^\| ([A-D]\d+) \| ([^|]+) \| ([^|]+) \|", PAPER, re.MULTILINE)
    assert [number for number, _, _ in rows] == [
        *(f"A{i}" for i in range(1, 13)),
        *(f"B{i}" for i in range(1, 6)),
        *(f"C{i}" for i in range(1, 20)),
        *(f"D{i}" for i in range(1, 10)),
    ]
    for number, said, place in rows:
        assert said.strip(), number
        assert "`" in place, f"{number} names neither a setting nor code nor a command"


def test_the_proposal_is_the_baseline_but_for_what_the_paper_says():
    changed = differences(PRESETS["baseline"], PRESETS["paper"])
    del changed["preset"]
    assert changed == {
        "generator.blocks": (6, 9),
        "generator.downs": (2, 3),
        "weights.reconstruction": (10.0, 5.0),
    }


def test_the_training_pages_table_is_the_presets():
    page = (ROOT / "docs/training.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \|[^|]*" + r"\| ([^|]+) " * 4 + r"\|$", page, re.MULTILINE)
    table = {key: dict(zip(PRESETS, values, strict=True)) for key, *values in rows}
    resolved = {name: settings_of(name) for name in PRESETS}
    keys = [key for name in PRESETS for key in resolved[name] if key != "preset"]
    assert table == {key: {name: shown(resolved[name].get(key)) for name in PRESETS} for key in keys}


def shown(value: object) -> str:
    """As in the table: 250,000, 0.0001, yes, and – for what a generator doesn't have."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
    )
