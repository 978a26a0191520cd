"""Pixels in, more pixels out: no seams between tiles."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kaogae.errors import UsageError
from kaogae.upscale import Bicubic, Carn, Network, enlarge
from kaogae.upscale.carn import REACH


@pytest.fixture(scope="module")
def network():
    """Random weights, large enough that what a pixel sees far away changes it."""
    torch.manual_seed(3)
    return Network(Carn(light=True, groups=4).requires_grad_(False))


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(5).integers(0, 256, (70, 83, 3), np.uint8)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("light", [True, False])
def test_no_pixel_is_influenced_from_beyond_the_reach(scale, light):
    model = Carn(light=light, groups=4 if light else 1).double()
    for parameter in model.parameters():  # everything positive and small: no influence is lost or clamped
        parameter.data.fill_(0.3 / parameter[0].numel() if parameter.ndim > 1 else 1e-6)
    batch = torch.zeros(1, 3, 2 * REACH + 21, 3, dtype=torch.float64, requires_grad=True)
    row = (REACH + 10) * scale
    model._enlarge(batch, scale)[0, :, row].sum().backward()
    seen = batch.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert REACH - 3 <= REACH + 10 - int(seen.min()) <= REACH
    assert REACH - 3 <= int(seen.max()) - (REACH + 10) <= REACH


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("tile", [16, 33, 64])
def test_tiles_give_what_the_whole_picture_gives(network, noise, scale, tile):
    whole = network(noise[None], scale)[0].astype(int)
    tiled = enlarge(noise, network, scale, tile=tile).astype(int)
    assert np.abs(whole - tiled).max() <= 1  # a sum in another order may round the other way
    assert (whole != tiled).mean() < 1e-3


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 50), st.sampled_from([2, 3, 4]))
def test_every_size_comes_out_whole(height, width, tile, scale):
    image = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    seen = []

    class Repeat:
        method = "repeat"
        reach = 0

        def __call__(self, images, scale):
            seen.append(images.shape)
            return images.repeat(scale, 1).repeat(scale, 2)

    expected = image.repeat(scale, 0).repeat(scale, 1)
    np.testing.assert_array_equal(enlarge(image, Repeat(), scale, tile=tile), expected)
    assert len(seen) == -(-height // tile) * -(-width // tile)


def test_bicubic_keeps_a_plain_colour_and_clips():
    plain = np.full((2, 5, 7, 3), (10, 200, 255), np.uint8)
    assert (Bicubic()(plain, 3) == (10, 200, 255)).all()
    edge = np.zeros((1, 8, 8, 3), np.uint8)
    edge[:, :, 4:] = 255
    assert Bicubic()(edge, 2).shape == (1, 16, 16, 3)
    assert Bicubic()(edge, 2)[0, 0, :6].max() < 10


def test_what_is_no_picture_is_refused(network):
    for images, scale in (
        (np.zeros((1, 8, 8, 3), np.float32), 2),
        (np.zeros((8, 8, 3), np.uint8), 2),
        (np.zeros((1, 8, 8, 4), np.uint8), 2),
        (np.zeros((1, 8, 8, 3), np.uint8), 8),
    ):
        for enlarger in (network, Bicubic()):
            with pytest.raises(UsageError):
                enlarger(images, scale)
    with pytest.raises(UsageError):
        enlarge(np.zeros((8, 8, 3), np.uint8), network, 2, tile=0)
