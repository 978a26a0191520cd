"""What a model card says of how well the model does: what was measured of it, or that nobody did."""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, cast

from kaogae.expressions import EXPRESSIONS
from kaogae.stargan import Header
from kaogae.train.card_text import code, hash_of, table

ROWS = 50
"""Most lines of a table."""
SETS = 10
"""Most evaluations."""


def metrics_of(header: Header) -> dict[str, float]:
    """What was measured on the finished model, by name; the losses of training are no such measure."""
    found: dict[str, float] = {}
    for name, value in header.metrics.items():
        inner = cast("dict[str, Any]", value) if isinstance(value, dict) else {"": value}
        for key, number in inner.items():
            if name not in ("losses", "evaluations") and type(number) in (int, float) and isfinite(number):
                found[f"{name}.{key}".removesuffix(".")] = number
    return dict(list(found.items())[:ROWS])


def evaluated(header: Header) -> Iterator[str]:
    """Lines of Markdown."""
    metrics, evaluations = metrics_of(header), _evaluations(header)
    yield "## How well it does"
    yield ""
    if not metrics and not evaluations:
        yield (
            "It hasn't been evaluated: nobody has counted how often a changed face shows the expression that"
            " was asked for, or whether it is still the same character. The losses above don't say it."
        )
        return
    if metrics:
        yield "| | |"
        yield "|---|---|"
        yield from (f"| {code(name)} | {value:g} |" for name, value in metrics.items())
    for name, one in evaluations.items():
        yield from _evaluation(name, one)


def _evaluation(name: str, one: Mapping[str, Any]) -> Iterator[str]:
    """Table II of the paper on these inputs, by the judge, and what else was measured."""
    yield ""
    yield f"On the inputs {code(name)}, by the judge {hash_of(one.get('judge'))}: of each row, what was seen."
    yield ""
    yield f"| asked for | {' | '.join(EXPRESSIONS)} | other |"
    yield "|---" * (len(EXPRESSIONS) + 2) + "|"
    for asked, row in zip(EXPRESSIONS, one["matrix"], strict=True):
        yield f"| {asked} | {' | '.join(f'{count:,}' for count in row)} |"
    summary = {key: value for key, value in table(one.get("summary")).items() if type(value) is float}
    if summary:
        yield ""
        yield "| | |"
        yield "|---|---|"
        yield from (f"| {code(key)} | {value:.4g} |" for key, value in list(summary.items())[:ROWS])


def _evaluations(header: Header) -> dict[str, dict[str, Any]]:
    """Those with a matrix of whole numbers, [5, 6], by the inputs' name."""
    found = {name: table(one) for name, one in table(header.metrics.get("evaluations")).items()}
    return {name: one for name, one in list(found.items())[:SETS] if _is_matrix(one.get("matrix"))}


def _is_matrix(value: Any) -> bool:
    rows = cast("list[Any]", value) if isinstance(value, list) else []
    wide = [isinstance(row, list) and len(row) == len(EXPRESSIONS) + 1 for row in rows]
    return wide == [True] * len(EXPRESSIONS) and all(type(n) is int and n >= 0 for row in rows for n in row)
