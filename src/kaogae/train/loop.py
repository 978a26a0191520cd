"""The training loop."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import torch
from lightning_fabric import Fabric
from torch import Tensor

from kaogae.dataset import FaceSet
from kaogae.errors import ConfigError, ModelError
from kaogae.train.config import TrainConfig
from kaogae.train.data import Data, check_sets, describe
from kaogae.train.folder import check_space, claim, space_needed
from kaogae.train.journal import Journal, surroundings
from kaogae.train.log import MOST
from kaogae.train.networks import build_networks, choose_arithmetic, set_rates, update_average
from kaogae.train.processes import Processes, average, lost_processes_explained
from kaogae.train.state import Checkpoints, diverged
from kaogae.train.updates import Parts, update_discriminator, update_generator
from kaogae.train.watch import Alarm

Reason = Literal["", "time", "collapse", "signal", "finished"]


@dataclass(frozen=True)
class Step:
    """Where a run is."""

    stage: Literal["drawing", "training"]
    done: int
    """Characters drawn, or iterations."""
    total: int
    images: int = 0
    """Pictures translated so far, with repetition."""
    alarm: str | None = None
    """Something that whoever watches should know, a sentence."""


@dataclass(frozen=True)
class RunReport:
    """What a run came to."""

    folder: Path
    iterations: int
    images: int
    reason: Reason
    """Why it ended: only "finished" is the last iteration."""
    began: int = 0
    """The iteration from which it went on."""
    alarms: list[str] = field(default_factory=list[str])

    @property
    def finished(self) -> bool:
        return self.reason == "finished"


def train(
    config: TrainConfig,
    sets: Sequence[FaceSet],
    folder: Path,
    *,
    cache: Path,
    fabric: Fabric | None = None,
    max_minutes: float | None = None,
    workers: int | None = None,
    stop_on_collapse: bool = False,
    stop: Callable[[], bool] = lambda: False,
    command: str = "",
    progress: Callable[[Step], None] = lambda _: None,
) -> RunReport:
    """Train, or go on with the run in `folder`, which gets what docs/training.md lists.

    Several processes that were launched with one `fabric` share each batch; the first of them writes.

    Args:
        sets: frozen sets; their train split is learned from, their validation split shown in the samples.
        cache: folder for what is drawn; several runs may share it.
        fabric: device and processes; None: this process, on a GPU if there is one.
        max_minutes: stop after this time, with everything saved.
        workers: processes that draw; None for one per processor.
        stop_on_collapse: stop when the training has failed in a way that it doesn't recover from.
        stop: asked after each iteration whether to stop; if one of several processes wants to, all do.
        command: how this run was started, for its history.

    Raises:
        ConfigError: too little to learn from, or `folder` holds a run with other settings or data.
        ModelError: no state can be read, a loss isn't finite any more, memory or disk is full, or another
            process has ended.
        ManifestError: a set is damaged.
    """
    fabric = fabric or Fabric(accelerator="auto", devices=1)
    clock = _Clock(max_minutes)
    with lost_processes_explained(), _memory_explained(config, fabric), ExitStack() as stack:
        processes = stack.enter_context(closing(Processes(fabric)))

        # Settings
        with processes.together():
            config.check()
            config.check_processes(processes.count)
            check_sets(config, sets)
            _refuse_compiling(config, fabric.device)
            choose_arithmetic(config)

        # Networks
        with processes.together():
            networks = build_networks(config, fabric)
            check_space(folder, space_needed(config, networks, cache))  # before anything is written
            if processes.leads:
                stack.enter_context(claim(folder, config, describe(config, sets)))
            checkpoints = Checkpoints(folder, config)
            first = checkpoints.load(networks, leads=processes.leads)
        processes.require_same(first, "last saved state: all need the same folder of runs")
        if first >= config.iterations:
            return RunReport(folder, first, first * config.batch, "finished", first)

        # Data
        def drawn(count: int) -> None:
            progress(Step("drawing", count, config.data.drawn))

        with processes.in_turns():
            data = Data.load(config, sets, cache, workers=workers, progress=drawn)
        with processes.together():
            journal = stack.enter_context(closing(Journal(processes, folder, config, data, sets, first)))
            journal.begin(first, checkpoints.unread, **surroundings(fabric, command))
            for sentence in (*journal.alarms, None):
                progress(Step("training", first, config.iterations, first * config.batch, sentence))
            lost = stop_on_collapse and any(alarm.collapse for alarm in journal.lasting)
        if _agreed(processes, "collapse" if lost else ""):
            return RunReport(folder, first, first * config.batch, "collapse", first, journal.alarms)

        # Iterations
        reason: Reason = ""
        done, lap = first, _Clock()
        broken = torch.zeros((), device=fabric.device)
        feed = data.batches(first, config.iterations, fabric.device, processes.rank, processes.count)
        for batches in stack.enter_context(closing(feed)):
            judged = config.uses_discriminator and done >= config.adversarial_from * config.iterations
            rate, parts = set_rates(networks, config, done), Parts()

            # Discriminator
            if judged:
                parts |= update_discriminator(fabric, networks, batches, config)

            # Generator
            if not judged or (done + 1) % config.optimiser.n_critic == 0:
                parts |= update_generator(fabric, networks, batches, config, judged=judged)
                update_average(networks, min(config.optimiser.average, done / (done + 10)))
            done += 1
            for part in parts.values():
                broken += ~(part.abs() < MOST)

            # Record
            news = list[Alarm]()
            reason = "finished" if done == config.iterations else ""
            shows = bool(reason) or done % config.samples_every == 0
            logs = shows or done % config.log_every == 0
            if logs:
                with processes.together():
                    _refuse_broken(broken, done, processes)
                    news = journal.record(networks, done, rate, parts, shows=shows)

            # Save
            collapse = stop_on_collapse and any(alarm.collapse for alarm in news)
            reason = reason or _agreed(processes, _why_stop(stop, clock, collapse=collapse))
            if reason or done % config.save_every == 0:
                with processes.together():
                    _refuse_broken(broken, done, processes)
                    journal.save(checkpoints, networks, done, lap.pace(done - first, config.batch))
            for alarm in news or (None,):
                sentence = alarm.sentence if alarm else None
                progress(Step("training", done, config.iterations, done * config.batch, sentence))
            if reason:
                break
        with processes.together():
            journal.event("finished" if reason == "finished" else "stopped", done, reason=reason)
    return RunReport(folder, done, done * config.batch, reason, first, journal.alarms)


class _Clock:
    """How long something has taken."""

    def __init__(self, max_minutes: float | None = None) -> None:
        self.started, self.max_minutes = time.monotonic(), max_minutes

    @property
    def is_up(self) -> bool:
        return self.max_minutes is not None and time.monotonic() - self.started > 60 * self.max_minutes

    def pace(self, iterations: int, batch: int) -> dict[str, float]:
        """For the history."""
        seconds = time.monotonic() - self.started
        return {"seconds": round(seconds, 1), "images_per_second": round(iterations * batch / seconds, 2)}


def _agreed(processes: Processes, reason: Reason) -> Reason:
    """Of the reasons that the processes have to stop, the weightiest: all stop, at the same iteration."""
    reasons = get_args(Reason)
    return reasons[processes.largest(reasons.index(reason))]


def _why_stop(stop: Callable[[], bool], clock: _Clock, *, collapse: bool) -> Reason:
    return "signal" if stop() else "collapse" if collapse else "time" if clock.is_up else ""


def _refuse_broken(broken: Tensor, iteration: int, processes: Processes) -> None:
    """Ask the device now and then whether a loss, in any process, has been NaN or infinite since."""
    processes.largest(0)  # where one is gone this fails at once, while a GPU would wait for it
    average([broken])
    if bool(broken):
        raise diverged(f"A loss at iteration {iteration}")


def _refuse_compiling(config: TrainConfig, device: torch.device) -> None:
    if config.compile and device.type == "cpu":
        raise ConfigError(
            "compile = true is for GPUs: what PyTorch 2.13 makes of the losses for processors crashes. "
            "Leave it out; what is learned is the same."
        )


@contextmanager
def _memory_explained(config: TrainConfig, fabric: Fabric) -> Generator[None]:
    """Memory that isn't enough becomes a sentence with a setting that needs less."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        gpu = isinstance(error, torch.OutOfMemoryError) or any(one in str(error) for one in _OF_A_GPU)
        kinds = MemoryError, torch.OutOfMemoryError
        if not isinstance(error, kinds) and not any(sign in str(error) for sign in _NO_MEMORY):
            raise
        raise ModelError(
            f"The {'GPU' if gpu else 'machine'}'s memory is not enough for a batch of {config.batch} in "
            f"{config.accumulate} parts: try {_less_memory(config, fabric.world_size)}."
        ) from error


_OF_A_GPU = ("CUDA", "CUBLAS", "CUDNN")
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")


def _less_memory(config: TrainConfig, processes: int) -> str:
    """A setting with a value that needs less of it."""
    if config.data.resident == "yes":
        return "--set data.resident=no, which leaves the pictures on the processor's side"
    parts = range(2 * config.accumulate, config.batch // processes + 1)
    if fitting := [count for count in parts if config.batch % (count * processes) == 0]:
        return f"--set accumulate={fitting[0]}, which gives the same result from less memory"
    if config.precision == "float32":
        return "--set precision=bfloat16, with another --name"
    width = max(1, config.generator.width // 2)
    return f"--set generator.width={width} or a smaller image_size, with another --name"
