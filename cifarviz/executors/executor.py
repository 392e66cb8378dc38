"""The executor interface: an executor takes a queued run and trains it to its end.

A new executor is a file with a class like ``LocalExecutor`` and a line in ``registry.py``. The
worker does the rest: order, retries and pauses, and recording how a run ended.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cifarviz.datasets.info import DatasetInfo
from cifarviz.experiment.experiment import Experiment
from cifarviz.people.person import acting_as, owner_person
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.leases import Attempt
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.records import Run
from cifarviz.runs.series import find_series_precision
from cifarviz.runs.store import RunStore
from cifarviz.runs.store_sink import StoreSink
from cifarviz.training.ending import Ending
from cifarviz.training.fork_start import save_transferred
from cifarviz.training.reporting import RunStart
from cifarviz.training.timing import PRECISIONS


@dataclass(frozen=True)
class Job:
    """A run that has started, with everything its training reads and reports to."""

    store: RunStore
    run: Run
    attempt: Attempt

    @property
    def experiment(self) -> Experiment:
        """The experiment to train; raises as ``Run.experiment`` does."""
        return self.run.experiment

    @property
    def sink(self) -> StoreSink:
        """Receives what happens to the run."""
        return StoreSink(self.store, self.run.id, self.attempt)

    @property
    def artifacts(self) -> FolderArtifacts:
        """The run's files."""
        return FolderArtifacts(self.store.folder(self.run.id))

    def pinned_images(self, info: DatasetInfo) -> Sequence[int]:
        """Return the test images that are pinned now: their feature maps are saved."""
        with acting_as(owner_person(self.run.owner)):
            return pinned_images(self.store, info)

    def start(self) -> RunStart:
        """Return the run's current state; from now on the engine measures the time.

        Copies the weights it starts with where the run that they come from was active before.
        """
        run = self.store.get(self.run.id)
        if run.parent is None:
            # An imported run may name one that its owner does not see.
            with acting_as(owner_person(run.owner)):
                save_transferred(self.store, run.id, run.experiment)
        seconds, precision, reason = run.seconds, run.precision, run.precision_reason
        if run.progress is not None:
            # Training time is known up to the last heartbeat, at the start of this attempt; the
            # time since then belongs to it.
            seconds += max(time.time() - run.progress.heartbeat, 0.0)
        if precision is None and (peer := find_series_precision(self.store, run.id)) is not None:
            precision = peer.precision
            reason = f"{precision}, as in “{peer.name}”, with which it is compared."
        return RunStart(
            epochs=tuple(self.store.epochs(run.id)),
            seconds=seconds,
            precision=None if precision is None else PRECISIONS[precision],
            precision_reason=reason,
            is_fork=run.parent is not None,
            exact_loss_from=run.exact_loss_from,
            note=run.note,
        )


class ExecutorPlace(Protocol):
    """A place in which a run can train."""

    @property
    def owner(self) -> str:
        """The owner of the run there: ``leases.this_process()``, or another name."""

    def release(self) -> None:
        """Free the place for the next run."""


class Executor(Protocol):
    """Trains the runs of a home; made once per process with the store, shared by threads."""

    @property
    def places(self) -> int:
        """How many runs this process trains at once at most."""

    def reserve(self) -> ExecutorPlace | None:
        """Return a free place, or ``None``; called again within a second."""

    def train(self, job: Job) -> Ending:
        """Train a run to its end, and return how it ends; the caller records that.

        Called in its own thread, which may block. May raise what training raises: the run then
        fails, except for ``LeaseLost``.
        """


@runtime_checkable
class DetachedExecutor(Executor, Protocol):
    """An executor whose runs go on training when this process ends.

    Its ``train`` returns ``RunState.INTERRUPTED`` when what trained a run was lost: the run then
    goes on elsewhere, from its last checkpoint.
    """

    def attach(self, owner: str) -> ExecutorPlace | None:
        """Return the place of a run that has this owner; ``None`` if it is not this executor's."""

    def watch(self, job: Job) -> Ending:
        """See a run that trains already to its end, as ``train`` does."""
