"""The generator as ONNX Runtime runs it, and every check between a file and the first face."""

import hashlib
import json
import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from kaogae import hub
from kaogae.errors import ModelError
from kaogae.expressions import EXPRESSIONS
from kaogae.transfer.onnx_file import refuse_external_data

FORMAT = "kaogae-generator"
VERSION = 1
FILE_LIMIT = 512 * 2**20
"""Most bytes of a model file."""
HUB_FILE = "model.onnx"
"""The file of a model on the Hub."""
SIDES = range(32, 1025)
"""The crop sides in pixels that a model may ask for."""

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Generator:
    """A loaded generator: RGB crops and targets in, RGB crops and attention masks out."""

    session: onnxruntime.InferenceSession
    header: dict[str, Any]
    """What the model says about itself; see DESIGN, "Checkpoint"."""
    image_size: int
    """Side S of the crops in pixels."""
    attentive: bool
    """Whether the model says where it changed something."""
    sha256: str = ""
    """Of the file."""
    bytes: int = 0
    """Of the file."""

    @classmethod
    def load(cls, path: str | Path | None = None, *, threads: int = 0) -> "Generator":
        """Load and check a model.

        Args:
            path: an ONNX file as `kaogae export` writes it, or the address hf://owner/name[@revision] of a
                model on the Hub; None for the one that comes with Kaogae.
            threads: of ONNX Runtime for one network; 0 for one per core.

        Raises:
            ModelError: missing, too large, damaged, foreign, or of another version or vocabulary.
            HubError: the model can't be had from the Hub.
        """
        data = _read(hub.fetch(hub.parse_address(path), HUB_FILE) if _is_on_the_hub(path) else path)
        name = "The model that comes with Kaogae" if path is None else str(path)
        try:
            refuse_external_data(data)
            session = _session(data, threads)
            header = _header(session)
            size = _check_header(header)
            _check_signature(session, size)
        except ModelError as error:
            raise ModelError(f"{name} can't be used. {error}") from error
        attentive = "mask" in [output.name for output in session.get_outputs()]
        return cls(session, header, size, attentive, hashlib.sha256(data).hexdigest(), len(data))

    def translate(self, images: Values, targets: Values) -> tuple[Values, Values | None]:
        """Give faces other expressions.

        Args:
            images: RGB [N, 3, S, S] in [−1, 1].
            targets: [N, 5], strength × one-hot.

        Returns:
            RGB [N, 3, S, S] in [−1, 1], and the attention [N, 1, S, S] in [0, 1] if the model has it.

        Raises:
            ModelError: the network fails, or gives something that isn't a picture.
        """
        names = ["output", "mask"] if self.attentive else ["output"]
        try:
            results = self.session.run(names, {"image": images, "target": targets})
        except Exception as error:  # ONNX Runtime's errors have no common base but this one
            raise ModelError(
                f"The model fails on a face of {self.image_size} pixels: {_short(error)}"
            ) from error
        output, *masks = [np.asarray(result, np.float32) for result in results]
        shapes = [
            output.shape == images.shape,
            *(m.shape == (len(images), 1, *images.shape[2:]) for m in masks),
        ]
        if not all(shapes) or not all(np.isfinite(values).all() for values in (output, *masks)):
            raise ModelError(
                "The model gives something that isn't a picture, so it's damaged or badly trained."
            )
        return output.clip(-1, 1), masks[0].clip(0, 1) if masks else None


OTHER_FORMATS = (".safetensors", ".pt", ".pth", ".ckpt")
"""Names of files with weights for PyTorch."""


def _is_on_the_hub(path: str | Path | None) -> TypeGuard[str]:
    return isinstance(path, str) and hub.is_address(path)


def _read(path: str | Path | None) -> bytes:
    source = resources.files("kaogae.transfer") / "models" / "small.onnx" if path is None else Path(path)
    try:
        if isinstance(source, Path) and source.is_dir() and (source / "model.onnx").is_file():
            source /= "model.onnx"  # what kaogae export --to hub makes
        if not source.is_file():
            raise ModelError(f"There is no model file {source}.")
        if isinstance(source, Path) and source.suffix.lower() in OTHER_FORMATS:
            raise ModelError(
                f"{source} isn't an ONNX file, which is what pictures are translated with: make one from its "
                "run with kaogae export RUN --to onnx."
            )
        with source.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise ModelError(f"{source} can't be read: {error}.") from error
    if len(data) > FILE_LIMIT:
        raise ModelError(f"{source} is larger than {FILE_LIMIT >> 20} MiB, too large for a model of Kaogae.")
    return data


def _session(data: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or _cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong is raised; nothing else is for the user
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no common base but this one
        raise ModelError(f"It's damaged, or isn't an ONNX file: {_short(error)}") from error


def _cores() -> int:
    """The cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _short(error: Exception) -> str:
    """The first line of ONNX Runtime's message, without its codes."""
    return str(error).strip().split("\n")[0].rsplit(" : ", 1)[-1][:160]


def _header(session: onnxruntime.InferenceSession) -> dict[str, Any]:
    text = session.get_modelmeta().custom_metadata_map.get("kaogae")
    if text is None:
        raise ModelError("It's an ONNX file, but not one of Kaogae's: it has no header named 'kaogae'.")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError("Its header isn't JSON.") from error
    if not isinstance(header, dict):
        raise ModelError("Its header isn't a JSON object.")
    return header


def _check_header(header: dict[str, Any]) -> int:
    """The side of the crops, from a header that holds what this version needs."""
    if header.get("format") != FORMAT:
        raise ModelError(f"Its header says it's a {header.get('format')!r}, not a {FORMAT}.")
    if header.get("version") != VERSION:
        raise ModelError(
            f"It's of version {header.get('version')!r}, and this Kaogae reads version {VERSION}: "
            "use the Kaogae that it was made with, or export it again."
        )
    if header.get("expressions") != list(EXPRESSIONS):
        raise ModelError(f"Its expressions aren't {', '.join(EXPRESSIONS)}, in this order.")
    size = header.get("image_size")
    if type(size) is not int or size not in SIDES:
        raise ModelError(f"Its image size {size!r} isn't between {SIDES[0]} and {SIDES[-1]} pixels.")
    return size


def _check_signature(session: onnxruntime.InferenceSession, size: int) -> None:
    crop = [3, size, size]
    wanted = {"image": crop, "target": [len(EXPRESSIONS)], "output": crop, "mask": [1, size, size]}
    found = {v.name: v for v in (*session.get_inputs(), *session.get_outputs())}
    if not {"image", "target"} == {v.name for v in session.get_inputs()} or "output" not in found:
        raise ModelError("Its inputs and outputs must be called image, target, output and mask.")
    for name, shape in wanted.items():
        value = found.get(name)
        if value is None:
            continue
        # The exporter may leave sides unnamed, but a number must be the right one
        sides = [
            b if isinstance(b, str) or b is None else a == b
            for a, b in zip(shape, value.shape[1:], strict=False)
        ]
        if value.type != "tensor(float)" or len(value.shape) != len(shape) + 1 or False in sides:
            raise ModelError(f"Its '{name}' has the shape {value.shape}, but its header needs [N, {shape}].")
        if isinstance(value.shape[0], int):
            raise ModelError(f"Its '{name}' has a fixed batch of {value.shape[0]}: export it with any batch.")
