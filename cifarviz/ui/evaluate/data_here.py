"""The images by which a run can be judged on this machine."""

from cifarviz.data.image_set import Dataset
from cifarviz.runs.records import Run
from cifarviz.ui import cache


def data_here(run: Run) -> Dataset:
    """The data a run was trained on, or the sample of the full set where that is not here.

    Raises ``DatasetNotFound`` and ``DatasetDamaged``.
    """
    data = run.experiment.data
    return cache.nearest_dataset(data.dataset, data.variant)
