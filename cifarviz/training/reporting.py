"""What training is told when it begins, and where it reports to: no store, no folder, no machine.

Who takes part in a run's training implements these: the store does (``runs/store_sink.py``), and so
may what sends messages to another machine.
"""

from dataclasses import dataclass
from typing import Protocol

from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import BatchPoints, Epoch, Progress
from cifarviz.runs.states import Action, RunState
from cifarviz.training.timing import Precision, Timing


@dataclass(frozen=True)
class RunStart:
    """How far a run has come when its training begins, or begins again; the default is a new run.

    ``epochs`` is its history and ``seconds`` its time at work so far, up to this moment. With
    ``precision`` *auto* in its experiment it trains in the ``precision`` given here, for the reason
    given here; ``None`` has the engine find out.
    """

    epochs: tuple[Epoch, ...] = ()
    seconds: float = 0.0
    precision: Precision | None = None
    precision_reason: str | None = None
    is_fork: bool = False
    """Begins with the weights in the artifact ``checkpoint-start``."""
    exact_loss_from: int | None = 1
    """The first epoch whose losses are the plain cross-entropy; ``None`` if there is none yet."""
    note: str | None = None
    """Sentences on what went wrong beside the training in earlier turns."""


class Sink(Protocol):
    """Takes what happens to a run, and says what people ask of it.

    A call may raise ``LeaseLost``: the run is somebody else's by now, and training it must end.
    """

    def describe(self, **facts: object) -> None:
        """Keep facts of the run: ``train_images``, ``precision``, ``scaling``, …"""

    def record(
        self,
        progress: Progress,
        batches: BatchPoints | None = None,
        epoch: Epoch | None = None,
        seconds: float | None = None,
    ) -> None:
        """Add what happened since the last call, at most four times a second.

        ``batches`` are consecutive steps; ``seconds`` is the time at work on the whole run.
        """

    def rewind(self, *, step: int, epoch: int) -> None:
        """Forget the batches after ``step`` and the epochs after ``epoch``: they come again."""

    def take_request(self) -> Action | None:
        """The newest request that was not carried out yet; asked at most ten times a second."""

    def transition(self, to: RunState) -> object:
        """Say that the run pauses, goes on or stops; raises ``TransitionRefused``."""


class Timings(Protocol):
    """Remembers how long steps of a network took in each precision."""

    def find(self, experiment: Experiment) -> Timing | None:
        """What was measured for such a network on this machine."""

    def save(self, experiment: Experiment, timing: Timing) -> None:
        """Remember it; raises ``StorageFull``."""
