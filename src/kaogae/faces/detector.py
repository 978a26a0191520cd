"""Finding faces: `Detector` is what the rest of Kaogae knows, `AnimefaceDetector` what it comes with."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kaogae.faces import views
from kaogae.faces.alignment import warp
from kaogae.faces.face import Face, between, merge
from kaogae.faces.landmarks import SIDES, propose
from kaogae.faces.look import look
from kaogae.faces.views import Pixels, View
from kaogae.images import Picture

CONFIDENCE = 0.8
"""Least confidence of a face (paper, III.A step 2)."""
BACKGROUNDS = (255, 128, 0)
"""Greys laid behind transparent pictures, in the order in which they are tried."""
PROPOSED = 0.1
"""Least probability at which animeface is shown a place."""
SEEN, AROUND = 96, 24
"""Side in pixels of the aligned crop that it is shown, and of what it sees around it on every side."""
WHOLE = (320, 640)
"""Longer side in pixels at which animeface sees the whole picture if no place held a face."""


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
    """animeface 2.0 where a small network of ours says that faces may be, and the network where it is sure.

    animeface alone is slow on large pictures, and blind to most faces with closed eyes (docs/faces.md).
    """

    confidence: float = CONFIDENCE

    def detect(self, pixels: Pixels, *, every: bool = True) -> list[Face]:
        """See `Detector.detect`."""
        found: list[Face] = []
        for sides in (SIDES,) if every else (SIDES[:-1], SIDES[-1:]):
            proposals = propose(pixels, min(PROPOSED, self.confidence), sides)
            found += [confirmed(pixels, proposal) for proposal in proposals]
            if any(face.confidence >= CONFIDENCE for face in found):
                break
        else:
            found += in_the_whole(pixels)
        return merge(face for face in found if face.confidence >= self.confidence)


def confirmed(pixels: Pixels, proposal: Face) -> Face:
    """`proposal` with what animeface says to it: the places in between, and the surer one's confidence."""
    seen = [face for face in look(*upright(pixels, proposal), PROPOSED) if face.is_same(proposal)]
    return between(proposal, max(seen, key=lambda face: face.confidence)) if seen else proposal


def upright(pixels: Pixels, face: Face) -> View:
    """The face with its surroundings, its eyes level."""
    matrix = face.matrix(SEEN) + np.array([[0, 0, AROUND], [0, 0, AROUND]])
    side = SEEN + 2 * AROUND
    return warp(pixels, matrix, (side, side)), matrix


def in_the_whole(pixels: Pixels) -> list[Face]:
    """What animeface finds in the whole picture: some styles are strange to the network."""
    seen = [views.whole(pixels, side) for side in WHOLE]
    found = [face for view in seen for face in look(*view, CONFIDENCE)]
    return found or [face for view in seen for face in look(*views.stronger(*view), CONFIDENCE)]
