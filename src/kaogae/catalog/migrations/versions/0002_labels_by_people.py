"""Labels by people: what a campaign asks about, who works on what, who may see it, who is signed in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.String().with_variant(postgresql.VARCHAR(collation="C"), "postgresql")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.DateTime(timezone=True)

STATISTICS = [
    ("item", "uq_item_campaign_id_number", "100000 5000 1"),
    ("item", "ix_item_state", "100000 5000 1000 1"),
    ("vote", "ix_vote_campaign_id_item_id", "300000 15000 3"),
    ("vote", "ix_vote_annotator_id", "300000 10000"),
    ("vote", "ix_vote_face_id", "300000 3"),
    ("assignment", "sqlite_autoindex_assignment_1", "300000 3 1"),
    ("assignment", "ix_assignment_campaign_id_annotator_id", "300000 15000 1500"),
    ("assignment", "ix_assignment_without_verdict", "3000 500 50"),
    ("contribution", "sqlite_autoindex_contribution_1", "1000 50 1"),
    ("contribution", "ix_contribution_annotator_id", "1000 20"),
]
"""As in the first migration: rows of a full catalogue, then rows per value of the first columns."""


def upgrade() -> None:
    """Older to newer."""
    op.add_column("campaign", sa.Column("closed_at", MOMENT, nullable=True))
    with op.batch_alter_table("annotator") as annotator:
        annotator.add_column(sa.Column("everywhere", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("annotator") as annotator:
        annotator.alter_column("everywhere", server_default=None)
    with op.batch_alter_table("campaign") as campaign:
        campaign.add_column(sa.Column("settled", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("campaign") as campaign:
        campaign.alter_column("settled", server_default=None)
    op.create_table(
        "item",
        sa.Column("id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("face_id", ID, nullable=True),
        sa.Column("file", sa.String(), nullable=True),
        sa.Column("sha256", KEY, nullable=False),
        sa.Column("label", KEY, nullable=True),
        sa.Column("about", JSON, nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("verdict", KEY, nullable=True),
        sa.Column("review_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_item_campaign_id")),
        sa.ForeignKeyConstraint(["face_id"], ["face.id"], name=op.f("fk_item_face_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
    )
    op.create_index("uq_item_campaign_id_number", "item", ["campaign_id", "number"], unique=True)
    op.create_index("ix_item_state", "item", ["campaign_id", "state", "id"])
    op.create_index(op.f("ix_item_face_id"), "item", ["face_id"])

    op.create_table(
        "membership",
        sa.Column("annotator_id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["annotator_id"], ["annotator.id"], name=op.f("fk_membership_annotator_id")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_membership_campaign_id")),
        sa.PrimaryKeyConstraint("annotator_id", "campaign_id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_campaign_id"), "membership", ["campaign_id"])

    op.create_table(
        "sign_in",
        sa.Column("token_hash", KEY, nullable=False),
        sa.Column("annotator_id", ID, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["annotator_id"], ["annotator.id"], name=op.f("fk_sign_in_annotator_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in")),
    )
    op.create_index(op.f("ix_sign_in_annotator_id"), "sign_in", ["annotator_id"])

    op.create_table(
        "assignment",
        sa.Column("item_id", ID, nullable=False),
        sa.Column("annotator_id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.Column("vote_id", sa.Uuid(), nullable=True),
        sa.Column("verdict", KEY, nullable=True),
        sa.Column("cast_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["annotator_id"], ["annotator.id"], name=op.f("fk_assignment_annotator_id")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_assignment_campaign_id")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_assignment_item_id")),
        sa.PrimaryKeyConstraint("item_id", "annotator_id", name=op.f("pk_assignment")),
    )
    op.create_index("ix_assignment_campaign_id_annotator_id", "assignment", ["campaign_id", "annotator_id"])

    op.create_index(
        "ix_assignment_without_verdict",
        "assignment",
        ["campaign_id", "annotator_id"],
        sqlite_where=sa.text("verdict is null"),
        postgresql_where=sa.text("verdict is null"),
    )

    op.create_table(
        "contribution",
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("annotator_id", ID, nullable=False),
        sa.Column("verdicts", sa.Integer(), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotator_id"], ["annotator.id"], name=op.f("fk_contribution_annotator_id")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_contribution_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "annotator_id", name=op.f("pk_contribution")),
    )
    op.create_index(op.f("ix_contribution_annotator_id"), "contribution", ["annotator_id"])

    op.drop_index("ix_vote_item", "vote")
    with op.batch_alter_table("vote") as vote:
        vote.drop_column("transfer")
        vote.add_column(sa.Column("item_id", ID, nullable=True))
        vote.add_column(sa.Column("review", sa.Boolean(), nullable=False, server_default=sa.false()))
        vote.create_foreign_key(op.f("fk_vote_item_id"), "item", ["item_id"], ["id"])
    with op.batch_alter_table("vote") as vote:
        vote.alter_column("review", server_default=None)
    op.create_index("ix_vote_campaign_id_item_id", "vote", ["campaign_id", "item_id"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute("delete from sqlite_stat1 where tbl = 'vote'")
        for table, index, numbers in STATISTICS:
            op.execute(f"insert into sqlite_stat1 values ('{table}', '{index}', '{numbers}')")


def downgrade() -> None:
    """Newer to older."""
    op.drop_index("ix_vote_campaign_id_item_id", "vote")
    with op.batch_alter_table("vote") as vote:
        vote.drop_constraint(op.f("fk_vote_item_id"), type_="foreignkey")
        vote.drop_column("review")
        vote.drop_column("item_id")
        vote.add_column(sa.Column("transfer", KEY, nullable=True))
    op.create_index("ix_vote_item", "vote", ["campaign_id", "face_id", "transfer"])
    for table in ("contribution", "assignment", "sign_in", "membership", "item"):
        op.drop_table(table)
    with op.batch_alter_table("campaign") as campaign:
        campaign.drop_column("settled")
        campaign.drop_column("closed_at")
    with op.batch_alter_table("annotator") as annotator:
        annotator.drop_column("everywhere")
