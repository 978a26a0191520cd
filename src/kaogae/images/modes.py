"""Putting changed RGB pixels into a picture of any colour mode, and leaving all others as they are."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
EDITABLE = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_WITHOUT_ALPHA = {"LA": "L", "RGBA": "RGB", "RGBX": "RGB"}


def put(stored: Image.Image, pixels: Pixels, changed: NDArray[np.bool_]) -> Image.Image:
    """A copy of `stored` whose `changed` pixels show the colours of `pixels`.

    Args:
        stored: in one of the modes `EDITABLE`; keeps its mode, alpha, palette entries in use and info.
        pixels: RGB [H, W, 3], as wanted.
        changed: [H, W]; elsewhere the stored values stay, bit by bit.
    """
    if stored.mode == "P":
        return _put_indexed(stored, pixels, changed)
    if stored.mode == "CMYK":
        return _put_inks(stored, pixels, changed)
    values = np.array(stored)
    plain = _WITHOUT_ALPHA.get(stored.mode, stored.mode)
    wanted = np.array(Image.fromarray(pixels).convert(plain, dither=Image.Dither.NONE))
    if "transparency" in stored.info and plain == stored.mode:
        _avoid(wanted, stored.info["transparency"])
    colours = values[..., 0] if stored.mode == "LA" else values[..., :3] if values.ndim == 3 else values
    colours[changed] = wanted[changed]
    return _like(stored, values)


def _like(stored: Image.Image, values: NDArray[np.generic]) -> Image.Image:
    if stored.mode == "1":
        image = Image.fromarray(values)
    else:
        image = Image.frombytes(stored.mode, stored.size, np.ascontiguousarray(values).tobytes())
    image.info = dict(stored.info)
    return image


def _avoid(wanted: NDArray[np.generic], key: object) -> None:
    """Change `wanted` where it happens to be the colour that stands for transparency, in place."""
    if wanted.dtype != np.uint8:
        return
    flat = wanted.reshape(*wanted.shape[:2], -1)
    flat[(flat == np.array(key)).all(-1), -1] ^= 1


def _put_inks(stored: Image.Image, pixels: Pixels, changed: NDArray[np.bool_]) -> Image.Image:
    """CMYK: black ink stays as far as the new colour allows, so that the separation stays what it was."""
    inks = np.array(stored)
    wanted = pixels[changed].astype(np.float32)
    white = np.maximum(255.0 - inks[changed][:, 3], wanted.max(axis=-1))  # what black leaves of the paper
    colour = 255 - 255 * wanted / np.maximum(white, 1)[:, None]
    inks[changed] = np.rint(np.column_stack([colour, 255 - white])).clip(0, 255).astype(np.uint8)
    return _like(stored, inks)


def _put_indexed(stored: Image.Image, pixels: Pixels, changed: NDArray[np.bool_]) -> Image.Image:
    """Palette: entries in use stay in place, new colours go into free ones, the rest to the nearest.

    Pixels that aren't opaque stay as they are.
    """
    indices, opaque = np.array(stored), _opaque_entries(stored)
    palette = np.zeros((256, 3), np.uint8)
    entries = np.array(stored.getpalette("RGB"), np.uint8).reshape(-1, 3)
    palette[: len(entries)] = entries
    used = (np.bincount(indices.ravel(), minlength=256) > 0) | ~opaque
    changed = changed & opaque[indices]
    if not changed.any():
        return stored
    wanted, which = np.unique(pixels[changed], axis=0, return_inverse=True)
    free = np.flatnonzero(~used)
    new = wanted if len(wanted) <= len(free) else _fewer_colours(pixels[changed], len(free))
    palette[free[: len(new)]] = new
    candidates = np.concatenate([np.flatnonzero(used & opaque), free[: len(new)]])
    indices[changed] = candidates[_nearest(wanted, palette[candidates])][which.ravel()]
    image = _like(stored, indices)
    image.putpalette(palette[: max(len(entries), int(indices.max()) + 1)].tobytes())
    image.info = dict(stored.info)
    return image


def _opaque_entries(stored: Image.Image) -> NDArray[np.bool_]:
    """[256]: which palette entries hide what is behind them."""
    opaque = np.ones(256, bool)
    transparency = stored.info.get("transparency")
    if isinstance(transparency, int):
        opaque[transparency] = False
    elif isinstance(transparency, bytes):
        opaque[: len(transparency)] = np.frombuffer(transparency, np.uint8) == 255
    return opaque


def _fewer_colours(colours: Pixels, count: int) -> Pixels:
    """At most `count` colours that stand for `colours` [n, 3]."""
    if count == 0:
        return colours[:0]
    strip = Image.fromarray(colours[None]).quantize(count, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return np.array(strip.getpalette("RGB"), np.uint8).reshape(-1, 3)[:count]


def _nearest(colours: Pixels, palette: Pixels) -> NDArray[np.intp]:
    """For each of `colours` [n, 3] the index of the nearest in `palette` [m, 3]."""
    columns = palette.astype(np.float32).T
    lengths = (columns**2).sum(axis=0)
    blocks = np.array_split(colours.astype(np.float32), len(colours) // 4096 + 1)
    return np.concatenate([(lengths - 2 * block @ columns).argmin(axis=1) for block in blocks])
