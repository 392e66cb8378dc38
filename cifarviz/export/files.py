"""The files of an export: code, sample data, packed runs, CSV tables."""

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
from cifarviz.datasets.registry import find_dataset
from cifarviz.escaping import csv_cell
from cifarviz.experiment.experiment import Experiment
from cifarviz.export.code.data import sample_file_name
from cifarviz.export.code.program import notebook, script
from cifarviz.people.person import require_change
from cifarviz.runs.archive import pack
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore


class ExportKind(StrEnum):
    """The kinds of export; the values are those of ``--as`` on the command line."""

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
"""The file name suffix of each kind; Keras chooses its file format by it."""


def file_name(run: Run, kind: ExportKind, *, with_pictures: bool = False) -> str:
    """Return the default file name of an export, such as ``run-115f949b.py``.

    One of a file with imported pictures says so.
    """
    return f"run-{run.id}{'-with-pictures' if with_pictures else ''}{ENDINGS[kind]}"


def code_files(run: Run, kind: ExportKind, name: str) -> dict[str, bytes]:
    """Return a script or notebook under ``name``, and the sample's file if it needs that.

    Raises what ``code.program.program`` raises, ``AccessRefused`` and ``DatasetDamaged``.
    """
    require_change(run.owner, run.name)
    source = script(run) if kind is ExportKind.SCRIPT else notebook(run)
    return {name: source.encode(), **data_file(run.experiment)}


def pack_run(store: RunStore, run: Run, *, with_pictures: bool = False) -> bytes:
    """Return a run as the bytes of a ``.zip`` for import; raises what ``archive.pack`` raises.

    ``with_pictures``: also the images of a data set that was imported, and feature maps of them.
    """
    with tempfile.TemporaryDirectory(prefix="cifarviz-") as folder:
        path = Path(folder) / file_name(run, ExportKind.RUN)
        pack(store, run.id, path, with_pictures=with_pictures)
        return path.read_bytes()


def needs_data(experiment: Experiment) -> bool:
    """Return whether exported code needs a data file: Keras downloads only full sets."""
    return experiment.data.variant == "sample"


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """Return the bytes of a ``.zip`` of files, stored uncompressed: the data is compressed."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, content in files.items():
            writer.writestr(name, content)
    return archive.getvalue()


def data_file(experiment: Experiment) -> dict[str, bytes]:
    """Return the sample's file by its name for exported code; empty for the full set.

    An ``.npz`` of ``train_images``, uint8 (n, height, width, channels), ``train_labels``, uint8
    (n,), ``train_indices``, int64 (n,), in the published data set, ``test_images`` and
    ``test_labels``; about 14 MB for CIFAR-10. The bytes are the same each time.
    """
    if not needs_data(experiment):
        return {}
    info = find_dataset(experiment.data.dataset)
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
    return {sample_file_name(info): file.getvalue()}


def csv_file(table: pd.DataFrame) -> bytes:
    """Return ``table``, with its index first, as CSV: UTF-8 with a byte-order mark, CRLF lines.

    Without the mark Excel assumes the system's encoding and garbles other letters. Text that Excel
    would treat as a formula gets a leading apostrophe, also in column and row names; numbers
    are unchanged.
    """
    plain = io.StringIO(table.to_csv(lineterminator="\r\n"), newline="")
    safe = io.StringIO(newline="")
    # Pandas formatted the numbers; any cell that is not a number is text.
    csv.writer(safe).writerows(map(csv_cell, row) for row in csv.reader(plain))
    return safe.getvalue().encode("utf-8-sig")
