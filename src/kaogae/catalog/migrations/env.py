"""Alembic's entry: `open_catalog` gives it a connection, `alembic revision` makes one of its own."""

from alembic import context
from sqlalchemy import Connection, create_engine

from kaogae.catalog.models import Base


def run(connection: Connection) -> None:
    """Bring the catalogue behind `connection` up to date, inside the transaction that it is in."""
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).begin() as connection:
        run(connection)
