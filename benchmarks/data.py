"""Bulk faces, memory and near-duplicates at size; `upscale.py` and `catalog.py` measure the other two limits.

faces: `kaogae faces` on drawn scenes of 1024 to 4096 px, beside a loop that calls `animeface.detect` on each
full-size picture, one after the other: pictures per second, share of the drawn faces found, processor use.
memory: the largest memory of `kaogae faces` and its processes in each tenth of a run over many pictures.
duplicates: near-duplicates among a million generated hashes.

    python benchmarks/data.py faces [--scenes 98] [--cores 2] [--even]
    python benchmarks/data.py memory [--pictures 10000]
    python benchmarks/data.py duplicates [--hashes 1000000]
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import typer
from PIL import Image

app = typer.Typer(add_completion=False)
SAME = 0.5
"""A face is found if both eyes lie within this many drawn eye distances."""


@app.command()
def faces(
    scenes: int = 98,
    cores: int = 2,
    seed: int = 70_000,
    even: bool = typer.Option(
        False, help="As many pictures of each size; else half of them are below 1500 px."
    ),
) -> None:
    """Pictures per second and recall beside a loop of `animeface.detect`."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    with tempfile.TemporaryDirectory() as temporary:
        drawn, workspace = Path(temporary, "drawn"), Path(temporary, "workspace")
        sizes = [(side, side) for side in range(1024, 4097, 512)] if even else [(1024, 4096)]
        truth: dict[str, list[Any]] = {}
        for number, sides in enumerate(sizes):
            first = seed + number * scenes
            truth |= draw(drawn / str(sides[0]), scenes // len(sizes), first, sides)
        files = sorted(drawn.glob("*/scenes/*.png"))
        scenes = len(files)
        kaogae("collect", "folder", drawn, "--workspace", workspace)
        begun, used = time.perf_counter(), children()
        kaogae("faces", "--workspace", workspace, "--workers", cores)
        ours, busy = time.perf_counter() - begun, children() - used
        begun = time.perf_counter()
        seen = {file.name: loop(file) for file in files}
        theirs = time.perf_counter() - begun
        found = catalogued(workspace)
        total = sum(map(len, truth.values()))
        print(
            f"{scenes} scenes of 1024 to 4096 px, {total} faces, {cores} cores, files to catalogue and crops"
        )
        print(
            f"kaogae faces:    {scenes / ours:.3f} pictures/s, recall {recall(truth, found):.3f}, "
            f"cores busy {busy / ours / cores:.0%}"
        )
        print(f"animeface loop:  {scenes / theirs:.3f} pictures/s, recall {recall(truth, seen):.3f}")
        print(f"ratio: {theirs / ours:.2f}, for each core {theirs / ours / cores:.2f}")


@app.command()
def memory(pictures: int = 10_000, different: int = 200, cores: int = 2, side: int = 512) -> None:
    """The largest memory in each tenth of a run, all processes together."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    with tempfile.TemporaryDirectory() as temporary:
        drawn, workspace = Path(temporary, "drawn"), Path(temporary, "workspace")
        draw(drawn, different, 80_000, (side // 2, side))
        board = Path(temporary, "board")
        board.mkdir()
        files = sorted(drawn.glob("scenes/*.png"))
        for number in range(pictures):  # what follows a PNG's end makes another file and the same picture
            target = board / f"{number:06d}.png"
            shutil.copy(files[number % different], target)
            with target.open("ab") as file:
                file.write(str(number).encode())
        kaogae("collect", "folder", board, "--workspace", workspace)
        command = [sys.executable, "-m", "kaogae.cli", "faces", "--workspace", str(workspace)]
        process = subprocess.Popen([*command, "--workers", str(cores)], stdout=subprocess.DEVNULL)
        samples: list[tuple[float, float]] = []
        begun = time.perf_counter()
        while process.poll() is None:
            samples.append((megabytes(process.pid, below=False), megabytes(process.pid)))
            time.sleep(0.5)
        seconds = time.perf_counter() - begun
        tenths = [part.max(axis=0) for part in np.array_split(np.array(samples), 10) if len(part)]
        print(
            f"{pictures} pictures of up to {side} px in {seconds:.0f} s: {pictures / seconds:.1f} pictures/s"
        )
        print(
            "largest memory in each tenth of the run, MB, the first process:",
            *(f"{a:.0f}" for a, _ in tenths),
        )
        print("all processes:", *(f"{b:.0f}" for _, b in tenths))


@app.command()
def duplicates(hashes: int = 1_000_000, distance: int = 8) -> None:
    """Near-duplicates among generated hashes, a tenth of them near another one."""
    from kaogae.faces.duplicates import near_duplicates

    generator = np.random.default_rng(1)
    values = generator.integers(0, 2**64, hashes, np.uint64)
    near = hashes // 10
    values[:near] = values[near : 2 * near]
    for _ in range(distance // 2):
        values[:near] ^= np.uint64(1) << generator.integers(0, 64, near, np.uint64)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    pairs = near_duplicates(values, distance)
    seconds = time.perf_counter() - begun
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{hashes:,} hashes, distance {distance}: {len(pairs):,} pairs in {seconds:.1f} s, "
        f"{most / 1024:.0f} MB at most ({before / 1024:.0f} before)"
    )


def draw(folder: Path, scenes: int, seed: int, sides: tuple[int, int] = (1024, 4096)) -> dict[str, list[Any]]:
    """The eyes of each scene's faces: [left eye, right eye] in picture pixels."""
    from kaogae.atelier.manifest import write_scenes

    truth: dict[str, list[Any]] = {}
    for row in write_scenes(folder, scenes, seed=seed, sides=sides):
        marks = row["landmarks"]
        truth.setdefault(Path(row["file"]).name, []).append(np.array([marks["left_eye"], marks["right_eye"]]))
    return truth


def kaogae(*arguments: object) -> None:
    """Run a command as a process of its own."""
    command = [sys.executable, "-m", "kaogae.cli", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def loop(file: Path) -> list[Any]:
    """What `animeface.detect` finds in the full-size picture, with the paper's threshold."""
    import animeface

    found = animeface.detect(Image.open(file).convert("RGB"))
    eyes = [[one.right_eye.pos, one.left_eye.pos] for one in found if one.likelihood >= 0.8]
    return [np.array([[p.x + p.width / 2, p.y + p.height / 2] for p in pair]) for pair in eyes]


def catalogued(workspace: Path) -> dict[str, list[Any]]:
    """The eyes of the faces that are kept."""
    from sqlalchemy import select

    from kaogae.catalog import Face, Picture, Workspace

    found: dict[str, list[Any]] = {}
    query = select(Picture.post, Face.landmarks).join(Face.picture)
    query = query.where((Face.state == "kept") | (Face.reason == "more than 6 faces"))
    with Workspace(workspace).open().reading() as session:
        for post, marks in session.execute(query):
            found.setdefault(Path(post).name, []).append(np.array([marks["left_eye"], marks["right_eye"]]))
    return found


def recall(truth: dict[str, list[Any]], found: dict[str, list[Any]]) -> float:
    """Share of the drawn faces that have a finding."""
    hits = [
        any(
            np.abs(other - eyes).max() < SAME * np.linalg.norm(eyes[1] - eyes[0])
            for other in found.get(name, [])
        )
        for name, drawn in truth.items()
        for eyes in drawn
    ]
    return float(np.mean(hits))


def children() -> float:
    """Processor seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def megabytes(process: int, *, below: bool = True) -> float:
    """Proportional memory of a process, with all below it or without (Linux)."""
    total, waiting = 0, [process]
    while waiting:
        number = waiting.pop()
        try:
            text = Path(f"/proc/{number}/smaps_rollup").read_text()
            total += int(text.split("\nPss:")[1].split()[0])
            children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
            waiting += map(int, children if below else ())
        except (OSError, IndexError):
            continue
    return total / 1024


if __name__ == "__main__":
    app()
