"""`kaogae label serve`, `invite`, `people`, `revoke`: the phone app's service, and who may use it."""

import io
import json
import logging
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kaogae.cli.application import CATALOG, WORKSPACE, out, plain
from kaogae.cli.label import label_app

if TYPE_CHECKING:
    from rich.text import Text
    from sqlalchemy.orm import Session

    from kaogae.catalog import Catalog

ADVICE = "begin a campaign first (`kaogae label new NAME`)"
ROLE = typer.Option(
    None, "--role", help="annotator, reviewer or admin. Default: as before, annotator for somebody new."
)
DAYS = typer.Option(30, "--days", help="How long the link can be used.")
PUBLIC_URL = typer.Option(
    None,
    "--public-url",
    envvar="KAOGAE_PUBLIC_URL",
    help="Where people reach the service through a proxy, as in https://label.example.org.",
)
PORT = typer.Option(8000, "--port", min=0, max=65535, help="The service's port; for serve, 0 is a free one.")


@label_app.command()
def serve(
    host: str = typer.Option(
        "127.0.0.1", "--host", help="The address to listen on; 0.0.0.0: every one that this machine has."
    ),
    port: int = PORT,
    invited: str | None = typer.Option(
        None,
        "--invite",
        metavar="NAME",
        help="Invite somebody, and show their link as a QR code; an earlier link of theirs ends.",
    ),
    role: str | None = ROLE,
    public_url: str | None = PUBLIC_URL,
    log_requests: bool = typer.Option(False, "--log-requests", help="Say what is asked for, a line each."),
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Serve the phone app until Ctrl-C."""
    from kaogae.catalog import Workspace
    from kaogae.label.people import invite
    from kaogae.label.service import create_app, public_address
    from kaogae.label.service import server as serving

    public = public_address(public_url) if public_url else None
    place = Workspace(workspace, catalog)
    with closing(place.existing(ADVICE)) as opened:
        _check(opened, alone=serving.is_loopback(host) and public is None, inviting=invited is not None)
        listener = serving.listen(host, port)
        port = listener.getsockname()[1]
        token = None
        if invited is not None:
            with opened.session() as session:
                token = invite(session, invited, role)
        local = serving.address(host, port)
        _announce(public or local, invited, token)
        if public is not None:
            out.print(f"A proxy reaches it at {local}", highlight=False, soft_wrap=True)
        elif not serving.is_loopback(host):
            out.print(
                "Without TLS phones can neither install the app nor open it offline: see docs/label.md.",
                highlight=False,
                soft_wrap=True,
            )
        _log(log_requests)
        serving.serve(create_app(place, opened, public_url=public), listener, log_requests=log_requests)
    out.print("Stopped. Every vote that was acknowledged is saved.", highlight=False)


@label_app.command("invite")
def invite_command(
    name: str = typer.Argument(help="Whom: their votes are kept under this name."),
    role: str | None = ROLE,
    campaigns: list[str] = typer.Option(
        [], "--campaign", help="What they may see; repeat for more. Default: as before, all for somebody new."
    ),
    everywhere: bool = typer.Option(False, "--everywhere", help="They may see all, also those to come."),
    days: int = DAYS,
    public_url: str | None = PUBLIC_URL,
    port: int = PORT,
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Make a personal link, shown only now. An earlier one of the same person ends; their votes stay."""
    from kaogae.catalog import Workspace
    from kaogae.errors import UsageError
    from kaogae.label.people import invite
    from kaogae.label.service import public_address
    from kaogae.label.service import server as serving

    if everywhere and campaigns:
        raise UsageError("Everywhere, or in some campaigns? Give --everywhere or --campaign.")
    base = public_address(public_url) if public_url else serving.address("0.0.0.0", port)
    with closing(Workspace(workspace, catalog).existing(ADVICE)) as opened, opened.session() as session:
        chosen = _campaigns(session, campaigns) if campaigns else None
        token = invite(session, name, role, chosen, days, everywhere=everywhere)
    _announce(base, name, token)
    if not public_url:
        out.print(
            f"The link is for a service on this machine, port {port}; for another one give --public-url.",
            highlight=False,
            soft_wrap=True,
        )


@label_app.command("people")
def people_command(
    as_json: bool = typer.Option(False, "--json", help="Print the list as JSON."),
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Show who was invited."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from kaogae.catalog import Workspace
    from kaogae.label.people import people

    with closing(Workspace(workspace, catalog).existing(ADVICE)) as opened, opened.reading() as session:
        known = people(session)
    if as_json:
        typer.echo(json.dumps([asdict(person) for person in known], default=str))
        return
    if not known:
        out.print("Nobody was invited yet: kaogae label invite NAME", highlight=False)
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("name", "role", "campaigns", "link until", "browsers"):
        table.add_column(heading)
    for person in known:
        until = (
            "revoked" if person.revoked_at else f"{person.expires_at:%Y-%m-%d}" if person.expires_at else ""
        )
        campaigns = "all" if person.everywhere else ", ".join(person.campaigns)
        cells = (person.name, person.role, campaigns, until, str(person.signed_in))
        table.add_row(*(Text(plain(cell)) for cell in cells))
    out.print(table)


@label_app.command("revoke")
def revoke_command(
    name: str = typer.Argument(help="Whose link and sign-ins end at once; their votes stay."),
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
) -> None:
    """Take somebody's link back and sign them out everywhere."""
    from kaogae.catalog import Workspace
    from kaogae.label.people import revoke

    with closing(Workspace(workspace, catalog).existing(ADVICE)) as opened, opened.session() as session:
        revoke(session, name)
    out.print(f"{plain(name)} can't use the service any more.", markup=False, highlight=False)


def _check(catalog: "Catalog", *, alone: bool, inviting: bool) -> None:
    from kaogae.errors import UsageError
    from kaogae.label.campaigns import campaigns
    from kaogae.label.people import anybody

    with catalog.reading() as session:
        if not campaigns(session):
            raise UsageError(f"There is no campaign yet: {ADVICE}.")
        if not alone and not inviting and not anybody(session):
            raise UsageError(
                "Nobody could use the service from elsewhere, because nobody is invited: add --invite NAME,"
                " or run `kaogae label invite NAME` first."
            )


def _campaigns(session: "Session", names: Sequence[str]) -> list[int]:
    from kaogae.label.campaigns import find

    return [find(session, name).id for name in names]


def _announce(base: str, name: str | None, token: str | None) -> None:
    """The address, and as a QR code whatever a phone should open."""
    link = base if token is None else f"{base}/#{token}"
    out.print(_code(link), no_wrap=True, overflow="ignore", crop=False, highlight=False)
    if token is None:
        out.print(f"The app is at {base}", markup=False, highlight=False, soft_wrap=True)
        return
    out.print(f"{plain(name or '')}'s personal link, shown only now:", markup=False, highlight=False)
    typer.echo(link)


def _code(link: str) -> "Text":
    """A QR code of half-block characters, white on black whatever the terminal's colours are."""
    import segno
    from rich.text import Text

    drawn = io.StringIO()
    segno.make_qr(link, error="l", boost_error=False).terminal(drawn, compact=True)
    return Text(drawn.getvalue().rstrip("\n"), style="#ffffff on #000000")


def _log(log_requests: bool) -> None:
    """What the service has to say goes to stderr."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # what strangers send isn't worth a line
    if log_requests:
        logging.getLogger("uvicorn.access").setLevel(logging.INFO)
