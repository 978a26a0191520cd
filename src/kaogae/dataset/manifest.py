"""What a set says about each face: one JSON object per line of manifest.jsonl.

Version 1 has the text fields of `Face`; version 2 adds landmarks, where the face comes from, and which random
crop of it a picture is. Both are read, the newer one is written.
"""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, cast

from kaogae.dataset.splits import SPLITS
from kaogae.errors import ManifestError
from kaogae.expressions import EXPRESSIONS, Expression

SET_FORMAT = "kaogae-set"
SET_VERSION = 2
READABLE = (1, 2)

LANDMARKS = ("left_eye", "right_eye", "mouth", "nose", "chin")
"""In this order everywhere; left and right as the viewer sees them."""

FARTHEST = 1e6
"""No coordinate in a manifest is larger."""

Point = tuple[float, float]
Landmarks = dict[str, Point]
Matrix = tuple[tuple[float, float, float], tuple[float, float, float]]

_TEXTS = ("file", "sha256", "expression", "label_origin", "source", "character", "licence", "split")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a face was found."""

    site: str
    post: str
    """What the site calls the picture."""
    picture_sha256: str
    """Of the picture's file."""
    pixels_sha256: str
    """Of the RGB values of the crop at its native size, before it was enhanced and resized."""
    number: int
    """Of the face in its picture: 0 is the largest."""
    box: tuple[float, float, float, float]
    """Left, top, width, height in picture pixels."""
    matrix: Matrix
    """From picture pixels to the pixels of the frozen face."""
    confidence: float
    detector: str
    enhanced_by: str = ""
    """carn, carn-m, none, large enough; empty: nobody looked."""
    artist: str = ""
    page: str = ""
    """The picture's page on the site."""


@dataclass(frozen=True, slots=True)
class RandomCrop:
    """Which part of a face a picture of a set after the paper's recipe is."""

    of: str
    """SHA-256 of the whole face as PNG: the eight crops of a face have it in common."""
    left: int
    top: int
    mirrored: bool
    """Whether the face was mirrored before the crop was taken."""


@dataclass(frozen=True, slots=True)
class Face:
    """One line of a set's manifest."""

    file: str
    """The crop, relative to the set."""
    sha256: str
    expression: Expression
    label_origin: str
    source: str
    character: str
    licence: str
    split: str
    landmarks: Landmarks | None = None
    """Of `LANDMARKS`, those that are known: (x, y) in pixels of the crop, pixel centres at whole + 0.5."""
    origin: Origin | None = None
    crop: RandomCrop | None = None


def to_line(face: Face) -> str:
    """`face` as JSON, without what isn't known."""
    entry = {key: value for key, value in asdict(face).items() if value is not None}
    entry["expression"] = face.expression.value
    return json.dumps(entry, ensure_ascii=False)


def from_line(line: str, where: str) -> Face:
    """The face that `line` speaks of, of either version.

    Args:
        where: file and line, for the message.

    Raises:
        ManifestError: not JSON, a field is missing or of another kind, or a number is out of range.
    """
    row = json_object(line, where)
    values = {name: row[name] for name in _TEXTS if isinstance(row.get(name), str)}
    if len(values) < len(_TEXTS):
        raise ManifestError(f"{where}: a face needs {', '.join(_TEXTS)}, all text.")
    if values["expression"] not in EXPRESSIONS or values["split"] not in SPLITS:
        raise ManifestError(
            f"{where}: unknown expression '{values['expression']}' or split '{values['split']}'."
        )
    return Face(
        **{**values, "expression": Expression(values["expression"])},
        landmarks=read_landmarks(row.get("landmarks"), where),
        origin=read_origin(row.get("origin"), where),
        crop=read_crop(row.get("crop"), where),
    )


def json_object(text: str, where: str) -> dict[str, Any]:
    """The JSON object in `text`.

    Raises:
        ManifestError: it is none.
    """
    try:
        value: object = json.loads(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a pair of surrogates is no text
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{where}: this is not JSON, or not Unicode text.") from error
    if not isinstance(value, dict):
        raise ManifestError(f"{where}: expected a JSON object.")
    return cast("dict[str, Any]", value)


def read_landmarks(value: object, where: str) -> Landmarks | None:
    """The known landmarks of a manifest's `value`.

    Raises:
        ManifestError: it isn't an object of [x, y] with numbers that a picture can have.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ManifestError(f"{where}: landmarks need left_eye and right_eye as [x, y].")
    marks = cast("dict[str, Any]", value)
    found: Landmarks = {}
    for name in LANDMARKS:
        if marks.get(name) is not None:
            x, y = _numbers(marks[name], 2, f"{where}: landmarks need {name} as [x, y]")
            found[name] = (x, y)
    return found


def read_origin(value: object, where: str) -> Origin | None:
    """Where a manifest's `value` says that the face was found; ManifestError if that can't be."""
    if value is None:
        return None
    row = _record(value, f"{where}: 'origin'")
    says = f"{where}: 'origin' needs"
    text = {
        name: _typed(row, name, str, f"{says} {name} as text")
        for name in ("site", "post", "picture_sha256", "pixels_sha256", "detector")
    }
    text |= {
        name: _typed(row, name, str, f"{says} {name} as text")
        for name in ("enhanced_by", "artist", "page")
        if row.get(name) is not None
    }
    left, top, width, height = _numbers(row.get("box"), 4, f"{says} box as four numbers")
    lines = row.get("matrix")
    if not isinstance(lines, list) or len(cast("list[Any]", lines)) != 2:
        raise ManifestError(f"{says} matrix as two rows of three numbers.")
    a, b, c = _numbers(lines[0], 3, f"{says} matrix as two rows of three numbers")
    d, e, f = _numbers(lines[1], 3, f"{says} matrix as two rows of three numbers")
    return Origin(
        **text,
        number=_typed(row, "number", int, f"{says} number as a whole number"),
        box=(left, top, width, height),
        matrix=((a, b, c), (d, e, f)),
        confidence=_numbers([row.get("confidence")], 1, f"{says} confidence as a number")[0],
    )


def read_crop(value: object, where: str) -> RandomCrop | None:
    """Which random crop a manifest's `value` speaks of; ManifestError if that can't be."""
    if value is None:
        return None
    row = _record(value, f"{where}: 'crop'")
    says = f"{where}: 'crop' needs"
    return RandomCrop(
        of=_typed(row, "of", str, f"{says} of as text"),
        left=_typed(row, "left", int, f"{says} left as a whole number"),
        top=_typed(row, "top", int, f"{says} top as a whole number"),
        mirrored=_typed(row, "mirrored", bool, f"{says} mirrored as true or false"),
    )


def _record(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestError(f"{what} must be an object.")
    return cast("dict[str, Any]", value)


def _typed(row: dict[str, Any], key: str, kind: type, sentence: str) -> Any:
    value = row.get(key)
    # to Python, true is a whole number
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ManifestError(f"{sentence}.")
    if isinstance(value, int) and abs(value) > FARTHEST:
        raise ManifestError(f"{sentence}, not {str(value)[:20]}.")
    return value


def _numbers(value: object, count: int, sentence: str) -> list[float]:
    numbers = cast("list[Any]", value) if isinstance(value, list | tuple) else []
    if len(numbers) != count:
        raise ManifestError(f"{sentence}.")
    found: list[float] = []
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ManifestError(f"{sentence}.")
        # as they are: a whole number with four hundred digits has no float
        if not abs(number) <= FARTHEST or not math.isfinite(number):
            raise ManifestError(f"{sentence}: {str(number)[:20]} is no place in a picture.")
        found.append(float(number))
    return found
