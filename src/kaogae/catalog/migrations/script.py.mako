"""${message}."""

from alembic import op
import sqlalchemy as sa

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Older to newer."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Newer to older."""
    ${downgrades if downgrades else "pass"}
