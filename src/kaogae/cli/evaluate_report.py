"""The page of `kaogae evaluate --report`: what evaluations don't know comes from runs, sets and panels."""

import tempfile
from collections import Counter
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from kaogae.cli.application import found
from kaogae.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kaogae.dataset import FaceSet
    from kaogae.evaluate.evaluating import Order
    from kaogae.evaluate.evaluation import Evaluation
    from kaogae.evaluate.panel_votes import PanelResult
    from kaogae.evaluate.report import SetFacts


def write_page(
    folder: Path,
    order: "Order",
    evaluations: "Sequence[Evaluation]",
    runs: list[str],
    people: "Sequence[PanelResult]",
    workspace: Path,
) -> str:
    """Write the report. What it gives is a sentence that says where."""
    from kaogae.evaluate.report import Extras, write_report

    sets = [faces for faces in order.sets if faces is not None]
    commands = [str(one.made["command"]) for one in evaluations if "command" in one.made]
    extras = Extras(
        curves=_curves(runs, workspace),
        tables=[_facts(faces) for faces in sets],
        people=people,
        commands=list(dict.fromkeys([*commands, order.command])),
        versions={name: version(name) for name in ("kaogae", "torch", "torchvision", "torchmetrics")},
    )
    paths = write_report(folder, evaluations, extras)
    page = next(path for path in paths if path.name == "index.html")
    size = page.stat().st_size / 1e6
    return f"{page}: {size:.1f} MB; its {len(paths) - 1} figures and tables as files beside it"


def _curves(runs: list[str], workspace: Path) -> dict[str, bytes]:
    """Figure 3 of those models that are runs with losses, as "svg" and "png"."""
    from kaogae.train.plot import Curves, draw_curves

    curves: list[Curves] = []
    for run in runs:
        with suppress(UsageError):  # a file, or a run without a row
            curves.append(Curves.read(found(run, workspace / "runs", "losses.jsonl")))
    if not curves:
        return {}
    with tempfile.TemporaryDirectory(prefix="kaogae-figure-") as folder:
        return {path.suffix[1:]: path.read_bytes() for path in draw_curves(curves, Path(folder) / "figure-3")}


def _facts(faces: "FaceSet") -> "SetFacts":
    """Table I."""
    from kaogae.evaluate.report import SetFacts

    counted: dict[str, Counter[str]] = {}
    for face in faces.faces:
        counted.setdefault(face.source, Counter())[face.expression.value] += 1
    return SetFacts(faces.name, faces.hash, counted, faces.licences)
