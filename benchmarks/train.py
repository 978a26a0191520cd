"""How fast `kaogae train` is against a plain loop that does what the original StarGAN code does.

    python benchmarks/train.py speed              # a processor: baseline at 64 pixels, and small
    python benchmarks/train.py speed --device cuda --preset paper --preset baseline --iterations 2000
    python benchmarks/train.py switches           # what each switch is worth
    python benchmarks/train.py curves             # are the losses those of the plain loop?
    python benchmarks/train.py processes          # two processes on two cores

`plain_stargan.py` is the plain loop. Kaogae's is the real one, files, logs and all: it runs in a thread which
waits while its opponent runs, so both are measured in one run, window by window in turn.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any
from unittest import mock

import numpy as np
import torch
import typer
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam

import plain_stargan
from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.dataset import FaceSet, freeze
from kaogae.dataset import load as load_set
from kaogae.expressions import EXPRESSIONS
from kaogae.images import Picture, save_picture
from kaogae.stargan import Discriminator
from kaogae.stargan.discriminator import Halving
from kaogae.train import TrainConfig, batches, load_settings, networks, train
from kaogae.train.data import Data
from kaogae.train.estimate import estimate
from kaogae.train.networks import build_networks, choose_arithmetic
from kaogae.train.settings import to_toml

PRECISIONS = ("float32", "bfloat16")
ALWAYS = ("iterations=1000000", "samples_every=1000000", "save_every=1000000")
"""The steady state: logs as the preset has them, nothing drawn or saved."""
AT_64 = ("image_size=64", "stored_size=75", "augment.crop=0.8533333333", "augment.shift=0.0833333333")
NARROW = (
    *AT_64, "batch=8", "generator.width=8", "discriminator_width=8", "log_every=1", "samples_every=1000000",
    "save_every=1000000", "optimiser.generator_rate=1e-3", "optimiser.discriminator_rate=1e-3",
)  # fmt: skip
"""The baseline at the size of docs/claim.md."""
JUDGED, TAUGHT = "adversarial_from=0", "adversarial_from=0.99"
FACES, DRAWN = 200, 60
"""Faces to train on, and characters of pairs."""
LOSSES = ("d_adversarial", "d_classes", "d_penalty", "g_adversarial", "g_classes", "g_reconstruction")
SMOOTH = 30
"""Iterations of which the mean is drawn."""
COMPILED = "compile=true"
"""Takes minutes to begin, so only where it is asked for."""
Patch = Sequence[tuple[object, str, Any]]
"""What to replace: where, what and by what."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
DEVICE = typer.Option("cpu", "--device", help="cpu or cuda.")
CORES = typer.Option(2, "--cores", help="Cores to use.")
ROUNDS = typer.Option(5, "--rounds", help="Windows of each opponent; the median counts.")
ITERATIONS = typer.Option(0, "--iterations", help="Of each opponent in all windows together; 0: a few.")
PRESETS = typer.Option(["baseline", "small"], "--preset", help="May be given several times.")
CHANGES = typer.Option([], "--set", help="A setting to change, as with kaogae train.")


# ---------------------------------------------------------------------------------------------- the opponents


class Ours:
    """`kaogae.train.train`, a window at a time, with some of its parts replaced by others."""

    def __init__(
        self, config: TrainConfig, sets: list[FaceSet], folder: Path, device: str, patch: Patch = ()
    ) -> None:
        self.config = config
        self._left, self._go, self._done, self._over = 0, Event(), Event(), False
        self._failure: BaseException | None = None
        self._patch = patch
        fabric = Fabric(accelerator=device, devices=1)

        def work() -> None:
            self._go.wait()
            run = Path(tempfile.mkdtemp(dir=folder)) / "run"
            try:
                train(config, sets, run, cache=folder / "cache", fabric=fabric, stop=self._stop)
            except BaseException as error:
                self._failure = error
                self._done.set()

        self._thread = Thread(target=work, daemon=True)
        self._thread.start()

    def run(self, iterations: int) -> None:
        """Lets the loop go on for so many."""
        choose_arithmetic(self.config)  # which the opponent may have changed
        self._left = iterations
        self._done.clear()
        with ExitStack() as stack:
            for place, name, other in self._patch:
                stack.enter_context(mock.patch.object(place, name, other))
            self._go.set()
            self._done.wait()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        self._over = True
        self._go.set()
        self._thread.join()

    def _stop(self) -> bool:
        """Asked by the loop after each iteration."""
        self._left -= 1
        if self._left == 0:
            self._go.clear()
            self._done.set()
            self._go.wait()
        return self._over


class Plain:
    """The plain loop, a window at a time."""

    def __init__(self, config: TrainConfig, sets: list[FaceSet], folder: Path, device: str) -> None:
        built = build_networks(config, Fabric(accelerator=device, devices=1))
        self.loop = plain_stargan.Plain(config, built.generator, built.discriminator)
        data = Data.load(config, sets, folder / "cache")
        plain_stargan.write_files(data, folder / "files")
        self.batches = plain_stargan.loader(data, folder / "files", 0, torch.device(device))
        self.done = 0

    def run(self, iterations: int) -> None:
        """The next so many, in float32 and not in TF32."""
        choose_arithmetic(replace(self.loop.config, precision="float32"))
        for _ in range(iterations):
            self.loop.iteration(next(self.batches), self.done)
            self.done += 1

    def close(self) -> None:
        del self.batches  # and with it, the worker


def race(opponents: dict[str, Any], rounds: int, window: int) -> dict[str, float]:
    """Seconds per iteration of each: the median over `rounds` windows that they have in turn."""
    times: dict[str, list[float]] = {name: [] for name in opponents}
    for turn in range(rounds + 1):
        for name, opponent in opponents.items():
            synchronise()
            start = time.perf_counter()
            opponent.run(window)
            synchronise()
            if turn:  # the first one draws, reads, compiles and fills caches
                times[name].append((time.perf_counter() - start) / window)
    for opponent in opponents.values():
        opponent.close()
    return {name: statistics.median(values) for name, values in times.items()}


# --------------------------------------------------------------------------------------------------- commands


@app.command()
def speed(
    presets: list[str] = PRESETS,
    changes: list[str] = CHANGES,
    device: str = DEVICE,
    cores: int = CORES,
    rounds: int = ROUNDS,
    iterations: int = ITERATIONS,
) -> None:
    """Images per second against the plain loop's, and time over the floor that arithmetic sets."""
    use(device, cores)
    rates = {precision: matrix_rate(device, precision) for precision in PRECISIONS}
    print("matrices: " + ", ".join(f"{rate / 1e12:.3g} TFLOP/s in {name}" for name, rate in rates.items()))
    for preset in presets:
        words, published = steady(preset, changes, device), load_settings(preset)
        seconds: dict[str, float] = dict.fromkeys(("plain", *PRECISIONS), 0)
        floors = dict(seconds)
        for phase, share in phases(published):
            with prepared(preset, [*words, phase]) as (config, sets, folder):
                cost = estimate(config, sets, folder / "cache", torch.device(device), seconds=1)
                opponents = {
                    "plain": Plain(config, sets, folder, device),
                    **{name: Ours(replace(config, precision=name), sets, folder, device) for name in rates},
                }
                for name, each in race(opponents, rounds, window(config, rounds, iterations)).items():
                    seconds[name] += share * each
                    floors[name] += share * cost.iteration_flops / rates.get(name, rates["float32"])
        print(f"\n{preset}, {config.image_size} pixels, batches of {config.batch}")
        for name, each in seconds.items():
            print(
                f"  {name if name == 'plain' else 'kaogae ' + name:15} {config.batch / each:8.1f} images/s"
                f" {seconds['plain'] / each:6.2f} ×, {each / floors[name]:5.1f} times the floor,"
                f" {each * published.iterations / 3600:6.1f} h for {published.iterations:,} iterations"
            )


@app.command()
def switches(
    presets: list[str] = PRESETS,
    changes: list[str] = CHANGES,
    device: str = DEVICE,
    cores: int = CORES,
    rounds: int = ROUNDS,
    iterations: int = ITERATIONS,
    only: str = typer.Option("", "--only", help="Switches with this in their name; for compile=true, ask."),
) -> None:
    """What each switch is worth: the time the other way over the time as it is, in turn."""
    use(device, cores)
    for preset in presets:
        with prepared(preset, [*steady(preset, changes, device), JUDGED]) as (config, sets, folder):
            print(f"\n{preset}, {config.precision}, {config.image_size} pixels, batches of {config.batch}")
            for label, other, patch in variants(config):
                if only not in label or (label == COMPILED and not only):
                    continue
                opponents = {
                    "ours": Ours(config, sets, folder, device),
                    "other": Ours(other, sets, folder, device, patch),
                }
                seconds = race(opponents, rounds, window(config, rounds, iterations))
                print(f"  {label:42} {seconds['other'] / seconds['ours']:5.2f}", flush=True)


@app.command()
def curves(
    iterations: int = typer.Option(1500, "--iterations"),
    device: str = DEVICE,
    cores: int = CORES,
    image: Path | None = typer.Option(None, "--image", help="Where to draw the curves: a .png or .svg."),
) -> None:
    """The losses of both loops from the same weights on the same batches, and how far apart two seeds are."""
    use(device, cores)
    words = (*NARROW, f"iterations={iterations}", "data.resident=no")
    with prepared("baseline", words) as (config, sets, folder):
        data = Data.load(config, sets, folder / "cache")
        found = {
            "plain": losses_of(plain_losses(config, data, device)),
            "kaogae": losses_of(our_losses(config, sets, folder, device)),
            "plain, another seed": losses_of(plain_losses(replace(config, seed=1), data, device)),
        }
    print(f"{'mean distance from the plain loop':34} {'kaogae':>10} {'another seed':>14}")
    for name, wanted in found["plain"].items():
        near, far = (np.abs(found[who][name] - wanted).mean() for who in list(found)[1:])
        print(f"  {name:32} {near:10.4f} {far:14.4f}")
    if image is not None:
        draw(found, image)


@app.command()
def processes(
    presets: list[str] = PRESETS,
    changes: list[str] = CHANGES,
    iterations: int = typer.Option(40, "--iterations", help="Of each run."),
    rounds: int = typer.Option(3, "--rounds"),
) -> None:
    """One process on one core, one on two, and two on one core each, with the same global batch."""
    use("cpu", 2)
    ways = {"one process, one core": (1, 1), "one process, two cores": (1, 2), "two processes": (2, 1)}
    for preset in presets:
        words = [*steady(preset, changes, "cpu"), JUDGED, f"iterations={iterations}", "optimiser.warmup=0"]
        with prepared(preset, words) as (config, sets, folder):
            times: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(rounds):
                for way, (count, threads) in ways.items():
                    times[way].append(command_rate(config, sets, folder, count, threads))
            rates = {way: statistics.median(values) for way, values in times.items()}
            first = next(iter(rates.values()))
            print(f"\n{preset}, {config.image_size} pixels, batches of {config.batch} in all")
            for way, rate in rates.items():
                print(f"  {way:24} {rate:7.1f} images/s  {rate / first:5.2f} ×")


# --------------------------------------------------------------------------------------------------- settings


def use(device: str, cores: int) -> None:
    """Keep this process and its children to so many cores."""
    if device == "cpu":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
        torch.set_num_threads(cores)


def steady(preset: str, changes: Sequence[str], device: str) -> list[str]:
    """Settings to measure `preset` with."""
    small = AT_64 if preset == "baseline" and device == "cpu" else ()
    drawn = [f"data.drawn={DRAWN}"] if load_settings(preset).data.drawn else []
    return [*ALWAYS, *small, *drawn, *changes]


def phases(config: TrainConfig) -> list[tuple[str, float]]:
    """Settings for a run without the discriminator and one with it, and the share of iterations of each."""
    shares = {TAUGHT: config.adversarial_from, JUDGED: 1 - config.adversarial_from}
    return [(phase, share) for phase, share in shares.items() if share]


def window(config: TrainConfig, rounds: int, iterations: int) -> int:
    """Iterations of a window: whole turns of both networks."""
    turn = config.optimiser.n_critic
    return max(2, iterations // rounds // turn) * turn


def variants(config: TrainConfig) -> Iterator[tuple[str, TrainConfig, Patch]]:
    """Name, settings, and what else is different."""
    other = next(name for name in PRECISIONS if name != config.precision)
    yield f"precision={other}", replace(config, precision=other), ()
    yield "data.resident=yes", replace(config, data=replace(config.data, resident="yes")), ()
    yield "accumulate=2", replace(config, accumulate=2), ()
    yield COMPILED, replace(config, compile=True), ()
    yield (
        "contiguous tensors, not channels last",
        config,
        (
            (networks, "_placed", lambda network, fabric: network.to(fabric.device)),
            (batches, "_dense", Tensor.contiguous),
        ),
    )
    yield "Adam without fused=True", config, ((networks, "Adam", unfused),)
    yield "D: real and translated in two passes", config, ((Discriminator, "forward", in_two_passes),)
    yield "D: convolutions of 4 × 4 pixels, no matrices", config, ((Halving, "forward", nn.Conv2d.forward),)
    yield "D: gradients in G's step too", config, ((Discriminator, "requires_grad_", lambda self, _: self),)


def unfused(*words: Any, **_: Any) -> Adam:
    return Adam(*words)


def in_two_passes(self: Discriminator, image: Tensor) -> tuple[Tensor, ...]:
    passes = [self.heads(self.features(half)[-1]) for half in image.chunk(2)]
    return tuple(torch.cat(parts) for parts in zip(*passes, strict=True))


@contextmanager
def prepared(preset: str, words: Sequence[str]) -> Iterator[tuple[TrainConfig, list[FaceSet], Path]]:
    """The settings, a set of drawn faces as large as they want them, and a folder for all that is written."""
    config = load_settings(preset, words)
    with tempfile.TemporaryDirectory() as name:
        folder, side = Path(name), config.stored_size
        for number in range(FACES):
            expression = EXPRESSIONS[number % len(EXPRESSIONS)]
            (folder / "pictures" / expression).mkdir(parents=True, exist_ok=True)
            pixels = Portrait.from_seed(number).render(sample_rig(number, expression, 1.0), side)
            save_picture(Picture.of(pixels), folder / "pictures" / expression / f"{number}.png")
        yield (
            config,
            [load_set(freeze("drawn", [folder / "pictures"], folder / "sets", size=side).path)],
            folder,
        )


# -------------------------------------------------------------------------------------------------- measuring


def matrix_rate(device: str, precision: str) -> float:
    """FLOP/s of the best of ten products of two square matrices."""
    side = 8192 if device == "cuda" else 2048
    a = torch.randn(side, side, device=device, dtype=getattr(torch, precision))
    seconds = list[float]()
    for _ in range(10):
        synchronise()
        start = time.perf_counter()
        a @ a
        synchronise()
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds)


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def plain_losses(config: TrainConfig, data: Data, device: str) -> Iterator[dict[str, float]]:
    """What each iteration of the plain loop measures, on Kaogae's batches."""
    built = build_networks(config, Fabric(accelerator=device, devices=1))
    loop = plain_stargan.Plain(config, built.generator, built.discriminator)
    data = Data(config, data.pairs, data.faces, data.held_out)
    for done, (batch,) in enumerate(data.batches(0, config.iterations, torch.device(device), 0, 1)):
        yield loop.iteration(batch, done)


def our_losses(
    config: TrainConfig, sets: list[FaceSet], folder: Path, device: str
) -> Iterator[dict[str, float]]:
    """The rows of Kaogae's log."""
    train(config, sets, folder / "run", cache=folder / "cache", fabric=Fabric(accelerator=device, devices=1))
    for line in (folder / "run" / "losses.jsonl").read_text().splitlines():
        yield json.loads(line)


def losses_of(rows: Iterator[dict[str, float]]) -> dict[str, NDArray[np.float64]]:
    """Of each loss its values, the mean of `SMOOTH` at a time."""
    columns: dict[str, list[float]] = {name: [] for name in LOSSES}
    for row in rows:
        for name in LOSSES:
            if name in row:
                columns[name].append(row[name])
    means = dict[str, NDArray[np.float64]]()
    for name, values in columns.items():
        count = max(1, len(values) * SMOOTH // max(map(len, columns.values())))
        whole = values[: len(values) // count * count]
        means[name] = np.array(whole).reshape(-1, count).mean(1)
    return means


def draw(found: dict[str, dict[str, NDArray[np.float64]]], path: Path) -> None:
    """A panel for each loss."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(2, 3, figsize=(11, 5.5), layout="constrained")
    styles = {
        "plain": ("#0072b2", 3.5, "-"),
        "kaogae": ("#e69f00", 1.2, "-"),
        "plain, another seed": ("#999999", 1, "--"),
    }
    for panel, name in zip(panels.flat, LOSSES, strict=True):
        for who in reversed(styles):
            colour, width, dash = styles[who]
            values = found[who][name]
            places = (np.arange(len(values)) + 0.5) * SMOOTH
            panel.plot(places, values, dash, color=colour, linewidth=width, label=who)
        panel.set_title(name, loc="left")
        panel.spines[["top", "right"]].set_visible(False)
    panels.flat[0].legend(frameon=False)
    for panel in panels[1]:
        panel.set_xlabel("iterations")
    figure.savefig(path, dpi=110)


def command_rate(config: TrainConfig, sets: list[FaceSet], folder: Path, count: int, threads: int) -> float:
    """Images per second of `kaogae train` with so many processes, each on so many cores."""
    name = f"{count}-{threads}"
    settings = folder / "settings.toml"
    settings.write_text(to_toml(config))
    command = [
        sys.executable, "-m", "kaogae.cli", "train", str(settings), "--data", str(sets[0].path),
        "--workspace", str(folder), "--name", name, "--accelerator", "cpu",
        "--devices", str(count), "--threads", str(threads),
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    history = (folder / "runs" / name / "history.jsonl").read_text().splitlines()
    shutil.rmtree(folder / "runs" / name)
    return next(row["images_per_second"] for row in map(json.loads, history) if row["event"] == "saved")


if __name__ == "__main__":
    app()
