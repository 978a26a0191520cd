"""Pictures in and out: every mode, orientation and bit depth, and limits on hostile files."""

from kaogae.images.files import (
    FILE_LIMIT,
    PIXEL_LIMIT,
    SUFFIXES,
    decode_picture,
    format_of,
    locate,
    read_bytes,
    read_picture,
    save_picture,
)
from kaogae.images.network import from_network, to_network
from kaogae.images.picture import Picture

__all__ = [
    "FILE_LIMIT",
    "PIXEL_LIMIT",
    "SUFFIXES",
    "Picture",
    "decode_picture",
    "format_of",
    "from_network",
    "locate",
    "read_bytes",
    "read_picture",
    "save_picture",
    "to_network",
]
