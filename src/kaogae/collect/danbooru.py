"""Danbooru: what is searched for, and which posts are fit to learn from."""

import re
from typing import Any
from urllib.parse import quote_plus, urlsplit

from kaogae.collect.intake import Post
from kaogae.collect.source import Source, Verdict, check_root, is_loopback
from kaogae.errors import UsageError
from kaogae.expressions import Expression

ROOT = "https://danbooru.donmai.us"

INTERVAL = 1.0
"""Seconds between two requests. The site allows ten requests a second; nobody is in a hurry here."""

LEAST_INTERVAL = 0.1

TAGS = {
    Expression.HAPPY: "happy",
    Expression.SAD: "sad",
    Expression.CRYING: "crying",
    Expression.NEUTRAL: "expressionless",  # there is no tag "neutral"
    Expression.SURPRISED: "surprised",
}
"""The tag that is searched for."""

NAMES = {tag: expression for expression, tag in TAGS.items()} | {
    "smile": Expression.HAPPY,
    "grin": Expression.HAPPY,
    "laughing": Expression.HAPPY,
    "crying_with_eyes_open": Expression.CRYING,
    "streaming_tears": Expression.CRYING,
}
"""Tags that name an expression. A post with two expressions doesn't say which face has which."""

POISON = (
    "happy_tears",
    "multiple_views",
    "expressions",
    "monochrome",
    "greyscale",
    "4koma",
    "comic",
    "no_humans",
    "faceless",
)
"""Tags under which the label, or the face, isn't what it seems."""

SUFFIXES = ("jpg", "jpeg", "png", "webp", "gif")

RATINGS = {"g": "general", "s": "sensitive", "q": "questionable", "e": "explicit"}


def keyword_for(expression: Expression) -> str:
    """The paper's search "<expression> -manga": on Danbooru the tag `manga` is called `comic`.

    Someone who isn't logged in may use two terms, negations too; `rating:` and `filetype:` don't count.
    """
    return f"{TAGS[expression]} -comic rating:general filetype:jpg,png"


def danbooru(
    expression: Expression | None = None,
    *,
    keyword: str | None = None,
    since: int | None = None,
    root: str = ROOT,
    login: tuple[str, str] | None = None,
    interval: float | None = None,
    contact: str | None = None,
) -> Source:
    """What to collect from Danbooru, or from a site that runs the same program, for `gallery.crawl`.

    Args:
        expression: the label that the pictures get; None: none.
        keyword: another search than the expression's own.
        since: only posts with a higher number.
        login: user and API key.
        interval: seconds between two requests.
        contact: how the site's people can reach whoever runs this.

    Raises:
        UsageError: neither expression nor keyword, an impossible root, or an interval below what is allowed.
    """
    root = check_root(root, login)
    interval = INTERVAL if interval is None else interval
    if interval < (LEAST_INTERVAL if _site(root) == "danbooru" and not is_loopback(root) else 0.0):
        raise UsageError(f"Danbooru allows a request every {LEAST_INTERVAL:g} s: give a longer interval.")
    if not keyword:
        if expression is None:
            raise UsageError("What should be searched for? Give an expression or a keyword.")
        keyword = keyword_for(expression)
    if since is not None and re.search(r"(^|\s)order:", keyword):
        keyword, since = f"{keyword} id:>{since}", None  # else the first old post is the end
    search = _Search(_site(root), root, keyword, expression, since)
    return Source(
        site=search.site,
        address=f"Danbooru:{root}/posts?tags={quote_plus(keyword)}",
        judge=search.judge,
        interval=interval,
        contact=contact or (f"by {login[0]}" if login else None),
        login=login,
    )


class _Search:
    """One search, which judges the posts that it finds."""

    def __init__(
        self, site: str, root: str, keyword: str, expression: Expression | None, since: int | None
    ) -> None:
        self.site, self.root, self.keyword = site, root, keyword
        self.expression, self.since = expression, since

    def judge(self, raw: dict[str, Any]) -> Verdict:
        number = _text(raw, "id")
        old = self.since is not None and number.isdecimal() and int(number) <= self.since
        post = Post(
            site=self.site,
            post=number,
            expression=self.expression,
            label_origin="tag" if self.expression else None,
            keyword=self.keyword,
            tags=tuple(_text(raw, "tag_string").split()),
            rating=RATINGS.get(_text(raw, "rating"), _text(raw, "rating")),
            artist=_text(raw, "tag_string_artist").replace(" ", ", "),
            character=_only(_text(raw, "tag_string_character").split()),
            licence="unknown",
            page_url=f"{self.root}/posts/{number}",
            file_url=self._absolute(_text(raw, "file_url")),
        )
        md5 = _text(raw, "md5").lower()
        reason, detail = self._unfit(post, _text(raw, "file_ext").lower())
        return Verdict(post, reason, detail, md5 if re.fullmatch("[0-9a-f]{32}", md5) else None, old)

    def _unfit(self, post: Post, suffix: str) -> tuple[str | None, str]:
        if not post.post.isdecimal():
            return "damaged", "its number isn't one"
        if not post.file_url:
            return "no file", "hidden, removed, or for members only"
        if not re.match(r"https?://", post.file_url):
            return "no file", "its address isn't one of the web"
        if suffix and suffix not in SUFFIXES:
            return "not a picture", suffix
        if poison := next((tag for tag in POISON if tag in post.tags), None):
            return f"tag: {poison}", ""
        named = {NAMES[tag] for tag in post.tags if tag in NAMES} | ({self.expression} - {None})
        if len(named) > 1:
            return "names two expressions", ", ".join(sorted(str(name) for name in named))
        return None, ""

    def _absolute(self, url: str) -> str:
        if url.startswith("//"):
            return f"{urlsplit(self.root).scheme}:{url}"
        return self.root + url if url.startswith("/") else url


def _site(root: str) -> str:
    """Mirrors of Danbooru share its post numbers; another site that runs the same program has its own."""
    host = urlsplit(root).hostname or ""
    same = host == "donmai.moe" or host.endswith(".donmai.us") or is_loopback(root)
    return "danbooru" if same else f"danbooru:{host}"


def _text(raw: dict[str, Any], key: str) -> str:
    """A value as text, whatever the site made of it."""
    value = raw.get(key)
    return str(value) if isinstance(value, str | int) else ""


def _only(names: list[str]) -> str | None:
    """With several characters nobody knows whose face is whose."""
    return names[0] if len(names) == 1 else None
