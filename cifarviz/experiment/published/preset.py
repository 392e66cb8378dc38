"""The parts of a preset: an experiment, its story and its published results."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cifarviz.experiment.experiment import Experiment


class HistoryRow(NamedTuple):
    """An epoch as the authors reported it."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float


@dataclass(frozen=True)
class PresetVariant:
    """Another way to run a published experiment."""

    name: str
    title: str
    text: str
    """One or two sentences on what it does differently, and why."""
    experiment: Experiment


@dataclass(frozen=True)
class Preset:
    """An experiment, ready to run."""

    name: str
    title: str
    story: str
    """Three or four sentences: what it shows, what to watch for, the published result."""
    experiment: Experiment
    published: Mapping[str, Any] | None
    """Published results; ``None`` for our own experiment.

    ``year`` and ``parameters`` are ``None`` if the source does not state them; ``seconds_an_epoch``
    is (low, high) or ``None``; ``history`` has any number of ``HistoryRow``; ``measured_on`` says
    whether its validation columns are of ``"validation"`` or ``"test"`` images, or ``None``;
    ensembles have ``ensemble_accuracy``.
    """
    literature: str = ""
    """A network of literature whose figures are not compared epoch by epoch: who, where, what."""
    notes: tuple[str, ...] = ()
    """Sentences on what is doubtful in the source, or our interpretation."""
    members: int = 1
    """The number of networks to train, each with another seed."""
    variants: tuple[PresetVariant, ...] = ()

    @property
    def facts(self) -> Mapping[str, Any]:
        """The published results; empty for our own experiment."""
        return self.published or {}
