"""Decoding untrusted images in separate processes with limits.

A Python process with only NumPy and Pillow is started for the first image and decodes one image
after another. Its processor time and memory are limited, and it is killed if it does not respond;
the next image gets a new process. Neither side trusts the other: both send a header of fixed
size, JSON and plain bytes, and the number of returned pixels is checked.

It is started with ``subprocess``, not ``multiprocessing``, which would run the caller's main
script again (Streamlit's, a test's or one without a guard) or copy a process with TensorFlow's
threads. When the parent ends, the standard input of the decoder ends, and so does the decoder.
"""

import atexit
import json
import logging
import math
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
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from cifarviz.data.image_pixels import UploadedImage, read_image, reduced_size
from cifarviz.data.picture_notes import PictureChange
from cifarviz.data.pictures import FitMode, fit_to
from cifarviz.errors import ImageDecoderBusy, ImageUnreadable
from cifarviz.image_structure import MAX_PIXELS

PROCESSES: Final = 2
CPU_SECONDS: Final = 8
"""Limit of processor time per image (Linux, macOS)."""
WALL_SECONDS: Final = 60.0 if os.name == "posix" else 20.0
"""Time limit per image on a busy machine; lower without a limit of processor time."""
MEMORY_BYTES: Final = 1_000_000_000
"""Limit of the address space of a process (Linux; not enforced on macOS and Windows)."""
WAIT_SECONDS: Final = 120.0
"""Time limit for waiting until a process is free."""

_START_SECONDS: Final = 30.0
_READY: Final = b"ready\n"
_FRAME: Final = struct.Struct(">IQ")
_MAX_HEADER: Final = 65_536
_PIPE_BYTES: Final = 1_048_576

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fitting:
    """To which size a picture is fitted, and how: as ``pictures.fit_to`` does."""

    image_shape: tuple[int, int, int]
    mode: FitMode = "crop"


@dataclass(frozen=True, eq=False)
class FittedImage:
    """A decoded picture, fitted to a size.

    ``pixels`` uint8 (height, width, 1 or 3); ``width`` and ``height`` are those of the file;
    ``notes``: each change made to it, besides fitting.
    """

    pixels: np.ndarray
    notes: tuple[PictureChange, ...]
    width: int
    height: int


class _StartFailed(Exception):
    """A process cannot be started on this machine."""


class _NoResponse(Exception):
    """The process has ended, or sent an invalid response."""


def decode_in_process(data: bytes, name: str) -> UploadedImage:
    """Decode an image file as ``read_image`` does, in a separate process.

    If no process can be started, it is decoded in this process, with the limits of structure and
    pixels. Raises ``ImageUnreadable`` as ``read_image`` does, and if the process was killed;
    ``ImageDecoderBusy`` if too many others are waiting.
    """
    header, rgb = _decode(data, name, None)
    notes = tuple(map(PictureChange, header["notes"]))
    size = header["width"], header["height"]
    return UploadedImage(rgb, notes, *size, header["format"], header["mode"])


def fit_in_process(data: bytes, name: str, fitting: Fitting) -> FittedImage:
    """Decode an image file and fit it, in the same process and with the same errors."""
    header, pixels = _decode(data, name, fitting)
    notes = tuple(map(PictureChange, header["notes"]))
    return FittedImage(pixels, notes, header["width"], header["height"])


def _decode(data: bytes, name: str, fitting: Fitting | None) -> tuple[dict[str, Any], np.ndarray]:
    with POOL.slot(name):
        try:
            process = POOL.take()
        except _StartFailed as error:
            _LOG.warning("Decoding images in this process: %s", error)
            return _respond(data, name, fitting)
        try:
            header, pixels = process.decode(data, name, fitting)
        except _NoResponse as error:
            raise _decoding_failed(process, name) from error
        finally:
            POOL.release(process)
    if pixels is None:
        raise ImageUnreadable(header["error"])
    pixels.flags.writeable = False
    return header, pixels


def _decoding_failed(process: "DecoderProcess", name: str) -> ImageUnreadable:
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
    """A decoding process, as its parent uses it."""

    def __init__(self) -> None:
        self.timed_out = False
        # Unknown if Python is embedded in another program.
        if not sys.executable:
            raise _StartFailed("the path of Python is unknown")
        command = [sys.executable, "-I", "-c", PROGRAM, str(CPU_SECONDS), str(MEMORY_BYTES)]
        # The module paths of this process: a checkout, a wheel or a notebook's kernel.
        paths = [*(os.path.abspath(path) for path in sys.path), str(Path(__file__).parents[2])]
        # Each further BLAS thread would use address space.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        detached: dict[str, Any] = (
            {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0)}
            if os.name == "nt"
            # Ctrl-C must only reach the server, which then ends this process.
            else {"start_new_session": True}
        )
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
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
        except _NoResponse:
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

    def decode(
        self, data: bytes, name: str, fitting: Fitting | None = None
    ) -> tuple[dict[str, Any], np.ndarray | None]:
        """Decode an image; returns its header and uint8 pixels, or ``None``.

        They are (height, width, 3), or with ``fitting`` of its shape. Raises ``_NoResponse``,
        after which the process has ended.
        """
        request: dict[str, Any] = {"name": name}
        if fitting is not None:
            request |= {"image_shape": fitting.image_shape, "mode": fitting.mode}
        try:
            with self._deadline(WALL_SECONDS):
                _send(self._input, request, data)
                return self._receive(fitting)
        except BaseException:
            # Its later output would be taken for the response to another image.
            self.end()
            raise

    def _receive(self, fitting: Fitting | None) -> tuple[dict[str, Any], np.ndarray | None]:
        header, length = _receive_header(self._output)
        if set(header) == {"error"} and length == 0 and _is_text(header["error"]):
            return header, None
        facts = {"width": int, "height": int, "format": str, "mode": str, "notes": list}
        if header.keys() != facts.keys() or not all(
            type(header[key]) is kind for key, kind in facts.items()
        ):
            raise _NoResponse("a header of another kind")
        width, height = header["width"], header["height"]
        if not (min(width, height) > 0 and width * height <= MAX_PIXELS):
            raise _NoResponse("a header of another size")
        shape = (*reduced_size(width, height)[::-1], 3) if fitting is None else fitting.image_shape
        texts = [header["format"], header["mode"]]
        if not (
            length == math.prod(shape)
            and all(map(_is_text, texts))
            and all(note in list(PictureChange) for note in header["notes"])
        ):
            raise _NoResponse("a header that contradicts itself")
        pixels = np.empty(shape, np.uint8)
        _read_into(self._output, pixels.data.cast("B"))
        return header, pixels

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        """Kill the process if the body takes longer; its pipe ends then."""

        def kill() -> None:
            self.timed_out = True
            self._process.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        except OSError as error:
            raise _NoResponse(str(error)) from error
        finally:
            timer.cancel()
            timer.join()

    def end(self) -> None:
        """Kill the process and wait until it has ended."""
        self._process.kill()
        if self._process.wait() == -getattr(signal, "SIGXCPU", 0):
            self.timed_out = True
        for pipe in (self._input, self._output):
            with suppress(OSError):
                pipe.close()


class DecoderPool:
    """A pool of decoder processes, used in the order of the requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = PROCESSES
        self._waiting: deque[threading.Event] = deque()
        self._idle: list[DecoderProcess] = []

    def reset(self) -> None:
        """Start with an empty pool after a fork, which must not share the decoders."""
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
        # The timer may have fired just after the last byte arrived.
        if process.timed_out or not process.is_alive():
            process.end()
            return
        with self._lock:
            self._idle.append(process)

    def pids(self) -> list[int]:
        """Return the ids of the idle processes."""
        with self._lock:
            return [process.pid for process in self._idle]

    def waiting(self) -> int:
        """Return the number of images that wait for a process."""
        with self._lock:
            return len(self._waiting)

    def end(self) -> None:
        """End the idle processes; the next image gets a new process."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()


POOL: Final = DecoderPool()
atexit.register(POOL.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.reset)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 1_000 and value.isprintable()


def _send(pipe: IO[bytes], header: dict[str, Any], data: bytes | memoryview) -> None:
    encoded = json.dumps(header).encode()
    for part in (_FRAME.pack(len(encoded), len(data)) + encoded, data):
        rest = memoryview(part)
        while rest:
            rest = rest[pipe.write(rest) :]


def _receive_header(pipe: IO[bytes]) -> tuple[dict[str, Any], int]:
    """Read a header; returns it and the number of bytes that follow."""
    encoded, length = _FRAME.unpack(_read(pipe, _FRAME.size))
    if encoded > _MAX_HEADER:
        raise _NoResponse("a header that is too long")
    try:
        header = json.loads(bytes(_read(pipe, encoded)))
    except (ValueError, RecursionError) as error:
        raise _NoResponse("a header that is no JSON") from error
    if not isinstance(header, dict):
        raise _NoResponse("a header of another kind")
    return header, length


def _read(pipe: IO[bytes], size: int) -> bytearray:
    data = bytearray(size)
    _read_into(pipe, memoryview(data))
    return data


def _read_into(pipe: IO[bytes], place: memoryview) -> None:
    while place:
        size = pipe.readinto(place)  # type: ignore[attr-defined]
        if not size:
            raise _NoResponse("the end of its output")
        place = place[size:]


def _widen(pipe: IO[bytes]) -> None:
    """Enlarge a pipe's 64 kB buffer if possible: a photo sends 36 MB through it."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


# --- The code below runs in the decoding process.

PROGRAM: Final = """\
import sys
sys.path[:] = sys.argv[3:]
from cifarviz.data.decoder_process import serve
serve(int(sys.argv[1]), int(sys.argv[2]))
"""


def serve(cpu_seconds: int, memory_bytes: int) -> None:
    """Decode images from standard input, one after another, until it ends."""
    source, sink = FileIO(0, "rb", closefd=False), FileIO(1, "wb", closefd=False)
    # Output of a library must not mix with the pixels.
    sys.stdout = sys.stderr
    _limit("RLIMIT_AS", memory_bytes, for_good=True)
    # A core dump would store a copy of the image.
    _limit("RLIMIT_CORE", 0, for_good=True)
    sink.write(_READY)
    while True:
        try:
            header, length = _receive_header(source)
        except _NoResponse:
            return
        data = bytes(_read(source, length))
        _limit("RLIMIT_CPU", int(time.process_time()) + 1 + cpu_seconds, for_good=False)
        fitting = None
        if "image_shape" in header:
            fitting = Fitting(tuple(header["image_shape"]), header["mode"])
        try:
            facts, pixels = _respond(data, header["name"], fitting)
        except ImageUnreadable as error:
            _send(sink, {"error": str(error)}, b"")
            continue
        _send(sink, facts, np.ascontiguousarray(pixels).data.cast("B"))
        del data, pixels


def _respond(data: bytes, name: str, fitting: Fitting | None) -> tuple[dict[str, Any], np.ndarray]:
    image = read_image(data, name)
    facts = ("width", "height", "format", "mode", "notes")
    header = {key: getattr(image, key) for key in facts}
    if fitting is None:
        return header, image.rgb
    return header, fit_to(image.rgb, fitting.image_shape, fitting.mode)


def _limit(name: str, value: int, *, for_good: bool) -> None:
    """Lower a resource limit of this process, if the system supports it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    with suppress(OSError, ValueError):
        kind = getattr(resource, name)
        resource.setrlimit(kind, (value, value if for_good else resource.getrlimit(kind)[1]))
