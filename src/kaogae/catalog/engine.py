"""The database behind the catalogue: how it is reached, prepared, and what its complaints mean."""

import os
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from kaogae.errors import CatalogError, UsageError

BUSY_SECONDS = 30
"""How long a writer waits for another one before it gives up."""

CONNECT_SECONDS = 10
"""How long a server may take to answer."""


def make_engine(url: str | Path) -> Engine:
    """The engine for an SQLite file (its folder is made) or a PostgreSQL server (not asked yet).

    Raises:
        UsageError: the URL isn't one of SQLite or PostgreSQL.
        CatalogError: the file can't be written.
    """
    parsed = _parse(url)
    return _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)


def place(engine: Engine) -> str:
    """The database as a person may see it: without password and options."""
    url = engine.url
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(query={}).render_as_string(hide_password=True)


def _parse(url: str | Path) -> URL:
    if isinstance(url, Path) or "://" not in url:
        return URL.create("sqlite", database=str(Path(url).absolute()))
    kind = url.partition("://")[0].partition("+")[0]
    try:
        if kind in ("postgresql", "postgres"):
            return make_url(url).set(drivername="postgresql+psycopg")
        if kind == "sqlite":
            file = make_url(url).set(drivername="sqlite", query={})
            if file.database and file.database != ":memory:" and not file.database.startswith("file:"):
                return file
    except (ArgumentError, ValueError):  # what it says would show the password
        pass
    shown = f"{kind}://… is" if kind in ("postgresql", "postgres", "sqlite") else f"'{kind}' is"
    raise UsageError(
        f"{shown} no address of a catalogue: give an SQLite file, or postgresql+psycopg://user@host/name"
        " (with special characters of the password as %XX)."
    )


def _postgresql(url: URL) -> Engine:
    own: dict[str, object] = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "kaogae",
        "keepalives_idle": BUSY_SECONDS,  # a server that vanished in the middle of an answer is noticed
        "tcp_user_timeout": BUSY_SECONDS * 1000,
    }
    arguments = {name: value for name, value in own.items() if name not in url.query}
    engine = create_engine(url, pool_pre_ping=True, connect_args=arguments)
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"set lock_timeout = '{BUSY_SECONDS}s'")
        cursor.execute("set tcp_keepalives_idle = 60")  # a machine that vanished gives back its locks soon
    connection.commit()


def _sqlite(url: URL) -> Engine:
    file = Path(str(url.database))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(file if file.exists() else file.parent, os.W_OK):
            raise PermissionError(13, "it is read-only")
    except OSError as error:
        raise CatalogError(
            f"The catalogue {file} can't be used ({error.strerror}): make it and its folder writable,"
            " or give another --workspace."
        ) from error
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy begins transactions, not Python's driver
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    for pragma in ("synchronous=FULL", "cache_size=-65536"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """SQLite doesn't wait here when several processes meet a fresh file, so this does."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    """Two writers that both began by reading could not go on: take the write lock first, and wait for it.

    Readers (execution option `reading`) take none and can't write. While a migration copies a table
    (`migrating`), references to it would stand in the way.
    """
    options = connection.get_execution_options()
    reading, migrating = bool(options.get("reading")), bool(options.get("migrating"))
    connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reading else 'OFF'}")
    connection.exec_driver_sql(f"PRAGMA foreign_keys={'OFF' if migrating else 'ON'}")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def sentences(engine: Engine) -> Generator[None]:
    """What the database complains of becomes a sentence.

    Raises:
        CatalogError: instead of SQLAlchemy's errors.
    """
    try:
        yield
    except DBAPIError as error:
        raise CatalogError(_sentence(place(engine), error)) from error


def _sentence(where: str, error: DBAPIError) -> str:
    if isinstance(error.orig, sqlite3.Error):
        name = getattr(error.orig, "sqlite_errorname", "")
        for start, sentence in SQLITE_SAYS.items():
            if name.startswith(start):
                return sentence.format(where=where)
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()] or ["no reason given"]
    why = lines[0] if not lines[0].endswith(":") else " ".join(lines[:2])
    return f"The catalogue {where} can't be used: {why.rstrip('.')}."


SQLITE_SAYS = {
    "SQLITE_FULL": "The disk of the catalogue {where} is full: free some space and run this again; "
    "what was finished is kept.",
    "SQLITE_BUSY": f"Another program has been writing to the catalogue {{where}} for {BUSY_SECONDS} s: "
    "wait for it, then run this again.",
    "SQLITE_READONLY": "The catalogue {where} is read-only: make it and its folder writable.",
    "SQLITE_CANTOPEN": "The catalogue {where} can't be opened: make it and its folder readable and writable.",
    "SQLITE_NOTADB": "{where} isn't a catalogue: move that file away, or give another one.",
    "SQLITE_CORRUPT": "The catalogue {where} is damaged: put a copy of it in its place.",
    "SQLITE_IOERR": "The disk of the catalogue {where} fails or is full: check it, then run this again.",
}
"""The beginning of SQLite's name for an error: what to tell a person."""
