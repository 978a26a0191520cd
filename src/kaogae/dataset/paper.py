"""The paper's augmentation as files: random flip, then a random 192 × 192 crop, eight of each face (III.B).

Training makes such crops on the fly (`kaogae.train.augment`), new ones every time; these are for comparing
with the paper, and for programs that have no augmentation of their own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kaogae.dataset.manifest import LANDMARKS, Landmarks, RandomCrop

FACE_SIDE, CROP_SIDE, CROPS = 224, 192, 8
"""The paper's numbers; sides in pixels."""

_SWAPPED = {"left_eye": "right_eye", "right_eye": "left_eye"}


@dataclass(frozen=True)
class Recipe:
    """How many random crops are taken of each face, and how large."""

    side: int = CROP_SIDE
    crops: int = CROPS
    seed: int = 0

    def draw(self, digest: str, size: int) -> list[RandomCrop]:
        """The crops of the face of `size` × `size` pixels whose PNG has the SHA-256 `digest`: all different.

        They follow from the seed and the face alone, whatever other faces there are.
        """
        dice = np.random.default_rng([self.seed, int(digest[:16], 16)])
        places = size - self.side + 1
        kinds = dice.choice(2 * places * places, self.crops, replace=False)
        return [
            RandomCrop(digest, int(kind) % places, int(kind) // places % places, int(kind) >= places * places)
            for kind in kinds
        ]

    def matrix(self, crop: RandomCrop, size: int) -> NDArray[np.float64]:
        """[2, 3], from the face of `size` × `size` pixels to its crop."""
        if crop.mirrored:
            return np.array([[-1.0, 0.0, size - crop.left], [0.0, 1.0, -crop.top]])
        return np.array([[1.0, 0.0, -crop.left], [0.0, 1.0, -crop.top]])

    def take(self, face: NDArray[np.uint8], crop: RandomCrop) -> NDArray[np.uint8]:
        """The pixels [side, side, 3] of `crop` from `face` [size, size, 3]."""
        seen = face[:, ::-1] if crop.mirrored else face
        return np.ascontiguousarray(seen[crop.top : crop.top + self.side, crop.left : crop.left + self.side])


def swapped(landmarks: Landmarks) -> Landmarks:
    """`landmarks` of a mirrored face: the eye on the left is now the other one."""
    seen = {_SWAPPED.get(name, name): point for name, point in landmarks.items()}
    return {name: seen[name] for name in LANDMARKS if name in seen}
