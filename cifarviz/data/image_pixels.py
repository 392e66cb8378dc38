"""Decoding untrusted image files to RGB pixels, in the calling process.

Use ``cifarviz.data.uploads.decode``, which runs this in a process with limits.
"""

import io
from collections.abc import Callable, Iterator
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
# A network's input is far smaller. More pixels would only take memory of the program.
_MAX_RGB_PIXELS: Final = 16_000_000
# Images are converted in strips of about this many pixels: full copies take 200 MB each.
_STRIP_PIXELS: Final = 1_000_000
# 65535 becomes 255 (Pillow's conversion would clip all values above 255 to white).
_EIGHT_BITS: Final = ((np.arange(65_536) + 128) // 257).astype(np.uint8)


class _WebPFile(WebPImagePlugin.WebPImageFile):
    """Pillow's WebP reader that frees libwebp's two canvases before converting the pixels."""

    def load_prepare(self) -> None:
        self._decoder = None
        super().load_prepare()


_READERS: Final[dict[str, type[PillowImageFile]]] = {
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": _WebPFile,
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
        image = _open(file)
        _check_size(name, *image.size)
        mode = image.mode
        if file.animated:
            notes.append(PictureChange.FIRST_FRAME)
        image.load()
        rgb = _to_rgb(file, _apply_orientation(image, file.orientation, notes), notes)
    except (ImageUnreadable, MemoryError):
        raise
    except Exception as error:  # decoders of untrusted bytes fail in any way
        raise ImageUnreadable(
            "“{name}” is truncated or damaged: it starts as a {form} image but cannot be read to "
            "its end.",
            name=name,
            form=form,
        ) from error
    height, width, _ = rgb.shape
    rgb = _reduce(rgb)
    rgb.flags.writeable = False
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


def _reduce(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Average squares of pixels until the image has ``reduced_size``."""
    height, width, _ = rgb.shape
    factor = _reduction(width, height)
    if factor == 1:
        return rgb
    # In strips, since Pillow's copy of an image has 4 bytes a pixel.
    rows = factor * max(1, _STRIP_PIXELS // (width * factor))
    strips = (rgb[top : top + rows] for top in range(0, height, rows))
    return np.concatenate([Image.fromarray(strip).reduce(factor) for strip in strips])


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


def _apply_orientation(
    image: Image.Image, orientation: int | None, notes: list[PictureChange]
) -> Image.Image:
    if orientation is None:
        notes.append(PictureChange.EXIF_DAMAGED)
        return image
    if orientation not in _TURNS:
        return image
    notes.append(PictureChange.TURNED)
    return image.transpose(_TURNS[orientation])


def _to_rgb(
    file: ImageFile, image: Image.Image, notes: list[PictureChange]
) -> npt.NDArray[np.uint8]:
    """Convert a loaded image to uint8 (height, width, 3), with white for transparency."""
    if image.mode == "I;16":
        notes.append(PictureChange.GREY_16_BIT)
        rgb = _convert_strips(image, lambda part: _EIGHT_BITS[np.asarray(part)][..., np.newaxis])
    else:
        if file.depth == 16:
            notes.append(PictureChange.COLOR_16_BIT)
        if image.has_transparency_data:
            return _blend_with_white(image, notes)
        if image.mode == "CMYK":
            notes.append(PictureChange.CMYK)
        elif image.mode in ("1", "L") and not file.clear:
            notes.append(PictureChange.BLACK_AND_WHITE)
        elif image.mode == "P":
            notes.append(PictureChange.PALETTE)
        rgb = _convert_strips(image, lambda part: np.asarray(part.convert("RGB")))
    if file.clear:
        _fill_clear(file, image, rgb, notes)
    return rgb


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        yield slice(top, bottom), image.crop((0, top, width, bottom))


def _convert_strips(
    image: Image.Image, convert: Callable[[Image.Image], npt.NDArray[np.uint8]]
) -> npt.NDArray[np.uint8]:
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    for rows, strip in _strips(image):
        rgb[rows] = convert(strip)
    return rgb


def _blend_with_white(image: Image.Image, notes: list[PictureChange]) -> npt.NDArray[np.uint8]:
    transparent = False

    def convert(strip: Image.Image) -> npt.NDArray[np.uint8]:
        nonlocal transparent
        with_alpha = strip.convert("RGBA")
        transparent = transparent or with_alpha.getchannel("A").getextrema() != (255, 255)
        white = Image.new("RGBA", with_alpha.size, "white")
        return np.asarray(Image.alpha_composite(white, with_alpha).convert("RGB"))

    rgb = _convert_strips(image, convert)
    if transparent:
        notes.append(PictureChange.TRANSPARENT)
    return rgb


def _fill_clear(
    file: ImageFile, image: Image.Image, rgb: npt.NDArray[np.uint8], notes: list[PictureChange]
) -> None:
    """Make the pixels white that have the transparent color of a PNG."""
    low_bytes = _low_bytes(file) if file.depth == 16 and image.mode == "RGB" else None
    # Pillow scales samples of 1, 2 and 4 bits to 8, and gives the high bytes of 16-bit colours.
    samples = np.array(file.clear)
    pixel = samples >> 8 if low_bytes else samples * (255 // ((1 << min(file.depth, 8)) - 1))
    for rows, strip in _strips(image):
        if image.mode == "I;16":
            clear = np.asarray(strip) == samples
        else:
            clear = (rgb[rows] == pixel).all(axis=2)
        if low_bytes:
            low = low_bytes.crop((0, rows.start, image.width, rows.stop))
            clear &= (np.asarray(low) == samples & 255).all(axis=2)
        rgb[rows][clear] = 255
        if clear.any() and PictureChange.TRANSPARENT not in notes:
            notes.append(PictureChange.TRANSPARENT)


def _low_bytes(file: ImageFile) -> Image.Image:
    """Decode the low bytes of 16-bit colours as an 8-bit image."""
    image = _open(file)
    image.tile = [image.tile[0]._replace(args="RGB;16L")]
    image.load()
    return _apply_orientation(image, file.orientation, [])
