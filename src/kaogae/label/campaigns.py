"""Campaigns: what people are asked about, by how many of them each, and until when.

An item's number is its place in a seeded random order, so that whoever takes the first thousand has a random
sample.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np
from sqlalchemy import Table, and_, insert, select, true
from sqlalchemy.orm import Session

from kaogae.catalog import Campaign, Catalog, Face, Item
from kaogae.catalog.types import now
from kaogae.dataset import FaceSet
from kaogae.dataset.catalogued import AT_ONCE, Choice
from kaogae.dataset.paths import check_name
from kaogae.errors import LabelError, UsageError
from kaogae.expressions import EXPRESSIONS
from kaogae.label.verdicts import CLEAN, KINDS

ANNOTATORS_MOST = 25
"""Most votes that an item may need."""

ITEMS_MOST = 1_000_000
"""Most items of one campaign."""

SEED_MOST = 2**53 - 1
"""The largest number that every reader of JSON agrees on."""


@dataclass(frozen=True)
class Settings:
    """How a campaign asks. Kept in `Campaign.settings`, and never changed after it has begun."""

    annotators: int = 3
    """Votes that each item needs, of as many people: 1 to 25."""
    blind: bool = False
    """Nobody sees what the tag says. Panels always are."""
    seed: int = 0
    """Another seed, other orders and another sample: 0 to 2^53 − 1."""

    def __post_init__(self) -> None:
        if not 1 <= self.annotators <= ANNOTATORS_MOST:
            raise UsageError(f"An item can't get {self.annotators} votes: choose 1 to {ANNOTATORS_MOST}.")
        if not 0 <= self.seed <= SEED_MOST:
            raise UsageError(f"{self.seed} can't be a seed: choose 0 to {SEED_MOST}.")

    @classmethod
    def of(cls, campaign: Campaign) -> "Settings":
        """Those of a campaign.

        Raises:
            LabelError: it came with a shared manifest, or its row holds something else than settings.
        """
        kept = cast(object, campaign.settings)
        if isinstance(kept, dict):
            kinds = {name: type(value) for name, value in cast("dict[str, object]", kept).items()}
            if kinds == {"annotators": int, "blind": bool, "seed": int} and campaign.kind in KINDS:
                try:
                    return cls(**campaign.settings)
                except UsageError as error:
                    raise LabelError(f"The campaign '{campaign.name}' can't be used: {error}") from error
        raise LabelError(
            f"Nobody can vote in the campaign '{campaign.name}': it came with a shared manifest,"
            " or is damaged."
        )


@dataclass(frozen=True)
class Wanted:
    """Which of the kept faces a campaign asks about. Empty: all that have a crop."""

    choice: Choice = field(default_factory=Choice)
    """By expression, site and origin of the label."""
    unlabelled: bool = False
    """Only those without any label."""
    faces: FaceSet | None = None
    """Only those of this frozen set."""
    sample: int | None = None
    """At most so many, drawn at random."""

    def __post_init__(self) -> None:
        check_sample(self.sample)
        if self.unlabelled and (self.choice.expressions or self.choice.label_origins):
            raise UsageError("Faces without a label have no expression and nobody who says so: choose one.")


@dataclass
class Begun:
    """A new campaign."""

    id: int
    name: str
    kind: str
    items: int
    left_out: Counter[str] = field(default_factory=Counter[str])
    """Why something that was named is no item, and how often."""


def new_clean(
    catalog: Catalog, name: str, wanted: Wanted | None = None, settings: Settings | None = None
) -> Begun:
    """A campaign that asks what faces of the catalogue show.

    Raises:
        UsageError: the name can't be one.
        LabelError: there is such a campaign already, or there are no such faces.
        CatalogError: see `Catalog.session`.
    """
    wanted, settings = wanted or Wanted(), settings or Settings()
    with catalog.session() as session:
        check_new(session, name)
        faces, left_out = _faces(session, wanted)
        if not faces:
            why = "; ".join(f"{count} {reason}" for reason, count in left_out.items())
            raise LabelError(
                f"There is no face to ask about{f' ({why})' if why else ''}: see `kaogae status`,"
                " or choose other ones."
            )
        order = np.random.default_rng(settings.seed).permutation(len(faces))[: wanted.sample]
        items = [{"face_id": id_, "sha256": sha, "label": label} for id_, sha, label in faces]
        return begin(session, name, CLEAN, settings, [items[k] for k in order], left_out)


def begin(
    session: Session,
    name: str,
    kind: str,
    settings: Settings,
    items: Sequence[Mapping[str, Any]],
    left_out: Counter[str],
) -> Begun:
    """Write a campaign's rows; `items` are in the order of their numbers."""
    if len(items) > ITEMS_MOST:
        raise LabelError(
            f"{len(items):,} items are too many for one campaign: take a sample of at most {ITEMS_MOST:,}."
        )
    campaign = Campaign(name=name, kind=kind, settings=asdict(settings))
    session.add(campaign)
    session.flush()
    nothing = {"face_id": None, "file": None, "label": None, "about": {}, "verdict": None, "review_id": None}
    nothing |= {"campaign_id": campaign.id, "votes": 0, "state": "open"}
    for start in range(0, len(items), AT_ONCE):
        part = enumerate(items[start : start + AT_ONCE], start)
        rows = [{**nothing, **item, "number": number} for number, item in part]
        session.connection().execute(insert(cast(Table, Item.__table__)), rows)
    return Begun(campaign.id, name, kind, len(items), left_out)


def check_new(session: Session, name: str) -> None:
    """Whether a campaign can be called so.

    Raises:
        UsageError: the name has other characters than letters, digits, '.', '_' and '-'.
        LabelError: there is such a campaign already.
    """
    check_name(name, "campaign")
    if session.scalar(select(Campaign.id).where(Campaign.name == name)) is not None:
        raise LabelError(f"There is a campaign '{name}' already: choose another name.")


def check_sample(sample: int | None) -> None:
    """UsageError if nothing would be left."""
    if sample is not None and sample < 1:
        raise UsageError(f"A sample of {sample} is none: choose at least 1.")


def find(session: Session, name: str) -> Campaign:
    """The campaign called `name`.

    Raises:
        LabelError: there is none in which people can vote.
    """
    campaign = session.scalar(select(Campaign).where(Campaign.name == name))
    if campaign is None:
        raise LabelError(f"There is no campaign '{name}': `kaogae label status` lists all.")
    Settings.of(campaign)
    return campaign


def campaigns(session: Session) -> list[Campaign]:
    """Every campaign in which people can vote, the oldest first. Those of shared manifests aren't."""
    found: list[Campaign] = []
    for campaign in session.scalars(select(Campaign).order_by(Campaign.id)):
        try:
            Settings.of(campaign)
        except LabelError:
            continue
        found.append(campaign)
    return found


def set_open(campaign: Campaign, is_open: bool) -> bool:
    """Close a campaign, or open it again; whether that changed anything.

    Votes that were cast before it was closed are still taken: they may wait in a phone without a network.
    """
    if is_open == (campaign.closed_at is None):
        return False
    campaign.closed_at = None if is_open else now()
    return True


def _faces(session: Session, wanted: Wanted) -> tuple[list[tuple[int, str, str | None]], Counter[str]]:
    """Row, hash and label of each face, in the order of the rows; and what isn't among them, why."""
    asked = wanted.choice.conditions()
    if wanted.unlabelled:
        asked.append(Face.expression.is_(None))
    named = None if wanted.faces is None else _named(wanted.faces.faces)
    left_out = Counter[str]()
    # All kept faces if a set names them: which of its faces are there is asked besides
    where = and_(true(), *asked) if named is None else Face.state == "kept"
    columns = (Face.id, Face.pixels_sha256, Face.expression, Face.file, and_(true(), *asked).label("fits"))
    rows = session.execute(
        select(*columns).where(where).order_by(Face.id).execution_options(yield_per=AT_ONCE)
    )
    found: list[tuple[int, str, str | None]] = []
    there = set[str]()
    for row in rows:
        if named is not None and row.pixels_sha256 not in named:
            continue
        if not row.file or not row.pixels_sha256:
            left_out["without a crop"] += 1
            continue
        there.add(row.pixels_sha256)
        if row.fits:
            found.append(
                (row.id, row.pixels_sha256, row.expression if row.expression in EXPRESSIONS else None)
            )
    if wanted.faces is not None and named is not None:
        left_out["of the set: not from a catalogue"] += sum(f.origin is None for f in wanted.faces.faces)
        left_out["of the set: not, or no longer, among the kept faces"] += len(named - there)
    return found, +left_out


def _named(faces: Iterable[Any]) -> set[str]:
    """The hashes of the crops that a set was made from: its random crops have one in common."""
    return {face.origin.pixels_sha256 for face in faces if face.origin is not None}
