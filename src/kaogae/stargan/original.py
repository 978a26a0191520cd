"""Reads states of the original StarGAN implementation (github.com/yunjey/stargan).

There every layer of the generator is numbered within one list; here they have names.
"""

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from kaogae.errors import ConfigError, ModelError
from kaogae.stargan.discriminator import Discriminator, DiscriminatorConfig
from kaogae.stargan.generator import StarganConfig, StarganGenerator

LARGEST_WIDTH = 256
MOST_CLASSES = 64


def load_original_generator(state_dict: Mapping[str, Tensor]) -> StarganGenerator:
    """The generator in `state_dict`, its size read from the state, in eval mode.

    In eval mode it normalises with the running statistics, in train mode with each picture's own.

    Raises:
        ModelError: the state isn't one of the original's generators.
    """
    config = _generator_config(state_dict)
    generator = StarganGenerator(config)
    _load(generator, state_dict, dict(_generator_names(config)))
    return generator.eval()


def load_original_discriminator(state_dict: Mapping[str, Tensor]) -> Discriminator:
    """The discriminator in `state_dict`, its size and the picture's read from the state, in eval mode.

    Raises:
        ModelError: the state isn't one of the original's discriminators.
    """
    layers = sum(name.startswith("main.") and name.endswith(".weight") for name in state_dict)
    width = _shape(state_dict, "main.0.weight", 4)[0]
    classes, _, side, _ = _shape(state_dict, "conv2.weight", 4)
    if not (1 <= layers <= 8 and 1 <= width <= LARGEST_WIDTH and 1 <= classes <= MOST_CLASSES and side <= 16):
        raise ModelError(
            "This state isn't one of the original StarGAN's discriminators: its sizes don't fit."
        )
    try:
        discriminator = Discriminator(DiscriminatorConfig(side * 2**layers, width, layers, classes))
    except ConfigError as error:
        raise ModelError(f"This state isn't one of the original StarGAN's discriminators: {error}") from error
    names = {f"convs.{i}": f"main.{2 * i}" for i in range(layers)} | {"score": "conv1", "logits": "conv2"}
    _load(discriminator, state_dict, names)
    return discriminator.eval()


def _generator_config(state: Mapping[str, Tensor]) -> StarganConfig:
    width, channels, _, _ = _shape(state, "main.0.weight", 4)
    blocks = sum(name.startswith("main.") and name.endswith(".main.0.weight") for name in state)
    # stem, downs, ups and the head have one four-dimensional weight each
    convs = sum(tensor.ndim == 4 and name.count(".") == 2 for name, tensor in state.items())
    downs, classes = (convs - 2) // 2, channels - 3
    if not (
        1 <= width <= LARGEST_WIDTH and 1 <= classes <= MOST_CLASSES and 1 <= downs <= 5 and blocks <= 32
    ):
        raise ModelError("This state isn't one of the original StarGAN's generators: its sizes don't fit.")
    return StarganConfig("stargan", width, downs, blocks, classes, statistics="running")


def _generator_names(config: StarganConfig) -> Iterator[tuple[str, str]]:
    """(our module, theirs) in the order of the layers. Convolution, normalisation and ReLU count one each."""
    yield from (("stem.0", "main.0"), ("stem.1", "main.1"))
    number = 3
    for i in range(config.downs):
        yield from ((f"down.{i}.0", f"main.{number}"), (f"down.{i}.1", f"main.{number + 1}"))
        number += 3
    for i in range(config.blocks):
        for ours, theirs in (("conv1", 0), ("norm1", 1), ("conv2", 3), ("norm2", 4)):
            yield f"body.{i}.{ours}", f"main.{number}.main.{theirs}"
        number += 1
    for i in range(config.downs):
        yield from ((f"up.{i}.0", f"main.{number}"), (f"up.{i}.1", f"main.{number + 1}"))
        number += 3
    yield "head", f"main.{number}"


def _load(module: nn.Module, state: Mapping[str, Tensor], names: Mapping[str, str]) -> None:
    """Strictly: every tensor of `module` comes from `state`, which has no other."""
    renamed: dict[str, Tensor] = {}
    for name, own in module.state_dict().items():
        prefix, leaf = name.rsplit(".", 1)
        theirs = f"{names[prefix]}.{leaf}"
        if leaf == "num_batches_tracked":  # PyTorch before 0.4.1 didn't write it, and nothing here needs it
            renamed[name] = state.get(theirs, own)
        elif theirs not in state or state[theirs].shape != own.shape:
            raise ModelError(f"This state doesn't fit StarGAN: '{theirs}' is missing or has another shape.")
        else:
            renamed[name] = state[theirs]
    strange = set(state) - {f"{names[name.rsplit('.', 1)[0]]}.{name.rsplit('.', 1)[1]}" for name in renamed}
    if strange:
        raise ModelError(f"This state doesn't fit StarGAN: it also has '{min(strange)}'.")
    module.load_state_dict(renamed, strict=True)


def _shape(state: Mapping[str, Tensor], name: str, dimensions: int) -> tuple[int, ...]:
    if name not in state or state[name].ndim != dimensions:
        raise ModelError(f"This state isn't one of the original StarGAN's: it has no '{name}'.")
    return tuple(state[name].shape)
