"""A look into an ONNX file before ONNX Runtime gets it: a hostile model must not read other files.

ONNX lets a tensor name a file that holds its values. A model that Kaogae loads holds all its values itself;
any other is refused. Only the fields that lead to tensors are followed (onnx.proto, protobuf's wire format).
"""

from collections.abc import Iterator

from kaogae.errors import ModelError

_TENSOR_EXTERNAL = (13, 14)  # external_data, data_location
_DEEPEST = 32
_LEADS_TO_TENSORS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse tensor",
        23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
}


def refuse_external_data(data: bytes) -> None:
    """Check that no tensor of the ONNX model `data` has its values in another file.

    Raises:
        ModelError: one has, or these bytes aren't protobuf.
    """
    _walk(memoryview(data), "model", 0)


def _walk(message: memoryview, kind: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise ModelError("The model is nested too deeply to be one of Kaogae's.")
    for field, value in _fields(message):
        if kind == "tensor":
            if field in _TENSOR_EXTERNAL and value not in (0, b""):
                raise ModelError("The model keeps its values in another file, which isn't allowed.")
        elif field in _LEADS_TO_TENSORS[kind] and isinstance(value, memoryview):
            _walk(value, _LEADS_TO_TENSORS[kind][field], depth + 1)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: an int, or the bytes of a string or message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        field, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield field, value
            continue
        if wire == 2:
            length, at = _varint(message, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ModelError("The model is damaged, or isn't an ONNX file.")
        if at + length > len(message):
            raise ModelError("The model is cut off, or isn't an ONNX file.")
        yield field, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number that starts at `at`, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
    raise ModelError("The model is cut off, or isn't an ONNX file.")
