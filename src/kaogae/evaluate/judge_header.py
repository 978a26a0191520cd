"""What a judge's file says about itself: `.safetensors` with a JSON header. Never pickle."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save

from kaogae.errors import ModelError
from kaogae.evaluate.confusion import VERDICTS, Confusion
from kaogae.evaluate.judge_network import ARCHITECTURES, JudgeNetwork
from kaogae.expressions import EXPRESSIONS
from kaogae.stargan.checkpoint import header_text

FORMAT = "kaogae-judge"
VERSION = 1
SIZES = range(32, 257)
TEXT_LIMIT = 200
"""Most letters of a name or hash."""
MOST = 1_000
"""Most entries of a list."""
FACES_MOST = 10**9


@dataclass(frozen=True)
class Learned:
    """Something that a judge learned from."""

    name: str
    """Of the frozen set, or drawn."""
    hash: str
    split: str
    """Of drawn characters, the seeds."""
    faces: int


@dataclass(frozen=True)
class Bin:
    """Pictures of whose verdicts the judge is about equally sure."""

    chance: float
    """Mean of the largest of the five chances, 0 to 1."""
    right: float
    """Share of them for which that expression is the right one."""
    faces: int


@dataclass(frozen=True, eq=False)
class Known:
    """How often the judge is right on pictures of which it is known what they show."""

    counts: NDArray[np.int64]
    """[6, 6]: what a picture shows (row; the last shows none of the five), and the verdict (column)."""
    reliability: tuple[Bin, ...]
    """From unsure to sure."""

    @property
    def confusion(self) -> Confusion:
        """The rows of the five expressions."""
        return Confusion(self.counts[:-1])

    @property
    def others(self) -> NDArray[np.int64]:
        """[6]: the verdicts on what shows none of the five."""
        return self.counts[-1]


@dataclass(frozen=True, eq=False)
class JudgeHeader:
    """What is to be known of a judge."""

    name: str
    architecture: str
    """Of `judge_network.ARCHITECTURES`."""
    size: int
    """Side in pixels of the inner face that the network sees."""
    temperature: float
    """What logits are divided by, so that chances are what they say."""
    threshold: float
    """Below this chance nothing is sure."""
    learned_from: tuple[Learned, ...]
    known: Mapping[str, Known] = field(default_factory=dict[str, Known])
    """By what it was tested on: drawn, or a set's name."""
    training: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Seed, faces seen and whatever else is to be told."""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "expressions": list(EXPRESSIONS),
                "name": self.name,
                "architecture": self.architecture,
                "size": self.size,
                "temperature": self.temperature,
                "threshold": self.threshold,
                "learned_from": [vars(learned) for learned in self.learned_from],
                "known": {
                    name: {
                        "counts": one.counts.tolist(),
                        "reliability": [vars(bin) for bin in one.reliability],
                    }
                    for name, one in self.known.items()
                },
                "training": dict(self.training),
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> "JudgeHeader":
        """Read and check a header.

        Raises:
            ModelError: not JSON, of another format, version or vocabulary, or with impossible values.
        """
        try:
            raw: object = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ModelError("Its header is not JSON.") from error
        values = _record(raw)
        if values.get("format") != FORMAT or values.get("version") != VERSION:
            raise ModelError(
                f"This is not version {VERSION} of a {FORMAT}, but version {str(values.get('version'))[:20]} "
                f"of {str(values.get('format'))[:40]}."
            )
        if values.get("expressions") != list(EXPRESSIONS):
            raise ModelError(f"Its expressions aren't {', '.join(EXPRESSIONS)}, in this order.")
        architecture = _text(values.get("architecture"))
        if architecture not in ARCHITECTURES:
            raise ModelError("Its architecture isn't one that this version knows.")
        known = _record(values.get("known"))
        return cls(
            name=_text(values.get("name")),
            architecture=architecture,
            size=_whole(values.get("size"), SIZES.start, SIZES.stop - 1),
            temperature=_number(values.get("temperature"), 1e-3, 1e3),
            threshold=_number(values.get("threshold"), 0, 1),
            learned_from=tuple(_learned(_record(one)) for one in _list(values.get("learned_from"))),
            known={_text(name): _known(_record(one)) for name, one in list(known.items())[:MOST]},
            training=_record(values.get("training")),
        )


# ------------------------------------------------------------------------------------------------ whole files


def pack(network: JudgeNetwork, header: JudgeHeader) -> bytes:
    """The whole file, weights as float16. The same network and header give the same bytes.

    Raises:
        ModelError: a weight isn't finite.
    """
    tensors = {name: _halved(name, value) for name, value in network.state_dict().items()}
    return save(tensors, {"kaogae": header.to_json()})


def unpack(data: bytes, name: str) -> tuple[JudgeNetwork, JudgeHeader, str]:
    """What `pack` made, and the file's SHA-256; errors call it `name`.

    Raises:
        ModelError: damaged, foreign, or not exactly the weights that its header promises.
    """
    try:
        header = JudgeHeader.from_json(header_text(data))
        tensors = load(data)
        for key, value in tensors.items():
            _halved(key, value)
        network = JudgeNetwork(header.architecture, header.size)
        network.load_state_dict(tensors, strict=True)
    except ModelError as error:
        raise ModelError(f"{name} can't be used. {error}") from error
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise ModelError(f"{name} is damaged, or its weights don't fit its header.") from error
    return network.eval(), header, hashlib.sha256(data).hexdigest()


def _halved(name: str, value: torch.Tensor) -> torch.Tensor:
    if not value.is_floating_point():
        return value.detach().cpu().contiguous()
    half = value.detach().cpu().half().contiguous()
    if not math.isfinite(float(half.double().abs().sum())):
        raise ModelError(f"The weight '{name}' isn't finite: the training has failed.")
    return half


# ---------------------------------------------------------------------------------------------- header values


def _learned(row: dict[str, Any]) -> Learned:
    name, digest, split = (_text(row.get(name)) for name in ("name", "hash", "split"))
    return Learned(name, digest, split, _whole(row.get("faces"), 0, FACES_MOST))


def _known(row: dict[str, Any]) -> Known:
    kinds = len(VERDICTS)
    counts = [[_whole(n, 0, FACES_MOST) for n in _list(line)] for line in _list(row.get("counts"))]
    if [len(line) for line in counts] != [kinds] * kinds:
        raise ModelError(f"Its header has a matrix that isn't {kinds} × {kinds}.")
    bins = [_record(one) for one in _list(row.get("reliability"))]
    return Known(
        np.array(counts, np.int64),
        tuple(
            Bin(
                _number(one.get("chance"), 0, 1),
                _number(one.get("right"), 0, 1),
                _whole(one.get("faces"), 0, FACES_MOST),
            )
            for one in bins
        ),
    )


def _record(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ModelError("Its header lacks something, or has it in another form.")
    return cast("dict[str, Any]", value)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or len(cast("list[Any]", value)) > MOST:
        raise ModelError("Its header lacks a list, or has one that is too long.")
    return cast("list[Any]", value)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > TEXT_LIMIT:
        raise ModelError("Its header lacks a name, or has one that is too long.")
    return value


def _whole(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ModelError(
            f"Its header has {str(value)[:20]} where a whole number from {least} to {most} belongs."
        )
    return value


def _number(value: object, least: float, most: float) -> float:
    if type(value) not in (int, float) or not least <= cast("float", value) <= most:
        raise ModelError(
            f"Its header has {str(value)[:20]} where a number from {least:g} to {most:g} belongs."
        )
    return float(cast("float", value))
