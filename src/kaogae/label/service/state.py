"""What the running service holds, and how its routes reach it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, HTTPException, Request
from fastapi.security import APIKeyCookie
from sqlalchemy.orm import Session

from kaogae.catalog import Catalog, Workspace
from kaogae.label import people
from kaogae.label.leases import Ledger
from kaogae.label.overview import Progress, progresses
from kaogae.label.people import ADMIN, REVIEWER, SignedIn
from kaogae.label.service.files import File
from kaogae.label.service.gathered import Gathered
from kaogae.label.service.limits import Pace, SignInPace
from kaogae.label.service.pictures import Pictures
from kaogae.label.writer import Writer

T = TypeVar("T")

COOKIE, SECURE_COOKIE = "kaogae", "__Host-kaogae"
"""The second where the address is https: the browser then takes it from nobody else."""
READERS = 4
"""Reads at once: more would only wait for each other."""
FILES = 4
"""Files that are downloaded at once: each has a connection to the catalogue for as long as that takes."""
KNOWN_SECONDS = 1.0
"""For how long a sign-in is taken as it was: what another process changes counts after that."""
KNOWN_MOST = 10_000


@dataclass
class Service:
    """Everything that outlives a request."""

    workspace: Workspace
    catalog: Catalog
    writer: Writer
    shell: dict[str, File]
    """The app's own files."""
    public_url: str | None = None
    """Where the world reaches the service, without a slash at the end; None: wherever a request says."""
    ledger: Ledger = field(default_factory=Ledger)
    pictures: Pictures = field(default_factory=Pictures)
    failures: SignInPace = field(default_factory=SignInPace)
    invitations: Pace = field(default_factory=lambda: Pace(30, 60))
    _readers: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(READERS))
    _slow: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))
    _files: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FILES))
    _known: dict[str, tuple[float, SignedIn]] = field(default_factory=dict[str, tuple[float, SignedIn]])
    _generation: int = 0

    def __post_init__(self) -> None:
        """What needs the rest."""
        self._progress = Gathered(self._progresses)

    async def read(self, question: Callable[[Session], T], *, slow: bool = False) -> T:
        """Ask the catalogue, in a thread; what is slow, one at a time. Errors as in `Catalog.reading`."""

        def ask() -> T:
            with self.catalog.reading() as session:
                return question(session)

        return await to_thread.run_sync(ask, limiter=self._slow if slow else self._readers)

    async def read_parts(self, question: Callable[[Session], Iterator[T]]) -> AsyncIterator[T]:
        """Ask for what is long. It rests as long as it works, so that people who vote needn't wait for it."""

        def ask() -> Generator[T]:
            with self.catalog.reading() as session:
                yield from question(session)

        async with self._files:
            with closing(ask()) as parts:
                begun = time.monotonic()
                while (part := await to_thread.run_sync(next, parts, None, limiter=self._slow)) is not None:
                    yield part
                    await asyncio.sleep(time.monotonic() - begun)
                    begun = time.monotonic()

    async def write(self, change: Callable[[Session], T]) -> T:
        """Change the catalogue; durable when it returns."""
        return await self.writer.call(change)

    async def progress(self, campaign: int, annotator: int) -> Progress:
        """How far a campaign is, as one annotator may know it."""
        return await self._progress.get((campaign, annotator))

    async def _progresses(self, asked: Collection[tuple[int, int]]) -> Mapping[tuple[int, int], Progress]:
        return await self.read(lambda session: progresses(session, asked))

    async def who(self, secret: str) -> SignedIn | None:
        """Whose browser has this secret: as it is, or was a second ago."""
        hashed, moment = people.digest(secret), time.monotonic()
        until, known = self._known.get(hashed, (0.0, None))
        if until > moment:
            return known
        generation = self._generation
        found = await self.read(lambda session: people.who(session, secret))
        if found is not None and generation == self._generation:
            if len(self._known) >= KNOWN_MOST:
                self._known.clear()
            self._known[hashed] = (moment + KNOWN_SECONDS, found)
        return found

    def forget(self) -> None:
        """Somebody's rights have changed: everybody is looked up anew."""
        self._generation += 1
        self._known.clear()

    def base(self, request: Request) -> str:
        """The address under which the app is reached, without a slash at the end."""
        return self.public_url or f"{request.url.scheme}://{request.url.netloc}"

    def cookie(self, request: Request) -> str:
        """What the session's cookie is called."""
        return SECURE_COOKIE if self.base(request).startswith("https:") else COOKIE


async def _service(request: Request) -> Service:
    return request.app.state.service


The = Annotated[Service, Depends(_service)]
"""The running service."""

_scheme = APIKeyCookie(
    name=COOKIE,
    scheme_name="session",
    auto_error=False,
    description=f"Given by POST /api/v1/session. Called {SECURE_COOKIE} where the address is https.",
)


async def _visitor(request: Request, service: The, _: Annotated[str | None, Depends(_scheme)]) -> SignedIn:
    secret = request.cookies.get(service.cookie(request))
    visitor = await service.who(secret) if secret else None
    if visitor is None:
        raise HTTPException(401, "You aren't signed in: open your personal link again.")
    return visitor


Visitor = Annotated[SignedIn, Depends(_visitor)]
"""Whoever is signed in."""


async def _reviewer(visitor: Visitor) -> SignedIn:
    if visitor.role not in (REVIEWER, ADMIN):
        raise HTTPException(403, "Only reviewers and admins may see this.")
    return visitor


async def _admin(visitor: Visitor) -> SignedIn:
    if visitor.role != ADMIN:
        raise HTTPException(403, "Only admins may see this.")
    return visitor


Reviewer = Annotated[SignedIn, Depends(_reviewer)]
Admin = Annotated[SignedIn, Depends(_admin)]


def visible(campaign: int, visitor: SignedIn) -> None:
    """A campaign that isn't theirs is to them as if it weren't there.

    Raises:
        HTTPException: 404.
    """
    if campaign not in visitor.campaigns:
        raise HTTPException(404, "There is no such campaign, or it isn't yours.")
