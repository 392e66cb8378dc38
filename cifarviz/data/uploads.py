"""Strangers' images: any file a person may upload, made into RGB pixels or refused in words."""

import io
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from cifarviz.errors import ImageUnreadable

MAX_BYTES = 50_000_000
MAX_PIXELS = 50_000_000

FitMode = Literal["crop", "stretch", "pad"]

_FORMATS = {"PNG": "PNG", "JPEG": "JPEG", "MPO": "JPEG", "WEBP": "WebP", "BMP": "BMP", "GIF": "GIF"}
_ACCEPTED = "PNG, JPEG, WebP, BMP and GIF"
# Known by their first bytes, so that the refusal can name them.
_OTHERS = (
    (re.compile(rb"II\*\x00|MM\x00\*"), "a TIFF image"),
    (
        re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg", re.S),
        "an SVG drawing",
    ),
    (re.compile(rb"%PDF"), "a PDF document"),
    (re.compile(rb"PK\x03\x04"), "a zip archive"),
    (re.compile(rb"....ftyp(heic|heix|mif1|msf1)", re.S), "a HEIC photo"),
    (re.compile(rb"....ftypavi[fs]", re.S), "an AVIF image"),
    (re.compile(rb"....ftyp", re.S), "a video"),
)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False)
class UploadedImage:
    """A decoded image.

    ``rgb`` uint8 (height, width, 3), read-only, upright; ``notes``: a sentence for each thing
    that was done to it; ``format`` and ``mode`` as in the file (Pillow's names).
    """

    rgb: npt.NDArray[np.uint8]
    notes: tuple[str, ...]
    width: int
    height: int
    format: str
    mode: str


def decode(data: bytes, filename: str) -> UploadedImage:
    """Decode PNG, JPEG, WebP, BMP or GIF bytes of any mode and size up to 50 megapixels.

    16-bit values are scaled to 8, CMYK becomes RGB, transparent parts turn white, an animation
    gives its first frame, a photo is turned the way its EXIF data says: each with a note.
    Raises ``ImageUnreadable``, one sentence that names the file, for everything else.
    """
    name = _shown(filename)
    if not data:
        raise ImageUnreadable(f"“{name}” is empty. Choose an image file.")
    if len(data) > MAX_BYTES:
        raise ImageUnreadable(
            f"“{name}” has {len(data) / 1e6:,.0f} MB, and at most {MAX_BYTES / 1e6:,.0f} MB are "
            "taken. Make it smaller first."
        )
    image = _open(data, name)
    mode, form = image.mode, _FORMATS[image.format or ""]
    notes: list[str] = []
    try:
        if getattr(image, "is_animated", False) and image.format != "MPO":
            notes.append("It is an animation; its first frame is used.")
        image.load()
        upright = _turn(image, notes)
        rgb = np.array(_to_rgb(upright, data, notes))
    except Exception as error:  # a decoder fed with a stranger's bytes fails in any way there is
        raise ImageUnreadable(
            f"“{name}” is cut off or damaged: it starts as a {form} image but cannot be read to "
            "its end."
        ) from error
    rgb.flags.writeable = False
    height, width, _ = rgb.shape
    return UploadedImage(rgb, tuple(notes), width, height, form, mode)


def _open(data: bytes, name: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP", "BMP", "GIF"])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, _declared_size(data)) from error
    except Exception as error:  # see decode
        raise ImageUnreadable(_why_not(data, name)) from error
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(name, image.size)
    if image.width < 1 or image.height < 1:
        raise ImageUnreadable(f"“{name}” has no pixels. Choose another image.")
    return image


def _too_large(name: str, size: tuple[int, int] | None) -> ImageUnreadable:
    measure = f"{size[0]:,} × {size[1]:,} pixels" if size else "too many pixels"
    return ImageUnreadable(
        f"“{name}” has {measure}, and at most {MAX_PIXELS // 1_000_000} million are taken. "
        "Make it smaller first."
    )


def _declared_size(data: bytes) -> tuple[int, int] | None:
    """Read (width, height) where PNG, GIF and BMP say it: Pillow's refusal names only a product."""
    if data.startswith(b"\x89PNG"):
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith(b"GIF8"):
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if data.startswith(b"BM"):
        width = int.from_bytes(data[18:22], "little", signed=True)
        height = int.from_bytes(data[22:26], "little", signed=True)
        return abs(width), abs(height)
    for place in re.finditer(rb"\xff[\xc0-\xc3]..\x08(..)(..)", data[:200_000], flags=re.DOTALL):
        return int.from_bytes(place[2], "big"), int.from_bytes(place[1], "big")
    return None


def _why_not(data: bytes, name: str) -> str:
    head = data[:4096]
    for pattern, kind in _OTHERS:
        if pattern.match(head):
            return f"“{name}” is {kind}, and only {_ACCEPTED} images are taken."
    if head.startswith((b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM", b"RIFF")):
        return f"“{name}” is cut off or damaged: it starts like an image but has no readable one."
    if not re.search(rb"[\x00-\x08\x0e-\x1f]", head):
        return f"“{name}” is a text file, not an image; {_ACCEPTED} images are taken."
    return f"“{name}” is not an image that can be read; {_ACCEPTED} images are taken."


def _turn(image: Image.Image, notes: list[str]) -> Image.Image:
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # the pixels are fine; only the remarks beside them are not
        notes.append("Its EXIF data is damaged, so it may lie on its side.")
        return image
    if turn is None:
        return image
    notes.append("It was turned upright, as its EXIF data says.")
    turned = image.transpose(turn)
    turned.info = image.info
    return turned


def _to_rgb(image: Image.Image, data: bytes, notes: list[str]) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        notes.append("Its 16-bit grey values were scaled to 8 bits.")
        values = np.asarray(image).astype(np.float32)
        # 65535 becomes 255 (Pillow's own conversion would clip all above 255 to white).
        eight = np.clip(values / 257.0 + 0.5, 0, 255).astype(np.uint8)
        clear = image.info.get("transparency")
        if isinstance(clear, int):
            notes.append("Its transparent parts were filled with white.")
            eight[np.asarray(image) == clear] = 255
        return Image.fromarray(eight).convert("RGB")
    if data.startswith(b"\x89PNG") and data[24:25] == b"\x10":
        notes.append("Its 16-bit values were scaled to 8 bits.")
    if image.mode == "CMYK":
        notes.append("Its print colours (CMYK) were converted to RGB.")
        return image.convert("RGB")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        if with_alpha.getchannel("A").getextrema() != (255, 255):
            notes.append("Its transparent parts were filled with white.")
        white = Image.new("RGBA", with_alpha.size, "white")
        return Image.alpha_composite(white, with_alpha).convert("RGB")
    if image.mode in ("1", "L", "LA"):
        notes.append("It is black and white.")
    elif image.mode == "P":
        notes.append("Its palette colours were converted to RGB.")
    return image.convert("RGB")


def fit_to(
    rgb: npt.NDArray[np.uint8],
    image_shape: tuple[int, int, int],
    mode: FitMode = "crop",
    *,
    invert: bool = False,
) -> npt.NDArray[np.uint8]:
    """Bring an image, uint8 (h, w, 3), to the shape a network takes, uint8 (height, width, c).

    "crop" keeps the middle, "stretch" distorts, "pad" adds borders of the image's mean colour.
    One channel means grey (ITU-R 601 luma). ``invert`` turns light into dark: a photo of a thing
    on white becomes one on black, as Fashion-MNIST shows them. An image that fits already, and
    isn't to be inverted, comes back as it is.
    """
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise ValueError(f"image_shape must have 1 or 3 channels, not {channels}")
    image = Image.fromarray(np.ascontiguousarray(rgb))
    size = (width, height)
    if image.size != size:
        # Lanczos averages over all pixels it takes together, so shrinking doesn't flicker.
        filter_ = Image.Resampling.LANCZOS
        if mode == "crop":
            image = ImageOps.fit(image, size, filter_)
        elif mode == "pad":
            mean = tuple(int(value) for value in rgb.reshape(-1, 3).mean(axis=0).round())
            image = ImageOps.pad(image, size, filter_, color=mean)
        else:
            image = image.resize(size, filter_)
    pixels = np.array(image.convert("L") if channels == 1 else image)
    return (255 - pixels if invert else pixels).reshape(height, width, channels)


def has_light_background(rgb: npt.NDArray[np.uint8]) -> bool:
    """Say whether an image, uint8 (h, w, 3), is light at its edges, more than half of them."""
    edges = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    return bool(np.median(edges.mean(axis=1)) > 127.5)


def _shown(filename: str) -> str:
    """Give the last part of a file name, without control characters and not too long."""
    name = re.split(r"[/\\]", filename)[-1]
    name = "".join(character for character in name if character.isprintable()) or "the file"
    return name if len(name) <= 80 else f"{name[:60]}…{name[-15:]}"
