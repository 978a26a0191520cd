"""Driving gallery-dl: it fetches, in a process of its own; what is fetched is decided here.

gallery-dl loads our extractors (extractors/boards.py), which ask about every picture before they fetch it. So
nothing unwanted is downloaded, a limit is exact, and every post that a site names is known here. A kill at
any instant is fine: the other process ends when its input does, half a file waits as .part for the next run,
and whole files that were not taken in yet are taken in first.
"""

import importlib.util
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from kaogae import __version__
from kaogae.collect.intake import Intake, Post, clean
from kaogae.collect.source import Source, Verdict
from kaogae.errors import CollectError, UsageError
from kaogae.images import FILE_LIMIT

EXTRACTORS = Path(__file__).parent / "extractors"

LONGEST_LINE = 4 * 2**20
"""Most bytes of what a site may say about one post."""

TRIES = 4
"""How often a picture is tried in one run."""

GONE = (404, 410)  # answers that say for good that there is no such picture

FAILURES = 10
"""Pictures that fail one after the other before the site counts as out of reach."""

LONGEST_ANSWER = 600
"""Most seconds that one answer may take: what is there of a picture then is kept, and continued."""

LARGEST_PAGE = 32 * 2**20
"""Most bytes of a page, unpacked."""

SAID = r"\[.+?\]\[(?:warning|error)\]"  # who says it, perhaps "[::1]:80", and how grave it is

LEAST_SPACE = 2**20  # bytes below which a disk counts as full

Progress = Callable[[int, int | None], None]


def crawl(
    intake: Intake, source: Source, *, limit: int | None = None, progress: Progress | None = None
) -> None:
    """Collect what `source` offers until there is no more, or `limit` pictures are new; see `intake.tally`.

    Raises:
        CollectError: no gallery-dl, a site that can't be reached, refuses or breaks off; a full disk.
        CatalogError: see `Catalog.session`.
    """
    if importlib.util.find_spec("gallery_dl") is None:
        raise CollectError("gallery-dl isn't installed: pip install 'kaogae[collect]'.")
    if limit is not None and limit < 1:
        raise UsageError(f"The limit has to be at least 1, not {limit}.")
    folder = (intake.workspace.folder / "collect" / source.folder).resolve()
    try:
        (folder / "files").mkdir(parents=True, exist_ok=True)
        _Crawl(intake, source, folder, limit, progress).run()
    except (OSError, sqlite3.Error) as error:
        raise CollectError(f"{folder} can't be used: {getattr(error, 'strerror', None) or error}.") from error


class _Crawl:
    """One run of gallery-dl, and what it asks."""

    def __init__(
        self, intake: Intake, source: Source, folder: Path, limit: int | None, progress: Progress | None
    ) -> None:
        self.intake, self.source, self.folder, self.limit = intake, source, folder, limit
        self.progress = progress
        self.files = folder / "files"
        self.log = _Log(folder / "gallery-dl.log")
        self.wanted: Verdict | None = None
        self.name = ""
        self.posts = self.tries = self.failures = 0

    def run(self) -> None:
        self._take_leftovers()
        _agree(self.folder / "archive.sqlite3", self.intake, self.source.site)
        if self._enough():
            return
        with _gallery_dl(self.source, self.folder, self.log.path) as process:
            ended = self._talk(process)
        why = self.log.last_error()
        if not ended and shutil.disk_usage(self.folder).free < LEAST_SPACE:  # then the log is empty too
            raise self._full()
        if not ended:
            how = "broke off" if self.posts else "can't be reached, or gives no posts"
            raise self._gave_up(f"{how} ({why or 'gallery-dl ended'})")
        if self.failures >= FAILURES:
            raise self._gave_up(f"gave none of {FAILURES} pictures one after the other ({why})")

    def _gave_up(self, how: str) -> CollectError:
        site = urlsplit(self.source.address.partition(":")[2]).netloc
        how = re.sub(" +", " ", re.sub(r"\?[^\s']*", "?…", how))  # a search for many posts is a long address
        if not self.posts:
            return CollectError(f"{site} {how}: check the address and the network, then run it again.")
        return CollectError(
            f"{site} {how}, after {self.posts} posts and {self.intake.tally.new} new "
            "pictures: run it again later, it goes on where it stopped."
        )

    def _full(self) -> CollectError:
        return CollectError(
            f"The disk of {self.files} is full: make room and run it again, it goes on where it stopped."
        )

    def _talk(self, process: subprocess.Popen[bytes]) -> bool:
        """Answer until there is nothing more to ask; False if the other side went away."""
        assert process.stdin is not None
        assert process.stdout is not None
        while message := _read(process.stdout):
            answer = self._answer(message)
            if answer["do"] == "end":
                return True
            with suppress(BrokenPipeError):  # the next reading finds out
                process.stdin.write(json.dumps(answer).encode() + b"\n")
                process.stdin.flush()
            if answer["do"] == "stop":
                return True
        return False

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        match message:
            case {"kind": "hello"}:
                return {"do": "begin", "login": self.source.login}
            case {"kind": "post", "post": {**raw}}:
                return self._about_post(raw)
            case {"kind": "done", "status": int(status)} if self.wanted:
                return self._about_file(self.wanted, status)
            case {"kind": "failed", "post": post, "why": why}:
                self.intake.tally.failed[str(post)] = str(why)
                return {"do": "leave"}
            case {"kind": "end"}:
                return {"do": "end"}
            case _:
                raise CollectError(f"gallery-dl said something unexpected: {str(message)[:200]}.")

    def _about_post(self, raw: dict[str, Any]) -> dict[str, Any]:
        verdict = self.source.judge(raw)
        if self._enough() or verdict.last:
            return {"do": "stop"}
        self.posts += 1
        post = verdict.post
        if self.intake.known(post.site, [post.post]):
            self.intake.tally.known += 1
            return {"do": "leave"}
        if verdict.reason:
            self.intake.reject(post, verdict.reason, verdict.detail)
            return {"do": "leave"}
        self.wanted, self.tries = verdict, 1
        # The MD5 is in the name so that one file's half is never continued with another's
        self.name = re.sub(r"[^0-9A-Za-z-]", "-", f"{post.post}-{verdict.md5 or ''}")[:120]
        self.log.mark()
        about = asdict(post) | {"md5": verdict.md5}
        return {"do": "take", "url": post.file_url, "name": self.name, "about": about}

    def _about_file(self, wanted: Verdict, status: int) -> dict[str, Any]:
        post = wanted.post
        if file := self._whole(self.name):
            self.failures = 0
            self._take(post, wanted.md5, file)
            return {"do": "stop" if self._enough() else "leave"}
        said = self.log.last_error()
        if "No space left" in said:
            raise self._full()
        if "larger than allowed" in said or "File too large" in said:
            self.intake.reject(post, "too large", said)
            self._clear(self.name)
            return {"do": "leave"}
        final = 400 <= status < 500 and status not in (408, 425, 429)
        if not final and self.tries < TRIES:
            self.tries += 1
            return {"do": "again"}
        self.failures += 1  # the missing ones too: perhaps it is the server that lost them all
        if status in GONE:
            self.intake.reject(post, "gone", said)
            self._clear(self.name)
        else:
            self.intake.tally.failed[post.post] = said or "it couldn't be fetched"
        return {"do": "stop" if self.failures >= FAILURES else "leave"}

    def _take(self, post: Post, md5: str | None, file: Path) -> None:
        self.intake.take(post, file, md5=md5)
        self.intake.flush()
        self._clear(file.stem)
        if self.progress:
            self.progress(self.intake.tally.new, self.limit)

    def _take_leftovers(self) -> None:
        """Whole files that an earlier run fetched, and didn't live to take in."""
        for about in sorted(self.files.glob("*.json")):
            file, told = self._whole(about.stem), _told(about)
            if file is None or told is None:  # the picture comes after what is said about it
                about.unlink()
            elif self._enough():
                return
            else:
                self._take(*told, file)

    def _whole(self, name: str) -> Path | None:
        found = (path for path in self.files.glob(f"{name}.*") if path.suffix not in (".part", ".json"))
        return next(found, None)

    def _clear(self, name: str) -> None:
        for path in self.files.glob(f"{name}.*"):
            path.unlink()

    def _enough(self) -> bool:
        return self.limit is not None and self.intake.tally.new >= self.limit


class _Log:
    """What gallery-dl says, in a file: so it is all there before its next question arrives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._start = 0

    def mark(self) -> None:
        """What was said up to now is about something else."""
        self._start = self.path.stat().st_size

    def last_error(self) -> str:
        """The last warning or error since the mark that says why, without the name of who says it."""
        with suppress(OSError), self.path.open("rb") as file:
            file.seek(max(self._start, self.path.stat().st_size - 65536))
            lines = file.read().decode("utf-8", "replace").splitlines()
            said = [line for line in lines if re.match(SAID, line)]
            telling = [line for line in said if "Failed to download" not in line] or said
            if telling:
                why = re.sub(rf"^{SAID}\s*|\s*\(\d+/\d+\)$|Please run g.*", "", telling[-1])
                return clean(why).rstrip(".")
        return ""


def _told(about: Path) -> tuple[Post, str | None] | None:
    """What a file beside a picture says: its post and MD5; None if it was written by half."""
    try:
        told = json.loads(about.read_bytes())["about"]
        md5 = told.pop("md5")
        return Post(**told | {"tags": tuple(told["tags"])}), md5
    except (ValueError, KeyError, TypeError):
        return None


def _agree(archive: Path, intake: Intake, site: str) -> None:
    """gallery-dl's archive forgets what the catalogue doesn't know, or it would never be fetched again."""
    try:
        with closing(sqlite3.connect(archive)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS archive (entry TEXT PRIMARY KEY) WITHOUT ROWID")
            entries = {entry for (entry,) in database.execute("SELECT entry FROM archive")}
            unknown = entries - intake.known(site, entries)
            database.executemany("DELETE FROM archive WHERE entry = ?", [(entry,) for entry in unknown])
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise  # a full disk, or no permission
        archive.unlink()  # damaged: the catalogue knows all that it knew


@contextmanager
def _gallery_dl(source: Source, folder: Path, log: Path) -> Generator[subprocess.Popen[bytes]]:
    """The running process; when the block ends it does too."""
    config = folder / "gallery-dl.json"
    config.write_text(json.dumps(_config(source, folder), indent=2), "utf-8")
    command = [sys.executable, "-P", "-m", "gallery_dl", "--config-ignore", "--config", str(config)]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*command, source.address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for us: the other one ends when we close its input
        ) as process,
    ):
        try:
            yield process
        finally:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _config(source: Source, folder: Path) -> dict[str, Any]:
    """gallery-dl's configuration: complete, because nobody's own is read. No secret is in it."""
    contact = re.sub(r"[^ -~]", "?", source.contact or "a data set of anime faces")  # as headers can carry it
    identity = f"Kaogae/{__version__} (via gallery-dl; {contact})"
    return {
        "extractor": {
            "module-sources": [str(EXTRACTORS)],  # and no others: no other site is ever asked
            "base-directory": str(folder / "files"),
            "directory": [],
            "filename": "{name}.{extension}",
            "path-restrict": "^0-9A-Za-z.-",
            "archive": str(folder / "archive.sqlite3"),
            "archive-prefix": "",
            "archive-format": "{about[post]}",
            "postprocessors": [{"name": "metadata", "event": "file", "filename": "{name}.json"}],
            "sleep-request": source.interval,
            "sleep-429": 60,
            "retries": TRIES,
            "timeout": 30,
            "threshold": 1,  # until a page is empty: sites may give fewer posts than were asked for
            "largest-file": FILE_LIMIT,
            "largest-page": LARGEST_PAGE,
            "longest-answer": LONGEST_ANSWER,
            "input": False,
            # Below the site's name: above, gallery-dl's own for the site would win
            "Danbooru": {"user-agent": identity},
            "getchu": {"user-agent": identity},
        },
        "downloader": {
            "part": True,
            "mtime": False,
            "retries": 0,  # we say when it tries again, so that every request waits for its turn
            "timeout": 30,
            "filesize-max": FILE_LIMIT,
            "progress": None,
            "text": {"enabled": False},
            "ytdl": {"enabled": False},
        },
        "output": {"mode": "null", "log": {"level": "info", "format": "[{name}][{levelname}] {message}"}},
    }


def _read(stream: IO[bytes]) -> dict[str, Any] | None:
    """The next message; None at the end."""
    while line := stream.readline(LONGEST_LINE):
        if not line.endswith(b"\n") and len(line) == LONGEST_LINE:
            raise CollectError("The site says more about one post than Kaogae reads: it was left.")
        with suppress(ValueError):
            message = json.loads(line)
            if isinstance(message, dict):
                return message
    return None
