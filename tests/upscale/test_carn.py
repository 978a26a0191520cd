"""The network: the published results, both variants, every scale."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kaogae.errors import UsageError
from kaogae.upscale import Carn, load_carn
from kaogae.upscale.carn import PASS, WIDEST


def test_the_published_weights_give_the_published_result(shared, carn_m):
    golden = np.load(shared / "golden" / "carn_m_reference.npz")
    batch = torch.from_numpy(golden["lr"]).permute(2, 0, 1)[None].float() / 255
    far = np.abs(load_carn(carn_m)(batch, 2)[0].numpy() - golden["x2"] / 65535)
    assert far.max() < 1 / 255
    assert far.mean() < 1e-4


def test_the_published_weights_are_those_of_carn_m(carn_m):
    model = load_carn(carn_m)
    assert (model.method, model.groups) == ("carn-m", 4)
    assert sum(parameter.numel() for parameter in model.parameters()) == 414_811


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_smooth_picture_comes_out_like_bicubic_at_every_scale(carn_m, scale):
    x = torch.linspace(0.1, 0.9, 32)
    batch = torch.stack(
        [x[None].expand(20, 32), x[None].flip(1).expand(20, 32), 0.5 + 0 * x[None].expand(20, 32)]
    )
    larger = load_carn(carn_m)(batch[None], scale)
    assert larger.shape == (1, 3, 20 * scale, 32 * scale)
    bicubic = F.interpolate(batch[None], scale_factor=scale, mode="bicubic")
    assert (larger - bicubic).abs().mean() < 0.01


def plain(model: Carn, batch: torch.Tensor, scale: int) -> torch.Tensor:
    """What the paper's figures 2 and 3 say, layer by layer, from the same parameters."""
    at = dict(model.named_parameters())

    def convolve(features, name, groups=1):
        weight = at[f"{name}.weight"]
        return F.conv2d(features, weight, at[f"{name}.bias"], padding=weight.shape[2] // 2, groups=groups)

    def residual(features, name):
        groups = model.groups if model.light else 1
        change = convolve(features, f"{name}.body.0", groups).relu()
        change = convolve(change, f"{name}.body.2", groups)
        if model.light:
            change = convolve(change.relu(), f"{name}.body.4")
        return (change + features).relu()

    def block(features, name):
        used = ("b1", "b1", "b1") if model.light else ("b1", "b2", "b3")
        kept, mixed = [features], features
        for number, each in enumerate(used, 1):
            kept.append(residual(mixed, f"{name}.{each}"))
            mixed = convolve(torch.cat(kept, 1), f"{name}.c{number}.body.0").relu()
        return mixed

    mixed = convolve(convolve(batch, "sub_mean.shifter"), "entry")
    kept = [mixed]
    for number in (1, 2, 3):
        kept.append(block(mixed, f"b{number}"))
        mixed = convolve(torch.cat(kept, 1), f"c{number}.body.0").relu()
    for place, factor in {2: [(0, 2)], 3: [(0, 3)], 4: [(0, 2), (3, 2)]}[scale]:
        name = f"upsample.up{scale}.body.{place}"
        mixed = F.pixel_shuffle(convolve(mixed, name, model.groups).relu(), factor)
    return convolve(convolve(mixed, "exit"), "add_mean.shifter").clamp(0, 1)


@pytest.mark.parametrize("light", [True, False])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_fast_way_gives_what_the_plain_one_gives(light, scale):
    torch.manual_seed(1)
    model = Carn(light=light, groups=4 if light else 1).requires_grad_(False)
    batch = torch.rand(2, 3, 9, 14)
    torch.testing.assert_close(model(batch, scale), plain(model, batch, scale), atol=2e-6, rtol=1e-4)


def test_carn_has_the_published_number_of_parameters():
    model = Carn(light=False, groups=1)
    assert (
        round(sum(parameter.numel() for parameter in model.parameters()) / 1000) == 1592
    )  # the paper's table 1
    assert model.method == "carn"


def test_a_batch_is_its_pictures_one_by_one(random_weights):
    model, batch = load_carn(random_weights), torch.rand(5, 3, 40, 100)
    assert 5 * 40 * 100 * WIDEST[2] > PASS  # it goes through in parts
    together = model(batch, 2)
    for one, expected in zip(batch, together, strict=True):
        torch.testing.assert_close(model(one[None], 2)[0], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("shape", "scale"), [((1, 3, 8, 8), 5), ((3, 8, 8), 2), ((1, 1, 8, 8), 2), ((0, 3, 8, 8), 2)]
)
def test_other_scales_and_shapes_are_refused(random_weights, shape, scale):
    with pytest.raises(UsageError):
        load_carn(random_weights)(torch.zeros(shape), scale)
