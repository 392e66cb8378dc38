"""The ``import`` command: adds a packed run to this home."""

from pathlib import Path
from typing import Annotated

import typer

from cifarviz.cli.output import AsJson, print_json, print_message
from cifarviz.cli.paths import parse_path
from cifarviz.errors import OutputPathInvalid
from cifarviz.runs.archive import IMPORTED, unpack
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings


def import_run(
    file: Annotated[
        Path,
        typer.Argument(
            parser=parse_path, metavar="FILE", help="A .zip file that export --as run wrote."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Add a packed run to the runs of this home; nothing in the file is executed."""
    if not file.is_file():
        raise OutputPathInvalid("There is no file “{file}”.", file=file)
    store, notices = RunStore(Settings.from_environment()), list[str]()
    run = unpack(store, file, origin=IMPORTED, notify=notices.append)
    if as_json:
        facts = {"run": run.id, "name": run.name, "epochs": run.epochs_done}
        print_json(facts | {"dataset": run.experiment.data.dataset, "notes": notices})
        return
    print_message(f"Imported “{run.name}” as run {run.id} (epochs: {run.epochs_done}).")
    for notice in notices:
        print_message(notice)
