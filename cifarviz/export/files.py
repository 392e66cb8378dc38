"""Files made of runs, data and tables."""

import csv
import io
import tempfile
import zipfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from cifarviz.data import sample
from cifarviz.datasets.registry import find
from cifarviz.escaping import csv_cell
from cifarviz.experiment.experiment import Experiment
from cifarviz.export.code.data import sample_file_name
from cifarviz.export.code.program import notebook, script
from cifarviz.runs.archive import pack
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore


class ExportKind(StrEnum):
    """What a run can be taken away as."""

    KERAS = "keras"
    WEIGHTS = "weights"
    SCRIPT = "script"
    NOTEBOOK = "notebook"
    REPORT = "report"
    RUN = "run"


ENDINGS: Mapping[ExportKind, str] = MappingProxyType(
    {
        ExportKind.KERAS: ".keras",
        ExportKind.WEIGHTS: ".weights.h5",
        ExportKind.SCRIPT: ".py",
        ExportKind.NOTEBOOK: ".ipynb",
        ExportKind.REPORT: ".html",
        ExportKind.RUN: ".zip",
    }
)
"""How the name of each kind's file ends; Keras goes by it."""


def file_name(run: Run, kind: ExportKind) -> str:
    """What the file of a run is called unless somebody says otherwise: ``run-115f949b.py``."""
    return f"run-{run.id}{ENDINGS[kind]}"


def code_files(run: Run, kind: ExportKind, name: str) -> dict[str, bytes]:
    """A script or a notebook under ``name``, and the data that have to lie beside it.

    Raises as ``code.program`` does, and ``DatasetDamaged``.
    """
    source = script(run) if kind is ExportKind.SCRIPT else notebook(run)
    files = {name: source.encode()}
    if needs_data(run.experiment) and (data := data_file(run.experiment)) is not None:
        files[data[0]] = data[1]
    return files


def packed(store: RunStore, run: Run) -> bytes:
    """All of a run, as another cifarviz imports it; raises as ``archive.pack`` does."""
    with tempfile.TemporaryDirectory(prefix="cifarviz-") as folder:
        path = Path(folder) / file_name(run, ExportKind.RUN)
        pack(store, run.id, path)
        return path.read_bytes()


def needs_data(experiment: Experiment) -> bool:
    """Whether code for this experiment needs a file beside it: Keras downloads only full sets."""
    return experiment.data.variant == "sample"


def in_one_zip(files: Mapping[str, bytes]) -> bytes:
    """Files in one archive, uncompressed, since the data are compressed already."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, content in files.items():
            writer.writestr(name, content)
    return archive.getvalue()


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


def csv_file(table: pd.DataFrame) -> bytes:
    """``table`` with its index as the first column: UTF-8 with a byte-order mark, lines by CRLF.

    Excel takes a file without the mark for one in the system's own encoding, and shows letters
    such as Korean ones garbled. Text that it would take for a formula gets an apostrophe before
    it, names of columns and rows included; numbers stay as they are.
    """
    plain = io.StringIO(table.to_csv(lineterminator="\r\n"), newline="")
    safe = io.StringIO(newline="")
    # All digits are pandas'; a cell that is no number is text.
    csv.writer(safe).writerows(map(csv_cell, row) for row in csv.reader(plain))
    return safe.getvalue().encode("utf-8-sig")
