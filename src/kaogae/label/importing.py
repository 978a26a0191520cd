"""Votes from a file: what `kaogae label export` wrote, or rows of sha256, annotator and verdict.

Who a row speaks for is settled by name, and a name proves nothing. So nobody who was ever invited here, and
nobody of a shared manifest, gets a vote from a file, unless whoever imports it names them on purpose. Names
that nobody here has become people without a link: they can't sign in, and their votes count like everybody's.
A file makes nobody a reviewer. A vote that is known already is that vote, whoever it is by.

Rows without an id get one that follows from what they say, so that the same file twice is the same votes.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from kaogae.catalog import Annotator, Campaign, Catalog, Item, Vote
from kaogae.catalog.types import now
from kaogae.errors import LabelError, ManifestError, UsageError
from kaogae.label.campaigns import find
from kaogae.label.exporting import FORMS, readable
from kaogae.label.ledger import Cast, record
from kaogae.label.people import clean_name
from kaogae.label.rows import read_rows
from kaogae.label.verdicts import ANSWERS, SKIPPED, UNDONE

NAMESPACE = UUID("6f1a7a52-6f0c-5c53-9a5e-0b8f7d9d7c11")
"""Of the ids of rows that come without one."""

NEEDED = ("sha256", "annotator", "verdict")
OPTIONAL = ("id", "number", "target", "review", "took_ms", "cast_at")

ROWS_MOST = 5_000_000
PEOPLE_MOST = 10_000
"""New people in one file."""
TOOK_MOST = 86_400_000
"""Milliseconds of a day."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""No moment is earlier: not every time zone has a year 1."""

AT_ONCE = 2_000
LINES = 10
"""Of how many refused rows the report says where they are."""


@dataclass
class Imported:
    """What became of a file's rows."""

    added: int = 0
    known: int = 0
    """Were there already."""
    people: list[str] = field(default_factory=list[str])
    """Who is new here."""
    refused: Counter[str] = field(default_factory=Counter[str])
    """Why rows were left out, and how many."""
    lines: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Where some of them are, and why."""

    def refuse(self, line: int, reason: str) -> None:
        """Leave a row out."""
        self.refused[reason] += 1
        if len(self.lines) < LINES:
            self.lines.append((line, reason))


@dataclass(frozen=True)
class _Row:
    """One vote, as a file tells it."""

    line: int
    id: UUID
    sha256: str
    number: int | None
    target: str
    annotator: str
    verdict: str
    review: bool
    took_ms: int | None
    cast_at: datetime | None


class _Place(NamedTuple):
    """An item that a row may be about."""

    id: int
    number: int
    target: str | None


class _Refusal(Exception):  # noqa: N818
    """Why a row can't be taken."""


def import_votes(
    catalog: Catalog,
    name: str,
    path: Path,
    *,
    speaks_for: Collection[str] = (),
    progress: Callable[[int, None], None] | None = None,
) -> Imported:
    """Add a file's votes to the campaign `name`, all in one transaction.

    Args:
        path: .csv with a line of names, or .jsonl. Every row has sha256, annotator and verdict; it may have
            id, number and target (they tell items with the same picture apart), review, took_ms, and cast_at
            (or it is now).
        speaks_for: people who were invited here whom the file may speak for.
        progress: called with the rows that were read.

    Raises:
        UsageError: the ending is neither .csv nor .jsonl, or nobody is called as `speaks_for` says.
        ManifestError: the file can't be read, is too large, or has no such columns.
        LabelError: there is no such campaign, or too many new people.
    """
    if path.suffix.lower()[1:] not in FORMS:
        raise UsageError(f"{path} must end in .csv or .jsonl.")
    report = Imported()
    with catalog.session() as session:
        campaign = find(session, name)
        rows = _rows(path, campaign, report)
        desk = _Desk(session, campaign, report, speaks_for)
        while batch := list(islice(rows, AT_ONCE)):
            desk.take(batch)
            if progress is not None:
                progress(batch[-1].line, None)
        desk.dismiss()
    report.lines.sort()
    return report


class _Desk:
    """Takes rows in: who and what they speak of, and whether they may."""

    def __init__(
        self, session: Session, campaign: Campaign, report: Imported, speaks_for: Collection[str]
    ) -> None:
        self.session, self.campaign, self.report, self.began = session, campaign, report, now()
        self._items: defaultdict[str, list[_Place]] = defaultdict(list)
        about = (Item.sha256, Item.id, Item.number, Item.about["target"].as_string())
        mine = select(*about).where(Item.campaign_id == campaign.id).order_by(Item.id)
        # All are held from the beginning, as the batches come in any order: whoever votes meanwhile waits
        for sha256, id_, number, target in session.execute(mine.with_for_update(key_share=True)):
            self._items[sha256].append(_Place(id_, number, target))
        self._people: dict[str, int | None] = {}
        self._waiting: dict[str, int] = {}
        """New people of whom no vote was taken yet."""
        for person in speaks_for:
            self._people[clean_name(person)] = self._invited(clean_name(person))

    def take(self, rows: list[_Row]) -> None:
        """Write down those that can be."""
        known = select(Vote.id, Annotator.name, Annotator.id).join(Annotator)
        found = self.session.execute(known.where(Vote.id.in_([row.id for row in rows])))
        by = {id_: (name, row) for id_, name, row in found}
        casts: list[Cast] = []
        taken: list[_Row] = []
        for row in rows:
            try:
                casts.append(self._cast(row, by.get(row.id)))
                taken.append(row)
            except _Refusal as refusal:
                self.report.refuse(row.line, str(refusal))
        seen = set(by)
        for row, reason in zip(taken, record(self.session, casts), strict=True):
            if reason is not None:
                self.report.refuse(row.line, reason.rstrip("."))
            elif row.id in seen:
                self.report.known += 1
            else:
                self.report.added += 1
                seen.add(row.id)
                if row.annotator in self._waiting:
                    self.report.people.append(row.annotator)
                    del self._waiting[row.annotator]

    def dismiss(self) -> None:
        """New people of whom no vote was taken are none."""
        for row in self._waiting.values():
            self.session.execute(delete(Annotator).where(Annotator.id == row))

    def _cast(self, row: _Row, by: tuple[str, int] | None) -> Cast:
        item = self._item(row)
        annotator = by[1] if by and by[0] == row.annotator else self._annotator(row.annotator)
        cast_at = row.cast_at or self.began
        return Cast(row.id, self.campaign.id, item, annotator, row.verdict, row.took_ms, cast_at, row.review)

    def _item(self, row: _Row) -> int:
        places = self._items.get(row.sha256, [])
        if not places:
            raise _Refusal("this campaign has no such item")
        if len(places) > 1 and row.target:  # in another panel about the same pictures, numbers are others
            places = [place for place in places if place.target == row.target]
        if len(places) > 1:
            places = [place for place in places if place.number == row.number]
        if not places:
            raise _Refusal("several items have this picture, and nothing tells which")
        return places[0].id

    def _annotator(self, name: str) -> int:
        if name not in self._people:
            self._people[name] = self._of_file(name)
        found = self._people[name]
        if found is None:
            raise _Refusal("somebody here is called so, and wasn't named with --speaks-for")
        return found

    def _of_file(self, name: str) -> int | None:
        """Who a name is that only files may use; None if a person here has it."""
        row = self.session.scalar(select(Annotator).where(Annotator.name == name))
        if row is not None:
            never_invited = row.role == "annotator" and row.token_hash is None and row.revoked_at is None
            return row.id if never_invited else None
        if len(self.report.people) + len(self._waiting) >= PEOPLE_MOST:
            raise LabelError(f"More than {PEOPLE_MOST:,} new people are in the file: is it the right one?")
        row = Annotator(name=name)
        self.session.add(row)
        self.session.flush()
        self._waiting[name] = row.id
        return row.id

    def _invited(self, name: str) -> int:
        row = self.session.scalar(
            select(Annotator).where(
                Annotator.name == name, Annotator.role.in_(("annotator", "reviewer", "admin"))
            )
        )
        if row is None:
            raise UsageError(f"Nobody here is called '{name}': see `kaogae label people`.")
        return row.id


def _rows(path: Path, campaign: Campaign, report: Imported) -> Iterator[_Row]:
    """Those that can be understood; the others are counted."""
    answers = (*ANSWERS[campaign.kind], UNDONE, SKIPPED)
    guards = path.suffix.lower() == ".csv"
    for count, (line, row) in enumerate(read_rows(path, NEEDED)):
        if count >= ROWS_MOST:
            raise ManifestError(f"More than {ROWS_MOST:,} votes are not read: split the file.")
        try:
            if isinstance(row, str):
                raise _Refusal(row)
            plain = {name: readable(text) for name, text in row.items()} if guards else row
            yield _row(line, plain, campaign.name, answers)
        except _Refusal as refusal:
            report.refuse(line, str(refusal))


def _row(line: int, row: Mapping[str, Any], campaign: str, answers: Collection[str]) -> _Row:
    texts = {key: _text(row, key) for key in (*NEEDED, *OPTIONAL)}
    for key in NEEDED:
        if not texts[key]:
            raise _Refusal(f"{key} is missing")
    verdict = texts["verdict"].strip().lower()
    if verdict not in answers:
        raise _Refusal("this campaign doesn't ask for that answer")
    try:
        annotator = clean_name(texts["annotator"])
    except LabelError as error:
        raise _Refusal("nobody can have this name") from error
    review = {"": False, "false": False, "0": False, "true": True, "1": True}.get(texts["review"].lower())
    if review is None:
        raise _Refusal("review is neither true nor false")
    number, took = _whole(texts, "number", 2**53), _whole(texts, "took_ms", TOOK_MOST)
    sha256 = texts["sha256"].lower()
    says = (campaign, sha256, number, annotator, verdict, review, texts["cast_at"])
    says += (target,) if (target := texts["target"].lower()) else ()
    id_ = uuid5(NAMESPACE, repr(says)) if not texts["id"] else _uuid(texts["id"])
    cast_at = _moment(texts["cast_at"]) if texts["cast_at"] else None
    return _Row(line, id_, sha256, number, target, annotator, verdict, review, took, cast_at)


def _text(row: Mapping[str, Any], key: str) -> str:
    """As CSV has it: numbers, true and false are written down."""
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str | int):
        raise _Refusal(f"{key} is no text")
    return str(value).strip()


def _whole(texts: Mapping[str, str], key: str, most: int) -> int | None:
    text = texts[key]
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        raise _Refusal(f"{key} is no whole number that could be")
    return int(text)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise _Refusal("id is no UUID") from error


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise _Refusal("cast_at has no time zone")
        if moment >= EARLIEST:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _Refusal("cast_at is no moment such as 2026-01-31T12:00:00+00:00")
