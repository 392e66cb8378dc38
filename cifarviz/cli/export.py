"""``export``: a run as files that need no cifarviz."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cifarviz.cli.inspection import WhichCheckpoint, chosen_weights
from cifarviz.cli.output import say
from cifarviz.cli.paths import parse_path, place_errors
from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.errors import PlaceRefused
from cifarviz.export.files import ENDINGS, ExportKind, code_files, file_name, packed
from cifarviz.export.report.contents import gather
from cifarviz.export.report.page import report
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.storage import atomically


def export(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN…", help="A run's id, or the beginning of it; several for one report."
        ),
    ],
    kind: Annotated[
        ExportKind,
        typer.Option(
            "--as",
            help="keras: the network, raw pixels in, probabilities out; weights: its weights "
            "alone; script and notebook: the Keras code that trains the same; report: one page; "
            "run: all of it, for another cifarviz to import.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            parser=parse_path, metavar="PATH", help="The file to write, or a folder to write it to."
        ),
    ],
    checkpoint: WhichCheckpoint = None,
    epoch: Annotated[
        int | None,
        typer.Option(help="The weights after this epoch instead of a checkpoint's, where kept."),
    ] = None,
) -> None:
    """Write a run as something that works without cifarviz; never over a file that is there."""
    settings = Settings.from_environment()
    store = RunStore(settings)
    found = list({run.id: run for run in (store.find(named) for named in runs)}.values())
    if len(found) > 1 and kind is not ExportKind.REPORT:
        raise typer.BadParameter(f"A {kind} is made of one run, and {len(found)} came.")
    weighed = kind in (ExportKind.KERAS, ExportKind.WEIGHTS)
    if not weighed and epoch is not None:
        raise typer.BadParameter("--epoch goes with --as keras or --as weights.")
    if not weighed and kind is not ExportKind.REPORT and checkpoint is not None:
        raise typer.BadParameter("--checkpoint goes with --as keras, weights or report.")
    if checkpoint is not None and epoch is not None:
        raise typer.BadParameter("--checkpoint and --epoch exclude each other: give one of them.")
    path = _place(out, kind, found[0])
    _refuse_existing(path)
    if weighed:
        which = chosen_weights(found[0], store, checkpoint) if epoch is None else epoch
        files = {path.name: _network(store, found[0], kind, which)}
    elif kind is ExportKind.RUN:
        files = {path.name: packed(store, found[0])}
    elif kind is ExportKind.REPORT:
        files = {path.name: _report(store, found, settings, checkpoint)}
    else:
        files = code_files(found[0], kind, path.name)
    _write(path.parent, files, path.name)


def _network(store: RunStore, run: Run, kind: ExportKind, which: WeightsChoice) -> bytes:
    from cifarviz.analysis.trained_model import network_file

    return network_file(store, run, which, weights_only=kind is ExportKind.WEIGHTS)


def _report(
    store: RunStore, runs: list[Run], settings: Settings, wanted: Checkpoint | None
) -> bytes:
    from cifarviz.analysis.trained_model import open_checkpoint

    if wanted is not None:
        for run in runs:
            chosen_weights(run, store, wanted)

    def open_dataset(run: Run) -> Dataset:
        data = run.experiment.data
        return library.load_or_sample(data.dataset, data.variant, settings)

    contents = gather(
        store,
        runs,
        lambda run, which: open_checkpoint(store, run, which),
        open_dataset,
        wanted=wanted,
    )
    for one in contents:
        if one.problem is not None:
            say(f"{one.name}: {one.problem}")
    return report(contents).encode()


def _place(out: Path, kind: ExportKind, run: Run) -> Path:
    path = out / file_name(run, kind) if out.is_dir() else out
    ending = ENDINGS[kind]
    if not path.name.endswith(ending) or path.name == ending:
        raise typer.BadParameter(
            f"The name of a {kind} ends in {ending}, and {path.name} does not."
        )
    if not path.parent.is_dir():
        raise PlaceRefused(
            "There is no folder {folder}: make it, or name another place.", folder=path.parent
        )
    return path


def _write(folder: Path, files: Mapping[str, bytes], first: str) -> None:
    """Write all files, or none where one would replace another one's content."""
    wanted = {}
    for name, content in files.items():
        path = folder / name
        # The same data may lie there from another run's code.
        if name == first or not _holds(path, content):
            _refuse_existing(path)
            wanted[path] = content
    for path, content in wanted.items():
        with place_errors(path), atomically(path) as temporary:
            temporary.write_bytes(content)
        say(f"{path}: {len(content) / 1e6:,.2f} MB")


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def _refuse_existing(path: Path) -> None:
    with place_errors(path):
        there = os.path.lexists(path)
    if there:
        raise PlaceRefused(
            "{path} is there already: choose another name, or remove it first.", path=path
        )
