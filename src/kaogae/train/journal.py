"""What a run writes down: its first process does, and the others take part where all have to."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from kaogae import __version__
from kaogae.dataset import FaceSet
from kaogae.parallel import processor_name
from kaogae.stargan import Header
from kaogae.train.config import TrainConfig
from kaogae.train.data import Data, describe
from kaogae.train.log import read_losses
from kaogae.train.networks import Networks, statistics
from kaogae.train.processes import Processes, average
from kaogae.train.record import Recorder
from kaogae.train.state import Checkpoints, diverged, infinite
from kaogae.train.updates import Parts
from kaogae.train.watch import Alarm, Watch


class Journal:
    """Rows of losses, samples, alarms, checkpoints and events of a run, from iteration `first` on."""

    def __init__(
        self,
        processes: Processes,
        folder: Path,
        config: TrainConfig,
        data: Data,
        sets: Sequence[FaceSet],
        first: int,
    ) -> None:
        self.config, self.sets = config, sets
        self._watch = Watch(config)
        self._recorder = Recorder(folder, config, data, first) if processes.leads else None
        self._last: dict[str, float] = {}
        losses = folder / "losses.jsonl"
        if self._recorder is not None and first and losses.is_file():
            for row in read_losses(losses):
                self._watch.see(row)
                self._last = row
        self.lasting = self._watch.lasting
        """Alarms of before that haven't cleared."""
        self.alarms = [alarm.sentence for alarm in self.lasting]

    def begin(self, first: int, unread: Sequence[str], **facts: Any) -> None:
        """Note that the run begins, or goes on after `first` iterations, and which states were of no use."""
        self.event("continued" if first else "started", first, **facts)
        for sentence in unread:
            self.alarm("state", first, sentence)

    def record(
        self, networks: Networks, iteration: int, rate: float, parts: Parts, *, shows: bool
    ) -> list[Alarm]:
        """Write a row, if `shows` with samples, and see what there is to say about it.

        What is shown and saved has the statistics of what all processes have seen.
        """
        row = _row(iteration, self.config, rate, parts)
        if shows:
            average(statistics(networks))
        if self._recorder is None:
            return []
        if shows:
            if (name := infinite(networks.average.state_dict())) is not None:
                raise diverged(name)
            row |= self._recorder.show(networks.average, iteration)
        self._recorder.losses(row)
        if shows:
            self._recorder.curves()  # with this row
        self._last, alarms = row, self._watch.see(row)
        for alarm in alarms:
            self.alarm(alarm.kind, iteration, alarm.sentence)
        return alarms

    def save(
        self, checkpoints: Checkpoints, networks: Networks, iteration: int, pace: dict[str, float]
    ) -> None:
        """Write checkpoint and state."""
        average(statistics(networks))
        if self._recorder is not None:
            checkpoints.save(networks, iteration, _header(self.config, self.sets, iteration, self._last))
            self.event("saved", iteration, **pace)

    def alarm(self, kind: str, iteration: int, sentence: str) -> None:
        """Note something that a person should know."""
        self.event("alarm", iteration, kind=kind, sentence=sentence)
        self.alarms.append(sentence)

    def event(self, event: str, iteration: int, **facts: Any) -> None:
        """Note what happened."""
        if self._recorder is not None:
            self._recorder.event(event, iteration, **facts)

    def close(self) -> None:
        if self._recorder is not None:
            self._recorder.close()


def _row(iteration: int, config: TrainConfig, rate: float, parts: Parts) -> dict[str, float]:
    """What was measured at this iteration, as a mean over the processes: one question to the device."""
    means = torch.stack([part.detach().float() for part in parts.values()])
    average([means])
    row: dict[str, float] = {"iteration": iteration, "images": iteration * config.batch, "rate": rate}
    return row | {name: round(value, 6) for name, value in zip(parts, means.tolist(), strict=True)}


def _header(config: TrainConfig, sets: Sequence[FaceSet], iteration: int, losses: dict[str, float]) -> Header:
    training = {"preset": config.preset, "seed": config.seed, "iterations": iteration, "batch": config.batch}
    training |= {"weights": asdict(config.weights), "drawn_characters": config.data.drawn}
    training |= {"sets": {faces.name: faces.hash for faces in sets}}
    seen = iteration * config.batch
    origin = describe(config, sets)["hash"]
    return Header(config.generator, config.image_size, seen, origin, {"losses": losses}, training)


def surroundings(fabric: Fabric, command: str) -> dict[str, Any]:
    """With what a run is made, for its history."""
    device = fabric.device
    return {
        "command": command,
        "kaogae": __version__,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processes": fabric.world_size,
    }
