import numpy as np

from kaogae.atelier.render import over, rasterise

SQUARE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 2"><path d="M0 0H2V2H0Z" fill="#ff8000"/></svg>'
)


def test_colours_are_rgba_and_the_rest_is_clear():
    pixels = rasterise(SQUARE, 40, 20)
    assert pixels.shape == (20, 40, 4)
    assert pixels.dtype == np.uint8
    assert tuple(pixels[10, 5]) == (255, 128, 0, 255)
    assert pixels[10, 35, 3] == 0


def test_a_clear_picture_shows_what_is_behind():
    shown = over(rasterise(SQUARE, 40, 20), "#123456")
    assert tuple(shown[10, 35]) == (0x12, 0x34, 0x56)
    assert tuple(shown[10, 5]) == (255, 128, 0)
