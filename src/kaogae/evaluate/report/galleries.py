"""Figure 4, and the outputs that the judge likes least: faces picked by rule, never by beauty."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.atelier import expression as acting
from kaogae.atelier.portrait import Portrait
from kaogae.evaluate.confusion import OTHER, VERDICTS
from kaogae.evaluate.evaluation import TARGETS, Evaluation
from kaogae.evaluate.inputs import DRAWN_SEEDS, resized
from kaogae.evaluate.report.figures import Drawn, mosaic
from kaogae.evaluate.report.material import Group
from kaogae.evaluate.snapshots import read_row
from kaogae.evaluate.tables import UNKNOWN, as_name, as_percent
from kaogae.expressions import EXPRESSIONS, Expression

ORDER = tuple(Expression(name) for name in ("crying", "happy", "neutral", "sad", "surprised"))
"""Columns after the input: those of the paper's Figure 4."""
SHOWN = 10
"""Inputs in Figure 4."""
WORST = 10
"""Outputs that the judge likes least."""
TRUTH = "drawn truth"
"""What the row is called that shows what outputs should be."""
GRID = 128
"""Side of the faces in the figure as a file, where models of all sizes stand in one grid."""
SIDE = 160
"""Most pixels of a face in the page."""
QUALITY = 82
"""Of WebP."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Face:
    """A picture in the page, and what is written below."""

    data: bytes
    """WebP."""
    alt: str
    said: str = ""
    right: bool | None = None
    """Whether the judge sees what was asked for; None: nobody asked it, or nothing was asked for."""


@dataclass(frozen=True)
class Sheet:
    """An input, and what each model makes of it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Face, ...]], ...]
    """Of each model its name, and faces as the columns are."""


@dataclass(frozen=True)
class Pair:
    """An input, and an output of it."""

    title: str
    before: Face
    after: Face
    said: str


def shown(found: Evaluation) -> list[int]:
    """Numbers of the inputs in Figure 4, by the seed of the inputs; the expressions they show take turns."""
    order = list(range(len(found.inputs)))
    random.Random(f"kaogae figure 4 {found.inputs.seed}").shuffle(order)
    turns = [0] * len(EXPRESSIONS)
    ranked: list[tuple[int, int, int]] = []
    for number in order:
        label = int(found.inputs.labels[number])
        ranked.append((turns[label], label, number))
        turns[label] += 1
    return [number for _, _, number in sorted(ranked)[:SHOWN]]


def figure_4(group: Group) -> tuple[list[Sheet], Drawn]:
    """The same inputs for each model, below each other: for the page, and as a figure."""
    sheets: list[Sheet] = []
    drawn: list[tuple[str, list[Pixels]]] = []
    for number in shown(group.first):
        rows: list[tuple[str, tuple[Face, ...]]] = []
        if (truth := _truth(group.first, number)) is not None:
            alts = ("The input", *(f"The drawing, {target}" for target in ORDER))
            faces = [Face(_webp(one), alt) for alt, one in zip(alts, truth, strict=True)]
            rows.append((TRUTH, tuple(faces)))
            drawn.append((TRUTH, [resized(one, GRID) for one in truth]))
        for name, found in group.found.items():
            pictures = _small(read_row(found, number))
            source = _Source(found, number)
            faces = [Face(_webp(pictures[0]), source.alt())]
            faces += [_output(pictures[1 + target.position], source, target.position) for target in ORDER]
            rows.append((name, tuple(faces)))
            drawn.append((name, [resized(pictures[k], GRID) for k in (0, *(1 + t.position for t in ORDER))]))
        sheets.append(Sheet(_Source(group.first, number).title(), ("input", *ORDER), tuple(rows)))
    return sheets, mosaic(drawn, ("input", *ORDER), every=len(sheets[0].rows))


def _truth(found: Evaluation, number: int) -> list[Pixels] | None:
    """A drawn input and what it should become, in the order of the columns; None of what isn't drawn."""
    name = re.fullmatch(r"drawn-(\d{1,9})", found.inputs.names[number])
    if found.kind != "drawn" or name is None or int(name[1]) not in DRAWN_SEEDS:
        return None
    portrait, size = Portrait.from_seed(int(name[1])), min(found.model.image_size, SIDE)
    source = _small(read_row(found, number))[0]
    return [source, *(portrait.render(acting.canonical(target), size) for target in ORDER)]


def worst(found: Evaluation) -> list[tuple[int, int]]:
    """Input and target of the outputs in which the judge gives the target least chance, the least first."""
    chances = found.scores.get("chances")
    if chances is None:
        return []
    asked = np.diagonal(chances, axis1=1, axis2=2)  # [N, 5]
    order = np.argsort(np.where(np.isnan(asked), np.inf, asked), axis=None, kind="stable")[:WORST]
    return [(int(k) // TARGETS, int(k) % TARGETS) for k in order]


def pairs(found: Evaluation, chosen: Sequence[tuple[int, int]]) -> tuple[list[Pair], Drawn | None]:
    """Inputs and outputs beside each other: for the page, and as a figure."""
    made: list[Pair] = []
    drawn: list[tuple[str, list[Pixels]]] = []
    for number, target in chosen:
        pictures = _small(read_row(found, number))
        source = _Source(found, number)
        before, after = Face(_webp(pictures[0]), source.alt()), _output(pictures[1 + target], source, target)
        title = f"{number + 1}: {source.shows} → {EXPRESSIONS[target]}"
        made.append(Pair(title, before, after, _saw(found, number, target)))
        drawn.append((title, [resized(pictures[0], GRID), resized(pictures[1 + target], GRID)]))
    return made, mosaic(drawn, ("input", "output"), every=1) if drawn else None


@dataclass(frozen=True)
class _Source:
    """One input of an evaluation."""

    found: Evaluation
    number: int

    @property
    def shows(self) -> str:
        return EXPRESSIONS[int(self.found.inputs.labels[self.number])].value

    def title(self) -> str:
        return f"Input {self.number + 1}, {self.shows}: {as_name(self.found.inputs.names[self.number])}"

    def alt(self) -> str:
        return f"Input {self.number + 1}, which shows {self.shows}"


def _output(pixels: Pixels, source: _Source, target: int) -> Face:
    found, number = source.found, source.number
    alt = f"{source.alt()}, made {EXPRESSIONS[target]}"
    verdicts, chances = found.scores.get("verdicts"), found.scores.get("chances")
    if verdicts is None:
        return Face(_webp(pixels), alt)
    verdict = int(verdicts[number, target])
    saw = _verdict(found, number, target)
    said = "✓ " if verdict == target else f"✗ {saw}\n"
    if chances is not None:
        said += _chance(chances[number, target, target])
    return Face(
        _webp(pixels), f"{alt}; the judge: {_verdict(found, number, target)}", said, verdict == target
    )


def _verdict(found: Evaluation, number: int, target: int) -> str:
    verdict = int(found.scores["verdicts"][number, target])
    faces = found.scores.get("faces")
    if verdict == OTHER and faces is not None and not faces[number, target]:
        return "no face"
    return VERDICTS[verdict]


def _saw(found: Evaluation, number: int, target: int) -> str:
    """What the judge saw in an output, and how sure it was."""
    chances = found.scores["chances"][number, target]
    rival = int(np.nanargmax(chances)) if np.isfinite(chances).any() else target
    verdict = _verdict(found, number, target) if "verdicts" in found.scores else UNKNOWN
    text = f"judge: {verdict}; {EXPRESSIONS[target]} {_chance(chances[target])}"
    return text if rival == target else f"{text}, {EXPRESSIONS[rival]} {_chance(chances[rival])}"


def _chance(chance: float) -> str:
    return UNKNOWN if np.isnan(chance) else f"{as_percent(float(chance), 0)} %"


def _small(pictures: Pixels) -> Pixels:
    """[6, S, S, 3] at most `SIDE` wide."""
    if pictures.shape[1] <= SIDE:
        return pictures
    return np.stack([resized(one, SIDE) for one in pictures])


def _webp(pixels: Pixels) -> bytes:
    data = cv2.imencode(".webp", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    return data[1].tobytes()
