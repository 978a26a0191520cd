import pytest
import torch

from kaogae.stargan import (
    discriminator_loss,
    feature_loss,
    generator_loss,
    gradient_penalty,
    supervised_loss,
)


def test_equation_1() -> None:
    real, fake = torch.tensor([[[[3.0]]]]), torch.tensor([[[[1.0]]]])
    logits = torch.zeros(1, 5)
    loss, parts = discriminator_loss(
        real, fake, logits, torch.tensor([2]), torch.tensor(0.5), penalty_weight=10
    )
    assert loss.item() == pytest.approx(-(3 - 1) + torch.log(torch.tensor(5.0)).item() + 10 * 0.5)
    assert set(parts) == {"adversarial", "classes", "penalty"}


def test_equation_2() -> None:
    image = torch.zeros(1, 3, 4, 4)
    loss, parts = generator_loss(
        torch.tensor([2.0]),
        torch.zeros(1, 5),
        torch.tensor([0]),
        image,
        image + 0.25,
        reconstruction_weight=5,
    )
    assert loss.item() == pytest.approx(-2 + torch.log(torch.tensor(5.0)).item() + 5 * 0.25)
    assert parts["reconstruction"].item() == pytest.approx(0.25)


def test_the_gradient_penalty_is_zero_at_slope_one_and_can_be_trained() -> None:
    slope = torch.full((1, 3, 4, 4), 1 / 48**0.5, requires_grad=True)
    real, fake, share = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4), torch.rand(2, 1, 1, 1)
    assert gradient_penalty(lambda x: (x * slope).sum((1, 2, 3)), real, fake, share).item() == pytest.approx(
        0, abs=1e-6
    )
    steep = gradient_penalty(lambda x: 3 * (x * slope).sum((1, 2, 3)), real, fake, share)
    assert steep.item() == pytest.approx(4, rel=1e-4)
    steep.backward()
    assert slope.grad is not None


def test_the_supervised_loss_is_zero_only_at_the_drawing_and_counts_changes_more() -> None:
    source, drawn = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    drawn[:, :, 20:24, 12:20] = 1
    assert supervised_loss(drawn, None, source, drawn)[0].item() == 0
    there, elsewhere = drawn.clone(), drawn.clone()
    there[:, :, 22, 16] = 0
    elsewhere[:, :, 4, 4] = 1
    losses = [supervised_loss(o, None, source, drawn)[0].item() for o in (there, elsewhere)]
    assert losses[0] > 4 * losses[1] > 0


def test_the_mask_should_be_where_the_picture_changes() -> None:
    source, drawn = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    drawn[:, :, 12:20, 12:20] = 1
    there = 0.05 + 0.9 * torch.nn.functional.max_pool2d(drawn[:, :1], 5, 1, 2)
    masks = (there, torch.full_like(there, 0.5), 1 - there)
    right, unsure, wrong = (supervised_loss(drawn, mask, source, drawn)[1]["mask"].item() for mask in masks)
    assert right < unsure < wrong


def test_what_the_discriminator_sees_counts_in_units_of_each_layer() -> None:
    truth = [torch.full((1, 4, 8, 8), 2.0), torch.full((1, 8, 4, 4), 100.0)]
    assert feature_loss(truth, truth)[0].item() == 0
    loss, parts = feature_loss([truth[0] * 1.5, truth[1] * 0.5], truth)
    assert loss.item() == pytest.approx(0.5)
    assert parts["features"].item() == pytest.approx(0.5)
