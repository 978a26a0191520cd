"""Files that are whole or not there: written beside their place, then renamed."""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from kaogae.errors import KaogaeError


def write_whole(data: bytes, path: Path, error: type[KaogaeError]) -> None:
    """Write `data` so that `path` is at every moment as before or complete, even if the power fails.

    Its folder is made if it isn't there. Several processes may write the same file at once: one wins.

    Raises:
        error: the disk is full, the folder may not be written, the name is too long.
    """
    with beside(path, error) as draft:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # or the name could reach the disk before the content
        draft.replace(path)


@contextmanager
def beside(path: Path, error: type[KaogaeError]) -> Generator[Path]:
    """A name for a file of our own beside `path`; whatever has it at the end of the block is removed.

    Raises:
        error: in place of an OSError, saying that `path` can't be written.
    """
    draft = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
    except OSError as reason:
        raise error(f"{path} can't be written: {reason.strerror or reason}.") from reason
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
