"""The files that a run is taken away as, by their kind."""

import io
import tempfile
import zipfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from cifarviz.experiment.experiment import Experiment
from cifarviz.export.code.notebook import notebook
from cifarviz.export.code.script import script
from cifarviz.export.data_file import data_file
from cifarviz.runs.archive import pack
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore


class Kind(StrEnum):
    """What a run can be taken away as."""

    KERAS = "keras"
    WEIGHTS = "weights"
    SCRIPT = "script"
    NOTEBOOK = "notebook"
    REPORT = "report"
    RUN = "run"


ENDINGS: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.KERAS: ".keras",
        Kind.WEIGHTS: ".weights.h5",
        Kind.SCRIPT: ".py",
        Kind.NOTEBOOK: ".ipynb",
        Kind.REPORT: ".html",
        Kind.RUN: ".zip",
    }
)
"""How the name of each kind's file ends; Keras goes by it."""


def file_name(run: Run, kind: Kind) -> str:
    """What the file of a run is called unless somebody says otherwise: ``run-115f949b.py``."""
    return f"run-{run.id}{ENDINGS[kind]}"


def code_files(run: Run, kind: Kind, name: str) -> dict[str, bytes]:
    """A script or a notebook under ``name``, and the data that have to lie beside it.

    Raises as ``code.program`` does, and ``DatasetDamaged``.
    """
    source = script(run) if kind is Kind.SCRIPT else notebook(run)
    files = {name: source.encode()}
    if needs_data(run.experiment) and (data := data_file(run.experiment)) is not None:
        files[data[0]] = data[1]
    return files


def packed(store: RunStore, run: Run) -> bytes:
    """All of a run, as another cifarviz imports it; raises as ``archive.pack`` does."""
    with tempfile.TemporaryDirectory(prefix="cifarviz-") as folder:
        path = Path(folder) / file_name(run, Kind.RUN)
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
