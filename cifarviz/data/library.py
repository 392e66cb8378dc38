"""Which data is on this machine, and opening it."""

from dataclasses import dataclass
from pathlib import Path

import filelock
import numpy as np

from cifarviz.data import cache, sample
from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.data.progress import ProgressReporter
from cifarviz.data.verification import check_arrays
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.datasets.registry import find
from cifarviz.errors import DatasetDamaged, DatasetNotFound
from cifarviz.installation import program_name
from cifarviz.settings import Settings
from cifarviz.storage import storage_errors


@dataclass(frozen=True)
class DatasetStatus:
    """What is known of a data set without reading its images.

    ``sample_train`` and ``sample_test`` count the embedded images. ``full_available``: the full
    set can be loaded; ``verified``: it once matched its fingerprints and has its sizes still;
    ``path``: its folder; ``bytes``: what it takes there; ``problem``: why it can't be loaded, in a
    sentence. ``notes``: sentences on how it came here, after a fetch.
    """

    name: str
    sample_train: int
    sample_test: int
    full_available: bool
    verified: bool
    path: Path
    bytes: int
    problem: str | None
    notes: tuple[str, ...] = ()


def load(name: str | DatasetInfo, variant: Variant, settings: Settings) -> Dataset:
    """Open a data set: the embedded sample, or the full set memory-mapped from the home.

    Raises ``DatasetNotFound`` when the full set isn't here and says how to get it;
    ``DatasetDamaged`` when what is here can't be used.
    """
    info = find(name)
    if variant == "sample" and info.has_sample:
        return sample.read(info)
    folder = full_folder(info, settings)
    problem = cache.find_problem(folder, info)
    if variant not in info.variants:
        raise DatasetNotFound(
            "{dataset} has no embedded sample. {hint}",
            dataset=info.title,
            hint=fetch_hint(info),
        )
    if problem is not None:
        kind = DatasetDamaged if (folder / cache.MARKER).exists() else DatasetNotFound
        raise kind("{problem} {hint}", problem=problem, hint=fetch_hint(info))
    arrays = cache.read_arrays(folder)
    return Dataset(
        info,
        variant,
        ImageSet(arrays.train_images, arrays.train_labels, np.arange(info.train_images)),
        ImageSet(arrays.test_images, arrays.test_labels, np.arange(info.test_images)),
    )


def load_or_sample(name: str | DatasetInfo, variant: Variant, settings: Settings) -> Dataset:
    """The same, with the embedded sample where the full set is wanted and is not here.

    Raises ``DatasetDamaged``, and ``DatasetNotFound`` where there is no sample either.
    """
    try:
        return load(name, variant, settings)
    except DatasetNotFound:
        if "sample" not in find(name).variants:
            raise
        return load(name, "sample", settings)


def fetch_hint(info: DatasetInfo) -> str:
    """Say how the full set gets onto this machine, in a sentence."""
    if not info.sources:
        return (
            "Choose a folder or archive that holds it on the Start page, or use "
            f"“{program_name()} data fetch {info.name} --from PATH”."
        )
    return f"Fetch it on the Start page, or use “{program_name()} data fetch {info.name}”."


def image_counts(name: str | DatasetInfo, variant: Variant) -> tuple[int, int]:
    """Give how many training and test images a data set has, or the sample of one."""
    info = find(name)
    if variant == "sample":
        return sample.counts(info)
    return info.train_images, info.test_images


def available_variants(name: str | DatasetInfo, settings: Settings) -> tuple[Variant, ...]:
    """Give what of a data set can be opened on this machine, the smallest first; it may be none."""
    info = find(name)
    full = status(info, settings).full_available
    return tuple(variant for variant in info.variants if variant == "sample" or full)


def status(
    name: str | DatasetInfo, settings: Settings, notes: tuple[str, ...] = ()
) -> DatasetStatus:
    """Say what is here; looks at names and sizes only, so it is fast."""
    info = find(name)
    folder = full_folder(info, settings)
    problem = cache.find_problem(folder, info)
    sample_train, sample_test = sample.counts(info)
    return DatasetStatus(
        name=info.name,
        sample_train=sample_train,
        sample_test=sample_test,
        full_available=problem is None,
        verified=problem is None,
        path=folder,
        bytes=sum(file.stat().st_size for file in folder.glob("*.npy")),
        problem=problem,
        notes=notes,
    )


def verify(
    name: str | DatasetInfo, settings: Settings, watch: ProgressReporter | None = None
) -> DatasetStatus:
    """Hold every byte of the full set against its fingerprints (about a second).

    Found damaged, it loses its mark, so that nothing loads it before it is fetched again.
    """
    info = find(name)
    if cache.find_problem(full_folder(info, settings), info) is not None:
        return status(info, settings)
    with storage_errors(settings.locks):
        settings.locks.mkdir(parents=True, exist_ok=True)
        with fetch_lock(info, settings):
            problem = find_damage(info, settings, watch or ProgressReporter())
            if problem is not None:
                cache.remove_marker(full_folder(info, settings))
    return status(info, settings, notes=(problem,) if problem else ())


def find_damage(info: DatasetInfo, settings: Settings, watch: ProgressReporter) -> str | None:
    """Read the kept set whole and say what is wrong with it, None when all is well."""
    folder = full_folder(info, settings)
    try:
        arrays = cache.read_arrays(folder)
        earlier = cache.read_fingerprints(folder)
        check_arrays(arrays, info, str(folder), watch, earlier)
    except (DatasetDamaged, DatasetNotFound) as error:
        return str(error)
    return None


def full_folder(info: DatasetInfo, settings: Settings) -> Path:
    """Give the folder that keeps the full set decoded."""
    return settings.datasets / info.name


def fetch_lock(info: DatasetInfo, settings: Settings) -> filelock.BaseFileLock:
    """Give the lock that whoever changes the kept set holds, in this process or another."""
    return filelock.FileLock(settings.locks / f"data-{info.name}.lock")
