"""From PyTorch to ONNX, checked against PyTorch before anything is written."""

import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from kaogae.errors import ModelError
from kaogae.expressions import EXPRESSIONS
from kaogae.files import write_whole
from kaogae.stargan.checking import TOLERANCE, ExportReport, Signature, check_same
from kaogae.stargan.checkpoint import Generator, Header

OPSET = 18
HALVED_FROM = 4096
"""Tensors with at least as many values are stored as float16; biases and the like stay exact."""


def export_onnx(
    generator: Generator, header: Header, path: Path, faces: Tensor, *, half: bool = True
) -> ExportReport:
    """Write `generator` as ONNX with `header` as its metadata property `kaogae`.

    Inputs `image` [N, 3, S, S] in [−1, 1] and `target` [N, 5]; outputs `output` and, if the generator has
    one, `mask`. N is free.

    Args:
        faces: pictures [N, 3, S, S] in [−1, 1] on which the file must give what PyTorch gives.
        half: store the large weights as float16. Inputs, outputs and arithmetic stay float32.

    Raises:
        ModelError: the result differs from PyTorch's; nothing is written.
    """
    generator.eval()
    model = _to_onnx(generator, header.image_size)
    if half:
        _halve_weights(model)
    helper.set_model_props(model, {"kaogae": header.to_json()})
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

    def run(image: Tensor, target: Tensor) -> list[Tensor]:
        found = session.run(None, {"image": image.numpy(), "target": target.numpy()})
        return [torch.from_numpy(values) for values in found]

    try:
        difference = check_same(run, generator, faces, TOLERANCE["float16" if half else "float32"])
    except ModelError as error:
        hint = " With --full its weights keep their precision." if half else ""
        raise ModelError(f"{error}{hint}") from error
    write_whole(data, path, ModelError)
    return ExportReport(len(data), difference)


def _to_onnx(generator: Generator, size: int) -> onnx.ModelProto:
    image, target = torch.zeros(2, 3, size, size), torch.zeros(2, len(EXPRESSIONS))
    batch = torch.export.Dim("N")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about itself
        program = torch.onnx.export(
            Signature(generator).eval(),
            (image, target),
            input_names=["image", "target"],
            output_names=["output", "mask"] if generator.has_mask else ["output"],
            opset_version=OPSET,
            dynamo=True,
            dynamic_shapes={"image": {0: batch}, "target": {0: batch}},
            verbose=False,
        )
    if program is None:
        raise ModelError("PyTorch couldn't export this generator.")
    return program.model_proto


def _halve_weights(model: onnx.ModelProto) -> None:
    """Large weights become float16 with a cast behind them, which ONNX Runtime folds when it loads."""
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < HALVED_FROM:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
