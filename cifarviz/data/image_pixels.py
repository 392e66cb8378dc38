"""Decoding untrusted image files to RGB pixels, in the calling process.

Use ``cifarviz.data.uploads.decode``, which runs this in a process with limits.
"""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile as PillowImageFile

from cifarviz.data.picture_notes import PictureChange
from cifarviz.errors import ImageUnreadable
from cifarviz.image_structure import (
    MAX_PIXELS,
    ImageFile,
    StructureError,
    describe_other,
    read_structure,
)

ACCEPTED: Final = "PNG, JPEG, WebP, BMP or GIF"

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TRANSPOSED: Final = range(5, 9)
# A network's input is far smaller. More pixels would only take memory of the program.
_MAX_RGB_PIXELS: Final = 16_000_000
# Images are converted in strips of about this many pixels: full copies take 200 MB each.
_STRIP_PIXELS: Final = 250_000
# 65535 becomes 255 (Pillow's conversion would clip all values above 255 to white).
_EIGHT_BITS: Final = ((np.arange(65_536) + 128) // 257).astype(np.uint8)


_READERS: Final[dict[str, type[PillowImageFile]]] = {
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}


@dataclass(frozen=True, eq=False)
class UploadedImage:
    """A decoded image.

    ``rgb`` uint8 (height, width, 3), read-only, upright, of ``reduced_size``; ``width`` and
    ``height`` are those of the file, upright; ``notes``: each change made to it; ``format`` and
    ``mode`` of the file (Pillow's names).
    """

    rgb: npt.NDArray[np.uint8]
    notes: tuple[PictureChange, ...]
    width: int
    height: int
    format: str
    mode: str


def read_image(data: bytes, name: str) -> UploadedImage:
    """Decode an image file as ``cifarviz.data.uploads.decode`` does.

    Raises ``ImageUnreadable`` with a message that names the file.
    """
    try:
        return _read_image(data, name)
    except MemoryError as error:
        raise ImageUnreadable(
            "Decoding “{name}” needs more memory than an image of its size should. Save it again "
            "as a plain PNG or JPEG image.",
            name=name,
        ) from error


def _read_image(data: bytes, name: str) -> UploadedImage:
    try:
        file = read_structure(data)
    except StructureError as error:
        raise ImageUnreadable("“{name}” {error}", name=name, error=error) from error
    if file is None:
        raise _not_an_accepted_image(data, name)
    _check_size(name, file.width, file.height)
    form = "WebP" if file.format == "WEBP" else file.format
    notes: list[PictureChange] = []
    try:
        opened = _open(file)
        width, height = opened.size
        _check_size(name, width, height)
        mode = opened.mode
        if file.animated:
            notes.append(PictureChange.FIRST_FRAME)
        rgb = _apply_orientation(_to_rgb(file, _load(opened), notes), file.orientation, notes)
    except (ImageUnreadable, MemoryError):
        raise
    except Exception as error:  # decoders of untrusted bytes fail in any way
        raise ImageUnreadable(
            "“{name}” is truncated or damaged: it starts as a {form} image but cannot be read to "
            "its end.",
            name=name,
            form=form,
        ) from error
    rgb.flags.writeable = False
    if file.orientation in _TRANSPOSED:
        width, height = height, width
    return UploadedImage(rgb, tuple(notes), width, height, form, mode)


def reduced_size(width: int, height: int) -> tuple[int, int]:
    """Return the width and height to which an image of this size is reduced.

    They are divided by the smallest whole number that leaves at most 16 million pixels.
    """
    factor = _reduction(width, height)
    return -(-width // factor), -(-height // factor)


def _reduction(width: int, height: int) -> int:
    factor = 1
    while -(-width // factor) * -(-height // factor) > _MAX_RGB_PIXELS:
        factor += 1
    return factor


def _not_an_accepted_image(data: bytes, name: str) -> ImageUnreadable:
    kind = describe_other(data)
    return ImageUnreadable(
        "“{name}” is {kind}. Choose a {formats} image."
        if kind
        else "“{name}” is not a readable image. Choose a {formats} image.",
        name=name,
        kind=kind,
        formats=ACCEPTED,
    )


def _check_size(name: str, width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise ImageUnreadable("“{name}” has no pixels. Choose another image.", name=name)
    if width * height > MAX_PIXELS:
        raise ImageUnreadable(
            "“{name}” has {width:,} × {height:,} pixels, and the limit is {max_pixels} million "
            "pixels. Make it smaller first.",
            name=name,
            width=width,
            height=height,
            max_pixels=MAX_PIXELS // 1_000_000,
        )


def _open(file: ImageFile) -> PillowImageFile:
    return _READERS[file.format](io.BytesIO(file.data))


def _load(image: PillowImageFile) -> Image.Image:
    """Decode the pixels of an opened image."""
    if isinstance(image, WebPImagePlugin.WebPImageFile):
        pixels = image._get_next()[0]
        # Frees libwebp's two canvases. Its pixels are used as they are: a copy takes 200 MB.
        image._decoder = None
        return Image.frombuffer(image.rawmode, image.size, pixels, "raw", image.rawmode, 0, 1)
    width, height = image.size
    if _reduction(width, height) == 2:
        # A JPEG is then decoded at half its size, which averages; others have no such mode.
        image.draft(None, (width // 2, height // 2))
    image.load()
    return image


def _to_rgb(
    file: ImageFile, image: Image.Image, notes: list[PictureChange]
) -> npt.NDArray[np.uint8]:
    """Convert a decoded image to uint8 (height, width, 3) of ``reduced_size``.

    Squares of pixels are averaged; transparency becomes white.
    """
    if image.mode == "I;16":
        notes.append(PictureChange.GREY_16_BIT)
    elif file.depth == 16:
        notes.append(PictureChange.COLOR_16_BIT)
    has_alpha = image.has_transparency_data
    if image.mode == "CMYK":
        notes.append(PictureChange.CMYK)
    elif image.mode in ("1", "L") and not (has_alpha or file.clear):
        notes.append(PictureChange.BLACK_AND_WHITE)
    elif image.mode == "P" and not has_alpha:
        notes.append(PictureChange.PALETTE)
    has_low_bytes = bool(file.clear) and file.depth == 16 and image.mode == "RGB"
    low_bytes = _low_bytes(file) if has_low_bytes else None
    transparent = False
    factor = _reduction(*image.size)
    width, height = reduced_size(*image.size)
    rgb = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIP_PIXELS // (image.width * factor))
    for row in range(0, height, rows):
        box = (0, row * factor, image.width, min((row + rows) * factor, image.height))
        part = image.crop(box)
        if has_alpha:
            strip, is_transparent = _blend_with_white(part)
        else:
            strip, is_transparent = _to_grey_or_rgb(part), False
        if file.clear:
            low = low_bytes.crop(box) if low_bytes else None
            strip, is_transparent = _fill_clear(file, part, strip, low)
        transparent = transparent or is_transparent
        pixels = np.asarray(strip.reduce(factor) if factor > 1 else strip)
        rgb[row : row + rows] = pixels if pixels.ndim == 3 else pixels[..., np.newaxis]
    if transparent:
        notes.append(PictureChange.TRANSPARENT)
    return rgb


def _to_grey_or_rgb(part: Image.Image) -> Image.Image:
    if part.mode == "I;16":
        return Image.fromarray(_EIGHT_BITS[np.asarray(part)])
    mode = "L" if part.mode in ("1", "L") else "RGB"
    return part if part.mode == mode else part.convert(mode)


def _blend_with_white(part: Image.Image) -> tuple[Image.Image, bool]:
    """Return a part as RGB, and whether any of it is transparent."""
    with_alpha = part.convert("RGBA")
    if with_alpha.getchannel("A").getextrema() == (255, 255):
        return with_alpha.convert("RGB"), False
    white = Image.new("RGBA", with_alpha.size, "white")
    return Image.alpha_composite(white, with_alpha).convert("RGB"), True


def _fill_clear(
    file: ImageFile, part: Image.Image, strip: Image.Image, low_bytes: Image.Image | None
) -> tuple[Image.Image, bool]:
    """Make the pixels white that have the transparent color of a PNG.

    ``part`` is as decoded, ``strip`` the same in grey or RGB. Returns it, and whether there are
    such pixels.
    """
    samples = np.array(file.clear)
    if part.mode == "I;16":
        clear = np.asarray(part) == samples
    elif low_bytes:
        clear = _has_color(strip, samples >> 8) & _has_color(low_bytes, samples & 255)
    else:
        # Pillow scales samples of 1, 2 and 4 bits to 8.
        clear = _has_color(strip, samples * (255 // ((1 << file.depth) - 1)))
    if not clear.any():
        return strip, False
    strip.paste("white", mask=Image.fromarray(clear))
    return strip, True


def _has_color(image: Image.Image, color: npt.NDArray[np.int_]) -> npt.NDArray[np.bool_]:
    """Return where an image in grey or RGB has this color: (height, width)."""
    if image.mode == "L":
        return np.asarray(image) == color
    # A pixel is compared as one number: three comparisons take three times as long.
    pixels = np.asarray(image.convert("RGBA")).view(np.uint32)[..., 0]
    return pixels == np.array([*color, 255], np.uint8).view(np.uint32)


def _low_bytes(file: ImageFile) -> Image.Image:
    """Decode the low bytes of 16-bit colours as an 8-bit image."""
    image = _open(file)
    image.tile = [image.tile[0]._replace(args="RGB;16L")]
    image.load()
    return image


def _apply_orientation(
    rgb: npt.NDArray[np.uint8], orientation: int | None, notes: list[PictureChange]
) -> npt.NDArray[np.uint8]:
    if orientation is None:
        notes.append(PictureChange.EXIF_DAMAGED)
        return rgb
    if orientation not in _TURNS:
        return rgb
    notes.append(PictureChange.TURNED)
    return np.array(Image.fromarray(rgb).transpose(_TURNS[orientation]))
