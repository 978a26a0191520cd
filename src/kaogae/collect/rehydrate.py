"""`kaogae collect manifest`: from a shared manifest back to pictures and faces.

What the manifest asks for comes from a folder of one's own, or from the site, by the number of the post and
through the site's extractor: no address in a manifest is ever fetched. A picture counts only with the SHA-256
that the manifest names, a face only with the pixels that it promises.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from sqlalchemy import delete

from kaogae.catalog import Catalog, Picture, Workspace
from kaogae.collect.intake import Intake, Post, Taken
from kaogae.collect.local_pictures import LocalPictures
from kaogae.collect.restoring import Found, look_up, restore
from kaogae.collect.share_file import Share, open_share
from kaogae.collect.shared import SharedFace, SharedPicture
from kaogae.errors import CollectError, UsageError
from kaogae.expressions import Expression
from kaogae.images import FILE_LIMIT

CHUNK = 100
"""Pictures that are asked for at once: one search of a site."""

GONE, CHANGED, NOT_GIVEN = "gone", "changed at the source", "file not given"
ANOTHER = "another file or face under this name"
FAILED = "couldn't be had this time"

AGAIN = (GONE, CHANGED, NOT_GIVEN)
"""Pictures that were rejected for these reasons are taken after all if somebody brings the file."""

Key = tuple[str, str]


@dataclass
class Rehydrated:
    """What became of a manifest."""

    pictures: int
    """In the manifest."""
    faces: int
    restored: int = 0
    """Faces that this run cut again, bit for bit."""
    known: int = 0
    """Faces that were there already."""
    inexact: int = 0
    """Of these, faces whose crops were rounded otherwise than the manifest's."""
    missing: Counter[str] = field(default_factory=Counter[str])
    """Faces that aren't there, per reason."""
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Pictures that couldn't be had this time, and why: the next run tries again."""
    left: int = 0
    """Faces that `limit` left for the next run."""

    @property
    def complete(self) -> bool:
        """Whether nothing is missing but what the limit left."""
        return not self.missing and not self.failed


class Verifying(Intake):
    """Takes in the pictures that are expected, if they have the hash that they should have; nothing else."""

    def __init__(self, workspace: Workspace, catalog: Catalog) -> None:
        super().__init__(workspace, catalog)
        self.expected: dict[Key, SharedPicture] = {}

    def take(self, post: Post, content: Path | bytes, *, md5: str | None = None) -> Taken:
        """As in `Intake`, for a picture that the manifest describes; what nobody expects is left alone.

        Another file than the manifest's was changed at the source, unless it isn't the one that the source
        means (`md5`) either: then it was damaged on its way, and the next run asks again.
        """
        shared = self.expected.get((post.site, post.post))
        if shared is None:
            return "known"
        data = content if isinstance(content, bytes) else _read(content)
        digest = hashlib.sha256(data).hexdigest()
        if digest == shared.sha256:
            return super().take(as_post(shared, post), data)
        if md5 and hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
            self.tally.failed[post.post] = "it was damaged on its way"
        else:
            super().reject(as_post(shared, post), CHANGED, f"its SHA-256 is now {digest}")
        return "rejected"

    def reject(self, post: Post, reason: str, detail: str = "") -> None:
        """As in `Intake`, for a picture that is expected."""
        if shared := self.expected.get((post.site, post.post)):
            super().reject(as_post(shared, post), reason, detail)

    def _row(self, post: Post) -> Picture:
        """Its faces come from the manifest: `kaogae faces`, perhaps at work beside this, leaves it alone."""
        row = super()._row(post)
        row.state = "restored"
        return row


class Refetch(Protocol):
    """Asks sites for pictures by their posts."""

    def can(self, site: str) -> bool:
        """Whether there is an address for the site."""
        ...

    def ask(self, intake: Verifying, site: str, pictures: Sequence[SharedPicture]) -> Collection[str]:
        """Ask for `pictures`, which the intake expects; returns the posts that the site doesn't have now.

        What can't be had just now is in `intake.tally.failed`.

        Raises:
            CollectError: the site can't be reached, refuses, or breaks off.
        """
        ...


def as_post(shared: SharedPicture, site: Post | None = None) -> Post:
    """What the manifest says about a picture; tags and addresses are the site's word, if it was asked."""
    post = Post(
        site=shared.site,
        post=shared.post,
        expression=Expression(shared.expression) if shared.expression else None,
        label_origin=shared.label_origin,
        keyword=shared.keyword,
        rating=shared.rating,
        artist=shared.artist,
        character=shared.character,
        licence=shared.licence,
        page_url=shared.page_url,
        file_url=shared.file_url,
    )
    if site is None:
        return post
    return replace(
        post,
        tags=site.tags,
        page_url=site.page_url or shared.page_url,
        file_url=site.file_url or shared.file_url,
    )


def rehydrate(
    manifest: Path | Share,
    workspace: Workspace,
    catalog: Catalog,
    *,
    pictures: Path | None = None,
    limit: int | None = None,
    refetch: Refetch | None = None,
    inexact: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> Rehydrated:
    """Bring the pictures and faces of `manifest` into the workspace; what is there already stays.

    Stopped at any instant, the next run goes on. Nothing happens before the manifest was read to its end.

    Args:
        pictures: a folder with pictures that somebody has already, found by their hash.
        limit: most pictures that are taken in by this run.
        refetch: asks the sites; None: only `pictures`.
        inexact: keep crops that look the same but were rounded otherwise, as other processors do.
        progress: called with (pictures done, pictures in all).

    Raises:
        ManifestError: the manifest is damaged, changed, from a newer version, or says what can't be.
        CollectError: the workspace can't be written.
        CatalogError: another run collects into this catalogue; others as in `Catalog.session`.
        UsageError: there is no folder `pictures`.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"The limit has to be at least 1, not {limit}.")
    share = manifest if isinstance(manifest, Share) else open_share(manifest)
    report = Rehydrated(share.pictures_count, share.faces_count)
    local = LocalPictures(pictures) if pictures is not None else None
    with Verifying(workspace, catalog) as intake:
        run = _Run(intake, local, refetch, limit, inexact, report)
        for done, chunk in _chunks(share):
            run.bring(chunk)
            if progress is not None:
                progress(done, share.pictures_count)
    return report


def _chunks(share: Share) -> Iterator[tuple[int, list[SharedPicture]]]:
    """The pictures, a few at a time, each time with how many there were so far."""
    source, done = share.pictures(), 0
    while chunk := list(islice(source, CHUNK)):
        done += len(chunk)
        yield done, chunk


class _Run:
    """One run over a manifest."""

    def __init__(
        self,
        intake: Verifying,
        local: LocalPictures | None,
        refetch: Refetch | None,
        limit: int | None,
        inexact: bool,
        report: Rehydrated,
    ) -> None:
        self.intake, self.local, self.refetch = intake, local, refetch
        self.left, self.inexact, self.report = limit, inexact, report
        self.later: set[Key] = set()

    def bring(self, chunk: Sequence[SharedPicture]) -> None:
        """Get what is missing of a chunk, cut its faces, count them all."""
        self.later.clear()
        catalog = self.intake.catalog
        before = look_up(catalog, chunk)
        self._get([picture for picture in chunk if self._is_wanted(before.get(_key(picture)))])
        found = look_up(catalog, chunk)
        ready = [
            (picture, row)
            for picture in chunk
            if (row := found.get(_key(picture))) and _usable(picture, row) and row.lacks(picture)
        ]
        counts, failed = Counter[str](), dict[str, str]()
        if ready:
            counts, failed = restore(self.intake.workspace, catalog, ready, inexact=self.inexact)
        self.report.restored += counts[""]
        self.report.failed |= failed
        self._count(chunk, look_up(catalog, chunk) if ready else found, counts[""])

    def _is_wanted(self, row: Found | None) -> bool:
        """Whether to look for it: it isn't there, or was rejected for want of what a folder may bring."""
        return row is None or (self.local is not None and row.state == "rejected" and row.reason in AGAIN)

    def _get(self, wanted: Sequence[SharedPicture]) -> None:
        """Take in the pictures: from the folder, then from their sites, as many as the limit allows."""
        self.intake.expected = {_key(picture): picture for picture in wanted}
        rest: list[SharedPicture] = []
        for picture in wanted:
            content = self.local.find(picture.sha256, picture.bytes) if self.local else None
            if content is None:
                rest.append(picture)
            elif self.left == 0:
                self.later.add(_key(picture))
            else:
                self._forget_rejection(picture)
                if self.intake.take(as_post(picture), content) == "new":
                    self._spend(1)
        self.intake.flush()
        known = look_up(self.intake.catalog, rest)
        rest = [picture for picture in rest if _key(picture) not in known]
        for site in dict.fromkeys(picture.site for picture in rest):
            self._ask(site, [picture for picture in rest if picture.site == site])
        self.intake.flush()

    def _ask(self, site: str, pictures: Sequence[SharedPicture]) -> None:
        if self.refetch is None or not self.refetch.can(site):
            for picture in pictures:
                self.intake.reject(as_post(picture), NOT_GIVEN)
            return
        asked = pictures[: self.left]
        self.later.update(_key(picture) for picture in pictures[len(asked) :])
        if not asked:
            return
        before = self.intake.tally.new
        gone = self.refetch.ask(self.intake, site, asked)
        self._spend(self.intake.tally.new - before)
        for picture in asked:
            if picture.post in gone:
                self.intake.reject(as_post(picture), GONE)
            if why := self.intake.tally.failed.pop(picture.post, None):
                self.report.failed[f"{site} {picture.post}"] = why

    def _spend(self, count: int) -> None:
        self.left = None if self.left is None else max(self.left - count, 0)

    def _forget_rejection(self, picture: SharedPicture) -> None:
        with self.intake.catalog.session() as session:
            rejected = (Picture.state == "rejected", Picture.reason.in_(AGAIN))
            session.execute(
                delete(Picture).where(Picture.site == picture.site, Picture.post == picture.post, *rejected)
            )

    def _count(self, chunk: Sequence[SharedPicture], found: Mapping[Key, Found], restored: int) -> None:
        here = 0
        for picture in chunk:
            row, faces = found.get(_key(picture)), len(picture.faces)
            if _key(picture) in self.later:
                self.report.left += faces
            elif row is None:
                self.report.missing[FAILED] += faces
            elif row.state == "rejected":
                self.report.missing[row.reason or "rejected"] += faces
            elif not _usable(picture, row):
                self.report.missing[ANOTHER] += faces
            else:
                reasons = [_why_missing(face, row) for face in picture.faces]
                here += reasons.count(None)
                self.report.inexact += sum(
                    reason is None and row.faces[face.number].pixels_sha256 != face.pixels_sha256
                    for reason, face in zip(reasons, picture.faces, strict=True)
                )
                self.report.missing.update(reason for reason in reasons if reason)
        self.report.known += here - restored


def _key(picture: SharedPicture) -> Key:
    return picture.site, picture.post


def _usable(picture: SharedPicture, row: Found) -> bool:
    return row.state != "rejected" and row.sha256 == picture.sha256 and row.file is not None


def _why_missing(face: SharedFace, row: Found) -> str | None:
    """None if the catalogue has this face: cut by the same matrix, if not to the same last bit."""
    if face.number not in row.faces:
        return FAILED
    found = row.faces[face.number]
    if found.state == "rejected":
        return found.reason or "rejected"
    same = found.pixels_sha256 == face.pixels_sha256 or found.matrix == [list(line) for line in face.matrix]
    return None if same else ANOTHER


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise CollectError(f"{path} can't be read: {error.strerror or error}.") from error
