"""Chapters on what else a model did: losses, pictures, what moved, what stayed, what it costs."""

from collections.abc import Generator, Iterable, Sequence

import numpy as np

from kaogae.evaluate.regions import PARTS, VISIBLE
from kaogae.evaluate.report import figures, galleries, overviews
from kaogae.evaluate.report.asked import heading
from kaogae.evaluate.report.figures import Drawn, Line
from kaogae.evaluate.report.material import Group, Material
from kaogae.evaluate.report.overviews import mean, written
from kaogae.evaluate.report.page import Block, Chart, Pairs, Sheets, Words, tabled
from kaogae.evaluate.tables import Table

Blocks = Generator[Block]


def losses(material: Material) -> Blocks:
    """Figure 3."""
    curves = material.extras.curves
    if curves:
        yield Chart(
            "figure-3",
            Drawn(curves.get("svg", b""), curves.get("png", b"")),
            "Figure 3: the losses over the iterations. Upper row, discriminator: classification, adversarial,"
            " gradient. Lower row, generator: classification, adversarial, reconstruction.",
            "Six charts of losses over the iterations, as in the paper's Figure 3",
            wide=True,
        )


def samples(material: Material) -> Blocks:
    """Figure 4."""
    for group in material.groups:
        sheets, drawn = galleries.figure_4(group)
        yield from heading(material, group)
        judged = (
            " Below each output: ✓ if the judge sees what was asked for, else ✗ and what it sees instead;"
            " and the chance that it gives to what was asked for."
        )
        yield Words(
            f"{len(sheets)} inputs picked by the seed {group.first.inputs.seed} and not by beauty, the"
            " expressions they show taking turns; columns as in the paper's Figure 4."
            + (judged if group.judged else "")
        )
        yield Sheets(tuple(sheets))
        yield Chart(f"figure-4-{group.slug}", drawn, "Figure 4", "", hidden=True)


def worst(material: Material) -> Blocks:
    """The outputs that the judge likes least."""
    for group in material.groups:
        for name, found in group.found.items():
            pairs, drawn = galleries.pairs(found, galleries.worst(found))
            if drawn is None:
                continue
            yield Words(
                f"{group.name}, {name}: the {len(pairs)} outputs in which the judge gives what was asked for"
                " least chance. Each with its input before it."
            )
            yield Pairs(tuple(pairs))
            stem = f"worst-{group.slug}-{material.place(name) + 1}"
            yield Chart(stem, drawn, "Worst ten", "", hidden=True)


def moved(material: Material) -> Blocks:
    """Eyes, brows, mouth and the rest."""
    groups = [group for group in material.groups if overviews.changed(group) or overviews.moved(group)]
    if groups:
        yield Words(
            "The failure to watch for is a model that moves the mouth alone. “Moved rightly” says how far"
            " outputs go the way of the drawn truth, by least squares: noise and repainting add nothing to"
            " it, 0 is no movement, 1 the truth. “Moved” is how much they move as a share of the truth,"
            " whichever way; “differs by target” the same in grey levels. Without a truth only the size of"
            " the change is known, whatever it is good for."
        )
    for group in groups:
        yield from heading(material, group)
        for rightly, key in ((True, "moved_rightly"), (False, "changed")):
            if lines := list(_parts(group, material, key)):
                yield _moved_chart(group, lines, rightly=rightly)
        if table := overviews.moved(group):
            yield tabled(f"moved-{group.slug}", table, narrow=True)
        yield from _each("changed", overviews.changed(group), group)


def kept(material: Material) -> Blocks:
    """Identity, and what else should have stayed."""
    groups = [(group, tables) for group in material.groups if (tables := overviews.kept(group))]
    if groups:
        yield Words(
            "Identity is the distance of output and input as characters, 0 for one picture. SSIM and the"
            " perceptual distance are taken outside of eyes, brows and mouth, where nothing but tears should"
            " change: 1 and 0 are a copy. Cycle is the mean difference in grey levels between the input and"
            " the way there and back."
        )
    for group, tables in groups:
        yield from heading(material, group)
        lines = [
            Line(name, material.place(name), found.scores["identity"].ravel())
            for name, found in group.found.items()
            if "identity" in found.scores and np.isfinite(found.scores["identity"]).any()
        ]
        if lines:
            yield _identity(group, lines)
        yield from _each("kept", tables, group)


def distances(material: Material) -> Blocks:
    """FID and KID."""
    tables = [(group, table) for group in material.groups if (table := overviews.distances(group))]
    if tables:
        yield Words(
            "Fréchet and kernel distances of the outputs for each target to faces that show it, and of all"
            " outputs to all: 0 is no difference. FID is too large with few faces, so compare it within a"
            " column only. KID isn't; behind ± is how much subsets differ, not how sure the mean is."
        )
    for group, table in tables:
        kind = "the drawn truth of the same characters" if group.drawn else "real faces of the set"
        yield tabled(f"distances-{group.slug}", table)
        yield Words(f"The faces are {kind}.")


def truth(material: Material) -> Blocks:
    """The distance to the drawn truth."""
    tables = [(group, tables) for group in material.groups if (tables := overviews.truth(group))]
    if tables:
        yield Words(
            "Of a drawn character the same picture can be drawn with each expression. How near outputs come"
            " to that, and how near the unchanged input is: what is farther away than that harms."
        )
    for group, each in tables:
        yield from _each("truth", each, group)


def cost(material: Material) -> Blocks:
    """Speed and sizes."""
    for group in material.groups:
        yield tabled(f"speed-{group.slug}", overviews.speed(group))


def _each(name: str, tables: Sequence[Table], group: Group) -> Blocks:
    """One for each model."""
    for number, table in enumerate(tables, 1):
        yield tabled(f"{name}-{group.slug}-{number}", table, narrow=True)


def _parts(group: Group, material: Material, key: str) -> Iterable[Line]:
    """Of each model that has it, the four parts."""
    for name, found in group.found.items():
        values = found.regions.get(key)
        if key in found.scores:
            values = np.array([mean(found.scores[key][..., k]) for k in range(len(PARTS))])
        if values is not None:
            yield Line(name, material.place(name), values)


def _moved_chart(group: Group, lines: list[Line], *, rightly: bool) -> Chart:
    title = "how far outputs go the truth's way" if rightly else "mean change of all outputs"
    unit = "" if rightly else f" in grey levels of 255; from {VISIBLE:g} on a change is seen"
    return Chart(
        f"{'moved-rightly' if rightly else 'changed'}-{group.slug}",
        figures.moved(lines, rightly=rightly),
        f"{group.name}: {title}, by part{unit}.",
        "; ".join(
            f"{one.name}: "
            + ", ".join(f"{part} {written(float(v), 2)}" for part, v in zip(PARTS, one.values, strict=True))
            for one in lines
        ),
    )


def _identity(group: Group, lines: list[Line]) -> Chart:
    known = next((one.identity for one in group.found.values() if one.identity), {})
    same, other = (_band(known.get(key)) for key in ("same", "other"))
    means = "; ".join(f"{one.name}: mean distance {mean(one.values):.3f}" for one in lines)
    marks = (
        " Hatched: where 90 % of the distances lie between two pictures of one character with other"
        " expressions, and between two characters."
        if same and other
        else " What such distances mean isn't known."
    )
    return Chart(
        f"identity-{group.slug}",
        figures.identities(lines, same, other),
        f"{group.name}: how far outputs are from their inputs as characters.{marks}",
        means,
    )


def _band(value: object) -> list[float]:
    """Mean, 5 % and 95 %, as far as they are known."""
    if isinstance(value, list) and len(value) == 3 and all(isinstance(one, int | float) for one in value):
        return [float(one) for one in value]
    return []
