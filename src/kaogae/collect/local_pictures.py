"""Pictures that somebody has already, found by their hash, whatever they are called."""

import hashlib
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path

from kaogae.collect.walk import walk
from kaogae.errors import UsageError
from kaogae.images import FILE_LIMIT


class LocalPictures:
    """The files under a folder. Only those are read whose size is asked for."""

    def __init__(self, folder: Path) -> None:
        """Look through `folder` and the folders in it; links aren't followed.

        Raises:
            UsageError: there is no such folder.
            CollectError: it can't be listed, or holds too many files.
        """
        if not folder.is_dir():
            raise UsageError(f"There is no folder {folder}.")
        self._unread: defaultdict[int, list[Path]] = defaultdict(list)
        self._known: dict[str, Path] = {}
        for name in walk(folder, Counter()):
            path = folder / name
            with suppress(OSError):
                self._unread[path.stat().st_size].append(path)

    def find(self, sha256: str, size: int) -> bytes | None:
        """The content with this hash, of `size` bytes; None if no file has it."""
        for path in self._unread.pop(size, ()):
            content = _read(path)
            self._known.setdefault(hashlib.sha256(content).hexdigest(), path)
        path = self._known.get(sha256)
        content = _read(path) if path else b""
        return content if hashlib.sha256(content).hexdigest() == sha256 else None


def _read(path: Path) -> bytes:
    """The file's content; nothing if it can't be read now."""
    try:
        with path.open("rb") as file:
            return file.read(FILE_LIMIT + 1)
    except OSError:
        return b""
