"""Stage 2, faces: finding them, and the aligned crop that everything after this stage works on."""

from kaogae.faces.alignment import CROP_DROP, CROP_SCALE, apply_matrix, crop_matrix, invert_matrix, warp

__all__ = ["CROP_DROP", "CROP_SCALE", "apply_matrix", "crop_matrix", "invert_matrix", "warp"]
