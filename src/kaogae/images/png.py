"""The parts of PNG that Pillow loses: what a file says about its pixels, and 16 bits per channel."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ABOUT_THE_PIXELS = frozenset(b"cICP iCCP sRGB gAMA cHRM sBIT mDCV cLLI pHYs eXIf tEXt zTXt iTXt tIME".split())
"""Chunks that stay true after an edit. All may stand directly behind the header."""

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and whole bytes (with length and checksum) of each chunk; stops where the file is cut off."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at:end]
        at = end


def is_deep(data: bytes) -> bool:
    """Whether these are the bytes of a PNG with 16 bits per channel."""
    return data.startswith(SIGNATURE) and data[12:16] == b"IHDR" and data[24:25] == b"\x10"


def about_the_pixels(data: bytes) -> bytes:
    """The chunks of a PNG file that an edited copy keeps: profile, orientation, text, resolution."""
    # A colour that stands for transparency isn't lost by Pillow, except together with the 16 bits
    kept = ABOUT_THE_PIXELS | {b"tRNS"} if is_deep(data) else ABOUT_THE_PIXELS
    return b"".join(whole for name, whole in chunks(data) if name in kept)


def with_about(encoded: bytes, about: bytes) -> bytes:
    """The PNG file `encoded` with the chunks `about` in place of its own ones of those kinds."""
    parts = [whole for name, whole in chunks(encoded) if name not in ABOUT_THE_PIXELS]
    return b"".join([SIGNATURE, parts[0], about, *parts[1:]])


def encode_deep(pixels: NDArray[np.uint16]) -> bytes:
    """A 16-bit PNG file of grey, grey and alpha, RGB or RGBA pixels [H, W] or [H, W, 2 to 4]."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = (
        2  # "up": each byte minus the one above it, which packs far better than the bytes themselves
    )
    filtered[0, 1:], filtered[1:, 1:] = rows[0], rows[1:] - rows[:-1]
    header = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[channels], 0, 0, 0)
    body = zlib.compress(filtered.tobytes(), 6)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
