"""Small image files that are expensive to decode, for tests and benchmarks."""

import io
import struct
import zlib

from PIL import Image

from tests.image_files import png


def svg_comments(count: int) -> bytes:
    """Comments without a drawing; a backtracking pattern takes 2 ** count steps."""
    return b"<!---->" * count + b"<"


def jpeg_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG with many copies of its last scan."""
    data = _jpeg(side, progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def jpeg_padding(size: int) -> bytes:
    """A JPEG with padding bytes FF before a marker."""
    data = _jpeg(16)
    return data[:2] + b"\xff" * size + data[2:]


def jpeg_padded_scan(size: int) -> bytes:
    """A JPEG with padding bytes FF before the marker that ends its scan."""
    data = _jpeg(16)
    return data[:-2] + b"\xff" * size + data[-2:]


def jpeg_segments(count: int) -> bytes:
    """A JPEG with empty APP1 segments."""
    data = _jpeg(16)
    return data[:2] + b"\xff\xe1\x00\x02" * count + data[2:]


def jpeg_exif(entries: int, size: int) -> bytes:
    """A JPEG with EXIF entries that all refer to the same large block."""
    data = _jpeg(16)
    exif = exif_directory(entries, size)[:65_000]
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif + data[2:]


def exif_directory(entries: int, size: int) -> bytes:
    """EXIF data with ``entries`` tags that refer to the same ``size`` bytes."""
    tags = b"".join(
        struct.pack("<HHII", 0x9000 + entry % 0x6000, 7, size, 8) for entry in range(entries)
    )
    return (b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + tags + bytes(4)).ljust(
        size + 8, b"\0"
    )


def png_empty_chunks(count: int, kind: bytes = b"IDAT") -> bytes:
    """A PNG with empty chunks before the pixels."""
    data = png(16, 16, 8, 0, bytes(17 * 16))
    chunk = struct.pack(">I", 0) + kind + struct.pack(">I", zlib.crc32(kind))
    return data[:33] + chunk * count + data[33:]


def png_text(size: int, kind: bytes = b"iTXt") -> bytes:
    """A PNG with a compressed text or colour profile of zeros."""
    begin = {b"iTXt": b"k\0\x01\0\0\0", b"zTXt": b"k\0\0", b"iCCP": b"k\0\0"}[kind]
    return png(16, 16, 8, 0, bytes(17 * 16), [(kind, begin + zlib.compress(bytes(size)))])


def png_plain(width: int, height: int, depth: int, colour: int) -> bytes:
    """A PNG of zeros, row by row, of any depth and colour type."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width * depth * channels + 7) // 8)
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(row * 64) for _ in range(height // 64))
    rows += packer.compress(row * (height % 64)) + packer.flush()
    palette = [(b"PLTE", bytes(768))] if colour == 3 else []
    return png(width, height, depth, colour, packed=rows, chunks=palette)


def bmp_deltas(side: int, size: int) -> bytes:
    """A BMP with run-length deltas of zero."""
    codes = b"\0\2\0\0" * (size // 4)
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(codes), 0, 0, 256, 0)
    offset = 14 + len(header) + 1024
    begin = b"BM" + struct.pack("<IHHI", offset + len(codes), 0, 0, offset)
    return begin + header + bytes(range(256)) * 4 + codes


def gif_blocks(count: int) -> bytes:
    """A GIF with a comment in blocks of one byte."""
    data = encoded_gif()
    begin = 13 + (3 << (data[10] & 7) + 1)
    return data[:begin] + b"!\xfe" + b"\x01x" * count + b"\0" + data[begin:]


def gif_frames(count: int) -> bytes:
    """A GIF with many copies of a frame."""
    data = encoded_gif()
    begin = data.index(b",", 13 + (3 << (data[10] & 7) + 1))
    return data[:begin] + data[begin:-1] * count + b";"


def encoded_gif() -> bytes:
    """A GIF of 8 × 8 pixels."""
    buffer = io.BytesIO()
    image = Image.new("P", (8, 8), 1)
    image.putpalette([9, 9, 9, 200, 0, 0, 0, 90, 0, 7, 7, 7])
    image.save(buffer, "GIF")
    return buffer.getvalue()


def webp_plain(width: int, height: int) -> bytes:
    """A lossless WebP of one colour, opaque: each of its five codes has one symbol of no bits."""
    fields = [(0x2F, 8), (width - 1, 14), (height - 1, 14), (0, 1), (0, 3)]
    # No transform, no colour cache, no meta codes; then green, red, blue, alpha, distance.
    fields += [(0, 1), (0, 1), (0, 1)]
    for symbol in (200, 100, 50, 255, 0):
        fields += [(1, 1), (0, 1), (1, 1), (symbol, 8)]
    bits = place = 0
    for value, width_ in fields:
        bits |= value << place
        place += width_
    payload = bits.to_bytes((place + 7) // 8 + 1, "little")
    payload += b"\0" * (len(payload) % 2)
    chunk = b"VP8L" + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def webp_frames(count: int) -> bytes:
    """An animated WebP with many copies of a small frame."""
    frame = webp_plain(16, 16)[12:]
    part = bytes(6) + (15).to_bytes(3, "little") * 2 + (10).to_bytes(3, "little") + b"\0" + frame
    animation = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + (15).to_bytes(3, "little") * 2
    animation += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    animation += (b"ANMF" + struct.pack("<I", len(part)) + part) * count
    return b"RIFF" + struct.pack("<I", len(animation) + 4) + b"WEBP" + animation


def _jpeg(side: int, **options: bool) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (200, 100, 50)).save(buffer, "JPEG", **options)
    return buffer.getvalue()
