import random
import re
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaogae.atelier.palette import Palette, hsl, mix, multiply, shift

colours = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


@given(colours)
def test_no_shift_is_no_change(colour: str):
    again = shift(colour)
    assert all(abs(int(again[i : i + 2], 16) - int(colour[i : i + 2], 16)) <= 1 for i in (1, 3, 5))


@given(colours, colours)
def test_mixing_runs_from_the_first_to_the_second(first: str, second: str):
    assert mix(first, second, 0.0) == first
    assert mix(first, second, 1.0) == second


@given(colours)
def test_white_multiplies_to_the_colour_itself(colour: str):
    assert multiply(colour, "#ffffff") == colour


@pytest.mark.parametrize(("saturation", "lightness"), [(2.0, 0.5), (-1.0, 0.5), (0.5, 3.0), (0.5, -1.0)])
def test_what_is_out_of_range_is_clipped(saturation: float, lightness: float):
    assert re.fullmatch("#[0-9a-f]{6}", hsl(0.3, saturation, lightness))


def test_palettes_are_colours_and_differ():
    palettes = [Palette.sample(random.Random(seed)) for seed in range(50)]
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for palette in palettes for colour in astuple(palette))
    assert len({palette.hair for palette in palettes}) == 50


def test_the_same_dice_give_the_same_palette():
    assert Palette.sample(random.Random(3)) == Palette.sample(random.Random(3))
