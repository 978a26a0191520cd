"""A picture that can be edited and still be what it was: size, mode, bit depth, alpha, orientation."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from kaogae.errors import PictureError
from kaogae.images import modes, png

Pixels = NDArray[np.uint8]
_ORIENTATION = 0x0112
_BITS_PER_SAMPLE = 258


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright view of a picture, and enough of the original to write an edited copy."""

    pixels: Pixels
    """RGB [H, W, 3], upright. Colours under full transparency are what the file holds."""
    alpha: Pixels | None
    """[H, W], 255 is opaque; None where the picture can't be transparent."""
    stored: Image.Image
    """As in the file: mode, palette, order of pixels, and Pillow's `info`."""
    deep: NDArray[np.uint16] | None = None
    """The 16-bit values [H, W] or [H, W, C] in stored order, for pictures that have them."""
    orientation: int = 1
    """The EXIF orientation by which the stored pixels are turned to stand upright: 1 to 8."""
    format: str | None = None
    """Pillow's name for the file format; None for a picture that didn't come from a file."""
    about: bytes = b""
    """Of a PNG: the chunks of text, profile, resolution and so on."""
    encoding: dict[str, Any] | None = None
    """Of a JPEG: its quantisation tables and subsampling, to be used again."""
    notes: tuple[str, ...] = ()
    """What a person should know: "animated: only the first frame is used"."""

    @classmethod
    def of(cls, image: "Picture | Image.Image | Pixels") -> "Picture":
        """A picture from what callers have: a Picture, a Pillow image, or a uint8 array
        [H, W], [H, W, 3] or [H, W, 4].

        Raises:
            PictureError: another dtype, shape or colour mode.
        """
        if isinstance(image, Picture):
            return image
        if isinstance(image, Image.Image):
            return from_image(image)
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,), (4,)):
            raise PictureError(
                f"An array of {image.dtype} {list(image.shape)} isn't a picture: give uint8 [H, W, 3] in RGB."
            )
        return from_image(Image.fromarray(image))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def over(self, grey: int) -> Pixels:
        """RGB [H, W, 3] upright, on a background of the given grey (0 to 255)."""
        if self.alpha is None:
            return self.pixels
        share = self.alpha[..., None].astype(np.float32) / 255
        return np.rint(self.pixels * share + grey * (1 - share)).astype(np.uint8)

    def edited(self, pixels: Pixels) -> "Picture":
        """A copy that shows `pixels` (RGB uint8 [H, W, 3], upright) where they differ from this picture's.

        Where they don't differ the stored values stay the same bit by bit. In modes that can't hold every
        colour (palette, grey, black and white, CMYK) the result's `pixels` are the nearest that they can.
        """
        changed = _as_stored((pixels != self.pixels).any(axis=-1), self.orientation)
        wanted = _as_stored(pixels, self.orientation)
        if self.deep is not None:
            before = _as_stored(self.pixels, self.orientation)
            deep = _shift_deep(self.deep, wanted.astype(np.int32) - before, changed)
            return replace(self, deep=deep, stored=_from_deep(deep, self.stored), pixels=pixels)
        stored = modes.put(self.stored, wanted, changed)
        return replace(self, stored=stored, pixels=_upright(_rgb(stored), self.orientation))


def from_image(image: Image.Image, data: bytes = b"") -> Picture:
    """A picture from a Pillow image and the bytes of the file that it came from, if it did.

    Raises:
        PictureError: a colour mode that can't be edited, or a bit depth that can't be kept.
    """
    animated = bool(getattr(image, "is_animated", False))
    notes = ("animated: only the first frame is used",) if animated else ()
    orientation = _orientation(image)
    deep = _deep_values(image, data)
    ours = image if data else image.copy()  # what was just decoded belongs to nobody else
    stored = ours if deep is None else _from_deep(deep, image)
    if stored.mode not in modes.EDITABLE:
        raise PictureError(f"The colour mode {image.mode} can't be edited: save the picture as RGB first.")
    alpha = np.array(stored.convert("RGBA").getchannel("A")) if stored.has_transparency_data else None
    return Picture(
        pixels=_upright(_rgb(stored), orientation),
        alpha=None if alpha is None else _upright(alpha, orientation),
        stored=stored,
        deep=deep,
        orientation=orientation,
        format="JPEG" if image.format == "MPO" else image.format,
        about=png.about_the_pixels(data) if data.startswith(png.SIGNATURE) else b"",
        encoding=_jpeg_encoding(image),
        notes=notes,
    )


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF doesn't make the picture unreadable
        return 1
    return value if value in range(1, 9) else 1


def _jpeg_encoding(image: Image.Image) -> dict[str, Any] | None:
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return None
    settings: dict[str, Any] = {"qtables": image.quantization, "progressive": "progressive" in image.info}
    sampling = JpegImagePlugin.get_sampling(image)
    return settings if sampling < 0 else {**settings, "subsampling": sampling}


def _rgb(stored: Image.Image) -> Pixels:
    # By way of RGBA, because a palette with transparency converts wrongly to RGB in one step
    image = stored.convert("RGBA") if stored.mode in ("P", "LA", "RGBA") else stored
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """[H, W, ...] as in the file to how it is looked at."""
    turned = np.swapaxes(stored, 0, 1) if orientation >= 5 else stored
    # After the swap (if any): which axes run backwards, by the EXIF table
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)


def _as_stored(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The opposite of `_upright`; only the two quarter turns aren't their own opposites."""
    return _upright(upright, {6: 8, 8: 6}.get(orientation, orientation))


def _deep_values(image: Image.Image, data: bytes) -> NDArray[np.uint16] | None:
    """The 16-bit values of a picture that has them: Pillow holds grey ones and halves the others."""
    if image.mode.startswith("I;16"):
        return np.array(image).astype(np.uint16)
    bits: tuple[int, ...] = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))
    if max(bits) > 8:
        raise PictureError(
            "TIFF with more than 8 bits per colour can't be kept: save it as 16-bit PNG first."
        )
    if not png.is_deep(data):
        return None
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16:
        raise PictureError("its 16-bit pixels can't be decoded.")
    # BGRA to RGBA; of grey with alpha OpenCV repeats the grey. Byte 25 of a PNG is its colour type
    order = {4: [0, 3], 2: [2, 1, 0]}.get(data[25], [2, 1, 0, 3])
    return np.take(values, order, axis=-1).astype(np.uint16)


def _from_deep(deep: NDArray[np.uint16], like: Image.Image) -> Image.Image:
    """The 8-bit image of 16-bit values, for looking at, with the info of `like`."""
    image = Image.fromarray(((deep.astype(np.uint32) + 128) // 257).astype(np.uint8))
    image.info = dict(like.info)
    return image


def _shift_deep(
    deep: NDArray[np.uint16], change: NDArray[np.int32], changed: NDArray[np.bool_]
) -> NDArray[np.uint16]:
    """`deep` with the 8-bit RGB `change` [H, W, 3] added at its own depth, so that finer steps survive."""
    colours = (
        deep[..., :3] if deep.ndim == 3 and deep.shape[2] >= 3 else deep.reshape(*deep.shape[:2], -1)[..., :1]
    )
    step = change if colours.shape[2] == 3 else np.rint(change @ [0.299, 0.587, 0.114])[..., None].astype(int)
    shifted = deep.copy().reshape(*deep.shape[:2], -1)
    shifted[changed, : colours.shape[2]] = (colours + 257 * step).clip(0, 65535)[changed]
    return shifted.reshape(deep.shape)
