"""A run's code as a Jupyter notebook, format 4.5."""

import json
from typing import Any

from cifarviz.escaping import notebook_text
from cifarviz.export.code.program import Program, program
from cifarviz.runs.records import Run

_FOLDER = 'Path(".")'


def notebook(run: Run) -> str:
    """The notebook's JSON; raises as ``program`` does."""
    made = program(run, folder=_FOLDER)
    cells = [_markdown(_head(made)), _code("\n".join(_imports(made)))]
    for section in made.sections:
        cells += [_markdown(f"## {section.title}\n\n{section.text}"), _code(section.code)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:02d}"
    made_of: dict[str, Any] = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(made_of, ensure_ascii=False, indent=1) + "\n"


def _imports(made: Program) -> tuple[str, ...]:
    if any("Path(" in section.code for section in made.sections):
        return ("from pathlib import Path", *made.imports)
    return made.imports


def _head(made: Program) -> str:
    lines = [
        f"# {notebook_text(made.title)}",
        "",
        *(f"{notebook_text(one)}  " for one in made.about),
        "",
    ]
    lines.append(f"Needs: `pip install {' '.join(made.packages)}`")
    if made.notes:
        lines += ["", "What differs from the run:", ""]
        lines += [f"- {notebook_text(note)}" for note in made.notes]
    return "\n".join(lines)


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": text.splitlines(keepends=True),
    }
