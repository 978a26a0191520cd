"""Opening the catalogue: SQLite in the workspace, or PostgreSQL by URL."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session

from kaogae.errors import CatalogError, UsageError

BUSY_SECONDS = 30
"""How long a writer waits for another one before it gives up."""

MIGRATIONS = Path(__file__).parent / "migrations"


class Catalog:
    """The catalogue behind one database. Open it with `open_catalog`."""

    def __init__(self, engine: Engine, locks: Path) -> None:
        """`locks`: where the files lie that keep two runs of one stage apart."""
        self.engine = engine
        self._locks = locks

    @property
    def place(self) -> str:
        """The database, as a person may see it: without the password."""
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def session(self) -> Generator[Session]:
        """One transaction: committed at the end of the block, rolled back if it raises.

        Raises:
            CatalogError: the database refuses: full disk, read-only, locked too long, connection lost.
        """
        with (
            _sentences(self.engine),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def reading(self) -> Generator[Session]:
        """A consistent view that waits for no writer and changes nothing; errors as in `session`."""
        with (
            _sentences(self.engine),
            self.engine.connect().execution_options(reading=True) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session

    @contextmanager
    def alone(self, stage: str) -> Generator[None]:
        """Nobody else runs `stage` on this catalogue during the block.

        Raises:
            CatalogError: another run of the stage is at work.
        """
        busy = CatalogError(
            f"Another run of '{stage}' is at work on {self.place}: wait for it, or stop it first."
        )
        if self.engine.dialect.name == "postgresql":
            with _sentences(self.engine), self.engine.connect() as connection:
                mine = connection.scalar(text("select pg_try_advisory_lock(hashtext(:s))"), {"s": stage})
                connection.commit()  # the lock belongs to the connection: no transaction needs to stay open
                if not mine:
                    raise busy
                try:
                    yield
                finally:
                    connection.detach()  # closed at the end, not given back: the server then frees the lock
            return
        try:
            with FileLock(self._locks / f".{stage}.lock", timeout=0):
                yield
        except Timeout as error:
            raise busy from error

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


@contextmanager
def _sentences(engine: Engine) -> Generator[None]:
    """What the database says becomes a sentence."""
    try:
        yield
    except DBAPIError as error:
        place = engine.url.render_as_string(hide_password=True)
        why = str(error.orig).strip().split("\n", 1)[0]
        raise CatalogError(f"The catalogue {place} can't be used: {why}.") from error


def open_catalog(url: str | Path) -> Catalog:
    """Open a catalogue; create it if it doesn't exist, bring it up to date if it is older.

    Args:
        url: the file of an SQLite database, or an URL such as postgresql+psycopg://user@host/name.

    Raises:
        CatalogError: there is no server, the file isn't a catalogue, or it belongs to a newer version.
        UsageError: the URL isn't one of SQLite or PostgreSQL.
    """
    engine, locks = _engine(url)
    catalog = Catalog(engine, locks)
    try:
        _migrate(catalog)
    except BaseException:
        catalog.close()
        raise
    return catalog


def _engine(url: str | Path) -> tuple[Engine, Path]:
    text_url = f"sqlite:///{url}" if isinstance(url, Path) else url
    try:
        parsed = make_url(text_url)
        kind = parsed.get_backend_name()
        if kind == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
            return create_engine(parsed, pool_pre_ping=True), Path()
        if kind != "sqlite" or not parsed.database:
            raise ArgumentError
    except (ArgumentError, NoSuchModuleError) as error:
        raise UsageError(
            f"'{text_url}' isn't a catalogue: give an SQLite file, or postgresql+psycopg://user@host/name."
        ) from error
    file = Path(parsed.database)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = not file.exists()
        if not new and not os.access(file, os.W_OK):
            raise PermissionError(13, "it is read-only")
    except OSError as error:
        raise CatalogError(f"The catalogue {file} can't be used: {error.strerror}.") from error
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_at_once)
    return engine, file.parent


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy begins transactions, not Python's driver
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL", "cache_size=-65536"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_at_once(connection: Connection) -> None:
    """Two writers that both began by reading could not go on: take the write lock first, and wait for it.

    Reading alone doesn't need it: see `Catalog.reading`.
    """
    immediate = not connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _migrate(catalog: Catalog) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    known = {revision.revision for revision in script.walk_revisions()}
    with _sentences(catalog.engine):
        with catalog.engine.connect().execution_options(reading=True) as connection:
            if _revision(connection, catalog, known) == script.get_current_head():
                return
        with catalog.engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # two that open a new catalogue at once
                connection.execute(text("select pg_advisory_xact_lock(hashtext('kaogae migration'))"))
            _revision(connection, catalog, known)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _revision(connection: Connection, catalog: Catalog, known: set[str]) -> str | None:
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise CatalogError(
            f"The catalogue {catalog.place} was made by a newer Kaogae (revision {current}): update Kaogae."
        )
    return current
