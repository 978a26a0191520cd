"""Rows that strangers wrote: a .csv file whose first line names the columns, or one JSON object per line."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kaogae.dataset.manifest import json_object
from kaogae.dataset.paths import read_lines
from kaogae.errors import ManifestError

Row = Mapping[str, Any]


def read_rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, Row | str]]:
    """The rows with the numbers of their lines; for a line that holds none, why.

    Args:
        path: a file that ends in .csv; any other holds JSON lines.
        needed: columns without which no row of a .csv file can be used.

    Raises:
        ManifestError: the file can't be read, is too large, or lacks a column.
    """
    return _csv(path, needed) if path.suffix.lower() == ".csv" else _jsonl(path)


def _jsonl(path: Path) -> Iterator[tuple[int, Row | str]]:
    for number, line in read_lines(path):
        if line.strip():
            try:
                yield number, json_object(line, "")
            except ManifestError:
                yield number, "this is no JSON object"


def _csv(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, Row | str]]:
    reader = csv.DictReader(line + "\n" for _, line in read_lines(path))
    try:
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise ManifestError(f"{path} has no column {missing[0]}: every row needs {', '.join(needed)}.")
        for row in reader:
            yield reader.line_num, {name: text for name, text in row.items() if isinstance(text, str)}
    except csv.Error as error:
        raise ManifestError(f"{path}, line {reader.line_num}: {error}.") from error
