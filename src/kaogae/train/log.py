"""What a run writes down line by line. A kill leaves half a line at most, and only at the end."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from kaogae.errors import ModelError

LARGEST = 1 << 29
"""Bytes; 250,000 iterations, each with a row, need a fifth of it."""
MOST = 1e30
"""No loss is larger."""

Row = dict[str, float]
"""Of losses.jsonl: "iteration", and what was measured there."""


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Write one line in one piece.

    Raises:
        ModelError: it can't be written.
    """
    try:
        with path.open("ab") as file:  # buffered: a full disk may take half a line, and only says so then
            file.write(f"{json.dumps(row)}\n".encode())
    except OSError as error:
        raise ModelError(f"{path} can't be written: {error.strerror or error}.") from error


def read_losses(path: Path) -> list[Row]:
    """The rows at `path`, without half a line at the end.

    Raises:
        ModelError: no file, or not rows of losses.
    """
    return [row for row, _ in _rows(path)]


def forget_after(path: Path, iteration: int) -> None:
    """Drop the rows after `iteration`, which a run that goes on from there writes again.

    Raises:
        ModelError: damaged before.
    """
    if path.is_file():
        end = 0
        for row, after in _rows(path):
            if row["iteration"] > iteration:
                break
            end = after
        _cut(path, end)


def mend(path: Path) -> None:
    """Drop half a line at the end."""
    if path.is_file():
        _cut(path, _read(path).rfind(b"\n") + 1)


def _cut(path: Path, size: int) -> None:
    try:
        with path.open("r+b") as file:
            file.truncate(size)
    except OSError as error:
        raise ModelError(f"{path} can't be written: {error.strerror or error}.") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror or error}.") from error
    if len(data) > LARGEST:
        raise ModelError(f"{path} is larger than any run makes it: this isn't the log of a run.")
    return data


def _rows(path: Path) -> Iterator[tuple[Row, int]]:
    """Each row, and where in the file the next one begins."""
    end = 0
    for number, line in enumerate(_read(path).splitlines(keepends=True), 1):
        if not line.endswith(b"\n"):
            break
        end += len(line)
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not _is_row(row):
            raise ModelError(f"Line {number} of {path} isn't a row of losses: remove that line.")
        yield cast("Row", row), end


def _is_row(row: object) -> bool:
    if not isinstance(row, dict) or type(cast("Row", row).get("iteration")) is not int:
        return False
    values = cast("Row", row).values()
    return all(type(value) in (int, float) and abs(value) < MOST for value in values)
