"""The files below a folder that a stranger may have packed."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from kaogae.errors import CollectError
from kaogae.images import SUFFIXES

MOST_FILES = 500_000
DEEPEST_FOLDER = 40

PICTURES = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
"""Endings of pictures that are read, in lower case."""

NOT_COLLECTED = frozenset({"cache", "saves", "__pycache__", "python-packages"})
"""Folders that programs make for themselves."""


def walk(root: Path, left_out: Counter[str]) -> Iterator[str]:
    """Paths of all files below `root`, sorted within each folder, with "/"; links and hidden ones not.

    Args:
        left_out: counts what isn't followed, by reason.

    Raises:
        CollectError: more than `MOST_FILES` files, or `root` can't be listed.
    """
    waiting = [(root, "", 0)]
    seen = 0
    while waiting:
        folder, prefix, depth = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            if depth == 0:
                raise CollectError(f"{root} can't be listed: {error.strerror or error}.") from error
            left_out["folder: unreadable"] += 1
            continue
        below: list[tuple[Path, str, int]] = []
        for entry in entries:
            seen += 1
            if seen > MOST_FILES:
                raise CollectError(f"{root} holds more than {MOST_FILES:,} files: give a folder inside it.")
            if entry.name.startswith(".") or (entry.name in NOT_COLLECTED and entry.is_dir()):
                continue
            if entry.is_symlink():
                left_out["link"] += 1
            elif entry.is_dir(follow_symlinks=False):
                if depth < DEEPEST_FOLDER:
                    below.append((folder / entry.name, f"{prefix}{entry.name}/", depth + 1))
                else:
                    left_out["folder: nested too deep"] += 1
            elif entry.is_file(follow_symlinks=False):
                yield prefix + entry.name
            else:
                left_out["neither file nor folder"] += 1
        waiting.extend(reversed(below))
