"""Bringing a catalogue up to date: Alembic's migrations, in one transaction."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from kaogae.catalog.engine import place, sentences
from kaogae.errors import CatalogError

MIGRATIONS = Path(__file__).parent / "migrations"


def bring_up_to_date(engine: Engine) -> None:
    """Create the tables in an empty database, change them in an older one; all of it or nothing.

    Raises:
        CatalogError: the catalogue belongs to a newer version, or the database to another program.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    with sentences(engine):
        with engine.connect().execution_options(reading=True) as connection:
            if _revision(connection, script) == script.get_current_head():
                return
        with engine.connect().execution_options(migrating=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":  # two that open a new catalogue at once
                connection.execute(text("select pg_advisory_xact_lock(hashtext('kaogae migration'))"))
            _revision(connection, script)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _revision(connection: Connection, script: ScriptDirectory) -> str | None:
    current = MigrationContext.configure(connection).get_current_revision()
    where = place(connection.engine)
    if current is None and set(inspect(connection).get_table_names()) - {"alembic_version"}:
        raise CatalogError(
            f"The database {where} holds another program's tables: give Kaogae one of its own."
        )
    if current is not None and current not in {one.revision for one in script.walk_revisions()}:
        raise CatalogError(
            f"The catalogue {where} was made by a newer Kaogae (revision {current}): update Kaogae."
        )
    return current
