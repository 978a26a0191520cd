"""What a run's folder tells about the run: read back for its model card, and never trusted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from kaogae.dataset.exports_folders import SPDX
from kaogae.dataset.paths import read_bytes
from kaogae.errors import KaogaeError, ManifestError
from kaogae.train.config import TrainConfig
from kaogae.train.log import Row, read_losses
from kaogae.train.settings import read_settings

TEXT_BYTES = 64 * 2**20
PICTURE_BYTES = 16 * 2**20
PNG = b"\x89PNG\r\n\x1a\n"
FREE = "cc0-1.0"
"""The licence that adds nothing to another."""


@dataclass(frozen=True)
class Past:
    """A run's records. What an older version didn't write, or what is damaged, is empty."""

    name: str
    settings: TrainConfig | None = None
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """As data.json: hash, drawings, sets."""
    history: tuple[Mapping[str, Any], ...] = ()
    losses: tuple[Row, ...] = ()
    samples: bytes | None = None
    """The newest sample grid, a PNG."""
    curves: bytes | None = None
    """The losses over the iterations, a PNG."""

    @classmethod
    def read(cls, folder: Path) -> "Past":
        """The records in a run's folder, as far as they can be read."""
        grids = sorted((folder / "samples").glob("*.png"))
        return cls(
            folder.resolve().name,
            _settings(folder / "config.toml"),
            _object(_bytes(folder / "data.json", TEXT_BYTES)),
            _history(folder / "history.jsonl"),
            _losses(folder / "losses.jsonl"),
            _png(grids[-1]) if grids else None,
            _png(folder / "losses.png"),
        )

    @property
    def sets(self) -> dict[str, dict[str, Any]]:
        """Name of each frozen set and what data.json has on it."""
        found = self.data.get("sets")
        entries = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        return {name: cast("dict[str, Any]", one) for name, one in entries.items() if isinstance(one, dict)}

    @property
    def spdx(self) -> set[str] | None:
        """The Hub's names of all licences of the sets' faces; None if one isn't stated or has none."""
        names: set[str] = set()
        for facts in self.sets.values():
            licences = facts.get("licences")
            found = {SPDX.get(one) for one in licences} if isinstance(licences, dict) else {None}
            if None in found or not found:
                return None
            names |= {one for one in found if one}
        return names if "sets" in self.data else None

    @property
    def licence(self) -> str | None:
        """The one licence that the faces ask for; None if unknown, or if they ask for none or several."""
        asked = (self.spdx or set()) - {FREE}
        if len(asked) == 1:
            return asked.pop()
        return FREE if self.spdx == {FREE} else None

    @property
    def may_be_shown(self) -> bool:
        """Whether its sample grids show drawn faces, and faces whose licence the Hub knows, alone."""
        return self.spdx is not None

    @property
    def seconds(self) -> float | None:
        """The time that training took, over all its parts; None if it isn't recorded.

        Each part counts up to its last checkpoint: what came after it was done again.
        """
        parts: list[float] = []
        for event in self.history:
            if event.get("event") in ("started", "continued"):
                parts.append(0.0)
            seconds = event.get("seconds")
            if parts and event.get("event") == "saved" and isinstance(seconds, int | float):
                parts[-1] = float(seconds)
        return sum(parts) or None

    def latest(self, *events: str) -> Mapping[str, Any]:
        """The last entry of one of these kinds in the history; empty if there is none."""
        return next((one for one in reversed(self.history) if one.get("event") in events), {})


def _bytes(path: Path, limit: int) -> bytes:
    """A file's content; nothing if it isn't a file of its own, can't be read, or is larger than `limit`."""
    try:
        if path.is_symlink():  # a link could lead to what isn't meant to be published
            return b""
        return read_bytes(path, limit)
    except (OSError, ManifestError):
        return b""


def _object(data: bytes) -> dict[str, Any]:
    try:
        values: Any = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", values) if isinstance(values, dict) else {}


def _png(path: Path) -> bytes | None:
    data = _bytes(path, PICTURE_BYTES)
    return data if data.startswith(PNG) else None


def _settings(path: Path) -> TrainConfig | None:
    try:
        return read_settings(path)
    except (KaogaeError, OSError):
        return None


def _history(path: Path) -> tuple[Mapping[str, Any], ...]:
    return tuple(entry for line in _bytes(path, TEXT_BYTES).splitlines() if (entry := _object(line)))


def _losses(path: Path) -> tuple[Row, ...]:
    try:
        return tuple(read_losses(path)) if path.is_file() else ()
    except KaogaeError:
        return ()
