"""A run as a Keras program: a Python script or a Jupyter notebook."""

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
from cifarviz.export.code.section import WIDTH, Section, comment
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
    """The parts of a program: ``about`` explains it, ``notes`` lists differences from the run.

    ``packages`` are the pip names of the packages it needs.
    """

    title: str
    about: tuple[str, ...]
    notes: tuple[str, ...]
    packages: tuple[str, ...]
    imports: tuple[str, ...]
    sections: tuple[Section, ...]


_STANDARD = ("import hashlib", "import math", "from pathlib import Path")
_FOLDER = "Path(__file__).parent"
_NOTEBOOK_FOLDER = 'Path(".")'


def program(run: Run, *, folder: str) -> Program:
    """Return the program that repeats a run's training.

    ``folder``: a Python expression for the folder of the data. Raises ``ArtifactMissing`` for a
    run that has not started, and ``UnknownFormat`` or ``ExperimentInvalid`` for one that cannot
    be read.
    """
    experiment = run.experiment
    if run.scaling is None:
        raise ArtifactMissing(
            "“{run_name}” has not started, so its pixel scaling is unknown. Export the code "
            "once it trains.",
            run_name=run.name,
        )
    in_halves = layers_in_halves(run)
    precision = precision_of(run)
    parts = [
        _settings(experiment),
        data_section(experiment, folder),
        batches_section(experiment),
        learning_rate_section(experiment.schedule),
        network_section(experiment, run.scaling, precision, in_halves),
        training_section(experiment),
        evaluation_section(experiment),
    ]
    sections = tuple(section for section in parts if section is not None)
    imports = {line for section in sections for line in section.imports}
    if any(folder in section.code for section in sections):
        imports.add("from pathlib import Path")
    packages = ["tensorflow"]
    if any("sklearn" in line for line in imports):
        packages.append("scikit-learn")
    return Program(
        title=f"{run.name}: a convolutional network in Keras",
        about=(
            f"Written by cifarviz {__version__} from run {run.id}; it does not need cifarviz.",
            _reproducibility(experiment, precision),
        ),
        notes=differences(run, in_halves),
        packages=tuple(packages),
        imports=_ordered(imports),
        sections=sections,
    )


def _reproducibility(experiment: Experiment, precision: str) -> str:
    images = "It trains the same network on the same images in the same order."
    if precision == "bfloat16":
        return images
    name = loss_name(experiment)
    column = "" if name == "loss" else f" (column {name})"
    return (
        f"{images} On the same kind of processor its losses{column} start equal to the run's; then "
        "rounding makes them drift apart, as far as Keras' own results on another number of "
        "threads do."
    )


def _settings(experiment: Experiment) -> Section:
    rate = experiment.optimizer.learning_rate
    return Section(
        "Settings",
        "Change these first. The seed determines all randomness: initial weights, image order, "
        "dropout, augmentation.",
        f"SEED = {experiment.seed}\nEPOCHS = {experiment.epochs}\n"
        f"BATCH_SIZE = {experiment.batch_size}\nLEARNING_RATE = {rate!r}",
    )


def _ordered(imports: set[str]) -> tuple[str, ...]:
    """Return import lines: the standard library, an empty line, the rest, each sorted."""
    plain = sorted(imports, key=lambda line: (line.startswith("from"), line))
    standard = [line for line in plain if line in _STANDARD]
    other = [line for line in plain if line not in _STANDARD]
    return (*standard, *([""] if standard and other else []), *other)


def script(run: Run) -> str:
    """Return the Python source that repeats a run; raises what ``program`` raises."""
    source = program(run, folder=_FOLDER)
    parts = [_header(source), "\n".join(source.imports)]
    for section in source.sections:
        parts.append(
            f"{f'# {section.title} ':-<{WIDTH}}\n#\n{comment(section.text)}\n\n{section.code}"
        )
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _header(source: Program) -> str:
    # The first two lines of a file may declare its encoding; a run's name must not.
    lines = ["# -*- coding: utf-8 -*-", "#", comment(single_line(source.title)), "#"]
    lines += [comment(single_line(sentence)) for sentence in source.about]
    lines += ["#", comment(f"Needs: pip install {' '.join(source.packages)}")]
    if source.notes:
        lines += ["#", "# Differences from the run:"]
        for note in source.notes:
            first, *rest = wrap(single_line(note), WIDTH - 4)
            lines += [f"# - {first}", *(f"#   {line}" for line in rest)]
    return "\n".join(lines)


def notebook(run: Run) -> str:
    """Return the JSON of a notebook that repeats a run; raises what ``program`` raises."""
    source = program(run, folder=_NOTEBOOK_FOLDER)
    cells = [_markdown(_first_cell(source)), _code("\n".join(source.imports))]
    for section in source.sections:
        cells += [_markdown(f"## {section.title}\n\n{section.text}"), _code(section.code)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:02d}"
    content: dict[str, Any] = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _first_cell(source: Program) -> str:
    lines = [
        f"# {notebook_text(source.title)}",
        "",
        *(f"{notebook_text(sentence)}  " for sentence in source.about),
        "",
        f"Needs: `pip install {' '.join(source.packages)}`",
    ]
    if source.notes:
        lines += ["", "Differences from the run:", ""]
        lines += [f"- {notebook_text(note)}" for note in source.notes]
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
