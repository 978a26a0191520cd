"""The way in: what any source hands over is checked, stored under its hash, and entered in the catalogue."""

import hashlib
import re
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from sqlalchemy import select

from kaogae import images
from kaogae.catalog import Catalog, Picture, Workspace
from kaogae.errors import CollectError, KaogaeError, PictureError
from kaogae.expressions import Expression
from kaogae.files import write_whole

BATCH = 200
"""Most rows of one transaction."""

EVERY = 1.0
"""Seconds after which a transaction is written even if it is small."""

LONGEST = 500
"""Most characters of a text that a stranger wrote: longer ones are cut."""

MOST_TAGS = 1000

Taken = Literal["new", "known", "rejected"]


@dataclass(frozen=True)
class Post:
    """What a source says about one picture. Texts come from strangers: they are cleaned on the way in."""

    site: str
    post: str
    """The source's own name for it: unique within the site."""
    expression: Expression | None = None
    label_origin: str | None = None
    keyword: str | None = None
    tags: tuple[str, ...] = ()
    rating: str | None = None
    artist: str | None = None
    character: str | None = None
    licence: str | None = None
    page_url: str | None = None
    file_url: str | None = None


@dataclass
class Tally:
    """What became of the posts of one run."""

    new: int = 0
    known: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])
    """How many per reason."""
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Posts that couldn't be had this time, and why; they are tried again by the next run."""


class Intake:
    """Takes pictures into a workspace. As a context it keeps other runs out, and writes the end.

    A picture's file is there before its row; rows are written in batches. After a kill in between, the next
    run finds no row and takes the picture again.
    """

    def __init__(self, workspace: Workspace, catalog: Catalog) -> None:
        self.workspace = workspace
        self.catalog = catalog
        self.tally = Tally()
        self._waiting: dict[tuple[str, str], Picture] = {}
        self._hashes: dict[str, tuple[str, str]] = {}
        self._written = time.monotonic()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Raises CatalogError if another run collects into this catalogue."""
        self._stack.enter_context(self.catalog.alone("collect"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if error is None:
                self.flush()
            else:
                with suppress(KaogaeError):  # what stopped the run is what its user should read
                    self.flush()

    def known(self, site: str, posts: Iterable[str]) -> set[str]:
        """Those of `posts` that the catalogue already has, kept or rejected."""
        names = {identifier(post): post for post in posts}
        found = {post for post in names if (site, post) in self._waiting}
        ordered = sorted(names)
        with self.catalog.reading() as session:
            for start in range(0, len(ordered), 500):
                part = Picture.post.in_(ordered[start : start + 500])
                found.update(session.scalars(select(Picture.post).where(Picture.site == site, part)))
        return {names[name] for name in found}

    def take(self, post: Post, content: Path | bytes, *, md5: str | None = None) -> Taken:
        """Take in one picture, once: a post that is known already stays as it is.

        Args:
            md5: of the file, if the source says; another file is damaged.

        Raises:
            CollectError: the file can't be read, or the workspace can't be written.
            CatalogError: see `Catalog.session`.
        """
        if self._is_known(post):
            return "known"
        try:
            data = images.read_bytes(content) if isinstance(content, Path) else content
            picture = _decoded(data, md5)
            digest = hashlib.sha256(data).hexdigest()
            if twin := self._same_file(digest):
                raise PictureError(f"{twin[0]} {twin[1]}", "same file as another post")
        except PictureError as error:
            if error.reason == "no file":
                raise CollectError(str(error)) from error
            self._reject(post, error.reason, str(error))
            return "rejected"
        path = self._place(post.site, digest, images.SUFFIXES[picture.format or "PNG"][0])
        write_whole(data, path, CollectError, alone="collect")
        row = self._row(post)
        row.sha256, row.file = digest, path.relative_to(self.workspace.folder).as_posix()
        row.width, row.height, row.bytes = *picture.size, len(data)
        self._hashes[digest] = (row.site, row.post)
        self.tally.new += 1
        self._add(row)
        return "new"

    def reject(self, post: Post, reason: str, detail: str = "") -> None:
        """Remember a post whose picture isn't wanted, without a file; a known post stays as it is."""
        if not self._is_known(post):
            self._reject(post, reason, detail)

    def flush(self) -> None:
        """Write what waits; errors as in `Catalog.session`."""
        self._written = time.monotonic()
        # Given away first: a session that Ctrl-C broke off may hold on to them, and no other takes them then
        waiting, self._waiting, self._hashes = self._waiting, {}, {}
        if waiting:
            with self.catalog.session() as session:
                session.add_all(waiting.values())

    def _is_known(self, post: Post) -> bool:
        known = bool(self.known(post.site, [post.post]))
        self.tally.known += known
        return known

    def _same_file(self, digest: str) -> tuple[str, str] | None:
        if waiting := self._hashes.get(digest):
            return waiting
        wanted = select(Picture.site, Picture.post).where(Picture.sha256 == digest).limit(1)
        with self.catalog.reading() as session:
            found = session.execute(wanted).first()
        return (found.site, found.post) if found else None

    def _place(self, site: str, digest: str, suffix: str) -> Path:
        folder = re.sub(r"[^\w-]+", "_", site).encode()[:100].decode(errors="ignore")
        return self.workspace.pictures / folder / digest[:2] / f"{digest}{suffix}"

    def _reject(self, post: Post, reason: str, detail: str) -> None:
        row = self._row(post)
        row.state, row.reason, row.detail = "rejected", reason[:100], clean(detail) or None
        self.tally.rejected[reason[:100]] += 1
        self._add(row)

    def _row(self, post: Post) -> Picture:
        return Picture(
            site=post.site,
            post=identifier(post.post),
            expression=post.expression,
            label_origin=post.label_origin,
            keyword=clean(post.keyword or "") or None,
            tags=[clean(tag) for tag in post.tags[:MOST_TAGS]],
            rating=clean(post.rating or "")[:20] or None,
            artist=clean(post.artist or "") or None,
            character=clean(post.character or "") or None,
            licence=clean(post.licence or "") or None,
            page_url=_web(post.page_url),
            file_url=_web(post.file_url),
            state="waiting",
        )

    def _add(self, row: Picture) -> None:
        self._waiting[row.site, row.post] = row
        if len(self._waiting) >= BATCH or time.monotonic() - self._written > EVERY:
            self.flush()


def clean(text: str) -> str:
    """A stranger's text as every database takes it: no control characters, at most `LONGEST` long."""
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+", " ", whole).strip()[:LONGEST]


def identifier(post: str) -> str:
    """The name under which a post is kept: cleaned; a long one keeps its beginning and gets a hash."""
    cleaned = clean(post) or "?"
    if len(cleaned) < LONGEST:
        return cleaned
    return f"{cleaned[:400]}…{hashlib.sha256(post.encode('utf-8', 'backslashreplace')).hexdigest()[:32]}"


def _web(url: str | None) -> str | None:
    """Only addresses that a browser may be sent to."""
    cleaned = clean(url or "")
    return cleaned if re.match(r"https?://", cleaned) else None


def _decoded(data: bytes, md5: str | None) -> images.Picture:
    """The whole picture, whatever its name says; PictureError if it is none, or another than was named."""
    if len(data) > images.FILE_LIMIT:
        raise PictureError(f"It has more than {images.FILE_LIMIT / 2**20:g} MiB.", "too large")
    picture = images.decode_picture(data, "It")
    if md5 and hashlib.md5(data, usedforsecurity=False).hexdigest() != md5.lower():
        raise PictureError("Its MD5 isn't the one that the source names.")
    return picture
