"""A run's code as sections, before it becomes a script or a notebook."""

from dataclasses import dataclass

from cifarviz import __version__
from cifarviz.errors import ArtifactMissing
from cifarviz.experiment.experiment import Experiment
from cifarviz.export.code.batches import batches_section
from cifarviz.export.code.data import data_section
from cifarviz.export.code.dropout_halves import layers_in_halves
from cifarviz.export.code.learning_rate import learning_rate_section
from cifarviz.export.code.network import network_section
from cifarviz.export.code.notes import differences, precision_of
from cifarviz.export.code.section import Section
from cifarviz.export.code.training import evaluation_section, loss_name, training_section
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


_STANDARD = ("import math", "from pathlib import Path")


def _ordered(imports: set[str]) -> tuple[str, ...]:
    """The standard library first, then an empty line, then the rest, each in its order."""
    plain = sorted(imports, key=lambda line: (line.startswith("from"), line))
    standard = [line for line in plain if line in _STANDARD]
    other = [line for line in plain if line not in _STANDARD]
    return (*standard, *([""] if standard and other else []), *other)
