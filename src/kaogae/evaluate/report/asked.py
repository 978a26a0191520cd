"""Chapters on what was asked for: how often it is seen, by whom, and how far they can be believed."""

from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np

from kaogae.evaluate.bootstrap import Comparison
from kaogae.evaluate.confusion import Confusion, Counts
from kaogae.evaluate.evaluation import TARGETS, Evaluation, JudgeFacts
from kaogae.evaluate.regions import PARTS, VISIBLE, reach
from kaogae.evaluate.report import figures, overviews
from kaogae.evaluate.report.material import Group, Material, SetFacts
from kaogae.evaluate.report.overviews import mean, unchanged, written
from kaogae.evaluate.report.page import Block, Chart, Heading, Points, Tabled, Words, tabled
from kaogae.evaluate.tables import (
    PAPERS,
    Measured,
    accuracies,
    as_csv,
    as_latex,
    as_name,
    as_percent,
    matrix,
)
from kaogae.expressions import EXPRESSIONS

MANY = 20
"""Most licences that are named."""
NARROW = 4
"""Most columns of accuracies that have room beside a chart."""

Blocks = Generator[Block]


def summary(material: Material) -> Blocks:
    """In plain words, and one table for each set of inputs."""
    for group in material.groups:
        yield from heading(material, group)
        yield Words(_tested(group))
        yield Points(tuple(_in_words(name, group, material) for name in group.found))
        for a, b, each in overviews.compared(group):
            yield from (Words(_better(a, b, one.found)) for one in each if one.measure == "success")
        yield tabled(f"summary-{group.slug}", overviews.summary(group, material))
    yield Words(
        "The paper's 80.8 % are what most of three people saw in its own model's pictures of its own faces: a"
        " number to know, not a contest, since neither the faces nor the eyes are the same."
    )


def faces(material: Material) -> Blocks:
    """Table I."""
    drawn = [_drawn(group) for group in material.groups if group.drawn]
    for number, one in enumerate([*material.extras.tables, *drawn], 1):
        yield tabled(f"table-1-{number}", overviews.table_1(one))
        if one.licences:
            ranked = sorted(one.licences.items(), key=lambda each: (-each[1], each[0]))[:MANY]
            counts = ", ".join(f"{as_name(name) or 'not stated'} {count:,}" for name, count in ranked)
            yield Words(f"Licences: {counts}.")


def _drawn(group: Group) -> SetFacts:
    """Drawn inputs have no set behind them: they are all there is."""
    labels = group.first.inputs.labels.tolist()
    counts = {expression.value: labels.count(k) for k, expression in enumerate(EXPRESSIONS)}
    return SetFacts(f"{group.name}, the inputs", group.first.inputs.hash, {"the atelier": counts})


def matrices(material: Material) -> Blocks:
    """Table II: by the judge and by people, the paper's beside."""
    for group in material.groups:
        models = list(_measured(group, material))
        if not models:
            continue
        yield from heading(material, group)
        for number, one in enumerate(models, 1):
            yield _matrix(f"table-2-{group.slug}-{number}", replace(one, name=f"{group.name}, {one.name}"))
        yield _matrix("table-2-paper", PAPERS)
        for number, panel in enumerate(material.panels(group), 1):
            if panel.controls is not None:
                people = Measured("People on faces that nobody changed", panel.controls, rows="shows")
                yield _matrix(f"controls-{group.slug}-{number}", people)
        if group.judged:
            yield _accuracy_chart(group, material)
        table = accuracies([*models, PAPERS])
        narrow = len(table.columns) <= NARROW
        both = as_csv([*models, PAPERS]), as_latex(table)
        yield Tabled(f"accuracy-{group.slug}", table, *both, narrow=narrow)
        for name, found in group.found.items():
            why = found.corrected_or_why[1]
            if found.confusion and why:
                yield Words(f"{name}: the judge's errors aren't taken out: {why.rstrip('.')}.")
            if found.corrected and (clearer := _clearer(found)):
                yield Words(
                    f"{name}: in outputs that should be {' or '.join(clearer)} the judge sees it surely more"
                    " often than in the faces by which its errors are known. Those were harder for it than"
                    " the outputs are, so what is corrected is too high there."
                )
        yield from _panels(group, material)
    about = [panel for group in material.groups for panel in material.panels(group)]
    for panel in material.extras.people:
        if panel not in about:
            yield Words(f"Panel {as_name(panel.name)} was about other inputs than these, so it isn't shown.")


def judges(material: Material) -> Blocks:
    """Who judged, and what is known of that."""
    asked = {
        one.judge.sha256: one.judge for group in material.groups for one in group.found.values() if one.judge
    }
    for number, judge in enumerate(asked.values(), 1):
        yield Words(
            f"The judge, “{as_name(judge.name)}”, gives each expression a chance, and names one only from"
            f" {as_percent(judge.threshold, 0)} % on; below, or where it finds no face, its verdict is"
            " “other”. What it is worth shows on faces that it never learned from:"
        )
        yield from _known(judge, f"judge-{number}")
        for group in material.groups:
            if group.first.judge and group.first.judge.sha256 == judge.sha256:
                yield from _on_inputs(group)
        yield from _reliability(judge, f"judge-{number}")


def habit(material: Material) -> Blocks:
    """The judge against what the model learned to please."""
    tables = [(group, table) for group in material.groups if (table := overviews.habit(group))]
    if not tables:
        yield Words(
            "No model's own discriminator was at hand, so nothing can be said about whether it is pleased by"
            " what the judge doesn't see: evaluate runs in place of published files."
        )
        return
    yield Words(
        "A generator learns to please the class head of its own discriminator. Where that head sees what was"
        " asked for far more often than the judge does, the generator has found what convinces its teacher"
        " and nobody else; where both agree, the change is there to be seen. A small gap either way says"
        " little: the judge errs as well."
    )
    for group, table in tables:
        yield tabled(f"own-discriminator-{group.slug}", table)
    for group, _ in tables:
        both = [
            (name, material.place(name), one.confusion, one.own_confusion)
            for name, one in group.found.items()
            if one.confusion and one.own_confusion
        ]
        yield Chart(
            f"own-discriminator-{group.slug}",
            figures.habit(both),
            f"{group.name}: as asked by the judge (filled) and by the model's own discriminator (hollow).",
            "; ".join(
                f"{name}: {as_percent(judge.mean_accuracy, 1)} % by the judge,"
                f" {as_percent(own.mean_accuracy, 1)} % by its own discriminator"
                for name, _, judge, own in both
            ),
        )


def comparisons(material: Material) -> Blocks:
    """Which model is better, in what, and how surely."""
    tables = [
        (f"comparison-{group.slug}-{number}", overviews.comparison(f"{group.name}: A is {a}, B is {b}", rows))
        for group in material.groups
        for number, (a, b, each) in enumerate(overviews.compared(group), 1)
        if (rows := [(one.measure, one.found) for one in each])
    ]
    for number, (a, b, found) in enumerate(material.extras.comparisons, 1):
        title = f"A is {as_name(a)}, B is {as_name(b)}"
        tables.append((f"comparison-{number}", overviews.comparison(title, [("success", found)])))
    if tables:
        yield Words(
            "Inputs are drawn anew 10,000 times, each with all its outputs and for both models at once, so"
            " what is hard about an input isn't taken for a difference between models. Of distances and"
            " errors less is better."
        )
    for name, table in tables:
        yield tabled(name, table)


def heading(material: Material, group: Group) -> Blocks:
    """The set's name, where there are several."""
    if len(material.groups) > 1:
        count, seed = len(group.first.inputs), group.first.inputs.seed
        yield Heading(f"{group.name} ({count} inputs, seed {seed})")


# --------------------------------------------------------------------------------------------------- in words


def _tested(group: Group) -> str:
    found, count = group.first, len(group.first.inputs)
    kind = (
        "drawn characters that no preset trains on"
        if group.drawn
        else f"faces of the test split of {group.name}"
    )
    text = f"{count} {kind}, picked by the seed {found.inputs.seed}, each given all five expressions:"
    text += f" {count * TARGETS:,} outputs of each model."
    if still := unchanged(found):
        text += f" A model that changes nothing would be at {as_percent(still.mean_accuracy, 1)} %."
    return text


def _in_words(name: str, group: Group, material: Material) -> str:
    found, said = group.found[name], list[str]()
    if found.confusion:
        said += _accuracy_in_words(found, found.confusion)
    if people := material.people(group, name):
        said.append(f"people see it in {as_percent(people.mean_accuracy, 1)} %")
    rightly = found.regions.get("moved_rightly")
    if rightly is not None:
        eyes, brows, mouth = (written(float(100 * value), 0) for value in rightly[:3])
        text = f"of the way that they should go, eyes go {eyes} %, brows {brows} % and the mouth {mouth} %"
        said.append(f"{text} ({reach(rightly)})")
    elif "changed" in found.scores:
        means = [mean(found.scores["changed"][..., k]) for k in range(len(PARTS))]
        seen = [part for part, value in zip(PARTS, means, strict=True) if value > VISIBLE]
        said.append(f"what visibly changes: {', '.join(seen) or 'nothing'}")
    return f"{name}: {'; '.join(said) or 'no judge was asked'}."


def _accuracy_in_words(found: Evaluation, judged: Confusion) -> Iterator[str]:
    low, high = (as_percent(limit, 0) for limit in judged.mean_interval)
    text = f"the judge sees what was asked for in {as_percent(judged.mean_accuracy, 1)} % of the outputs"
    text += f" (95 %: {low} to {high})"
    if found.corrected:
        text += f", {as_percent(found.corrected.mean_accuracy, 1)} % with its own errors taken out"
        text += " (too high: see Table II)" if _clearer(found) else ""
    yield text
    least = int(np.nanargmin(judged.class_accuracies))
    yield f"least often {EXPRESSIONS[least]}, {as_percent(float(judged.class_accuracies[least]), 0)} %"


def _better(a: str, b: str, found: Comparison) -> str:
    low, high = found.interval
    if low <= 0 <= high:
        ends = " to ".join(written(100 * limit, 1) for limit in found.interval)
        return f"Whether {a} or {b} is better can't be told: {a} − {b} is {ends} points (95 %)."
    first, second = (a, b) if found.difference > 0 else (b, a)
    low, high = sorted(abs(100 * limit) for limit in found.interval)
    return (
        f"{first} is better than {second} by {abs(100 * found.difference):.1f} points (95 %: {low:.1f} to"
        f" {high:.1f}), by the judge, over the same inputs."
    )


# --------------------------------------------------------------------------------------------------- matrices


def _clearer(found: Evaluation) -> list[str]:
    """What the judge sees in outputs more often than in the faces by which it is known (two intervals apart).

    Then it isn't wrong about outputs as often as about those faces, as the correction takes for granted.
    """
    if found.confusion is None or found.judge is None:
        return []
    tables = [
        counts for kind, counts in found.judge.known.items() if (kind == "drawn") == (found.kind == "drawn")
    ]
    known = Confusion(np.sum(tables, axis=0)[:TARGETS])
    apart = found.confusion.class_intervals[:, 0] > known.class_intervals[:, 1]
    return [expression.value for expression, beyond in zip(EXPRESSIONS, apart, strict=True) if beyond]


def _measured(group: Group, material: Material) -> Iterator[Measured]:
    for name, found in group.found.items():
        if found.confusion:
            yield Measured(f"{name}, by the judge", found.confusion, found.corrected)
        if people := material.people(group, name):
            yield Measured(f"{name}, by people", people)


def _matrix(name: str, one: Measured, others: Counts | None = None) -> Tabled:
    """In the page as narrow as can be; its files have everything."""
    return Tabled(name, overviews.compact(one, others), as_csv([one]), as_latex(matrix(one)), narrow=True)


def _accuracy_chart(group: Group, material: Material) -> Chart:
    models = [(name, material.place(name), found) for name, found in group.judged.items()]
    return Chart(
        f"accuracy-{group.slug}",
        figures.accuracies(models),
        f"{group.name}: how often the judge sees what was asked for, with 95 % intervals; the upright strokes"
        " are the paper's, by people on its own faces.",
        "; ".join(
            f"{name}: "
            + ", ".join(
                f"{expression} {as_percent(float(value), 0)} %"
                for expression, value in zip(EXPRESSIONS, found.class_accuracies, strict=True)
                if not np.isnan(value)
            )
            for name, _, found in models
        ),
    )


def _panels(group: Group, material: Material) -> Blocks:
    """How far people can be trusted."""
    for panel in material.panels(group):
        kappa = "" if panel.kappa is None else f" people agree with a Fleiss' κ of {written(panel.kappa, 2)}."
        missing = f" Not finished: {panel.missing}." if panel.missing else ""
        failed = ", ".join(map(as_name, panel.failed))
        guessed = f" Who fails the controls: {failed}; their votes are in these numbers." if failed else ""
        yield Words(f"Panel {as_name(panel.name)}:{kappa}{missing}{guessed}")


# ------------------------------------------------------------------------------------------------- the judge


def _known(judge: JudgeFacts, slug: str) -> Blocks:
    for number, (kind, counts) in enumerate(judge.known.items(), 1):
        own = Measured(f"The judge on {as_name(kind)} faces", Confusion(counts[:TARGETS]), rows="shows")
        yield _matrix(f"{slug}-{number}", own, counts[TARGETS])


def _reliability(judge: JudgeFacts, slug: str) -> Blocks:
    for number, (kind, bins) in enumerate(judge.reliability.items(), 1):
        if bins.size and bins[:, 2].sum():
            error = float(np.abs(bins[:, 0] - bins[:, 1]) @ bins[:, 2] / bins[:, 2].sum())
            yield Chart(
                f"{slug}-reliability-{number}",
                figures.reliability(bins),
                f"Reliability on {as_name(kind)} faces: where the judge is as sure as it is right, points lie"
                f" on the broken line. On average they are {100 * error:.1f} points apart.",
                "; ".join(
                    f"says {100 * sure:.0f} %: right in {100 * right:.0f} % of {faces:.0f} faces"
                    for sure, right, faces in bins.tolist()
                    if faces
                ),
            )


def _on_inputs(group: Group) -> Blocks:
    """What the judge sees in the inputs themselves."""
    verdicts = group.first.scores.get("input_verdicts")
    if verdicts is not None:
        seen = Confusion.of(group.first.inputs.labels, verdicts)
        yield _matrix(
            f"judge-inputs-{group.slug}",
            Measured(f"{group.name}: the judge on the inputs themselves", seen, rows="shows"),
        )
