"""What the catalogue holds, in numbers: per source, expression, state, reason and label origin."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kaogae.catalog.catalog import Catalog
from kaogae.catalog.models import Face, Picture
from kaogae.expressions import EXPRESSIONS, Expression


class Group(NamedTuple):
    """How many pictures or faces are alike in all of this."""

    site: str
    expression: str | None
    label_origin: str | None
    state: str
    reason: str | None
    number: int


@dataclass(frozen=True)
class PaperRow:
    """One row of the paper's Table I."""

    source: str
    keyword: str
    faces: int


PAPER: dict[Expression, PaperRow] = {
    Expression.HAPPY: PaperRow("Danbooru", "happy -manga", 2041),
    Expression.SAD: PaperRow("Danbooru", "sad -manga", 620),
    Expression.CRYING: PaperRow("Danbooru", "crying -manga", 686),
    Expression.NEUTRAL: PaperRow("Getchu", "neutral -manga", 1396),
    Expression.SURPRISED: PaperRow("Getchu", "surprised -manga", 452),
}
"""Table I of the paper: 5,195 faces."""


@dataclass(frozen=True)
class Row:
    """One row of Table I for this catalogue, beside the paper's."""

    expression: Expression
    faces: int
    source: str | None
    """The one with the most of these faces; None if there are none."""
    paper: PaperRow


@dataclass(frozen=True)
class Counts:
    """Everything that is in the catalogue, counted; groups that are empty are left out."""

    pictures: tuple[Group, ...]
    faces: tuple[Group, ...]
    to_upscale: int
    """Kept faces that `kaogae upscale` hasn't looked at."""

    def table_one(self) -> tuple[Row, ...]:
        """The paper's Table I from the faces kept here."""
        kept = tally((group for group in self.faces if group.state == "kept"), "expression", "site")
        rows: list[Row] = []
        for expression in EXPRESSIONS:
            sources = {site: n for (name, site), n in kept.items() if name == expression}
            main = max(sorted(site for site in sources if site), key=lambda s: sources[s], default=None)
            rows.append(Row(expression, sum(sources.values()), main, PAPER[expression]))
        return tuple(rows)


def tally(groups: Iterable[Group], *names: str) -> Counter[tuple[str | None, ...]]:
    """How many there are for each combination of the fields `names`."""
    counted: Counter[tuple[str | None, ...]] = Counter()
    for group in groups:
        counted[tuple(getattr(group, name) for name in names)] += group.number
    return counted


def count(catalog: Catalog, site: str | None = None) -> Counts:
    """Count the catalogue, or one source of it.

    Raises:
        CatalogError: see `Catalog.reading`.
    """
    with catalog.reading() as session:
        waiting = select(func.count()).where(Face.state == "kept", Face.enhanced_by.is_(None))
        if site is not None:
            waiting = waiting.where(Face.site == site)
        return Counts(
            _groups(session, Picture, site), _groups(session, Face, site), session.scalar(waiting) or 0
        )


def _groups(session: Session, table: type[Picture] | type[Face], site: str | None) -> tuple[Group, ...]:
    columns = (table.site, table.expression, table.label_origin, table.state, table.reason)
    question = select(*columns, func.count()).group_by(*columns).order_by(*columns)
    if site is not None:
        question = question.where(table.site == site)
    return tuple(Group(*row) for row in session.execute(question))


def merged(counts: Counts, most: int) -> Counts:
    """Sources of one kind (renpy:a, renpy:b, …) as one, where there are more than `most` of them."""
    kind_of = {group.site: group.site.partition(":")[0] for group in (*counts.pictures, *counts.faces)}
    kinds = Counter(kind_of.values())
    names = {site: f"{kind} ({kinds[kind]})" for site, kind in kind_of.items() if kinds[kind] > most}

    def merge(groups: tuple[Group, ...]) -> tuple[Group, ...]:
        together: Counter[Group] = Counter()
        for group in groups:
            together[group._replace(site=names.get(group.site, group.site), number=0)] += group.number
        return tuple(group._replace(number=number) for group, number in together.items())

    return replace(counts, pictures=merge(counts.pictures), faces=merge(counts.faces))
