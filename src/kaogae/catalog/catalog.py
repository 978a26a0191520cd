"""Opening the catalogue: SQLite in the workspace, or PostgreSQL by URL."""

import contextlib
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from kaogae.catalog.engine import make_engine, place, sentences
from kaogae.catalog.migrating import bring_up_to_date
from kaogae.errors import CatalogError


class Catalog:
    """The catalogue behind one database. Open it with `open_catalog`."""

    def __init__(self, engine: Engine) -> None:
        """`engine`: as `make_engine` prepares it."""
        self.engine = engine

    @property
    def place(self) -> str:
        """The database, as a person may see it: without the password."""
        return place(self.engine)

    @contextmanager
    def session(self) -> Generator[Session]:
        """One transaction: committed at the end of the block, rolled back if it raises.

        Writers of one SQLite catalogue come one after another, from their first statement on.

        Raises:
            CatalogError: the database refuses: full disk, read-only, locked too long, connection lost.
        """
        with (
            sentences(self.engine),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def reading(self) -> Generator[Session]:
        """A view of one moment: waits for no writer, can't change anything. Errors as in `session`."""
        options = (
            {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            if self.engine.dialect.name == "postgresql"
            else {"reading": True}
        )
        with (
            sentences(self.engine),
            self.engine.connect().execution_options(**options) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session

    @contextmanager
    def alone(self, stage: str) -> Generator[None]:
        """Nobody else runs `stage` on this catalogue during the block, on whatever machine.

        A run that is killed gives the stage free.

        Raises:
            CatalogError: another run of the stage is at work.
        """
        lock = self._server_lock if self.engine.dialect.name == "postgresql" else self._file_lock
        with lock(stage) as mine:
            if not mine:
                raise CatalogError(
                    f"Another run of '{stage}' is at work on {self.place}: wait for it, or stop it first."
                )
            yield

    @contextmanager
    def _server_lock(self, stage: str) -> Generator[bool]:
        """Held by a connection of its own; no transaction stays open meanwhile."""
        with sentences(self.engine):
            connection = self.engine.connect()
        try:
            with sentences(self.engine):
                mine = bool(_advisory(connection, "try_advisory_lock", stage))
            yield mine
            if mine:
                with contextlib.suppress(DBAPIError):  # the connection is lost, and the lock with it
                    _advisory(connection, "advisory_unlock", stage)
        finally:
            connection.invalidate()  # never back to the pool: if the lock is still held, closing frees it
            connection.close()

    @contextmanager
    def _file_lock(self, stage: str) -> Generator[bool]:
        file = Path(str(self.engine.url.database))
        lock = FileLock(file.with_name(f".{file.name}.{re.sub('[^A-Za-z0-9]+', '-', stage)}.lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        except OSError as error:
            raise CatalogError(
                f"The folder {file.parent} must be writable, for the lock of '{stage}': {error.strerror}."
            ) from error
        try:
            yield True
        finally:
            lock.release()

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def _advisory(connection: Connection, function: str, stage: str) -> object:
    result = connection.scalar(text(f"select pg_{function}(hashtext('kaogae'), hashtext(:s))"), {"s": stage})
    connection.commit()
    return result


def open_catalog(url: str | Path) -> Catalog:
    """Open a catalogue; create it if it doesn't exist, bring it up to date if it is older.

    Args:
        url: the file of an SQLite database, or an URL such as postgresql+psycopg://user@host/name.

    Raises:
        CatalogError: there is no server, the file isn't a catalogue, or it belongs to a newer version.
        UsageError: the URL isn't one of SQLite or PostgreSQL.
    """
    engine = make_engine(url)
    try:
        bring_up_to_date(engine)
    except BaseException:
        engine.dispose()
        raise
    return Catalog(engine)
