"""How a model card says things: strangers' words in code spans, and what isn't known as such."""

import re
import shlex
from math import isfinite
from pathlib import PurePath
from typing import Any, cast

NOT_RECORDED = "not recorded"
LETTERS = 300
"""Most letters of a name."""


def code(text: object) -> str:
    """`text` as a code span that fits into a table: nothing in it is Markdown or HTML."""
    letters = "".join(one if one.isprintable() else "�" for one in str(text)).strip()
    if len(letters) > LETTERS:
        letters = letters[: LETTERS - 1] + "…"
    if not letters:
        return "(nothing)"
    fence = "`" * (max((len(run) for run in re.findall("`+", letters)), default=0) + 1)
    gap = " " if letters[0] == "`" or letters[-1] == "`" else ""
    return f"{fence}{gap}{letters.replace('|', chr(92) + '|')}{gap}{fence}"


def table(value: object) -> dict[str, Any]:
    """A JSON object, or an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def measured(value: object) -> str:
    """A number."""
    return f"{value:g}" if isinstance(value, int | float) and isfinite(value) else NOT_RECORDED


def count(value: object) -> str:
    """A whole number."""
    return f"{value:,}" if type(value) is int else NOT_RECORDED


def hash_of(value: object) -> str:
    """A hash."""
    whole = isinstance(value, str) and re.fullmatch("[0-9a-f]{16,128}", value)
    return code(value) if whole else NOT_RECORDED


def duration(seconds: float | None) -> str:
    """In hours and minutes."""
    if seconds is None:
        return NOT_RECORDED
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"


def command(text: object) -> str:
    """The command, but of each path only its end: where somebody keeps their files is nobody's business."""
    if not isinstance(text, str) or not text.strip():
        return NOT_RECORDED
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    return code(" ".join(shlex.quote(_end(word)) for word in words))


def _end(word: str) -> str:
    key, sign, value = word.partition("=") if word.startswith("-") else ("", "", word)
    absolute = value.startswith(("/", "~", "\\")) or re.match(r"[A-Za-z]:[\\/]", value)
    return key + sign + (PurePath(value.replace("\\", "/")).name if absolute else value)
