"""`kaogae upscale`: small faces are enhanced."""

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import CATALOG, WORKSPACE, app, err, out, plain
from kaogae.cli.progress import watch

if TYPE_CHECKING:
    from kaogae.upscale import Enlarger


@app.command()
def upscale(
    method: str = typer.Option("carn-m", "--method", help="carn-m, carn, or none: bicubic interpolation."),
    weights: Path | None = typer.Option(
        None, "--weights", help="File with the weights; default: what `kaogae weights fetch` brought."
    ),
    below: int = typer.Option(224, "--below", help="Crops with a smaller side in pixels are enhanced."),
    scale: int | None = typer.Option(
        None, "--scale", help="2, 3 or 4 for all; default: for each crop the smallest that reaches --below."
    ),
    again: bool = typer.Option(False, "--again", help="Also all that earlier runs did."),
    threads: int | None = typer.Option(None, "--threads", help="Crops at once; default: one per processor."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Enhance the kept faces whose crops are small; the others are marked as large enough."""
    from kaogae.catalog import Workspace
    from kaogae.upscale import enhance

    enlarger = _enlarger(method, weights)
    place = Workspace(workspace, catalog)
    with closing(place.existing()) as opened, watch("faces") as follow:
        report = enhance(
            place,
            opened,
            enlarger,
            below=below,
            scale=scale,
            again=again,
            threads=threads,
            progress=follow,
        )
    if as_json:
        counts = {
            "method": report.method,
            "enhanced": report.enhanced,
            "large_enough": report.large_enough,
            "failed": dict(report.failed),
        }
        typer.echo(json.dumps(counts))
    else:
        out.print(f"enhanced by {report.method}: {report.enhanced}", highlight=False)
        out.print(f"large enough: {report.large_enough}", highlight=False)
        for reason, count in report.failed.items():
            out.print(f"failed: {count} ({reason})", highlight=False)
    for sentence in report.sentences:
        err.print(plain(sentence), markup=False, highlight=False, soft_wrap=True)
    if report.failed:
        raise typer.Exit(1)


def _enlarger(method: str, weights: Path | None) -> "Enlarger":
    from kaogae.errors import UsageError

    if method == "none":
        if weights is not None:
            raise UsageError("--method none needs no --weights: leave one of them out.")
        from kaogae.upscale import Bicubic

        return Bicubic()
    if method not in ("carn", "carn-m"):
        raise UsageError(f"'{method}' isn't a method: choose carn-m, carn or none.")
    from kaogae.upscale import Network, load_carn
    from kaogae.weights import find

    model = load_carn(weights or find(method))
    if model.method != method:
        raise UsageError(f"{weights} holds the weights of {model.method}: add --method {model.method}.")
    return Network(model)
