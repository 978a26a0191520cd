"""`kaogae label`: campaigns in which people say what faces show."""

import typer

from kaogae.cli.application import app

label_app = typer.Typer(no_args_is_help=True, help="Let people say what faces show, on their phones.")
app.add_typer(label_app, name="label")
