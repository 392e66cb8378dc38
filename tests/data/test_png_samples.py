"""PNGs of every bit depth and colour type, compared with NumPy's reading."""

import itertools
import struct
import zlib

import numpy as np
import pytest

from cifarviz.data.uploads import decode
from tests.image_files import png

WIDTH, HEIGHT = 13, 11
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [
    *((depth, 0) for depth in (1, 2, 4, 8, 16)),
    *((depth, 3) for depth in (1, 2, 4, 8)),
    *itertools.product((8, 16), (2, 4, 6)),
]
PALETTE = np.random.default_rng(7).integers(0, 256, (256, 3), np.uint8)


def samples_of(depth: int, colour: int) -> np.ndarray:
    """Draw samples, uint16 (height, width, channels); the first two pixels differ in a low byte."""
    generator = np.random.default_rng(depth * 10 + colour)
    samples = generator.integers(0, 2**depth, (HEIGHT, WIDTH, CHANNELS[colour]), np.uint16)
    samples[3] = samples[2]
    if depth == 16:
        samples[0, 0] = 0x1234
        samples[0, 1] = 0x1235
    else:
        samples[0, 0] = 2**depth - 2
        samples[0, 1] = 2**depth - 1
    return samples


def packed_rows(samples: np.ndarray, depth: int) -> bytes:
    rows = []
    for row in samples.reshape(HEIGHT, -1):
        if depth == 16:
            rows.append(b"\0" + row.astype(">u2").tobytes())
        else:
            bits = "".join(f"{value:0{depth}b}" for value in row)
            bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
            rows.append(b"\0" + bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)))
    return b"".join(rows)


def expected_pixels(
    samples: np.ndarray, depth: int, colour: int, clear: tuple[int, ...], alphas: bytes
) -> np.ndarray:
    """Blend on white, float64 (height, width, 3)."""
    values = samples / (2.0**depth - 1)
    alpha = np.ones((HEIGHT, WIDTH))
    if colour == 3:
        rgb = PALETTE[samples[..., 0]] / 255.0
        table = np.frombuffer(alphas.ljust(256, b"\xff"), np.uint8) / 255.0
        alpha = table[samples[..., 0]]
    elif colour in (0, 4):
        rgb = np.repeat(values[..., :1], 3, axis=2)
    else:
        rgb = values[..., :3]
    if colour in (4, 6):
        alpha = values[..., -1]
    if clear:
        alpha = np.where((samples == np.array(clear)).all(axis=2), 0.0, alpha)
    return 255 * (rgb * alpha[..., None] + 1 - alpha[..., None])


@pytest.mark.parametrize(("depth", "colour"), KINDS)
@pytest.mark.parametrize("transparent", [False, True])
def test_pixels_are_the_samples_scaled_to_eight_bits(depth, colour, transparent):
    samples = samples_of(depth, colour)
    chunks: list[tuple[bytes, bytes]] = []
    clear: tuple[int, ...] = ()
    alphas = b""
    if colour == 3:
        chunks.append((b"PLTE", PALETTE[: 2**depth].tobytes()))
    if transparent and colour == 3:
        alphas = bytes(np.random.default_rng(1).integers(0, 256, 2**depth, np.uint8))
        chunks.append((b"tRNS", alphas))
    elif transparent and colour in (0, 2):
        clear = tuple(int(value) for value in samples[0, 0])
        chunks.append((b"tRNS", struct.pack(f">{len(clear)}H", *clear)))
    upload = decode(png(WIDTH, HEIGHT, depth, colour, packed_rows(samples, depth), chunks), "x.png")
    expected = expected_pixels(samples, depth, colour, clear, alphas)
    blended = bool(alphas) or colour in (4, 6)
    # Of 16-bit colours and alphas the high byte is taken, which is up to 1 away each.
    tolerance = (1.0 if blended else 0.51) + (depth == 16 and colour > 0)
    np.testing.assert_allclose(upload.rgb, expected, atol=tolerance)
    if clear:
        assert upload.rgb[0, 0].tolist() == [255, 255, 255]
        assert "Transparent parts filled with white." in upload.notes


def test_only_the_low_bits_of_a_transparent_sample_count():
    rows = packed_rows(np.full((HEIGHT, WIDTH, 1), 5, np.uint16), 4)
    upload = decode(png(WIDTH, HEIGHT, 4, 0, rows, [(b"tRNS", b"\xab\xc5")]), "x.png")
    assert (upload.rgb == 255).all()


@pytest.mark.parametrize("sample", [0, 5, 15])
def test_every_pixel_of_a_transparent_grey_and_no_other_is_white(sample):
    samples = np.arange(16, dtype=np.uint16).repeat(9)[: WIDTH * HEIGHT]
    samples = samples.reshape(HEIGHT, WIDTH, 1)
    clear = (b"tRNS", struct.pack(">H", sample))
    upload = decode(png(WIDTH, HEIGHT, 4, 0, packed_rows(samples, 4), [clear]), "x.png")
    expected = np.where(samples == sample, 255, samples * 17)
    np.testing.assert_array_equal(upload.rgb, expected.repeat(3, axis=2))


def test_a_transparent_grey_in_an_interlaced_and_turned_picture():
    samples = samples_of(16, 2)
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)]
    passes += [(2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b""
    for top, left, down, across in passes:
        part = samples[top::down, left::across]
        rows += b"".join(b"\0" + row.astype(">u2").tobytes() for row in part if part.size)
    clear = tuple(int(value) for value in samples[0, 0])
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    data = png(WIDTH, HEIGHT, 16, 2, rows, [(b"tRNS", struct.pack(">3H", *clear)), (b"eXIf", exif)])
    header = data[12:28] + b"\x01"
    data = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    upload = decode(data, "x.png")
    expected = np.where((samples == samples[0, 0]).all(axis=2)[..., None], 255, samples >> 8)
    np.testing.assert_array_equal(upload.rgb, np.rot90(expected, -1))
