# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 the Kaogae authors
#
# This file, and no other of this project, is free software under the GNU General Public License, version 2,
# because it extends classes of gallery-dl. gallery-dl loads it in a process of its own; Kaogae never imports
# it. See README.md beside it.
# pyright: basic, reportIncompatibleMethodOverride=false, reportAttributeAccessIssue=false
# pyright: reportOptionalMemberAccess=false
"""Danbooru and Getchu for gallery-dl, under the direction of Kaogae.

Kaogae decides about every picture, this file fetches. The two talk in JSON lines: a line on standard output
asks, a line on standard input answers. Any question may be answered with {"do": "stop"}.

    {"kind": "hello"}               may we begin?          ◄ {"do": "begin", "login": null | [user, key]}
    {"kind": "post", "post": {…}}   here is a picture      ◄ {"do": "take", "url", "name", "about"} | leave
    {"kind": "done", "status": 0}   it was tried           ◄ {"do": "again"} | leave
    {"kind": "failed", "post": "…", "why": "…"}            ◄ {"do": "leave"}
    {"kind": "end"}                 there are no more      (no answer)

If the input ends, Kaogae is gone, and so is this process at once.
"""

import email.utils
import json
import os
import queue
import re
import sys
import threading
import time
from functools import partial
from html import unescape
from urllib.parse import urljoin

import requests
from gallery_dl import exception, text
from gallery_dl.extractor.common import Extractor, Message
from gallery_dl.extractor.danbooru import DanbooruTagExtractor

LONGEST_WAIT = 3600
"""Most seconds that a site may ask to wait with Retry-After."""

TRIES = 5
"""How often a page is asked for while the site says 429, or sends something else than JSON."""

TOLD = (
    "id", "tag_string", "tag_string_artist", "tag_string_character", "rating", "file_url", "file_ext", "md5"
)  # fmt: skip
"""What Kaogae wants to know of a post."""

LONGEST_TEXT = 100_000
"""Most characters of each of these."""

LONGEST_PAGE = 1_000_000
"""Most characters of a product's page that are looked at. What is looked for in it is bounded too: `.*` would
take hours on a page that somebody made for it."""

PART = 512
"""Bytes that are read at once: only in between is there a look at the clock."""

FEWEST_IN_A_ROW = 3
"""Pages that fail one after the other before the site counts as out of reach."""


class Directed:
    """What both sites share: asking Kaogae, and one clock for all requests."""

    _pause = 0.0
    _status = 0
    _throttled = 0

    def _init(self):
        super()._init()
        self._answers = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        _limit_files(self.config("largest-file"))
        self.session.hooks["response"].append(
            partial(_bounded, self.config("longest-answer"), self.config("largest-page"))
        )
        login = self.ask(kind="hello")["login"]
        # Not the session's: requests would send it to every host, also to the one that holds the files
        self._login = tuple(login) if login else None

    def _listen(self):
        rest = b""
        # Not sys.stdin: a thread that waits inside its buffer would hinder the interpreter's end
        while data := os.read(0, 65536):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._answers.put(json.loads(line))
        os._exit(3)

    def ask(self, **message):
        sys.stdout.write(json.dumps(message, default=str) + "\n")
        sys.stdout.flush()
        answer = self._answers.get()
        if answer["do"] == "stop":
            raise exception.StopExtraction
        return answer

    def items(self):
        for post, headers in self.pictures():
            answer = self.ask(kind="post", post=post)
            if answer["do"] == "take":
                url = answer["url"]  # not the post's own: this is the one that was looked at
                data = {"name": answer["name"], "about": answer["about"], "post": post}
                yield Message.Directory, "", data
            while answer["do"] in ("take", "again"):
                text.nameext_from_url(url, data)
                data |= {"_http_headers": headers, "_http_retry": self._refused}
                self._status = 0
                self._wait_for_turn()
                yield Message.Url, url, data
                Extractor.request_timestamp = time.time()
                answer = self.ask(kind="done", status=self._status)
        sys.stdout.write('{"kind": "end"}\n')
        sys.stdout.flush()

    def _wait_for_turn(self):
        interval = self._interval_request() if self._interval_request is not None else 0.0
        left = max(interval, self._pause) - (time.time() - Extractor.request_timestamp)
        self._pause = 0.0
        if left > 0:
            self.sleep(left, "request")

    def _refused(self, response):
        """A picture was answered with 4xx: what Kaogae should know, and how long to keep quiet."""
        self._status = response.status_code
        if response.status_code == 429:
            self._pause = _asked_to_wait(response) or self._interval_429(1)
        return False

    def _handle_429(self, response):
        """A page was answered with 429: wait as long as the site says, if it says."""
        seconds = _asked_to_wait(response)
        self._throttled += 1
        if seconds is None or self._throttled > TRIES:
            return False
        self.wait(seconds=seconds, adjust=0.0, reason="429, Retry-After")
        return True


class DanbooruDirectedExtractor(Directed, DanbooruTagExtractor):
    """Posts of a search, those without a file too."""

    subcategory = "directed"
    example = "Danbooru:https://danbooru.donmai.us/posts?tags=TAG"

    _ids = ()

    def pictures(self):
        self.metadata()
        for post in self.posts():
            told = {key: post.get(key) for key in TOLD}
            short = {key: value[:LONGEST_TEXT] for key, value in told.items() if isinstance(value, str)}
            yield {key: value for key, value in told.items() if isinstance(value, int)} | short, None

    def request_json(self, url, **options):
        """As gallery-dl does it, but an answer that isn't JSON is asked for again."""
        for attempt in range(1, TRIES + 1):
            try:
                found = super().request_json(url, auth=self._login, **options)
            except (ValueError, RecursionError) as error:
                if attempt == TRIES:
                    raise exception.AbortExtraction("it doesn't answer with JSON") from error
                self.log.warning("'%s' wasn't answered with JSON, try %s", url, attempt)
                continue
            self._throttled = 0
            found = found.get("posts", ()) if isinstance(found, dict) else found
            posts = [post for post in found if isinstance(post, dict) and post.get("id")]
            before, self._ids = self._ids, tuple(post["id"] for post in posts)
            return posts if self._ids != before else []  # a server that doesn't know pages would never end
        return []


class GetchuDirectedExtractor(Directed, Extractor):
    """Character pictures of a month's list, or of one product."""

    category = "getchu"
    subcategory = "directed"
    pattern = r"getchu:(https?://[^/?#]+)/(?:soft\.phtml\?id=(\d+)|all/price\.html\?(\S+))"
    example = "getchu:https://www.getchu.com/soft.phtml?id=12345"

    def __init__(self, match):
        Extractor.__init__(self, match)
        self.root, self._product, self._list = match.groups()

    def _init(self):
        super()._init()
        self.session.cookies.update({"getchu_adalt_flag": "getchu.com"})

    def pictures(self):
        failures = 0
        for number in [self._product] if self._product else self._products():
            url = f"{self.root}/soft.phtml?id={number}&gc=gc"
            try:
                page = self._page(url)
            except exception.HttpError as error:
                failures += 1
                if self._product or failures == FEWEST_IN_A_ROW:
                    raise
                self.ask(kind="failed", post=number, why=str(error))
                continue
            failures = 0
            for post in characters(page[:LONGEST_PAGE], number, self.root):
                yield post, {"Referer": url}

    def _products(self):
        page = self._page(f"{self.root}/all/price.html?{self._list}")
        return dict.fromkeys(re.findall(r"(?:soft\.phtml\?id=|/item/)(\d+)", page))

    def _page(self, url):
        # A superset of EUC-JP that knows the circled digits; what it doesn't know becomes U+FFFD
        page = self.request(url, encoding="euc_jis_2004").text
        self._throttled = 0
        if "年齢認証" in page[:4000] and "soft-title" not in page:
            raise exception.AbortExtraction("Getchu asks for the age instead of showing the page")
        return page


def characters(page, number, root):
    """The character pictures of a product's page, in order, with what the page says about them.

    They are called …/brandnew/NUMBER/cNUMBERcharaN.jpg; the name follows in a heading of class chara-name.
    """
    title = _text(_first(r"id=[\"']soft-title[\"'][^>]{0,500}>\s{0,500}([^<]{1,500})", page))
    description = _first(r"<meta name=[\"']description[\"'] content=[\"']([^\"']{0,2000})", page)
    about = dict(re.findall(r"([^：,]+)：([^：,]+)", unescape(description)))
    brand = _text(
        _first(r"<a[^>]{0,500}id=[\"']brandsite[\"'][^>]{0,500}>(.{0,500}?)</a>", page)
    ) or about.get("ブランド", "")
    found = list(
        re.finditer(
            rf"[^\"'=\s>]{{0,200}}brandnew/{number}/[^\"'/\s>]{{0,50}}chara[^\"'/\s>]{{0,50}}\.(?:jpe?g|png|gif)",
            page,
            re.I,
        )
    )
    names = {match[0].rpartition("/")[2] for match in found}
    seen = set()
    for place, match in enumerate(found):
        url = urljoin(f"{root}/", unescape(match[0]))
        name = url.rpartition("/")[2]
        if name in seen or re.sub(r"_s(\.\w+)$", r"\1", name) in names - {name}:
            continue  # seen already, or the small copy of another one
        seen.add(name)
        following = next((m.start() for m in found[place + 1 :] if name not in m[0]), len(page))
        yield {
            "id": f"{number}/{name.rpartition('.')[0].removeprefix(f'c{number}')}",
            "title": title,
            "brand": brand.strip(),
            "artist": about.get("原画", "").strip(),
            "character": _character(page[match.end() : following]),
            "page_url": f"{root}/soft.phtml?id={number}",
            "file_url": url,
        }


def _character(part):
    """The name in a part of the page: without role, reading and voice."""
    heading = _first(r"class=[\"']chara-name[\"'][^>]{0,500}>(.{0,2000}?)</(?:h\d|dt|strong|div|span)>", part)
    name = _first(r"<charalist>(.*?)</charalist>", heading) or re.split(r"<br\s*/?>", heading, flags=re.I)[-1]
    return re.split(r"[（(]|CV\s*[：:]", _text(name))[0].strip()


def _first(pattern, page):
    match = re.search(pattern, page, re.DOTALL | re.IGNORECASE)
    return match[1] if match else ""


def _text(markup):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", markup))).strip()


def _asked_to_wait(response):
    """Seconds that Retry-After asks for: a number, or a date."""
    value = response.headers.get("Retry-After", "")
    if re.fullmatch("[0-9]+", value):
        return min(float(value), LONGEST_WAIT)
    try:
        seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _bounded(seconds, size, response, stream=False, **_):
    """A hook: reads a page as far as is reasonable; has a picture read in time. It may be sent byte by byte,

    each within the timeout, or for ever, or be packed so that it has a thousand times its size.
    """
    parts = partial(_in_time, response.iter_content, seconds)
    if stream and not response.is_redirect:
        response.iter_content = parts  # files are limited by the system
        return
    page = bytearray()
    for part in parts():
        page += part
        if len(page) > size:
            response.close()
            raise requests.exceptions.RequestException(f"a page has more than {size / 2**20:g} MiB")
    response._content = bytes(page)


def _in_time(read, seconds, size=PART):
    until = time.monotonic() + seconds
    for part in read(min(size, PART)):
        yield part
        if time.monotonic() > until:
            raise requests.exceptions.Timeout(f"an answer took more than {seconds} s")


def _limit_files(size):
    """An answer without Content-Length may go on for ever; the system then ends the file."""
    try:
        import resource
    except ImportError:
        return
    if size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
