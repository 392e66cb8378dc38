"""One attempt at a run on a node, as the gateway sees it to its end.

The gateway's loop calls ``step`` again and again, and ``receive`` or ``fail`` when the trainer has
answered ``call``. Nothing here waits.
"""

import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from cifarviz.errors import (
    ArtifactDamaged,
    CifarvizError,
    LeaseLost,
    MessageRefused,
    StorageFull,
    StoreError,
)
from cifarviz.executors.executor import Job
from cifarviz.executors.inbox import Inbox
from cifarviz.executors.messages import Answer
from cifarviz.executors.ray_cluster import RayCluster
from cifarviz.executors.ray_trainer import DataRequest, NodeReport, RemoteJob
from cifarviz.runs.artifacts import SNAPSHOTS, START_CHECKPOINT, Checkpoint, checkpoint_name
from cifarviz.runs.leases import LEASE_SECONDS, Attempt
from cifarviz.runs.run_data import load_training_data
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.ending import Ending

log = logging.getLogger(__name__)

EXCHANGE_SECONDS = 0.2
"""Seconds from an answer of a trainer to the next exchange, shorter than between two reports."""
# Seconds to wait after an error that may pass.
_RETRY_SECONDS = 1.0
# As above while something is requested; a trainer that waits for messages is then woken.
_WAKE_SECONDS = 0.1
# Answers with a damaged file in a row after which the run fails.
_MAX_DAMAGED = 3
# Trainers of an attempt: another is made where a node was refused.
_MAX_TRIES = 10
_CHECKPOINTS: tuple[Checkpoint, ...] = ("last", "best")

Phase = Literal["attaching", "placing", "starting", "training", "over"]


def trainer_name(run_id: str, attempt: int, tries: int = 0) -> str:
    """Return the name of the actor that trains an attempt; ``tries`` counts refused nodes."""
    return f"run-{run_id}-{attempt}-{tries}"


def stray_trainers(names: Iterable[str], attempts: Mapping[str, int]) -> list[str]:
    """Return those of the names whose attempt is over; ``attempts`` are those of active runs."""
    current = {trainer_name(*attempt).rpartition("-")[0] for attempt in attempts.items()}
    return [name for name in names if name.rpartition("-")[0] not in current]


class RemoteRun:
    """One attempt at a run.

    ``outcome`` becomes its ending, or ``"lost"`` when another attempt took its place. Then
    ``phase`` is *over*.
    """

    def __init__(self, cluster: RayCluster, store: RunStore, run_id: str, attempt: Attempt) -> None:
        self._cluster, self._store = cluster, store
        self.run_id, self.attempt = run_id, attempt
        self.job = Job(store, store.get(run_id), attempt)
        self.dataset = self.job.experiment.data.dataset
        self.phase: Phase = "placing"
        self.outcome: Ending | Literal["lost"] | None = None
        self.call: Any = None
        """The trainer's answer that is awaited, if any."""
        # When the call was made, or the trainer woken.
        self._called = self._next_call = self._last_answer = time.monotonic()
        self._trainer: Any = None
        self._tries = 0
        self._damaged = 0
        self._pinned: Sequence[int] | None = None
        self._known_pins: Sequence[int] = ()
        self._inbox = Inbox(store, run_id, attempt)

    # Beginning

    def begin(self) -> None:
        """Have a trainer made; it waits until a node has a place."""
        self._trainer = self._cluster.make_trainer(
            trainer_name(self.run_id, self.attempt.number, self._tries)
        )
        self._call(self._trainer.prepare.remote(self._data_request()))

    def attach(self) -> None:
        """Go on with the trainer that an earlier gateway had made.

        Without one the run is interrupted, or begins if nothing was ever heard of it.
        """
        names = [trainer_name(self.run_id, self.attempt.number, n) for n in range(_MAX_TRIES)]
        found = [trainer for name in names if (trainer := self._cluster.find_trainer(name))]
        if found:
            self._trainer = found[-1]
            self.phase = "attaching"
            self._call(self._trainer.is_started.remote())
        elif self._inbox.received:
            self._lose()
        else:
            self.begin()

    def _data_request(self) -> DataRequest:
        data = load_training_data(self.job.run, self._store.settings)
        return DataRequest(data.info, data.variant)

    def _start(self, report: NodeReport) -> None:
        """Give the trainer all that it needs."""
        job, settings = self.job, self._store.settings
        name = self._cluster.node_name(report.node)
        # The time until a place was free does not count as the run's time.
        job.sink.describe(heartbeat=time.time(), machine=f"{name}: {report.machine}", message=None)
        data = load_training_data(job.run, settings)
        start = job.start()
        artifacts = job.artifacts
        names = [*map(checkpoint_name, _CHECKPOINTS), START_CHECKPOINT]
        remote = RemoteJob(
            run_id=self.run_id,
            experiment=job.experiment,
            data=DataRequest(data.info, data.variant),
            start=start,
            files={n: artifacts.path(n).read_bytes() for n in names if artifacts.exists(n)},
            event_files=self._event_files() if job.experiment.tensorboard else {},
            snapshot_sizes=artifacts.sizes(SNAPSHOTS),
            snapshot_budget=settings.run_budget,
            pinned_images=job.pinned_images(data.info),
        )
        arrays = None if report.has_data else self._cluster.put_data(data)
        self.phase = "starting"
        self._call(self._trainer.start.remote(remote, arrays))

    def _event_files(self) -> dict[str, bytes]:
        folder = self._store.tensorboard_folder(self.run_id)
        paths = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}

    # Going on

    def step(self, actions: Sequence[str]) -> None:
        """Do what is due; ``actions`` are what people request of the run."""
        now = time.monotonic()
        if self.phase == "over":
            return
        if self.phase not in ("training", "over") and Action.STOP in actions:
            self.end(Ending(RunState.STOPPED))
        elif self.phase == "training" and self.call is None and now >= self._due(actions):
            request = None
            if actions:
                try:
                    request = self._store.take_request(self.run_id, attempt=self.attempt)
                except LeaseLost:
                    self.end("lost")
                    return
            self._call(self._trainer.exchange.remote(self._inbox.received, request, self._pinned))
            self._pinned = None
        elif self.phase == "training" and now - self._last_answer > LEASE_SECONDS:
            log.warning("run %s: its node does not answer", self.run_id)
            self._lose()
        elif self.phase == "training" and actions and now - self._called > _WAKE_SECONDS:
            # The exchange that waits for a message returns, and the next one tells of the request.
            self._called = now
            self._trainer.wake.remote()

    def _due(self, actions: Sequence[str]) -> float:
        """Return when the next exchange is due: sooner if something is requested."""
        return min(self._next_call, self._called + _WAKE_SECONDS) if actions else self._next_call

    def pin(self, images: Sequence[int]) -> None:
        """Tell the trainer at the next exchange which images are pinned, unless it knows."""
        if images != self._known_pins:
            self._pinned = self._known_pins = images

    def _call(self, call: Any) -> None:
        self.call = call
        self._called = time.monotonic()

    def receive(self, value: Any) -> None:
        """Take the trainer's answer."""
        self.call = None
        self._last_answer = time.monotonic()
        try:
            match self.phase:
                case "attaching" if value:
                    self.phase = "training"
                case "attaching":
                    self.phase = "placing"
                    self._call(self._trainer.prepare.remote(self._data_request()))
                case "placing":
                    self._receive_report(value)
                case "starting":
                    self.phase = "training"
                case "training":
                    self._next_call = time.monotonic() + EXCHANGE_SECONDS
                    self._take(value)
        except LeaseLost as error:
            log.warning("%s", error)
            self.end("lost")
        except StorageFull as error:
            self.end(Ending(RunState.FAILED, str(error)))
        except MessageRefused as error:
            log.info("%s", error)
            self._inbox.received = self._store.received(self.run_id)
        except ArtifactDamaged as error:
            self._damaged += 1
            if self._damaged >= _MAX_DAMAGED:
                self.end(Ending(RunState.FAILED, str(error)))
        except (StoreError, OSError, sqlite3.Error):
            # Messages are kept by the trainer until they are taken.
            log.warning("run %s: messages could not be stored", self.run_id, exc_info=True)
            if self.phase != "training":
                raise
            self._next_call = time.monotonic() + _RETRY_SECONDS

    def _receive_report(self, report: NodeReport) -> None:
        if report.refusal is None:
            self._start(report)
            return
        self._cluster.refuse(report.node, report.refusal)
        self._cluster.end_trainer(self._trainer)
        if problem := self._cluster.problem():
            self.end(Ending(RunState.FAILED, problem))
            return
        self._tries = min(self._tries + 1, _MAX_TRIES - 1)
        self.begin()

    def _take(self, answer: Answer) -> None:
        for message in answer.messages:
            ending = self._inbox.take(message)
            if ending is not None:
                self.end(ending)
                return
        self._damaged = 0
        if answer.more:
            self._next_call = time.monotonic()

    def fail(self, error: Exception, *, unavailable: bool, died: bool) -> None:
        """Take an error in place of an answer: the node is silent, or the trainer has died.

        Otherwise the trainer raised it, which lies in the node or in the run.
        """
        self.call = None
        if unavailable:
            self._next_call = time.monotonic() + _RETRY_SECONDS
        elif died:
            # Ray ends trainers where the memory of a node is used up.
            self._lose("ran out of memory" if "memory" in str(error).lower() else "was lost")
        else:
            log.warning("run %s could not start on a node", self.run_id, exc_info=error)
            reason = next((ln for ln in reversed(str(error).splitlines()) if ln.strip()), "")
            message = f"This run could not start on a node ({reason.strip()}). Resume it."
            self.end(Ending(RunState.FAILED, message))

    # Ending

    def _lose(self, cause: str = "was lost") -> None:
        """End the attempt of a run whose node was lost, or its trainer for another ``cause``."""
        run = self._store.get(self.run_id)
        if run.state is RunState.STOPPING or run.requested == Action.STOP:
            self.end(Ending(RunState.STOPPED))
            return
        node = "The node" if run.node is None else f"The node {run.node}"
        message = f"{node}, which trained this run, {cause}."
        self.end(Ending(RunState.INTERRUPTED, message))

    def end(self, outcome: Ending | Literal["lost"]) -> None:
        """End the attempt; its trainer ends when its ending is recorded, or at once."""
        self.outcome, self.phase, self.call = outcome, "over", None
        if not isinstance(outcome, Ending) or outcome.state is not RunState.FINISHED:
            self.end_trainer()

    def is_recorded(self) -> bool:
        """Whether the ending of this attempt is stored, or no longer wanted."""
        try:
            run = self._store.get(self.run_id)
        except CifarvizError:
            return True
        return not run.state.active or run.attempt != self.attempt.number

    def end_trainer(self) -> None:
        """End the trainer, if there is one."""
        if self._trainer is not None:
            self._cluster.end_trainer(self._trainer)
            self._trainer = None
