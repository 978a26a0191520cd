"""Finding faces: `Detector` is what the rest of Kaogae knows, `AnimefaceDetector` what it comes with."""

from dataclasses import dataclass
from typing import Protocol

from kaogae.faces import views
from kaogae.faces.alignment import invert_matrix
from kaogae.faces.face import Face, joined, merge
from kaogae.faces.landmarks import SIDES, propose, reconsider
from kaogae.faces.look import look
from kaogae.faces.views import Pixels
from kaogae.images import Picture

CONFIDENCE = 0.8
"""Least confidence of a face (paper, III.A step 2)."""
BACKGROUNDS = (255, 128, 0)
"""Greys laid behind transparent pictures, in the order in which they are tried."""
PROPOSED = 0.1
"""Least probability at which animeface is shown a place."""
MOST = 40
"""How many of the surest proposals are looked at: grass and lace may have hundreds."""
SEEN, AROUND = 96, 24
"""Side in pixels of the aligned crop that it is shown, and of what it sees around it on every side."""


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
            surest = sorted(proposals, key=lambda face: -face.confidence)[:MOST]
            found += [confirmed(pixels, proposal) for proposal in surest]
            if any(face.confidence >= CONFIDENCE for face in found):
                break
        return merge(face for face in found if face.confidence >= self.confidence)


def confirmed(pixels: Pixels, proposal: Face) -> Face:
    """`proposal` after a second thought, and with what animeface says to it: the surer one's confidence."""
    part, matrix = views.nearby(pixels, proposal)
    proposal = reconsider(part, proposal.mapped(matrix))
    if proposal.confidence >= PROPOSED:
        view = views.upright(part, proposal, SEEN, AROUND)
        seen = [face for face in look(*view, PROPOSED) if face.is_same(proposal)]
        if seen:
            proposal = joined([proposal, max(seen, key=lambda face: face.confidence)])
    return proposal.mapped(invert_matrix(matrix))
