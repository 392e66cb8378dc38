"""The sample of a data set as one file that NumPy opens, for code that has no cifarviz."""

import io

import numpy as np

from cifarviz.data import sample
from cifarviz.datasets.registry import find
from cifarviz.experiment.experiment import Experiment
from cifarviz.export.code.data import sample_file_name


def data_file(experiment: Experiment) -> tuple[str, bytes] | None:
    """Name and content of what has to lie beside a run's code; ``None`` with the full set.

    An ``.npz`` of ``train_images``, uint8 (n, height, width, channels), ``train_labels``, uint8
    (n,), ``train_indices``, int64 (n,), their official ones, ``test_images`` and ``test_labels``,
    about 14 MB for CIFAR-10; the same bytes each time.
    """
    if experiment.data.variant == "full":
        return None
    info = find(experiment.data.dataset)
    data = sample.read(info)
    file = io.BytesIO()
    np.savez_compressed(
        file,
        allow_pickle=False,
        train_images=data.train.images,
        train_labels=data.train.labels,
        train_indices=data.train.indices,
        test_images=data.test.images,
        test_labels=data.test.labels,
    )
    return sample_file_name(info), file.getvalue()
