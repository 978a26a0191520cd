"""Finding faces: `Detector` is what the rest of Kaogae knows, animeface the detector that it comes with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import animeface
import numpy as np
from PIL import Image

from kaogae.faces import views
from kaogae.faces.alignment import Matrix, invert_matrix
from kaogae.faces.face import Face, merge
from kaogae.faces.views import Pixels, View
from kaogae.images import Picture

CONFIDENCE = 0.8
"""Least confidence of a face (paper, III.A step 2)."""
BACKGROUNDS = (255, 128, 0)
"""Greys laid behind transparent pictures, in the order in which they are tried."""
WHOLE = (320, 640, 1280)
"""Longer side in pixels at which the detector sees the whole picture."""
FINEST = 2560
"""Longer side at which a large picture is searched in tiles."""
TILE, OVERLAP = 1024, 192
"""Side of a tile and what it shares with the next, in pixels: more than a face that is only seen here."""


class Detector(Protocol):
    """Something that finds faces."""

    def detect(self, pixels: Pixels, *, every: bool = True) -> list[Face]:
        """The faces in a picture, largest first.

        Args:
            pixels: RGB [H, W, 3], of any size.
            every: False if only the largest face is wanted: the search may end when there is one.
        """
        ...


def find_faces(picture: Picture, detector: Detector | None = None, *, every: bool = True) -> list[Face]:
    """The faces in a picture, largest first; an empty list if there are none.

    A transparent picture is laid on one background after the other until something is found: light hair
    on white isn't seen, and dark hair on black isn't either.
    """
    detector = detector or AnimefaceDetector()
    for grey in BACKGROUNDS if picture.alpha is not None else BACKGROUNDS[:1]:
        faces = detector.detect(picture.over(grey), every=every)
        if faces:
            return faces
    return []


@dataclass(frozen=True)
class AnimefaceDetector:
    """animeface 2.0: about 0.3 s for a picture of any size with a large face, 4 s for a large one without."""

    confidence: float = CONFIDENCE

    def detect(self, pixels: Pixels, *, every: bool = True) -> list[Face]:
        """See `Detector.detect`."""
        found: list[Face] = []
        for searching, view in enumerate(_views(pixels)):
            if found and not every and searching >= 2:
                break
            found += look(*view, self.confidence)
        for change in () if found else _SECOND_LOOKS:
            for side in WHOLE[:2]:
                view, matrix = views.whole(pixels, side)
                found += look(*change(view, matrix), self.confidence)
            if found:
                break
        return merge(found)


def look(view: Pixels, matrix: Matrix, confidence: float) -> list[Face]:
    """What animeface sees in one view, in the coordinates that `matrix` (picture to view) comes from."""
    results = animeface.detect(Image.fromarray(view))
    back = invert_matrix(matrix)
    return [_face(one).mapped(back) for one in results if one.likelihood >= confidence]


def _face(found: Any) -> Face:
    """animeface's answer. Its left eye is the character's own, so it is on the viewer's right."""

    def middle(part: Any) -> tuple[float, float]:
        return part.pos.x + part.pos.width / 2, part.pos.y + part.pos.height / 2

    box = found.face.pos
    eyes = sorted([middle(found.left_eye), middle(found.right_eye)])
    return Face(
        box=(box.x, box.y, box.width, box.height),
        left_eye=eyes[0],
        right_eye=eyes[1],
        mouth=middle(found.mouth),
        nose=(found.nose.pos.x + 0.5, found.nose.pos.y + 0.5),
        chin=(found.chin.pos.x + 0.5, found.chin.pos.y + 0.5),
        confidence=min(float(found.likelihood), 1.0),
    )


def _views(pixels: Pixels) -> Iterator[View]:
    """The whole picture at growing sizes, then, if it's larger still, tiles of it."""
    longest = max(pixels.shape[:2])
    for side, finer in zip(WHOLE, (*WHOLE[1:], None), strict=True):
        yield views.whole(pixels, side)
        if finer and longest <= side * 1.25:  # the next view would show nothing that isn't in this one
            return
    if longest > WHOLE[-1] * 1.25:
        yield from _tiles(pixels)


def _tiles(pixels: Pixels) -> Iterator[View]:
    view, matrix = views.scaled(pixels, min(FINEST, max(pixels.shape[:2])))
    for top in _starts(view.shape[0]):
        for left in _starts(view.shape[1]):
            tile = np.ascontiguousarray(view[top : top + TILE, left : left + TILE])
            if np.ptp(tile) > 0:
                yield tile, matrix - [[0, 0, left], [0, 0, top]]


def _starts(length: int) -> list[int]:
    """Where the tiles of a side begin: evenly, and overlapping by `OVERLAP` or more."""
    count = max(1, -(-(length - OVERLAP) // (TILE - OVERLAP)))
    return [round(i * max(length - TILE, 0) / max(count - 1, 1)) for i in range(count)]


_SECOND_LOOKS: tuple[Callable[[Pixels, Matrix], View], ...] = (
    views.stronger,
    views.mirrored,
    views.larger,
    views.turned(15),
    views.turned(-15),
    views.flatter,
    views.narrower,
)
"""What is tried when nothing was found, in the order of what it brought on real sprites (docs/faces.md)."""
