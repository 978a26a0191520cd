"""Evaluations on disk: what was measured, and the pictures, each in a folder of its own.

evaluation.json     who measured what, and every number
pictures/0007.png   the eighth input and its five outputs, side by side: input, then the five targets
"""

import json
import math
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from kaogae.errors import EvaluationError
from kaogae.evaluate.evaluation import SCORES, TARGETS, Evaluation, InputsFacts, JudgeFacts, ModelFacts
from kaogae.evaluate.regions import PARTS
from kaogae.expressions import EXPRESSIONS
from kaogae.files import beside

FORMAT, VERSION = "kaogae-evaluation", 1
FILE, PICTURES = "evaluation.json", "pictures"
BYTES = 64 * 2**20
"""Most bytes of evaluation.json, and of a picture."""
INPUTS = 10_000
"""Most inputs."""
DEEP = 20
"""Most levels of what a file keeps; what a checkpoint says of itself may have more."""
COUNTED = 10**9
"""Most faces of one kind by which a judge is known."""
DISTANCES = {"fid", "kid", "kid_sd", "pictures"}
"""What is kept of each kind of features."""
IDENTITY = {"name", "sha256"}
"""What is kept of the embedding beside what its distances mean."""
DRAFT, OLD = ".part", ".old"
"""Ends of the names of folders on the way: see `kaogae.files.beside`."""

Pixels = NDArray[np.uint8]


def picture_path(folder: Path, number: int) -> Path:
    """Of the input with this number."""
    return folder / PICTURES / f"{number:04d}.png"


def read_row(found: Evaluation, number: int) -> Pixels:
    """[6, S, S, 3] RGB: an input and its five outputs, from the folder.

    Raises:
        EvaluationError: it hasn't been saved, or the picture is missing or damaged.
    """
    if found.folder is None:
        raise EvaluationError("This evaluation hasn't been saved, so it has no pictures: save it first.")
    path, side = picture_path(found.folder, number), found.model.image_size
    try:
        data = path.read_bytes() if path.stat().st_size <= BYTES else b""
    except OSError as error:
        raise EvaluationError(f"{path} can't be read ({error.strerror}): evaluate again.") from error
    strip = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if strip is None or strip.shape != (side, (1 + TARGETS) * side, 3):
        raise EvaluationError(f"{path} isn't the picture that it was: evaluate again.")
    return strip[..., ::-1].reshape(side, 1 + TARGETS, side, 3).swapaxes(0, 1).astype(np.uint8)


def save_evaluation(found: Evaluation, folder: Path, inputs: Pixels, outputs: Pixels) -> Evaluation:
    """Write the snapshot beside `folder`, then in its place, where an older one may lie. One process at a
    time does so, and removes what others left that were killed.

    Args:
        inputs: [N, S, S, 3] RGB.
        outputs: [N, 5, S, S, 3] RGB.

    Raises:
        EvaluationError: it can't be written.
    """
    with beside(folder, EvaluationError) as draft, _alone(folder.parent):
        try:
            (draft / PICTURES).mkdir(parents=True)
            for number, (source, five) in enumerate(zip(inputs, outputs, strict=True)):
                strip = np.concatenate([source, *five], axis=1)[..., ::-1]
                data = cv2.imencode(".png", np.ascontiguousarray(strip))[1].tobytes()
                picture_path(draft, number).write_bytes(data)
            text = json.dumps(_listed(_to_json(found)), ensure_ascii=False, allow_nan=False)
            (draft / FILE).write_text(text, encoding="utf-8")
            kept = replace(read_evaluation(draft), folder=folder)
            old = draft.with_suffix(OLD)
            if folder.exists():
                folder.replace(old)
            draft.replace(folder)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return kept


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    with FileLock(folder / ".lock"):  # the system's own: it goes with the process, however that ends
        for left in chain(folder.glob(f".*{DRAFT}"), folder.glob(f".*{OLD}")):
            shutil.rmtree(left, ignore_errors=True)
        yield


def read_evaluation(folder: Path) -> Evaluation:
    """The snapshot in `folder`.

    Raises:
        EvaluationError: there is none, or it is damaged or of another version.
    """
    path = folder / FILE
    try:
        with path.open("rb") as file:
            data = file.read(BYTES + 1)
        raw: Any = json.loads(data) if len(data) <= BYTES else None
    except OSError as error:
        raise EvaluationError(
            f"There is no evaluation in {folder} ({error.strerror}): make one with kaogae evaluate."
        ) from error
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"{path} is damaged: evaluate again.") from error
    if not isinstance(raw, dict) or (raw.get("format"), raw.get("version")) != (FORMAT, VERSION):
        raise EvaluationError(f"{path} isn't version {VERSION} of a {FORMAT}: evaluate again.")
    try:
        return _from_json(cast("dict[str, Any]", raw), folder)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise EvaluationError(f"{path} is damaged: evaluate again.") from error


def _to_json(found: Evaluation) -> dict[str, Any]:
    judge = found.judge
    return {
        "format": FORMAT,
        "version": VERSION,
        "expressions": list(EXPRESSIONS),
        "parts": list(PARTS),
        "model": vars(found.model),
        "inputs": vars(found.inputs) | {"labels": found.inputs.labels.tolist()},
        "judge": judge
        and vars(judge) | {"known": _lists(judge.known), "reliability": _lists(judge.reliability)},
        "summary": found.summary(),
        "scores": _lists(found.scores),
        "regions": _lists(found.regions),
        "distances": {by: _lists(values) for by, values in found.distances.items()},
        "identity": found.identity,
        "seconds": found.seconds,
        "made": found.made,
    }


def _from_json(raw: dict[str, Any], folder: Path) -> Evaluation:
    if raw["expressions"] != list(EXPRESSIONS) or raw["parts"] != list(PARTS):
        raise ValueError
    facts, judge = raw["inputs"], raw["judge"]
    inputs = InputsFacts(
        **facts | {"names": tuple(facts["names"]), "labels": np.array(facts["labels"], np.int64)}
    )
    count = len(inputs)
    scores = {key: _numbers(values) for key, values in raw["scores"].items()}
    shapes = {key: (count, *SCORES[key]) for key in scores}
    if not 1 <= count <= INPUTS or {key: s.shape for key, s in scores.items()} != shapes:
        raise ValueError
    found = Evaluation(
        model=ModelFacts(**raw["model"]),
        inputs=inputs,
        judge=None
        if judge is None
        else JudgeFacts(
            **judge
            | {"known": {kind: np.array(table, np.int64) for kind, table in judge["known"].items()}}
            | {"reliability": {kind: _numbers(bins) for kind, bins in judge["reliability"].items()}}
        ),
        scores=scores,
        regions={key: _numbers(values) for key, values in raw["regions"].items()},
        distances={
            by: {key: _numbers(values) for key, values in each.items()}
            for by, each in raw["distances"].items()
        },
        identity=raw["identity"],
        seconds=float(raw["seconds"]),
        made=raw["made"],
        folder=folder,
    )
    if not _plausible(found):
        raise ValueError
    return found


def _plausible(found: Evaluation) -> bool:
    """Whether all of it is of its type and shape, and verdicts and labels stand for something."""
    model, inputs, judge = found.model, found.inputs, found.judge
    texts = [
        model.name,
        model.sha256,
        inputs.name,
        inputs.hash,
        *inputs.names,
        *found.regions,
        *found.distances,
    ]
    whole = [model.bytes, model.image_size, inputs.seed, *inputs.known.values()]
    whole += [] if model.parameters is None else [model.parameters]
    shaped = [(values, (len(PARTS),)) for values in found.regions.values()]
    shaped += [(values, (1 + TARGETS,)) for each in found.distances.values() for values in each.values()]
    kinds = [(inputs.labels, TARGETS - 1)]
    kinds += [(found.scores[key], TARGETS) for key in ("verdicts", "input_verdicts") if key in found.scores]
    kinds += [(found.scores["own_head"], TARGETS - 1)] if "own_head" in found.scores else []
    if judge:
        texts += [judge.name, judge.sha256]
        shaped += [(table, (1 + TARGETS, 1 + TARGETS)) for table in judge.known.values()]
        shaped += [(bins, (len(bins), 3)) for bins in judge.reliability.values() if bins.size]
        if not 0 <= judge.threshold <= 1:
            return False
        if any(table.min() < 0 or table.max() > COUNTED for table in judge.known.values()):
            return False
    return (
        all(type(text) is str for text in texts)
        and all(type(number) is int for number in whole)
        and all(type(facts) is dict for facts in (model.about, found.identity, found.made))
        and all(values.shape == shape and values.dtype.kind in "if" for values, shape in shaped)
        and all(v.dtype.kind == "i" and v.min() >= 0 and v.max() <= most for v, most in kinds)
        and inputs.labels.shape == (len(inputs),)
        and all(set(each) == DISTANCES for each in found.distances.values())
        and all(map(_is_scale, (value for key, value in found.identity.items() if key not in IDENTITY)))
        and 0 <= found.seconds < math.inf
    )


def _is_scale(value: Any) -> bool:
    """Whether these are a mean and its limits."""
    values = cast("list[Any]", value) if isinstance(value, list) else []
    return len(values) == 3 and all(type(v) in (int, float) and math.isfinite(v) for v in values)


def _lists(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    return {key: values.tolist() for key, values in arrays.items()}


def _listed(value: Any, levels: int = DEEP) -> Any:
    """As JSON has it: floats with six digits, None for what isn't a number, and text that can be written."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict | list | tuple) and not levels:
        return None
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return {_listed(key): _listed(one, levels - 1) for key, one in pairs}
    if isinstance(value, list | tuple):
        return [_listed(one, levels - 1) for one in cast("list[Any]", value)]
    return value


def _numbers(values: Any) -> NDArray[Any]:
    """Whole numbers and truth values as they are; whatever has a fraction or None in it as floats."""
    found = np.array(values)
    return found if found.dtype.kind in "bi" else np.array(values, np.float64)
