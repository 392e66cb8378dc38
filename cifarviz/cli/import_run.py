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
    run = unpack(RunStore(Settings.from_environment()), file, origin=IMPORTED)
    if as_json:
        print_json({"run": run.id, "name": run.name, "epochs": run.epochs_done})
    else:
        print_message(f"Imported “{run.name}” as run {run.id} (epochs: {run.epochs_done}).")
