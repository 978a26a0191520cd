"""The shared manifest: a set without its pictures. What a line holds, and reading lines that strangers wrote.

One JSON object per line, plain or gzip: first a header, then one picture with its faces per line, ordered by
site and post. `docs/collect.md` lists the fields. Nothing in it is a path; no address in it is fetched.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

from kaogae.collect.intake import clean
from kaogae.errors import ManifestError
from kaogae.expressions import EXPRESSIONS
from kaogae.faces.crops import LARGEST, SMALLEST
from kaogae.images import FILE_LIMIT, PIXEL_LIMIT

SHARED_ROLE = "shared"
"""Role of annotators, and mark in the settings of campaigns, that came in with a manifest."""

FACES_MOST = 100
"""Most faces of one picture."""

VOTES_MOST = 200
"""Most votes on one face."""

MARKS_MOST = 16
"""Most landmarks of one face."""

SIDE_MOST = 10_000.0
"""Longest side of a crop in picture pixels: cutting it takes 300 MB."""

FAR = 1e7
"""Largest number in a box, landmark or matrix."""

VERDICTS = frozenset({*EXPRESSIONS, "other", "unusable", "undone", "skipped"})

_SITE = re.compile(r"[a-z]{1,20}(:[^\x00-\x1f\x7f/\\]{1,79})?")
_HASH = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[a-z][a-z0-9 _.-]{0,19}")
_NAME = re.compile(r"[a-z]+-[0-9a-f]{12}")
_BOARD = re.compile(r"danbooru(:[A-Za-z0-9.-]{1,70})?|getchu")
_POST = {"danbooru": re.compile(r"[1-9][0-9]{0,17}"), "getchu": re.compile(r"[1-9][0-9]{0,9}[\w./-]{0,100}")}

Row = Mapping[str, Any]


def is_board(site: str) -> bool:
    """Whether the site has its pictures under the numbers of posts; all others are found by their hash."""
    return _BOARD.fullmatch(site) is not None


@dataclass(frozen=True)
class SharedVote:
    """One verdict. Nobody's name: the annotator and the campaign are pseudonyms."""

    id: UUID
    annotator: str
    """annotator-<12 hexadecimal digits>: the same person in every share of one catalogue."""
    campaign: str | None
    kind: str | None
    """The campaign's: clean or panel."""
    verdict: str
    took_ms: int | None
    day: date
    """Votes of one face come in the order in which they were cast."""
    review: bool = False
    """A reviewer's decision, not one vote among others."""


@dataclass(frozen=True)
class SharedFace:
    """One face: where it is in the picture, what it shows, and the hash of the crop that has to come out."""

    number: int
    box: tuple[float, ...]
    landmarks: dict[str, tuple[float, float]]
    confidence: float
    detector: str
    matrix: tuple[tuple[float, ...], ...]
    """[2, 3], from picture to crop."""
    side: float
    """Side of the crop in picture pixels."""
    size: int
    """Side of the crop in its own pixels."""
    pixels_sha256: str
    blur: float | None
    phash: int | None
    """64 bits as a signed number."""
    expression: str | None
    label_origin: str | None
    character: str | None
    split: str | None
    """Of the frozen set, if one was shared."""
    votes: tuple[SharedVote, ...] = ()


@dataclass(frozen=True)
class SharedPicture:
    """One picture: where it was found, and the hash of its file."""

    site: str
    post: str
    """The site's number of the post; the file's SHA-256 where there is no site to ask."""
    sha256: str
    bytes: int
    width: int
    height: int
    page_url: str | None
    file_url: str | None
    """For people to look at: pictures are fetched by their post alone."""
    keyword: str | None
    rating: str | None
    artist: str | None
    character: str | None
    licence: str | None
    expression: str | None
    label_origin: str | None
    faces: tuple[SharedFace, ...]

    @property
    def fetched(self) -> bool:
        """Whether there is a site that has it under its post."""
        return is_board(self.site)


def to_line(picture: SharedPicture) -> str:
    """The picture as one line of JSON, without what isn't known. Numbers come back exactly as they were."""
    row = _known(picture)
    row["faces"] = [
        _known(face) | ({"votes": [_known(vote) for vote in face.votes]} if face.votes else {})
        for face in picture.faces
    ]
    return json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str)


def _known(part: SharedPicture | SharedFace | SharedVote) -> dict[str, Any]:
    known = vars(part).items()
    return {name: value for name, value in known if value not in (None, ()) and value is not False}


def from_line(line: bytes, where: str) -> SharedPicture:
    """The picture that a line describes.

    Raises:
        ManifestError: the line is damaged, or describes what can't be: `where` says which line it is.
    """
    row = parse(line, where)
    try:
        return _picture(row)
    except _WrongError as error:
        raise ManifestError(f"{where}: {error}.") from error


def parse(line: bytes, where: str) -> Row:
    """The JSON object of a line.

    Raises:
        ManifestError: it isn't one, or has NaN or infinity in it.
    """
    try:
        value: object = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{where}: this is not JSON.") from error
    if not isinstance(value, dict):
        raise ManifestError(f"{where}: expected one JSON object per line.")
    return cast("Row", value)


class _WrongError(Exception):
    """Half a sentence that says what is wrong in a line."""


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _picture(row: Row) -> SharedPicture:
    site = _match(row, "site", _SITE)
    sha256 = _match(row, "sha256", _HASH)
    post = _match(row, "post", _POST[site.partition(":")[0]] if is_board(site) else _HASH)
    if ".." in post or (not is_board(site) and post != sha256):
        raise _WrongError(f"'{post[:80]}' isn't a post of {site}")
    width, height = _whole(row, "width", 1, PIXEL_LIMIT), _whole(row, "height", 1, PIXEL_LIMIT)
    if width * height > PIXEL_LIMIT:
        raise _WrongError(f"{width} × {height} pixels are more than the limit of {PIXEL_LIMIT:,}")
    faces = tuple(_face(_object(part), (width, height)) for part in _list(row, "faces", FACES_MOST))
    if not faces or len({face.number for face in faces}) < len(faces):
        raise _WrongError("a picture needs faces, each with a number of its own")
    return SharedPicture(
        site=site,
        post=post,
        sha256=sha256,
        bytes=_whole(row, "bytes", 1, FILE_LIMIT),
        width=width,
        height=height,
        page_url=_url(row, "page_url"),
        file_url=_url(row, "file_url"),
        keyword=_text(row, "keyword"),
        rating=_text(row, "rating", 20),
        artist=_text(row, "artist"),
        character=_text(row, "character"),
        licence=_text(row, "licence"),
        expression=_expression(row),
        label_origin=_optional(row, "label_origin", _WORD),
        faces=faces,
    )


def _face(row: Row, picture: tuple[int, int]) -> SharedFace:
    side, size = _number(row, "side", 1e-3, SIDE_MOST), _whole(row, "size", SMALLEST, LARGEST)
    matrix = tuple(_numbers(part, 3) for part in _list(row, "matrix", 2))
    _check_matrix(matrix, side, size, picture)
    return SharedFace(
        number=_whole(row, "number", 0, FACES_MOST - 1),
        box=_numbers(row.get("box"), 4),
        landmarks=_landmarks(row),
        confidence=_number(row, "confidence", 0, 1),
        detector=_text(row, "detector", 50) or "unknown",
        matrix=matrix,
        side=side,
        size=size,
        pixels_sha256=_match(row, "pixels_sha256", _HASH),
        blur=_number(row, "blur", 0, FAR) if row.get("blur") is not None else None,
        phash=_whole(row, "phash", -(2**63), 2**63 - 1) if row.get("phash") is not None else None,
        expression=_expression(row),
        label_origin=_optional(row, "label_origin", _WORD),
        character=_text(row, "character"),
        split=_optional(row, "split", _WORD),
        votes=tuple(_vote(_object(part)) for part in _list(row, "votes", VOTES_MOST, empty=True)),
    )


def _check_matrix(
    matrix: tuple[tuple[float, ...], ...], side: float, size: int, picture: tuple[int, int]
) -> None:
    """A crop turns and scales, never stretches; it is as large as it says and its middle near the picture."""
    if len(matrix) != 2:
        raise _WrongError("'matrix' must be two rows of three numbers")
    (a, b, x), (c, d, y) = matrix
    scale = math.hypot(a, b)
    stretched = max(abs(a - d), abs(b + c)) > 1e-6 * scale
    if stretched or abs(scale * side - size) > 0.01 * size or side > 3 * math.hypot(*picture):
        raise _WrongError("'matrix' isn't that of a face's crop")
    # The inverse of a turn by (a, b) and a shift, at the crop's middle
    along, down = size / 2 - x, size / 2 - y
    middle = (a * along - b * down) / scale**2, (b * along + a * down) / scale**2
    if any(not -side <= place <= length + side for place, length in zip(middle, picture, strict=True)):
        raise _WrongError("'matrix' leads to a place outside the picture")


def _landmarks(row: Row) -> dict[str, tuple[float, float]]:
    value = row.get("landmarks")
    if not isinstance(value, dict):
        raise _WrongError("'landmarks' must be an object of points")
    marks = cast("dict[str, object]", value)
    if len(marks) > MARKS_MOST or not all(_WORD.fullmatch(name) for name in marks):
        raise _WrongError("'landmarks' has names that are none")
    return {name: cast("tuple[float, float]", _numbers(point, 2)) for name, point in marks.items()}


def _vote(row: Row) -> SharedVote:
    verdict = row.get("verdict")
    if verdict not in VERDICTS:
        raise _WrongError(f"a vote's verdict must be one of {', '.join(sorted(VERDICTS))}")
    try:
        name, day = UUID(_match(row, "id", re.compile(r"[0-9a-f-]{36}"))), date.fromisoformat(str(row["day"]))
    except (KeyError, ValueError) as error:
        raise _WrongError("a vote needs 'id' and 'day'") from error
    return SharedVote(
        id=name,
        annotator=_match(row, "annotator", _NAME),
        campaign=_optional(row, "campaign", _NAME),
        kind=_optional(row, "kind", _WORD),
        verdict=str(verdict),
        took_ms=_whole(row, "took_ms", 0, 2**31 - 1) if row.get("took_ms") is not None else None,
        day=day,
        review=row.get("review") is True,
    )


def _object(value: object) -> Row:
    if not isinstance(value, dict):
        raise _WrongError("a face or a vote must be a JSON object")
    return cast("Row", value)


def _list(row: Row, key: str, most: int, *, empty: bool = False) -> list[Any]:
    value = row.get(key, [] if empty else None)
    if not isinstance(value, list) or len(cast("list[Any]", value)) > most:
        raise _WrongError(f"'{key}' must be a list of at most {most}")
    return cast("list[Any]", value)


def _match(row: Row, key: str, pattern: re.Pattern[str]) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _WrongError(f"'{key}' is missing or can't be what it says")
    return value


def _optional(row: Row, key: str, pattern: re.Pattern[str]) -> str | None:
    return None if row.get(key) is None else _match(row, key, pattern)


def _text(row: Row, key: str, most: int = 500) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise _WrongError(f"'{key}' must be text")
    return clean(value or "")[:most] or None


def _url(row: Row, key: str) -> str | None:
    value = _text(row, key, 2000)
    return value if value and re.match(r"https?://", value) else None


def _expression(row: Row) -> str | None:
    value = row.get("expression")
    if value is not None and value not in EXPRESSIONS:
        raise _WrongError(f"'{str(value)[:40]}' is none of {', '.join(EXPRESSIONS)}")
    return cast("str | None", value)


def _whole(row: Row, key: str, low: int, high: int) -> int:
    value = row.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _WrongError(f"'{key}' must be a whole number from {low} to {high}")
    return value


def _number(row: Row, key: str, low: float, high: float) -> float:
    (value,) = _numbers([row.get(key)], 1, key)
    if not low <= value <= high:
        raise _WrongError(f"'{key}' must be a number from {low:g} to {high:g}")
    return value


def _numbers(value: object, count: int, what: str = "a box, matrix or landmark") -> tuple[float, ...]:
    """`count` finite numbers; a whole number stays one, so that a second share reads the same."""
    if not isinstance(value, list) or len(cast("list[Any]", value)) != count:
        raise _WrongError(f"{what} must have {count} numbers")
    numbers = cast("list[Any]", value)
    if not all(
        isinstance(part, (int, float)) and not isinstance(part, bool) and abs(part) <= FAR for part in numbers
    ):
        raise _WrongError(f"{what} has something else than finite numbers")
    return tuple(numbers)
