"""Runs, epochs and progress as values, as the store has them."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import all_datasets
from cifarviz.errors import CifarvizError, RunDamaged
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.installation import program_name
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.states import RunState


class Epoch(NamedTuple):
    """A finished epoch; ``None`` where nothing was measured. Losses in nats, accuracies 0–1."""

    epoch: int  # from 1
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Fork:
    """The start of a run that uses another run's weights: after ``epoch`` of ``parent``.

    ``precision`` and its reason are the parent's; with ``None`` the run chooses them.
    """

    parent: str
    epoch: int
    precision: str | None = None
    precision_reason: str | None = None

    def columns(self) -> dict[str, object]:
        """Return the columns of the run."""
        return {
            "parent": self.parent,
            "parent_epoch": self.epoch,
            "precision": self.precision,
            "precision_reason": self.precision_reason,
        }


@dataclass(frozen=True)
class BatchPoints:
    """Training batches' own loss and accuracy, not running means.

    ``steps`` int64 (k,) counts training steps from 1 over the whole run; ``loss`` and
    ``accuracy`` are float32 (k,).
    """

    steps: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Progress:
    """A worker's report, sent a few times per second."""

    phase: str  # preparing, choosing, training, validating, testing, saving
    epoch: int  # the current epoch, from 1
    step: int  # training steps done in the whole run
    steps_per_epoch: int
    images_per_second: float | None
    seconds_left: float | None
    heartbeat: float  # Unix time


@dataclass(frozen=True)
class Run:
    """A run as stored. Times are Unix seconds; ``seconds`` is training time, over all resumes.

    ``best_epoch`` is chosen by the experiment's monitor; ``best_loss`` and ``best_val_accuracy``
    are the lowest and the highest of all epochs, so often of another epoch. ``epochs_done`` is the
    number of the last epoch, including those of a fork's parent.

    A run with a damaged record lacks the damaged values; it can only be listed and deleted.
    """

    id: str
    name: str
    state: RunState
    experiment_json: str
    origin: str  # "dashboard", "command line", "recorded" or "imported"
    machine: str  # its processor and cores; on a cluster after the name of the node and a colon
    created: float
    started: float | None
    ended: float | None
    seconds: float
    epochs_done: int
    best_epoch: int | None
    best_loss: float | None
    best_val_accuracy: float | None  # the highest after any epoch
    last_val_accuracy: float | None  # after the last finished epoch
    train_images: int | None
    validation_images: int | None
    images_per_second: float | None
    precision: str | None
    scaling_json: str | None
    message: str | None
    requested: str | None  # an action that was requested and not yet carried out
    progress: Progress | None
    stopped_early: int | None = None
    """The epoch after which early stopping ended the run."""
    note: str | None = None
    """Sentences on problems that did not stop training."""
    best_epoch_val_accuracy: float | None = None
    """After the best epoch."""
    best_val_accuracy_epoch: int | None = None
    """The first epoch with ``best_val_accuracy``."""
    precision_reason: str | None = None
    """Why it trains in its precision, if the experiment's is *auto*."""
    starred: bool = False
    remark: str | None = None
    """The user's note on it."""
    preferred: Checkpoint | None = None
    """The checkpoint that the user chose as the default."""
    parent: str | None = None
    """The run whose weights it started from; it may have been deleted."""
    parent_epoch: int | None = None
    """The parent's epoch after which it started; its own history continues from there."""
    exact_loss_from: int | None = None
    """The first epoch whose losses are the plain cross-entropy; ``None`` if an earlier version
    computed them all. ``runs.earlier_losses`` describes the difference."""
    attempt: int = 0
    """The number of starts and interruptions; reports of earlier attempts are refused."""
    orphaned: bool = False
    """Whether it is queued without an owner: its process has ended."""
    damage: str | None = None
    """A sentence on what is wrong with its record."""
    data_fingerprint: str | None = None
    """``Fingerprints.digest`` of the data set it was trained on; ``None`` if it is unknown."""
    owner: str | None = None
    """The id of the student whose run it is; ``None`` for the teacher's."""
    shown: bool = False
    """Whether the teacher shows it to the class."""
    gives_way: bool = False
    """Whether its owner lets shorter runs of other people go first while it trains."""
    gave_way_to: str | None = None
    """The run that goes first; until this one trains again."""
    hidden: bool = False
    """Whether the current person does not see it: its name is left out."""

    @property
    def experiment(self) -> Experiment:
        """The experiment; raises ``UnknownFormat``, ``ExperimentInvalid`` or ``RunDamaged``."""
        experiment = parse_experiment(self.experiment_json)
        if isinstance(experiment, CifarvizError):
            raise type(experiment)(experiment.template, **experiment.values)
        if self.damage is not None:
            raise RunDamaged(
                "The record of “{run_name}” is damaged: {damage} Delete it on the Runs page "
                "or with “{program} runs delete {run_id}”.",
                run_name=self.name,
                damage=self.damage,
                program=program_name(),
                run_id=self.id,
            )
        return experiment

    @property
    def trained_experiment(self) -> Experiment:
        """The experiment with the precision that the run trained in, in place of *auto*."""
        if self.precision is None:
            return self.experiment
        return self.experiment.model_copy(update={"precision": self.precision})

    @property
    def node(self) -> str | None:
        """The computer of a cluster that trains or trained it; ``None`` for this one."""
        name, colon, _ = self.machine.partition(": ")
        return name if colon else None

    @property
    def resumable(self) -> bool:
        """Whether ``Worker.resume`` accepts the run."""
        return self.state.resumable or self.orphaned

    @property
    def scaling(self) -> Scaling | None:
        """How pixels are scaled in this run; ``None`` until training has begun."""
        return None if self.scaling_json is None else scaling_from_json(self.scaling_json)


def parse_experiment(text: str) -> Experiment | CifarvizError:
    """Return a run's stored experiment, or the error why it cannot be read; cached."""
    return _parsed(text, all_datasets(deleted=True))


@lru_cache(maxsize=512)
def _parsed(text: str, datasets: tuple[DatasetInfo, ...]) -> Experiment | CifarvizError:
    # A data set may be gone, or come back, while the program runs.
    try:
        return Experiment.from_json(text)
    except CifarvizError as error:
        return error


def scaling_to_json(scaling: Scaling) -> str:
    """Return the JSON text in which a run stores its scaling."""
    return json.dumps({"scale": list(scaling.scale), "offset": list(scaling.offset)})


def scaling_from_json(text: str) -> Scaling:
    """Read what ``scaling_to_json`` wrote."""
    stored = json.loads(text)
    return Scaling(scale=tuple(stored["scale"]), offset=tuple(stored["offset"]))
