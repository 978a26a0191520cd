"""What of a catalogue strangers may read: no names, no local places, nothing that says who did what when.

Pseudonyms are made from row number and creation time, so they stay the same from share to share and lead back
to a name only for those who have the catalogue. What came in with a shared manifest keeps its pseudonym.
"""

import hashlib
import ipaddress
import re
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from kaogae.collect.shared import is_board

PLAIN_TERMS = ("rating", "filetype", "score", "order", "status", "id")
"""Search terms with a colon that name nobody."""

_PUBLIC_PROJECT = re.compile(r"renpy:[^\x00-\x1f\x7f/\\]{1,79}")
_LOCAL_HOST = re.compile(r"[^.]*|.*\.(local|localhost|lan|home|internal|test|example)", re.IGNORECASE)


def pseudonym(kind: str, row: int, created: datetime) -> str:
    """Of an annotator or a campaign: <kind>-<12 hexadecimal digits>."""
    known = f"{kind}:{row}:{created.isoformat()}"
    return f"{kind}-{hashlib.sha256(known.encode()).hexdigest()[:12]}"


def vote_id(vote: UUID, created: datetime) -> UUID:
    """The vote's own name if it is random; else one made from it: it may tell a machine, a time or a name.

    Args:
        created: when the annotator was: without it nobody can try out names and see which one fits.
    """
    if vote.version == 4:
        return vote
    known = vote.bytes + created.isoformat().encode()
    return UUID(bytes=hashlib.sha256(known).digest()[:16], version=4)


def site_names(sites: Iterable[str]) -> dict[str, str]:
    """What each site is called in a share: folders, which are named after someone's disk, get a number."""
    names: dict[str, str] = {}
    for site in sorted(set(sites)):
        if not is_private(site):
            names[site] = site
            continue
        kind = site.partition(":")[0]
        plain = re.fullmatch(r"[a-z]{1,20}", kind) and kind not in ("danbooru", "getchu", "renpy")
        names[site] = f"{kind if plain else 'other'}:{len(names):04d}"
    return names


def is_private(site: str) -> bool:
    """Whether the names in this source are somebody's own: folders, and all that isn't known to be public."""
    return not is_public_board(site) and not _PUBLIC_PROJECT.fullmatch(site)


def is_public_board(site: str) -> bool:
    """Whether everybody can ask the site for its posts."""
    host = site.partition(":")[2]
    return is_board(site) and (not host or public_url(f"https://{host}/") is not None)


def public_url(url: str | None) -> str | None:
    """The address if it is one on the open web that carries no password and names no machine at home."""
    try:
        parts = urlsplit(url or "")
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or parts.username is not None or parts.password is not None:
            return None
    except ValueError:
        return None
    try:
        local = not ipaddress.ip_address(host).is_global
    except ValueError:
        local = bool(_LOCAL_HOST.fullmatch(host))
    return None if local else url


def public_search(keyword: str | None) -> str | None:
    """The search without the terms that name a user, a favourites list or whatever else has a colon."""
    terms = (keyword or "").split()
    plain = [term for term in terms if ":" not in term or term.lstrip("-~").partition(":")[0] in PLAIN_TERMS]
    return " ".join(plain) or None
