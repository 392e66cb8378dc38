"""Downloading files from a web server.

Cancelling takes a fraction of a second, whatever the network does.
"""

import hashlib
import http.client
import textwrap
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cifarviz.data.progress import ProgressReporter
from cifarviz.datasets.sources import Archive
from cifarviz.errors import DatasetDamaged, DatasetNotFound
from cifarviz.storage import storage_errors

CONNECT_SECONDS = 5.0
STALL_SECONDS = 60.0
_POLL_SECONDS = 0.1
_CHUNK = 1 << 18
_LONGEST_REASON = 200


@dataclass
class _Transfer:
    """State shared by the transferring thread and the thread that waits for it."""

    connected: bool = False
    total: int | None = None
    done: int = 0
    failure: Exception | None = None
    abandoned: threading.Event = field(default_factory=threading.Event)


def download(archives: Sequence[Archive], folder: Path, watch: ProgressReporter) -> Path:
    """Download files into ``folder``, one after another.

    Returns the path of a single file, or the folder of several. Raises ``DatasetNotFound`` if the
    server cannot be reached within 5 s, sends nothing for a minute, responds with an error or
    sends much more than expected; ``DatasetDamaged`` if a file is not the published one;
    ``StorageFull``; ``FetchCancelled``.
    """
    watch.stage("connecting")
    total = sum(archive.bytes for archive in archives)
    paths: list[Path] = []
    before = 0
    for archive in archives:
        paths.append(_download(archive, folder, before, total, watch))
        before += archive.bytes
    return paths[0] if len(paths) == 1 else folder


def _download(
    archive: Archive, folder: Path, before: int, total: int, watch: ProgressReporter
) -> Path:
    """Download a file; ``before`` of the ``total`` bytes came with earlier files."""
    transfer = _Transfer()
    host = urllib.parse.urlsplit(archive.url).hostname
    target = folder / archive.file_name
    # In a thread, since name lookup and reading a socket can block and cannot be interrupted; a
    # daemon, so that a blocked thread does not keep the process alive.
    thread = threading.Thread(
        target=_transfer, args=(archive, target, transfer), name="download", daemon=True
    )
    thread.start()
    try:
        _wait(thread, transfer, host, before, total, watch)
    finally:
        transfer.abandoned.set()
    if transfer.failure is None:
        _check_md5(target, archive, watch)
        return target
    try:
        with storage_errors(folder):
            raise transfer.failure
    except urllib.error.HTTPError as error:
        raise DatasetNotFound(
            "{host} responded with error {code} ({reason}).",
            host=host,
            code=error.code,
            reason=_shorten(error.reason),
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DatasetNotFound(
            "{host} cannot be reached ({reason}).", host=host, reason=_shorten(reason)
        ) from error


def _shorten(reason: object) -> str:
    """Return a reason, which may quote what a server sent, as a short text on one line."""
    plain = "".join(letter if letter.isprintable() else " " for letter in str(reason))
    return textwrap.shorten(plain, _LONGEST_REASON, placeholder="…")


def _check_md5(path: Path, archive: Archive, watch: ProgressReporter) -> None:
    if archive.md5 is None:
        return
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            watch.check()
    if digest.hexdigest() != archive.md5:
        host = urllib.parse.urlsplit(archive.url).hostname
        raise DatasetDamaged(
            "“{file_name}” from {host} is not the published archive: its checksum (MD5) differs.",
            file_name=archive.file_name,
            host=host,
        )


def _wait(
    thread: threading.Thread,
    transfer: _Transfer,
    host: str | None,
    before: int,
    total: int,
    watch: ProgressReporter,
) -> None:
    last_bytes, last_change = 0, time.monotonic()
    downloading = False
    waiting = True
    while waiting:
        # Asked before the state is read: a small file may be here before the first look at it.
        thread.join(_POLL_SECONDS)
        waiting = thread.is_alive()
        now = time.monotonic()
        if transfer.connected and not downloading:
            downloading, last_change = True, now
            if before == 0:
                watch.stage("downloading", total)
        if transfer.done != last_bytes:
            last_bytes, last_change = transfer.done, now
        if downloading or before > 0:
            watch.advance(min(before + transfer.done, total), total)
        else:
            watch.advance(0, None)
        patience = STALL_SECONDS if downloading else CONNECT_SECONDS
        if waiting and now - last_change > patience:
            raise DatasetNotFound(
                "{host} did not respond for {seconds:.0f} seconds.", host=host, seconds=patience
            )


def _transfer(archive: Archive, target: Path, transfer: _Transfer) -> None:
    try:
        request = urllib.request.Request(archive.url, headers={"User-Agent": "cifarviz"})  # noqa: S310 - a constant of a data set
        with urllib.request.urlopen(request, timeout=STALL_SECONDS) as response:  # noqa: S310 - a constant of a data set
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
                            f"it sent more than the expected {archive.bytes:,} bytes"
                        )
        if transfer.total is not None and transfer.done < transfer.total:
            raise http.client.HTTPException(
                f"the connection was lost after {transfer.done:,} of {transfer.total:,} bytes"
            )
    except Exception as error:  # raised by the waiting thread
        transfer.failure = error
