"""Against states, inputs and outputs of the original implementation."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kaogae.errors import ModelError
from kaogae.stargan import load_original_discriminator, load_original_generator

REFERENCE = Path(__file__).parents[3] / "shared/golden/stargan_reference.pt"


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    if not REFERENCE.parent.is_dir():
        pytest.skip("there is no ../shared/golden to compare with")
    return torch.load(REFERENCE, weights_only=True)


@torch.no_grad()
def test_the_generator_equals_the_original_with_each_pictures_statistics(golden: dict[str, Any]) -> None:
    generator = load_original_generator(golden["G"]).train()
    assert torch.allclose(
        generator(golden["image"], golden["target"]), golden["G_instance"], atol=1e-5, rtol=0
    )


@torch.no_grad()
def test_the_generator_equals_the_original_with_running_statistics(golden: dict[str, Any]) -> None:
    generator = load_original_generator(golden["G"])
    _undo_one_update(generator, golden)
    generator.eval()
    torch.testing.assert_close(
        generator(golden["image"], golden["target"]), golden["G_eval"], atol=1e-5, rtol=1e-5
    )


def _undo_one_update(generator: torch.nn.Module, golden: dict[str, Any]) -> None:
    """The reference was written after its `G_instance` run had moved the running statistics a tenth of the
    way towards that batch's, and its `G_eval` belongs to the ones before: kept = 0.9 before + 0.1 batch's.
    """
    norms = [m for m in generator.modules() if isinstance(m, torch.nn.InstanceNorm2d)]
    kept = [(norm.running_mean.clone(), norm.running_var.clone()) for norm in norms]
    for norm in norms:
        norm.momentum = 1.0  # so that a run leaves exactly this batch's statistics
    generator.train()(golden["image"], golden["target"])
    for norm, (mean, variance) in zip(norms, kept, strict=True):
        norm.running_mean.copy_((mean - 0.1 * norm.running_mean) / 0.9)
        norm.running_var.copy_((variance - 0.1 * norm.running_var) / 0.9)


@torch.no_grad()
def test_both_heads_of_the_discriminator_equal_the_original(golden: dict[str, Any]) -> None:
    score, logits = load_original_discriminator(golden["D"])(golden["image"])
    assert torch.allclose(score, golden["D_src"], atol=1e-5, rtol=0)
    assert torch.allclose(logits, golden["D_cls"], atol=1e-5, rtol=0)


def test_sizes_are_read_from_the_state(golden: dict[str, Any]) -> None:
    generator, discriminator = load_original_generator(golden["G"]), load_original_discriminator(golden["D"])
    assert (generator.config.width, generator.config.downs, generator.config.blocks) == (8, 2, 2)
    assert (discriminator.config.width, discriminator.config.layers, discriminator.config.image_size) == (
        8,
        3,
        32,
    )


def test_a_state_that_does_not_fit_is_refused(golden: dict[str, Any]) -> None:
    state: dict[str, Tensor] = golden["G"]
    for wrong in (
        {},
        golden["D"],
        {**state, "main.99.weight": torch.zeros(1)},
        {name: value for name, value in state.items() if name != "main.4.bias"},
        {**state, "main.4.bias": torch.zeros(3)},
    ):
        with pytest.raises(ModelError, match=r"original StarGAN|doesn't fit StarGAN"):
            load_original_generator(wrong)
    with pytest.raises(ModelError, match="original StarGAN"):
        load_original_discriminator(state)


def test_states_from_before_pytorch_counted_batches_load(golden: dict[str, Any]) -> None:
    old = {name: value for name, value in golden["G"].items() if not name.endswith("num_batches_tracked")}
    load_original_generator(old)
