"""The folder of a run: one process's, for one configuration and the same data, with room on the disk."""

import json
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from filelock import FileLock, Timeout
from torch import nn

from kaogae.dataset.paths import read_bytes
from kaogae.errors import ConfigError, ManifestError, ModelError
from kaogae.files import write_whole
from kaogae.train.config import TrainConfig
from kaogae.train.data import drawn_order
from kaogae.train.networks import Networks
from kaogae.train.pairs import undrawn
from kaogae.train.settings import differences, read_settings, to_toml

MAY_CHANGE = frozenset(
    {
        "preset",
        "log_every",
        "samples_every",
        "save_every",
        "keep_last",
        "keep_every",
        "accumulate",
        "compile",
        "data.resident",
    }
)
"""Settings that a run may go on with after they changed: what is written and when, and how the same sums are
shared out, which only rounding tells apart. See `claim` for `iterations`."""

SOURCE_BYTES = 2**24
"""Most bytes of a data.json."""
GRID_PICTURES = 12 * 8
"""Most pictures of a sample grid."""
ROW_BYTES = 2000
"""About what an iteration in the record takes, in losses.jsonl and TensorBoard's file together."""


@contextmanager
def claim(folder: Path, config: TrainConfig, source: Mapping[str, Any]) -> Generator[None]:
    """Take `folder` for a run with `config`, for the length of the block: no other process can have it.

    A new run's settings and data are written down first. A run that is there must have begun with the same,
    to go on as the one that never stopped. Only what `MAY_CHANGE` names may be other than it was, and
    `iterations` as long as those that are done are as the new number gives them: before the learning rates
    begin to fall (`optimiser.decay_from`) and before the discriminator comes in (`adversarial_from`), which
    both count in shares of it. So a run whose rates stay level can be made longer, finished or not; one whose
    rates have fallen can't, since more of it would be another schedule.

    Args:
        source: what the run learns from, as `data.describe` has it.

    Raises:
        ConfigError: the folder is another process's, holds a run with other settings or data (names all
            differences), or something that isn't a run, or can't be written.
    """
    _see_whether_a_run(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()  # the system's own: it goes with the process, however that ends
    except Timeout as error:
        raise ConfigError(
            f"{folder} is in use: another process trains there. Wait for it, or choose another --name."
        ) from error
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{folder} can't be used for a run: {reason}.") from error
    try:
        _agree(folder, config, source)
        yield
    finally:
        lock.release()


def check_space(folder: Path, need: int) -> None:
    """See whether a run that needs `need` bytes fits on the disk of `folder`; states that are there count.

    Raises:
        ModelError: it doesn't.
    """
    here = folder.absolute()
    place = next(path for path in (here, *here.parents) if path.exists())
    need -= sum(path.lstat().st_size for path in folder.glob("checkpoints/*/*") if path.is_file())
    free = shutil.disk_usage(place).free
    if need > free:
        raise ModelError(
            f"The run needs {_size(need)} more in {folder}, and its disk has {_size(free)} free: "
            "make room, keep fewer states (--set keep_last=1 --set keep_every=0), or put the workspace on "
            "another disk (--workspace)."
        )


def space_needed(config: TrainConfig, networks: Networks, cache: Path) -> int:
    """Most bytes that a run takes: states and checkpoints, sample grids, records, and drawings to be made."""
    generator, discriminator = (_bytes(part) for part in (networks.generator, networks.discriminator))
    # A state: both networks with two moments of Adam each, and the average; beside it the checkpoint.
    state = 3 * generator + generator + 3 * discriminator + generator
    saves = -(-config.iterations // config.save_every)
    kept = config.keep_last + (config.iterations // config.keep_every if config.keep_every else 0)
    states = (min(saves, kept) + 1) * state + 2 * generator  # one that is being written, and the newest
    order = drawn_order(config)
    drawings = order.bytes * undrawn(order, cache) // order.characters if order else 0
    grid = 2 * GRID_PICTURES * 3 * config.image_size**2  # for TensorBoard as well
    shown = grid * (config.iterations // config.samples_every + 1)
    return states + drawings + shown + ROW_BYTES * (config.iterations // config.log_every + 1)


def iterations_saved(folder: Path) -> int:
    """Of the newest state in a run's folder; 0 if there is none."""
    places = folder.glob("checkpoints/*")
    return max((int(place.name) for place in places if place.name.isdecimal()), default=0)


def _bytes(network: nn.Module | None) -> int:
    tensors = network.state_dict().values() if network is not None else ()
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def _see_whether_a_run(folder: Path) -> None:
    """Or a folder that could become one: without other people's files."""
    try:
        names = {path.name for path in folder.iterdir()} if folder.exists() else set[str]()
    except OSError as error:
        reason = "it is a file" if folder.is_file() else error.strerror
        raise ConfigError(f"{folder} can't be used for a run: {reason}.") from error
    others = sorted(name for name in names - {"data.json"} if not name.startswith("."))
    if others and "config.toml" not in names:
        raise ConfigError(
            f"{folder} holds {', '.join(others[:3])} and isn't a run: it has no config.toml. "
            "Choose another --name."
        )


def _agree(folder: Path, config: TrainConfig, source: Mapping[str, Any]) -> None:
    settings, data = folder / "config.toml", folder / "data.json"
    if settings.is_file():
        old = read_settings(settings)
        problems = _changed_settings(folder, old, config)
        problems += _changed_data(
            _read_source(data), source, same_order=drawn_order(old) == drawn_order(config)
        )
        if problems:
            raise ConfigError(
                f"{folder} holds a run with other settings or data:\n- "
                + "\n- ".join(problems)
                + "\nChoose another --name, or bring back what the run began with."
            )
    else:
        write_whole(json.dumps(source, indent=2, ensure_ascii=False).encode(), data, ConfigError)
    write_whole(to_toml(config).encode(), settings, ConfigError)  # last: with it the folder is a run


def _changed_settings(folder: Path, old: TrainConfig, new: TrainConfig) -> list[str]:
    problems: list[str] = []
    for key, (was, now) in differences(old, new).items():
        line = f"{key}: {_written(was)}, now {_written(now)}"
        if key == "iterations":
            done = iterations_saved(folder)
            if done > new.iterations:
                problems.append(f"{line}: {done} are done")
            elif done > min(_certain(old), _certain(new)):
                problems.append(f"{line}: the {done} that are done followed from the old number")
        elif key not in MAY_CHANGE:
            problems.append(line)
    return problems


def _certain(config: TrainConfig) -> float:
    """How many iterations don't depend on how many there will be."""
    total, falls, begins = config.iterations, config.optimiser.decay_from, config.adversarial_from
    level = total * falls if falls < 1 else float("inf")
    return min(level, total * begins) if config.uses_discriminator and begins > 0 else level


def _written(value: Any) -> str:
    return "none" if value is None else json.dumps(value)


def _read_source(path: Path) -> dict[str, Any]:
    try:
        values: Any = json.loads(read_bytes(path, SOURCE_BYTES))
        if isinstance(values, dict) and isinstance(values.get("sets"), dict):
            return cast("dict[str, Any]", values)
        problem = "it doesn't name the run's data"
    except ManifestError as error:
        problem = str(error).removesuffix(".")
    except (ValueError, RecursionError):
        problem = "it is damaged"
    raise ConfigError(
        f"What the run in {path.parent} learns from isn't known any more ({path.name}: {problem}): "
        "choose another --name."
    )


def _changed_data(old: Mapping[str, Any], new: Mapping[str, Any], *, same_order: bool) -> list[str]:
    """What is different; nothing if the hash of all is the same, whatever the sets are called now.

    Args:
        same_order: the settings ask for the same drawings; if not, they already tell why these differ.
    """
    if old.get("hash") == new.get("hash"):
        return []
    before, after = (cast("dict[str, Any]", source.get("sets", {})) for source in (old, new))
    lines = [f"the set {name!r} ({_short(before[name])}) is missing" for name in before if name not in after]
    lines += [f"the set {name!r} ({_short(after[name])}) is new" for name in after if name not in before]
    both = [name for name in before if name in after]
    for name in both:
        if _fact(before[name], "hash") != _fact(after[name], "hash"):
            lines.append(
                f"the set {name!r} has changed: {_short(before[name])} → {_short(after[name])}"
                + _changed_faces(_fact(before[name], "expressions"), _fact(after[name], "expressions"))
            )
    if both != [name for name in after if name in before]:
        lines.append(f"the sets come in another order: {', '.join(before)}, now {', '.join(after)}")
    if same_order and old.get("drawings") != new.get("drawings"):
        lines.append("the drawings differ: this is another version of the atelier")
    return lines or (["the data differ"] if same_order else [])


def _changed_faces(before: Any, after: Any) -> str:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    pairs = [(name, before.get(name, 0), after.get(name, 0)) for name in before | after]
    return "".join(f", {name} {was}, now {now}" for name, was, now in pairs if was != now)


def _short(facts: Any) -> str:
    return str(_fact(facts, "hash"))[:8]


def _fact(facts: Any, name: str) -> Any:
    return cast("dict[str, Any]", facts).get(name) if isinstance(facts, dict) else None
