"""Functions that worker processes can import, for test_parallel.py and tests/faces/test_bulk.py."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from kaogae.faces import Face


def obey(item: tuple[str, int]) -> int:
    what, number = item
    if what == "leave":
        os._exit(3)
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "hang":
        time.sleep(60)
    if what == "once" and not (mark := Path(f"/tmp/kaogae-test-{number}")).exists():
        mark.touch()
        os._exit(1)
    return number


def double(data: bytes) -> bytes:
    return data * 2


class OddError(Exception):
    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def fail_oddly(item: int) -> object:
    if item == 1:
        raise OddError(1, 2)  # can be packed, but not unpacked
    if item == 2:
        raise EOFError("of my own")
    return lambda: None  # can't be packed


def opencv_threads(_: int) -> int:
    import cv2

    return cv2.getNumThreads()


class Told:
    """A detector that finds what the picture's first row tells: confidence and eye distance, each in a pixel.

    Red: 100 × confidence; green: eye distance; blue 66: the process dies, 77: it fails.
    """

    def __init__(self, confidence: float = 0.8) -> None:
        self.confidence = confidence

    def detect(self, pixels: np.ndarray, *, every: bool = True) -> list[Face]:  # noqa: ARG002
        found = []
        for number, (sure, apart, wish) in enumerate(pixels[0].tolist()):
            if wish == 66:
                os.kill(os.getpid(), signal.SIGKILL)
            if wish == 77:
                raise RuntimeError("what a library says")
            if wish == 0 and sure / 100 >= self.confidence:
                x, y = 40.0 + 7 * number, 60.0
                eyes = (x - apart / 2, y), (x + apart / 2, y)
                places = dict.fromkeys(("mouth", "nose", "chin"), (x, y + apart))
                found.append(
                    Face((x - apart, y - apart, 2 * apart, 2 * apart), *eyes, **places, confidence=sure / 100)
                )
        return found


def told(seed: int, *pixels: tuple[int, int, int]) -> np.ndarray:
    """A picture in which `Told` finds what `pixels` say."""
    picture = np.random.default_rng(seed).integers(0, 256, (120, 120, 3), np.uint8)
    picture[0] = 255
    picture[0, : len(pixels)] = np.array(pixels).reshape(-1, 3)
    return picture
