"""Long work says how far it is: a bar on a terminal, a plain line now and then elsewhere."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from kaogae.cli.application import err

EVERY = 10.0
"""Seconds between two plain lines."""


@contextmanager
def watch(what: str) -> Generator[Callable[[int, int | None], None]]:
    """Follow work of one kind: call what this gives with (done, total), total None if nobody knows it."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal, speed_estimate_period=60) as bar:
        task = bar.add_task(what, total=None)
        begun = said = time.monotonic()

        def follow(done: int, total: int | None) -> None:
            nonlocal said
            now = time.monotonic()
            rate = done / max(now - begun, 1e-9)
            bar.update(task, completed=done, total=total, description=f"{what} {rate:.1f}/s")
            if not err.is_terminal and now - said > EVERY:
                said = now
                of, left = (
                    (f"/{total}", f", {(total - done) / rate:.0f} s left") if total and done else ("", "")
                )
                err.print(f"{what}: {done}{of}, {rate:.1f}/s{left}", soft_wrap=True, highlight=False)

        yield follow
