"""A run's own discriminator, read back: what it says of pictures is what its generator learned to please."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from kaogae.errors import ModelError
from kaogae.stargan import Discriminator, DiscriminatorConfig
from kaogae.train.settings import read_settings
from kaogae.train.state import Checkpoints, infinite

PREFIX = "discriminator."


def load_discriminator(run: Path) -> Discriminator | None:
    """The discriminator of the newest state in a run's folder, in eval mode; None if there is none.

    Raises:
        ModelError: the state is damaged, or doesn't belong to the run's settings.
    """
    if not (run / "config.toml").is_file():
        return None
    config = read_settings(run / "config.toml")
    saved = Checkpoints(run, config).saved()
    if not saved:
        return None
    path = saved[-1] / "state.safetensors"
    network = Discriminator(DiscriminatorConfig(config.image_size, config.discriminator_width))
    wanted = network.state_dict()
    try:
        with safe_open(path, "pt") as file:
            there = {name for name in file.keys() if name.startswith(PREFIX)}  # noqa: SIM118 — not a dict
            if not there:
                return None
            shapes = {name: file.get_slice(name).get_shape() for name in there}
            if shapes != {PREFIX + name: list(value.shape) for name, value in wanted.items()}:
                raise ModelError(f"{path} doesn't belong to the settings of the run {run.name}.")
            found = {name: file.get_tensor(PREFIX + name) for name in wanted}
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(f"{path} is damaged, or not there.") from error
    if infinite(found) is not None:
        raise ModelError(f"{path} is damaged: its weights aren't finite.")
    with torch.no_grad():
        network.load_state_dict(found)
    return network.eval()
