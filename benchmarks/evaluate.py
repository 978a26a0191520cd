"""How long an evaluation takes, measure by measure, and how large its report is.

    taskset -c 0,1 python benchmarks/evaluate.py [--count 100] [--threads 2] [MODEL]

100 inputs with five targets each, drawn anew, nothing kept from before. The named alternative is translating
alone: what `kaogae transfer` would take for as many faces with the same network in the same run.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import typer

LIMIT_SECONDS, LIMIT_BYTES = 180, 5e6


def main(
    model: str = typer.Argument("shipped"),
    count: int = typer.Option(100),
    threads: int = typer.Option(2),
    inception: Path | None = typer.Option(None, help="Inception's weights, for FID as others have it."),
) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "kaogae.cli", "evaluate", model, "--count", str(count)]
        command += ["--threads", str(threads), "--workspace", folder, "--report", f"{folder}/report"]
        command += ["--inception", str(inception)] if inception else []
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "120"})
        seconds = time.perf_counter() - began
        if done.returncode:
            sys.exit(done.stderr)
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        again = time.perf_counter() - began
        page = (Path(folder) / "report" / "index.html").stat().st_size
        rate = next(
            line.split()[-1] for line in done.stdout.splitlines() if line.startswith("faces per second")
        )
        alone = 5 * count / float(rate)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
    print(
        f"{model}: {count} inputs × 5 targets, {threads} threads, with{'' if inception else 'out'} Inception"
    )
    print(f"every measure and the report   {seconds:6.1f} s  (limit {LIMIT_SECONDS})")
    print(f"the same again, from what is kept {again:4.1f} s")
    print(
        f"translating alone              {alone:6.1f} s: the whole takes {seconds / alone:.1f} times as long"
    )
    print(f"report                         {page / 1e6:6.2f} MB (limit {LIMIT_BYTES / 1e6:g})")
    print(f"memory                         {peak:6.0f} MB")
    if seconds > LIMIT_SECONDS or page > LIMIT_BYTES:
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
