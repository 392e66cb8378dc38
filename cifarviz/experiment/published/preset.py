"""What a preset is made of: an experiment, its story, and what was published of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cifarviz.experiment.experiment import Experiment


class HistoryRow(NamedTuple):
    """One epoch as the authors reported it."""

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
    """One sentence or two on what it does differently, and why."""
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
    """``None`` for a recipe of our own. Else ``year`` and ``parameters``, or ``None`` where the
    source doesn't say; ``seconds_an_epoch``, (low, high) or ``None``; ``history``, rows of
    ``HistoryRow``, of which there may be few or none; ``measured_on``, whether their validation
    columns are of ``"validation"`` or ``"test"`` images, or ``None``; for an ensemble,
    ``ensemble_accuracy``."""
    notes: tuple[str, ...] = ()
    """Sentences on what is doubtful in the source, or was read into it."""
    members: int = 1
    """How many networks, each from a seed of its own, it takes."""
    variants: tuple[PresetVariant, ...] = ()

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was published; nothing for a recipe of our own."""
        return self.published or {}
