"""What surrounds a run of `kaogae train`: its processes, its signals, and what is seen of it meanwhile."""

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from rich.markup import escape

from kaogae.cli.application import err, plain
from kaogae.errors import UsageError

if TYPE_CHECKING:
    import torch
    from lightning_fabric import Fabric
    from rich.progress import Progress, TaskID

    from kaogae.train import Step

EVERY = 30.0
"""Seconds between two plain lines."""
LATELY = 60.0
"""Seconds over which rates are measured."""


def device(accelerator: str) -> "torch.device":
    """Where a run's networks would be, by --accelerator.

    Raises:
        UsageError: there is no such thing.
    """
    import torch

    there = torch.cuda.is_available()
    if accelerator not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--accelerator is auto, cpu or cuda, not '{accelerator}'.")
    if accelerator == "cuda" and not there:
        raise UsageError("torch finds no GPU here: leave --accelerator cuda out.")
    return torch.device("cuda", 0) if there and accelerator != "cpu" else torch.device("cpu")


@contextmanager
def launched(accelerator: str, devices: int | None, nodes: int | None) -> "Generator[Fabric]":
    """The device of this process, and the others that take part: started here, or by torchrun.

    Raises:
        UsageError: there is no such accelerator, fewer devices, or torchrun started another number.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    kind = device(accelerator).type
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    devices, nodes = how_many(devices, nodes)
    try:
        strategy = "ddp" if devices * nodes > 1 else "auto"
        fabric = Fabric(accelerator=kind, devices=devices, num_nodes=nodes, strategy=strategy)
        if not int(os.environ.get("LT_CLI_USED", "0")):  # `fabric run` has launched it already
            fabric.launch()
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        raise UsageError(f"A run on {devices * nodes} devices ({kind}) can't be started: {error}") from error
    try:
        yield fabric
    except BaseException:
        for child in getattr(fabric.strategy.launcher, "procs", ()):
            child.kill()  # it would wait for this one
        raise


def how_many(devices: int | None, nodes: int | None) -> tuple[int, int]:
    """Devices of each node, and nodes.

    Raises:
        UsageError: none, or torchrun started another number.
    """
    world = os.environ.get("WORLD_SIZE", "")
    here = os.environ.get("LOCAL_WORLD_SIZE", "")
    if world.isdecimal() and here.isdecimal() and int(here) > 0:  # torchrun, or fabric run
        started = int(here), int(world) // int(here)
        if (devices or started[0], nodes or started[1]) != started:
            raise UsageError(
                f"torchrun has started {started[0]} processes on each of {started[1]} nodes: leave --devices "
                "and --nodes out, or give the same numbers."
            )
        return started
    devices, nodes = 1 if devices is None else devices, 1 if nodes is None else nodes
    if min(devices, nodes) < 1:
        raise UsageError("--devices and --nodes are 1 at least.")
    return devices, nodes


class Signals:
    """While it is entered, Ctrl-C and SIGTERM let the iteration end and everything be saved. The second one
    stops at once, and so does the first one before there is anything to save.
    """

    def __init__(self, live: "Live") -> None:
        self.live = live
        self.caught = 0
        """The number of the signal that came, or 0."""

    def __enter__(self) -> "Signals":
        both = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._note) for number in both}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        at_once = self.caught or self.live.stage != "training"
        self.caught = number
        if at_once:
            raise KeyboardInterrupt
        self.live.say_that_it_stops()


class Live:
    """What is seen of a run: rate and time left, as a bar on a terminal, as a line now and then elsewhere."""

    def __init__(self, bar: "Progress", task: "TaskID") -> None:
        self.stage = ""
        self._bar, self._task = bar, task
        self._said = 0.0
        self._lately = deque[tuple[float, int]]()
        self._stopping = False

    def step(self, step: "Step") -> None:
        """Show where the run is."""
        now = time.monotonic()
        if step.alarm:
            sentence = f"[bold yellow]kaogae:[/] {escape(plain(step.alarm))}"
            err.print(sentence, highlight=False, soft_wrap=not err.is_terminal)
        new = step.stage != self.stage
        if new:
            self.stage = step.stage
            self._lately.clear()
            self._bar.reset(self._task, total=step.total)
        self._lately.append((now, step.done))
        while len(self._lately) > 2 and now - self._lately[0][0] > LATELY:
            self._lately.popleft()
        since, first = self._lately[0]
        facts = _facts(step, (step.done - first) / max(now - since, 1e-9))
        stage = "stopping" if self._stopping else step.stage
        self._bar.update(self._task, completed=step.done, description=stage, facts=facts)
        if not err.is_terminal and (new or now - self._said > EVERY or step.done == step.total):
            self._said = now
            err.print(f"{stage} {facts}", soft_wrap=True, highlight=False, markup=False)

    def say_that_it_stops(self) -> None:
        """From within a signal's handler, where nothing may be printed that something else is printing."""
        self._stopping = True
        place = b"\r\x1b[2K" if err.is_terminal else b""  # the bar's, which is drawn again below
        os.write(
            2, place + b"kaogae: finishing this iteration and saving; the same once more stops at once.\n"
        )


class Silence(Live):
    """Of all processes but the first."""

    def __init__(self) -> None:
        self.stage = "training"  # the first process ends, or says, what comes before

    def step(self, step: "Step") -> None:
        pass

    def say_that_it_stops(self) -> None:
        pass


def _facts(step: "Step", rate: float) -> str:
    """What is done, how fast, and what is left, by `rate` a second; 0 before it is known. A terminal of 60
    columns has room for it.
    """
    done = f"{step.done}/{step.total}"
    if not rate:
        return done
    rates = [f"{_number(rate)} characters/s"]
    if step.stage == "training":
        rates = [f"{_number(rate)} it/s", f"{_number(rate * step.images / max(step.done, 1))} images/s"]
    if left := (step.total - step.done) / rate:
        rates.append(f"{_time(left)} left")
    return f"{done} {', '.join(rates)}"


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _time(seconds: float) -> str:
    """In the largest unit of which there are one and a half."""
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.0f} s"


@contextmanager
def watch_training(*, silent: bool) -> Generator[Live]:
    """A view of the run for as long as the block lasts."""
    from rich.progress import BarColumn, Progress, TextColumn

    if silent:
        yield Silence()
        return
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[facts]}")
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        live = Live(bar, bar.add_task("starting", total=None, facts=""))
        try:
            yield live
        finally:
            if not live.stage:  # nothing has come of it, and no bar is left either
                bar.update(bar.task_ids[0], visible=False)
