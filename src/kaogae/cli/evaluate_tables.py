"""What `kaogae evaluate` says: matrices, and what else changed."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from kaogae.cli.application import out, plain

if TYPE_CHECKING:
    from kaogae.evaluate.comparing import Compared
    from kaogae.evaluate.evaluation import Evaluation

MEASURES = {
    "success": ("as asked, by the judge", "{:.3f}"),
    "identity": ("distance of identity to the input", "{:.3f}"),
    "ssim_rest": ("SSIM outside eyes, brows and mouth", "{:.4f}"),
    "perceptual_rest": ("perceptual distance there", "{:.4f}"),
    "cycle": ("there and back, grey levels", "{:.2f}"),
    "truth_error": ("mean squared error to the truth", "{:.1f}"),
    "truth_psnr": ("PSNR to the truth, dB", "{:.2f}"),
    "input_truth_psnr": ("… of the unchanged input", "{:.2f}"),
    "truth_ssim": ("SSIM to the truth", "{:.4f}"),
    "truth_perceptual": ("perceptual distance to the truth", "{:.4f}"),
    "moved_rightly_eyes": ("moved rightly: eyes", "{:.2f}"),
    "moved_rightly_brows": ("moved rightly: brows", "{:.2f}"),
    "moved_rightly_mouth": ("moved rightly: mouth", "{:.2f}"),
    "moved_rightly_rest": ("moved rightly: rest", "{:.2f}"),
    "spread_eyes": ("differs by target: eyes, grey levels", "{:.2f}"),
    "spread_brows": ("differs by target: brows", "{:.2f}"),
    "spread_mouth": ("differs by target: mouth", "{:.2f}"),
    "spread_rest": ("differs by target: rest", "{:.2f}"),
    "fid_judge": ("Fréchet distance, the judge's features", "{:.2f}"),
    "kid_judge": ("kernel distance, the judge's features", "{:.5f}"),
    "fid_inception": ("FID", "{:.2f}"),
    "kid_inception": ("KID", "{:.5f}"),
}
"""What is told of each summary, and how."""


def show(found: "Sequence[Evaluation]", *, counts: bool) -> None:
    """Table II of each, the judge's own, and one table of what else was measured."""
    for line in _lines(found, counts):
        out.print(plain(line), markup=False, highlight=False, soft_wrap=True)


def compared(rows: "Sequence[Compared]") -> Iterator[str]:
    """Who is better in what, by how much, how surely."""
    from kaogae.evaluate.comparing import LESS_IS_BETTER

    last = None
    for row in rows:
        if last != (last := (row.inputs, row.a, row.b)):
            yield f"On {row.inputs}: {row.a} against {row.b}"
        low, high = row.found.interval
        text, form = MEASURES.get(row.measure, (row.measure, "{:.3f}"))
        ours, theirs, apart = (form.format(v) for v in (row.found.a, row.found.b, row.found.difference))
        better = "less" if LESS_IS_BETTER[row.measure] else "more"
        yield (
            f"  {text}: {ours}, {theirs}; {apart} apart (95 %: {form.format(low)} to {form.format(high)});"
            f" {better} is better, and {row.a} is in {row.found.better:.1%} of 10,000 draws of the inputs"
        )


def as_object(one: "Evaluation") -> dict[str, Any]:
    """For machines."""

    corrected, why = one.corrected_or_why
    matrix = one.confusion
    return {
        "model": one.name,
        "sha256": one.model.sha256,
        "set": one.inputs.name,
        "inputs": len(one.inputs),
        "seed": one.inputs.seed,
        "judge": one.judge and one.judge.sha256,
        "matrix": matrix and matrix.counts.tolist(),
        "accuracies": matrix and matrix.class_accuracies.tolist(),
        "interval": matrix and matrix.mean_interval,
        "corrected": corrected and corrected.class_accuracies.tolist(),
        "corrected_interval": corrected and corrected.mean_interval,
        "not_corrected": why,
        "summary": one.summary(),
        "faces_per_second": one.faces_per_second,
        "folder": str(one.folder),
    }


def as_json_text(value: Any) -> str:
    """JSON, in which null stands for what isn't a number: NaN is none of its words."""
    return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    match value:
        case dict():
            return {key: _finite(one) for key, one in cast("dict[str, Any]", value).items()}
        case list() | tuple():
            return [_finite(one) for one in cast("list[Any]", value)]
        case float():
            return value if math.isfinite(value) else None
        case _:
            return value


def _lines(found: "Sequence[Evaluation]", counts: bool) -> Iterator[str]:
    import numpy as np

    from kaogae.evaluate.confusion import Confusion
    from kaogae.evaluate.evaluation import TARGETS
    from kaogae.evaluate.tables import PAPERS, Measured, as_text, matrix

    for on in dict.fromkeys(one.inputs.name for one in found):
        those = [one for one in found if one.inputs.name == on]
        inputs = those[0].inputs
        shown = np.bincount(inputs.labels, minlength=TARGETS).tolist()
        yield f"{on}: {len(inputs)} inputs by seed {inputs.seed}, of each expression {shown}"
        yield ""
        for one in those:
            corrected, why = one.corrected_or_why
            if one.confusion is not None:
                measured = Measured(f"{one.name}, by the judge", one.confusion, corrected)
                yield as_text(matrix(measured, counts=counts))
            if not corrected:
                yield f"Not corrected for the judge's errors: {why}"
                yield ""
            if one.own_confusion:
                own = one.own_confusion.mean_accuracy
                yield f"By its own discriminator, which it learned to please: {own:.1%}"
                yield ""
        judge = those[0].judge
        for kind, table in (judge.known if judge else {}).items():
            known = Measured(f"The judge itself, on {kind} faces", Confusion(table[:TARGETS]), rows="shows")
            yield as_text(matrix(known, counts=counts, paper=False))
        yield from _others(those)
    yield as_text(matrix(PAPERS))


def _others(found: "Sequence[Evaluation]") -> Iterator[str]:
    summaries = [one.summary() for one in found]
    rows = [
        (text, *(form.format(s[key]) if key in s else "–" for s in summaries))
        for key, (text, form) in MEASURES.items()
        if any(key in s for s in summaries)
    ]
    scale = found[0].identity
    for kind, text in (
        ("same", "… of one character, drawn with another expression"),
        ("other", "… of two characters"),
    ):
        if kind in scale:
            rows.insert(1, (text, *(f"{scale[kind][0]:.3f}" for _ in found)))
    rows.append(("faces per second", *(f"{one.faces_per_second:.1f}" for one in found)))
    rows.append(("file, MB", *(f"{one.model.bytes / 1e6:.1f}" for one in found)))
    head = (f"On {found[0].inputs.name}", *(one.name for one in found))
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    for row in (head, *rows):
        cells = [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells])
    yield ""
