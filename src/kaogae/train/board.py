"""TensorBoard's file of a run: what is added is in it at once.

TensorBoard's own writer has a thread, which says with a traceback that the disk is full.
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kaogae.errors import ModelError

BINS: Any = [i / 64 for i in range(65)]
"""Edges of the masks' histogram: those of TensorBoard suit values without a limit."""


class Board:
    """A new file of events in `folder`; TensorBoard reads all that are there as one."""

    def __init__(self, folder: Path, first: int) -> None:
        """`first`: the iteration from which on what older files say doesn't count.

        Raises:
            ModelError: it can't be written, as in all that follows.
        """
        from tensorboard.compat.proto.event_pb2 import SessionLog  # pyright: ignore
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._path = folder / f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("xb")
        except OSError as error:
            raise self._complaint(error) from error
        self._records = RecordWriter(self._file)
        self._add(file_version="brain.Event:2")
        self._add(step=first, session_log=SessionLog(status=SessionLog.START))

    def scalars(self, values: Mapping[str, float], iteration: int) -> None:
        """Numbers by name."""
        from torch.utils.tensorboard.summary import scalar

        for name, value in values.items():
            self._add(step=iteration, summary=scalar(name, value))

    def samples(self, pixels: NDArray[Any], masks: NDArray[Any] | None, iteration: int) -> None:
        """A picture, [H, W, 3] uint8, and how the values of masks, 0 to 1, are spread."""
        from torch.utils.tensorboard.summary import histogram, image

        self._add(step=iteration, summary=image("samples", pixels, dataformats="HWC"))
        if masks is not None:
            self._add(step=iteration, summary=histogram("mask", masks, BINS))

    def close(self) -> None:
        """What can't be written any more has been said."""
        with suppress(OSError):
            self._file.close()

    def _add(self, **facts: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore

        try:
            self._records.write(Event(wall_time=time.time(), **facts).SerializeToString())
            self._file.flush()
        except OSError as error:
            raise self._complaint(error) from error

    def _complaint(self, error: OSError) -> ModelError:
        return ModelError(f"{self._path.parent} can't be written: {error.strerror or error}.")
