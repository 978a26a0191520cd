"""`kaogae collect`: pictures from sites, projects and folders into the workspace."""

import json
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import app, out

if TYPE_CHECKING:
    from kaogae.collect.intake import Tally

collect_app = typer.Typer(help="Collect pictures, politely, with where they come from.", no_args_is_help=True)
app.add_typer(collect_app, name="collect")


def report(tally: "Tally", as_json: bool) -> None:
    """Print what became of the posts; leaves with code 1 if some of them failed."""
    if as_json:
        out.print_json(
            json.dumps(
                {
                    "new": tally.new,
                    "known": tally.known,
                    "rejected": dict(tally.rejected),
                    "failed": tally.failed,
                }
            )
        )
    else:
        out.print(f"new: {tally.new}, known already: {tally.known}")
        for reason, count in tally.rejected.most_common():
            out.print(f"rejected: {count} ({reason})", markup=False, soft_wrap=True)
        for post, why in tally.failed.items():
            out.print(f"failed: {post}: {why}", markup=False, soft_wrap=True)
    if tally.failed:
        raise typer.Exit(1)
