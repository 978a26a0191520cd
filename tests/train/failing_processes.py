"""One of two processes in which, run after run, something fails in one alone. For test_processes.py."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from lightning_fabric import Fabric

from kaogae.dataset import load
from kaogae.errors import ConfigError, KaogaeError, ManifestError, ModelError
from kaogae.train import load_settings, loop, train
from kaogae.train.journal import Journal

CHANGES = ["iterations=4", "save_every=4", "samples_every=100", "optimiser.n_critic=1"]


def fails(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def main(folder: Path, faces: Path, cache: Path) -> None:
    torch.set_num_threads(1)
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp")
    fabric.launch()
    rank, said = fabric.global_rank, dict[str, str]()

    def run(name: str, here: bool, what: Any = None, how: Any = None, **options: Any) -> None:
        """A run in which `what`, an attribute's place, becomes `how` in this process if it is `here`."""
        place, attribute = what or (loop, "train")
        change = patch.object(place, attribute, how if here and what else getattr(place, attribute))
        own = options.pop("own", folder / name)
        try:
            with change:
                report = train(load_settings("smoke", CHANGES), [load(faces)], own, cache=cache, workers=1,
                               fabric=fabric, **options)  # fmt: skip
            said[name] = f"{report.reason} {report.iterations}"
        except (KaogaeError, ZeroDivisionError) as error:
            said[name] = f"{type(error).__name__}: {error}"

    def not_a_number(*arguments: Any) -> Any:
        parts = update(*arguments)
        calls.append(1)
        return {name: part * float("nan") if len(calls) == 2 else part for name, part in parts.items()}

    calls, update = list[int](), loop.update_discriminator
    asked = list[int]()
    first, second = rank == 0, rank == 1
    run("data", first, (loop, "check_sets"), fails(ConfigError("The second machine has other data.")))
    run("drawing", first, (loop.Data, "load"), fails(ModelError("The artist is out of ink.")))
    run("late", second, (loop.Data, "load"), fails(ManifestError("A picture is missing.")))
    run("nan", second, (loop, "update_discriminator"), not_a_number)
    run("disk", first, (loop.Journal, "record"), fails_after_sharing(Journal.record, "The disk is full."))
    run("save", first, (loop.Checkpoints, "save"), fails(ModelError("The disk is full.")))
    run("stop", second, stop=(lambda: asked.append(1) or len(asked) == 2) if second else lambda: False)
    run("states", second, own=folder / ("stop" if first else "another"))
    run("bug", second, (loop, "check_space"), fails(ZeroDivisionError("division by zero")))
    (folder / f"{rank}.json").write_text(json.dumps(said | {"lost": ""}))
    run("lost", second, (loop, "update_generator"), lambda *_, **__: sys.exit(1))
    (folder / f"{rank}.json").write_text(json.dumps(said))


def fails_after_sharing(record: Callable[..., Any], sentence: str) -> Callable[..., Any]:
    """What takes part in what all do together, and then can't write."""

    def fail(*arguments: Any, **options: Any) -> Any:
        record(*arguments, **options)
        raise ModelError(sentence)

    return fail


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
