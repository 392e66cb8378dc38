"""Checking a draft: its problems, or the experiment it makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cifarviz.datasets.registry import default_dataset
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import Architecture, Trace
from cifarviz.experiment.draft import (
    OPTIONAL_SECTIONS,
    SECTIONS,
    SINGLE_FIELDS,
    Draft,
    section_class,
)
from cifarviz.experiment.draft_layers import trace_layers
from cifarviz.experiment.experiment import Experiment, SplitSizes
from cifarviz.layers.registry import smallest_layers


@dataclass(frozen=True)
class Assessment:
    """The result of checking a draft.

    ``problems`` has a sentence for each section or single value that is invalid. ``together`` are
    sentences on valid values that do not fit together. ``experiment`` and ``sizes`` are ``None``
    if there is any problem.
    """

    trace: Trace
    problems: Mapping[str, str]
    together: tuple[str, ...]
    experiment: Experiment | None
    sizes: SplitSizes | None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every problem as a sentence."""
        return (*self.problems.values(), *self.trace.problems, *self.together)


def assess(draft: Draft, *, train_images: int, test_images: int) -> Assessment:
    """Check a draft for a data set with these numbers of images; never raises."""
    trace = trace_layers(draft)
    parts = (*SECTIONS, *SINGLE_FIELDS, *OPTIONAL_SECTIONS)
    problems = {name: problem for name in parts if (problem := _problem(draft, name))}
    if "epochs" not in problems:
        epochs = draft.settings["epochs"]
        for name in _LIMITED_BY_EPOCHS:
            if name not in problems and (problem := _problem(draft, name, epochs)):
                problems[name] = problem
    if problems or not trace.ok:
        return Assessment(trace, problems, (), None, None)
    try:
        experiment = Experiment.make(
            preset=draft.preset,
            architecture={
                "input_shape": draft.image_shape,
                "classes": draft.classes,
                "layers": [layer.plain() for layer in draft.layers],
            },
            **draft.settings,
        )
        sizes = experiment.sizes(train_images, test_images)
    except ExperimentInvalid as error:
        return Assessment(trace, problems, (str(error),), None, None)
    return Assessment(trace, problems, (), experiment, sizes)


def _problem(draft: Draft, name: str, epochs: int | None = None) -> str | None:
    """Return the problem of a section or single value alone, or in a run of ``epochs``."""
    try:
        if name in OPTIONAL_SECTIONS and not draft.is_on(name):
            return None
        if epochs is None and (name in SECTIONS or name in OPTIONAL_SECTIONS):
            fields = draft.section(name)
            section_class(name, fields).make(**fields)
        else:
            # All else in this experiment is valid, and it has the most epochs possible.
            fields = {"epochs": epochs or _MAX_EPOCHS, name: draft.settings[name]}
            Experiment.make(architecture=_smallest_architecture(), **fields)
    except ExperimentInvalid as error:
        return str(error)
    return None


# These must fit into the number of epochs.
_LIMITED_BY_EPOCHS = ("schedule", "early_stopping", "test_epochs")
_MAX_EPOCHS = Experiment.limits("epochs")[1]


@lru_cache(maxsize=1)
def _smallest_architecture() -> Architecture:
    """Return the smallest network for the default data set."""
    info = default_dataset()
    classes = len(info.classes)
    return Architecture(
        input_shape=info.image_shape, classes=classes, layers=smallest_layers(classes)
    )
