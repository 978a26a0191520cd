"""Drawings become pictures: layers are put on one transparent canvas."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image

from kaogae.collect.renpy_places import Drawing, File, Number, Place, Stack, UnclearError, files
from kaogae.images import Picture

CANVAS_LIMIT = 40_000_000
"""Most pixels of a canvas, and of a layer."""

WORK_LIMIT = 400_000_000
"""Most pixels of all layers and canvases of one picture."""

KEPT = 60_000_000
"""Pixels of layers that are kept for the next picture: a body has many faces."""

Spot = tuple[int, int]


class Canvas:
    """Draws the pictures of one project."""

    def __init__(self, read: Callable[[str], Picture]) -> None:
        """`read`: gives the picture in a file; its errors are passed on."""
        self._read = read
        self._layers: dict[str, Image.Image] = {}
        self._work = 0

    def png(self, drawing: Drawing) -> bytes:
        """The drawing as a PNG with transparency.

        Raises:
            UnclearError: nothing is seen, or it is too large.
            PictureError: a layer's file can't be read.
        """
        self._work = 0
        image, _ = self._draw(drawing)
        if image.getbbox() is None:
            raise UnclearError("nothing is seen")
        data = BytesIO()
        image.save(data, "PNG", compress_level=4)
        return data.getvalue()

    def _draw(self, drawing: Drawing) -> tuple[Image.Image, Spot]:
        """The drawing as RGBA, and where its left upper corner lies."""
        if isinstance(drawing, File):
            return self._layer(drawing.path), (0, 0)
        drawn = [(place, *self._changed(place, layer)) for place, layer in drawing.layers if files(layer)]
        sizes = [image.size for _, image, _ in drawn]
        whole = (max((w for w, _ in sizes), default=0), max((h for _, h in sizes), default=0))
        if drawing.size is not None:
            whole = (_pixels(drawing.size[0], whole[0]), _pixels(drawing.size[1], whole[1]))
        spots = [_spot(place, image, origin, whole) for place, image, origin in drawn]
        left = top = 0
        right, bottom = whole
        if drawing.size is None and drawn:
            left, top = min(x for x, _ in spots), min(y for _, y in spots)
            right = max(x + w for (x, _), (w, _) in zip(spots, sizes, strict=True))
            bottom = max(y + h for (_, y), (_, h) in zip(spots, sizes, strict=True))
        self._count(right - left, bottom - top)
        canvas = Image.new("RGBA", (right - left, bottom - top))
        for (_, image, _), (x, y) in zip(drawn, spots, strict=True):
            _lay(canvas, image, x - left, y - top)
        return canvas, (left, top)

    def _changed(self, place: Place, drawing: Drawing) -> tuple[Image.Image, Spot]:
        """The drawing cut, stretched, mirrored and faded as `place` says."""
        image, (x, y) = self._draw(drawing)
        if place.crop is not None:
            left, top, width, height = (
                _pixels(value, image.size[axis % 2]) for axis, value in enumerate(place.crop)
            )
            self._count(width, height)
            image, (x, y) = image.crop((left, top, left + width, top + height)), (0, 0)
        width, height = place.size or image.size
        width = round(_pixels(width, image.width) * abs(place.x_zoom))
        height = round(_pixels(height, image.height) * abs(place.y_zoom))
        if (width, height) != image.size:
            self._count(width, height)
            across, down = width / max(1, image.width), height / max(1, image.height)
            image = image.resize((width, height), Image.Resampling.LANCZOS)
            x, y = round(x * across), round(y * down)
        if place.x_zoom < 0:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if place.y_zoom < 0:
            image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        if place.alpha < 1:
            image = image.copy()
            image.putalpha(image.getchannel("A").point([round(value * place.alpha) for value in range(256)]))
        return image, (x, y)

    def _count(self, width: int, height: int) -> None:
        self._work += max(0, width) * max(0, height)
        if width < 1 or height < 1 or width * height > CANVAS_LIMIT or self._work > WORK_LIMIT:
            raise UnclearError("a senseless size")

    def _layer(self, path: str) -> Image.Image:
        if path not in self._layers:
            picture = self._read(path)
            alpha = (
                np.full(picture.pixels.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
            )
            self._layers[path] = Image.fromarray(np.dstack([picture.pixels, alpha]))
        image = self._layers.pop(path)
        self._count(*image.size)
        self._layers[path] = image  # the latest is the last
        while sum(kept.width * kept.height for kept in self._layers.values()) > KEPT:
            del self._layers[next(iter(self._layers))]
        return image


def _spot(place: Place, image: Image.Image, origin: Spot, whole: Spot) -> Spot:
    x = _pixels(place.x, whole[0]) - _pixels(place.x_anchor, image.width) + place.x_offset + origin[0]
    y = _pixels(place.y, whole[1]) - _pixels(place.y_anchor, image.height) + place.y_offset + origin[1]
    return round(x), round(y)


def _pixels(value: Number, whole: int) -> int:
    """Whole numbers are pixels, fractions are shares, as in Ren'Py."""
    return round(value * whole) if isinstance(value, float) else value


def _lay(canvas: Image.Image, image: Image.Image, x: int, y: int) -> None:
    """Put `image` on the canvas; what stands over its edges is cut off."""
    left, top = max(0, -x), max(0, -y)
    right, bottom = min(image.width, canvas.width - x), min(image.height, canvas.height - y)
    if left < right and top < bottom:
        canvas.alpha_composite(image, (x + left, y + top), (left, top, right, bottom))


def is_stacked(drawing: Drawing) -> bool:
    """Whether it takes more than one file."""
    while isinstance(drawing, Stack) and len(drawing.layers) == 1:
        drawing = drawing.layers[0][1]
    return isinstance(drawing, Stack)
