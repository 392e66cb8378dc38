"""kill -9 while data sets are imported and fetched: each is there whole, or not at all."""

import io
import random
import shutil
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.reliability.home_files import unreadable_files
from benchmarks.reliability.programs import Program, open_store
from cifarviz.data import library
from cifarviz.datasets import own
from cifarviz.errors import CifarvizError, DatasetNotFound
from cifarviz.settings import Settings
from tests.picture_sources import fruits, write_folder

_PICTURES = 400
_BATCH = 10_000


def kill_imports(home: Path, tries: int) -> tuple[int, list[str]]:
    """Kill so many imports of pictures; returns how many were killed, and what went wrong."""
    folder = write_folder(fruits(_PICTURES), home.parent / "pictures")
    command = ("data", "import", str(folder), "--name", "fruits", "--json")
    return tries, list(_kill(home, command, "fruits", tries))


def kill_fetches(home: Path, tries: int) -> tuple[int, list[str]]:
    """Kill so many fetches of the full CIFAR-10, from an archive on this disk.

    None without the full set in ``CIFARVIZ_HOME``, of which the archive is made.
    """
    settings = Settings.from_environment()
    if not library.status("cifar10", settings).full_available:
        print("  bar 1: without the full CIFAR-10 no fetch is killed", flush=True)
        return 0, []
    home.mkdir(parents=True)
    archive = _write_archive(settings.datasets / "cifar10", home.parent)
    command = ("data", "fetch", "cifar10", "--from", str(archive))
    return tries, list(_kill(home, command, "cifar10", tries))


def _kill(home: Path, command: tuple[str, ...], name: str, tries: int) -> Iterator[str]:
    # How long it takes, in a home of its own.
    began = time.monotonic()
    yield from _complete(home.parent / "timed", command, name)
    seconds = time.monotonic() - began
    for _ in range(tries):
        with Program(home, *command) as program:
            time.sleep(random.uniform(0.2, 0.95) * seconds)
            program.kill()
        for problem in unreadable_files(home):
            # What was half written is removed by the next one.
            if not problem.endswith("half written"):
                yield f"{name} after a kill: {problem}"
        try:
            _load(home, name)
        except DatasetNotFound:
            continue
        except CifarvizError as error:
            yield f"{name} after a kill: {error}"
        # All of it is there, so the next one begins with an empty home.
        shutil.rmtree(home / "data")
    yield from _complete(home, command, name)
    yield from (f"{name} at the end: {one}" for one in unreadable_files(home))


def _complete(home: Path, command: tuple[str, ...], name: str) -> Iterator[str]:
    with Program(home, *command) as program:
        if program.process.wait() != 0:
            yield f"{name} did not come in: {program.log()[-300:]}"
            return
    try:
        _load(home, name)
    except CifarvizError as error:
        yield f"{name} did not come in: {error}"


def _load(home: Path, name: str) -> None:
    """Load it whole; raises ``DatasetNotFound`` where it is not there, ``DatasetDamaged`` too."""
    settings = open_store(home).settings
    own.forget()
    dataset = library.load(name, "full", settings)
    for part in (dataset.train, dataset.test):
        part.images.sum(dtype=np.int64)


def _write_archive(folder: Path, into: Path) -> Path:
    """Write the arrays of a full set as the published archive of binary batches."""
    path = into / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for part in ("train", "test"):
            images = np.load(folder / f"{part}_images.npy", mmap_mode="r")
            labels = np.load(folder / f"{part}_labels.npy")
            for number, first in enumerate(range(0, len(labels), _BATCH), 1):
                chosen = slice(first, first + _BATCH)
                pixels = images[chosen].transpose(0, 3, 1, 2).reshape(_BATCH, -1)
                content = np.column_stack([labels[chosen].astype(np.uint8), pixels]).tobytes()
                name = "test_batch.bin" if part == "test" else f"data_batch_{number}.bin"
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path
