"""What a panel of people has come to: a matrix for each model, and how far its people can be trusted.

A picture shows what more than half of its votes say. Where no answer has more than half, as after three
different ones, it is "other": the paper's majority decides, and its sixth column is for the rest, so such a
picture counts against its model. A reviewer's decision stands above all votes. What an annotator undid or
skipped is no vote. A picture counts when it has as many votes as the panel asks for, never before: of those
that have two of three, the ones on which both agree are the easy ones.

Controls are faces that nobody changed, of which it is known what they show. They say how well people read
faces at all, as a judge's own matrix does, and who doesn't look.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from kaogae.catalog import Annotator, Assignment, Campaign, Catalog, Item, Vote
from kaogae.errors import EvaluationError, UsageError
from kaogae.evaluate.confusion import OTHER, VERDICTS, Confusion, wilson
from kaogae.evaluate.panel import CONTROL, CONTROLS_LEAST
from kaogae.expressions import EXPRESSIONS
from kaogae.label import Settings, decide, find
from kaogae.label.agreement import fleiss_kappa, fleiss_observed
from kaogae.label.verdicts import PANEL

CHANCE = 1 / len(EXPRESSIONS)
"""Share of controls that are right by chance: as often as one answer is, whichever is given always."""


@dataclass(frozen=True)
class Agreement:
    """How far people agree, with all their votes; see `kaogae.label.agreement`."""

    items: int
    """Pictures that at least two people judged."""
    observed: float | None
    """Mean share of pairs of votes on one picture that agree; None without such pictures."""
    kappa: float | None
    """Fleiss' κ; None also if all votes are one and the same answer."""


@dataclass(frozen=True)
class Standing:
    """How far a panel is with one model's pictures."""

    items: int
    waiting: int
    """Of these, lack votes: they don't count."""
    votes: int
    """That they lack."""
    undecided: int
    """Have all their votes, and no answer has more than half: they count as "other"."""


@dataclass(frozen=True)
class Person:
    """An annotator, by the controls."""

    name: str
    votes: int
    """On how many pictures a verdict of theirs stands, controls among them."""
    controls: int
    """Of these, controls."""
    right: int
    """Of the controls."""
    others: float | None
    """Share of the controls that the others have right, all their votes together; see `failing`."""
    failed: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share of controls that they have right."""
        low, high = wilson(self.right, self.controls).tolist()
        return low, high


@dataclass(frozen=True, eq=False)
class PanelResult:
    """What a panel says. Models are in the order of their names; "" is what has none."""

    name: str
    matrices: dict[str, Confusion]
    """By model: what was asked for (row), what most people saw (column)."""
    controls: Confusion | None
    """What controls show, what most people saw; None without controls."""
    agreement: Agreement
    """On all pictures of the panel."""
    agreements: dict[str, Agreement]
    """On each model's, and on the controls under `CONTROL`."""
    standings: dict[str, Standing]
    """Of each model, and of the controls under `CONTROL`."""
    people: tuple[Person, ...]
    """By name, without those who were left out."""
    annotators: int
    """Votes that each picture needs."""
    without: tuple[str, ...] = ()
    """Whose votes were left out."""
    inputs: frozenset[str] = frozenset()
    """Names of the inputs that its pictures show, or were made from; those that have one."""
    unknown: int = 0
    """Votes for this campaign on pictures that it doesn't have: they count nowhere."""
    trusted: "PanelResult | None" = None
    """The same without those who failed, from the votes that are left; None if nobody failed, or all did."""

    @property
    def kappa(self) -> float | None:
        """Fleiss' κ on all pictures of the panel."""
        return self.agreement.kappa

    @property
    def items(self) -> int:
        """How many pictures people are asked about."""
        return sum(one.items for one in self.standings.values())

    @property
    def partial(self) -> bool:
        """Whether pictures lack votes."""
        return any(one.waiting for one in self.standings.values())

    @property
    def missing(self) -> str:
        """What lacks votes, in words; empty if nothing does."""
        if not self.partial:
            return ""
        lacking = {model: one for model, one in self.standings.items() if one.waiting}
        each = [f"{called(model)}: {one.waiting:,} of {one.items:,}" for model, one in lacking.items()]
        items, waiting = self.items, sum(one.waiting for one in lacking.values())
        votes = sum(one.votes for one in lacking.values())
        return (
            f"{waiting:,} of {items:,} pictures lack {votes:,} {'vote' if votes == 1 else 'votes'}"
            f" ({'; '.join(each)})"
        )

    @property
    def failed(self) -> tuple[str, ...]:
        """Who fails the controls."""
        return tuple(person.name for person in self.people if person.failed)


@dataclass
class _Asked:
    """A picture of the panel, and what was said of it."""

    model: str
    target: int
    input: str
    """Name of what it was made from; empty: not known."""
    complete: bool
    """Whether it has as many votes as the panel asks for."""
    review: tuple[str, str] | None
    """Who decided, and what."""
    said: dict[str, str] = field(default_factory=dict[str, str])
    """Annotator -> verdict that stands."""

    def without(self, names: Collection[str]) -> "_Asked":
        """The same without what these people said."""
        said = {who: verdict for who, verdict in self.said.items() if who not in names}
        return replace(
            self, said=said, review=None if self.review and self.review[0] in names else self.review
        )

    @property
    def counts(self) -> bool:
        """Whether it has a decision, or had all its votes, of which some are left."""
        return self.review is not None or (self.complete and bool(self.said))

    @property
    def verdict(self) -> str | None:
        """Of a picture that counts: what it shows; None without a majority."""
        return decide(Counter(self.said.values()), 0, self.review[1] if self.review else None).verdict


def read_panel(
    catalog: Catalog, name: str, *, partial: bool = False, without: Collection[str] = ()
) -> PanelResult:
    """What the people of the panel `name` saw.

    Args:
        partial: use what has all its votes although other pictures still lack some.
        without: annotators whose votes and decisions are left out. What is left of a picture's votes decides.

    Raises:
        LabelError: there is no campaign of that name in which people can vote.
        UsageError: it isn't a panel, or nobody in it is called as `without` says.
        EvaluationError: it isn't finished, or with `partial` no picture has all its votes; or what its items
            say about themselves can't be.
    """
    with catalog.reading() as session:
        campaign = find(session, name)
        if campaign.kind != PANEL:
            raise UsageError(
                f"'{name}' asks what faces of the catalogue show, so it says nothing about models: name a"
                " panel, as `kaogae evaluate panel` makes them."
            )
        asked, unknown = _asked(session, campaign), _unknown(session, campaign)
        needed, is_open = Settings.of(campaign).annotators, campaign.closed_at is None
    _check_people(name, asked, without)
    result = _result(name, [one.without(without) for one in asked], needed)
    result = replace(result, without=tuple(sorted(set(without))), unknown=unknown)
    _check_finished(result, partial, is_open)
    return result if not result.failed else replace(result, trusted=_trusted(result, asked))


def called(model: str) -> str:
    """What texts call a model's pictures."""
    return "controls" if model == CONTROL else model or "no model named"


def failing(people: Iterable[Person]) -> tuple[Person, ...]:
    """The same people, with `others` and `failed` filled in.

    Who doesn't look is right on a fifth of the controls (`CHANCE`), as they show each expression as often.
    Somebody fails

    - who is surely less than half as far above that as the others: the upper limit of their 95 % interval
      (Wilson) lies below the middle between chance and the others' share; or
    - whom `CONTROLS_LEAST` controls or more can't tell from chance: the lower limit isn't above it. This
      finds those who guess where all of them do.

    Nobody is measured by how hard the faces are, or how well they were labelled: that is the same for all.
    Those who fail aren't counted among the others; so it is done again until nobody more fails.
    """
    people = tuple(people)
    while True:
        passed = [person for person in people if not person.failed]
        judged = tuple(person if person.failed else _judged(person, passed) for person in people)
        if judged == people:
            return judged
        people = judged


def _judged(person: Person, passed: Sequence[Person]) -> Person:
    seen = sum(other.controls for other in passed if other.name != person.name)
    right = sum(other.right for other in passed if other.name != person.name)
    others, (low, high) = right / seen if seen else None, person.limits
    below = others is not None and high < (CHANCE + others) / 2
    guesses = person.controls >= CONTROLS_LEAST and low <= CHANCE
    return replace(person, others=others, failed=below or guesses)


def _result(name: str, asked: Sequence[_Asked], needed: int) -> PanelResult:
    by_model: dict[str, list[_Asked]] = defaultdict(list)
    for one in asked:
        by_model[one.model].append(one)
    groups = {model: by_model[model] for model in sorted(by_model)}
    confusions = {model: _confusion(group) for model, group in groups.items()}
    return PanelResult(
        name=name,
        controls=confusions.pop(CONTROL, None),
        matrices=confusions,
        agreement=_agreement(asked),
        agreements={model: _agreement(group) for model, group in groups.items()},
        standings={model: _standing(group, needed) for model, group in groups.items()},
        people=failing(_people(asked)),
        annotators=needed,
        inputs=frozenset(one.input for one in asked if one.input),
    )


def _trusted(result: PanelResult, asked: Sequence[_Asked]) -> PanelResult | None:
    """`result` without those who fail, or None if nothing is left."""
    without = (*result.without, *result.failed)
    left = _result(result.name, [one.without(without) for one in asked], result.annotators)
    return replace(left, without=tuple(sorted(without))) if left.people else None


def _confusion(group: Iterable[_Asked]) -> Confusion:
    found = [(one.target, _number(one.verdict)) for one in group if one.counts]
    return Confusion.of([target for target, _ in found], [seen for _, seen in found])


def _agreement(group: Iterable[_Asked]) -> Agreement:
    said = [[_number(verdict) for verdict in one.said.values()] for one in group if len(one.said) > 1]
    tallies = np.array([np.bincount(votes, minlength=len(VERDICTS)) for votes in said], np.int64)
    return Agreement(len(said), fleiss_observed(tallies), fleiss_kappa(tallies))


def _standing(group: Sequence[_Asked], needed: int) -> Standing:
    waiting = [one for one in group if not one.counts]
    return Standing(
        items=len(group),
        waiting=len(waiting),
        votes=sum(max(needed - len(one.said), 1) for one in waiting),
        undecided=sum(one.verdict is None for one in group if one.counts),
    )


def _people(asked: Iterable[_Asked]) -> list[Person]:
    votes, controls, right = Counter[str](), Counter[str](), Counter[str]()
    for one in asked:
        votes.update(one.said.keys())
        if one.model == CONTROL:
            controls.update(one.said.keys())
            right.update(who for who, verdict in one.said.items() if _number(verdict) == one.target)
    return [Person(who, votes[who], controls[who], right[who], None) for who in sorted(votes)]


def _number(verdict: str | None) -> int:
    return OTHER if verdict is None else VERDICTS.index(verdict)


# ----------------------------------------------------------------------------------------- from the catalogue


def _asked(session: Session, campaign: Campaign) -> list[_Asked]:
    """The panel's pictures in the order of their numbers, with all votes that stand."""
    needed = Settings.of(campaign).annotators
    columns = (Item.id, Item.number, Item.about, Item.votes, Item.verdict, Annotator.name)
    items = session.execute(
        select(*columns)
        .outerjoin(Vote, Vote.id == Item.review_id)
        .outerjoin(Annotator, Annotator.id == Vote.annotator_id)
        .where(Item.campaign_id == campaign.id)
        .order_by(Item.number)
    )
    asked: dict[int, _Asked] = {}
    for id_, number, about, count, verdict, reviewer in items:
        model, target, source = _about(about, f"Picture {number} of the panel '{campaign.name}'")
        review = (reviewer, verdict) if reviewer and verdict else None
        asked[id_] = _Asked(model, target, source, count >= needed, review)
    votes = session.execute(
        select(Assignment.item_id, Annotator.name, Assignment.verdict)
        .join(Annotator, Annotator.id == Assignment.annotator_id)
        .where(Assignment.campaign_id == campaign.id, Assignment.verdict.in_(VERDICTS))
        .order_by(Assignment.item_id, Annotator.name)
    )
    for item, who, verdict in votes:
        if item in asked:
            asked[item].said[who] = str(verdict)
    return list(asked.values())


def _about(about: object, which: str) -> tuple[str, int, str]:
    """Model, target and input of an item."""
    known = cast("Mapping[str, Any]", about) if isinstance(about, dict) else {}
    model, target, source = known.get("model", ""), known.get("target"), known.get("source")
    if target not in EXPRESSIONS or not isinstance(model, str):
        raise EvaluationError(f"{which} has no target, or a model that can't be: the catalogue is damaged.")
    if model == CONTROL and source != target:
        raise EvaluationError(
            f"{which} is {source or 'something'} made {target} by a model called '{CONTROL}', as faces are"
            " called here that nobody changed: make the panel anew with another name for that model."
        )
    return model, VERDICTS.index(target), str(known.get("name", ""))


def _unknown(session: Session, campaign: Campaign) -> int:
    """Votes that name the campaign, and no picture of it."""
    question = (
        select(func.count())
        .select_from(Vote)
        .outerjoin(Item, Item.id == Vote.item_id)
        .where(Vote.campaign_id == campaign.id)
        .where(or_(Item.id.is_(None), Item.campaign_id != campaign.id))
    )
    return session.scalar(question) or 0


def _check_people(name: str, asked: Iterable[_Asked], without: Collection[str]) -> None:
    there = {who for one in asked for who in one.said} | {one.review[0] for one in asked if one.review}
    strangers = [who for who in without if who not in there]
    if strangers:
        known = f": there are {', '.join(sorted(there))}" if there else ""
        raise UsageError(f"Nobody called '{strangers[0]}' voted in the panel '{name}'{known}.")


def _check_finished(result: PanelResult, partial: bool, is_open: bool) -> None:
    waiting = sum(one.waiting for one in result.standings.values())
    nothing = waiting == result.items
    if not waiting or (partial and not nothing):
        return
    again = "" if is_open else f" with `kaogae label reopen {result.name}`"
    hope = "" if nothing else ", or use the others with --partial"
    raise EvaluationError(
        f"The panel '{result.name}' isn't finished: {result.missing}. Let people vote{again}{hope}."
    )
