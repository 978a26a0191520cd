"""Files that are whole or not there: written beside their place, then renamed."""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from kaogae.errors import KaogaeError


def write_whole(data: bytes, path: Path, error: type[KaogaeError], *, alone: str | None = None) -> None:
    """Write `data` so that `path` is at every moment as before or complete, even if the power fails.

    Its folder is made if it isn't there. Several processes may write the same file at once: one wins.

    Args:
        alone: the stage of which there is only one run at a time. What a kill leaves of its file is then
            written over by the next one.

    Raises:
        error: the disk is full, the folder may not be written, the name is too long.
    """
    with beside(path, error, f"{path.name}.{alone}" if alone else None) as draft:
        with draft.open("wb" if alone else "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # or the name could reach the disk before the content
        draft.replace(path)


@contextmanager
def beside(path: Path, error: type[KaogaeError], name: str | None = None) -> Generator[Path]:
    """A name for a file of our own beside `path`; whatever has it at the end of the block is removed.

    Args:
        name: what is in the name; None: something that no other has.

    Raises:
        error: in place of an OSError, saying that `path` can't be written.
    """
    draft = path.with_name(f".{name or secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
    except OSError as reason:
        raise error(f"{path} can't be written: {reason.strerror or reason}.") from reason
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
