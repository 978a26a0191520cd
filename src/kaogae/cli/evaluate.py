"""`kaogae evaluate`, and the group of what belongs to it."""

import typer

from kaogae.cli.application import app
from kaogae.cli.grouped import first

RUN = "RUN"
"""Stands in the group's list for the command that every word is for which isn't another command's name."""

group = typer.Typer(cls=first(RUN), add_completion=False)
app.add_typer(group, name="evaluate", help="Measure how often a face shows what was asked for.")
