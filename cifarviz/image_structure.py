"""Read the structure of an untrusted image file, and limit it before anything is decoded.

Each reader walks the file once, in time that grows with its length, and returns only what pixels
depend on. Pillow, whose readers have no such limits, then gets nothing else: no EXIF, ICC, XMP or
MPF data, no comments, no second frame.
"""

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MAX_PIXELS: Final = 50_000_000
MAX_CHUNKS: Final = 50_000
MAX_JPEG_SEGMENTS: Final = 1_000
MAX_JPEG_SCAN_PIXELS: Final = 20 * MAX_PIXELS
"""Pixels times scans: each scan of a progressive JPEG covers all pixels again."""
MAX_GIF_BLOCKS: Final = 500_000
MAX_BMP_RLE_BYTES: Final = 4_000_000
MAX_TEXT_BYTES: Final = 64 * 2**20
"""All compressed texts and profiles of a PNG, unpacked; each may have a 64th of it."""

# Runs of FF between the bytes of a JPEG's scans: Pillow's buffer is read again at each refill.
_FILL: Final = b"\xff" * 65_536
_NOT_FF: Final = re.compile(rb"[^\xff]")
# Inside a scan FF 00 is a value and FF D0 to FF D7 are restarts; these end it.
_MARKER: Final = re.compile(rb"\xff[\xc0-\xcf\xd9-\xfe]")
_GIF_BLOCK: Final = re.compile(rb"[!,;]")
_XMP_ORIENTATION: Final = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')


class StructureError(Exception):
    """The file is cut off or damaged, or has more parts than an image needs.

    The message starts with a verb, as it follows the name of the file.
    """


@dataclass(frozen=True)
class ImageFile:
    """The parts of an image file that decide its pixels.

    ``format`` is Pillow's name; ``data`` the bytes to decode; ``width`` and ``height`` as the file
    declares them. ``orientation`` is EXIF's, 1 to 8, ``None`` where the EXIF data is damaged. Of a
    PNG: ``depth`` bits a sample and ``clear``, the samples of the transparent grey or colour.
    """

    format: str
    data: bytes
    width: int
    height: int
    orientation: int | None = 1
    animated: bool = False
    depth: int = 8
    clear: tuple[int, ...] = ()


def read_structure(data: bytes) -> ImageFile | None:
    """Read an image file's structure; ``None`` where it is in no format that is read.

    Raises ``StructureError`` for a damaged file and for one with too many parts.
    """
    for form, (is_form, read) in _READERS.items():
        if is_form(data):
            try:
                return read(data)
            except (struct.error, IndexError) as error:
                raise _damaged() from error
            except StructureError as error:
                raise StructureError(str(error).format(form)) from error
    return None


def _damaged() -> StructureError:
    return StructureError("is truncated or damaged: it starts like an image but cannot be read.")


def _too_many(parts: str, limit: int) -> StructureError:
    return StructureError(
        f"has more than {limit:,} {parts}, which no {{}} image needs. Save it again with another "
        "program."
    )


def _read_png(data: bytes) -> ImageFile:
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    if data[8:16] != b"\0\0\0\x0dIHDR":
        raise _damaged()
    chunks, pixels = [data[:33]], []
    clear: tuple[int, ...] = ()
    animated = complete = False
    exif, texts = b"", _PngTexts()
    position = 33
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, position)
        begin, position = position + 8, position + 12 + length
        if kind == b"IDAT":
            # A truncated chunk goes to the decoder, which finds out whether pixels are missing.
            if not complete:
                pixels.append(data[begin : begin + length])
            continue
        complete = bool(pixels)
        if kind == b"IEND":
            break
        if not kind.isalnum() and complete:
            break
        if not kind.isalnum() or position > len(data):
            raise _damaged()
        if kind == b"acTL":
            animated = struct.unpack_from(">I", data, begin)[0] > 1 and not complete
        elif kind == b"eXIf":
            exif = data[begin : begin + length]
        elif kind in (b"iCCP", b"tEXt", b"zTXt", b"iTXt"):
            texts.add(kind, data[begin : begin + length])
        elif kind == b"tRNS" and colour in (0, 2) and not complete:
            # Of less than 16 bits only the low ones count.
            samples = struct.unpack_from(">H" if colour == 0 else ">3H", data, begin)
            clear = tuple(sample & (1 << depth) - 1 for sample in samples)
        elif kind in (b"PLTE", b"tRNS") and colour == 3 and not complete and length <= 768:
            chunks.append(data[begin - 8 : position])
    else:
        raise _too_many("chunks", MAX_CHUNKS)
    if not pixels:
        raise _damaged()
    chunks += [_png_chunk(b"IDAT", b"".join(pixels)), _png_chunk(b"IEND", b"")]
    orientation = _orientation(exif or texts.exif, texts.xmp)
    return ImageFile("PNG", b"".join(chunks), width, height, orientation, animated, depth, clear)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I4s", len(data), kind), data, struct.pack(">I", checksum)))


class _PngTexts:
    """The texts of a PNG that hold its orientation; the others are only measured."""

    def __init__(self) -> None:
        self.exif = self.xmp = b""
        self._left = MAX_TEXT_BYTES

    def add(self, kind: bytes, chunk: bytes) -> None:
        name, _, rest = chunk.partition(b"\0")
        if kind in (b"iCCP", b"zTXt"):
            text = self._unpack(rest[1:])
        elif kind == b"iTXt":
            # Flag and method, then language and translated name before the text.
            text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
            text = self._unpack(text) if rest[:1] == b"\x01" else text
        else:
            text = rest
        if name == b"XML:com.adobe.xmp":
            self.xmp = text
        elif name == b"Raw profile type exif":
            # ImageMagick's: a line of its own, the name, the length, then hexadecimal lines.
            digits = b"".join(text.split(b"\n")[3:]).decode("ascii", "replace")
            try:
                self.exif = bytes.fromhex(digits)
            except ValueError:
                self.exif = b"?"

    def _unpack(self, packed: bytes) -> bytes:
        limit = min(MAX_TEXT_BYTES // 64, self._left)
        unpacker = zlib.decompressobj()
        try:
            text = unpacker.decompress(packed, limit) if limit else b""
        except zlib.error:
            return b""
        self._left -= len(text)
        if unpacker.unconsumed_tail or not limit:
            raise StructureError(
                "has a text or colour profile that unpacks to more than any {} image needs. Save "
                "it again with another program."
            )
        return text


def _read_jpeg(data: bytes) -> ImageFile:
    segments = [data[:2]]
    exif = xmp = b""
    width = height = scans = 0
    first_scan = end = None
    position = 2
    for _ in range(MAX_JPEG_SEGMENTS):
        # Skip padding and stray bytes.
        if first_scan is None:
            padding = data.find(b"\xff", position)
            found = _NOT_FF.search(data, padding) if padding >= 0 else None
        else:
            found = _MARKER.search(data, position)
        if found is None:
            break
        position, marker = found.end(), data[found.end() - 1]
        if marker == 0xD9:
            end = position
            break
        if marker < 0xC0 or 0xD0 <= marker <= 0xD8:
            continue
        begin, length = position, struct.unpack_from(">H", data, position)[0]
        position += length
        if length < 2 or (position > len(data) and first_scan is None):
            raise _damaged()
        segment = data[begin + 2 : begin + 18]
        if marker == 0xDA:
            if first_scan is None:
                first_scan = begin - 2
            scans += 1
            pixels = width * height
            if pixels <= MAX_PIXELS and scans * pixels > MAX_JPEG_SCAN_PIXELS:
                raise _too_many(f"scans of {width:,} × {height:,} pixels", scans - 1)
            position = _end_of_scan(data, position)
            continue
        if first_scan is not None:
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", segment, 1)
        if marker == 0xE1 and segment.startswith(b"Exif\0\0"):
            exif = exif or data[begin + 2 : position]
        elif marker == 0xE1 and segment.startswith(b"http://ns.adobe"):
            xmp = xmp or data[begin + 2 : position]
        # Of the application's segments, JFIF and Adobe's say which colours the values are.
        if marker in (0xE0, 0xEE) or not (marker >= 0xE0):
            segments.append(b"\xff" + data[begin - 1 : position])
    else:
        raise _too_many("segments", MAX_JPEG_SEGMENTS)
    if first_scan is None:
        raise _damaged()
    segments.append(data[first_scan:end])
    return ImageFile("JPEG", b"".join(segments), width, height, _orientation(exif, xmp))


def _end_of_scan(data: bytes, position: int) -> int:
    found = _MARKER.search(data, position)
    end = found.start() if found else len(data)
    if data.find(_FILL, position, end + 1) >= 0:
        raise _too_many("bytes of padding in a scan", len(_FILL))
    return end


def _read_gif(data: bytes) -> ImageFile:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    screen, control, frame = data[:position], b"", b""
    blocks = 0

    def skip_blocks(position: int) -> int:
        nonlocal blocks
        while position < len(data) and data[position]:
            position += 1 + data[position]
            blocks += 1
            if blocks > MAX_GIF_BLOCKS:
                raise _too_many("blocks", MAX_GIF_BLOCKS)
        return position + 1

    frames = 0
    while frames < 2 and (found := _GIF_BLOCK.search(data, position)):
        begin, kind = found.start(), found[0]
        blocks += 1
        if kind == b";" or begin + 2 > len(data):
            break
        if kind == b"!":
            position = skip_blocks(begin + 2)
            # The graphic control extension names the transparent colour, if there is one.
            if data[begin + 1] == 0xF9 and not frames and (data[begin + 3] & 1 or not control):
                control = data[begin:position]
            continue
        frames += 1
        if frames == 1:
            left, top, across, down, flags = struct.unpack_from("<HHHHB", data, begin + 1)
            width, height = max(width, left + across), max(height, top + down)
            palette = 3 << (flags & 7) + 1 if flags & 0x80 else 0
            position = skip_blocks(begin + 11 + palette)
            frame = data[begin:position]
    if not frames:
        raise _damaged()
    pixels = screen + control + frame + b";"
    return ImageFile("GIF", pixels, width, height, animated=frames > 1)


def _read_bmp(data: bytes) -> ImageFile:
    (header,) = struct.unpack_from("<I", data, 14)
    if header == 12:
        width, height = struct.unpack_from("<HH", data, 18)
        return ImageFile("BMP", data, width, height)
    if header not in (40, 52, 56, 64, 108, 124):
        raise _damaged()
    width, height = struct.unpack_from("<ii", data, 18)
    (compression,) = struct.unpack_from("<I", data, 30)
    if compression in (1, 2) and len(data) > MAX_BMP_RLE_BYTES:
        raise StructureError(
            f"has more than {MAX_BMP_RLE_BYTES / 1e6:.0f} MB in run-length codes, which no {{}} "
            "image needs. Save it as a PNG image instead."
        )
    return ImageFile("BMP", data, abs(width), abs(height))


def _read_webp(data: bytes) -> ImageFile:
    exif = xmp = b""
    kind, width, height = data[12:16], 0, 0
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    elif kind == b"VP8L" and data[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    else:
        raise _damaged()
    position, frames = 12, 0
    for _ in range(MAX_CHUNKS):
        if kind != b"VP8X" or position + 8 > len(data):
            break
        name, length = struct.unpack_from("<4sI", data, position)
        part = data[position + 8 : position + 8 + length] if name in (b"EXIF", b"XMP ") else b""
        exif, xmp = (part if name == b"EXIF" else exif), (part if name == b"XMP " else xmp)
        frames += name == b"ANMF"
        position += 8 + length + (length & 1)
    else:
        raise _too_many("chunks", MAX_CHUNKS)
    return ImageFile("WEBP", data, width, height, _orientation(exif, xmp), animated=frames > 1)


def _orientation(exif: bytes, xmp: bytes) -> int | None:
    """Read a photo's orientation, 1 to 8; ``None`` where its EXIF data is damaged."""
    try:
        value = _exif_orientation(exif.removeprefix(b"Exif\0\0")) if exif else None
    except (struct.error, KeyError):
        return None
    if value is None:
        found = _XMP_ORIENTATION.search(xmp)
        value = int(found[1]) if found else 1
    return value if 1 <= value <= 8 else 1


def _exif_orientation(exif: bytes) -> int | None:
    """Find the orientation in EXIF's first directory; nothing else is read."""
    order = {b"II*\0": "<", b"MM\0*": ">"}[exif[:4]]
    (begin,) = struct.unpack_from(f"{order}I", exif, 4)
    (entries,) = struct.unpack_from(f"{order}H", exif, begin)
    for place in range(begin + 2, begin + 2 + 12 * entries, 12):
        tag, kind = struct.unpack_from(f"{order}HH", exif, place)
        if tag == 0x0112 and kind in (1, 3, 4):
            wide = {1: "B", 3: "H", 4: "I"}[kind]
            return int(struct.unpack_from(f"{order}{wide}", exif, place + 8)[0])
    return None


_READERS: Final[dict[str, tuple[Callable[[bytes], bool], Callable[[bytes], ImageFile]]]] = {
    "PNG": (lambda data: data.startswith(b"\x89PNG"), _read_png),
    "JPEG": (lambda data: data.startswith(b"\xff\xd8"), _read_jpeg),
    "GIF": (lambda data: data.startswith(b"GIF8"), _read_gif),
    "WebP": (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _read_webp),
    "BMP": (lambda data: data.startswith(b"BM"), _read_bmp),
}


def describe_other(data: bytes) -> str:
    """Describe a file that is in none of the formats, such as "a PDF document"."""
    head = data[:4096]
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if head.startswith((b"II*\0", b"MM\0*")):
        return "a TIFF image"
    if _is_svg(head):
        return "an SVG drawing"
    if head.startswith(b"%PDF"):
        return "a PDF document"
    if head.startswith(b"PK\x03\x04"):
        return "a zip archive"
    if brand in (b"heic", b"heix", b"mif1", b"msf1"):
        return "a HEIC photo"
    if brand in (b"avif", b"avis"):
        return "an AVIF image"
    if head[4:8] == b"ftyp":
        return "a video"
    return "" if re.search(rb"[\x00-\x08\x0e-\x1f]", head) else "a text file"


def _is_svg(head: bytes) -> bool:
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    while head.startswith((b"<?xml", b"<!--", b"<!DOCTYPE")):
        # What comes before the drawing; a comment may hold ">".
        head = head[4:].partition(b"-->" if head.startswith(b"<!--") else b">")[2].lstrip()
    return head.startswith(b"<svg")
