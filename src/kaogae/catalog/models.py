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
    """annotators (votes that each item needs), blind, seed: see kaogae.label.campaigns.Settings."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    closed_at: Mapped[datetime | None]
    """Since when it takes no more votes."""
    settled: Mapped[int] = mapped_column(default=0)
    """How many of its items aren't open. Counted along with the votes."""


class Item(Base):
    """What a campaign asks about: one face, or one transferred picture."""

    __tablename__ = "item"
    __table_args__ = (
        Index("uq_item_campaign_id_number", "campaign_id", "number", unique=True),
        Index("ix_item_state", "campaign_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(Id, ForeignKey("campaign.id"))
    number: Mapped[int]
    """Within its campaign: 0, 1, 2, ..., without gaps."""
    face_id: Mapped[int | None] = mapped_column(Id, ForeignKey("face.id"), index=True)
    """Of a clean campaign: which face is asked about."""
    file: Mapped[str | None]
    """Of a panel: the transferred picture, relative to the workspace."""
    sha256: Mapped[str] = mapped_column(Text(64))
    """What it is called outside this catalogue: the face's `pixels_sha256`, the hash of the panel's file."""
    label: Mapped[str | None] = mapped_column(Text(20))
    """Of a clean campaign: the face's expression when the campaign began."""
    about: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    """Of a panel: name, source, target, model. No annotator ever sees it."""
    votes: Mapped[int] = mapped_column(default=0)
    """How many annotators' verdicts stand. This and the next three follow from the votes."""
    state: Mapped[str] = mapped_column(Text(20), default="open")
    """open: votes are missing; agreed; disputed: no majority, so it waits for a reviewer; reviewed."""
    verdict: Mapped[str | None] = mapped_column(Text(20))
    """The consensus, or the reviewer's decision."""
    review_id: Mapped[UUID | None] = mapped_column(Uuid)
    """The reviewer's vote that stands."""


class Annotator(Base):
    """A person who votes."""

    __tablename__ = "annotator"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Text(100), unique=True)
    role: Mapped[str] = mapped_column(Text(20), default="annotator")
    """annotator, reviewer, admin; shared: came with a shared manifest, and nobody signs in as them."""
    token_hash: Mapped[str | None] = mapped_column(Text(64), index=True)
    """Of the invitation that was made last."""
    expires_at: Mapped[datetime | None]
    """Until when that invitation can be used."""
    revoked_at: Mapped[datetime | None]
    everywhere: Mapped[bool] = mapped_column(default=False)
    """Sees every campaign, also those to come, as admins do."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class Membership(Base):
    """Who may see a campaign, of those who don't see all."""

    __tablename__ = "membership"

    annotator_id: Mapped[int] = mapped_column(Id, ForeignKey("annotator.id"), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(Id, ForeignKey("campaign.id"), primary_key=True, index=True)


class Contribution(Base):
    """How much an annotator has said in a campaign: counted along with the votes, so that asking is quick."""

    __tablename__ = "contribution"

    campaign_id: Mapped[int] = mapped_column(Id, ForeignKey("campaign.id"), primary_key=True)
    annotator_id: Mapped[int] = mapped_column(Id, ForeignKey("annotator.id"), primary_key=True, index=True)
    verdicts: Mapped[int] = mapped_column(default=0)
    """On how many items their verdict stands."""
    settled: Mapped[int] = mapped_column(default=0)
    """How many of these items aren't open."""


class SignIn(Base):
    """One browser in which an annotator used their invitation."""

    __tablename__ = "sign_in"

    token_hash: Mapped[str] = mapped_column(Text(64), primary_key=True)
    """Of what is in the browser's cookie."""
    annotator_id: Mapped[int] = mapped_column(Id, ForeignKey("annotator.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]


class Vote(Base):
    """One verdict of one annotator. Never changed or deleted: a later one takes its place."""

    __tablename__ = "vote"
    __table_args__ = (Index("ix_vote_campaign_id_item_id", "campaign_id", "item_id"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    """Made by the client, so that a vote which is sent twice counts once."""
    campaign_id: Mapped[int | None] = mapped_column(Id, ForeignKey("campaign.id"))
    annotator_id: Mapped[int] = mapped_column(Id, ForeignKey("annotator.id"), index=True)
    item_id: Mapped[int | None] = mapped_column(Id, ForeignKey("item.id"))
    """None if it came with a shared manifest."""
    face_id: Mapped[int | None] = mapped_column(Id, ForeignKey("face.id"), index=True)
    """The item's, kept here too so that a face's votes are found without a join."""
    verdict: Mapped[str] = mapped_column(Text(20))
    """One of the five expressions, other, unusable, undone or skipped."""
    review: Mapped[bool] = mapped_column(default=False)
    """A reviewer's decision, not one vote among others."""
    took_ms: Mapped[int | None]
    cast_at: Mapped[datetime] = mapped_column(default=now)


class Assignment(Base):
    """Who works on what: an annotator's lease on an item, and the vote of theirs that stands."""

    __tablename__ = "assignment"
    __table_args__ = (
        Index("ix_assignment_campaign_id_annotator_id", "campaign_id", "annotator_id"),
        Index(  # leased, skipped or undone: few, whereas all that somebody has judged are many
            "ix_assignment_without_verdict",
            "campaign_id",
            "annotator_id",
            sqlite_where=text("verdict is null"),
            postgresql_where=text("verdict is null"),
        ),
    )

    item_id: Mapped[int] = mapped_column(Id, ForeignKey("item.id"), primary_key=True)
    annotator_id: Mapped[int] = mapped_column(Id, ForeignKey("annotator.id"), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(Id, ForeignKey("campaign.id"))
    """The item's."""
    leased_until: Mapped[datetime | None]
    """Until then nobody else gets the place that this annotator takes of the item's."""
    vote_id: Mapped[UUID | None] = mapped_column(Uuid)
    """Their last vote by the time it was cast; also if it undoes or skips."""
    verdict: Mapped[str | None] = mapped_column(Text(20))
    """What it says, if it counts: None while there is none, or the last one undoes or skips."""
    cast_at: Mapped[datetime | None]
