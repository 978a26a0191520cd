"""`kaogae collect`: pictures from sites, projects and folders into the workspace."""

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import CATALOG, WORKSPACE, app, out
from kaogae.cli.progress import watch
from kaogae.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kaogae.collect.intake import Tally
    from kaogae.collect.source import Source

collect_app = typer.Typer(help="Collect pictures, politely, with where they come from.", no_args_is_help=True)
app.add_typer(collect_app, name="collect")


def report(
    tally: "Tally", as_json: bool, left_out: "Mapping[str, int] | None" = None, *, strict: bool = False
) -> None:
    """Print what became of the posts; leaves with code 1 if some of them failed.

    Args:
        left_out: what a source never offered, counted by reason.
        strict: rejected ones count as failed.
    """
    left_out = {reason: count for reason, count in (left_out or {}).items() if count}
    if as_json:
        counts = {
            "new": tally.new,
            "known": tally.known,
            "rejected": dict(tally.rejected),
            "failed": tally.failed,
        }
        out.print_json(json.dumps(counts | ({"left_out": left_out} if left_out else {})))
    else:
        out.print(f"new: {tally.new}, known already: {tally.known}")
        for reason, count in tally.rejected.most_common():
            out.print(f"rejected: {count} ({reason})", markup=False, soft_wrap=True)
        for reason, count in sorted(left_out.items()):
            out.print(f"left out: {count} ({reason})", markup=False, soft_wrap=True)
        for post, why in tally.failed.items():
            out.print(f"failed: {post}: {why}", markup=False, soft_wrap=True)
    if tally.failed or (strict and tally.rejected):
        raise typer.Exit(1)


CONTACT = typer.Option(
    None,
    "--contact",
    envvar="KAOGAE_CONTACT",
    help="How the site's people can reach you: goes into the user agent.",
)
USER = typer.Option(
    None,
    "--user",
    envvar="KAOGAE_DANBOORU_USER",
    help="Log in to Danbooru; the API key comes from KAOGAE_DANBOORU_API_KEY or --api-key-file.",
)
KEY_FILE = typer.Option(
    None, "--api-key-file", help="A file with the API key: on a command line everybody could read it."
)
LIMIT = typer.Option(None, "--limit", min=1, help="Stop after so many new pictures.")
INTERVAL = typer.Option(None, "--interval", min=0.0, max=86400.0, help="Least seconds between two requests.")
JSON = typer.Option(False, "--json", help="Print the counts as JSON.")


@collect_app.command("danbooru")
def collect_danbooru(
    expression: str | None = typer.Option(
        None, "--expression", "-e", help="Search for it, and label the pictures with it."
    ),
    keyword: str | None = typer.Option(
        None, "--keyword", help='Another search than the expression\'s own "happy -comic rating:general …".'
    ),
    limit: int | None = LIMIT,
    since: int | None = typer.Option(None, "--since", min=0, help="Only posts with a higher number."),
    root: str | None = typer.Option(None, "--root", help="Another site that runs the same program."),
    user: str | None = USER,
    api_key_file: Path | None = KEY_FILE,
    contact: str | None = CONTACT,
    interval: float | None = INTERVAL,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
    as_json: bool = JSON,
) -> None:
    """Collect pictures of an expression from Danbooru; unfit ones stay in the catalogue with their reason."""
    from kaogae.collect.danbooru import ROOT, danbooru
    from kaogae.expressions import parse_expression

    source = danbooru(
        parse_expression(expression) if expression else None,
        keyword=keyword,
        since=since,
        root=root or ROOT,
        login=_login(user, api_key_file),
        interval=interval,
        contact=contact,
    )
    _crawl([source], limit, workspace, catalog, as_json)


@collect_app.command("getchu")
def collect_getchu(
    year: int | None = typer.Option(None, "--year", help="Year of release."),
    month: int | None = typer.Option(
        None, "--month", help="Month of release: 1 to 12; default: the present one."
    ),
    product: int | None = typer.Option(None, "--id", min=1, help="Only this product."),
    limit: int | None = LIMIT,
    root: str | None = typer.Option(None, "--root", help="Another address of the site."),
    contact: str | None = CONTACT,
    interval: float | None = INTERVAL,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
    as_json: bool = JSON,
) -> None:
    """Collect the character pictures of Getchu's list for all ages; they come without a label."""
    from kaogae.collect.getchu import ROOT, getchu

    sources = getchu(
        year=year, month=month, product=product, root=root or ROOT, interval=interval, contact=contact
    )
    _crawl(sources, limit, workspace, catalog, as_json)


@collect_app.command("manifest")
def collect_manifest(
    manifest: Path = typer.Argument(..., help="What `kaogae dataset share` wrote."),
    pictures: Path | None = typer.Option(
        None, "--pictures", help="A folder with pictures that you have already, whatever they are called."
    ),
    inexact: bool = typer.Option(
        False, "--inexact", help="Keep crops too that this machine rounds otherwise but look the same."
    ),
    limit: int | None = LIMIT,
    roots: list[str] = typer.Option(
        [], "--root", help="Another address of a site, as SITE=URL; may be given several times."
    ),
    user: str | None = USER,
    api_key_file: Path | None = KEY_FILE,
    contact: str | None = CONTACT,
    interval: float | None = INTERVAL,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
    as_json: bool = JSON,
) -> None:
    """Fetch the pictures of a shared set again, check each hash, and cut the same faces bit for bit."""
    from kaogae.catalog import Workspace
    from kaogae.collect.refetch import Boards
    from kaogae.collect.rehydrate import rehydrate
    from kaogae.collect.share_file import open_share

    others = {site: f"http{rest}" for site, _, rest in (root.rpartition("=http") for root in roots)}
    boards = Boards(others, login=_login(user, api_key_file), interval=interval, contact=contact)
    share = open_share(manifest)
    place = Workspace(workspace, catalog)
    with watch("pictures") as follow:
        done = rehydrate(
            share,
            place,
            place.open(),
            pictures=pictures,
            limit=limit,
            refetch=boards,
            inexact=inexact,
            progress=follow,
        )
    if as_json:
        print(json.dumps(vars(done)))
    else:
        total = f"of {done.faces} faces on {done.pictures} pictures"
        out.print(f"cut again: {done.restored}, there already: {done.known} {total}", highlight=False)
        if done.inexact:
            out.print(f"rounded otherwise: {done.inexact}", highlight=False)
        for reason, count in done.missing.most_common():
            out.print(f"missing: {count} ({reason})", markup=False, soft_wrap=True)
        for post, why in done.failed.items():
            out.print(f"failed: {post}: {why}", markup=False, soft_wrap=True)
        if done.left:
            out.print(f"left for the next run: {done.left}", highlight=False)
    if not done.complete:
        raise typer.Exit(1)


def _crawl(
    sources: "list[Source]", limit: int | None, folder: Path, catalog_url: str | None, as_json: bool
) -> None:
    from kaogae.catalog import Workspace
    from kaogae.collect.gallery import crawl
    from kaogae.collect.intake import Intake

    workspace = Workspace(folder, catalog_url)
    catalog = workspace.open()
    with watch("pictures") as follow, Intake(workspace, catalog) as intake:
        for source in sources:
            crawl(intake, source, limit=limit, progress=follow)
    report(intake.tally, as_json)


def _login(user: str | None, key_file: Path | None) -> tuple[str, str] | None:
    key = os.environ.get("KAOGAE_DANBOORU_API_KEY")
    if key_file:
        with key_file.open("rb") as file:
            key = file.read(1000).decode("ascii", "replace").strip()
        if not re.fullmatch("[!-~]+", key):
            raise UsageError(f"{key_file} isn't a file with an API key: it has to hold the key alone.")
    if bool(user) != bool(key):
        raise UsageError(
            "A login needs both: --user, and the key in KAOGAE_DANBOORU_API_KEY or --api-key-file."
        )
    return (user, key) if user and key else None
