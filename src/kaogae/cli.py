"""Every command. Bodies are short, heavy imports stand inside them; nothing else prints or exits."""

import sys

import typer
from rich.console import Console

from kaogae import __version__
from kaogae.errors import KaogaeError

app = typer.Typer(
    name="kaogae",
    help="Give an anime picture another facial expression, and everything that makes it possible.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)


@app.callback(invoke_without_command=True)
def version(
    show: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True),
) -> None:
    """Give an anime picture another facial expression."""
    if show:
        out.print(f"kaogae {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point: an error becomes one sentence and exit code 2, Ctrl-C becomes 130."""
    try:
        app()
    except KaogaeError as error:
        err.print(f"[bold red]kaogae:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        err.print("kaogae: stopped.")
        sys.exit(130)
