"""What people agreed on becomes the catalogue's labels: the end of a clean campaign."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from kaogae.catalog import Campaign, Catalog, Face, Item
from kaogae.errors import LabelError
from kaogae.expressions import EXPRESSIONS
from kaogae.faces.marking import ANOTHER, BY_VOTES, REASON
from kaogae.faces.marking import UNUSABLE as UNUSABLE_FACE
from kaogae.label.campaigns import find
from kaogae.label.verdicts import CLEAN, OTHER, UNUSABLE

REASONS = {UNUSABLE: UNUSABLE_FACE, OTHER: ANOTHER}
"""The verdicts that reject a face: why, in the catalogue's words."""

BY_PEOPLE = "votes"
"""What stands in `label_origin`."""

AT_ONCE = 10_000


@dataclass
class Relabelled:
    """What a campaign came to, for the catalogue's faces."""

    kept: int = 0
    """Their label is what people say."""
    relabelled: int = 0
    """People say something else, or there was no label."""
    rejected: Counter[str] = field(default_factory=Counter[str])
    """Per reason."""
    undecided: int = 0
    """Votes are missing, or a reviewer's decision. These faces stay as they are."""
    left_out: Counter[str] = field(default_factory=Counter[str])
    """Decided, but another stage had rejected the face meanwhile: why."""
    changed: int = 0
    """Rows of the catalogue that weren't so already."""


def relabel(catalog: Catalog, name: str) -> Relabelled:
    """Write a campaign's verdicts into its faces; what is written already stays.

    An expression becomes the face's label, from votes. "unusable" and "other" reject the face; its label
    stays what it was, and a later verdict for an expression brings it back. A near-duplicate gets its label
    too, but stays one until near-duplicates are marked again. What a campaign began with is in its items.

    Raises:
        LabelError: there is no such campaign, or it is a panel: those aren't about faces of the catalogue.
        CatalogError: `kaogae faces` is at work, or see `Catalog.session`.
    """
    with catalog.alone("faces"), catalog.session() as session:  # it decides about the same columns
        campaign = find(session, name)
        if campaign.kind != CLEAN:
            raise LabelError(
                f"'{name}' is a panel: only what people say about faces can become their labels."
            )
        return _relabel(session, campaign)


def _relabel(session: Session, campaign: Campaign) -> Relabelled:
    report = Relabelled()
    mine = Item.campaign_id == campaign.id
    report.undecided = session.scalar(select(func.count()).where(mine, Item.verdict.is_(None))) or 0
    columns = (Face.id, Face.state, Face.reason, Face.expression, Face.label_origin, Face.duplicate_of)
    decided = (
        select(Item.id.label("item"), Item.verdict, Item.label, *columns)
        .join(Face, Face.id == Item.face_id)
        .where(mine, Item.verdict.is_not(None))
        .order_by(Item.id)
        .limit(AT_ONCE)
    )
    last = 0
    while page := session.execute(decided.where(Item.id > last)).all():
        last = page[-1].item
        changes = [change for row in page if (change := _change(row, report))]
        if changes:
            session.execute(update(Face), changes)
        report.changed += len(changes)
    return report


def _change(row: Any, report: Relabelled) -> dict[str, Any] | None:
    """What has to be written, if anything."""
    if row.state != "kept" and row.reason not in (REASON, *BY_VOTES):
        report.left_out[row.reason or "no reason given"] += 1
        return None
    wanted: dict[str, Any]
    if row.verdict in EXPRESSIONS:
        report.kept += row.verdict == row.label
        report.relabelled += row.verdict != row.label
        wanted = {"expression": row.verdict, "label_origin": BY_PEOPLE}
        if row.reason in BY_VOTES:
            wanted |= {"state": "kept", "reason": None}
    else:
        reason = REASONS[row.verdict]
        report.rejected[reason] += 1
        wanted = {"state": "rejected", "reason": reason, "duplicate_of": None}
    if all(getattr(row, name) == value for name, value in wanted.items()):
        return None
    return {"id": row.id, **wanted}
