"""What a run needs to go on after a stop: one file, written whole, read without unpickling code."""

import io
import pickle
from pathlib import Path
from typing import Any, cast

import torch

from kaogae.errors import ModelError
from kaogae.files import write_whole
from kaogae.train.updates import Networks

STATE_VERSION = 1


def save_state(path: Path, networks: Networks, iteration: int) -> None:
    """Write everything that changes in training; `iteration` is the number of iterations done.

    Raises:
        ModelError: it can't be written.
    """
    state = {"version": STATE_VERSION, "iteration": iteration}
    state |= {name: part.state_dict() for name, part in _parts(networks).items()}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_whole(buffer.getvalue(), path, ModelError)


def load_state(path: Path, networks: Networks) -> int:
    """Fill `networks` from `path`; returns the number of iterations done.

    Raises:
        ModelError: damaged, of another version, or of other networks.
    """
    try:
        state = cast("dict[str, Any]", torch.load(path, map_location="cpu", weights_only=True))
        if state["version"] != STATE_VERSION:
            raise ModelError(f"{path} is of another version: start a new run.")
        for name, part in _parts(networks).items():
            part.load_state_dict(state[name])
        return int(state["iteration"])
    except (
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        raise ModelError(
            f"{path} is damaged or belongs to other networks: delete the run's folder."
        ) from error


def _parts(networks: Networks) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "generator": networks.generator,
        "average": networks.average,
        "generator_optimiser": networks.generator_optimiser,
    }
    if networks.discriminator is not None and networks.discriminator_optimiser is not None:
        parts["discriminator"] = networks.discriminator
        parts["discriminator_optimiser"] = networks.discriminator_optimiser
    return parts
