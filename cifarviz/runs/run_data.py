"""The images a run was trained on: opened only while they are still the same.

An imported data set may be deleted, lose pictures, or be imported again under its name. Stored
predictions and feature maps name images by number, so they must not be shown with others.
"""

from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import DatasetChanged, DatasetNotFound
from cifarviz.runs.records import Run
from cifarviz.settings import Settings


def is_data_unchanged(run: Run) -> bool:
    """Whether a run's data set has the images it had in training, or did before it was deleted.

    True for runs of versions that did not store a fingerprint.
    """
    current = find_dataset(run.experiment.data.dataset).fingerprint
    return None in (run.data_fingerprint, current) or run.data_fingerprint == current


def check_run_data(run: Run) -> None:
    """Raise ``DatasetChanged`` unless ``is_data_unchanged``."""
    if is_data_unchanged(run):
        return
    raise DatasetChanged(
        "The images of {dataset} have changed since “{run_name}” was trained on them. Its curves "
        "and weights are as they were; to see results on the images of now, train it again.",
        dataset=find_dataset(run.experiment.data.dataset).title,
        run_name=run.name,
    )


def load_run_dataset(run: Run, settings: Settings, *, or_sample: bool = False) -> Dataset:
    """Open the data set a run was trained on; ``or_sample`` as in ``library.load_or_sample``.

    Raises ``DatasetChanged``, ``DatasetNotFound`` and ``DatasetDamaged``.
    """
    check_run_data(run)
    load = library.load_or_sample if or_sample else library.load
    return load(run.experiment.data.dataset, run.experiment.data.variant, settings)


def find_data_problem(run: Run, settings: Settings) -> str | None:
    """Return a sentence if a run's imported images are gone or have changed, else ``None``.

    The published images of a built-in data set never change, and can be fetched again. Raises as
    ``Run.experiment`` does.
    """
    try:
        check_run_data(run)
    except DatasetNotFound as error:
        return str(error)
    info = find_dataset(run.experiment.data.dataset)
    if not info.own or library.status(info, settings).full_available:
        return None
    return (
        f"The images of {info.title}, on which “{run.name}” was trained, are no longer here. Its "
        "curves and weights are as they were."
    )
