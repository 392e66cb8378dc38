"""Exporting runs: files that are made when their button is pressed."""

from collections.abc import Callable, Sequence

import streamlit as st

from cifarviz.data.image_set import Dataset
from cifarviz.datasets.registry import find_dataset
from cifarviz.escaping import safe_file_name
from cifarviz.export.files import (
    ENDINGS,
    ExportKind,
    code_files,
    file_name,
    needs_data,
    pack_run,
    zip_files,
)
from cifarviz.export.report.contents import gather
from cifarviz.export.report.page import report
from cifarviz.people.person import for_current_person
from cifarviz.runs.archive_dataset import has_pictures
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import load_evaluation_data
from cifarviz.runs.snapshots import WeightsChoice, snapshot_epochs
from cifarviz.runs.stored_weights import explain_missing_weights, stored_checkpoints
from cifarviz.ui import cache
from cifarviz.ui.address import escaped

# A report on more runs would be too long to read.
_MOST_RUNS = 12


def render_export(runs: Sequence[Run]) -> None:
    """Show the Export button: all kinds of files for one run, a report for several.

    There is none if a run has no finished epoch.
    """
    begun = [run for run in runs if run.epochs_done and run.damage is None]
    if len(begun) < len(runs) or len(runs) > _MOST_RUNS:
        return
    with st.popover("Export", icon=":material/download:", help=_HELP):
        with_pictures = _render_pictures_choice(runs)
        if len(runs) > 1:
            _render_download(
                _report_name(runs, with_pictures),
                lambda: _report(runs, with_pictures),
                "Report",
                _SEVERAL,
            )
            return
        run = runs[0]
        _render_download(
            file_name(run, ExportKind.REPORT, with_pictures=with_pictures),
            lambda: _report(runs, with_pictures),
            "Report",
            _REPORT,
        )
        _render_code(run, ExportKind.SCRIPT, "Keras script", _SCRIPT)
        _render_code(run, ExportKind.NOTEBOOK, "Notebook", _NOTEBOOK)
        _render_network(run)
        if not run.state.active:
            name = file_name(run, ExportKind.RUN, with_pictures=with_pictures)
            _render_download(
                name,
                lambda: pack_run(cache.store(), run, with_pictures=with_pictures),
                "Packed run",
                _PACKED,
            )


_HELP = "Files that work without cifarviz: a report, the code, the network."
_PICTURES = "Include my pictures in the report and the packed run"
_PICTURES_HELP = (
    "You imported this data set. Unless you tick this, no file holds its pictures or feature maps "
    "of them, but the packed run says what the data set is called and how large it is. The other "
    "files never hold pictures."
)
_REPORT = (
    "One page with curves, results, images and settings. It opens offline in any browser, "
    "and can be printed. It takes some seconds to make."
)
_SEVERAL = (
    "One page that compares these runs: differences, curves and results. It opens offline in any "
    "browser, and can be printed. It takes some seconds for each run."
)
_SCRIPT = "A Python script that trains the same network on the same images with Keras alone."
_NOTEBOOK = "The same as a Jupyter notebook, step by step."
_WITH_DATA = " A .zip with the sample’s images."
_FULL_SET = " Keras downloads the images."
_ARRAYS = " It says where to put the images."
_PACKED = "The complete run in a .zip, for “Import a run” on the Runs page of another cifarviz."
_KERAS = (
    "The network for keras.models in any Python program: takes raw pixels from 0 to 255, returns "
    "probabilities."
)
_AVERAGED = " Predictions are averaged with those for {others}, as in this run."
_WEIGHTS = "For a model with the same layers, such as the script’s."
_WHICH = (
    "The weights of the last, the best or any saved epoch. The run’s default weights are selected "
    "first."
)


def _render_pictures_choice(runs: Sequence[Run]) -> bool:
    """Show whether pictures are included, if there are any that were imported."""
    if not any(has_pictures(run, cache.settings()) for run in runs):
        return False
    # Not as help: a click on its sign would tick the box.
    ticked = st.checkbox(_PICTURES, key=f"export-pictures-{runs[0].id}")
    st.caption(_PICTURES_HELP)
    return ticked


def _render_code(run: Run, kind: ExportKind, label: str, sentence: str) -> None:
    name = file_name(run, kind)
    if not needs_data(run.experiment):
        by_keras = find_dataset(run.experiment.data.dataset).keras_module is not None
        sentence += _FULL_SET if by_keras else _ARRAYS
        _render_download(name, lambda: code_files(run, kind, name)[name], label, sentence)
        return
    # A short name inside the archive.
    inside = f"train{ENDINGS[kind]}"
    _render_download(
        f"run-{run.id}-{kind}.zip",
        lambda: zip_files(code_files(run, kind, inside)),
        label,
        sentence + _WITH_DATA,
    )


def _render_network(run: Run) -> None:
    choices = _saved_weights(run)
    if not choices:
        st.caption(escaped(explain_missing_weights(cache.store(), run, "last") or ""))
        return
    which = st.selectbox(
        "Weights from",
        list(choices),
        format_func=choices.__getitem__,
        # A new key when the default weights change, so that they are selected again.
        key=f"export-weights-{run.id}-{run.preferred}",
        help=_WHICH,
    )
    part = f"-epoch-{which}" if isinstance(which, int) else f"-{which}"
    stem = f"run-{run.id}{part}"
    others = run.experiment.prediction_views.describe_others()
    averaged = _AVERAGED.format(others=others) if others else ""
    _render_download(
        stem + ENDINGS[ExportKind.KERAS],
        lambda: cache.network_file(run, which, weights_only=False),
        "Keras model",
        _KERAS + averaged,
    )
    _render_download(
        stem + ENDINGS[ExportKind.WEIGHTS],
        lambda: cache.network_file(run, which, weights_only=True),
        "Weights only",
        _WEIGHTS,
    )


def _saved_weights(run: Run) -> dict[WeightsChoice, str]:
    store = cache.store()
    labels: dict[Checkpoint, str] = {
        "last": "Last epoch" if not run.state.active else "Current (training)",
        "best": f"Best epoch ({run.best_epoch})",
    }
    choices: dict[WeightsChoice, str] = {
        checkpoint: labels[checkpoint] for checkpoint in stored_checkpoints(store, run)
    }
    for epoch in snapshot_epochs(store.folder(run.id), "weights"):
        choices[epoch] = f"After epoch {epoch}" if epoch else "Before training"
    return choices


def _render_download(name: str, make: Callable[[], bytes], label: str, sentence: str) -> None:
    button, description = st.columns([3, 7], vertical_alignment="center")
    button.download_button(
        label,
        # The file is made outside of any page's script, for whom it was offered.
        for_current_person(make),
        file_name=safe_file_name(name),
        mime="application/octet-stream",
        on_click="ignore",
        width="stretch",
        key=f"export-{name}",
        help=sentence,
    )
    description.caption(sentence)


def _report(runs: Sequence[Run], with_pictures: bool) -> bytes:
    contents = gather(cache.store(), runs, cache.open_model, _dataset, with_pictures=with_pictures)
    return report(contents).encode()


def _dataset(run: Run) -> Dataset:
    # Uncached, because files are made outside of any page's script.
    return load_evaluation_data(run, cache.settings())


def _report_name(runs: Sequence[Run], with_pictures: bool) -> str:
    stem = f"runs-{'-'.join(run.id for run in runs[:3])}"
    return f"{stem}{'-with-pictures' if with_pictures else ''}{ENDINGS[ExportKind.REPORT]}"
