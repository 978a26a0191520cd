"""The file of a shared manifest: plain or gzip, checked from end to end before anything is done with it."""

import gzip
import hashlib
import stat
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from kaogae.collect.shared import Row, SharedPicture, from_line, parse
from kaogae.errors import ManifestError

FORMAT = "kaogae-share"
VERSION = 1

LINE_BYTES = 8 * 2**20
"""Longest line that is read."""

PICTURES_MOST = 5_000_000
"""Most pictures of one manifest."""

BYTES_MOST = 16 * 2**30
"""Most bytes of a manifest after unpacking."""

_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Share:
    """A manifest that was read to its end and holds together. `pictures` reads it again, line by line."""

    path: Path
    hash: str
    """SHA-256 of all lines after the first."""
    pictures_count: int
    faces_count: int
    header: Row

    def pictures(self) -> Iterator[SharedPicture]:
        """The pictures in the manifest's order; errors as in `open_share`."""
        for number, line in enumerate(_lines(self.path), 1):
            if number > 1:
                yield from_line(line, f"{self.path}, line {number}")


def open_share(path: Path) -> Share:
    """Read a manifest from end to end, keeping one line at a time.

    Raises:
        ManifestError: it isn't one, is damaged, changed, cut off, too large, or from a newer version.
    """
    lines = _lines(path)
    first = next(lines, b"")
    header = _header(first, path)
    digest, last, pictures, faces = hashlib.sha256(), ("", ""), 0, 0
    for number, line in enumerate(lines, 2):
        where = f"{path}, line {number}"
        picture = from_line(line, where)
        if (picture.site, picture.post) <= last:
            raise ManifestError(f"{where}: the picture is out of order, or comes twice.")
        last = picture.site, picture.post
        digest.update(line)
        pictures, faces = pictures + 1, faces + len(picture.faces)
    if digest.hexdigest() != header.get("hash"):
        raise ManifestError(f"{path} was changed or cut off after it was written: get it again.")
    return Share(path, digest.hexdigest(), pictures, faces, header)


def is_share(path: Path) -> bool:
    """Whether the file begins as a shared manifest does, whatever follows."""
    try:
        return parse(next(_lines(path), b""), str(path)).get("format") == FORMAT
    except ManifestError:
        return False


def _header(line: bytes, path: Path) -> Row:
    foreign = ManifestError(f"{path} isn't a shared manifest: `kaogae dataset share` writes them.")
    try:
        header = parse(line, str(path))
    except ManifestError as error:
        raise foreign from error
    version = header.get("version")
    if header.get("format") != FORMAT or not isinstance(version, int):
        raise foreign
    if version != VERSION:
        raise ManifestError(
            f"{path} is of version {version}, and this Kaogae reads shared manifests of version {VERSION}: "
            "update Kaogae."
        )
    return header


def _lines(path: Path) -> Iterator[bytes]:
    """The lines with their ends, none longer than `LINE_BYTES`, in all at most `BYTES_MOST`."""
    total = 0
    with _opened(path) as file:
        for number in range(1, PICTURES_MOST + 3):
            line = file.readline(LINE_BYTES + 1)
            total += len(line)
            if len(line) > LINE_BYTES or total > BYTES_MOST:
                raise ManifestError(f"{path}, line {number}: it is longer than any manifest that is read.")
            if not line:
                return
            yield line
    raise ManifestError(f"{path} has more than {PICTURES_MOST:,} pictures.")


@contextmanager
def _opened(path: Path) -> Generator[BinaryIO]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would block, a device never end
            raise ManifestError(f"{path} isn't a file.")
        with path.open("rb") as file:
            packed = file.read(2) == _MAGIC
            file.seek(0)
            yield cast("BinaryIO", gzip.GzipFile(fileobj=file)) if packed else file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ManifestError(f"{path} is damaged gzip ({error}): get it again.") from error
    except OSError as error:
        raise ManifestError(f"{path} can't be read: {error.strerror or error}.") from error
    except ValueError as error:  # a name with a null character
        raise ManifestError(f"{path} can't be read: {error}.") from error
