"""The ``repair``, ``backup`` and ``restore`` commands, for a home as a whole."""

import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cifarviz.cli.output import AsJson, print_json, print_line, print_message, progress_bar
from cifarviz.cli.paths import parse_path
from cifarviz.errors import OutputPathInvalid
from cifarviz.runs.backup import ENDING, back_up
from cifarviz.runs.repair import RepairReport
from cifarviz.runs.repair import repair as repair_home
from cifarviz.runs.restore import restore as restore_home
from cifarviz.settings import Settings


def repair(as_json: AsJson = False) -> None:
    """Check the list of all runs, and make it anew from the folders of the runs where need be.

    Exit code 0: everything is there; 1: something is lost, which is printed.
    """
    found = repair_home(Settings.from_environment(), print_message)
    if as_json:
        print_json(_as_json(found))
    else:
        for line in _lines(found):
            print_line(line)
    if not found.is_whole:
        raise typer.Exit(1)


def backup(
    path: Annotated[
        Path,
        typer.Argument(
            parser=parse_path, metavar="PATH", help=f"The {ENDING} file to write, or its folder."
        ),
    ],
    data: Annotated[
        bool,
        typer.Option("--data", help="Also the full data sets that can be fetched again."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy all runs, imported data sets and settings of this home to one file, also during a run.

    Existing files are never replaced. TensorBoard files are not copied. Exit code 1: something else
    is not in the file, which is printed.
    """
    target = path / time.strftime(f"cifarviz-%Y%m%d-%H%M%S{ENDING}") if path.is_dir() else path
    if target.suffix != ENDING:
        raise typer.BadParameter(f"The name of the file must end in {ENDING}, not {target.name}.")
    if not target.parent.is_dir():
        raise OutputPathInvalid(
            "There is no folder {folder}: create it, or choose another.", folder=target.parent
        )
    if os.path.lexists(target):
        raise OutputPathInvalid("{path} exists: choose another name.", path=target)
    with progress_bar(download=True) as bar:
        task = bar.add_task("Copying", total=None)
        made = back_up(
            Settings.from_environment(),
            target,
            data=data,
            report=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        facts = {"path": str(made.path), "bytes": made.bytes, "runs": made.runs}
        facts |= {"files": made.files, "datasets": made.datasets}
        print_json(facts | {"missing": made.missing, "notes": made.notes})
    else:
        print_line(
            f"{made.path}: {_count(made.runs, 'run')} with {_count(made.files, 'file')}, "
            f"{_count(len(made.datasets), 'data set')}, {made.bytes / 1e6:,.1f} MB"
        )
        for sentence in (*made.notes, *made.missing):
            print_message(sentence)
    if made.missing:
        raise typer.Exit(1)


def restore(
    file: Annotated[
        Path, typer.Argument(parser=parse_path, metavar="FILE", help="What backup wrote.")
    ],
    as_json: AsJson = False,
) -> None:
    """Add the runs and data sets of a backup to this home; those that are here stay as they are.

    Exit code 1: something was left out, since it is damaged, which is printed.
    """
    if not file.is_file():
        raise OutputPathInvalid("There is no file “{file}”.", file=file)
    with progress_bar(download=True) as bar:
        task = bar.add_task("Reading", total=None)
        done = restore_home(
            Settings.from_environment(),
            file,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        facts = {"runs": done.runs, "here": done.here, "datasets": done.datasets}
        print_json(facts | {"left_out": done.left_out, "notes": done.notes})
    else:
        runs, datasets = _count(len(done.runs), "run"), _count(len(done.datasets), "data set")
        print_line(f"Restored {runs} and {datasets}.")
        if done.here:
            print_line(f"Already here, and left as they are: {_count(len(done.here), 'run')}.")
        for sentence in (*done.notes, *done.left_out):
            print_message(sentence)
    if done.left_out:
        raise typer.Exit(1)


def _as_json(found: RepairReport) -> dict[str, Any]:
    return {
        "whole": found.is_whole,
        "runs": found.runs,
        "damage": found.damage,
        "damaged_file": None if found.damaged_file is None else str(found.damaged_file),
        "salvaged": {
            table: {"rows": part.rows, "complete": part.complete}
            for table, part in (found.salvaged or {}).items()
        },
        "relisted": [
            {"run": run.id, "name": run.name, "epochs": run.epochs, "missing": run.missing}
            for run in found.relisted
        ],
        "rewritten": [run_id for run_id, _ in found.rewritten],
        "not_relisted": {
            folder.name: reason for folder, reason in (found.not_relisted or {}).items()
        },
        "problems": list(found.problems),
        "lost": list(found.lost),
    }


def _lines(found: RepairReport) -> list[str]:
    lines = []
    if found.damage is not None:
        rows = sum(part.rows for part in (found.salvaged or {}).values())
        lines.append(
            f"The list of runs was damaged ({found.damage}). {rows:,} rows of it could be read. "
            f"The damaged file is now {found.damaged_file}."
        )
    for run in found.relisted:
        epochs = _count(run.epochs, "epoch")
        lines.append(f"Listed “{run.name}” (run {run.id}) again, with {epochs}.")
    lines += [
        f"Wrote run.json of “{name}” (run {run_id}) again." for run_id, name in found.rewritten
    ]
    listed = f"Now listed: {_count(found.runs, 'run')}."
    if found.is_whole:
        return [*lines, f"{listed} Nothing is missing."]
    return [
        *lines,
        f"{listed} Not everything is there:",
        *(
            f"“{run.name}” (run {run.id}) lacks {run.missing}"
            for run in found.relisted
            if run.missing
        ),
        *(
            f"The run in {folder} could not be listed: {reason}"
            for folder, reason in (found.not_relisted or {}).items()
        ),
        *found.problems,
        *found.lost,
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
