"""The process that decodes uploads: limits, restarts and clean-up."""

import multiprocessing
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cifarviz.data import decoder_process
from cifarviz.data.decoder_process import POOL
from cifarviz.data.uploads import UploadedImage, decode
from cifarviz.errors import ImageDecoderBusy, ImageUnreadable
from tests import hostile_images as hostile
from tests.image_files import encode_image, picture

ROOT = Path(__file__).parents[2]
PHOTO = encode_image(picture(), "PNG")
linux = pytest.mark.skipif(
    sys.platform != "linux", reason="Only Linux enforces these limits and has /proc and pidfds."
)


@pytest.fixture(autouse=True)
def _new_processes() -> Iterator[None]:
    POOL.end()
    yield
    POOL.end()


def broken_decoder(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Have the process do ``body`` with the bytes of each image but the first."""
    begin = decoder_process.PROGRAM.partition("serve(")[0]
    decoding = (
        "from cifarviz.data import decoder_process as module\n"
        "first, decode = [True], module.read_image\n"
        "def read_image(data, name):\n"
        "    if first.pop() if first else False: return decode(data, name)\n"
        f"    {body}\n"
        "module.read_image = read_image\n"
    )
    program = f"{begin}{decoding}serve(int(sys.argv[1]), int(sys.argv[2]))\n"
    monkeypatch.setattr(decoder_process, "PROGRAM", program)
    assert decode(PHOTO, "first.png").width == 40


def assert_works() -> None:
    POOL.end()
    assert decode(PHOTO, "next.png").rgb[15, 3].tolist() == [220, 20, 20]


def test_a_process_decodes_several_images():
    decode(PHOTO, "a.png")
    first = POOL.pids()
    with pytest.raises(ImageUnreadable):
        decode(b"text", "b.txt")
    decode(PHOTO, "c.png")
    assert POOL.pids() == first
    assert first != [os.getpid()]


@linux
def test_it_holds_neither_tensorflow_nor_streamlit_and_keeps_its_limits():
    decode(PHOTO, "a.png")
    (pid,) = POOL.pids()
    maps = Path(f"/proc/{pid}/maps").read_text()
    assert "PIL" in maps
    assert "tensorflow" not in maps
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    expected = {line[:26].strip(): line[26:].split()[0] for line in limits}
    assert expected["Max address space"] == str(decoder_process.MEMORY_BYTES)
    assert expected["Max core file size"] == "0"
    assert int(expected["Max cpu time"]) <= decoder_process.CPU_SECONDS + 5


def test_large_pixels_arrive_as_they_were_decoded():
    pixels = np.random.default_rng(1).integers(0, 256, (700, 900, 3), np.uint8)
    upload = decode(encode_image(Image.fromarray(pixels), compress_level=1), "x.png")
    np.testing.assert_array_equal(upload.rgb, pixels)
    with pytest.raises(ValueError, match="read-only"):
        upload.rgb[0] = 0


# Those that need the most memory of all modes and formats: benchmarks/bench_uploads.py.
@pytest.mark.parametrize(
    ("make", "pixel"),
    [
        (lambda: hostile.png_plain(10_000, 5_000, 16, 6), 255),
        (lambda: hostile.webp_plain(10_000, 5_000), 100),
        (lambda: hostile.jpeg_scans(7_071, 1), 200),
    ],
)
def test_fifty_megapixels_fit_into_the_memory(make, pixel):
    upload = decode(make(), "large")
    assert upload.width * upload.height > 49_990_000
    assert abs(int(upload.rgb[2_000, 2_000, 0]) - pixel) <= 2
    # What the program itself takes for it.
    assert upload.rgb.nbytes < 50_000_000


@linux
def test_decoding_is_stopped_at_the_limit_of_processor_time(monkeypatch):
    monkeypatch.setattr(decoder_process, "CPU_SECONDS", 0)
    broken_decoder(monkeypatch, "while True: pass")
    with pytest.raises(ImageUnreadable, match=r"“a\.png” took more than"):
        decode(PHOTO, "a.png")
    monkeypatch.undo()
    assert_works()


def test_a_process_that_does_not_respond_is_killed(monkeypatch):
    broken_decoder(monkeypatch, "import time; time.sleep(1_000)")
    monkeypatch.setattr(decoder_process, "WALL_SECONDS", 0.2)
    with pytest.raises(ImageUnreadable, match=r"“a\.png” took more than"):
        decode(PHOTO, "a.png")
    monkeypatch.undo()
    assert_works()


@linux
def test_decoding_is_refused_at_the_memory_limit(monkeypatch):
    monkeypatch.setattr(decoder_process, "MEMORY_BYTES", 250_000_000)
    with pytest.raises(ImageUnreadable, match=r"“a\.png” needs more memory"):
        decode(hostile.png_plain(7_000, 7_000, 8, 2), "a.png")
    # It did not even end.
    assert len(POOL.pids()) == 1
    assert decode(PHOTO, "b.png").width == 40


LIES = [
    "print('x', flush=True); module._send(FileIO(1, 'wb'), {}, b'')",
    "module._send(module.FileIO(1, 'wb'), {'error': 5}, b'')",
    "module._send(module.FileIO(1, 'wb'), {'error': 'x'}, b'pixels')",
    "import os; os.write(1, b'\\xff' * 100)",
    "import os; os.write(1, module._FRAME.pack(2, 9) + b'[]' + bytes(9))",
    "import os; os.write(1, module._FRAME.pack(4, 9) + b'nope' + bytes(9))",
    "import os; os.write(1, module._FRAME.pack(60_000, 0) + b'[' * 60_000)",
    *(
        f"module._send(module.FileIO(1, 'wb'), {facts!r}, bytes({size}))"
        for facts, size in (
            ({"width": 2, "height": 2, "format": "PNG", "mode": "RGB", "notes": []}, 11),
            ({"width": -2, "height": -2, "format": "PNG", "mode": "RGB", "notes": []}, 12),
            ({"width": 2.0, "height": 2, "format": "PNG", "mode": "RGB", "notes": []}, 12),
            ({"width": 2, "height": 2, "format": "PNG", "mode": "RGB", "notes": [7]}, 12),
            ({"width": 2, "height": 2, "format": "PNG", "mode": "\x1b[2J", "notes": []}, 12),
            ({"width": 2, "height": 2}, 12),
        )
    ),
    "import os; os.abort()",
    "import sys; sys.exit(0)",
]


@pytest.mark.parametrize("lie", LIES)
def test_an_invalid_response_is_refused(monkeypatch, lie):
    broken_decoder(monkeypatch, lie)
    (pid,) = POOL.pids()
    with pytest.raises(ImageUnreadable, match=r"“a\.png” cannot be decoded"):
        decode(PHOTO, "a.png")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    monkeypatch.undo()
    assert_works()


def test_a_process_that_has_died_meanwhile_is_replaced():
    decode(PHOTO, "a.png")
    (pid,) = POOL.pids()
    os.kill(pid, 9)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert decode(PHOTO, "b.png").width == 40
    assert pid not in POOL.pids()


@pytest.mark.parametrize("program", [None, "/nowhere/python", sys.executable])
def test_images_are_decoded_in_process_if_none_can_be_started(monkeypatch, program):
    monkeypatch.setattr(sys, "executable", program)
    if program == sys.executable:
        monkeypatch.setattr(decoder_process, "PROGRAM", "raise SystemExit(3)")
    assert decode(PHOTO, "a.png").rgb[15, 3].tolist() == [220, 20, 20]
    with pytest.raises(ImageUnreadable, match="more than 1,000 segments"):
        decode(hostile.jpeg_segments(5_000), "b.jpg")
    assert POOL.pids() == []


def test_at_most_two_images_are_decoded_at_once_and_the_others_come_in_order(monkeypatch):
    running = threading.Semaphore(0)
    resume = threading.Semaphore(0)
    names: list[str] = []
    inside, most = 0, 0
    lock = threading.Lock()

    def slow(process: object, data: bytes, name: str, _: object) -> tuple[dict[str, str], None]:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
            names.append(name)
        running.release()
        resume.acquire()
        with lock:
            inside -= 1
        return {"error": name}, None

    monkeypatch.setattr(decoder_process.DecoderProcess, "decode", slow)
    with ThreadPoolExecutor(6) as threads:
        jobs = []
        for number in range(6):
            jobs.append(threads.submit(decode, PHOTO, f"{number}"))
            while number < 2 and not running.acquire(timeout=0.1):
                assert not jobs[-1].done()
            while number >= 2 and POOL.waiting() < number - 1:
                assert not jobs[-1].done()
        for number in range(6):
            resume.release()
            # One gives its place to the one that has waited longest.
            assert number >= 4 or running.acquire(timeout=60)
        for job in jobs:
            assert isinstance(job.exception(), ImageUnreadable)
    assert most == decoder_process.PROCESSES == 2
    assert names == [str(number) for number in range(6)]


def test_waiting_too_long_is_refused_and_others_keep_their_place(monkeypatch):
    monkeypatch.setattr(decoder_process, "WAIT_SECONDS", 0.05)
    with (
        POOL.slot("a"),
        POOL.slot("b"),
        pytest.raises(ImageDecoderBusy, match=r"“c\.png” waited"),
    ):
        decode(PHOTO, "c.png")
    assert POOL.waiting() == 0
    assert decode(PHOTO, "d.png").width == 40


SCRIPT = (
    "from cifarviz.data.uploads import decode\n"
    "print(decode(open(__import__('sys').argv[1], 'rb').read(), 'x.png').width)\n"
    "from cifarviz.data.decoder_process import POOL\n"
    "print(*POOL.pids())\n"
)


@pytest.mark.parametrize("way", ["-c", "a script without a guard", "-m", "elsewhere"])
def test_it_works_from_any_program_and_ends_with_it(tmp_path, way):
    (tmp_path / "photo.png").write_bytes(PHOTO)
    script = tmp_path / "unguarded.py"
    script.write_text(SCRIPT, encoding="utf-8")
    command = {
        "-c": ["-c", SCRIPT],
        "-m": ["-m", script.stem],
        "a script without a guard": [str(script)],
        "elsewhere": ["-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{SCRIPT}"],
    }[way]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    if way == "elsewhere":
        del environment["PYTHONPATH"]
    answer = subprocess.run(
        [sys.executable, *command, "photo.png"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert answer.stderr == ""
    width, pids = answer.stdout.splitlines()
    assert width == "40"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pids), 0)


@linux
def test_it_ends_when_the_program_is_killed(tmp_path):
    (tmp_path / "photo.png").write_bytes(PHOTO)
    program = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{SCRIPT}\nimport sys, time\nsys.stdout.flush()\ntime.sleep(99)",
            str(tmp_path / "photo.png"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    with program, program.stdout as output:
        output.readline()
        pid = int(output.readline())
        handle = os.pidfd_open(pid)
        program.kill()
        assert select.select([handle], [], [], 60)[0]
        os.close(handle)


def test_a_copy_of_the_program_uses_processes_of_its_own():
    decode(PHOTO, "a.png")
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe()

    def copy() -> None:
        before = POOL.pids()
        writer.send((before, decode(PHOTO, "b.png").width))

    process = context.Process(target=copy)
    process.start()
    assert reader.recv() == ([], 40)
    process.join()
    assert isinstance(decode(PHOTO, "c.png"), UploadedImage)
