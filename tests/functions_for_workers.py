"""Functions that worker processes can import, for test_parallel.py and tests/faces/test_bulk.py."""

import os
import signal
import time
from pathlib import Path


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
