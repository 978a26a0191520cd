"""What a run needs to go on after a stop, in files that are whole or not there. Never pickle.

checkpoints/0005000/
  generator.safetensors   the checkpoint, as it is published
  state.safetensors       both networks, the average, both optimisers, torch's random states; the position in
                          the data and the schedules are the iteration's number, in the header
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Adam

from kaogae.errors import ModelError
from kaogae.files import beside
from kaogae.stargan import Header, save_checkpoint
from kaogae.train.config import TrainConfig
from kaogae.train.networks import Networks

FORMAT = "kaogae-state"
VERSION = 2


def save_state(path: Path, networks: Networks, iteration: int) -> None:
    """Write everything that changes in training; `iteration` is the number of iterations done.

    Raises:
        ModelError: a value isn't finite any more, or the file can't be written.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in _tensors(networks)}
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ModelError(f"{name} isn't finite any more, so the state isn't saved.")
    tensors["random.cpu"] = torch.get_rng_state()
    for device in range(torch.cuda.device_count()):
        tensors[f"random.cuda.{device}"] = torch.cuda.get_rng_state(device)
    header = {"format": FORMAT, "version": VERSION, "iteration": iteration}
    with beside(path, ModelError) as draft:
        try:
            save_file(tensors, draft, {"kaogae": json.dumps(header)})
        except SafetensorError as error:
            raise ModelError(f"{path} can't be written: {error}.") from error
        _to_disk(draft)
        draft.replace(path)


def load_state(path: Path, networks: Networks) -> int:
    """Fill `networks` from `path`; returns the number of iterations done. A refused file changes nothing.

    Raises:
        ModelError: damaged, of another version, or of other networks.
    """
    try:
        with safe_open(path, "pt") as file:
            header: Any = json.loads((file.metadata() or {}).get("kaogae", "{}"))
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 — not a dict
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise ModelError(f"{path} is damaged.") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT or header.get("version") != VERSION:
        raise ModelError(f"{path} is not version {VERSION} of a {FORMAT}: start a new run.")
    iteration = header.get("iteration")
    if type(iteration) is not int or iteration < 1:
        raise ModelError(f"{path} is damaged: it doesn't say how far it is.")
    random = {name: found.pop(name) for name in list(found) if name.startswith("random.")}
    moments = {name: found.pop(name) for name in list(found) if "_optimiser." in name}
    wanted = dict(_weights(networks))
    if {name: value.shape for name, value in wanted.items()} != {name: v.shape for name, v in found.items()}:
        raise ModelError(f"{path} belongs to other networks.")
    filled = [(adam, _adam_state(path, name, adam, moments)) for name, adam in _optimisers(networks)]
    with torch.no_grad():
        for name, value in wanted.items():
            value.copy_(found[name])
    for adam, state in filled:
        adam.load_state_dict({"state": state, "param_groups": adam.state_dict()["param_groups"]})
    if "random.cpu" in random:
        torch.set_rng_state(random["random.cpu"])
    for device in range(torch.cuda.device_count()):
        if f"random.cuda.{device}" in random:
            torch.cuda.set_rng_state(random[f"random.cuda.{device}"], device)
    return iteration


class Checkpoints:
    """The saved states of a run, newest last."""

    def __init__(self, folder: Path, config: TrainConfig) -> None:
        self.folder, self.config = folder / "checkpoints", config
        self.newest = folder / "generator.safetensors"
        self.unread: list[str] = []
        """Why states were passed over in loading, a sentence each."""

    def save(self, networks: Networks, iteration: int, header: Header) -> None:
        """Write a checkpoint and a state, then forget what needn't be kept.

        Raises:
            ModelError: a weight isn't finite, or the disk is full. What was saved before stays.
        """
        place = self.folder / f"{iteration:07d}"
        with beside(place, ModelError) as draft:
            shutil.rmtree(draft, ignore_errors=True)
            try:
                save_checkpoint(draft / "generator.safetensors", networks.average, header)
                save_state(draft / "state.safetensors", networks, iteration)
                shutil.rmtree(place, ignore_errors=True)  # one that could not be read
                draft.replace(place)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        with beside(self.newest, ModelError) as draft:
            shutil.copyfile(place / "generator.safetensors", draft)
            _to_disk(draft)
            draft.replace(self.newest)
        self._forget()

    def load(self, networks: Networks) -> int:
        """Fill `networks` from the newest state that can be read; returns its iteration, 0 if none was saved.

        Raises:
            ModelError: states are there, and none can be used.
        """
        for draft in self.folder.glob(".*.part"):  # what a kill has left
            shutil.rmtree(draft, ignore_errors=True)
        for place in reversed(self.saved()):
            try:
                return load_state(place / "state.safetensors", networks)
            except ModelError as error:
                self.unread.append(str(error))
        if self.unread:
            raise ModelError(
                f"{self.unread[0]} No other state can be used: start a new run with another --name."
            )
        return 0

    def saved(self) -> list[Path]:
        """The folders of the saved states, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(place for place in self.folder.iterdir() if place.name.isdigit())

    def _forget(self) -> None:
        for place in self.saved()[: -self.config.keep_last]:
            if not self.config.keep_every or int(place.name) % self.config.keep_every:
                gone = place.with_name(f".{place.name}.part")  # never half a state under its own name
                with suppress(OSError):
                    place.replace(gone)
                shutil.rmtree(gone, ignore_errors=True)


def _tensors(networks: Networks) -> Iterator[tuple[str, Tensor]]:
    yield from _weights(networks)
    for name, adam in _optimisers(networks):
        for index, state in adam.state_dict()["state"].items():
            for key, value in state.items():
                yield f"{name}.{index}.{key}", value


def _weights(networks: Networks) -> Iterator[tuple[str, Tensor]]:
    parts: dict[str, nn.Module] = {"generator": networks.generator, "average": networks.average}
    if networks.discriminator is not None:
        parts["discriminator"] = networks.discriminator
    for part, network in parts.items():
        for name, value in network.state_dict().items():
            yield f"{part}.{name}", value


def _optimisers(networks: Networks) -> Iterator[tuple[str, Adam]]:
    yield "generator_optimiser", networks.generator_optimiser
    if networks.discriminator_optimiser is not None:
        yield "discriminator_optimiser", networks.discriminator_optimiser


def _adam_state(path: Path, name: str, adam: Adam, found: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """Adam's moments for each parameter, in the parameter's own layout; none if it has never stepped."""
    parameters = [parameter for group in adam.param_groups for parameter in group["params"]]
    if not any(key.startswith(f"{name}.") for key in found):
        return {}
    state: dict[int, dict[str, Tensor]] = {}
    for index, parameter in enumerate(parameters):
        moments = {key: found.get(f"{name}.{index}.{key}") for key in ("step", "exp_avg", "exp_avg_sq")}
        step, first, second = moments.values()
        if step is None or first is None or second is None or step.numel() != 1:
            raise ModelError(f"{path} is damaged: it lacks a part of {name}.")
        if first.shape != parameter.shape or second.shape != parameter.shape:
            raise ModelError(f"{path} belongs to other networks.")
        state[index] = {"step": step}
        for key, value in (("exp_avg", first), ("exp_avg_sq", second)):
            state[index][key] = torch.empty_like(parameter, requires_grad=False).copy_(value)
    return state


def _to_disk(path: Path) -> None:
    """Before a file gets its name, or the name could reach the disk before the content."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
