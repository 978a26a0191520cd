"""What a run needs to go on after a stop, in files that are whole or not there. Never pickle.

checkpoints/0005000/
  generator.safetensors   the checkpoint, as it is published
  state.safetensors       both networks, the average, both optimisers, torch's random states; the position in
                          the data and the schedules are the iteration's number, in the header
"""

import filecmp
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Adam

from kaogae.errors import ModelError
from kaogae.expressions import EXPRESSIONS
from kaogae.files import beside
from kaogae.stargan import Header, load_checkpoint
from kaogae.stargan.checkpoint import pack
from kaogae.train.config import TrainConfig
from kaogae.train.networks import Networks

FORMAT = "kaogae-state"
VERSION = 2

Specs = dict[str, tuple[str, list[int]]]
"""Name to kind of number and shape, as safetensors has them."""
GPU_RANDOM = ("U8", [16])
"""Of the random state of a GPU, of which another machine may have more or fewer."""
KINDS = {torch.float32: "F32", torch.int64: "I64", torch.uint8: "U8"}


def save_state(path: Path, networks: Networks, iteration: int) -> None:
    """Write everything that changes in training; `iteration` is the number of iterations done.

    Raises:
        ModelError: a value isn't finite any more.
        OSError: the disk is full. There may be half a file.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in _tensors(networks)}
    if (name := infinite(tensors)) is not None:
        raise diverged(name)
    tensors["random.cpu"] = torch.get_rng_state()
    for device in range(torch.cuda.device_count()):
        tensors[f"random.cuda.{device}"] = torch.cuda.get_rng_state(device)
    header = {"format": FORMAT, "version": VERSION, "expressions": list(EXPRESSIONS)}
    header |= {"iteration": iteration, "sha256": _digest(tensors)}
    try:
        save_file(tensors, path, {"kaogae": json.dumps(header)})
    except SafetensorError as error:  # "… I/O error: No space left on device (os error 28)"
        raise OSError(str(error).rpartition("error: ")[2].partition(" (os")[0]) from error
    _to_disk(path)


def load_state(path: Path, networks: Networks) -> int:
    """Fill `networks` from `path`; returns the number of iterations done. A refused file changes nothing.

    Raises:
        ModelError: damaged, of another version or vocabulary, or of other networks.
    """
    try:
        with safe_open(path, "pt") as file:
            header = _header(path, (file.metadata() or {}).get("kaogae", ""))
            specs: Specs = {}
            for name in file.keys():  # noqa: SIM118 — not a dict
                part = file.get_slice(name)
                specs[name] = (part.get_dtype(), part.get_shape())
            if not _fits(specs, networks):  # before any of it takes memory
                raise ModelError(f"{path} belongs to other networks.")
            found: dict[str, Tensor] = {name: file.get_tensor(name) for name in specs}
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise ModelError(f"{path} is damaged, or not there.") from error
    if header["sha256"] != _digest(found) or infinite(found) is not None:
        raise ModelError(f"{path} is damaged.")
    _fill_random(path, found)
    with torch.no_grad():
        for name, value in _weights(networks):
            value.copy_(found[name])
    for name, adam in _optimisers(networks):
        adam.load_state_dict({**adam.state_dict(), "state": _moments(name, adam, found)})
    return header["iteration"]


def diverged(what: str) -> ModelError:
    """What to say where a run has reached values that aren't finite."""
    return ModelError(
        f"{what} isn't finite any more, so the run stops; what was saved before is as it was. Begin anew "
        "with another --name and lower learning rates (optimiser.generator_rate, "
        "optimiser.discriminator_rate), and with precision=float32 if it was another."
    )


def infinite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of one that has a value that isn't finite; None if there is none."""
    numbers = ((name, value) for name, value in tensors.items() if value.is_floating_point())
    return next((name for name, value in numbers if not bool(value.isfinite().all())), None)


class Checkpoints:
    """The saved states of a run, newest last."""

    def __init__(self, folder: Path, config: TrainConfig) -> None:
        self.run, self.folder, self.config = folder, folder / "checkpoints", config
        self.newest = folder / "generator.safetensors"
        self.unread: list[str] = []
        """Why states were passed over in loading, a sentence each."""
        self._passed_over: list[Path] = []

    def save(self, networks: Networks, iteration: int, header: Header) -> None:
        """Write a checkpoint and a state, then forget what needn't be kept.

        Raises:
            ModelError: a weight isn't finite, or the disk is full. What was saved before stays.
        """
        place = self._place(iteration)
        with beside(place, ModelError) as draft:
            try:
                draft.mkdir()
                save_state(draft / "state.safetensors", networks, iteration)
                (draft / "generator.safetensors").write_bytes(pack(networks.average, header))
                _to_disk(draft / "generator.safetensors")
                _remove(place)  # one that could not be read
                draft.replace(place)
            finally:
                _clear(draft)
        self._publish(place)
        self._forget(place)

    def load(self, networks: Networks, *, leads: bool = True) -> int:
        """Fill `networks` from the newest state that can be read; returns its iteration, 0 if none was saved.

        Args:
            leads: of several processes, whether this is the one that also puts right what a kill has left.

        Raises:
            ModelError: states are there, and none can be used, or the disk is full.
        """
        iteration = self._load(networks)
        if leads:
            self._tidy(iteration)
        return iteration

    def saved(self) -> list[Path]:
        """The folders of the saved states, oldest first."""
        if not self.folder.is_dir():
            return []
        numbers = [int(path.name) for path in self.folder.iterdir() if path.name.isdecimal()]
        return [place for place in map(self._place, sorted(numbers)) if place.is_dir()]

    def _load(self, networks: Networks) -> int:
        for place in reversed(self.saved()):
            try:
                iteration = load_state(place / "state.safetensors", networks)
                if place == self._place(iteration):
                    self.unread = [
                        f"{one} The run goes on from iteration {iteration}." for one in self.unread
                    ]
                    return iteration
                self.unread.append(f"{place} is damaged: it holds iteration {iteration}.")
            except ModelError as error:
                self.unread.append(str(error))
            self._passed_over.append(place)
        if self.unread:
            raise ModelError(
                f"{self.unread[0]} No other state can be used: start a new run with another --name."
            )
        return 0

    def _tidy(self, iteration: int) -> None:
        """Without half-written files, and with the checkpoint that belongs to the state."""
        for folder in (self.run, self.folder, self.run / "samples"):
            for draft in folder.glob(".*.part"):
                _clear(draft)
        place = self._place(iteration)
        checkpoint = place / "generator.safetensors"
        if self.newest.is_file() and checkpoint.is_file() and filecmp.cmp(checkpoint, self.newest, False):
            return
        try:
            with torch.random.fork_rng(devices=()):  # it begins with random weights
                load_checkpoint(checkpoint)
        except ModelError:  # what is damaged replaces nothing
            return
        self._publish(place)

    def _place(self, iteration: int) -> Path:
        return self.folder / f"{iteration:07d}"

    def _publish(self, place: Path) -> None:
        with beside(self.newest, ModelError) as draft:
            shutil.copyfile(place / "generator.safetensors", draft)
            _to_disk(draft)
            draft.replace(self.newest)

    def _forget(self, newest: Path) -> None:
        for place in self._passed_over:
            if place != newest:
                _remove(place)
        self._passed_over = []
        for place in self.saved()[: -self.config.keep_last]:
            if not self.config.keep_every or int(place.name) % self.config.keep_every:
                _remove(place)


def _header(path: Path, text: str) -> dict[str, Any]:
    header: Any = json.loads(text or "{}")
    if not isinstance(header, dict):
        raise ModelError(f"{path} is not a {FORMAT}.")
    values = cast("dict[str, Any]", header)
    if values.get("format") != FORMAT or values.get("version") != VERSION:
        raise ModelError(f"{path} is not version {VERSION} of a {FORMAT}.")
    if values.get("expressions", list(EXPRESSIONS)) != list(EXPRESSIONS):  # the first states don't say
        raise ModelError(f"The expressions of {path} aren't {', '.join(EXPRESSIONS)}, in this order.")
    iteration = values.get("iteration")
    if type(iteration) is not int or iteration < 1 or not isinstance(values.get("sha256"), str):
        raise ModelError(f"{path} is damaged: its header lacks the iteration or the hash.")
    return values


def _fits(found: Specs, networks: Networks) -> bool:
    """Whether a file with these tensors is a state of such networks."""
    wanted: Specs = {name: _spec(value) for name, value in _weights(networks)}
    wanted["random.cpu"] = _spec(torch.get_rng_state())
    for name, adam in _optimisers(networks):
        if not any(key.startswith(f"{name}.") for key in found):
            continue  # it has never stepped
        for index, parameter in enumerate(_parameters(adam)):
            wanted[f"{name}.{index}.step"] = ("F32", [])
            wanted |= {f"{name}.{index}.{moment}": _spec(parameter) for moment in ("exp_avg", "exp_avg_sq")}
    gpus = {name for name, spec in found.items() if name.startswith("random.cuda.") and spec == GPU_RANDOM}
    return wanted == {name: spec for name, spec in found.items() if name not in gpus}


def _spec(tensor: Tensor) -> tuple[str, list[int]]:
    return KINDS[tensor.dtype], list(tensor.shape)


def _fill_random(path: Path, found: Mapping[str, Tensor]) -> None:
    """All of torch's random states, or none of them."""
    before = torch.get_rng_state()
    try:
        torch.set_rng_state(found["random.cpu"])
        for device in range(torch.cuda.device_count()):
            if f"random.cuda.{device}" in found:
                torch.cuda.set_rng_state(found[f"random.cuda.{device}"], device)
    except (RuntimeError, TypeError) as error:
        torch.set_rng_state(before)
        raise ModelError(f"{path} is damaged: its random states are none.") from error


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


def _parameters(adam: Adam) -> list[Tensor]:
    return [parameter for group in adam.param_groups for parameter in group["params"]]


def _moments(name: str, adam: Adam, found: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """Adam's state for each parameter, in the parameter's own layout; none if it has never stepped."""
    state: dict[int, dict[str, Tensor]] = {}
    for index, parameter in enumerate(_parameters(adam)):
        if (step := found.get(f"{name}.{index}.step")) is not None:
            state[index] = {"step": step}
            for key in ("exp_avg", "exp_avg_sq"):
                moment = torch.empty_like(parameter, requires_grad=False)
                state[index][key] = moment.copy_(found[f"{name}.{index}.{key}"])
    return state


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of all values: safetensors notices damage in its header only."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(value.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _remove(place: Path) -> None:
    """Under another name first: no kill leaves half a state under its own."""
    gone = place.with_name(f".{place.name}.part")
    with suppress(OSError):
        place.replace(gone)
    _clear(gone)


def _clear(draft: Path) -> None:
    """Whatever it is; what can't be removed does no harm."""
    shutil.rmtree(draft, ignore_errors=True)
    with suppress(OSError):
        draft.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """Before a file gets its name, or the name could reach the disk before the content."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
