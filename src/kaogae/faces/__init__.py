"""Stage 2, faces: finding them, and the aligned crop that everything after this stage works on."""

from kaogae.faces.alignment import (
    CROP_DROP,
    CROP_SCALE,
    Matrix,
    apply_matrix,
    crop_matrix,
    invert_matrix,
    warp,
)
from kaogae.faces.detector import AnimefaceDetector, Detector, find_faces
from kaogae.faces.face import Face

__all__ = [
    "CROP_DROP",
    "CROP_SCALE",
    "AnimefaceDetector",
    "Detector",
    "Face",
    "Matrix",
    "apply_matrix",
    "crop_matrix",
    "find_faces",
    "invert_matrix",
    "warp",
]
