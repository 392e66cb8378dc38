"""Opening the data sets on this machine, and their status."""

from dataclasses import dataclass
from pathlib import Path

import filelock
import numpy as np

from cifarviz.data import cache, sample
from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.data.progress import ProgressReporter
from cifarviz.data.verification import check_arrays
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.datasets.own import use_folder
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import DatasetDamaged, DatasetNotFound
from cifarviz.installation import program_name
from cifarviz.people.person import is_teacher
from cifarviz.settings import Settings
from cifarviz.storage import storage_errors


@dataclass(frozen=True)
class DatasetStatus:
    """The status of a data set, without reading its images.

    ``sample_train`` and ``sample_test`` are the numbers of embedded images. ``full_available``: the
    full set can be loaded; ``verified``: it matched its fingerprints when stored, and its sizes
    have not changed; ``path``: its folder; ``bytes``: its size on disk; ``problem``: a sentence on
    why it cannot be loaded. ``notes``: sentences on how it was fetched.
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
    """Open a data set: the embedded sample, or the full set, memory-mapped.

    Raises ``DatasetNotFound`` with a hint how to fetch the full set if it is not on this machine;
    ``DatasetDamaged`` if the stored set cannot be used.
    """
    info = _find(name, settings)
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
    """Open a data set as ``load`` does, or its sample if the full set is not on this machine.

    Raises ``DatasetDamaged``, and ``DatasetNotFound`` if there is no sample either.
    """
    try:
        return load(name, variant, settings)
    except DatasetNotFound:
        if "sample" not in find_dataset(name).variants:
            raise
        return load(name, "sample", settings)


def fetch_hint(info: DatasetInfo) -> str:
    """Return a sentence on how the current person gets the full set."""
    if info.own:
        return (
            "They were deleted, or not packed with their run. Import the same pictures again on "
            "the Data page, or a run that was packed with them."
        )
    if not is_teacher():
        return "The teacher can add it on the Data page."
    if not info.sources:
        return (
            "Choose a folder or archive that holds it on the Data page, or use "
            f"“{program_name()} data fetch {info.name} --from PATH”."
        )
    return f"Fetch it on the Data page, or use “{program_name()} data fetch {info.name}”."


def image_counts(name: str | DatasetInfo, variant: Variant) -> tuple[int, int]:
    """Return the numbers of training and test images of a data set or its sample."""
    info = find_dataset(name)
    if variant == "sample":
        return sample.counts(info)
    return info.train_images, info.test_images


def available_variants(name: str | DatasetInfo, settings: Settings) -> tuple[Variant, ...]:
    """Return the variants that can be opened on this machine, smallest first; may be empty."""
    info = _find(name, settings)
    full = status(info, settings).full_available
    return tuple(variant for variant in info.variants if variant == "sample" or full)


def status(
    name: str | DatasetInfo, settings: Settings, notes: tuple[str, ...] = ()
) -> DatasetStatus:
    """Return the status of a data set; fast, since it only checks names and sizes."""
    info = _find(name, settings)
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
    """Compare every byte of the full set with its fingerprints (about a second).

    A damaged set loses its marker, so that it cannot be loaded until it is fetched again.
    """
    info = _find(name, settings)
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
    """Read the stored set completely; returns a sentence on its damage, or ``None``."""
    folder = full_folder(info, settings)
    try:
        arrays = cache.read_arrays(folder)
        earlier = cache.read_fingerprints(folder)
        check_arrays(arrays, info, str(folder), watch, earlier)
    except (DatasetDamaged, DatasetNotFound) as error:
        return str(error)
    return None


def _find(name: str | DatasetInfo, settings: Settings) -> DatasetInfo:
    use_folder(settings.datasets)
    return find_dataset(name)


def full_folder(info: DatasetInfo, settings: Settings) -> Path:
    """Return the folder of the decoded full set."""
    return settings.datasets / info.name


def fetch_lock(info: DatasetInfo, settings: Settings) -> filelock.BaseFileLock:
    """Return the lock, shared by processes, for changing the stored set."""
    return filelock.FileLock(settings.locks / f"data-{info.name}.lock")
