"""Reading and writing files, with limits on what a hostile one can do."""

import stat
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from PIL import Image, UnidentifiedImageError

from kaogae.errors import PictureError, UsageError
from kaogae.files import write_whole
from kaogae.images import png
from kaogae.images.picture import Picture, from_image

PIXEL_LIMIT = 80_000_000
"""Most pixels of a picture that is read: just below where Pillow begins to warn."""

FILE_LIMIT = 256 * 2**20
"""Most bytes of a file that is read."""

SUFFIXES = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
}
"""The formats that are read and written, each with its endings, the usual one first."""

_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
)


def read_picture(
    path: str | Path, *, pixel_limit: int = PIXEL_LIMIT, file_limit: int = FILE_LIMIT
) -> Picture:
    """Read a picture; of an animation, the first frame.

    The limits hold before anything is decoded: at most `file_limit` bytes and `pixel_limit` pixels.

    Raises:
        PictureError: missing, unreadable, damaged, not a picture, too large, or not editable.
    """
    path = Path(path)
    return decode_picture(read_bytes(path, file_limit), path, pixel_limit=pixel_limit)


def decode_picture(data: bytes, name: object, *, pixel_limit: int = PIXEL_LIMIT) -> Picture:
    """The picture that a file's content holds; see `read_picture`.

    Args:
        name: what messages call it.

    Raises:
        PictureError: empty, damaged, not a picture, too large, or not editable.
    """
    if not data:
        raise PictureError(f"{name} is empty.", "empty")
    try:
        # What Pillow merely warns of (odd EXIF, many pixels) is fine, or refused below
        with warnings.catch_warnings(action="ignore"):
            return _decode(name, data, pixel_limit)
    except Image.DecompressionBombError as error:
        raise PictureError(
            f"{name} claims to be enormous, as decompression bombs do; it wasn't decoded.", "too large"
        ) from error
    except UnidentifiedImageError as error:
        raise PictureError(
            f"{name} isn't a picture that Kaogae can read (PNG, JPEG, WebP, GIF, BMP, TIFF).", "not a picture"
        ) from error
    except PictureError as error:
        raise error if str(name) in str(error) else PictureError(f"{name}: {error}", error.reason) from error
    except (MemoryError, *_DAMAGED) as error:
        raise PictureError(f"{name} is damaged and can't be decoded ({error}).") from error


def save_picture(picture: Picture, path: str | Path) -> None:
    """Write `picture` in the format that the ending of `path` names: whole or not at all.

    WebP is written lossless, JPEG with the quantisation tables of the
    input if that was one.

    Raises:
        UsageError: no such format, or one that can't hold this mode or bit depth.
        PictureError: the file can't be written.
    """
    path = Path(path)
    write_whole(_encode(picture, format_of(path)), path, PictureError)


def format_of(path: Path) -> str:
    """The format that the ending of `path` names.

    Raises:
        UsageError: none that Kaogae writes.
    """
    for name, suffixes in SUFFIXES.items():
        if path.suffix.lower() in suffixes:
            return name
    known = ", ".join(suffixes[0] for suffixes in SUFFIXES.values())
    raise UsageError(f"{path} doesn't end in the name of a picture format: choose one of {known}.")


def _decode(name: object, data: bytes, pixel_limit: int) -> Picture:
    image = Image.open(BytesIO(data), formats=list(SUFFIXES))
    width, height = image.size
    if width * height > pixel_limit:
        raise PictureError(
            f"{name} has {width} × {height} pixels, more than the limit of {pixel_limit:,}; "
            "make it smaller first.",
            "too large",
        )
    image.load()  # pyright: ignore[reportUnknownMemberType]
    return from_image(image, data)


def locate(folder: Path, file: str | None) -> Path:
    """The file in `folder` that a row or a manifest calls `file`: strangers write those.

    Raises:
        PictureError: no name, an absolute one, one that leads outside (links included), or nothing is there.
    """
    if not file:
        raise PictureError("No file is named.", "no file")
    posix, windows = PurePosixPath(file), PureWindowsPath(file)
    outside = posix.is_absolute() or windows.drive or windows.root or ".." in windows.parts or "\0" in file
    path = folder / posix
    try:
        if outside or not path.resolve().is_relative_to(folder.resolve()):
            raise PictureError(f"{file!r} leads outside its folder; it wasn't read.", "outside the folder")
        if not path.is_file():
            raise PictureError(f"{path} is missing: bring it back.", "no file")
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        raise PictureError(f"{file!r} can't be a file in {folder}.", "no file") from error
    return path


def read_bytes(path: Path, limit: int = FILE_LIMIT) -> bytes:
    """The content of a picture's file.

    Raises:
        PictureError: missing, not a file, unreadable, empty, or more than `limit` bytes.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would block, a device never end
            raise PictureError(f"{path} isn't a file.", "no file")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PictureError(f"{path} can't be read: {reason}.", "no file") from error
    if not data:
        raise PictureError(f"{path} is empty.", "empty")
    if len(data) > limit:
        raise PictureError(
            f"{path} is larger than the limit of {limit / 2**20:g} MiB for one file.", "too large"
        )
    return data


def _encode(picture: Picture, name: str) -> bytes:
    """The bytes of a file in the format called `name`."""
    same = picture.format == name
    if picture.deep is not None and name == "PNG":
        return png.with_about(png.encode_deep(picture.deep), picture.about)
    if picture.deep is not None and not (name == "TIFF" and picture.deep.ndim == 2):
        raise UsageError(f"{name} files can't hold 16 bits per channel: write to .png.")
    image = picture.stored if picture.deep is None else Image.fromarray(picture.deep)
    if name not in ("PNG", "TIFF", "WEBP", "BMP") and "A" in image.getbands():
        raise UsageError(f"{name} files can't hold soft transparency: write to .png or .webp.")
    file = BytesIO()
    try:
        image.save(file, name, **_settings(picture, name))
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{name} files can't hold this picture ({error}): write to .png.") from error
    return png.with_about(file.getvalue(), picture.about) if same and name == "PNG" else file.getvalue()


def _settings(picture: Picture, name: str) -> dict[str, Any]:
    """What `Image.save` is told: what is known about the pixels, and as little loss as can be."""
    info = picture.stored.info
    settings: dict[str, Any] = {key: info[key] for key in ("icc_profile", "exif", "dpi") if key in info}
    if name in ("JPEG", "WEBP") and "xmp" in info:
        settings["xmp"] = info["xmp"]
    if name == "JPEG":
        settings |= picture.encoding or {"quality": 95, "subsampling": 0}
    if name == "WEBP":
        settings |= {"lossless": True, "exact": True}
    if name == "TIFF":
        kept = info.get("compression")
        settings["compression"] = kept if kept in ("raw", "tiff_lzw", "packbits") else "tiff_adobe_deflate"
    return settings
