"""The cost of decoding uploads in a separate process, and of decoding hostile files.

A photo of 12 megapixels is decoded in this process and in the decoder process, alternately. Images
of 50 megapixels and the files of ``tests/hostile_images.py`` are each decoded in a new process,
whose processor time and peak memory are read (Linux); other load hardly affects these.

    python -m benchmarks.bench_uploads [ROUNDS]
"""

import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from benchmarks.results_file import write_results
from cifarviz.data.decoder_process import POOL
from cifarviz.data.image_pixels import read_image
from cifarviz.data.uploads import decode
from cifarviz.errors import ImageUnreadable
from cifarviz.processor import machine_name
from tests import hostile_images as hostile

_SIDE = 7_000
_MEGABYTE = 1_000_000
HOSTILE_FILES: dict[str, Callable[[], bytes]] = {
    "SVG comments, 40": lambda: hostile.svg_comments(40),
    "JPEG, 49 MP, 400 scans": lambda: hostile.jpeg_scans(_SIDE, 391),
    "JPEG, 49 MP, 20 scans": lambda: hostile.jpeg_scans(_SIDE, 11),
    "JPEG, 19 MB of FF": lambda: hostile.jpeg_padding(19 * _MEGABYTE),
    "JPEG, 19 MB of FF in a scan": lambda: hostile.jpeg_padded_scan(19 * _MEGABYTE),
    "JPEG, 19 MB of empty segments": lambda: hostile.jpeg_segments(19 * _MEGABYTE // 4),
    "JPEG, EXIF of 5,000 × 64 kB": lambda: hostile.jpeg_exif(5_000, 64_000),
    "PNG, 1.6 million empty chunks": lambda: hostile.png_empty_chunks(1_600_000),
    "PNG, text of 400 MB": lambda: hostile.png_text(400 * _MEGABYTE),
    "BMP, 16 MB of RLE deltas": lambda: hostile.bmp_deltas(4_000, 16 * _MEGABYTE),
    "BMP, 4 MB of RLE deltas": lambda: hostile.bmp_deltas(4_000, 3_990_000),
    "GIF, 9 million blocks": lambda: hostile.gif_blocks(9 * _MEGABYTE),
    "GIF, 300,000 frames": lambda: hostile.gif_frames(300_000),
    "WebP, 400,000 frames": lambda: hostile.webp_frames(400_000),
    "WebP, 49 MP in 34 bytes": lambda: hostile.webp_plain(_SIDE, _SIDE),
    **{
        f"PNG, 49 MP, {name}": lambda depth=depth, colour=colour: hostile.png_plain(  # type: ignore[misc]
            _SIDE, _SIDE, depth, colour
        )
        for name, depth, colour in (
            ("grey", 8, 0),
            ("16-bit grey", 16, 0),
            ("RGB", 8, 2),
            ("palette", 8, 3),
            ("16-bit RGBA", 16, 6),
        )
    },
    "JPEG, 49 MP, progressive, noisy": lambda: _photo(_SIDE, _SIDE, "RGB", progressive=True),
    "JPEG, 49 MP, CMYK, progressive, noisy": lambda: _photo(_SIDE, _SIDE, "CMYK", progressive=True),
}


def main() -> None:
    """Print seconds and memory, and write them to the results."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    photo = _photo(4_000, 3_000, "RGB")
    decoders: dict[str, Callable[[bytes, str], object]] = {"here": read_image, "process": decode}
    seconds: dict[str, list[float]] = {name: [] for name in [*decoders, "start"]}
    for _ in range(rounds):
        POOL.end()
        seconds["start"].append(_seconds(decode, hostile.svg_comments(1))[0])
        for name, call in decoders.items():
            seconds[name].append(_seconds(call, photo)[0])
    print(f"{machine_name()}; medians of {rounds}")
    for name, label in (
        ("here", "a photo of 12 megapixels, decoded in this process"),
        ("process", "… in the decoder process, including sending pixels back"),
        ("start", "start of the process and rejection of a text"),
    ):
        print(f"{median(seconds[name]):6.3f} s  {label}")
    files = []
    for name, make in HOSTILE_FILES.items():
        data = make()
        POOL.end()
        decode(hostile.webp_plain(8, 8), "small.webp")
        (pid,) = POOL.pids()
        before = _processor_seconds(pid)
        elapsed, outcome = _seconds(decode, data)
        processor, memory = _processor_seconds(pid) - before, _largest_memory(pid)
        files.append(
            {
                "file": name,
                "seconds": elapsed,
                "processor_seconds": processor,
                "bytes": memory,
                "outcome": outcome,
            }
        )
        print(f"{processor:6.2f} of {elapsed:6.2f} s  {memory / 1e6:5.0f} MB  {name}: {outcome}")
    server = _largest_memory("self")
    print(f"{server / 1e6:.0f} MB at most in this process, including generating the files")
    write_results(
        "uploads",
        "python -m benchmarks.bench_uploads",
        {"seconds": seconds, "files": files, "server_bytes": server},
    )


def _seconds(call: Callable[[bytes, str], object], data: bytes) -> tuple[float, str]:
    began = time.perf_counter()
    try:
        call(data, "x")
        outcome = "decoded"
    except ImageUnreadable as error:
        outcome = str(error)
    return time.perf_counter() - began, outcome


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _largest_memory(pid: int | str) -> int:
    """Return the peak memory of a process in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _photo(width: int, height: int, mode: str, **options: bool) -> bytes:
    generator = np.random.default_rng(0)
    small = generator.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.convert(mode).save(buffer, "JPEG", quality=90, subsampling=0, **options)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
