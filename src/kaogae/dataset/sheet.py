"""Contact sheets: a set seen at one glance."""

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.dataset.faceset import FaceSet
from kaogae.expressions import Expression

COLUMNS, ROWS, CELL = 12, 8, 112


def contact_sheet(faces: FaceSet, expression: Expression) -> NDArray[np.uint8]:
    """[H, W, 3] RGB: up to 96 faces of `expression`, chosen and ordered by their hash, on white.

    Raises:
        ManifestError: a picture is missing or changed.
    """
    chosen = sorted(
        (face for face in faces.faces if face.expression is expression), key=lambda face: face.sha256
    )[: COLUMNS * ROWS]
    rows = max(1, -(-len(chosen) // COLUMNS))
    sheet = np.full((rows * CELL, COLUMNS * CELL, 3), 255, np.uint8)
    for i, picture in enumerate(faces.pictures(chosen)):
        top, left = i // COLUMNS * CELL, i % COLUMNS * CELL
        sheet[top : top + CELL, left : left + CELL] = cv2.resize(
            picture, (CELL, CELL), interpolation=cv2.INTER_AREA
        )
    return sheet
