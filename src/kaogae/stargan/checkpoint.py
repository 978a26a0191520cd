"""A generator on disk: `.safetensors` with a JSON header that says everything about it. Never pickle."""

import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeAlias, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from kaogae.errors import ModelError
from kaogae.expressions import EXPRESSIONS
from kaogae.files import write_whole
from kaogae.stargan.generator import StarganConfig, StarganGenerator
from kaogae.stargan.small import SmallConfig, SmallGenerator

FORMAT = "kaogae-generator"
VERSION = 1
FILE_LIMIT = 512 * 2**20
"""Most bytes of a checkpoint; the paper's generator has 192 MB."""
HEADER_LIMIT = 2**20
"""Most bytes of a checkpoint's header."""

Generator: TypeAlias = StarganGenerator | SmallGenerator
GeneratorConfig: TypeAlias = StarganConfig | SmallConfig

_SIZES: dict[str, range] = {
    "width": range(1, 257),
    "deep": range(1, 1025),
    "downs": range(1, 6),
    "blocks": range(33),
    "classes": range(1, 65),
}
"""What the sizes in a header may be, so that a hostile one can't ask for endless memory."""


@dataclass(frozen=True)
class Header:
    """What a checkpoint says about itself. `.onnx` carries the same."""

    generator: GeneratorConfig
    image_size: int
    """Side of the pictures it was trained on, in pixels."""
    images_seen: int = 0
    """Pictures translated in training, with repetition."""
    dataset: str | None = None
    """Hash of the data, or None."""
    metrics: dict[str, Any] = field(default_factory=dict[str, Any])
    """What was measured, by name."""
    training: dict[str, Any] = field(default_factory=dict[str, Any])
    """Preset, seed and whatever else a model card repeats."""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(
            {"format": FORMAT, "version": VERSION, "expressions": list(EXPRESSIONS), **asdict(self)},
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> "Header":
        """Read and check a header.

        Raises:
            ModelError: not JSON, or of another format, version or vocabulary, or with impossible values.
        """
        try:
            raw: object = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ModelError("The checkpoint's header is not JSON.") from error
        if not isinstance(raw, dict):
            raise ModelError("The checkpoint's header is not a JSON object.")
        values = cast("dict[str, Any]", raw)
        if values.get("format") != FORMAT or values.get("version") != VERSION:
            raise ModelError(
                f"This is not version {VERSION} of a {FORMAT}, but version {values.get('version')!r} "
                f"of a {values.get('format')!r}."
            )
        if values.get("expressions") != list(EXPRESSIONS):
            raise ModelError(f"The checkpoint's expressions aren't {', '.join(EXPRESSIONS)}, in this order.")
        config = _generator_config(values.get("generator"))
        size, seen, dataset = values.get("image_size"), values.get("images_seen", 0), values.get("dataset")
        metrics, training = values.get("metrics", {}), values.get("training", {})
        if type(size) is not int or not 8 <= size <= 1024 or type(seen) is not int or seen < 0:
            raise ModelError("The checkpoint's header has an impossible image size or number of images seen.")
        if not (dataset is None or isinstance(dataset, str)) or not all(
            isinstance(one, dict | None) for one in (metrics, training)
        ):
            raise ModelError(
                "The checkpoint's header has a data-set hash, metrics or training of the wrong kind."
            )
        return cls(config, size, seen, dataset, dict(metrics or {}), dict(training or {}))


def build_generator(config: GeneratorConfig) -> Generator:
    """A new generator with random weights from PyTorch's global seed."""
    return SmallGenerator(config) if isinstance(config, SmallConfig) else StarganGenerator(config)


def save_checkpoint(path: Path, generator: nn.Module, header: Header) -> None:
    """Write `generator`'s weights as float32 with `header`, beside `path` first and then in its place.

    Raises:
        ModelError: a weight isn't finite, or the file can't be written.
    """
    write_whole(pack(generator, header), path, ModelError)


def load_checkpoint(path: Path) -> tuple[Generator, Header]:
    """The generator in `path`, in eval mode, and its header.

    Raises:
        ModelError: missing, too large, damaged, foreign, or not exactly the weights that its header promises.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except OSError as error:
        raise ModelError(f"The checkpoint {path} can't be read: {error.strerror}.") from error
    return unpack(data, str(path))


def pack(generator: nn.Module, header: Header) -> bytes:
    """The whole checkpoint. The same weights and header give the same bytes.

    Raises:
        ModelError: a weight isn't finite.
    """
    tensors = {name: t.detach().cpu().contiguous() for name, t in generator.state_dict().items()}
    refuse_infinite(tensors)
    return save(tensors, {"kaogae": header.to_json()})


def unpack(data: bytes, name: str) -> tuple[Generator, Header]:
    """What `pack` made; errors call it `name`.

    Raises:
        ModelError: too large, damaged, foreign, or not exactly the weights that its header promises.
    """
    try:
        header = Header.from_json(header_text(data))
        tensors = load(data)
        refuse_infinite(tensors)
        generator = build_generator(header.generator)
        generator.load_state_dict(tensors, strict=True)
    except ModelError as error:
        raise ModelError(f"{name} can't be used. {error}") from error
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise ModelError(f"{name} is damaged, or its weights don't fit its header.") from error
    return generator.eval(), header


def header_text(data: bytes, most: int = FILE_LIMIT) -> str:
    """The JSON under the key `kaogae` of a `.safetensors` file, read before any tensor is.

    Raises:
        ModelError: it has more than `most` bytes, is damaged, or has no such header.
    """
    if len(data) > most:
        raise ModelError(f"It is larger than {most >> 20} MiB.")
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(HEADER_LIMIT, len(data) - 8):
        raise ModelError("It is cut off, or not a .safetensors file.")
    try:
        outer: Any = json.loads(data[8 : 8 + length])
        text = outer["__metadata__"]["kaogae"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise ModelError("It is not one of Kaogae's: it has no header named 'kaogae'.") from error
    if not isinstance(text, str):
        raise ModelError("It is not one of Kaogae's: its header is not text.")
    return text


def _generator_config(raw: object) -> GeneratorConfig:
    values = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}
    kinds = {"stargan": StarganConfig, "small": SmallConfig}
    architecture = values.get("architecture")
    kind = kinds.get(architecture) if isinstance(architecture, str) else None
    if kind is None:
        raise ModelError(f"This version doesn't know the generator {architecture!r}.")
    if set(values) != {entry.name for entry in fields(kind)}:
        raise ModelError(
            f"The header doesn't describe a '{architecture}' generator as this version knows it."
        )
    for name, value in values.items():
        if name in _SIZES and (type(value) is not int or value not in _SIZES[name]):
            raise ModelError(f"The header's {name} = {value!r} is out of range.")
    if values.get("statistics", "image") not in ("image", "running") or values["classes"] != len(EXPRESSIONS):
        raise ModelError("The header's generator has another number of classes, or unknown statistics.")
    config = kind(**values)
    if _channels(config) > 2048:
        raise ModelError("The header asks for a generator that is too large.")
    return config


def _channels(config: GeneratorConfig) -> int:
    return config.deep if isinstance(config, SmallConfig) else config.width * 2**config.downs


def refuse_infinite(tensors: dict[str, torch.Tensor]) -> None:
    """ModelError for a weight that isn't finite."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not math.isfinite(float(tensor.double().abs().sum())):
            raise ModelError(f"The weight '{name}' isn't finite: the training has failed.")
