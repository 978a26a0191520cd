"""Default < preset < `--set key=value`: from TOML and command line to a checked configuration, and back."""

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from kaogae.dataset.paths import read_bytes
from kaogae.errors import ConfigError, ManifestError
from kaogae.stargan import SmallConfig, StarganConfig
from kaogae.train.config import TrainConfig, shown

PRESETS = ("baseline", "paper", "small", "smoke")
FILE_LIMIT = 2**16
"""Most bytes of a file of settings; all of them take 2,000."""
ARCHITECTURE = "generator.architecture"
GENERATORS = {"small": SmallConfig, "stargan": StarganConfig}


def load_settings(preset: str, changes: Sequence[str] = ()) -> TrainConfig:
    """The preset with `changes`, each `key=value` with the key as in the TOML, dots included.

    Args:
        preset: one of `PRESETS`, or a file that ends in .toml: the same keys, of which those that are missing
            come from the preset that its first line may name, `base = "small"`, and otherwise from
            `TrainConfig`. A run's config.toml is such a file.
        changes: another generator's architecture leaves none of the preset's sizes.

    Raises:
        ConfigError: unknown preset or key (names the closest one), values of the wrong kind, or values that
            don't hold together; all problems at once.
    """
    problems = list[str]()
    if preset.endswith(".toml"):
        values = _own(Path(preset), problems)
    elif preset in PRESETS:
        values = {**_preset(preset), "preset": preset}
    else:
        raise ConfigError(
            f"There is no preset {shown(preset)}{_hint(preset, PRESETS)} A file of settings ends in .toml."
        )
    for change in sorted(changes, key=lambda one: one.partition("=")[0].strip() != ARCHITECTURE):
        _apply(values, change, problems)
    return _config(values, problems)


def parse_settings(text: str) -> TrainConfig:
    """A configuration from the TOML that `to_toml` writes.

    Raises:
        ConfigError: not TOML, or not a whole and possible configuration.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"This is not a configuration: {error}") from error
    return _config(values, [])


def read_settings(path: Path) -> TrainConfig:
    """The configuration in a run's config.toml.

    Raises:
        ConfigError: as `parse_settings`, or it can't be read; names the file.
    """
    values = _file(path)
    try:
        return _config(values, [])
    except ConfigError as error:
        raise ConfigError(f"{path} doesn't hold a run's settings. {error}") from error


def to_toml(config: TrainConfig) -> str:
    """The resolved configuration."""
    values = asdict(config)
    sections = {name: values.pop(name) for name in list(values) if isinstance(values[name], dict)}
    blocks = ["\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())]
    for section, entries in sections.items():
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in entries.items())
        blocks.append(f"[{section}]\n{lines}")
    return "\n\n".join(blocks) + "\n"


def differences(old: TrainConfig, new: TrainConfig) -> dict[str, tuple[Any, Any]]:
    """Keys whose values differ, with both; None where a generator doesn't have that size."""
    before, after = _flat(asdict(old)), _flat(asdict(new))
    both = {key: (before.get(key), after.get(key)) for key in sorted(before.keys() | after.keys())}
    return {key: (was, now) for key, (was, now) in both.items() if was != now}


def _preset(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("kaogae.train") / "presets" / f"{name}.toml").read_text("utf-8"))


def _own(path: Path, problems: list[str]) -> dict[str, Any]:
    values = _file(path)
    base = values.pop("base", None)
    if base in PRESETS:
        values = _over(_preset(str(base)), values)
    elif base is not None:
        name = shown(base)
        problems.append(f"base = {name} is not a preset{_hint(name.strip(chr(39)), PRESETS)}")
    return {"preset": path.stem, **values}


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_bytes(path, FILE_LIMIT).decode("utf-8-sig"))
    except ManifestError as error:
        raise ConfigError(str(error)) from error
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise ConfigError(f"{path} isn't TOML: {error}") from error


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above`, and what it leaves open from `below`: of a generator only one of the same architecture."""
    kind = below.get("architecture")
    if above.get("architecture", kind) != kind:
        return dict(above)
    merged = {**below, **above}
    for name in below.keys() & above.keys():
        if isinstance(below[name], dict) and isinstance(above[name], dict):
            merged[name] = _over(below[name], above[name])
    return merged


def _apply(values: dict[str, Any], change: str, problems: list[str]) -> None:
    key, sign, text = change.partition("=")
    key = key.strip()
    if not sign or not key:
        problems.append(f"{shown(change)} is not of the form key=value.")
        return
    if key in ("preset", "base"):
        problems.append(f"'{key}' can't be set: the preset is the command's first argument.")
        return
    *sections, name = key.split(".")
    table: Any = values
    for section in sections:
        table = cast("dict[str, Any]", table).setdefault(section, {})
        if not isinstance(table, dict):
            problems.append(f"There is no setting {shown(key)}: {shown(section)} is a value.")
            return
    value = _value(text.strip())
    if key == ARCHITECTURE and table.get(name) != value:
        table.clear()
    table[name] = value


def _value(text: str) -> Any:
    try:
        line = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text  # a bare word, or what TOML can't hold
    return line["value"] if len(line) == 1 else text


def _config(values: dict[str, Any], problems: list[str]) -> TrainConfig:
    config = _build(TrainConfig, {"preset": "", **values}, "", problems)
    if problems:
        raise ConfigError("These settings can't be:\n- " + "\n- ".join(problems))
    config.check()
    return config


def _build(kind: Any, values: Mapping[str, Any], prefix: str, problems: list[str]) -> Any:
    """An instance of the dataclass `kind`; whatever doesn't fit goes to `problems`, and its default stays."""
    hints, accepted = get_type_hints(kind), dict[str, Any]()
    for name, value in values.items():
        key = prefix + name
        if name not in hints:
            problems.append(f"There is no setting {shown(key)}{_hint_of_key(key, kind)}")
        elif name == "generator" or is_dataclass(hints[name]):
            section = _generator_kind(value, problems) if name == "generator" else hints[name]
            if isinstance(value, dict):
                accepted[name] = _build(section, cast("dict[str, Any]", value), f"{key}.", problems)
            else:
                problems.append(f"{key} is a section, not a value.")
        elif _fits(value, hints[name]):
            accepted[name] = float(value) if hints[name] is float else value
        else:
            problems.append(f"{key} = {shown(value)} is not {_wanted(hints[name])}.")
            accepted[name] = ""  # the problem is told; `preset` has no default
    return kind(**accepted)


def _generator_kind(value: Any, problems: list[str]) -> type[SmallConfig] | type[StarganConfig]:
    architecture = value.get("architecture", "stargan") if isinstance(value, dict) else "stargan"
    if not isinstance(architecture, str) or architecture not in GENERATORS:
        name = shown(architecture)
        problems.append(f"There is no generator {name}{_hint(name.strip(chr(39)), GENERATORS)}")
        return StarganConfig
    return GENERATORS[architecture]


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint is float:
        whole = type(value) is int and abs(value) < 10**300  # larger ones don't become a float
        return whole or isinstance(value, float)
    return type(value) is hint


def _wanted(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(f"'{choice}'" for choice in get_args(hint))
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[hint]


def _hint(name: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    leaf_first = sorted(known, key=lambda key: key.rsplit(".", 1)[-1] != name.rsplit(".", 1)[-1])
    close = difflib.get_close_matches(name[:60], leaf_first, n=1, cutoff=0.5)
    return f": did you mean '{close[0]}'?" if close else f": choose from {', '.join(known)}."


def _hint_of_key(key: str, kind: Any) -> str:
    """What may be meant by a key that `kind`, the section where it was looked for, doesn't have."""
    section, _, name = key.rpartition(".")
    known = [entry.name for entry in fields(kind)]
    every = [
        one for sizes in GENERATORS.values() for one in _flat(asdict(TrainConfig("", generator=sizes())))
    ]
    if key in every:  # of the other generator
        return f": the generator '{kind.architecture}' has {', '.join(known[1:])}."
    if elsewhere := [one for one in every if one.endswith(f".{name}")]:
        return f": did you mean '{elsewhere[0]}'?"
    return _hint(key, [f"{section}.{one}" if section else one for one in known])


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
