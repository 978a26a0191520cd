"""What a site is asked for: one search, and what becomes of each post that it names."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from kaogae.collect.intake import Post
from kaogae.errors import UsageError


@dataclass(frozen=True)
class Verdict:
    """What becomes of one post."""

    post: Post
    reason: str | None = None
    """Why its picture isn't wanted; None: it is."""
    detail: str = ""
    md5: str | None = None
    """Of the file, if the site says."""
    last: bool = False
    """The posts from here on aren't wanted, and neither is this one."""


@dataclass(frozen=True)
class Source:
    """One search on one site."""

    site: str
    address: str
    """As our extractors know it: "getchu:https://…"."""
    judge: Callable[[dict[str, Any]], Verdict]
    interval: float
    """Least seconds between two requests."""
    contact: str | None = None
    """How the site's people can reach whoever runs this."""
    login: tuple[str, str] | None = field(default=None, repr=False)
    """User and key."""

    @property
    def folder(self) -> str:
        """Its folder below `collect` in the workspace."""
        return re.sub(r"[^\w-]+", "_", self.site)


def check_root(root: str, login: tuple[str, str] | None = None) -> str:
    """The root URL of a site without a slash at its end.

    Raises:
        UsageError: not http or https, with a path, or a login that would travel unencrypted.
    """
    root = root.strip()
    if not _is_root(root):
        raise UsageError(
            f"'{root}' isn't the root of a site: give something like https://danbooru.donmai.us."
        )
    if login and root.startswith("http:") and not is_loopback(root):
        raise UsageError(
            f"A login isn't sent to {root}, where everybody could read it: give an https:// address."
        )
    return root.rstrip("/")


def _is_root(root: str) -> bool:
    """Whether it is scheme, host and perhaps a port, and nothing else."""
    try:
        urlsplit(root).port  # noqa: B018 - ValueError: no such port, or in brackets no IPv6 address
    except ValueError:
        return False
    return bool(re.fullmatch(r"https?://([^/?#@\s:]+|\[[0-9a-fA-F:]+\])(:\d+)?/?", root))


def is_loopback(root: str) -> bool:
    """Whether a root URL is this machine's own, where nobody minds haste."""
    return urlsplit(root).hostname in ("127.0.0.1", "::1", "localhost")
