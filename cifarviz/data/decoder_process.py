"""Decoding strangers' images in processes that can be given up.

A process of Python's own with nothing in it but NumPy and Pillow is started when the first image
comes, and decodes one image after another. It may use so many seconds of processor time and so
much memory, and is killed when it does not answer; the next image gets a new one. It trusts
nobody and is not trusted: both sides send a header of fixed size, JSON and plain bytes, and the
pixels that come back are counted.

It is started like any program (``subprocess``), not by ``multiprocessing``: that would run the
caller's main script again, which may be Streamlit's, a test's or one without a guard, or copy a
process in which TensorFlow's threads are at work. When the process that started it ends, however
it does, its standard input ends too, and so does it.
"""

import atexit
import json
import logging
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from cifarviz.data.image_pixels import UploadedImage, read_image
from cifarviz.data.picture_notes import PictureChange
from cifarviz.errors import ImageDecoderBusy, ImageUnreadable
from cifarviz.image_structure import MAX_PIXELS

PROCESSES: Final = 2
CPU_SECONDS: Final = 8
"""Processor time that an image may take (Linux, macOS)."""
WALL_SECONDS: Final = 60.0 if os.name == "posix" else 20.0
"""Time that an image may take on a machine that is busy; where nothing else limits it, less."""
MEMORY_BYTES: Final = 1_000_000_000
"""Address space of a process (Linux; macOS and Windows do not enforce one)."""
WAIT_SECONDS: Final = 120.0
"""Time that an image may wait for those before it."""

_START_SECONDS: Final = 30.0
_READY: Final = b"ready\n"
_FRAME: Final = struct.Struct(">IQ")
_MAX_HEADER: Final = 65_536
_PIPE_BYTES: Final = 1_048_576

_LOG = logging.getLogger(__name__)


class _StartFailed(Exception):
    """No process can be started here."""


class _NoAnswer(Exception):
    """The process has ended, or sent what no decoder sends."""


def decode_in_process(data: bytes, name: str) -> UploadedImage:
    """Decode an image file as ``read_image`` does, in a process of its own.

    Where none can be started it is decoded here, within the limits of structure and pixels.
    Raises ``ImageUnreadable`` as ``read_image`` does, and when the process was given up;
    ``ImageDecoderBusy`` when too many others are waiting.
    """
    with POOL.slot(name):
        try:
            process = POOL.take()
        except _StartFailed as error:
            _LOG.warning("Decoding images in this process: %s", error)
            return read_image(data, name)
        try:
            header, rgb = process.decode(data, name)
        except _NoAnswer as error:
            raise _given_up(process, name) from error
        finally:
            POOL.release(process)
    if rgb is None:
        raise ImageUnreadable(header["error"])
    rgb.flags.writeable = False
    height, width, _ = rgb.shape
    notes = tuple(map(PictureChange, header["notes"]))
    return UploadedImage(rgb, notes, width, height, header["format"], header["mode"])


def _given_up(process: "DecoderProcess", name: str) -> ImageUnreadable:
    if process.timed_out:
        return ImageUnreadable(
            "Decoding “{name}” took more than the {seconds} seconds allowed. Save it again as a "
            "plain PNG or JPEG image.",
            name=name,
            seconds=CPU_SECONDS,
        )
    _LOG.warning("An image decoder process ended with code %s", process.exit_code)
    return ImageUnreadable(
        "“{name}” cannot be decoded: it crashed the decoder. Save it again as a plain PNG or JPEG "
        "image.",
        name=name,
    )


class DecoderProcess:
    """One decoding process, seen from outside."""

    def __init__(self) -> None:
        self.timed_out = False
        # A program that Python is part of may not know where Python is.
        if not sys.executable:
            raise _StartFailed("the path of Python is unknown")
        command = [sys.executable, "-I", "-c", PROGRAM, str(CPU_SECONDS), str(MEMORY_BYTES)]
        # Where this process finds its modules, be it a checkout, a wheel or a notebook's kernel.
        paths = [*(os.path.abspath(path) for path in sys.path), str(Path(__file__).parents[2])]
        # One thread: each of BLAS's would take address space for itself.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        detached: dict[str, Any] = (
            {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0)}
            if os.name == "nt"
            # Ctrl-C is for the server, which then ends this one.
            else {"start_new_session": True}
        )
        try:
            self._process = subprocess.Popen(
                [*command, *paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env=environment,
                **detached,
            )
        except (OSError, ValueError) as error:
            raise _StartFailed(f"“{sys.executable}” cannot be started ({error})") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        try:
            with self._deadline(_START_SECONDS):
                ready = bytes(_read(self._output, len(_READY)))
        except _NoAnswer:
            ready = b""
        if ready != _READY:
            self.end()
            raise _StartFailed(f"“{sys.executable}” ended with code {self.exit_code}")
        for pipe in (self._input, self._output):
            _widen(pipe)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def decode(self, data: bytes, name: str) -> tuple[dict[str, Any], np.ndarray | None]:
        """Have an image decoded: its header, and uint8 (height, width, 3) or ``None``.

        Raises ``_NoAnswer``; the process has ended then.
        """
        try:
            with self._deadline(WALL_SECONDS):
                _send(self._input, {"name": name}, data)
                return self._receive()
        except BaseException:
            # Whatever broke it off: what it sends from now on would answer another question.
            self.end()
            raise

    def _receive(self) -> tuple[dict[str, Any], np.ndarray | None]:
        header, length = _receive_header(self._output)
        if set(header) == {"error"} and length == 0 and _is_text(header["error"]):
            return header, None
        facts = {"width": int, "height": int, "format": str, "mode": str, "notes": list}
        if header.keys() != facts.keys() or not all(
            type(header[key]) is kind for key, kind in facts.items()
        ):
            raise _NoAnswer("a header of another kind")
        width, height = header["width"], header["height"]
        texts = [header["format"], header["mode"]]
        if not (
            min(width, height) > 0
            and width * height <= MAX_PIXELS
            and length == 3 * width * height
            and all(map(_is_text, texts))
            and all(note in list(PictureChange) for note in header["notes"])
        ):
            raise _NoAnswer("a header that contradicts itself")
        rgb = np.empty((height, width, 3), np.uint8)
        _read_into(self._output, rgb.data.cast("B"))
        return header, rgb

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        """Kill the process if the body takes longer, which then meets the end of its pipe."""

        def give_up() -> None:
            self.timed_out = True
            self._process.kill()

        timer = threading.Timer(seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        except OSError as error:
            raise _NoAnswer(str(error)) from error
        finally:
            timer.cancel()
            timer.join()

    def end(self) -> None:
        """End it and wait until it is gone."""
        self._process.kill()
        if self._process.wait() == -getattr(signal, "SIGXCPU", 0):
            self.timed_out = True
        for pipe in (self._input, self._output):
            with suppress(OSError):
                pipe.close()


class DecoderPool:
    """The processes, and who may use one next: first come, first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = PROCESSES
        self._waiting: deque[threading.Event] = deque()
        self._idle: list[DecoderProcess] = []

    def forget(self) -> None:
        """Begin anew, in a copy of the process: it must not talk to the same decoders."""
        self.__init__()  # type: ignore[misc]

    @contextmanager
    def slot(self, name: str) -> Iterator[None]:
        """Wait until fewer than ``PROCESSES`` images are being decoded."""
        granted = threading.Event()
        with self._lock:
            if self._free:
                self._free -= 1
                granted.set()
            else:
                self._waiting.append(granted)
        try:
            if not granted.wait(WAIT_SECONDS):
                raise ImageDecoderBusy(
                    "“{name}” waited {seconds:.0f} seconds for other images to be decoded. Try "
                    "again in a moment.",
                    name=name,
                    seconds=WAIT_SECONDS,
                )
            yield
        finally:
            with self._lock:
                if granted in self._waiting:
                    self._waiting.remove(granted)
                elif self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._free += 1

    def take(self) -> DecoderProcess:
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return DecoderProcess()
            if process.is_alive():
                return process
            process.end()

    def release(self, process: DecoderProcess) -> None:
        # The time may have run out just after the last byte came.
        if process.timed_out or not process.is_alive():
            process.end()
            return
        with self._lock:
            self._idle.append(process)

    def pids(self) -> list[int]:
        """Give the process ids of those that have no image to decode."""
        with self._lock:
            return [process.pid for process in self._idle]

    def waiting(self) -> int:
        """Give the number of images that wait for a process."""
        with self._lock:
            return len(self._waiting)

    def end(self) -> None:
        """End those that have no image to decode; the next image gets a new one."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()


POOL: Final = DecoderPool()
atexit.register(POOL.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.forget)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 1_000 and value.isprintable()


def _send(pipe: IO[bytes], header: dict[str, Any], data: bytes | memoryview) -> None:
    encoded = json.dumps(header).encode()
    for part in (_FRAME.pack(len(encoded), len(data)) + encoded, data):
        rest = memoryview(part)
        while rest:
            rest = rest[pipe.write(rest) :]


def _receive_header(pipe: IO[bytes]) -> tuple[dict[str, Any], int]:
    """Read a header and the number of bytes that follow it."""
    encoded, length = _FRAME.unpack(_read(pipe, _FRAME.size))
    if encoded > _MAX_HEADER:
        raise _NoAnswer("a header that is too long")
    try:
        header = json.loads(bytes(_read(pipe, encoded)))
    except (ValueError, RecursionError) as error:
        raise _NoAnswer("a header that is no JSON") from error
    if not isinstance(header, dict):
        raise _NoAnswer("a header of another kind")
    return header, length


def _read(pipe: IO[bytes], size: int) -> bytearray:
    data = bytearray(size)
    _read_into(pipe, memoryview(data))
    return data


def _read_into(pipe: IO[bytes], place: memoryview) -> None:
    while place:
        size = pipe.readinto(place)  # type: ignore[attr-defined]
        if not size:
            raise _NoAnswer("the end of its output")
        place = place[size:]


def _widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold more than 64 kB, where the system can: 36 MB go through it for a photo."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


# --- What follows runs in the decoding process.

PROGRAM: Final = """\
import sys
sys.path[:] = sys.argv[3:]
from cifarviz.data.decoder_process import serve
serve(int(sys.argv[1]), int(sys.argv[2]))
"""


def serve(cpu_seconds: int, memory_bytes: int) -> None:
    """Decode what comes on standard input, one image after another, until it ends."""
    source, sink = FileIO(0, "rb", closefd=False), FileIO(1, "wb", closefd=False)
    # What a library prints must not come among the pixels.
    sys.stdout = sys.stderr
    _limit("RLIMIT_AS", memory_bytes, for_good=True)
    # A crash would leave a copy of somebody's photo behind.
    _limit("RLIMIT_CORE", 0, for_good=True)
    sink.write(_READY)
    while True:
        try:
            header, length = _receive_header(source)
        except _NoAnswer:
            return
        data = bytes(_read(source, length))
        _limit("RLIMIT_CPU", int(time.process_time()) + 1 + cpu_seconds, for_good=False)
        try:
            image = read_image(data, header["name"])
        except ImageUnreadable as error:
            _send(sink, {"error": str(error)}, b"")
            continue
        facts = ("width", "height", "format", "mode", "notes")
        _send(sink, {key: getattr(image, key) for key in facts}, image.rgb.data.cast("B"))
        del data, image


def _limit(name: str, value: int, *, for_good: bool) -> None:
    """Lower a limit of this process, where the system has it and allows that."""
    try:
        import resource
    except ImportError:  # Windows
        return
    with suppress(OSError, ValueError):
        kind = getattr(resource, name)
        resource.setrlimit(kind, (value, value if for_good else resource.getrlimit(kind)[1]))
