"""How fast `kaogae transfer` is and how much memory it takes, on two cores.

The yardstick is the original StarGAN's generator (8.43 M parameters; random weights, on which speed doesn't
depend), run by PyTorch in the same process, on the same faces and the same cores.

    python benchmarks/transfer.py [--model PATH] [--picture PATH] [--cores 2]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import typer
from PIL import Image

CODE = "from kaogae.cli import main; main()"
BATCH = 5
"""Faces that go through a network at once: one face in five expressions."""


def main(
    model: Path | None = typer.Option(None, help="An ONNX model; default: the one that is shipped."),
    picture: Path | None = typer.Option(
        None, help="A picture with a face; default: a drawn one of 1200 × 1600."
    ),
    cores: int = typer.Option(2, help="Cores to use."),
    repeat: int = typer.Option(5, help="Times to measure; the median counts."),
) -> None:
    """Print the table."""
    use_cores(cores)
    with tempfile.TemporaryDirectory() as folder:
        source = picture or draw(Path(folder) / "drawn.png")
        runs = [command_line(source, model, Path(folder) / "out") for _ in range(repeat)]
        size = "{} × {}".format(*Image.open(source).size)
    seconds, memory = (statistics.median(column) for column in zip(*runs, strict=True))
    ours, side = onnx_rate(model, cores, repeat)
    theirs = stargan_rate(side, cores, repeat)
    print(f"{cores} cores, {side} px faces, batches of {BATCH}, median of {repeat}")
    print(f"file to five files, {size}, whole command:  {seconds:6.2f} s")
    print(f"  the five faces by the original StarGAN's generator alone: {BATCH / theirs:6.2f} s")
    print(f"  ratio (ours, everything : theirs, network alone):         {seconds * theirs / BATCH:6.2f}")
    print(f"peak memory of the command:                    {memory:6.0f} MB")
    print(f"generator alone, ONNX Runtime:                 {ours:6.1f} faces/s")
    print(f"original StarGAN's generator, PyTorch:         {theirs:6.1f} faces/s")
    print(f"  ratio (ours : theirs):                       {ours / theirs:6.2f}")


def use_cores(count: int) -> None:
    """Keep this process and its children to the first `count` cores it may use."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(count)


def draw(path: Path) -> Path:
    """A drawn face of 800 pixels on a picture of 1200 × 1600."""
    from kaogae.atelier.expression import canonical
    from kaogae.atelier.portrait import Portrait
    from kaogae.expressions import Expression

    face = Portrait.from_seed(6, roughness=0).render(canonical(Expression.NEUTRAL), 800)
    pixels = np.full((1600, 1200, 3), 225, np.uint8)
    pixels[200:1000, 200:1000] = face
    Image.fromarray(pixels).save(path)
    return path


def command_line(source: Path, model: Path | None, out: Path) -> tuple[float, float]:
    """Seconds and peak megabytes of one whole `kaogae transfer`, Python's start included."""
    options = ["--model", str(model)] if model else []
    command = [sys.executable, "-c", CODE, "transfer", str(source), "--to", "all", "-o", str(out), *options]
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"kaogae transfer failed on {source}.")
    return seconds, usage.ru_maxrss / 1024  # Linux counts in KiB


def onnx_rate(model: Path | None, cores: int, repeat: int) -> tuple[float, int]:
    """Faces per second of the generator that is shipped, and the side of its faces."""
    from kaogae.transfer import Generator

    generator = Generator.load(model, threads=cores)
    faces = (
        np.random.default_rng(0).uniform(-1, 1, (BATCH, 3, *[generator.image_size] * 2)).astype(np.float32)
    )
    targets = np.eye(BATCH, 5, dtype=np.float32)
    return rate(lambda: generator.translate(faces, targets), repeat), generator.image_size


def stargan_rate(side: int, cores: int, repeat: int) -> float:
    """Faces per second of the original StarGAN's generator in PyTorch."""
    import torch

    from kaogae.stargan import StarganConfig, StarganGenerator

    torch.set_num_threads(cores)
    generator = StarganGenerator(StarganConfig()).eval()
    faces, targets = torch.rand(BATCH, 3, side, side) * 2 - 1, torch.eye(BATCH, 5)
    with torch.inference_mode():
        return rate(lambda: generator(faces, targets), repeat)


def rate(work: Callable[[], object], repeat: int) -> float:
    """Faces per second: the median of `repeat` runs after one to warm up."""
    times: list[float] = []
    for _ in range(repeat + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return BATCH / statistics.median(times[1:])


if __name__ == "__main__":
    typer.run(main)
