"""Cutting a face out of its picture: the one way, so that whoever has the picture gets the same crop."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from kaogae.errors import PictureError
from kaogae.faces.alignment import Matrix, warp
from kaogae.files import write_whole
from kaogae.images import Picture

SMALLEST, LARGEST = 16, 512
"""Least and greatest side of a crop that is kept, in its own pixels."""

BACKGROUND = 255
"""The grey that lies behind transparent pictures."""


def crop_size(side: float) -> int:
    """Side in pixels of the crop that is kept of a face whose crop is `side` picture pixels wide.

    As many as the picture has there, from `SMALLEST` to `LARGEST`.
    """
    return int(np.clip(round(side), SMALLEST, LARGEST))


def cut(picture: Picture, matrix: Matrix, size: int) -> NDArray[np.uint8]:
    """The crop [size, size, 3], RGB, that `matrix` (picture to crop) leads to; white behind transparency."""
    return warp(picture.over(BACKGROUND), matrix, (size, size)).astype(np.uint8, copy=False)


def pixels_sha256(crop: NDArray[np.uint8]) -> str:
    """SHA-256 of the crop's RGB values, row by row: the same whoever encodes the file."""
    return hashlib.sha256(np.ascontiguousarray(crop).tobytes()).hexdigest()


def crop_path(digest: str) -> str:
    """Where the crop with these pixels lies, relative to the workspace."""
    return f"faces/{digest[:2]}/{digest}.png"


def save_crop(crop: NDArray[np.uint8], workspace: Path) -> str:
    """Write the crop under its hash, if it isn't there yet; returns `pixels_sha256`.

    For a stage of which there is only one run at a time.

    Raises:
        PictureError: the file can't be written.
    """
    digest = pixels_sha256(crop)
    path = workspace / crop_path(digest)
    if not path.exists():
        write_whole(encoded(crop), path, PictureError, alone="crops")
    return digest


def encoded(crop: NDArray[np.uint8]) -> bytes:
    """`crop` [S, S, 3] RGB as PNG."""
    done, data = cv2.imencode(".png", crop[..., ::-1])
    if not done:
        raise PictureError("A crop can't be written as PNG.")
    return data.tobytes()
