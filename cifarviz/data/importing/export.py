"""A data set of one's own as a .npz file in the form of ``keras.datasets``, to import elsewhere."""

from pathlib import Path
from typing import IO

import numpy as np

from cifarviz.data import library
from cifarviz.data.importing.editing import find_own_dataset
from cifarviz.data.importing.origin import Origin
from cifarviz.datasets.info import DatasetInfo
from cifarviz.settings import Settings

ENDING = ".npz"


def export_dataset(name: str, settings: Settings, file: Path | IO[bytes]) -> DatasetInfo:
    """Write a data set's images, labels, class names, title, source and licence.

    ``data import`` of the file gives the same images and labels, by their fingerprint. Raises
    ``ImportRefused``, ``DatasetNotFound`` and ``DatasetDamaged``.
    """
    info = find_own_dataset(name, settings)
    dataset = library.load(info, "full", settings)
    origin = Origin.of(info)
    np.savez(
        file,
        allow_pickle=False,
        x_train=dataset.train.images,
        y_train=dataset.train.labels,
        x_test=dataset.test.images,
        y_test=dataset.test.labels,
        class_names=np.array(info.classes),
        title=np.array(origin.title),
        source=np.array(origin.source),
        licence=np.array(origin.licence),
        derived_from=np.array(origin.derived_from),
        dark_background=np.array(origin.dark_background),
    )
    return info
