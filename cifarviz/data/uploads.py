"""Decoding uploaded files to RGB pixels, or refusing them with a message."""

from pathlib import Path

from cifarviz.data.decoder_process import decode_in_process
from cifarviz.data.image_pixels import UploadedImage as UploadedImage
from cifarviz.errors import ImageUnreadable
from cifarviz.image_structure import MAX_PIXELS as MAX_PIXELS

MAX_BYTES = 50_000_000


def decode(data: bytes, filename: str) -> UploadedImage:
    """Decode PNG, JPEG, WebP, BMP or GIF bytes of any mode and size up to 50 megapixels.

    16-bit values are scaled to 8 bits, CMYK becomes RGB, transparency becomes white, only the
    first frame of an animation is used, and a photo is rotated by its EXIF data; each adds a note.
    Raises ``ImageUnreadable``, with a message that names the file, for anything else and for a
    file that takes too much time or memory.
    """
    name = _short_name(filename)
    if not data:
        raise ImageUnreadable("“{name}” is empty. Choose an image file.", name=name)
    if len(data) > MAX_BYTES:
        raise ImageUnreadable(
            "“{name}” has {size:,.0f} MB, and the limit is {max_bytes:,.0f} MB. Make it smaller "
            "first.",
            name=name,
            size=len(data) / 1e6,
            max_bytes=MAX_BYTES / 1e6,
        )
    return decode_in_process(data, name)


def decode_file(path: Path) -> UploadedImage:
    """Read an image file and decode it as ``decode`` does; raises ``ImageUnreadable``."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ImageUnreadable(
            "{path} cannot be opened: {reason}.", path=path, reason=reason
        ) from error
    return decode(data, path.name)


def _short_name(filename: str) -> str:
    """Return the last part of a file name, without control characters, at most 80 characters."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in name if character.isprintable()) or "the file"
    return name if len(name) <= 80 else f"{name[:60]}…{name[-15:]}"
