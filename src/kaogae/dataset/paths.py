"""Names and paths that come from outside are never trusted: they stay inside their folder or are refused."""

import hashlib
import re
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from kaogae.errors import ManifestError, PictureError, UsageError
from kaogae.images import locate

MANIFEST_BYTES = 2 * 2**30
"""Largest manifest that is read line by line: a million faces with everything about them."""

LINE_BYTES = 2**20
"""Longest line of it."""

TEXT_BYTES = 512 * 2**20
"""Largest text that is read as a whole."""

PICTURE_BYTES = 64 * 2**20
"""Largest picture file that is read."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(name: str, what: str = "set") -> str:
    """`name` if it can be a folder's name on every system.

    Args:
        what: what would be called so, for the message.

    Raises:
        UsageError: it is empty, too long, or has other characters than letters, digits, '.', '_' and '-'.
    """
    if not _PLAIN_NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' can't be the name of a {what}: use letters, digits, '.', '_' and '-', at most 100."
        )
    return name


def inside(folder: Path, name: str, where: str) -> Path:
    """The file that a manifest in `folder` calls `name`.

    Args:
        where: the manifest's line, for the message.

    Raises:
        ManifestError: the path is absolute, leads outside `folder` (links included), or no file is there.
    """
    try:
        return locate(folder, name)
    except PictureError as error:
        raise ManifestError(f"{where}: {error}") from error


def read_bytes(path: Path, most: int) -> bytes:
    """The file's content.

    Raises:
        ManifestError: it can't be read or has more than `most` bytes.
    """
    try:
        _check(path, most)
        return path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path} can't be read: {error.strerror or error}.") from error


def read_text(path: Path) -> str:
    """A manifest's text.

    Raises:
        ManifestError: it can't be read, is too large or isn't UTF-8.
    """
    try:
        return read_bytes(path, TEXT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path} isn't UTF-8 text.") from error


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """A manifest's lines with their numbers from 1, without their ends; the whole text is never in memory.

    Raises:
        ManifestError: it can't be read, it or a line is too large, or it isn't UTF-8.
    """
    try:
        _check(path, MANIFEST_BYTES)
        with path.open("rb") as file:
            for number, line in enumerate(iter(partial(file.readline, LINE_BYTES + 1), b""), 1):
                if len(line) > LINE_BYTES:
                    raise ManifestError(f"{path}, line {number} has more than {LINE_BYTES:,} bytes.")
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path} isn't UTF-8 text.") from error
    except OSError as error:
        raise ManifestError(f"{path} can't be read: {error.strerror or error}.") from error


def _check(path: Path, most: int) -> None:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe would block, a device never end
        raise ManifestError(f"{path} isn't a file.")
    if status.st_size > most:
        raise ManifestError(f"{path} has {status.st_size:,} bytes; more than {most:,} are not read.")


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file of any size; ManifestError if it can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ManifestError(f"{path} can't be read: {error.strerror or error}.") from error


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of `content`."""
    return hashlib.sha256(content).hexdigest()
