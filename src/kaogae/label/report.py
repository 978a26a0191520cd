"""What a campaign has come to: how far it is, what was said, and how far people agree."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, String, case, cast, func, select
from sqlalchemy.orm import Session

from kaogae.catalog import Annotator, Assignment, Campaign, Item, Vote
from kaogae.expressions import EXPRESSIONS
from kaogae.label.agreement import cohen_kappa, fleiss_kappa, fleiss_observed, observed_agreement
from kaogae.label.campaigns import Settings
from kaogae.label.verdicts import ANSWERS, CLEAN, DISPUTED, OPEN, SKIPPED, STATES, UNDONE

PAPER_DIAGONAL: dict[str, int] = dict(zip(EXPRESSIONS, (89, 74, 72, 78, 91), strict=True))
"""Of Table II of the paper, which has neutral before crying: of 100 transfers to each, how many three experts
saw as that."""

UNLABELLED = "unlabelled"
"""The row of the matrix for faces that had no label."""

PAIRED_MOST = 50
"""People who are compared two by two: those with the most votes. A thousand would be half a million pairs."""

PACKED = 16
"""More than there are answers: an item, an answer to it and its consensus fit into one number."""


@dataclass(frozen=True)
class AnnotatorProgress:
    """What one annotator has done in a campaign, and how it compares."""

    name: str
    votes: int
    """On how many items a verdict of theirs stands."""
    skipped: int
    undone: int
    median_ms: float | None
    """Of the time that they took for a verdict."""
    last_at: datetime | None
    agreement: float | None
    """Share of their verdicts that are the consensus, of the items that have one. Theirs is part of it."""


@dataclass(frozen=True)
class PairAgreement:
    """Two annotators on the items that both judged."""

    first: str
    second: str
    items: int
    observed: float
    kappa: float | None
    """Cohen's; None if chance alone would agree always."""
    confusion: list[list[int]]
    """[first's answer][second's answer], in the campaign's order of answers."""


@dataclass(frozen=True)
class CampaignReport:
    """Everything about a campaign."""

    id: int
    name: str
    kind: str
    blind: bool
    answers: list[str]
    open: bool
    created_at: datetime
    annotators_per_item: int
    items: int
    states: dict[str, int]
    """open, agreed, disputed, reviewed: how many items."""
    verdicts: dict[str, int]
    """How many items came to what."""
    changed: int
    """Of a clean campaign: items whose verdict isn't the label that they had."""
    matrix: dict[str, dict[str, int]]
    """What was to be seen (a panel's target, a clean campaign's label) -> the verdict -> how many items.

    Items that have all their votes and no majority are among them, as "disputed": without those a panel would
    look better than it is.
    """
    annotators: list[AnnotatorProgress] = field(default_factory=list[AnnotatorProgress])
    pairs: list[PairAgreement] = field(default_factory=list[PairAgreement])
    """Of the people with the most votes, every two who judged an item that the other judged too."""
    fleiss_kappa: float | None = None
    """Of all items with at least two votes."""
    observed: float | None = None
    """Mean share of pairs of votes on one item that agree."""


@dataclass(frozen=True)
class _Votes:
    """The verdicts that stand, ordered by item and annotator. Each array has [N]."""

    items: NDArray[np.int64]
    people: NDArray[np.int64]
    answers: NDArray[np.int64]
    """Numbers of answers, in the campaign's order."""
    agreed: NDArray[np.int64]
    """The number of the item's consensus; −1 if it has none."""


class _Past(NamedTuple):
    """What an annotator's votes say besides verdicts."""

    skipped: int
    undone: int
    last_at: datetime | None


def report(session: Session, campaign: Campaign, *, people: bool = True) -> CampaignReport:
    """Everything about a campaign.

    Args:
        people: with what each annotator did and how they agree; without, only the items are counted.

    Raises:
        LabelError: it is none in which people can vote.
    """
    settings = Settings.of(campaign)
    answers = ANSWERS[campaign.kind]
    groups = _groups(session, campaign)
    states, verdicts = Counter[str](), Counter[str]()
    matrix = Counter[tuple[str, str]]()
    for (shown, state, verdict), count in groups.items():
        states[state] += count
        if verdict is not None:
            verdicts[verdict] += count
        if state != OPEN:
            matrix[shown or UNLABELLED, verdict or DISPUTED] += count
    rows = [*EXPRESSIONS, *([UNLABELLED] if any(shown == UNLABELLED for shown, _ in matrix) else [])]
    about = CampaignReport(
        id=campaign.id,
        name=campaign.name,
        kind=campaign.kind,
        blind=settings.blind,
        answers=list(answers),
        open=campaign.closed_at is None,
        created_at=campaign.created_at,
        annotators_per_item=settings.annotators,
        items=states.total(),
        states={state: states[state] for state in STATES},
        verdicts={answer: verdicts[answer] for answer in answers},
        changed=_changed(matrix) if campaign.kind == CLEAN else 0,
        matrix={str(row): {said: matrix[row, said] for said in (*answers, DISPUTED)} for row in rows},
    )
    return about if not people else _with_people(session, about)


def _groups(session: Session, campaign: Campaign) -> dict[tuple[str | None, str, str | None], int]:
    """How many items have this label or target, this state and this verdict."""
    shown = Item.label if campaign.kind == CLEAN else Item.about["target"].as_string()
    columns = (shown.label("shown"), Item.state, Item.verdict)
    inner = select(*columns).where(Item.campaign_id == campaign.id).subquery()
    question = select(*inner.c, func.count()).group_by(*inner.c)
    return {(row[0], row[1], row[2]): row[3] for row in map(tuple, session.execute(question))}


def _changed(matrix: Mapping[tuple[str, str], int]) -> int:
    return sum(
        count
        for (shown, said), count in matrix.items()
        if shown not in (said, UNLABELLED) and said != DISPUTED
    )


def _with_people(session: Session, about: CampaignReport) -> CampaignReport:
    votes = _standing(session, about)
    names: dict[int, str] = {}
    history = _history(session, about.id)
    wanted = {*history, *np.unique(votes.people).tolist()}
    for row in session.execute(select(Annotator.id, Annotator.name)):
        if row.id in wanted:
            names[row.id] = row.name
    tallies = _tallies(votes, len(about.answers))
    return replace(
        about,
        annotators=_annotators(votes, names, history, _medians(session, about)),
        pairs=_pairs(votes, names, len(about.answers)),
        fleiss_kappa=fleiss_kappa(tallies),
        observed=fleiss_observed(tallies),
    )


def _standing(session: Session, about: CampaignReport) -> _Votes:
    number = {answer: k for k, answer in enumerate(about.answers, 1)}
    said = case(number, value=Assignment.verdict, else_=0)
    agreed = case(number, value=Item.verdict, else_=0)
    rows = session.execute(
        select(Assignment.annotator_id, _listed(Assignment.item_id * PACKED**2 + said * PACKED + agreed))
        .join(Item, Item.id == Assignment.item_id)
        .where(Assignment.campaign_id == about.id, said > 0)
        .group_by(Assignment.annotator_id)
    )
    parts = [np.empty((2, 0), np.int64)]
    for who, text in rows:
        packed = _numbers(text)
        parts.append(np.stack([packed, np.full_like(packed, who)]))
    packed, people = np.concatenate(parts, axis=1)
    items = packed // PACKED**2
    order = np.lexsort((people, items))
    answers, consensus = packed // PACKED % PACKED - 1, packed % PACKED - 1
    return _Votes(items[order], people[order], answers[order], consensus[order])


def _listed(number: ColumnElement[Any]) -> ColumnElement[str]:
    """All numbers of a group as one text: a row for each would take Python longer than the database."""
    return func.aggregate_strings(cast(number, String), ",")


def _numbers(text: str) -> NDArray[np.int64]:
    return np.fromstring(text, np.int64, sep=",")


def _history(session: Session, campaign: int) -> dict[int, _Past]:
    """Of each annotator: how often they skipped and undid, and when they last did anything."""
    rows = session.execute(
        select(
            Vote.annotator_id,
            func.sum(case((Vote.verdict == SKIPPED, 1), else_=0)).label("skipped"),
            func.sum(case((Vote.verdict == UNDONE, 1), else_=0)).label("undone"),
            func.max(Vote.cast_at).label("last_at"),
        )
        .where(Vote.campaign_id == campaign, Vote.review.is_(False))
        .group_by(Vote.annotator_id)
    )
    return {row.annotator_id: _Past(row.skipped, row.undone, row.last_at) for row in rows}


def _medians(session: Session, about: CampaignReport) -> dict[int, float]:
    """The median of the milliseconds that each annotator took for a verdict."""
    rows = session.execute(
        select(Vote.annotator_id, _listed(Vote.took_ms.expression))
        .where(Vote.campaign_id == about.id, Vote.review.is_(False))
        .where(Vote.took_ms.is_not(None), Vote.verdict.in_(about.answers))
        .group_by(Vote.annotator_id)
    )
    return {who: float(np.median(_numbers(text))) for who, text in rows}


def _annotators(
    votes: _Votes, names: Mapping[int, str], history: Mapping[int, _Past], medians: Mapping[int, float]
) -> list[AnnotatorProgress]:
    said = Counter(votes.people.tolist())
    settled = Counter(votes.people[votes.agreed >= 0].tolist())
    right = Counter(votes.people[votes.answers == votes.agreed].tolist())
    found: list[AnnotatorProgress] = []
    for who, name in sorted(names.items(), key=lambda pair: pair[1]):
        past = history.get(who, _Past(0, 0, None))
        found.append(
            AnnotatorProgress(
                name=name,
                votes=said[who],
                skipped=past.skipped,
                undone=past.undone,
                median_ms=medians.get(who),
                last_at=past.last_at,
                agreement=right[who] / settled[who] if settled[who] else None,
            )
        )
    return found


def _tallies(votes: _Votes, answers: int) -> NDArray[np.int64]:
    """[items, answers]: how many people gave an item an answer."""
    items, rows = np.unique(votes.items, return_inverse=True)
    return np.bincount(rows * answers + votes.answers, minlength=len(items) * answers).reshape(-1, answers)


def _pairs(votes: _Votes, names: Mapping[int, str], answers: int) -> list[PairAgreement]:
    """Two who judged one item, in the order of names; see `PAIRED_MOST`."""
    said_by: Counter[int] = Counter(votes.people.tolist())
    busiest = [who for who, _ in said_by.most_common(PAIRED_MOST)]
    order = {who: k for k, who in enumerate(sorted(busiest, key=names.__getitem__))}
    ranked = [names[who] for who in order]
    chosen = np.isin(votes.people, busiest)
    people = np.array([order[who] for who in votes.people[chosen].tolist()], np.int64)
    items, said = votes.items[chosen], votes.answers[chosen]
    by_item = np.lexsort((people, items))
    items, people, said = items[by_item], people[by_item], said[by_item]
    keys: list[NDArray[np.int64]] = []
    for apart in range(1, len(items)):  # the votes on an item lie side by side
        same = items[apart:] == items[:-apart]
        if not same.any():
            break
        pair = people[:-apart] * len(ranked) + people[apart:]
        keys.append(((pair * answers + said[:-apart]) * answers + said[apart:])[same])
    cells, counts = np.unique(np.concatenate([np.empty(0, np.int64), *keys]), return_counts=True)
    tables: dict[int, NDArray[np.int64]] = {}
    for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
        pair, place = divmod(cell, answers**2)
        tables.setdefault(pair, np.zeros(answers**2, np.int64))[place] = count
    return [_pair(ranked, pair, table.reshape(answers, answers)) for pair, table in tables.items()]


def _pair(ranked: Sequence[str], pair: int, table: NDArray[np.int64]) -> PairAgreement:
    first, second = divmod(pair, len(ranked))
    return PairAgreement(
        first=ranked[first],
        second=ranked[second],
        items=int(table.sum()),
        observed=observed_agreement(table) or 0.0,
        kappa=cohen_kappa(table),
        confusion=table.tolist(),
    )
