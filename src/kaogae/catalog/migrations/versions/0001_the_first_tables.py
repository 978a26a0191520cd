"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = sa.String().with_variant(postgresql.VARCHAR(collation="C"), "postgresql")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

STATISTICS = [
    ("picture", "uq_picture_site_post", "1000000 100000 1"),
    ("picture", "ix_picture_state", "1000000 300000 1"),
    ("picture", "ix_picture_sha256", "1000000 1"),
    ("picture", "ix_picture_counts", "1000000 100000 20000 20000 10000 1000"),
    ("face", "uq_face_picture_id_number", "2000000 2 1"),
    ("face", "ix_face_enhanced", "2000000 1000000 1 1"),
    ("face", "ix_face_labelled", "2000000 1000000 200000 20000"),
    ("face", "ix_face_counts", "2000000 200000 50000 50000 20000 5000"),
    ("face", "ix_face_pixels_sha256", "2000000 1"),
]
"""SQLite plans as if any index led to few rows, unless told: rows, then rows per value of the first columns.
These are a full catalogue's: an empty one can't be measured, and a small one is quick with any plan."""


def upgrade() -> None:
    """Older to newer."""
    op.create_table(
        "annotator",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("role", KEY, nullable=False),
        sa.Column("token_hash", KEY, nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotator")),
        sa.UniqueConstraint("name", name=op.f("uq_annotator_name")),
    )
    op.create_index(op.f("ix_annotator_token_hash"), "annotator", ["token_hash"], unique=False)

    op.create_table(
        "campaign",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("name", name=op.f("uq_campaign_name")),
    )
    op.create_table(
        "picture",
        sa.Column("id", ID, nullable=False),
        sa.Column("site", KEY, nullable=False),
        sa.Column("post", KEY, nullable=False),
        sa.Column("sha256", KEY, nullable=True),
        sa.Column("file", sa.String(), nullable=True),
        sa.Column("expression", KEY, nullable=True),
        sa.Column("label_origin", KEY, nullable=True),
        sa.Column("keyword", sa.String(), nullable=True),
        sa.Column("tags", JSON, nullable=False),
        sa.Column("rating", KEY, nullable=True),
        sa.Column("artist", sa.String(), nullable=True),
        sa.Column("character", sa.String(), nullable=True),
        sa.Column("licence", sa.String(), nullable=True),
        sa.Column("page_url", sa.String(), nullable=True),
        sa.Column("file_url", sa.String(), nullable=True),
        sa.Column("width", ID, nullable=True),
        sa.Column("height", ID, nullable=True),
        sa.Column("bytes", ID, nullable=True),
        sa.Column("state", KEY, nullable=False),
        sa.Column("reason", KEY, nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picture")),
    )
    op.create_index(
        "ix_picture_counts",
        "picture",
        ["site", "expression", "label_origin", "state", "reason"],
        unique=False,
    )
    op.create_index(op.f("ix_picture_sha256"), "picture", ["sha256"], unique=False)
    op.create_index("ix_picture_state", "picture", ["state", "id"], unique=False)
    op.create_index("uq_picture_site_post", "picture", ["site", "post"], unique=True)

    op.create_table(
        "face",
        sa.Column("id", ID, nullable=False),
        sa.Column("picture_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site", KEY, nullable=False),
        sa.Column("box", JSON, nullable=False),
        sa.Column("landmarks", JSON, nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("detector", KEY, nullable=False),
        sa.Column("matrix", JSON, nullable=False),
        sa.Column("side", sa.Double(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(), nullable=True),
        sa.Column("pixels_sha256", KEY, nullable=True),
        sa.Column("blur", sa.Double(), nullable=True),
        sa.Column("phash", sa.BigInteger(), nullable=True),
        sa.Column("duplicate_of", ID, nullable=True),
        sa.Column("expression", KEY, nullable=True),
        sa.Column("label_origin", KEY, nullable=True),
        sa.Column("character", sa.String(), nullable=True),
        sa.Column("state", KEY, nullable=False),
        sa.Column("reason", KEY, nullable=True),
        sa.Column("enhanced_file", sa.String(), nullable=True),
        sa.Column("enhanced_by", KEY, nullable=True),
        sa.ForeignKeyConstraint(["duplicate_of"], ["face.id"], name=op.f("fk_face_duplicate_of")),
        sa.ForeignKeyConstraint(["picture_id"], ["picture.id"], name=op.f("fk_face_picture_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face")),
    )
    op.create_index(
        "ix_face_counts", "face", ["site", "expression", "label_origin", "state", "reason"], unique=False
    )
    op.create_index(
        "ix_face_duplicate_of",
        "face",
        ["duplicate_of"],
        unique=False,
        sqlite_where=sa.text("duplicate_of is not null"),
        postgresql_where=sa.text("duplicate_of is not null"),
    )
    op.create_index("ix_face_enhanced", "face", ["state", "id", "enhanced_by"], unique=False)
    op.create_index("ix_face_labelled", "face", ["state", "expression", "site"], unique=False)
    op.create_index(
        "ix_face_to_upscale",
        "face",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'kept' and enhanced_by is null"),
        postgresql_where=sa.text("state = 'kept' and enhanced_by is null"),
    )
    op.create_index(op.f("ix_face_pixels_sha256"), "face", ["pixels_sha256"], unique=False)
    op.create_index("uq_face_picture_id_number", "face", ["picture_id", "number"], unique=True)

    op.create_table(
        "vote",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", ID, nullable=True),
        sa.Column("annotator_id", ID, nullable=False),
        sa.Column("face_id", ID, nullable=True),
        sa.Column("transfer", KEY, nullable=True),
        sa.Column("verdict", KEY, nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=True),
        sa.Column("cast_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["annotator_id"], ["annotator.id"], name=op.f("fk_vote_annotator_id")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_vote_campaign_id")),
        sa.ForeignKeyConstraint(["face_id"], ["face.id"], name=op.f("fk_vote_face_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
    )
    op.create_index(op.f("ix_vote_annotator_id"), "vote", ["annotator_id"], unique=False)
    op.create_index(op.f("ix_vote_face_id"), "vote", ["face_id"], unique=False)
    op.create_index("ix_vote_item", "vote", ["campaign_id", "face_id", "transfer"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        op.execute("analyze")  # makes the table of statistics
        for table, index, numbers in STATISTICS:
            op.execute(f"insert into sqlite_stat1 values ('{table}', '{index}', '{numbers}')")


def downgrade() -> None:
    """Newer to older."""
    for table in ("vote", "face", "picture", "campaign", "annotator"):
        op.drop_table(table)
