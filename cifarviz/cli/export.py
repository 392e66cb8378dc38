"""The ``export`` command: a run as files that work without cifarviz."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cifarviz.cli.inspection import WhichCheckpoint, chosen_weights
from cifarviz.cli.output import print_message
from cifarviz.cli.paths import parse_path, place_errors
from cifarviz.data.image_set import Dataset
from cifarviz.errors import OutputPathInvalid
from cifarviz.export.files import ENDINGS, ExportKind, code_files, file_name, pack_run
from cifarviz.export.report.contents import gather
from cifarviz.export.report.page import report
from cifarviz.loading import tensorflow_imports
from cifarviz.runs.archive_dataset import own_dataset
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import load_evaluation_data
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.storage import atomic_write


def export(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN…", help="A run's id or the start of it; several for a report."),
    ],
    kind: Annotated[
        ExportKind,
        typer.Option(
            "--as",
            help="keras: the network, raw pixels in, probabilities out; weights: only its "
            "weights; script, notebook: Keras code that trains the same network; report: one "
            "HTML page; run: everything, to import into another cifarviz.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            parser=parse_path,
            metavar="PATH",
            help="The file or folder to write to.",
        ),
    ],
    checkpoint: WhichCheckpoint = None,
    epoch: Annotated[
        int | None,
        typer.Option(help="Use the weights saved after this epoch instead of a checkpoint."),
    ] = None,
    with_pictures: Annotated[
        bool,
        typer.Option(
            "--with-pictures",
            help="Include the pictures of a data set that you imported, and feature maps of them, "
            "in a report or packed run.",
        ),
    ] = False,
) -> None:
    """Export a run to a file that works without cifarviz; existing files are never replaced."""
    settings = Settings.from_environment()
    store = RunStore(settings)
    selected = list({run.id: run for run in map(store.find, runs)}.values())
    if len(selected) > 1 and kind is not ExportKind.REPORT:
        raise typer.BadParameter(f"--as {kind} takes one run, not {len(selected)}.")
    is_network = kind in (ExportKind.KERAS, ExportKind.WEIGHTS)
    if not is_network and epoch is not None:
        raise typer.BadParameter("--epoch needs --as keras or --as weights.")
    if not is_network and kind is not ExportKind.REPORT and checkpoint is not None:
        raise typer.BadParameter("--checkpoint needs --as keras, weights or report.")
    if checkpoint is not None and epoch is not None:
        raise typer.BadParameter("--checkpoint and --epoch exclude each other: give only one.")
    if with_pictures:
        _check_pictures(kind, selected)
    path = _output_path(out, kind, selected[0], with_pictures)
    _refuse_existing(path)
    if is_network:
        weights = chosen_weights(selected[0], store, checkpoint) if epoch is None else epoch
        files = {path.name: _network(store, selected[0], kind, weights)}
    elif kind is ExportKind.RUN:
        files = {path.name: pack_run(store, selected[0], with_pictures=with_pictures)}
    elif kind is ExportKind.REPORT:
        files = {path.name: _report(store, selected, settings, checkpoint, with_pictures)}
    else:
        files = code_files(selected[0], kind, path.name)
    _write(path.parent, files, path.name)


def _network(store: RunStore, run: Run, kind: ExportKind, weights: WeightsChoice) -> bytes:
    with tensorflow_imports(store.settings.home):
        from cifarviz.analysis.trained_model import network_file

    return network_file(store, run, weights, weights_only=kind is ExportKind.WEIGHTS)


def _check_pictures(kind: ExportKind, runs: list[Run]) -> None:
    """Raise ``BadParameter`` where ``--with-pictures`` would do nothing."""
    if kind not in (ExportKind.REPORT, ExportKind.RUN):
        raise typer.BadParameter("--with-pictures needs --as report or --as run.")
    if all(own_dataset(run.experiment) is None for run in runs):
        raise typer.BadParameter(
            "--with-pictures is for data sets that you imported. Leave it out: a report shows the "
            "pictures of a published one, and a packed run needs none."
        )


def _report(
    store: RunStore,
    runs: list[Run],
    settings: Settings,
    checkpoint: Checkpoint | None,
    with_pictures: bool,
) -> bytes:
    with tensorflow_imports(store.settings.home):
        from cifarviz.analysis.trained_model import open_checkpoint

    if checkpoint is not None:
        for run in runs:
            chosen_weights(run, store, checkpoint)

    def open_dataset(run: Run) -> Dataset:
        return load_evaluation_data(run, settings)

    contents = gather(
        store,
        runs,
        lambda run, checkpoint: open_checkpoint(store, run, checkpoint),
        open_dataset,
        checkpoint=checkpoint,
        with_pictures=with_pictures,
    )
    for item in contents:
        if item.problem is not None:
            print_message(f"{item.name}: {item.problem}")
    return report(contents).encode()


def _output_path(out: Path, kind: ExportKind, run: Run, with_pictures: bool) -> Path:
    path = out / file_name(run, kind, with_pictures=with_pictures) if out.is_dir() else out
    ending = ENDINGS[kind]
    if not path.name.endswith(ending) or path.name == ending:
        raise typer.BadParameter(
            f"The name of a {kind} file must end in {ending}, not {path.name}."
        )
    if not path.parent.is_dir():
        raise OutputPathInvalid(
            "There is no folder {folder}: create it, or choose another.", folder=path.parent
        )
    return path


def _write(folder: Path, files: Mapping[str, bytes], main_name: str) -> None:
    """Write all files, or none if a file with other content would be replaced."""
    new_files = {}
    for name, content in files.items():
        path = folder / name
        # Exporting another run's code may have written the same data file.
        if name == main_name or not _has_content(path, content):
            _refuse_existing(path)
            new_files[path] = content
    for path, content in new_files.items():
        with place_errors(path), atomic_write(path) as temporary:
            temporary.write_bytes(content)
        print_message(f"{path}: {len(content) / 1e6:,.2f} MB")


def _has_content(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def _refuse_existing(path: Path) -> None:
    with place_errors(path):
        exists = os.path.lexists(path)
    if exists:
        raise OutputPathInvalid(
            "{path} exists already: choose another name, or remove it first.", path=path
        )
