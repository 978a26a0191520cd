"""Asking Danbooru and Getchu for the pictures of a shared manifest, by the numbers of their posts."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kaogae.collect import danbooru as danbooru_site
from kaogae.collect import getchu as getchu_site
from kaogae.collect.danbooru import danbooru
from kaogae.collect.gallery import crawl
from kaogae.collect.getchu import getchu
from kaogae.collect.rehydrate import GONE, Key, Verifying
from kaogae.collect.shared import SharedPicture
from kaogae.collect.source import Source, Verdict, check_root
from kaogae.errors import CollectError, UsageError

ROOTS = {"danbooru": danbooru_site.ROOT, "getchu": getchu_site.ROOT}
"""Where the sites are. No manifest can name another place: only whoever runs this can."""

FAILURES = 3
"""Products of Getchu that fail one after the other before the site counts as out of reach."""

ABOUT_LABELS = ("tag: ", "names two expressions")
"""Verdicts on a post that are no reason here: the manifest has labels of its own."""


class BoardSource(Source):
    """A source with a folder of its own, apart from what `collect danbooru` has under way."""

    @property
    def folder(self) -> str:
        """Its folder below `collect` in the workspace."""
        return f"manifest_{super().folder}"


class Boards:
    """Asks the sites, each at its root and with a pause between any two requests."""

    def __init__(
        self,
        roots: Mapping[str, str] | None = None,
        *,
        login: tuple[str, str] | None = None,
        interval: float | None = None,
        contact: str | None = None,
    ) -> None:
        """Where to ask, and as whom.

        Args:
            roots: other addresses of sites, such as {"danbooru:booru.example.org": "https://…"}.
            login: user and API key, for the site "danbooru" alone.
            interval: seconds between two requests; None: what each site bears.
            contact: how the sites' people can reach whoever runs this.

        Raises:
            UsageError: not a site that runs Danbooru, nor Getchu; or its address can't be.
        """
        self.roots = dict(ROOTS)
        for site, root in (roots or {}).items():
            if site.partition(":")[0] not in ROOTS:
                raise UsageError(f"'{site}' isn't a site that pictures are fetched from: danbooru, getchu.")
            self.roots[site] = check_root(root)
        check_root(self.roots["danbooru"], login)
        self.login, self.interval, self.contact = login, interval, contact
        self._asked: dict[str, float] = {}

    def can(self, site: str) -> bool:
        """Whether there is an address for the site."""
        return site in self.roots

    def ask(self, intake: Verifying, site: str, pictures: Sequence[SharedPicture]) -> Collection[str]:
        """See `Refetch.ask`."""
        if site == "getchu":
            return self._ask_getchu(intake, pictures)
        # One search for all of them; status:any finds deleted posts too. Neither term counts as a tag
        posts = ",".join(picture.post for picture in pictures)
        source = danbooru(
            keyword=f"id:{posts} status:any",
            root=self.roots[site],
            login=self.login if site == "danbooru" else None,
            interval=self.interval,
            contact=self.contact,
        )
        return self._crawl(intake, source, site, pictures)

    def _ask_getchu(self, intake: Verifying, pictures: Sequence[SharedPicture]) -> Collection[str]:
        gone: set[str] = set()
        failures = 0
        products = dict.fromkeys(picture.post.partition("/")[0] for picture in pictures)
        for product in products:
            mine = [picture for picture in pictures if picture.post.partition("/")[0] == product]
            (source,) = getchu(
                product=int(product), root=self.roots["getchu"], interval=self.interval, contact=self.contact
            )
            try:
                gone.update(self._crawl(intake, source, "getchu", mine))
                failures = 0
            except CollectError as error:
                if "404 Not Found" in str(error):  # the page is gone, and its pictures with it
                    gone.update(picture.post for picture in mine)
                    continue
                failures += 1
                if failures == FAILURES:
                    raise
                intake.tally.failed |= {picture.post: str(error) for picture in mine}
        return gone

    def _crawl(
        self, intake: Verifying, source: Source, site: str, pictures: Sequence[SharedPicture]
    ) -> Collection[str]:
        """The posts that the site doesn't name any more."""
        seen: set[str] = set()
        judge = _judge(site, source.judge, intake.expected, seen)
        mine = BoardSource(site, source.address, judge, source.interval, source.contact, source.login)
        # Each run of gallery-dl has a clock of its own: the pause between two runs is kept here
        time.sleep(max(0.0, self._asked.get(site, 0.0) + source.interval - time.monotonic()))
        try:
            crawl(intake, mine)
        finally:
            self._asked[site] = time.monotonic()
        return {picture.post for picture in pictures} - seen - set(intake.tally.failed)


def _judge(
    site: str,
    judge: Callable[[dict[str, Any]], Verdict],
    expected: Mapping[Key, SharedPicture],
    seen: set[str],
) -> Callable[[dict[str, Any]], Verdict]:
    """Wants what the manifest asks for, whatever its tags are now; what nobody asked for is left alone."""

    def decide(raw: dict[str, Any]) -> Verdict:
        verdict = judge(raw)
        post = replace(verdict.post, site=site)
        if (site, post.post) not in expected:
            return Verdict(post, "not asked for")
        seen.add(post.post)
        if verdict.reason == "no file" or not post.file_url:
            return Verdict(post, GONE, "the site names no file any more")
        if verdict.reason and not verdict.reason.startswith(ABOUT_LABELS):
            return Verdict(post, verdict.reason, verdict.detail)
        # The site's own word: what is fetched is the address in it, and the intake adds the manifest's labels
        return Verdict(post, md5=verdict.md5)

    return decide
