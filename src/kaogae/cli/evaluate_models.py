"""What `kaogae evaluate` is given: models, sets and those who measure, from names, files and addresses."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from kaogae.cli.application import err, found, plain
from kaogae.errors import KaogaeError, ModelError, UsageError

if TYPE_CHECKING:
    from kaogae.dataset import FaceSet
    from kaogae.evaluate.models import Head, Model

SHIPPED = "shipped"
"""The word for the model that comes with Kaogae."""
CHECKPOINT = "generator.safetensors"
ONNX = ".onnx"


def open_models(names: list[str], workspace: Path, threads: int) -> "list[Model]":
    """Runs by name or folder, checkpoints, ONNX files, addresses on the Hub, and 'shipped'.

    Args:
        threads: of ONNX Runtime; 0: all.
    """
    return [_open(name, workspace, threads) for name in names]


def open_sets(names: list[str], workspace: Path) -> "list[FaceSet | None]":
    """Frozen sets by name or folder; 'drawn', and none at all, is drawn characters."""
    from kaogae.dataset import load
    from kaogae.dataset.paths import check_name
    from kaogae.evaluate.evaluating import DRAWN

    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"The set '{twice}' was named twice: once is enough.")
    return [
        None
        if name == DRAWN
        else load(found(name if Path(name).is_dir() else check_name(name), workspace / "sets", "set.json"))
        for name in names or [DRAWN]
    ]


def _open(name: str, workspace: Path, threads: int) -> "Model":
    from kaogae import hub
    from kaogae.evaluate.models import open_checkpoint

    if name == SHIPPED or hub.is_address(name) or Path(name).suffix == ONNX:
        return _onnx(name, threads)
    place = found(name, workspace / "runs", CHECKPOINT)
    if place.is_dir():
        if not (place / CHECKPOINT).is_file():
            raise ModelError(f"{place} has no checkpoint (yet): train it first, or name another run.")
        return open_checkpoint(place / CHECKPOINT, place.resolve().name, _own_head(place))
    if not place.is_file():
        raise ModelError(
            f"There is no run and no file called {name}: name a run of this workspace, a checkpoint, an ONNX"
            f" file, hf://OWNER/NAME, or '{SHIPPED}'."
        )
    return open_checkpoint(place, place.stem)


def _onnx(name: str, threads: int) -> "Model":
    from kaogae import hub
    from kaogae.evaluate.evaluation import ModelFacts
    from kaogae.evaluate.models import Model, facts_of
    from kaogae.stargan import Header
    from kaogae.transfer.model import Generator

    generator = Generator.load(None if name == SHIPPED else name, threads=threads)
    plain = hub.parse_address(name).name if hub.is_address(name) else Path(name).stem
    try:
        facts = facts_of(
            plain, generator.sha256, generator.bytes, Header.from_json(json.dumps(generator.header))
        )
    except ModelError:  # of a network that isn't ours, so nobody knows its parameters
        facts = ModelFacts(plain, generator.sha256, generator.bytes, generator.image_size)
    return Model(facts, lambda images, targets: generator.translate(images, targets)[0])


def _own_head(run: Path) -> "Head | None":
    """What the run's own discriminator says, if its newest state is there. A generator can be measured
    without, so a damaged state is only told.
    """
    import torch

    from kaogae.train.own_head import load_discriminator

    try:
        network = load_discriminator(run)
    except KaogaeError as error:
        line = f"{error} So '{run.name}' is measured without what its own discriminator says."
        err.print(plain(line), markup=False, highlight=False, soft_wrap=True)
        return None
    if network is None:
        return None

    @torch.no_grad()
    def head(images: "torch.Tensor") -> "torch.Tensor":
        return network(images)[1].argmax(1)

    return lambda images: head(torch.from_numpy(images)).numpy()
