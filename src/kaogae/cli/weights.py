"""`kaogae weights`: files that others published."""

import json
from functools import partial
from pathlib import Path

import typer

from kaogae.cli.application import app, out

weights_app = typer.Typer(help="Fetch and list published weights.", no_args_is_help=True)
app.add_typer(weights_app, name="weights")


@weights_app.command("fetch")
def weights_fetch(
    name: str = typer.Argument(..., help="carn-m, carn, lbpcascade or inception."),
    source: Path | None = typer.Option(None, "--from", help="A file that was brought by hand."),
    url: str | None = typer.Option(None, "--url", help="Another address to fetch it from."),
) -> None:
    """Fetch a file once, check it and keep it for this user."""
    from kaogae.weights import fetch, named

    check = None
    if named(name).sha256 is None:  # nobody published a checksum: the network itself has to be right
        from kaogae.upscale import check_weights

        check = partial(check_weights, method=name)
    place = fetch(name, source=source, url=url, check=check)
    out.print(f"{name}: {place.path}", soft_wrap=True, highlight=False)
    out.print(f"sha256: {place.sha256}", soft_wrap=True, highlight=False)


@weights_app.command("list")
def weights_list(as_json: bool = typer.Option(False, "--json", help="Print the list as JSON.")) -> None:
    """Show which files are there."""
    from kaogae.weights import WEIGHTS, look

    places = [look(weights) for weights in WEIGHTS]
    if as_json:
        rows = [
            {
                "name": place.weights.name,
                "state": place.state,
                "path": str(place.path),
                "sha256": place.sha256,
                "url": place.weights.url,
            }
            for place in places
        ]
        typer.echo(json.dumps(rows))
        return
    for place in places:
        out.print(f"{place.weights.name}: {place.state}", soft_wrap=True, highlight=False)
        out.print(f"  {place.weights.about}", soft_wrap=True, highlight=False)
        out.print(f"  {place.path}", soft_wrap=True, highlight=False)
