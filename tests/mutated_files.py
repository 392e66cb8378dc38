"""Image files of all formats with random damage, for tests and benchmarks."""

import random
import struct
from collections.abc import Callable, Iterator

from PIL import Image

from tests.hostile_images import gif_frames, webp_frames
from tests.image_files import encode_image, noise, picture, png

_EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def seed_files() -> dict[str, bytes]:
    """Return small valid files: each format, in the forms that take other paths of a decoder."""
    grainy, exif = noise().resize((48, 40)), Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "x" * 40
    frames = [grainy, picture(size=(48, 40))]
    animation = {"save_all": True, "append_images": frames[1:]}
    rows = b"".join(bytes([filter_]) + bytes(range(96)) for filter_ in (0, 1, 2, 3, 4) * 4)
    return {
        "PNG": encode_image(grainy),
        "PNG, palette": encode_image(grainy.convert("P")),
        "PNG, transparent": encode_image(picture("RGBA")),
        "PNG, two levels": encode_image(picture("1")),
        "PNG, 16 bits": png(16, 20, 16, 2, rows, [(b"tRNS", bytes(6)), (b"eXIf", exif.tobytes())]),
        "JPEG": encode_image(grainy, "JPEG", exif=exif, icc_profile=bytes(300), comment=b"a"),
        "JPEG, progressive": encode_image(grainy, "JPEG", progressive=True),
        "JPEG, CMYK": encode_image(picture("CMYK"), "JPEG"),
        "JPEG, restarts": encode_image(grainy, "JPEG", restart_marker_blocks=2),
        "WebP": encode_image(grainy, "WEBP", exif=exif),
        "WebP, lossless": encode_image(picture("RGBA"), "WEBP", lossless=True),
        "WebP, animated": webp_frames(4),
        "GIF": encode_image(grainy, "GIF"),
        "GIF, animated": encode_image(frames[0], "GIF", **animation),
        "GIF, frames": gif_frames(5),
        "BMP": encode_image(grainy, "BMP"),
        "BMP, palette": encode_image(grainy.convert("P"), "BMP"),
        "BMP, two levels": encode_image(picture("1"), "BMP"),
    }


def mutated_files(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield ``count`` names and damaged files; the same for the same seed."""
    generator = random.Random(seed)
    seeds = seed_files()
    for number in range(count):
        kind = generator.choice(list(seeds))
        data = bytearray(seeds[kind])
        applied = generator.choices(list(_MUTATIONS), k=generator.randint(1, 3))
        for name in applied:
            _MUTATIONS[name](data, generator, seeds)
        yield f"{number} {kind}: {', '.join(applied)}", bytes(data)


def _flip(data: bytearray, generator: random.Random, _: dict[str, bytes]) -> None:
    for _number in range(generator.randint(1, 16)):
        if data:
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)


def _truncate(data: bytearray, generator: random.Random, _: dict[str, bytes]) -> None:
    del data[generator.randint(0, len(data)) :]


def _splice(data: bytearray, generator: random.Random, seeds: dict[str, bytes]) -> None:
    other = generator.choice(list(seeds.values()))
    data[generator.randint(0, len(data)) :] = other[generator.randrange(len(other)) :]


def _set_length(data: bytearray, generator: random.Random, _: dict[str, bytes]) -> None:
    """Write an extreme number somewhere, mostly into the headers at the beginning."""
    limit = min(len(data), 64) if generator.random() < 0.7 else len(data)
    value = generator.choice(_EXTREMES)
    packed = struct.pack(generator.choice((">I", "<I")), value)
    place, size = generator.randint(0, limit), generator.choice((1, 2, 4))
    data[place : place + size] = packed[:size] if packed[0] else packed[-size:]


def _repeat(data: bytearray, generator: random.Random, _: dict[str, bytes]) -> None:
    """Repeat a part, such as a chunk, up to 200 times."""
    place = generator.randint(0, len(data))
    part = data[place : place + generator.randint(1, 300)]
    data[place:place] = part * generator.randint(1, 200)


def _delete(data: bytearray, generator: random.Random, _: dict[str, bytes]) -> None:
    place = generator.randint(0, len(data))
    del data[place : place + generator.randint(1, 60)]


def _insert(data: bytearray, generator: random.Random, _: dict[str, bytes]) -> None:
    place = generator.randint(0, len(data))
    data[place:place] = generator.randbytes(generator.randint(1, 400))


_MUTATIONS: dict[str, Callable[[bytearray, random.Random, dict[str, bytes]], None]] = {
    "flipped": _flip,
    "cut off": _truncate,
    "spliced": _splice,
    "lengths": _set_length,
    "repeated": _repeat,
    "deleted": _delete,
    "inserted": _insert,
}
