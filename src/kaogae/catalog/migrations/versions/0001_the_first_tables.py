"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Older to newer."""
    op.create_table(
        "annotator",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotator")),
        sa.UniqueConstraint("name", name=op.f("uq_annotator_name")),
    )
    with op.batch_alter_table("annotator", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_annotator_token_hash"), ["token_hash"], unique=False)

    op.create_table(
        "campaign",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("name", name=op.f("uq_campaign_name")),
    )
    op.create_table(
        "picture",
        sa.Column("id", ID, nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("post", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("file", sa.String(), nullable=True),
        sa.Column("expression", sa.String(length=20), nullable=True),
        sa.Column("label_origin", sa.String(length=20), nullable=True),
        sa.Column("keyword", sa.String(), nullable=True),
        sa.Column("tags", JSON, nullable=False),
        sa.Column("rating", sa.String(length=20), nullable=True),
        sa.Column("artist", sa.String(), nullable=True),
        sa.Column("character", sa.String(), nullable=True),
        sa.Column("licence", sa.String(), nullable=True),
        sa.Column("page_url", sa.String(), nullable=True),
        sa.Column("file_url", sa.String(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("bytes", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=True),
        sa.Column("detail", sa.String(), nullable=True),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picture")),
    )
    with op.batch_alter_table("picture", schema=None) as batch_op:
        batch_op.create_index("ix_picture_counts", ["site", "expression", "state", "reason"], unique=False)
        batch_op.create_index(batch_op.f("ix_picture_sha256"), ["sha256"], unique=False)
        batch_op.create_index(batch_op.f("ix_picture_state"), ["state"], unique=False)
        batch_op.create_index("uq_picture_site_post", ["site", "post"], unique=True)

    op.create_table(
        "face",
        sa.Column("id", ID, nullable=False),
        sa.Column("picture_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("box", JSON, nullable=False),
        sa.Column("landmarks", JSON, nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("detector", sa.String(length=50), nullable=False),
        sa.Column("matrix", JSON, nullable=False),
        sa.Column("side", sa.Double(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(), nullable=True),
        sa.Column("pixels_sha256", sa.String(length=64), nullable=True),
        sa.Column("blur", sa.Double(), nullable=True),
        sa.Column("phash", sa.BigInteger(), nullable=True),
        sa.Column("duplicate_of", ID, nullable=True),
        sa.Column("expression", sa.String(length=20), nullable=True),
        sa.Column("label_origin", sa.String(length=20), nullable=True),
        sa.Column("character", sa.String(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=True),
        sa.Column("enhanced_file", sa.String(), nullable=True),
        sa.Column("enhanced_by", sa.String(length=50), nullable=True),
        sa.ForeignKeyConstraint(["duplicate_of"], ["face.id"], name=op.f("fk_face_duplicate_of")),
        sa.ForeignKeyConstraint(["picture_id"], ["picture.id"], name=op.f("fk_face_picture_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face")),
    )
    with op.batch_alter_table("face", schema=None) as batch_op:
        batch_op.create_index(
            "ix_face_counts", ["site", "expression", "label_origin", "state", "reason"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_face_duplicate_of"), ["duplicate_of"], unique=False)
        batch_op.create_index("ix_face_enhanced", ["state", "enhanced_by", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_face_pixels_sha256"), ["pixels_sha256"], unique=False)
        batch_op.create_index("uq_face_picture_id_number", ["picture_id", "number"], unique=True)

    op.create_table(
        "vote",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", ID, nullable=True),
        sa.Column("annotator_id", ID, nullable=False),
        sa.Column("face_id", ID, nullable=True),
        sa.Column("transfer", sa.String(), nullable=True),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=True),
        sa.Column("cast_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["annotator_id"], ["annotator.id"], name=op.f("fk_vote_annotator_id")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_vote_campaign_id")),
        sa.ForeignKeyConstraint(["face_id"], ["face.id"], name=op.f("fk_vote_face_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
    )
    with op.batch_alter_table("vote", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vote_annotator_id"), ["annotator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_vote_face_id"), ["face_id"], unique=False)
        batch_op.create_index("ix_vote_item", ["campaign_id", "face_id", "transfer"], unique=False)


def downgrade() -> None:
    """Newer to older."""
    with op.batch_alter_table("vote", schema=None) as batch_op:
        batch_op.drop_index("ix_vote_item")
        batch_op.drop_index(batch_op.f("ix_vote_face_id"))
        batch_op.drop_index(batch_op.f("ix_vote_annotator_id"))

    op.drop_table("vote")
    with op.batch_alter_table("face", schema=None) as batch_op:
        batch_op.drop_index("uq_face_picture_id_number")
        batch_op.drop_index(batch_op.f("ix_face_pixels_sha256"))
        batch_op.drop_index("ix_face_enhanced")
        batch_op.drop_index(batch_op.f("ix_face_duplicate_of"))
        batch_op.drop_index("ix_face_counts")

    op.drop_table("face")
    with op.batch_alter_table("picture", schema=None) as batch_op:
        batch_op.drop_index("uq_picture_site_post")
        batch_op.drop_index(batch_op.f("ix_picture_state"))
        batch_op.drop_index(batch_op.f("ix_picture_sha256"))
        batch_op.drop_index("ix_picture_counts")

    op.drop_table("picture")
    op.drop_table("campaign")
    with op.batch_alter_table("annotator", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_annotator_token_hash"))

    op.drop_table("annotator")
