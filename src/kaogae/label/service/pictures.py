"""Pictures of items: asked for by number, found by the catalogue, sent as WebP in a phone's size."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from anyio import to_thread
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from kaogae.atelier.expression import canonical
from kaogae.atelier.portrait import Portrait
from kaogae.catalog import Face, Item
from kaogae.errors import PictureError
from kaogae.expressions import Expression
from kaogae.images import decode_picture, locate, read_bytes

FILE_MOST, PIXELS_MOST = 32 * 2**20, 24_000_000
"""Of a picture that is shown: decoded, it takes some ten bytes per pixel."""
CACHE_MOST = 64 * 2**20
"""Bytes of encoded pictures that are kept."""
ENCODERS = 2
"""Pictures that are decoded at once."""
QUALITY = 88
BEHIND = 255
"""The grey behind transparent pictures."""
EXAMPLE_SEED, EXAMPLE_SIDE = 2, 320
"""The drawn character that shows what the expressions look like."""


class Encoded(NamedTuple):
    """A picture as it is sent."""

    data: bytes
    etag: str


class Source(NamedTuple):
    """A picture's file as it is now."""

    path: Path
    changed: int
    """Nanoseconds."""


class Pictures:
    """Encodes pictures, a few at once, and keeps what was asked for last."""

    def __init__(self, most: int = CACHE_MOST) -> None:
        """`most`: bytes that are kept."""
        self._most = most
        self._kept: OrderedDict[object, Encoded] = OrderedDict()
        self._bytes = 0
        self._turns = asyncio.Semaphore(ENCODERS)

    async def scaled(self, source: Source, size: int) -> Encoded:
        """The picture, its longer side at most `size` pixels.

        Raises:
            PictureError: missing, damaged, not a picture, or too large.
        """
        return await self._made((source, size), lambda: _scaled(source.path, size))

    async def example(self, expression: Expression) -> Encoded:
        """A drawn face with `expression`."""
        return await self._made(expression, lambda: _encode(_drawn(expression)))

    async def _made(self, key: object, make: Callable[[], bytes]) -> Encoded:
        if key not in self._kept:
            async with self._turns:
                if key not in self._kept:  # nobody made it meanwhile
                    self._keep(key, await to_thread.run_sync(make))
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(self, key: object, data: bytes) -> None:
        if key in self._kept:  # two made it at once
            return
        self._kept[key] = Encoded(data, f'"{hashlib.sha256(data).hexdigest()[:32]}"')
        self._bytes += len(data)
        while self._bytes > self._most and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.data)


def find(session: Session, folder: Path, item: int, campaigns: frozenset[int]) -> Source | None:
    """The file of an item's picture, the enhanced one if there is one; None: no such item in `campaigns`.

    Raises:
        PictureError: the file isn't there, or its name leads out of `folder`.
    """
    row = session.execute(
        select(Item.campaign_id, Item.file, Face.file.label("crop"), Face.enhanced_file)
        .outerjoin(Face, Face.id == Item.face_id)
        .where(Item.id == item)
    ).one_or_none()
    if row is None or row.campaign_id not in campaigns:
        return None
    reason = PictureError("The item has no picture.", "no file")
    for name in (row.enhanced_file, row.crop, row.file):
        if name:
            try:
                path = locate(folder, name)
                return Source(path, path.stat().st_mtime_ns)
            except (PictureError, OSError) as error:
                reason = error
    raise reason if isinstance(reason, PictureError) else PictureError(str(reason), "no file")


def _scaled(path: Path, size: int) -> bytes:
    picture = decode_picture(read_bytes(path, FILE_MOST), path, pixel_limit=PIXELS_MOST)
    return _encode(picture.over(BEHIND), size)


def _encode(pixels: NDArray[np.uint8], size: int = EXAMPLE_SIDE) -> bytes:
    """RGB [H, W, 3] as WebP; never enlarged."""
    image = Image.fromarray(pixels)
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    file = BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=4)
    return file.getvalue()


def _drawn(expression: Expression) -> NDArray[np.uint8]:
    return Portrait.from_seed(EXAMPLE_SEED, roughness=0).render(canonical(expression), EXAMPLE_SIDE)
