"""Published weights, read as what a stranger wrote: nothing in them is run, and everything is checked."""

import zipfile
from io import BytesIO
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from kaogae.errors import WeightsError
from kaogae.upscale.carn import CHANNELS, Carn
from kaogae.upscale.enlarge import SCALES

WEIGHTS_BYTES = 32 * 2**20
"""Largest file of weights that is read; CARN's has about 6.4 MB."""

UNLIKE_BICUBIC = 0.02
"""How far, on average, a smooth picture may come out from what bicubic makes of it."""


def load_carn(path: str | Path) -> Carn:
    """The network in a published multi-scale checkpoint, ready for use: `model(batch, scale)`.

    Which of the two it is, and in how many groups its convolutions work, is seen from the tensors.

    Raises:
        WeightsError: missing, too large, damaged, holding more than tensors, without CARN's names and
            shapes, or with values that aren't finite.
    """
    path = Path(path)
    state = _tensors(path)
    light = "b1.b1.body.4.weight" in state
    with torch.device("meta"):
        model = Carn(light=light, groups=_groups(path, state))
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if found != wanted:
        odd = sorted(name for name, _ in found.items() ^ wanted.items())
        raise WeightsError(
            f"{path} doesn't hold a multi-scale {model.method.upper()}: {odd[0]} is missing, unknown or of"
            f" another shape ({len(set(odd))} such); fetch it with `kaogae weights fetch {model.method}`."
        )
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"{path} is damaged: {name} holds values that aren't finite; fetch it again.")
    model.load_state_dict(state, strict=True, assign=True)
    return model.to(memory_format=torch.channels_last).eval().requires_grad_(False)  # pyright: ignore[reportCallIssue]


def check_weights(path: str | Path, method: str) -> Carn:
    """`load_carn`, and then: is it `method`, and does it enlarge? A smooth picture comes out like bicubic.

    Raises:
        WeightsError: as `load_carn`; or the other network; or numbers that no training left like this.
    """
    model = load_carn(path)
    if model.method != method:
        raise WeightsError(
            f"{path} holds the weights of {model.method}, not of {method}: give the file of {method}."
        )
    y, x = torch.meshgrid(torch.linspace(0, 1, 24), torch.linspace(0, 1, 24), indexing="ij")
    smooth = torch.stack([0.2 + 0.6 * x, 0.8 - 0.6 * y, 0.5 + 0.3 * torch.sin(3 * (x + y))])[None]
    for scale in SCALES:
        bicubic = F.interpolate(smooth, scale_factor=scale, mode="bicubic")
        far = (model(smooth, scale) - bicubic).abs().mean().item()
        if not far <= UNLIKE_BICUBIC:
            raise WeightsError(
                f"{path} has the shapes of {method} but doesn't enlarge: at ×{scale} a smooth picture comes"
                f" out {far:.2f} off (at most {UNLIKE_BICUBIC}); fetch it again."
            )
    return model


def _tensors(path: Path) -> dict[str, Tensor]:
    """What the file holds, if that is float32 tensors by name and nothing else."""
    data = _content(path)
    try:
        state: object = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a reader of other people's files can meet
        raise WeightsError(
            f"{path} isn't a file of weights, or is damaged, or holds more than tensors, which is never run;"
            " fetch it again."
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and _plain(tensor) for name, tensor in state.items()
    ):
        raise WeightsError(f"{path} holds other things than float32 tensors by name; fetch it again.")
    return {name: tensor.detach() for name, tensor in state.items()}


def _plain(tensor: object) -> bool:
    return (
        isinstance(tensor, Tensor)
        and tensor.layout == torch.strided
        and tensor.dtype == torch.float32
        and tensor.device.type == "cpu"
    )


def _content(path: Path) -> bytes:
    if not path.is_file():  # nor a pipe, which would block, nor a device, which never ends
        raise WeightsError(
            f"{path} isn't there or isn't a file: fetch weights with `kaogae weights fetch carn-m`."
        )
    try:
        with path.open("rb") as file:
            data = file.read(WEIGHTS_BYTES + 1)
    except OSError as error:
        raise WeightsError(
            f"{path} can't be read ({error.strerror}): make it readable or fetch it again."
        ) from error
    size = len(data)
    if data.startswith(b"PK"):  # the newer format is an archive, whose parts may be packed
        try:
            with zipfile.ZipFile(BytesIO(data)) as archive:
                size = max(size, sum(part.file_size for part in archive.infolist()))
        except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
            raise WeightsError(f"{path} is damaged; fetch it again.") from error
    if size > WEIGHTS_BYTES:
        raise WeightsError(
            f"{path} is larger than {WEIGHTS_BYTES / 2**20:g} MiB, which no CARN is: give another file."
        )
    return data


def _groups(path: Path, state: dict[str, Tensor]) -> int:
    """In how many groups the first grouped layer works; every other layer is checked against it."""
    head = state.get("upsample.up2.body.0.weight")
    width = head.shape[1] if head is not None and head.ndim == 4 else 0
    if not width or CHANNELS % width:
        raise WeightsError(
            f"{path} isn't a multi-scale CARN: it has no head for ×2; fetch it with `kaogae weights fetch"
            " carn-m`."
        )
    return CHANNELS // width
