"""What a run leaves to look at: rows of losses, their curves, sample sheets, TensorBoard, and its history."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaogae.errors import ModelError
from kaogae.files import write_whole
from kaogae.stargan.checkpoint import Generator
from kaogae.train.board import Board
from kaogae.train.config import TrainConfig
from kaogae.train.log import append, forget_after, mend, read_losses
from kaogae.train.plot import Curves, draw_curves
from kaogae.train.sheet import SampleSheet, encode_png

if TYPE_CHECKING:
    from kaogae.train.data import Data


class Recorder:
    """Writes into a run's folder; one per run, in its first process.

    Rows and events are in the file when a call returns. When a run goes on, the rows go that it wrote after
    its last saved state, so that in the end they are those of a run that was never stopped.
    """

    def __init__(self, folder: Path, config: TrainConfig, data: "Data", from_iteration: int) -> None:
        """`from_iteration`: of the saved state that the run goes on from; 0 for a new one.

        Raises:
            ModelError: the folder can't be written, or losses.jsonl is damaged.
        """
        self.folder = folder
        self._losses, self._history = folder / "losses.jsonl", folder / "history.jsonl"
        self._sheet = SampleSheet(config, data)
        kept = _last_kept(config, from_iteration)
        forget_after(self._losses, kept)
        mend(self._history)
        self._board = Board(folder / "tensorboard", kept + 1)

    def losses(self, row: Mapping[str, float]) -> None:
        """One row, by iteration.

        Raises:
            ModelError: it can't be written.
        """
        append(self._losses, row)
        iteration = int(row["iteration"])
        named = {name.replace("_", "/", 1): row[name] for name in row if name not in ("iteration", "images")}
        self._board.scalars(named, iteration)

    def show(self, generator: Generator, iteration: int) -> dict[str, float]:
        """The sample sheet; returns how much its outputs differ from each other ("spread") and from the
        inputs ("change"), both in units of [−1, 1].

        Raises:
            ModelError: it can't be written.
        """
        sheet = self._sheet.draw(generator)
        write_whole(encode_png(sheet.pixels), self.folder / "samples" / f"{iteration:07d}.png", ModelError)
        self._board.samples(sheet.pixels, sheet.masks, iteration)
        return {"spread": round(sheet.spread, 6), "change": round(sheet.change, 6)}

    def curves(self) -> None:
        """The curves of all rows so far.

        Raises:
            ModelError: they can't be written.
        """
        rows = read_losses(self._losses)
        draw_curves([Curves(self.folder.name, rows)], self.folder / "losses", every=True)

    def event(self, event: str, iteration: int, **facts: Any) -> None:
        """Note in history.jsonl what happened, with the time.

        Raises:
            ModelError: it can't be written.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        append(self._history, {"time": now, "event": event, "iteration": iteration, **facts})

    def close(self) -> None:
        """Close TensorBoard's file."""
        self._board.close()


def _last_kept(config: TrainConfig, iteration: int) -> int:
    """The last iteration whose row stays when a run goes on from `iteration`. The end of a shorter run wrote
    a row out of turn, which one that was never stopped doesn't have.
    """
    in_turn = iteration % config.log_every == 0 or iteration % config.samples_every == 0
    return iteration if in_turn or iteration >= config.iterations else iteration - 1
