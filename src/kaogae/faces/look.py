"""One look of animeface at one view."""

from typing import Any

import animeface
from PIL import Image

from kaogae.faces.alignment import Matrix, invert_matrix
from kaogae.faces.face import Face
from kaogae.faces.views import Pixels


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
