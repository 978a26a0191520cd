"""The report's tables but for the matrices: a row for each model, or for each model and target."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from kaogae.evaluate.bootstrap import LEAST, Comparison
from kaogae.evaluate.comparing import Compared, comparisons
from kaogae.evaluate.confusion import CLASSES, PAPER, VERDICTS, Confusion
from kaogae.evaluate.correction import Corrected
from kaogae.evaluate.evaluation import TARGETS, Evaluation
from kaogae.evaluate.likeness import decibels
from kaogae.evaluate.regions import PARTS
from kaogae.evaluate.report.material import Group, Material, SetFacts
from kaogae.evaluate.tables import (
    UNKNOWN,
    Cell,
    Measured,
    Table,
    as_interval,
    as_name,
    as_percent,
    matrix,
)
from kaogae.expressions import EXPRESSIONS

PAPERS = "Mobini and Ghaderi (2020)"
TABLE_1 = (
    ("Danbooru", 2041),
    ("Danbooru", 620),
    ("Danbooru", 686),
    ("Getchu", 1396),
    ("Getchu", 452),
)
"""The paper's Table I, in the order of `EXPRESSIONS`: main source and faces."""
SOURCES = 6
"""Most sources with a column of their own."""
MEASURES = {
    "success": ("as asked, by the judge, %", 1, 100),
    "identity": ("identity: distance", 3, 1),
    "ssim_rest": ("SSIM of the rest", 4, 1),
    "perceptual_rest": ("perceptual distance of the rest", 4, 1),
    "cycle": ("cycle, grey levels", 2, 1),
    "truth_error": ("squared error to the truth", 1, 1),
    "truth_ssim": ("SSIM to the truth", 4, 1),
    "truth_perceptual": ("perceptual distance to the truth", 4, 1),
}
"""Of `comparing`: what they are called, with how many digits, and in which unit."""
NETWORKS = {"inception": "Inception's features", "judge": "the judge's features"}

Column = tuple[str, Callable[[Evaluation, slice | int], str]]
"""What it is called, and what it says of outputs of some targets."""


# ------------------------------------------------------------------------------------------------- in numbers


def mean(values: ArrayLike) -> float:
    """Of what is known; nan if nothing is."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else float("nan")


def written(value: float, digits: int) -> str:
    """With so many digits; a dash if it isn't known."""
    if np.isnan(value):
        return UNKNOWN
    return "∞" if np.isinf(value) else f"{value:.{digits}f}".replace("-", "−")


def share(found: Confusion | Corrected | None) -> str:
    """The mean accuracy and its 95 % interval in %."""
    return UNKNOWN if found is None else as_interval(found.mean_accuracy, *found.mean_interval)


def unchanged(found: Evaluation) -> Confusion | None:
    """What the judge would see if a model changed nothing."""
    verdicts = found.scores.get("input_verdicts")
    if verdicts is None:
        return None
    return Confusion.of(np.tile(np.arange(TARGETS), len(verdicts)), np.repeat(verdicts, TARGETS))


# ------------------------------------------------------------------------------------------------- of a group


def summary(group: Group, material: Material) -> Table:
    """The numbers that stand for all."""
    by = [one for one in NETWORKS if any(one in found.distances for found in group.found.values())]
    columns = ["model", "by the judge % (95 %)", "corrected % (95 %)", "by people % (95 %)"]
    columns += ["identity", "SSIM of the rest", *(f"FID, {NETWORKS[one]}" for one in by), "faces/s", "MB"]
    rows = [
        [
            name,
            share(found.confusion),
            share(found.corrected),
            share(material.people(group, name)),
            written(_mean(found, "identity"), 3),
            written(_mean(found, "ssim_rest"), 3),
            *(_last(found, one, "fid", 2) for one in by),
            written(found.faces_per_second, 1),
            written(found.model.bytes / 1e6, 1),
        ]
        for name, found in group.found.items()
    ]
    blank = [UNKNOWN] * (len(by) + 2)
    if still := unchanged(group.first):
        rows.append(["the input, unchanged", share(still), UNKNOWN, UNKNOWN, "0", "1", *blank])
    rows.append([f"{PAPERS}, on its own faces", UNKNOWN, UNKNOWN, share(PAPER), UNKNOWN, UNKNOWN, *blank])
    return _table(f"{group.name}: what was asked for, and what else changed", columns, rows)


def table_1(facts: SetFacts) -> Table:
    """Faces by expression and source; the paper's beside."""
    totals = {source: sum(counts.values()) for source, counts in facts.faces.items()}
    ranked = sorted(totals, key=lambda source: (-totals[source], source))
    own, folded = (ranked, []) if len(ranked) <= SOURCES else (ranked[: SOURCES - 1], ranked[SOURCES - 1 :])
    places = [(as_name(source), [source]) for source in own]
    places += [(f"{len(folded)} others", folded)] if folded else []

    def count(expression: str, sources: Sequence[str]) -> int:
        return sum(facts.faces[source].get(expression, 0) for source in sources)

    rows = [
        [
            expression.value,
            *(f"{count(expression, sources):,}" for _, sources in places),
            f"{count(expression, ranked):,}",
            paper,
            f"{faces:,}",
        ]
        for expression, (paper, faces) in zip(EXPRESSIONS, TABLE_1, strict=True)
    ]
    foot = [
        "all",
        *(f"{sum(totals[source] for source in sources):,}" for _, sources in places),
        f"{sum(totals.values()):,}",
        "",
        f"{sum(faces for _, faces in TABLE_1):,}",
    ]
    columns = ["expression", *(name for name, _ in places), "faces", "paper's main source", "paper's faces"]
    return _table(f"Table I: {as_name(facts.name)}", columns, rows, [foot])


def compact(one: Measured, others: ArrayLike | None = None) -> Table:
    """A matrix without the accuracies, which are on its diagonal, so that several fit side by side.

    Args:
        others: [6], a judge's verdicts on pictures that show none of the five.
    """
    whole, totals = matrix(one), one.confusion.totals.tolist()
    same = len(set(totals)) == 1
    rows = [
        (row[0] if same else Cell(f"{row[0].text} ({total})"), *row[1 : 1 + len(VERDICTS)])
        for row, total in zip(whole.rows, totals, strict=True)
    ]
    if others is not None and (total := int(np.sum(others))):
        shares = (np.asarray(others) / total).tolist()
        rows.append(
            (Cell(f"none of them ({total})"), *(Cell(as_percent(s, 0) if s else "·", s) for s in shares))
        )
    each = f", {totals[0]} each" if same else ""
    return Table(f"{as_name(one.name)}: % of each row{each}", whole.columns[: 1 + len(VERDICTS)], tuple(rows))


def habit(group: Group) -> Table | None:
    """Accuracy by the judge and by a model's own discriminator."""
    rows: list[list[str]] = []
    for name, found in group.found.items():
        own, hits = found.own_confusion, found.hits
        if own is None or hits is None or found.confusion is None:
            continue
        pleased = found.scores["own_head"] == np.arange(TARGETS)
        fooled = mean(~hits[pleased]) if pleased.any() else float("nan")
        gap = 100 * (own.mean_accuracy - found.confusion.mean_accuracy)
        rows.append([name, share(found.confusion), share(own), written(gap, 1), _percent(fooled)])
    columns = ["model", "by the judge % (95 %)", "by its own discriminator % (95 %)", "gap, points"]
    columns += ["not so to the judge, of what its own accepts %"]
    return _table(f"{group.name}: the judge and the model's own teacher", columns, rows) if rows else None


def compared(group: Group) -> list[tuple[str, str, list[Compared]]]:
    """Every two models over the same inputs, in all that is known of both; success is first."""
    if len(group.first.inputs) < LEAST:
        return []
    pairs = combinations(group.found.items(), 2)
    found = [(a, b, comparisons([first, second])) for (a, first), (b, second) in pairs]
    return [(a, b, each) for a, b, each in found if each]


def comparison(title: str, found: Sequence[tuple[str, Comparison]]) -> Table:
    """A row for each respect in which A and B were compared."""
    rows: list[list[str]] = []
    for measure, one in found:
        name, digits, times = MEASURES.get(measure, (as_name(measure), 3, 1))
        values = [one.a, one.b, one.difference, *one.interval]
        a, b, apart, low, high = (written(times * value, digits) for value in values)
        rows.append([name, a, b, apart, f"{low} to {high}", as_percent(one.better, 1)])
    return _table(title, ["measure", "A", "B", "A − B", "95 % interval", "A is better, % of draws"], rows)


def moved(group: Group) -> Table | None:
    """Over all inputs and targets, by part."""
    called = {
        "moved_rightly": "moved rightly",
        "moved": "moved",
        "spread": "differs by target",
    }
    rows = [
        [f"{name}, {text}", *(written(float(value), 2) for value in found.regions[key])]
        for key, text in called.items()
        for name, found in group.found.items()
        if key in found.regions
    ]
    return _table(f"{group.name}: what moved", ["model, measure", *PARTS], rows) if rows else None


def changed(group: Group) -> list[Table]:
    """Mean change in grey levels, by target and part."""
    columns = [(part, _measure("changed", 1, k)) for k, part in enumerate(PARTS)]
    return by_target(group, "mean change, grey levels", columns)


def kept(group: Group) -> list[Table]:
    """What should have stayed."""
    columns = [
        ("identity", _measure("identity", 3)),
        ("SSIM", _measure("ssim_rest", 3)),
        ("perceptual", _measure("perceptual_rest", 4)),
        ("cycle", _measure("cycle", 2)),
        ("face found %", _faces),
    ]
    return by_target(group, "what stayed", columns)


def truth(group: Group) -> list[Table]:
    """Distance to the drawn truth; the unchanged input's beside."""
    columns = [
        ("PSNR, dB", _decibels("truth_error")),
        ("of the input, dB", _decibels("input_truth_error")),
        ("SSIM", _measure("truth_ssim", 3)),
        ("perceptual", _measure("truth_perceptual", 4)),
    ]
    return by_target(group, "likeness to the drawn truth", columns) if group.drawn else []


def by_target(group: Group, what: str, columns: Sequence[Column]) -> list[Table]:
    """Of each model a table with a row for each target, and one for all; what nobody measured is left out."""
    known = [
        (name, says)
        for name, says in columns
        if any(says(one, slice(None)) != UNKNOWN for one in group.found.values())
    ]
    head = ["asked for", *(name for name, _ in known)]

    def row(name: str, found: Evaluation, where: slice | int) -> list[str]:
        return [name, *(says(found, where) for _, says in known)]

    return [
        _table(
            f"{group.name}, {model}: {what}",
            head,
            [row(expression.value, found, k) for k, expression in enumerate(EXPRESSIONS)],
            [row("all", found, slice(None))],
        )
        for model, found in group.found.items()
        if known
    ]


def distances(group: Group) -> Table | None:
    """FID and KID to real faces, by target."""
    rows: list[list[str]] = []
    for by, network in NETWORKS.items():
        for name, found in group.found.items():
            one = found.distances.get(by)
            if one is None:
                continue
            rows.append([f"{name}: FID, {network}", *_six(one.get("fid"), 2)])
            rows.append([f"{name}: KID × 1000, {network}", *_kid(one)])
        first = next((one.distances[by] for one in group.found.values() if by in one.distances), {})
        if "pictures" in first:
            rows.append([f"compared with faces, {network}", *_six(first["pictures"], 0)])
    columns = ["model, measure", *(e.value for e in EXPRESSIONS), "all"]
    return _table(f"{group.name}: distance to faces that show it", columns, rows) if rows else None


def speed(group: Group) -> Table:
    """What each model costs."""
    rows = [
        [
            name,
            f"{found.model.image_size} × {found.model.image_size}",
            UNKNOWN if found.model.parameters is None else written(found.model.parameters / 1e6, 2),
            written(found.model.bytes / 1e6, 1),
            written(found.faces_per_second, 1),
            written(found.seconds or float("nan"), 1),
        ]
        for name, found in group.found.items()
    ]
    columns = ["model", "pixels", "million parameters", "MB", "faces/s", "seconds for all outputs"]
    return _table(f"{group.name}: speed and size", columns, rows)


def _table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    foot: Sequence[Sequence[str]] = (),
) -> Table:
    cells = [tuple(tuple(Cell(text) for text in row) for row in part) for part in (rows, foot)]
    return Table(title, tuple(columns), cells[0], cells[1])


def _mean(found: Evaluation, key: str) -> float:
    return mean(found.scores[key]) if key in found.scores else float("nan")


def _measure(key: str, digits: int, part: int | None = None) -> Callable[[Evaluation, slice | int], str]:
    """Means of a score [N, 5], or of a part of [N, 5, P]."""

    def says(found: Evaluation, where: slice | int) -> str:
        if key not in found.scores:
            return UNKNOWN
        values = found.scores[key][:, where]
        return written(mean(values if part is None else values[..., part]), digits)

    return says


def _decibels(key: str) -> Callable[[Evaluation, slice | int], str]:
    def says(found: Evaluation, where: slice | int) -> str:
        if key not in found.scores:
            return UNKNOWN
        return written(float(decibels(mean(found.scores[key][:, where]))), 1)

    return says


def _faces(found: Evaluation, where: slice | int) -> str:
    return _percent(mean(found.scores["faces"][:, where])) if "faces" in found.scores else UNKNOWN


def _percent(value: float) -> str:
    return UNKNOWN if np.isnan(value) else as_percent(value, 1)


def _six(values: ArrayLike | None, digits: int) -> list[str]:
    """Of each target, and of all."""
    if values is None:
        return [UNKNOWN] * (CLASSES + 1)
    return [written(float(value), digits) for value in np.asarray(values, np.float64)]


def _kid(one: Mapping[str, ArrayLike]) -> list[str]:
    if "kid" not in one:
        return _six(None, 0)
    values = _six(1000 * np.asarray(one["kid"], np.float64), 1)
    if "kid_sd" not in one:
        return values
    apart = _six(1000 * np.asarray(one["kid_sd"], np.float64), 1)
    return [a if a == UNKNOWN or b == UNKNOWN else f"{a} ± {b}" for a, b in zip(values, apart, strict=True)]


def _last(found: Evaluation, by: str, key: str, digits: int) -> str:
    values = found.distances.get(by, {}).get(key)
    return UNKNOWN if values is None else written(float(values[-1]), digits)
