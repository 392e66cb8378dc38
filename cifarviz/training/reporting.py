"""Interfaces between training and its surroundings, without a store, a folder or a machine.

The store implements them (``runs/store_sink.py``); code that sends messages to another machine can
do so too.
"""

from dataclasses import dataclass
from typing import Protocol

from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import BatchPoints, Epoch, Progress
from cifarviz.runs.states import Action, RunState
from cifarviz.training.timing import Precision, Timing


@dataclass(frozen=True)
class RunStart:
    """The state of a run when its training starts or resumes; the default is a new run.

    ``epochs`` is its history and ``seconds`` its training time so far. If its experiment's
    precision is *auto*, it trains in this ``precision`` for this reason; with ``None`` the engine
    finds the faster one.
    """

    epochs: tuple[Epoch, ...] = ()
    seconds: float = 0.0
    precision: Precision | None = None
    precision_reason: str | None = None
    is_fork: bool = False
    """Starts from the weights in the artifact ``checkpoint-start``."""
    exact_loss_from: int | None = 1
    """The first epoch whose losses are the plain cross-entropy; ``None`` if there is none yet."""
    note: str | None = None
    """Sentences on problems of earlier attempts that did not stop training."""


class Sink(Protocol):
    """Receives what happens to a run, and returns what people request.

    Any call may raise ``LeaseLost``: another owner has the run, and training must end.
    """

    def describe(self, **facts: object) -> None:
        """Save facts of the run: ``train_images``, ``precision``, ``scaling``, …"""

    def record(
        self,
        progress: Progress,
        batches: BatchPoints | None = None,
        epoch: Epoch | None = None,
        seconds: float | None = None,
    ) -> None:
        """Add what happened since the last call, at most four times per second.

        ``batches`` are consecutive steps; ``seconds`` is the training time of the whole run.
        """

    def rewind(self, *, step: int, epoch: int) -> None:
        """Delete the batches after ``step`` and the epochs after ``epoch``: they are repeated."""

    def take_request(self) -> Action | None:
        """Return the newest open request; polled at most ten times per second."""

    def transition(self, to: RunState) -> object:
        """Change the run's state: paused, running, stopping; raises ``TransitionRefused``."""


class Timings(Protocol):
    """Stores how long steps of a network took in each precision."""

    def find(self, experiment: Experiment) -> Timing | None:
        """Return the timing of such a network on this machine, if there is one."""

    def save(self, experiment: Experiment, timing: Timing) -> None:
        """Save a timing; raises ``StorageFull``."""
