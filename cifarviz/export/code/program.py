"""A run's experiment as one program, in a script or a notebook."""

import json
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from cifarviz import __version__
from cifarviz.errors import ArtifactMissing
from cifarviz.escaping import notebook_text, single_line
from cifarviz.experiment.experiment import Experiment
from cifarviz.export.code.data import data_section
from cifarviz.export.code.network import layers_in_halves, network_section
from cifarviz.export.code.notes import differences, precision_of
from cifarviz.export.code.section import Section, comment
from cifarviz.export.code.training import (
    batches_section,
    evaluation_section,
    learning_rate_section,
    loss_name,
    training_section,
)
from cifarviz.runs.records import Run


@dataclass(frozen=True)
class Program:
    """A run's code. ``title`` and ``about`` are sentences for people; ``notes`` what differs.

    ``packages`` are what it needs beside Python, as pip calls them.
    """

    title: str
    about: tuple[str, ...]
    notes: tuple[str, ...]
    packages: tuple[str, ...]
    imports: tuple[str, ...]
    sections: tuple[Section, ...]


_STANDARD = ("import math", "from pathlib import Path")
_FOLDER = "Path(__file__).parent"
_RULE = 96
_NOTEBOOK_FOLDER = 'Path(".")'


def program(run: Run, *, folder: str) -> Program:
    """The code that trains as ``run`` did; ``folder`` is the Python for where its data lie.

    Raises ``ArtifactMissing`` for a run that has not begun, and ``UnknownFormat`` or
    ``ExperimentInvalid`` for one that cannot be read.
    """
    experiment = run.experiment
    if run.scaling is None:
        raise ArtifactMissing(
            "“{run_name}” has not begun to train, so it is not known yet how its pixels are "
            "scaled: take its code when it has.",
            run_name=run.name,
        )
    in_halves = layers_in_halves(run)
    precision = precision_of(run)
    found = [
        _settings(experiment),
        data_section(experiment, folder),
        batches_section(experiment),
        learning_rate_section(experiment.schedule),
        network_section(experiment, run.scaling, precision, in_halves),
        training_section(experiment),
        evaluation_section(experiment),
    ]
    sections = tuple(section for section in found if section is not None)
    imports = {line for section in sections for line in section.imports}
    packages = ["tensorflow"]
    if any("sklearn" in line for line in imports):
        packages.append("scikit-learn")
    return Program(
        title=f"{run.name}: a convolutional network in Keras",
        about=(
            f"Written by cifarviz {__version__} from run {run.id}; it needs nothing of cifarviz.",
            _promise(experiment, precision),
        ),
        notes=differences(run, in_halves),
        packages=tuple(packages),
        imports=_ordered(imports),
        sections=sections,
    )


def _promise(experiment: Experiment, precision: str) -> str:
    images = "the same network on the same images in the same order"
    if precision == "bfloat16":
        return f"It trains {images}."
    name = loss_name(experiment)
    column = "" if name == "loss" else f" (column {name})"
    return (
        f"It trains {images}. On the same kind of processor its losses{column} begin as those of "
        "the run. Rounding then makes them drift apart, in many small steps so far that it can be "
        "seen: Keras drifts as far from itself on another number of threads."
    )


def _settings(experiment: Experiment) -> Section:
    rate = experiment.optimizer.learning_rate
    return Section(
        "Settings",
        "Change these first. The seed decides everything random: first weights, order of the "
        "images, dropout, augmentation.",
        f"SEED = {experiment.seed}\nEPOCHS = {experiment.epochs}\n"
        f"BATCH_SIZE = {experiment.batch_size}\nLEARNING_RATE = {rate!r}",
    )


def _ordered(imports: set[str]) -> tuple[str, ...]:
    """The standard library first, then an empty line, then the rest, each in its order."""
    plain = sorted(imports, key=lambda line: (line.startswith("from"), line))
    standard = [line for line in plain if line in _STANDARD]
    other = [line for line in plain if line not in _STANDARD]
    return (*standard, *([""] if standard and other else []), *other)


def script(run: Run) -> str:
    """The Python source that trains as ``run`` did; raises as ``program`` does."""
    made = program(run, folder=_FOLDER)
    imports = made.imports
    if any(_FOLDER in section.code for section in made.sections):
        imports = _with_path(imports)
    parts = [_head(made), "\n".join(imports)]
    for section in made.sections:
        title = f"# {section.title} "
        rule = title + "-" * (_RULE - len(title))
        parts.append(f"{rule}\n#\n{comment(section.text)}\n\n{section.code}")
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _with_path(imports: tuple[str, ...]) -> tuple[str, ...]:
    path = "from pathlib import Path"
    if imports[0] == "import math":
        return (imports[0], path, *imports[1:])
    return (path, "", *imports)


def _head(made: Program) -> str:
    # The first two lines of a file may name its encoding, and a run's name may look so.
    lines = ["# -*- coding: utf-8 -*-", "#", comment(single_line(made.title)), "#"]
    lines += [comment(single_line(sentence)) for sentence in made.about]
    lines += ["#", comment(f"Needs: pip install {' '.join(made.packages)}")]
    if made.notes:
        lines += ["#", "# What differs from the run:"]
        for note in made.notes:
            first, *rest = wrap(single_line(note), _RULE - 4)
            lines += [f"# - {first}", *(f"#   {line}" for line in rest)]
    return "\n".join(lines)


def notebook(run: Run) -> str:
    """The notebook's JSON; raises as ``program`` does."""
    made = program(run, folder=_NOTEBOOK_FOLDER)
    cells = [_markdown(_first_cell(made)), _code("\n".join(_imports(made)))]
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


def _first_cell(made: Program) -> str:
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
