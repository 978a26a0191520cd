"""Pictures in and out: what an edit may change, and what it must not."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from PIL import Image

from kaogae.errors import PictureError, UsageError
from kaogae.images import Picture, from_network, locate, read_picture, save_picture, to_network

BOX = np.s_[10:20, 12:30]
"""The part of every test picture that is edited."""


def colourful(mode: str, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A picture with a gradient and, where the mode has alpha, a transparent corner."""
    y, x = np.mgrid[: size[1], : size[0]]
    pixels = np.dstack([x * 5 % 256, y * 6 % 256, (x + y) * 2 % 256, np.where(x + y < 15, 0, 255)])
    image = Image.fromarray(pixels.astype(np.uint8))
    return image if mode == "RGBA" else image.convert(mode)


def edit(picture: Picture) -> Picture:
    pixels = picture.pixels.copy()
    pixels[BOX] = (200, 60, 90)
    return picture.edited(pixels)


def outside(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    values[BOX] = 0
    return values


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("RGB", ".png"),
        ("RGBA", ".png"),
        ("L", ".png"),
        ("LA", ".png"),
        ("P", ".png"),
        ("1", ".png"),
        ("RGBA", ".webp"),
        ("RGB", ".webp"),
        ("P", ".gif"),
        ("RGB", ".bmp"),
        ("CMYK", ".tif"),
        ("RGB", ".tiff"),
        ("L", ".tif"),
    ],
)
def test_an_edit_changes_only_the_edited_pixels(tmp_path: Path, mode: str, suffix: str) -> None:
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    save = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    colourful(mode).save(source, **save)
    save_picture(edit(read_picture(source)), target)
    before, after = Image.open(source), Image.open(target)
    assert (after.mode, after.size, after.format) == (before.mode, before.size, before.format)
    rgba = [np.array(image.convert("RGBA")) for image in (before, after)]
    np.testing.assert_array_equal(*map(outside, rgba))
    np.testing.assert_array_equal(rgba[0][..., 3], rgba[1][..., 3])
    assert (rgba[0][BOX] != rgba[1][BOX]).any()
    if mode in ("RGB", "RGBA"):
        assert (rgba[1][BOX][..., :3] == (200, 60, 90)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_a_turned_picture_is_upright_to_edit_and_stays_turned_in_the_file(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    colourful("RGB").save(source, exif=exif, lossless=True)
    picture = read_picture(source)
    with Image.open(source) as image:
        from PIL import ImageOps

        np.testing.assert_array_equal(picture.pixels, np.array(ImageOps.exif_transpose(image)))
    save_picture(edit(picture), target)
    with Image.open(target) as image:
        assert image.getexif()[0x0112] == orientation
        assert image.size == (48, 40)
    again = read_picture(target)
    np.testing.assert_array_equal(outside(again.pixels), outside(picture.pixels))
    assert (again.pixels[BOX] == (200, 60, 90)).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_the_colour_profile_is_kept(tmp_path: Path, suffix: str) -> None:
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    colourful("RGB").save(source, icc_profile=b"a profile" * 20)
    save_picture(edit(read_picture(source)), target)
    assert Image.open(target).info["icc_profile"] == b"a profile" * 20


def test_a_png_keeps_its_resolution_gamma_and_text(tmp_path: Path) -> None:
    from PIL import PngImagePlugin

    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "someone")
    text.add(b"gAMA", struct.pack(">I", 45455))
    colourful("P").save(tmp_path / "in.png", pnginfo=text, dpi=(300, 300))
    save_picture(edit(read_picture(tmp_path / "in.png")), tmp_path / "out.png")
    info = Image.open(tmp_path / "out.png").info
    assert info["Author"] == "someone"
    assert info["gamma"] == pytest.approx(0.45455)
    assert info["dpi"][0] == pytest.approx(300, abs=0.1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path, channels: int) -> None:
    from kaogae.images.png import encode_deep

    values = np.random.default_rng(0).integers(0, 65536, (40, 48, channels)).astype(np.uint16)
    values = values[..., 0] if channels == 1 else values
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(encode_deep(values))
    picture = read_picture(source)
    assert np.abs(picture.pixels[..., 0] - values.reshape(40, 48, -1)[..., 0] / 257).max() <= 0.5
    save_picture(edit(picture), target)
    assert target.read_bytes()[24:26] == source.read_bytes()[24:26]  # bit depth and colour type
    deep = read_picture(target).deep
    assert deep is not None
    np.testing.assert_array_equal(outside(deep), outside(values))
    assert (deep[BOX] != values[BOX]).any()
    if channels == 3:
        np.testing.assert_array_equal(cv2.imread(str(target), cv2.IMREAD_UNCHANGED)[..., ::-1], deep)
        assert np.abs(deep[BOX] / 257 - (200, 60, 90)).max() <= 1


def test_sixteen_bits_are_not_lost_without_a_word(tmp_path: Path) -> None:
    picture = Picture.of(Image.fromarray(np.full((8, 8), 40000, np.uint16)))
    assert picture.deep is not None
    with pytest.raises(UsageError, match="16 bits"):
        save_picture(picture, tmp_path / "out.jpg")


def test_a_palette_keeps_its_entries_and_takes_new_colours_into_free_ones(tmp_path: Path) -> None:
    image = colourful("RGB").quantize(16)
    image.save(tmp_path / "in.png", transparency=3)
    picture = read_picture(tmp_path / "in.png")
    after = edit(picture)
    assert after.stored.getpalette()[:48] == picture.stored.getpalette()[:48]
    opaque = picture.alpha[BOX] == 255
    assert (after.pixels[BOX][opaque] == (200, 60, 90)).all()
    np.testing.assert_array_equal(after.alpha, picture.alpha)


def test_a_full_palette_takes_the_nearest_colour() -> None:
    image = colourful("RGB").quantize(256)
    assert len(image.getcolors()) == 256
    after = edit(Picture.of(image))
    nearest = np.abs(np.array(image.getpalette()).reshape(-1, 3) - (200, 60, 90)).sum(1).min()
    assert np.abs(after.pixels[BOX].astype(int) - (200, 60, 90)).sum(-1).max() <= 2 * nearest


def test_the_colour_that_means_transparent_is_never_painted(tmp_path: Path) -> None:
    colourful("RGB").save(tmp_path / "in.png", transparency=(200, 60, 90))
    save_picture(edit(read_picture(tmp_path / "in.png")), tmp_path / "out.png")
    alpha = read_picture(tmp_path / "out.png").alpha
    assert alpha is not None
    assert (alpha == 255).all()


def test_cmyk_keeps_its_black_ink() -> None:
    picture = Picture.of(Image.merge("CMYK", [Image.new("L", (40, 40), ink) for ink in (10, 20, 30, 40)]))
    after = edit(picture)
    assert np.abs(after.pixels[BOX].astype(int) - (200, 60, 90)).max() <= 1
    assert (np.array(after.stored)[..., 3] == 40).all()


def test_a_jpeg_is_written_with_the_tables_it_came_with(tmp_path: Path) -> None:
    colourful("RGB").save(tmp_path / "in.jpg", quality=83, subsampling="4:2:2", progressive=True)
    save_picture(edit(read_picture(tmp_path / "in.jpg")), tmp_path / "out.jpg")
    before, after = Image.open(tmp_path / "in.jpg"), Image.open(tmp_path / "out.jpg")
    assert after.quantization == before.quantization
    assert read_picture(tmp_path / "out.jpg").encoding == read_picture(tmp_path / "in.jpg").encoding


def test_alpha_in_a_jpeg_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"transparency: write to \.png"):
        save_picture(Picture.of(colourful("RGBA")), tmp_path / "out.jpg")
    assert list(tmp_path.iterdir()) == []


def test_arrays_are_taken_in_the_shapes_that_mean_a_picture() -> None:
    assert Picture.of(np.zeros((4, 6), np.uint8)).pixels.shape == (4, 6, 3)
    assert Picture.of(np.zeros((4, 6, 4), np.uint8)).alpha is not None
    with pytest.raises(PictureError, match="uint8"):
        Picture.of(np.zeros((4, 6, 3), np.float32))
    with pytest.raises(PictureError, match=r"F can't be edited"):
        Picture.of(Image.new("F", (3, 3)))


def test_over_shows_the_background_where_the_picture_is_transparent() -> None:
    picture = Picture.of(colourful("RGBA"))
    assert (picture.over(77)[0, 0] == 77).all()
    assert (picture.over(77)[-1, -1] == picture.pixels[-1, -1]).all()


def test_a_profile_that_unpacks_to_a_bomb_is_refused(tmp_path: Path) -> None:
    file = BytesIO()
    colourful("RGB").save(file, "PNG")
    body = b"p\0\0" + zlib.compress(bytes(80_000_000))
    chunk = struct.pack(">I", len(body)) + b"iCCP" + body + struct.pack(">I", zlib.crc32(b"iCCP" + body))
    data = file.getvalue()
    (tmp_path / "bomb.png").write_bytes(data[:33] + chunk + data[33:])
    with pytest.raises(PictureError, match="damaged"):
        read_picture(tmp_path / "bomb.png")


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    colourful("RGB").save(tmp_path / "in.png")
    with pytest.raises(PictureError, match="larger than the limit"):
        read_picture(tmp_path / "in.png", file_limit=100)


@settings(max_examples=25, deadline=None)
@given(arrays(np.uint8, (2, 5, 4, 3)))
def test_pixels_survive_the_way_into_the_network_and_back(pixels: np.ndarray) -> None:
    values = to_network(pixels)
    assert values.shape == (2, 3, 5, 4)
    assert values.dtype == np.float32
    assert np.abs(values).max() <= 1
    np.testing.assert_array_equal(from_network(values), pixels)


@pytest.mark.parametrize(
    "file",
    [
        "../out.png",
        "/etc/passwd",
        "a/../../out.png",
        "C:\\x.png",
        "..\\x.png",
        "a\0.png",
        "link.png",
        "up/out.png",
    ],
)
def test_a_name_from_outside_leads_nowhere_else(tmp_path, file):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "out.png").write_bytes(b"secret")
    (folder / "link.png").symlink_to(tmp_path / "out.png")
    (folder / "up").symlink_to(tmp_path)
    with pytest.raises(PictureError, match="leads outside") as raised:
        locate(folder, file)
    assert raised.value.reason == "outside the folder"


@pytest.mark.parametrize("file", [None, "", "gone.png", ".", "circle", "x" * 5000])
def test_a_name_from_outside_without_a_file_is_told(tmp_path, file):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(PictureError) as raised:
        locate(tmp_path, file)
    assert raised.value.reason == "no file"
    (tmp_path / "here.png").write_bytes(b"")
    assert locate(tmp_path, "here.png") == tmp_path / "here.png"
