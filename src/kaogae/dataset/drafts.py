"""Folders that are whole or not there: written beside their place, locked meanwhile, renamed at the end."""

import os
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kaogae.errors import ManifestError, UsageError

_DRAFT, _LOCK = ".draft", ".lock"


@contextmanager
def drafting(target: Path, what: str) -> Generator[Path]:
    """A folder to fill; it becomes `target` at the end of the block, or vanishes if the block raises.

    What a killed process left beside `target` is removed first: its lock is free, because locks end with
    their process.

    Args:
        what: how messages call it: "The set 'first'".

    Raises:
        UsageError: `target` exists, at the start or at the end, or somebody else is making it now.
        ManifestError: the place can't be written.
    """
    try:
        with _drafting(target, what) as draft:
            yield draft
    except OSError as error:
        raise ManifestError(f"{what} can't be written: {error.strerror or error}.") from error


@contextmanager
def _drafting(target: Path, what: str) -> Generator[Path]:
    if target.exists() or target.is_symlink():
        raise UsageError(f"{what} exists already: choose another name.")
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target.parent)
    draft = target.with_name(f".{target.name}{_DRAFT}")
    with _locked(draft.with_suffix(_LOCK)) as mine:
        if not mine:
            raise UsageError(f"{what} is being made by another process: wait for it, or choose another name.")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            yield draft
            if target.exists():  # on some systems renaming would replace an empty folder
                raise UsageError(f"{what} exists already: choose another name.")
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    for draft in folder.glob(f".*{_DRAFT}"):
        with suppress(OSError), _locked(draft.with_suffix(_LOCK)) as mine:
            if mine:
                shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Generator[bool]:
    """Whether nobody else has `path` locked; if so, it is ours during the block and removed after it."""
    file = _open_locked(path)
    if file is None:
        yield False
        return
    try:
        yield True
    finally:
        if os.name == "posix":  # before it is unlocked; elsewhere an open file can't be removed
            path.unlink(missing_ok=True)
        file.close()
        if os.name != "posix":
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _open_locked(path: Path) -> BinaryIO | None:
    """The file, locked; None if somebody else has it locked."""
    while True:
        file = path.open("ab")
        if not _lock(file):
            file.close()
            return None
        # Whoever had it may have removed it between our opening and our locking: then nobody finds ours
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()


def _lock(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
