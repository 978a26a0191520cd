"""The judge: what a face shows, how sure that is, and "other" where it isn't.

It is a file that says everything about itself: what it learned from, and how often it is known to be wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kaogae.errors import EvaluationError, ModelError, UsageError
from kaogae.evaluate.confusion import CLASSES, OTHER
from kaogae.evaluate.inputs import resized
from kaogae.evaluate.judge_header import JudgeHeader, pack, unpack
from kaogae.evaluate.judge_network import JudgeNetwork, inner_face
from kaogae.faces import find_faces
from kaogae.files import write_whole
from kaogae.images import Picture
from kaogae.parallel import parallel_map

SIZE = 128
"""Side in pixels of the aligned crops that the judge looks at; others are resized."""
BATCH = 64
FILE_LIMIT = 64 * 2**20
"""Most bytes of a judge's file."""

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Verdicts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Judged:
    """What the judge says of N pictures."""

    chances: Floats
    """[N, 5]; what a row lacks to 1 is the chance that it shows none of the five."""
    verdicts: Verdicts
    """[N]: an index into `EXPRESSIONS`, or `OTHER`."""
    faces: NDArray[np.bool_]
    """[N]: whether a face was found; where none was, the verdict is `OTHER`."""


class Judge:
    """judge = Judge.load()
    judge.verdicts(pictures)
    """

    def __init__(self, network: JudgeNetwork, header: JudgeHeader, sha256: str) -> None:
        """`network` and `header` as they are in the file whose hash is `sha256`."""
        self.header = header
        self.sha256 = sha256
        self.network = network.eval()

    @classmethod
    def load(cls, path: Path | None = None) -> "Judge":
        """The judge in the file `path`; None: the one that comes with Kaogae.

        Raises:
            ModelError: missing, too large, damaged, foreign, or not exactly what its header promises.
        """
        if path is None:
            data = resources.files("kaogae.evaluate").joinpath("weights/judge.safetensors").read_bytes()
            return cls(*unpack(data, "The judge that comes with Kaogae"))
        try:
            with path.open("rb") as file:
                data = file.read(FILE_LIMIT + 1)
        except OSError as error:
            raise ModelError(f"The judge {path} can't be read: {error.strerror}.") from error
        if len(data) > FILE_LIMIT:
            raise ModelError(f"{path} can't be used. It is larger than {FILE_LIMIT >> 20} MiB.")
        return cls(*unpack(data, str(path)))

    def save(self, path: Path) -> None:
        """Write the judge to `path`, whole or not at all; its weights as float16.

        Raises:
            ModelError: a weight isn't finite, or the file can't be written.
        """
        write_whole(pack(self.network, self.header), path, ModelError)

    def with_header(self, header: JudgeHeader) -> "Judge":
        """The same network with another header. It has no hash before it is saved and loaded."""
        return Judge(self.network, header, "")

    def chances(self, pictures: Pixels) -> Floats:
        """[N, 5] that each of `pictures` [N, S, S, 3], aligned crops in RGB, shows each expression.

        They are calibrated; what a row lacks to 1 is the chance that it shows none of the five. A picture
        and its mirror image have the same.
        """
        logits = torch.from_numpy(self.logits(pictures)) / self.header.temperature
        return logits.softmax(1)[:, :CLASSES].numpy()

    def verdicts(self, pictures: Pixels) -> Verdicts:
        """[N]: what each picture shows; `OTHER` where that isn't sure, or no face is found."""
        return self.judge(pictures).verdicts

    def judge(self, pictures: Pixels, *, workers: int | None = 1) -> Judged:
        """Chances and verdicts of `pictures` [N, S, S, 3].

        Args:
            workers: processes that look for faces, which takes longer than all the rest; None: one per
                processor.
        """
        seen = _resized(pictures)
        chances = self.chances(seen)
        faces = np.fromiter(parallel_map(_has_face, seen, workers=workers, chunk=8), np.bool_, len(seen))
        sure = chances.max(1, initial=0) >= self.header.threshold
        return Judged(chances, np.where(sure & faces, chances.argmax(1), OTHER), faces)

    def features(self, pictures: Pixels) -> Floats:
        """[N, F]: what the network found in each picture before it decides; its mirror image has the same."""
        return self._over(pictures, self.network.describe)

    def logits(self, pictures: Pixels) -> Floats:
        """[N, 6], before they are calibrated; the last is of none of the five."""
        return self._over(pictures, self.network.say)

    def refuse(self, set_hash: str, split: str) -> None:
        """Raise EvaluationError if the judge learned from this split of the set with this hash."""
        for learned in self.header.learned_from:
            if learned.hash == set_hash and learned.split == split:
                raise EvaluationError(
                    f"The judge '{self.header.name}' learned from the split {split} of the set "
                    f"'{learned.name}', so it can't judge what is made of that: take another judge or split."
                )

    @torch.no_grad()
    def _over(self, pictures: Pixels, function: "Function") -> Floats:
        """The mean of `function` of each picture's inner face and of its mirror image, in float32."""
        if not len(pictures):
            return self._over(np.zeros((1, SIZE, SIZE, 3), np.uint8), function)[:0]
        rows: list[Tensor] = []
        for some in torch.from_numpy(_resized(pictures)).split(BATCH):
            x = inner_face(some.permute(0, 3, 1, 2).float() / 255, self.header.size)
            rows.append((function(x) + function(x.flip(3))) / 2)
        return torch.cat(rows).numpy()


Function = Callable[[Tensor], Tensor]


def _has_face(pixels: Pixels) -> bool:
    cv2.setNumThreads(1)
    return bool(find_faces(Picture.of(pixels), every=False))


def _resized(pictures: Pixels) -> Pixels:
    """[N, `SIZE`, `SIZE`, 3]; UsageError if `pictures` are none."""
    if pictures.ndim != 4 or pictures.shape[1] != pictures.shape[2] or pictures.shape[3] != 3:
        raise UsageError(f"Pictures to judge are [N, S, S, 3], not {list(pictures.shape)}.")
    if pictures.dtype != np.uint8 or not 8 <= pictures.shape[1] <= 4096:
        raise UsageError("Pictures to judge are uint8 RGB of 8 to 4096 pixels.")
    if pictures.shape[1] == SIZE or not len(pictures):
        return np.ascontiguousarray(pictures)
    return np.stack([resized(one, SIZE) for one in pictures])
