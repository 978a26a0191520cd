"""A small network that sees where faces may be, eyes closed or not, and where their parts are."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from kaogae.faces.alignment import invert_matrix
from kaogae.faces.face import Face, joined, merge
from kaogae.faces.views import Pixels, View, scaled, upright

MODEL = Path(__file__).parent / "models" / "landmarks.onnx"
STRIDE = 8
"""Pixels per cell of the network's answer."""
MULTIPLE = 32
"""Its input's sides are multiples of this."""
SIDES = (60, 120, 240, 480, 960)
"""Longer sides in pixels at which it sees the picture."""
EYES = (8.0, 72.0)
"""Eye distances in pixels that are believed: it learned those from 8 to 64."""
MARGIN = 24
"""Border pixels that are repeated around each view."""
LARGER = 1.25
"""A picture is seen at a size only if it is larger than the size before by this much."""
BOX = (1.05, 0.8, 1.3)
"""How far a face's box reaches from the middle of the eyes to both sides, up and down, in eye distances:
as animeface's boxes do on average."""

DOUBT = 1e-4
"""Confidence where nothing is seen."""

Cells = NDArray[np.float32]
"""[12, h, w] per 8 × 8 pixels: probability of a face's middle; eye distance in pixels; x and y of left eye,
right eye, nose, mouth and chin from the cell's middle in eye distances."""


def propose(pixels: Pixels, confidence: float, sides: Sequence[int] = SIDES) -> list[Face]:
    """Where faces may be, surest finding of each, largest first.

    Args:
        pixels: RGB [H, W, 3], of any size.
        confidence: least probability of a proposal.
        sides: longer sides at which the picture is seen, those of `SIDES` or a part of them.
    """
    return merge(face for view in pyramid(pixels, sides) for face in _in_view(*view, confidence))


def reconsider(pixels: Pixels, proposal: Face) -> Face:
    """A proposal after two looks at it alone: near, and mirrored with its surroundings.

    What the first look took for a face because of how it lay in the picture looks otherwise then. The new
    confidence has the mean of all three's log odds, the places are between all three's.
    """
    near = upright(pixels, proposal, 128, 0)
    far = upright(pixels, proposal, 96, 48, mirrored=True)
    seen = [_best(_in_view(*view, DOUBT), proposal) for view in (near, far)]
    odds = [face.confidence / (1 - face.confidence) for face in (proposal, *seen)]
    mean = float(np.exp(np.log(odds).mean()))
    return replace(joined([proposal, *seen]), confidence=mean / (1 + mean))


def _best(seen: list[Face], proposal: Face) -> Face:
    """The surest that is `proposal`; if none is, `proposal` in doubt."""
    same = [face for face in seen if face.is_same(proposal)]
    return max(same, key=lambda face: face.confidence, default=replace(proposal, confidence=DOUBT))


def pyramid(pixels: Pixels, sides: Sequence[int] = SIDES) -> Iterator[View]:
    """The picture at `sides`, largest first, with margins up to a multiple of 32.

    A size that is much larger than the picture is left out: it would show nothing more.
    """
    longest = max(pixels.shape[:2])
    fitting = [side for side in sides if side == SIDES[0] or longest > side / 2 * LARGER]
    view, matrix = scaled(pixels, max(fitting, default=1))
    for side in sorted(fitting, reverse=True):
        smaller, further = scaled(view, side)
        yield _framed(smaller, further[:, :2] @ matrix)


def _framed(view: Pixels, matrix: NDArray[np.float64]) -> View:
    height, width = view.shape[:2]
    right, below = (MARGIN + -(length + 2 * MARGIN) % MULTIPLE for length in (width, height))
    framed = cv2.copyMakeBorder(view, MARGIN, below, MARGIN, right, cv2.BORDER_REPLICATE)
    return np.asarray(framed, np.uint8), np.add(matrix, [[0, 0, MARGIN], [0, 0, MARGIN]])


def _in_view(view: Pixels, matrix: NDArray[np.float64], confidence: float) -> list[Face]:
    cells: Cells = np.asarray(_session().run(None, {"pixels": view[None]})[0])[0]
    believed = (cells[0] >= confidence) & (cells[1] >= EYES[0]) & (cells[1] <= EYES[1])
    peaks = believed & (cells[0] >= cv2.dilate(cells[0], np.ones((3, 3), np.uint8)))
    back = invert_matrix(matrix)
    return [_face(cells[:, y, x], x, y).mapped(back) for y, x in np.argwhere(peaks).tolist()]


def _face(cell: NDArray[np.float32], x: int, y: int) -> Face:
    """What one cell says, in pixels of the view."""
    eyes = float(cell[1])
    points = cell[2:].astype(np.float64).reshape(5, 2) * eyes + (np.array([x, y]) + 0.5) * STRIDE
    left, right, nose, mouth, chin = ((float(a), float(b)) for a, b in points)
    middle = (points[0] + points[1]) / 2
    aside, up, down = (part * eyes for part in BOX)
    box = (float(middle[0]) - aside, float(middle[1]) - up, 2 * aside, up + down)
    return Face(box, left, right, mouth, nose, chin, min(max(float(cell[0]), DOUBT), 1 - DOUBT))


@cache
def _session() -> onnxruntime.InferenceSession:
    """One thread, and memory given back after each picture: in bulk there is a process per core for days."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(MODEL.read_bytes(), options, providers=["CPUExecutionProvider"])
