"""The paper's reference: boxes from `lbpcascade_animeface.xml`, landmarks from animeface on the box."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.errors import UsageError, WeightsError
from kaogae.faces.detector import CONFIDENCE
from kaogae.faces.face import Face, merge
from kaogae.faces.look import look
from kaogae.faces.views import scaled, window

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, width, height in picture pixels."""

LARGEST_FILE = 4 * 2**20
"""Bytes; the known cascade has 250 kB."""
MOST = 10_000
"""Features, stages or stumps of a cascade."""
VIEW = 640
"""Longer side in pixels at which the cascade sees the picture: at 1280 it takes four times as long."""
LEAST = 24
"""Least side of a box at that size."""
STEP, NEIGHBOURS = 1.1, 5
"""How the search window grows, and how many findings must agree: what most users of this cascade set."""
MARGIN = 0.5
"""What animeface sees around a box, as a share of its side: the box reaches from the brows to the chin."""
SEEN = 192
"""Side in pixels of what animeface is shown."""


@dataclass(frozen=True)
class CascadeDetector:
    """Nagadomi's LBP cascade, searched by scikit-image; a box in which animeface sees nothing is no finding.

    The confidence is animeface's for the box, so the paper's threshold of 0.80 means the same as it does for
    `AnimefaceDetector`. Needs `pip install kaogae[collect]`.
    """

    path: Path
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        """Read the file, so that a wrong one is noticed before the work begins.

        Raises:
            WeightsError: the file can't be read or isn't an LBP cascade of stumps.
            UsageError: scikit-image isn't installed.
        """
        object.__setattr__(self, "_cascade", load_cascade(self.path))

    def __reduce__(self) -> tuple[type["CascadeDetector"], tuple[Path, float]]:
        """Another process reads the file again: scikit-image's object can't travel."""
        return CascadeDetector, (self.path, self.confidence)

    def detect(self, pixels: Pixels, *, every: bool = True) -> list[Face]:  # noqa: ARG002
        """See `Detector.detect`."""
        found: list[Face] = []
        for box in self.boxes(pixels):
            inside = [face for face in look(*around(pixels, box), self.confidence) if _is_in(face, box)]
            found += sorted(inside, key=lambda face: -face.confidence)[:1]
        return merge(found)

    def boxes(self, pixels: Pixels) -> list[Box]:
        """Where the cascade sees faces, whether or not animeface agrees."""
        view, matrix = scaled(pixels, VIEW)
        if min(view.shape[:2]) <= LEAST:
            return []
        grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY).astype(np.float64) / 255
        found: Sequence[dict[str, int]] = getattr(self, "_cascade").detect_multi_scale(  # noqa: B009
            grey, STEP, 1.0, (LEAST, LEAST), grey.shape, NEIGHBOURS
        )
        x, y = float(matrix[0, 0]), float(matrix[1, 1])
        return [(one["c"] / x, one["r"] / y, one["width"] / x, one["height"] / y) for one in found]


def around(pixels: Pixels, box: Box) -> tuple[Pixels, NDArray[np.float64]]:
    """The square around `box` with its margin as animeface gets to see it, and the matrix to it."""
    side = max(box[2:]) * (1 + 2 * MARGIN)
    return window(pixels, (box[0] + box[2] / 2, box[1] + box[3] / 2), side, SEEN)


def _is_in(face: Face, box: Box) -> bool:
    """Whether the middle of a face lies in the box: the margin may show a neighbour's."""
    x, y = face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2
    return box[0] <= x <= box[0] + box[2] and box[1] <= y <= box[1] + box[3]


def load_cascade(path: Path) -> Any:
    """scikit-image's `Cascade` from an XML file that has been checked.

    Raises:
        WeightsError: the file can't be read or isn't an LBP cascade of stumps.
        UsageError: scikit-image isn't installed.
    """
    data = checked_cascade(path)
    try:
        from skimage.feature import Cascade
    except ImportError as error:
        raise UsageError("The cascade needs scikit-image: pip install 'kaogae[collect]'.") from error
    return Cascade(io.BytesIO(data))


def checked_cascade(path: Path) -> bytes:
    """The content of a cascade file in which nothing points outside.

    scikit-image trusts every count, index and rectangle in the file and follows it into memory, so all of
    them are checked here first.

    Raises:
        WeightsError: the file can't be read or isn't an LBP cascade of stumps.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise WeightsError(f"{path} can't be read: {error.strerror}.") from error
    try:
        _require(len(data) <= LARGEST_FILE and b"<!DOCTYPE" not in data, "too large, or with definitions")
        root = ElementTree.fromstring(data)
        _check(root)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise WeightsError(
            f"{path} isn't a whole LBP cascade ({error}): fetch it with `kaogae weights fetch lbpcascade`."
        ) from error
    return ElementTree.tostring(root)  # what was checked, whatever another reading of the file would give


def _check(root: ElementTree.Element) -> None:
    """Raise ValueError or LookupError unless all that scikit-image reads is there and in range."""
    for name in ("features", "stages", "stageNum", "height", "width"):
        if len(list(root.iter(name))) != 1:
            raise ValueError(f"not exactly one <{name}>")
    kinds = {_text(one).strip() for one in root.iter("featureType")}
    _require(kinds == {"LBP"}, "not of LBP features")
    width, height = (_number(next(root.iter(name)), 8, 256) for name in ("width", "height"))
    features, stages = next(root.iter("features")), next(root.iter("stages"))
    _require(0 < len(features) <= MOST, "no features, or too many")
    for feature in features:
        x, y, across, down = map(int, _text(feature[0]).split())
        inside = (
            min(x, y) >= 0 and min(across, down) > 0 and x + 3 * across <= width and y + 3 * down <= height
        )
        _require(inside, "a rectangle outside of the window")
    _require(
        _number(next(root.iter("stageNum")), 1, MOST) == len(stages), "another number of stages than it says"
    )
    stumps = 0
    for stage in stages:
        float(_text(_only(stage, "stageThreshold")))
        weak = _only(stage, "weakClassifiers")
        _require(
            _number(_only(stage, "maxWeakCount"), 1, MOST) == len(weak),
            "another number of stumps than it says",
        )
        stumps += len(weak)
        for stump in weak:
            _check_stump(stump, len(features))
    _require(stumps <= MOST, "too many stumps")


def _check_stump(stump: ElementTree.Element, features: int) -> None:
    nodes = [int(word) for word in _text(_only(stump, "internalNodes")).split()]
    leaves = [float(word) for word in _text(_only(stump, "leafValues")).split()]
    _require(len(nodes) == 11 and len(leaves) == 2, "a classifier that isn't a stump of eight words")
    _require(0 <= nodes[2] < features, "a stump of a feature that isn't there")
    _require(all(-(2**31) <= word < 2**31 for word in nodes[3:]), "a word of more than 32 bits")


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(problem)


def _only(parent: ElementTree.Element, name: str) -> ElementTree.Element:
    _require(len(parent.findall(name)) == 1, f"not exactly one <{name}>")
    return parent.findall(name)[0]


def _text(element: ElementTree.Element) -> str:
    return element.text or ""


def _number(element: ElementTree.Element, least: int, most: int) -> int:
    value = int(_text(element))
    _require(least <= value <= most, f"<{element.tag}> out of range")
    return value
