"""Image files for tests of uploads, including some that Pillow cannot write."""

import io
import struct
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image


def encode_image(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> Image.Image:
    """Red on the left, blue on the right; dark and light in grey modes."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[:, : size[0] // 2] = (220, 20, 20)
    pixels[:, size[0] // 2 :] = (20, 20, 220)
    return Image.fromarray(pixels).convert(mode)


def noise() -> Image.Image:
    """60 × 60 pixels that hardly compress."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    return Image.fromarray(pixels)


def png(
    width: int,
    height: int,
    depth: int,
    colour: int,
    rows: bytes = b"",
    chunks: Iterable[tuple[bytes, bytes]] = (),
    packed: bytes = b"",
) -> bytes:
    """Return a PNG that Pillow cannot write; ``packed``: rows that are already compressed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    inner = b"".join(chunk(kind, data) for kind, data in chunks)
    pixels = chunk(b"IDAT", packed or zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + inner + pixels + chunk(b"IEND", b"")
