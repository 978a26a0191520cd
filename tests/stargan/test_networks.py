from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from kaogae.errors import ConfigError
from kaogae.stargan import (
    Discriminator,
    DiscriminatorConfig,
    SmallConfig,
    SmallGenerator,
    StarganConfig,
    StarganGenerator,
    build_generator,
)


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_paper_s_generators_have_the_paper_s_sizes() -> None:
    with torch.device("meta"):
        assert parameters(StarganGenerator(StarganConfig())) == 8_430_528
        assert round(parameters(StarganGenerator(StarganConfig(downs=3, blocks=9))) / 1e6, 1) == 48.0


def test_the_discriminator_has_both_heads_at_every_size_that_divides() -> None:
    for size in (64, 128, 192):
        score, logits = Discriminator(DiscriminatorConfig(size, width=2))(torch.zeros(2, 3, size, size))
        assert score.shape == (2, 1, size // 64, size // 64)
        assert logits.shape == (2, 5)
    with pytest.raises(ConfigError, match="divides by 64"):
        Discriminator(DiscriminatorConfig(100))


def test_the_label_reaches_the_output_through_instance_normalisation() -> None:
    generator = StarganGenerator(StarganConfig(width=4, blocks=1)).eval()
    image = torch.rand(1, 3, 32, 32)
    happy, sad = (generator(image, torch.eye(5)[i : i + 1]) for i in (0, 1))
    assert (happy - sad).abs().max() > 1e-3


def test_the_small_generator_fits_into_sixteen_megabytes_with_halved_weights() -> None:
    with torch.device("meta"):
        assert parameters(SmallGenerator(SmallConfig())) * 2 < 15e6


def test_where_the_mask_is_zero_the_input_is_kept_to_the_bit() -> None:
    generator = SmallGenerator(SmallConfig(width=4, deep=8, blocks=1)).eval()
    torch.nn.init.constant_(generator.head.bias, -1e9)
    torch.nn.init.zeros_(generator.head.weight)
    image = torch.rand(2, 3, 64, 64) * 2 - 1
    output, mask = generator.with_mask(image, torch.eye(5)[:2])
    assert mask.shape == (2, 1, 64, 64)
    assert not mask.any()
    assert torch.equal(output, image)


def test_every_output_pixel_of_the_small_generator_can_see_the_whole_face() -> None:
    generator = SmallGenerator(SmallConfig(width=4, deep=8, blocks=6))
    for block in generator.body:
        torch.nn.init.normal_(block.conv2.weight, std=0.3)
    image = torch.rand(1, 3, 128, 128, requires_grad=True)
    generator(image, torch.eye(5)[:1])[0, :, 64, 64].sum().backward()
    assert image.grad is not None
    assert (image.grad.abs().sum((0, 1)) > 0).float().mean() > 0.95


class OnOneDevice(TorchDispatchMode):
    """Fails where a tensor is sent from the processor, which waits until the device has taken it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        devices = {one.device.type for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)}
        assert devices <= {"meta"}, f"{func} waits for the device"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("config", [SmallConfig(), StarganConfig()])
def test_a_translation_waits_for_no_device(config: SmallConfig | StarganConfig) -> None:
    with torch.device("meta"):
        generator, image, target = build_generator(config), torch.empty(2, 3, 64, 64), torch.empty(2, 5)
    with OnOneDevice():
        assert generator(image, target).shape == image.shape
