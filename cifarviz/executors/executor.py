"""What an executor is: it takes a queued run and sees it to its end.

A new one is a file with a class like ``LocalExecutor`` and a line in ``registry.py``. Everything
else is the worker's: order, tries and pauses, what is recorded when a run has ended.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cifarviz.datasets.info import DatasetInfo
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.leases import Attempt
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.records import Run
from cifarviz.runs.series import find_series_precision
from cifarviz.runs.store import RunStore
from cifarviz.runs.store_sink import StoreSink
from cifarviz.training.ending import Ending
from cifarviz.training.reporting import RunStart
from cifarviz.training.timing import PRECISIONS


@dataclass(frozen=True)
class Job:
    """A run that has begun, with everything its training reads and reports to."""

    store: RunStore
    run: Run
    attempt: Attempt

    @property
    def experiment(self) -> Experiment:
        """What to train; raises as ``Run.experiment`` does."""
        return self.run.experiment

    @property
    def sink(self) -> StoreSink:
        """Takes what happens to the run."""
        return StoreSink(self.store, self.run.id, self.attempt)

    @property
    def artifacts(self) -> FolderArtifacts:
        """The run's files."""
        return FolderArtifacts(self.store.folder(self.run.id))

    def pinned_images(self, info: DatasetInfo) -> Sequence[int]:
        """The test images whose feature maps are kept, as they are pinned now."""
        return pinned_images(self.store, info)

    def start(self) -> RunStart:
        """How far the run has come, now: what is left is the engine's time."""
        run = self.store.get(self.run.id)
        seconds, precision, reason = run.seconds, run.precision, run.precision_reason
        if run.progress is not None:
            # Time at work is known up to the last sign of life, which was given when this attempt
            # began; the time since then belongs to it.
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
    """Where one run can train."""

    @property
    def owner(self) -> str:
        """Who looks after the run there: ``leases.this_process()``, or a name of its own."""

    def release(self) -> None:
        """Leave the place to the next run."""


class Executor(Protocol):
    """Trains the runs of one home. Made once a process, with the store; shared by threads."""

    @property
    def places(self) -> int:
        """How many runs this process trains at a time at most."""

    def reserve(self) -> ExecutorPlace | None:
        """A place that is free now, or ``None``; asked again within a second."""

    def train(self, job: Job) -> Ending:
        """See a run to its end, and return how it ends; the caller records that.

        Called in a thread of its own, which may wait here. What training raises may pass; it fails
        the run, but for ``LeaseLost``.
        """
