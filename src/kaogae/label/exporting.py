"""What a campaign's votes are when they leave the catalogue: CSV for spreadsheets, JSON lines for programs.

CSV files begin with a byte order mark, without which spreadsheets take UTF-8 for something else. A text that
a spreadsheet would run as a formula gets an apostrophe in front of it, and one that begins with an apostrophe
gets another, so that `kaogae.label.importing` finds every text as it was.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import and_, case, func, null, select
from sqlalchemy.orm import Session

from kaogae.catalog import Annotator, Assignment, Campaign, Item, Vote
from kaogae.errors import LabelError, UsageError
from kaogae.files import beside
from kaogae.label.campaigns import Settings
from kaogae.label.overview import tallies
from kaogae.label.verdicts import ANSWERS, PANEL, UNDONE

VOTES, LABELS = "votes", "labels"
FORMS = ("csv", "jsonl")

ABOUT = ("name", "source", "target", "model")
"""What is known about a panel's picture."""

VOTE_COLUMNS = ("id", "campaign", "number", "sha256", "annotator", "verdict", "review", "took_ms", "cast_at")
LABEL_COLUMNS = ("campaign", "number", "sha256")

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "'")
"""What begins a formula in spreadsheets (full-width signs in Japanese ones); what marks that it is none."""

AT_ONCE = 5_000
PART = 2**16
"""Rows that the database hands over at a time, and letters of a part of a file."""


def export(session: Session, campaign: Campaign, what: str = VOTES, form: str = "csv") -> Iterator[bytes]:
    """A file's content, a part at a time. `session` stays open until the last one.

    Args:
        what: votes: every vote of the history; labels: one row per item, with what its votes come to.
        form: csv or jsonl.

    Raises:
        UsageError: there is nothing or no form of that name.
        LabelError: it is a campaign in which nobody can vote.
    """
    if form not in FORMS or what not in (VOTES, LABELS):
        raise UsageError(f"'{what}' as '{form}' can't be exported: choose votes or labels, as csv or jsonl.")
    Settings.of(campaign)
    if form == "jsonl":
        return _jsonl(_votes(session, campaign) if what == VOTES else _labels(session, campaign))
    about = ABOUT if campaign.kind == PANEL else ()
    if what == VOTES:
        return _csv((*VOTE_COLUMNS, *about), _votes(session, campaign))
    columns = (*LABEL_COLUMNS, *(about or ("label",)), "state", "verdict", "votes", *ANSWERS[campaign.kind])
    return _csv(columns, ({**row, **row["tally"]} for row in _labels(session, campaign)))


def export_file(session: Session, campaign: Campaign, path: Path, what: str = VOTES) -> int:
    """Write the same to `path`, whole or not at all; its ending is the form. Gives how many rows it has.

    Raises:
        UsageError: the ending is neither .csv nor .jsonl.
        LabelError: the file can't be written.
    """
    form = path.suffix.lower()[1:]
    if form not in FORMS:
        raise UsageError(f"{path} must end in .csv or .jsonl, or be 'catalog'.")
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file.")
    parts = export(session, campaign, what, form)
    with beside(path, LabelError) as draft:
        with draft.open("xb") as file:
            file.writelines(parts)
        draft.replace(path)
    table, of = (Vote, Vote.campaign_id) if what == VOTES else (Item, Item.campaign_id)
    count = select(func.count()).select_from(table).where(of == campaign.id)
    return session.scalar(count) or 0


def readable(text: str) -> str:
    """A CSV file's text as it was before `guarded`."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def guarded(value: object) -> object:
    """`value` as a spreadsheet shows it: never a formula."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _votes(session: Session, campaign: Campaign) -> Iterator[dict[str, Any]]:
    said = (Vote.verdict, Vote.review, Vote.took_ms, Vote.cast_at)
    about = Item.about if campaign.kind == PANEL else null()
    mine = and_(Assignment.item_id == Vote.item_id, Assignment.annotator_id == Vote.annotator_id)
    stands = case(  # of votes cast at one moment it comes last, so that it stands again where they go
        (Vote.review.is_(False), Vote.id.is_not_distinct_from(Assignment.vote_id)),
        (Vote.verdict == UNDONE, Item.review_id.is_(None)),
        else_=Vote.id.is_not_distinct_from(Item.review_id),
    )
    rows = session.execute(
        select(Vote.id, Item.number, Item.sha256, Annotator.name, *said, about)
        .join(Annotator, Annotator.id == Vote.annotator_id)
        .join(Item, Item.id == Vote.item_id)
        .outerjoin(Assignment, mine)
        .where(Vote.campaign_id == campaign.id)
        .order_by(Vote.cast_at, stands, Vote.id)
        .execution_options(yield_per=AT_ONCE)
    )
    for id_, number, sha256, annotator, verdict, review, took_ms, cast_at, what in rows:
        yield {
            "id": str(id_),
            "campaign": campaign.name,
            "number": number,
            "sha256": sha256,
            "annotator": annotator,
            "verdict": verdict,
            "review": review,
            "took_ms": took_ms,
            "cast_at": cast_at.isoformat(),
            **_about(campaign, what),
        }


def _labels(session: Session, campaign: Campaign) -> Iterator[dict[str, Any]]:
    answers = ANSWERS[campaign.kind]
    items = session.scalars(
        select(Item)
        .where(Item.campaign_id == campaign.id)
        .order_by(Item.id)
        .execution_options(yield_per=AT_ONCE)
    )
    for part in items.partitions():
        tally = tallies(session, [item.id for item in part])
        for item in part:
            yield {
                "campaign": campaign.name,
                "number": item.number,
                "sha256": item.sha256,
                **({} if campaign.kind == PANEL else {"label": item.label}),
                **_about(campaign, item.about),
                "state": item.state,
                "verdict": item.verdict,
                "votes": item.votes,
                "tally": {answer: tally[item.id].get(answer, 0) for answer in answers},
            }


def _about(campaign: Campaign, about: dict[str, Any] | None) -> dict[str, Any]:
    return {key: (about or {}).get(key) for key in ABOUT} if campaign.kind == PANEL else {}


def _jsonl(rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    part = bytearray()
    for row in rows:
        part += json.dumps(row, ensure_ascii=False).encode() + b"\n"
        if len(part) > PART:
            yield bytes(part)
            part.clear()
    yield bytes(part)


def _csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    text = io.StringIO("\ufeff", newline="")
    text.seek(0, io.SEEK_END)
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: guarded(value) for key, value in row.items()})
        if text.tell() > PART:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()
