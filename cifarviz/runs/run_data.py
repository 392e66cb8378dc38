"""The images a run was trained on: opened only while they are still the same.

An imported data set may be deleted, lose pictures, or be imported again under its name. Stored
predictions and feature maps name images by number, so they must not be shown with others.
"""

from cifarviz.data import library
from cifarviz.data.image_set import Dataset, Split
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import DatasetChanged
from cifarviz.runs.records import Run
from cifarviz.settings import Settings


def is_data_unchanged(run: Run, split: Split | None = None) -> bool:
    """Whether the images of a split, or all, are those the run was trained or evaluated on.

    Also where they were deleted since. True for runs of versions that stored no fingerprint.
    """
    before = run.data_fingerprint
    now = find_dataset(run.experiment.data.dataset).fingerprint
    if before is None or now is None:
        return True
    # The first half is that of the training images (datasets.info.Fingerprints.digest).
    half = len(now) // 2
    part = {None: slice(None), "train": slice(half), "test": slice(half, None)}[split]
    return before[part] == now[part]


def check_run_data(run: Run, split: Split | None = None) -> None:
    """Raise ``DatasetChanged`` unless ``is_data_unchanged``."""
    if is_data_unchanged(run, split):
        return
    title = find_dataset(run.experiment.data.dataset).title
    if is_data_unchanged(run, "test"):
        raise DatasetChanged(
            "The training images of {dataset} have changed since “{run_name}” was trained on them. "
            "Its curves, weights and results on test images remain.",
            dataset=title,
            run_name=run.name,
        )
    raise DatasetChanged(
        "The images of {dataset} have changed since “{run_name}” was trained on them. Its curves "
        "and weights remain; train it again to see results on images.",
        dataset=title,
        run_name=run.name,
    )


def load_training_data(run: Run, settings: Settings) -> Dataset:
    """Open the data set a run is trained on.

    Raises ``DatasetChanged``, ``DatasetNotFound`` and ``DatasetDamaged``.
    """
    check_run_data(run)
    return library.load(run.experiment.data.dataset, run.experiment.data.variant, settings)


def load_evaluation_data(run: Run, settings: Settings) -> Dataset:
    """Open a run's data set for its test images, or its sample as ``library.load_or_sample`` does.

    Raises as ``load_training_data``, but for other test images only.
    """
    check_run_data(run, "test")
    return library.load_or_sample(
        run.experiment.data.dataset, run.experiment.data.variant, settings
    )


def find_data_problem(run: Run, settings: Settings) -> str | None:
    """Return a sentence if a run's imported images are gone or have changed, else ``None``.

    The published images of a built-in data set never change, and can be fetched again. Raises as
    ``Run.experiment`` does.
    """
    try:
        check_run_data(run)
    except DatasetChanged as error:
        return str(error)
    if has_images(run, settings, "test"):
        return None
    info = find_dataset(run.experiment.data.dataset)
    return (
        f"The images of {info.title} are not on this machine. {library.fetch_hint(info)} The "
        f"curves and weights of “{run.name}” remain."
    )


def has_images(run: Run, settings: Settings, split: Split) -> bool:
    """Whether the images of a split are unchanged and, if they were imported, still here."""
    if not is_data_unchanged(run, split):
        return False
    info = find_dataset(run.experiment.data.dataset)
    return not info.own or library.status(info, settings).full_available
