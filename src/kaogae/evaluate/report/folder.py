"""The report's folder: index.html, figures/ and tables/, all of it or nothing."""

import shutil
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

from kaogae.errors import EvaluationError
from kaogae.evaluate.evaluation import Evaluation
from kaogae.evaluate.report import asked, shown, told
from kaogae.evaluate.report.material import Extras, Material, arrange
from kaogae.evaluate.report.page import HEAD, MARK, Block, Chart, Section, Tabled, Words, page
from kaogae.files import beside

PAGE, FIGURES, TABLES = "index.html", "figures", "tables"

Chapter = tuple[str, str, Callable[[Material], Generator[Block]]]
CHAPTERS: tuple[Chapter, ...] = (
    ("summary", "In short", asked.summary),
    ("faces", "Table I: the faces", asked.faces),
    ("matrices", "Table II: what was asked for and what is seen", asked.matrices),
    ("judge", "The judge", asked.judges),
    ("own-discriminator", "The judge and the model's own discriminator", asked.habit),
    ("comparisons", "Which model is better", asked.comparisons),
    ("losses", "Figure 3: the losses", shown.losses),
    ("samples", "Figure 4: faces", shown.samples),
    ("worst", "The worst ten", shown.worst),
    ("moved", "What moved", shown.moved),
    ("kept", "What stayed", shown.kept),
    ("distances", "FID and KID", shown.distances),
    ("truth", "Likeness to the drawn truth", shown.truth),
    ("cost", "Speed and size", shown.cost),
    ("origin", "Where this is from", told.origin),
    ("limits", "What these numbers can't say", told.limits),
)
"""Anchor, title, and what is told, in the order of the page."""


def write_report(
    folder: Path,
    evaluations: Sequence[Evaluation],
    extras: Extras | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write index.html, and what it shows as figures/*.svg and *.png, tables/*.csv and *.tex.

    The same evaluations and extras give the same bytes. An older report in `folder` is replaced.

    Args:
        evaluations: saved ones, of models on sets of inputs: those of the same inputs stand side by side.
        progress: called with the chapters that are done, of how many.

    Returns:
        The files, index.html first.

    Raises:
        UsageError: the evaluations don't fit together.
        EvaluationError: `folder` holds something else, or can't be written; an evaluation's pictures are
            missing or damaged.
    """
    material = arrange(evaluations, extras or Extras())
    folder = folder.resolve()
    _check(folder)
    sections: list[Section] = []
    for number, (anchor, title, tell) in enumerate(CHAPTERS, 1):
        if blocks := tuple(tell(material)):
            sections.append(Section(anchor, title, blocks))
        if progress is not None:
            progress(number, len(CHAPTERS))
    missing = _missing(sections, material)
    sections[-1] = replace(sections[-1], blocks=(*sections[-1].blocks, *missing))
    files = {PAGE: page(f"Evaluation: {', '.join(material.models)}", sections).encode("utf-8")}
    for one in sections:
        for block in one.blocks:
            files |= _files(block)
    return _put(folder, files)


def _missing(sections: Sequence[Section], material: Material) -> Generator[Block]:
    """What a report can have, and this one hasn't."""
    there = {one.anchor for one in sections} | ({"comparisons"} if len(material.models) == 1 else set())
    titles = [title for anchor, title, _ in CHAPTERS if anchor not in there]
    if titles:
        yield Words(f"Left out, since it wasn't measured or given: {'; '.join(titles)}.")


def _files(block: Block) -> dict[str, bytes]:
    """What of a block is a file too, by its path in the folder."""
    match block:
        case Chart(name, drawn):
            kinds = {"svg": drawn.svg, "png": drawn.png}
            return {f"{FIGURES}/{name}.{kind}": data for kind, data in kinds.items() if data}
        case Tabled(name):
            both = {"csv": block.csv, "tex": block.latex}
            return {f"{TABLES}/{name}.{kind}": text.encode("utf-8") for kind, text in both.items()}
        case _:
            return {}


def _check(folder: Path) -> None:
    """Refuse what isn't a report of ours, or has more in it."""
    try:
        names = {one.name for one in folder.iterdir()} if folder.exists() else set[str]()
        if not names:
            return
        start = (folder / PAGE).open("rb").read(HEAD) if PAGE in names else b""
    except OSError as error:
        raise EvaluationError(f"{folder} can't be the report's folder: {error.strerror}.") from error
    if MARK.encode() not in start or names - {PAGE, FIGURES, TABLES}:
        raise EvaluationError(
            f"{folder} holds something else than a report, which would be lost: name a new folder, or empty"
            " this one."
        )


def _put(folder: Path, files: dict[str, bytes]) -> list[Path]:
    """Write beside `folder`, then in its place."""
    with beside(folder, EvaluationError) as draft:
        old = folder.with_name(f".{draft.name}.old")
        try:
            for name, data in files.items():
                path = draft / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            if folder.exists():
                folder.replace(old)
            draft.replace(folder)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return [folder / name for name in files]
