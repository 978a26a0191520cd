"""What SQLite and PostgreSQL would keep differently is made the same here, on its way in."""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, String
from sqlalchemy.dialects.postgresql import JSONB, VARCHAR
from sqlalchemy.types import TypeDecorator

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL refuses NUL, and no database half a surrogate pair: foreign file names hold both."""


def storable(text: str, limit: int | None = None) -> str:
    r"""`text` as the catalogue keeps it, the same for the same text always.

    NUL and lone surrogates become visible escapes (`\x00`, `\udce9`). A text of more than `limit` bytes in
    UTF-8 is cut and ends in its hash: an index has no room for more, and two long texts must stay two.
    """
    clean = UNSTORABLE.sub(_escape, str(text))  # a StrEnum becomes its value
    raw = clean.encode()
    if limit is None or len(raw) <= limit:
        return clean
    digest = hashlib.sha256(raw).hexdigest()[: min(16, limit - 1)]
    return raw[: limit - len(digest) - 1].decode(errors="ignore") + "~" + digest


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code else "\\x00"


class Text(TypeDecorator[str]):
    """Text as `storable` makes it, in what is written and in what is asked for."""

    impl = String
    cache_ok = True

    def __init__(self, limit: int | None = None) -> None:
        """`limit`: bytes in UTF-8, for columns with an index; None for none."""
        super().__init__()
        self.limit = limit

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """With a limit it is ordered by code point, as in SQLite, whatever the server's language is."""
        if dialect.name == "postgresql" and self.limit is not None:
            return dialect.type_descriptor(VARCHAR(collation="C"))
        return dialect.type_descriptor(String())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """On its way in."""
        return value if value is None else storable(value, self.limit)


class Json(TypeDecorator[Any]):
    """JSON whose texts are `storable`; JSONB in PostgreSQL."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """The database's own type."""
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else JSON())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """On its way in."""
        return _storable_json(value)


def _storable_json(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} has no place in JSON")  # SQLite would keep it, PostgreSQL not
    if isinstance(value, Mapping):
        return {storable(str(key)): _storable_json(part) for key, part in value.items()}
    if isinstance(value, Sequence):
        return [_storable_json(part) for part in value]
    return value


class Moment(TypeDecorator[datetime]):
    """A time with its zone, kept and given back as UTC: SQLite forgets zones, PostgreSQL has its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """On its way in."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """On its way out."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def now() -> datetime:
    """The present moment, UTC."""
    return datetime.now(UTC)
