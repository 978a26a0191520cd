"""Default < preset < `--set key=value`: from TOML and command line to a checked configuration, and back."""

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from importlib import resources
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from kaogae.errors import ConfigError
from kaogae.stargan import SmallConfig, StarganConfig
from kaogae.train.config import TrainConfig

PRESETS = ("baseline", "paper", "small", "smoke")


def load_settings(preset: str, changes: Sequence[str] = ()) -> TrainConfig:
    """The preset with `changes`, each `key=value` with the key as in the TOML, dots included.

    Raises:
        ConfigError: unknown preset or key (names the closest one), values of the wrong kind, or values that
            don't hold together; all problems at once.
    """
    if preset not in PRESETS:
        raise ConfigError(f"There is no preset '{preset}'{_hint(preset, PRESETS)}")
    text = (resources.files("kaogae.train") / "presets" / f"{preset}.toml").read_text("utf-8")
    values, problems = tomllib.loads(text), list[str]()
    for change in changes:
        _apply(values, change, problems)
    return _config({**values, "preset": preset}, problems)


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


def to_toml(config: TrainConfig) -> str:
    """The resolved configuration."""
    values = asdict(config)
    sections = {name: values.pop(name) for name in list(values) if isinstance(values[name], dict)}
    blocks = ["\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())]
    for section, entries in sections.items():
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in entries.items())
        blocks.append(f"[{section}]\n{lines}")
    return "\n\n".join(blocks) + "\n"


def differences(old: TrainConfig, new: TrainConfig) -> list[str]:
    """Keys whose values differ."""
    before, after = _flat(asdict(old)), _flat(asdict(new))
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _apply(values: dict[str, Any], change: str, problems: list[str]) -> None:
    key, sign, text = change.partition("=")
    key = key.strip()
    if not sign or not key:
        problems.append(f"'{change}' is not of the form key=value.")
        return
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except (ValueError, RecursionError):
        value = text.strip()  # a bare word, or what TOML can't hold
    *sections, name = key.split(".")
    table: Any = values
    for section in sections:
        table = cast("dict[str, Any]", table).setdefault(section, {})
        if not isinstance(table, dict):
            problems.append(f"There is no setting '{key}': '{section}' is a value.")
            return
    table[name] = value


def _config(values: dict[str, Any], problems: list[str]) -> TrainConfig:
    config = _build(TrainConfig, values, "", problems)
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
            known = [prefix + entry.name for entry in fields(kind)]
            problems.append(f"There is no setting '{key}'{_hint(key, known)}")
        elif name == "generator" or is_dataclass(hints[name]):
            section = _generator_kind(value, problems) if name == "generator" else hints[name]
            if isinstance(value, dict):
                accepted[name] = _build(section, cast("dict[str, Any]", value), f"{key}.", problems)
            else:
                problems.append(f"{key} is a section, not a value.")
        elif _fits(value, hints[name]):
            accepted[name] = float(value) if hints[name] is float else value
        else:
            problems.append(f"{key} = {value!r} is not {_wanted(hints[name])}.")
    return kind(**accepted)


def _generator_kind(value: Any, problems: list[str]) -> type[SmallConfig] | type[StarganConfig]:
    architecture = value.get("architecture", "stargan") if isinstance(value, dict) else "stargan"
    kinds = {"small": SmallConfig, "stargan": StarganConfig}
    if str(architecture) not in kinds:
        problems.append(f"There is no generator '{architecture}'{_hint(str(architecture), kinds)}")
    return kinds.get(str(architecture), StarganConfig)


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
    close = difflib.get_close_matches(name, leaf_first, n=1, cutoff=0.5)
    return f": did you mean '{close[0]}'?" if close else f": choose from {', '.join(known)}."


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
