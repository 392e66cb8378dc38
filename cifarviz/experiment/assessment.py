"""What is wrong with a draft, in words and in its place; or the experiment it makes."""

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
    """``problems`` has a sentence for each section or single value that is wrong.

    ``together`` are sentences on choices that are right each for itself and don't fit together.
    ``experiment`` and ``sizes`` are there when nothing is wrong, and only then.
    """

    trace: Trace
    problems: Mapping[str, str]
    together: tuple[str, ...]
    experiment: Experiment | None
    sizes: SplitSizes | None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every problem as a sentence: why this can't be trained."""
        return (*self.problems.values(), *self.trace.problems, *self.together)


def assess(draft: Draft, *, train_images: int, test_images: int) -> Assessment:
    """Check a draft for a data set with so many images. Never raises, however wrong it is."""
    trace = trace_layers(draft)
    parts = (*SECTIONS, *SINGLE_FIELDS, *OPTIONAL_SECTIONS)
    problems = {name: said for name in parts if (said := _problem(draft, name))}
    if "epochs" not in problems:
        for name in _WITHIN_EPOCHS:
            if name not in problems and (said := _problem(draft, name, draft.settings["epochs"])):
                problems[name] = said
    if problems or not trace.ok:
        return Assessment(trace, problems, (), None, None)
    try:
        experiment = Experiment.make(
            preset=draft.preset,
            architecture={
                "input_shape": draft.image_shape,
                "classes": draft.classes,
                "layers": [dict(layer.fields) for layer in draft.layers],
            },
            **draft.settings,
        )
        sizes = experiment.sizes(train_images, test_images)
    except ExperimentInvalid as error:
        return Assessment(trace, problems, (str(error),), None, None)
    return Assessment(trace, problems, (), experiment, sizes)


def _problem(draft: Draft, name: str, epochs: int | None = None) -> str | None:
    """What is wrong with one part by itself; with ``epochs``, in a run of so many."""
    try:
        if name in OPTIONAL_SECTIONS and not draft.is_on(name):
            return None
        if epochs is None and (name in SECTIONS or name in OPTIONAL_SECTIONS):
            fields = draft.section(name)
            section_class(name, fields).make(**fields)
        else:
            # In an experiment that is right but for this value, and takes any epoch there can be.
            given = {"epochs": epochs or _MOST_EPOCHS, name: draft.settings[name]}
            Experiment.make(architecture=_smallest(), **given)
    except ExperimentInvalid as error:
        return str(error)
    return None


# The parts that may ask for more epochs than there are.
_WITHIN_EPOCHS = ("schedule", "early_stopping", "test_epochs")
_MOST_EPOCHS = Experiment.limits("epochs")[1]


@lru_cache(maxsize=1)
def _smallest() -> Architecture:
    """A network for the data set that an experiment has where none is named."""
    info = default_dataset()
    classes = len(info.classes)
    return Architecture(
        input_shape=info.image_shape, classes=classes, layers=smallest_layers(classes)
    )
