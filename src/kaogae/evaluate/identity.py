"""Whether a face is still the same character: a distance that expressions should leave alone.

The network has learned from drawn characters alone (`identity_training`). What its distances mean stands in
the header of its weights: how far two drawings of one character are apart, and two characters.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from kaogae.errors import ModelError, UsageError
from kaogae.evaluate.backbones import build_backbone
from kaogae.evaluate.inputs import resized
from kaogae.files import write_whole
from kaogae.stargan.checkpoint import header_text, refuse_infinite

FORMAT, VERSION = "kaogae-identity", 1
FILE_LIMIT = 32 * 2**20
"""Most bytes of a file of weights; the shipped one has 3 MB."""
ARCHITECTURE = "shufflenet_v2_x1_0"
"""The network, in torchvision. Ma, Zhang, Zheng and Sun, ShuffleNet V2 (2018)."""
STAGES = ("conv1", "stage2", "stage3", "stage4")
"""Its layers, from fine to coarse: [N, 24, S/2, S/2] to [N, 464, S/32, S/32]."""
BATCH = 32
"""Pictures at once."""
KINDS = ("same", "redrawn", "sibling", "other")
"""Of pairs of pictures: see `IdentityHeader`."""
COUNTS = range(10**7)

Pixels = NDArray[np.uint8]
Embeddings = NDArray[np.float32]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Distances:
    """How far pairs of pictures of one kind are apart."""

    mean: float
    low: float
    """5 % are nearer."""
    high: float
    """5 % are farther."""
    pairs: int

    @classmethod
    def of(cls, values: Values) -> "Distances":
        """Of distances [N], rounded to four digits."""
        low, high = np.quantile(values, (0.05, 0.95))
        return cls(round(float(values.mean()), 4), round(float(low), 4), round(float(high), 4), len(values))


@dataclass(frozen=True)
class IdentityHeader:
    """What weights say about themselves. All distances are of characters that they didn't learn from."""

    size: int
    """Side in pixels to which pictures are brought."""
    outputs: int
    """Numbers in an embedding."""
    characters: int
    """Characters it learned from."""
    same: Distances
    """One character, another expression, all else alike: what a perfect generator is measured as."""
    redrawn: Distances
    """One character, another expression, in another pose, before another background, finished otherwise."""
    sibling: Distances
    """Two characters that share traits, all else alike."""
    other: Distances
    """Two characters."""
    auc: float
    """Of `same` against `other`: how often two characters are farther apart than one from itself."""
    equal_error: float
    """Share of pairs that are taken wrongly, at the distance where it is the same for both kinds."""
    redrawn_auc: float
    """Of `redrawn` against `other`."""
    sibling_auc: float
    """Of `same` against `sibling`."""
    architecture: str = ARCHITECTURE
    training: dict[str, Any] = field(default_factory=dict[str, Any])
    """Seed, epochs, seconds and the like."""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> "IdentityHeader":
        """Read and check a header.

        Raises:
            ModelError: not JSON, or of another format or version, or with impossible values.
        """
        try:
            raw: Any = json.loads(text)
            form, version = raw.pop("format"), raw.pop("version")
            values: dict[str, Any] = {k: _distances(v) if k in KINDS else v for k, v in raw.items()}
            header = cls(**values)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ModelError("Its header isn't one of an identity network.") from error
        if (form, version) != (FORMAT, VERSION):
            raise ModelError(f"It isn't version {VERSION} of a {FORMAT}.")
        if header.architecture != ARCHITECTURE:
            raise ModelError(f"This version doesn't know the network {header.architecture!r}.")
        sizes = (header.size, range(32, 513)), (header.outputs, range(8, 1025)), (header.characters, COUNTS)
        shares = (getattr(header, name) for name in ("auc", "equal_error", "redrawn_auc", "sibling_auc"))
        if not all(type(n) is int and n in within for n, within in sizes) or not all(map(_share, shares)):
            raise ModelError("Its header has impossible sizes or shares.")
        if not isinstance(cast(object, header.training), dict):
            raise ModelError("Its header's training isn't an object.")
        return header


class Identity:
    """The network with what is known about it. Pictures are RGB uint8 of the aligned crop, of any size."""

    def __init__(self, network: nn.Module, header: IdentityHeader, sha256: str) -> None:
        self.header = header
        self.sha256 = sha256
        """Of the file of weights."""
        self._network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    @classmethod
    def load(cls, path: Path | None = None) -> "Identity":
        """The network in `path`, or the shipped one.

        Raises:
            ModelError: missing, too large, damaged, foreign, or not the weights that its header promises.
        """
        name = "The shipped weights of identity" if path is None else str(path)
        try:
            if path is None:
                data = files("kaogae.evaluate").joinpath("weights/identity.safetensors").read_bytes()
            else:
                with path.open("rb") as file:
                    data = file.read(FILE_LIMIT + 1)
            return cls(*unpack(data), hashlib.sha256(data).hexdigest())
        except OSError as error:
            raise ModelError(f"{name} can't be read: {error.strerror or error}.") from error
        except ModelError as error:
            raise ModelError(f"{name} can't be used. {error}") from error

    def facts(self) -> dict[str, Any]:
        """What an evaluation keeps of it: name, sha256, and for each of `KINDS` mean, 5 % and 95 %."""
        kinds = {kind: getattr(self.header, kind) for kind in KINDS}
        named = {"name": f"{self.header.characters:,} drawn characters", "sha256": self.sha256}
        return named | {kind: [found.mean, found.low, found.high] for kind, found in kinds.items()}

    def embed(self, pictures: Pixels) -> Embeddings:
        """[N, E] unit vectors of pictures [N, S, S, 3]."""
        return embedded(self._network, pictures, self.header.size)

    def distance(self, a: Pixels, b: Pixels) -> Values:
        """1 − cosine between the embeddings of two pictures.

        Args:
            a, b: [..., S, S, 3]. Their leading axes are broadcast: an input [N, 1, S, S, 3] is compared with
                its outputs [N, 5, S, S, 3], and embedded once.

        Returns:
            [...]: 0 for equal pictures, at most 2; about 1 for two characters. See the header.
        """
        one, other = (
            self.embed(p.reshape(-1, *p.shape[-3:])).reshape(*p.shape[:-3], self.header.outputs)
            for p in (a, b)
        )
        # For unit vectors |x − y|² = 2 − 2 cos, and this rounds to no less than 0
        return ((one.astype(np.float64) - other) ** 2).sum(-1) / 2

    @torch.inference_mode()
    def stages(self, batch: Tensor) -> list[Tensor]:
        """Features [N, C, h, w] at each of `STAGES`, of pictures [N, 3, S, S] in [−1, 1], S at least 32."""
        found: list[Tensor] = []
        layers = dict(self._network.named_children())
        for name in (*STAGES[:1], "maxpool", *STAGES[1:]):
            batch = layers[name](batch)
            if name in STAGES:
                found.append(batch)
        return found


@torch.inference_mode()
def embedded(network: nn.Module, pictures: Pixels, size: int) -> Embeddings:
    """[N, E] unit vectors, by a `network` in eval mode, of pictures [N, S, S, 3] brought to `size`."""
    return F.normalize(torch.cat([network(batch) for batch in batches(pictures, size)])).numpy()


def batches(pictures: Pixels, size: int) -> Iterator[Tensor]:
    """[≤ BATCH, 3, size, size] in [−1, 1] of pictures [N, S, S, 3] RGB of any size.

    Raises:
        UsageError: they aren't pictures, or there are none.
    """
    if pictures.ndim != 4 or pictures.shape[-1] != 3 or pictures.dtype != np.uint8 or not pictures.size:
        raise UsageError(f"Pictures are [N, S, S, 3] of bytes, not {pictures.dtype} of {pictures.shape}.")
    for begin in range(0, len(pictures), BATCH):
        yield as_batch(np.stack([resized(one, size) for one in pictures[begin : begin + BATCH]]))


def as_batch(pictures: Pixels) -> Tensor:
    """[N, 3, S, S] in [−1, 1], channels last in memory, of [N, S, S, 3] RGB."""
    return from_pixels(pictures).float() / 127.5 - 1


def from_pixels(pictures: Pixels) -> Tensor:
    """[N, 3, S, S] of bytes, of [N, S, S, 3] that may be anywhere in memory, and read-only."""
    return torch.from_numpy(np.require(pictures, requirements=["C", "W"])).permute(0, 3, 1, 2)


def build_identity(outputs: int) -> nn.Module:
    """A new network from pictures [N, 3, S, S] in [−1, 1] to embeddings [N, outputs], not yet normalised."""
    return build_backbone(ARCHITECTURE, outputs)


def save_identity(path: Path, network: nn.Module, header: IdentityHeader) -> None:
    """Write the weights as float16 with their header, beside `path` first and then in its place.

    Raises:
        ModelError: a weight isn't finite in float16, or the file can't be written.
    """
    write_whole(pack(network, header), path, ModelError)


def pack(network: nn.Module, header: IdentityHeader) -> bytes:
    """The whole file. The same weights and header give the same bytes."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    refuse_infinite(tensors)
    return save(tensors, {"kaogae": header.to_json()})


def unpack(data: bytes) -> tuple[nn.Module, IdentityHeader]:
    """What `pack` made.

    Raises:
        ModelError: too large, damaged, foreign, or not exactly the weights that its header promises.
    """
    header = IdentityHeader.from_json(header_text(data, FILE_LIMIT))
    try:
        tensors = load(data)
        refuse_infinite(tensors)
        network = build_identity(header.outputs)
        network.load_state_dict(tensors, strict=True)
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise ModelError("It is damaged, or its weights don't fit its header.") from error
    return network, header


def _distances(raw: Any) -> Distances:
    found = Distances(**raw)
    if not all(map(_number, (found.mean, found.low, found.high))) or found.pairs not in COUNTS:
        raise ValueError("distances are numbers")
    return found


def _number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(cast(float, value))


def _share(value: object) -> bool:
    return _number(value) and 0 <= cast(float, value) <= 1
