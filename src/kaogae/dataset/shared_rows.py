"""From the catalogue's rows to the lines of a shared manifest: which faces, in which order, how called."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import ColumnElement, and_, collate, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from kaogae.catalog import Annotator, Campaign, Face, Picture, Vote
from kaogae.collect.shared import FACES_MOST, SHARED_ROLE, VOTES_MOST, SharedFace, SharedPicture, SharedVote
from kaogae.dataset.anonymous import (
    is_private,
    is_public_board,
    pseudonym,
    public_search,
    public_url,
    site_names,
    vote_id,
)
from kaogae.dataset.faceset import FaceSet

LABELLED = (Face.state == "kept", Face.expression.is_not(None))
"""Which faces are shared if no set is named."""

CHUNK = 400
"""Pictures that are held at once."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a frozen set says about a face, and of which pixels it says so."""

    expression: str
    label_origin: str
    split: str
    picture_sha256: str
    pixels_sha256: str


Wanted = Mapping[tuple[str, str], Mapping[int, Label]]
"""By site and post, then by the face's number."""


@dataclass
class Rows:
    """Goes through the shared pictures. After it, `left_out` says which faces aren't among them, and why."""

    session: Session
    wanted: Wanted | None = None
    """The faces of a frozen set; None: every kept face with a label."""
    left_out: Counter[str] = field(default_factory=Counter[str])
    _characters: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def pictures(self) -> Iterator[SharedPicture]:
        """In the order of what the site and the post are called in the share, by code point."""
        sites = (
            self.session.scalars(select(Face.site).where(*LABELLED).distinct())
            if self.wanted is None
            else (site for site, _ in self.wanted)
        )
        names = site_names(sites)
        for site in sorted(names, key=lambda name: names[name]):
            for chunk in self._chunks(site):
                faces = self._faces(chunk)
                votes = _votes(self.session, [face.id for group in faces.values() for face in group])
                for picture in chunk:
                    if faces[picture.id]:
                        yield self._picture(picture, names[site], faces[picture.id], votes)

    def _chunks(self, site: str) -> Iterator[Sequence[Picture]]:
        if self.wanted is not None:
            yield from self._chosen(site, self.wanted)
            return
        labelled = Picture.faces.any(and_(*LABELLED))
        rows = select(Picture).where(Picture.site == site, labelled).order_by(self._order(site))
        # In the database's own order by key, a chunk at a time
        yield from self.session.scalars(rows.execution_options(yield_per=CHUNK)).partitions()

    def _chosen(self, site: str, wanted: Wanted) -> Iterator[Sequence[Picture]]:
        def key(post: str) -> str:
            return post if is_public_board(site) else next(iter(wanted[site, post].values())).picture_sha256

        posts = sorted((post for name, post in wanted if name == site), key=key)
        for start in range(0, len(posts), CHUNK):
            part = posts[start : start + CHUNK]
            rows = select(Picture).where(Picture.site == site, Picture.post.in_(part))
            found = {picture.post: picture for picture in self.session.scalars(rows)}
            missing = [post for post in part if post not in found]
            self._leave_out("no longer in the catalogue", sum(len(wanted[site, post]) for post in missing))
            yield [found[post] for post in part if post in found]

    def _order(self, site: str) -> ColumnElement[str]:
        column = cast("InstrumentedAttribute[str]", Picture.post if is_public_board(site) else Picture.sha256)
        postgresql = self.session.get_bind().dialect.name == "postgresql"
        return collate(column, "C" if postgresql else "BINARY")

    def _faces(self, pictures: Sequence[Picture]) -> defaultdict[int, list[Face]]:
        """The faces of each picture (row) that are shared."""
        by_row = {picture.id: picture for picture in pictures}
        rows = select(Face).where(Face.picture_id.in_(by_row)).order_by(Face.picture_id, Face.number)
        kept: defaultdict[int, list[Face]] = defaultdict(list)
        seen: Counter[int] = Counter()
        for face in self.session.scalars(rows):
            picture = by_row[face.picture_id]
            seen[picture.id] += (label := self._label(picture, face)) is not None
            if self._fits(picture, face, label):
                kept[picture.id].append(face)
        for picture in pictures if self.wanted else ():
            named = len((self.wanted or {})[picture.site, picture.post])
            self._leave_out("no longer in the catalogue", named - seen[picture.id])
        return kept

    def _label(self, picture: Picture, face: Face) -> Label | None:
        return (self.wanted or {}).get((picture.site, picture.post), {}).get(face.number)

    def _fits(self, picture: Picture, face: Face, label: Label | None) -> bool:
        if self.wanted is None and (face.state != "kept" or face.expression is None):
            return False
        if self.wanted is not None and label is None:
            return False
        if not (picture.sha256 and picture.bytes and picture.width and picture.height and face.pixels_sha256):
            self._leave_out("has no file or no crop")
            return False
        if face.number >= FACES_MOST:
            self._leave_out(f"after the first {FACES_MOST} of its picture")
            return False
        if label and (label.picture_sha256, label.pixels_sha256) != (picture.sha256, face.pixels_sha256):
            self._leave_out("has changed since it was frozen")
            return False
        return True

    def _leave_out(self, reason: str, count: int = 1) -> None:
        if count:
            self.left_out[reason] += count

    def _picture(
        self, row: Picture, site: str, faces: Sequence[Face], votes: Mapping[int, list[SharedVote]]
    ) -> SharedPicture:
        hidden = is_private(row.site)
        assert row.sha256
        return SharedPicture(
            site=site,
            post=row.post if is_public_board(row.site) else row.sha256,
            sha256=row.sha256,
            bytes=row.bytes or 0,
            width=row.width or 0,
            height=row.height or 0,
            page_url=None if hidden else public_url(row.page_url),
            file_url=None if hidden else public_url(row.file_url),
            keyword=None if hidden else public_search(row.keyword),
            rating=row.rating,
            artist=None if hidden else row.artist,
            character=self._character(row.site, row.character),
            licence=row.licence,
            expression=row.expression,
            label_origin=row.label_origin,
            faces=tuple(self._face(row, face, votes.get(face.id, [])) for face in faces),
        )

    def _face(self, picture: Picture, row: Face, votes: Sequence[SharedVote]) -> SharedFace:
        label = self._label(picture, row)
        assert row.pixels_sha256
        if len(votes) > VOTES_MOST:
            self.left_out[f"votes on a face after its first {VOTES_MOST}"] += len(votes) - VOTES_MOST
        return SharedFace(
            number=row.number,
            box=tuple(row.box),
            landmarks={name: (place[0], place[1]) for name, place in sorted(row.landmarks.items())},
            confidence=row.confidence,
            detector=row.detector,
            matrix=tuple(tuple(line) for line in row.matrix),
            side=row.side,
            size=row.size,
            pixels_sha256=row.pixels_sha256,
            blur=row.blur,
            phash=row.phash,
            expression=label.expression if label else row.expression,
            label_origin=label.label_origin if label else row.label_origin,
            character=self._character(picture.site, row.character),
            split=label.split if label else None,
            votes=tuple(votes[:VOTES_MOST]),
        )

    def _character(self, site: str, name: str | None) -> str | None:
        """Folders may be named after people: their characters are only told apart."""
        if name is None or not is_private(site):
            return name
        return self._characters.setdefault((site, name), f"character {len(self._characters) + 1:04d}")


def wanted_by(faces: FaceSet) -> tuple[Wanted, int]:
    """The faces that a frozen set names, and how many of its faces name no place in a catalogue."""
    wanted: defaultdict[tuple[str, str], dict[int, Label]] = defaultdict(dict)
    nowhere: set[str] = set()
    for face in faces.faces:
        if face.origin is None:
            nowhere.add(face.crop.of if face.crop else face.sha256)
            continue
        origin = face.origin
        label = Label(
            face.expression.value, face.label_origin, face.split, origin.picture_sha256, origin.pixels_sha256
        )
        wanted[origin.site, origin.post][origin.number] = label
    return wanted, len(nowhere)


def _votes(session: Session, faces: Sequence[int]) -> defaultdict[int, list[SharedVote]]:
    """The votes on each face (row) in the order in which they were cast, without anybody's name."""
    rows = (
        select(Vote, Annotator, Campaign)
        .join(Annotator, Annotator.id == Vote.annotator_id)
        .outerjoin(Campaign, Campaign.id == Vote.campaign_id)
        .where(Vote.face_id.in_(faces))
        .order_by(Vote.cast_at, Vote.id)
    )
    votes: defaultdict[int, list[SharedVote]] = defaultdict(list)
    for vote, annotator, campaign in session.execute(rows):
        assert vote.face_id
        votes[vote.face_id].append(
            SharedVote(
                id=vote_id(vote.id, annotator.created_at),
                annotator=_annotator(annotator),
                campaign=_campaign(campaign) if campaign else None,
                kind=campaign.kind if campaign else None,
                verdict=vote.verdict,
                took_ms=vote.took_ms,
                day=vote.cast_at.date(),
                review=vote.review,
            )
        )
    return votes


def _annotator(row: Annotator) -> str:
    shared = row.role == SHARED_ROLE
    return row.name if shared else pseudonym("annotator", row.id, row.created_at)


def _campaign(row: Campaign) -> str:
    shared = row.settings.get(SHARED_ROLE) is True
    return row.name if shared else pseudonym("campaign", row.id, row.created_at)
