"""What `kaogae label status` shows: bars, tables, and the paper's Table II beside a panel's."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from kaogae.cli.application import out, plain

if TYPE_CHECKING:
    from kaogae.label.report import CampaignReport

BAR = 20
"""Characters of a bar."""

NAME = 28
"""Most characters of a name."""

MOST_PAIRS = 10
"""Pairs of people that are shown: those who agree least."""

MOST_PEOPLE = 40
"""People that are shown: those with the most votes."""

COLOURS = {"agreed": "green", "reviewed": "cyan", "disputed": "yellow", "open": "bright_black"}
"""Of the states of items, in the order in which a bar shows them."""


def show_all(reports: "Sequence[CampaignReport]") -> None:
    """One row for each campaign."""
    table = _table("campaign", "", "items", "have all votes", "", "disputed", "people each")
    for column in (2, 4, 5, 6):
        table.columns[column].justify = "right"
    for one in reports:
        voted = one.items - one.states["open"]
        state = Text(one.kind, "" if one.open else "dim").append("" if one.open else ", closed")
        table.add_row(
            Text(plain(one.name), "bold" if one.open else "dim"),
            state,
            f"{one.items:,}",
            _states(one),
            _percent(voted, one.items),
            _count(one.states["disputed"], "yellow"),
            str(one.annotators_per_item),
        )
    out.print(table)
    out.print("More about one: kaogae label status NAME", highlight=False)


def show_one(one: "CampaignReport") -> None:
    """Everything about a campaign."""
    _title(one)
    if one.annotators:
        out.print()
        out.print(_people(one))
    if one.pairs:
        out.print()
        out.print(_pairs(one))
        _agreement(one)
    if one.items > one.states["open"]:
        out.print()
        out.print(_matrix(one))
    if one.kind == "clean" and one.changed:
        out.print(
            f"labels not right: {one.changed:,}; corrected by: kaogae label export {one.name} --to catalog",
            highlight=False,
            soft_wrap=True,
        )


def _title(one: "CampaignReport") -> None:
    people = "1 person" if one.annotators_per_item == 1 else f"{one.annotators_per_item} people"
    facts = [one.kind, *(["blind"] if one.blind and one.kind != "panel" else [])]
    facts += ["open" if one.open else "closed", f"{people} each", f"since {_day(one.created_at)}"]
    out.print(Text(plain(one.name), "bold").append(f"   {' · '.join(facts)}", "not bold dim"))
    voted = one.items - one.states["open"]
    out.print(
        Text.assemble(
            _states(one, 2 * BAR),
            f"  {voted:,} of {one.items:,} have all votes ",
            (_percent(voted, one.items), "bold"),
        )
    )
    parts = Text()
    for state, colour in COLOURS.items():
        if one.states[state]:
            parts.append("■ ", colour).append(f"{state} {one.states[state]:,}   ")
    out.print(parts)


def _people(one: "CampaignReport") -> Table:
    table = _table("annotator", "votes", "", "skipped", "undone", "s each", "with consensus", "last")
    for column in (1, 3, 4, 5, 6):
        table.columns[column].justify = "right"
    busiest = sorted(one.annotators, key=lambda person: -person.votes)
    for person in busiest[:MOST_PEOPLE]:
        table.add_row(
            Text(plain(person.name)),
            f"{person.votes:,}",
            _bar(person.votes / max(one.items, 1), BAR // 2 if _narrow() else BAR),
            _count(person.skipped),
            _count(person.undone),
            "" if person.median_ms is None else f"{person.median_ms / 1000:.1f}",
            "" if person.agreement is None else f"{person.agreement:.0%}",
            "" if person.last_at is None else _day(person.last_at),
        )
    if len(busiest) > MOST_PEOPLE:
        table.add_row(Text(f"… {len(busiest) - MOST_PEOPLE} others", "dim"))
    return table


def _pairs(one: "CampaignReport") -> Table:
    from kaogae.label.agreement import in_words

    table = _table(
        "who agree least" if len(one.pairs) > MOST_PAIRS else "two people", "both judged", "agree", "κ", ""
    )
    for column in (1, 2, 3):
        table.columns[column].justify = "right"
    least = sorted(one.pairs, key=lambda pair: 1.0 if pair.kappa is None else pair.kappa)
    for pair in least[:MOST_PAIRS]:
        table.add_row(
            Text(f"{plain(pair.first)} – {plain(pair.second)}"),
            f"{pair.items:,}",
            f"{pair.observed:.0%}",
            "" if pair.kappa is None else f"{pair.kappa:.2f}",
            "chance would agree too" if pair.kappa is None else in_words(pair.kappa),
        )
    return table


def _agreement(one: "CampaignReport") -> None:
    from kaogae.label.agreement import in_words

    if one.observed is None:
        return
    line = Text(f"All together agree on {one.observed:.0%} of the pairs of votes")
    if one.fleiss_kappa is not None:
        line.append(", Fleiss' κ ").append(f"{one.fleiss_kappa:.2f}", "bold")
        line.append(f" ({in_words(one.fleiss_kappa)})")
    out.print(line)


def _matrix(one: "CampaignReport") -> Table:
    """Rows: what was to be seen; columns: the share of what people said."""
    from kaogae.label.report import PAPER_DIAGONAL

    panel = one.kind == "panel"
    columns = [*one.answers, "disputed", "items", *(["paper"] if panel else [])]
    table = _table("target" if panel else "label", *columns)
    for column in table.columns[1:]:
        column.justify = "right"
    for shown, row in one.matrix.items():
        total = sum(row.values())
        cells = [_share(count, total, said == shown) for said, count in row.items()]
        paper = [Text(f"{PAPER_DIAGONAL[shown]}%", "cyan")] if shown in PAPER_DIAGONAL and panel else []
        table.add_row(shown, *cells, _count(total), *paper)
    if panel:
        shares = [row[shown] / sum(row.values()) for shown, row in one.matrix.items() if sum(row.values())]
        mean = f"mean of the diagonal: {sum(shares) / len(shares):.1%}"
        theirs = sum(PAPER_DIAGONAL.values()) / len(PAPER_DIAGONAL)
        table.caption = Text(f"{mean}; the paper's, Table II: {theirs:.1f}%")
        table.caption_justify = "left"
    return table


def _share(count: int, total: int, right: bool) -> Text:
    if not count:
        return Text("·", "dim")
    return Text(_percent(count, total), "bold green" if right else "")


def _states(one: "CampaignReport", width: int = BAR) -> Text:
    """A bar of the items' states."""
    bar, done, drawn = Text(), 0, 0
    for state, colour in COLOURS.items():
        done += one.states[state]
        until = round(width * done / max(one.items, 1))
        bar.append(("░" if state == "open" else "█") * (until - drawn), colour)
        drawn = until
    return bar


def _bar(share: float, width: int) -> Text:
    full = round(width * min(share, 1))
    return Text("█" * full, "green").append("░" * (width - full), "bright_black")


def _table(*columns: str) -> Table:
    apart = (0, 0) if _narrow() else (0, 1, 0, 0)
    table = Table(box=box.SIMPLE_HEAD, padding=apart, pad_edge=False, show_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    table.columns[0].max_width = NAME
    return table


def _narrow() -> bool:
    return out.width < 100


def _count(number: int, style: str = "") -> Text:
    return Text(f"{number:,}", style) if number else Text("·", "dim")


def _percent(part: int, whole: int) -> str:
    """Never 100 % or 0 % of what isn't all or nothing."""
    if not whole:
        return ""
    share = 100 * part / whole
    shown = 99 if 99 < share < 100 else 1 if 0 < share < 1 else round(share)
    return f"{shown}%"


def _day(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d" if _narrow() else "%Y-%m-%d %H:%M")
