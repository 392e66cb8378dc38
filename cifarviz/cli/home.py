"""The ``repair`` command: the index of a home, checked and rebuilt."""

from typing import Any

import typer

from cifarviz.cli.output import AsJson, print_json, print_line, print_message
from cifarviz.runs.repair import RepairReport
from cifarviz.runs.repair import repair as repair_home
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
        text = f"Listed “{run.name}” (run {run.id}) again, with {run.epochs:,} epochs."
        lines.append(f"{text} Missing: {run.missing}" if run.missing else text)
    for folder, reason in (found.not_relisted or {}).items():
        lines.append(f"The run in {folder} could not be listed: {reason}")
    lines += [*found.problems, *found.lost]
    count = "1 run is" if found.runs == 1 else f"{found.runs:,} runs are"
    if found.is_whole:
        return [*lines, f"{count} listed, and nothing is missing."]
    return [*lines, f"{count} listed. What is above is lost, or could not be listed."]
