"""From PyTorch to TorchScript, for C++ and for PyTorch without Kaogae; checked as it will be loaded."""

import io
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from kaogae.errors import ModelError
from kaogae.expressions import EXPRESSIONS
from kaogae.files import write_whole
from kaogae.stargan.checking import TOLERANCE, ExportReport, Signature, check_same, running
from kaogae.stargan.checkpoint import Generator, Header

HEADER_FILE = "kaogae.json"
"""The header's name among the files inside a TorchScript archive."""


class _FollowingTheInput(TorchFunctionMode):
    """A traced `x.to(other)` keeps the device on which it was traced; `type_as` asks at each call."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.to and len(args) == 2 and isinstance(args[1], Tensor):
            return args[0].type_as(args[1])
        return func(*args, **(kwargs or {}))


def export_torchscript(generator: Generator, header: Header, path: Path, faces: Tensor) -> ExportReport:
    """Write `generator` as TorchScript with `header` as the extra file `kaogae.json`.

    Inputs `image` [N, 3, S, S] in [−1, 1] and `target` [N, 5]; one output [N, 3, S, S], or a tuple of it and
    the mask [N, 1, S, S]. N is free, and the model runs on any device to which it is moved.

    Args:
        faces: pictures [N, 3, S, S] in [−1, 1] on which the file must give what PyTorch gives.

    Raises:
        ModelError: what would be loaded differs from PyTorch's; nothing is written.
    """
    generator.eval()
    size = header.image_size
    example = torch.zeros(2, 3, size, size), torch.zeros(2, len(EXPRESSIONS))
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that TorchScript isn't developed any further: the page says so
        with _FollowingTheInput():
            traced = torch.jit.trace(Signature(generator).eval(), example, check_trace=False)
        torch.jit.save(traced, buffer, _extra_files={HEADER_FILE: header.to_json()})
        buffer.seek(0)
        extra: dict[str, Any] = {HEADER_FILE: ""}  # bytes after loading
        loaded = torch.jit.load(buffer, map_location="cpu", _extra_files=extra)
    if extra[HEADER_FILE] != header.to_json().encode():
        raise ModelError("PyTorch doesn't give the header back that it was given, so nothing was written.")
    difference = check_same(running(loaded), generator, faces, TOLERANCE["torchscript"])
    data = buffer.getvalue()
    write_whole(data, path, ModelError)
    return ExportReport(len(data), difference)
