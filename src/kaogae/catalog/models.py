"""What the catalogue remembers: every picture, face, vote and rejection.

Places are (x, y) in picture pixels, pixel centres at whole numbers + 0.5; matrices lead from picture to crop.
Paths are relative to the workspace. Times are UTC. `docs/data-model.md` draws how the tables belong together.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Double, ForeignKey, Index, Integer, MetaData, Uuid, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from kaogae.catalog.types import Json, Moment, Text, now

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only by itself if it's its own Integer


class Base(DeclarativeBase):
    """The tables' base: constraints get names, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text(), float: Double(), datetime: Moment()}  # noqa: RUF012


class Picture(Base):
    """One post of a site, one sprite of a project, one file of a folder."""

    __tablename__ = "picture"
    __table_args__ = (
        Index("uq_picture_site_post", "site", "post", unique=True),
        Index("ix_picture_counts", "site", "expression", "label_origin", "state", "reason"),
        Index("ix_picture_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    site: Mapped[str] = mapped_column(Text(200))
    """danbooru, getchu, renpy:<project>, folder:<name>."""
    post: Mapped[str] = mapped_column(Text(2000))
    """What the site calls it: the post's number, the path inside the project."""
    sha256: Mapped[str | None] = mapped_column(Text(64), index=True)
    """Of the file; None if there is no file."""
    file: Mapped[str | None]
    """Relative to the workspace; None if there is no file."""
    expression: Mapped[str | None] = mapped_column(Text(20))
    """The label that search, file name or folder give it; None: nothing is known."""
    label_origin: Mapped[str | None] = mapped_column(Text(20))
    """Who says so: tag, file name, folder, drawn."""
    keyword: Mapped[str | None]
    """The search that found it."""
    tags: Mapped[list[str]] = mapped_column(Json, default=list)
    rating: Mapped[str | None] = mapped_column(Text(20))
    artist: Mapped[str | None]
    character: Mapped[str | None]
    """Whose face it shows, if that is known: unique within the site."""
    licence: Mapped[str | None]
    page_url: Mapped[str | None]
    file_url: Mapped[str | None]
    width: Mapped[int | None] = mapped_column(Id)  # a file may claim anything
    height: Mapped[int | None] = mapped_column(Id)
    bytes: Mapped[int | None] = mapped_column(Id)
    state: Mapped[str] = mapped_column(Text(20), default="waiting")
    """waiting: no faces searched yet; searched; restored: its faces are a shared manifest's; rejected."""
    reason: Mapped[str | None] = mapped_column(Text(100))
    """Why it was rejected, in words that can be counted: "no face"."""
    detail: Mapped[str | None]
    """What else there is to say about the rejection."""
    collected_at: Mapped[datetime] = mapped_column(default=now)

    faces: Mapped[list["Face"]] = relationship(back_populates="picture", order_by="Face.number")


class Face(Base):
    """One face that a detector found in a picture, kept or rejected."""

    __tablename__ = "face"
    __table_args__ = (
        Index("uq_face_picture_id_number", "picture_id", "number", unique=True),
        Index("ix_face_counts", "site", "expression", "label_origin", "state", "reason"),
        Index("ix_face_enhanced", "state", "id", "enhanced_by"),
        Index("ix_face_labelled", "state", "expression", "site"),
        Index(  # PostgreSQL would look through all that are enhanced
            "ix_face_to_upscale",
            "id",
            sqlite_where=text("state = 'kept' and enhanced_by is null"),
            postgresql_where=text("state = 'kept' and enhanced_by is null"),
        ),
        Index(
            "ix_face_duplicate_of",
            "duplicate_of",
            sqlite_where=text("duplicate_of is not null"),
            postgresql_where=text("duplicate_of is not null"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    picture_id: Mapped[int] = mapped_column(Id, ForeignKey("picture.id"))
    number: Mapped[int]
    """Within its picture: 0 is the largest."""
    site: Mapped[str] = mapped_column(Text(200))
    """The picture's, kept here too so that faces are counted without a join."""
    box: Mapped[list[float]] = mapped_column(Json)
    """Left, top, width, height."""
    landmarks: Mapped[dict[str, Any]] = mapped_column(Json)
    """left_eye, right_eye, mouth, nose, chin: [x, y]."""
    confidence: Mapped[float]
    detector: Mapped[str] = mapped_column(Text(50))
    matrix: Mapped[list[list[float]]] = mapped_column(Json)
    """[2, 3], from picture to the crop in `file`."""
    side: Mapped[float]
    """Side of the crop in picture pixels: 2.7 eye distances."""
    size: Mapped[int]
    """Side of the crop in `file` in its own pixels."""
    file: Mapped[str | None]
    """The crop as PNG, relative to the workspace; None if the face was rejected before it was cut."""
    pixels_sha256: Mapped[str | None] = mapped_column(Text(64), index=True)
    """SHA-256 of the crop's RGB values, row by row: the same whoever encodes it."""
    blur: Mapped[float | None]
    """Sharpness, as kaogae.faces measures it: small is blurred."""
    phash: Mapped[int | None] = mapped_column(BigInteger)
    """Perceptual hash, 64 bits as a signed number."""
    duplicate_of: Mapped[int | None] = mapped_column(Id, ForeignKey("face.id"))
    """The face that this one is a near-duplicate of."""
    expression: Mapped[str | None] = mapped_column(Text(20))
    label_origin: Mapped[str | None] = mapped_column(Text(20))
    """Who says so: tag, file name, folder, drawn, votes."""
    character: Mapped[str | None]
    state: Mapped[str] = mapped_column(Text(20), default="kept")
    """kept or rejected."""
    reason: Mapped[str | None] = mapped_column(Text(100))
    enhanced_file: Mapped[str | None]
    """The crop after `kaogae upscale`, relative to the workspace."""
    enhanced_by: Mapped[str | None] = mapped_column(Text(50))
    """carn, carn-m, none; "large enough" if the crop needed nothing. None: not looked at yet."""

    picture: Mapped[Picture] = relationship(back_populates="faces")


class Campaign(Base):
    """One round of voting: which faces or transfers, by how many annotators each."""

    __tablename__ = "campaign"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Text(100), unique=True)
    kind: Mapped[str] = mapped_column(Text(20))
    """clean or panel."""
    settings: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Annotator(Base):
    """A person who votes."""

    __tablename__ = "annotator"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Text(100), unique=True)
    role: Mapped[str] = mapped_column(Text(20), default="annotator")
    token_hash: Mapped[str | None] = mapped_column(Text(64), index=True)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Vote(Base):
    """One verdict of one annotator. Never changed or deleted: a later one takes its place."""

    __tablename__ = "vote"
    __table_args__ = (Index("ix_vote_item", "campaign_id", "face_id", "transfer"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    """Made by the client, so that a vote which is sent twice counts once."""
    campaign_id: Mapped[int | None] = mapped_column(Id, ForeignKey("campaign.id"))
    annotator_id: Mapped[int] = mapped_column(Id, ForeignKey("annotator.id"), index=True)
    face_id: Mapped[int | None] = mapped_column(Id, ForeignKey("face.id"), index=True)
    transfer: Mapped[str | None] = mapped_column(Text(1000))
    """Of a panel: which transferred face was shown."""
    verdict: Mapped[str] = mapped_column(Text(20))
    """One of the five expressions, other, unusable, or undone."""
    took_ms: Mapped[int | None]
    cast_at: Mapped[datetime] = mapped_column(default=now)
