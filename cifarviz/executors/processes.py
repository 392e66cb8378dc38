"""The executor that trains several runs of a home at once, each in a process of its own.

Each place has a share of the cores, and so TensorFlow's threads of its own. Its process is started
with ``subprocess``, not ``multiprocessing``, which would run the caller's main script again
(Streamlit's, or one without a guard).
"""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any

from cifarviz import free_memory, processor
from cifarviz.errors import LeaseLost, RunNotFound, TrainingFailed
from cifarviz.executors.executor import Job
from cifarviz.executors.local import LocalPlace
from cifarviz.executors.training_process import IDLE, READY
from cifarviz.runs import locks
from cifarviz.runs.artifacts import SNAPSHOTS
from cifarviz.runs.leases import this_process
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.storage import remove_leftovers
from cifarviz.training.ending import Ending
from cifarviz.training.local_places import lacks_memory, place_machine, place_shares

log = logging.getLogger(__name__)

_PROGRAM = "cifarviz.executors.training_process"
_POLL_SECONDS = 0.1
# Seconds that a process waits for another run; the next one of a queue comes within one.
_IDLE_SECONDS = 30.0
# SIGKILL, which Windows does not name.
_KILL = 9


class TrainingProcess:
    """A process that trains, as its parent uses it: one run at a time."""

    def __init__(self, settings: Settings, cores: Sequence[int]) -> None:
        """Start it; raises ``TrainingFailed`` if the system refuses."""
        use = processor.share_use(settings.home, len(cores))
        detached: dict[str, Any] = (
            {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0)}
            if os.name == "nt"
            # Ctrl-C reaches the parent, which asks for a stop that saves the weights.
            else {"start_new_session": True}
        )
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
                [sys.executable, "-P", "-m", _PROGRAM, str(_IDLE_SECONDS)],
                env={
                    **processor.environment_with(use),
                    **settings.environment(),
                    # The first process would take all memory of a GPU.
                    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                **detached,
            )
        except (OSError, ValueError) as error:
            raise TrainingFailed(
                "No process can be started for training ({reason}). Free some memory, or set "
                "CIFARVIZ_RUNS_AT_ONCE to 1.",
                reason=error,
            ) from error
        # Now, since the threads that it starts inherit it.
        if hasattr(os, "sched_setaffinity"):
            with suppress(OSError):
                os.sched_setaffinity(self._process.pid, cores)
        self._answers: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        assert self._process.stdout is not None
        Thread(target=_read, args=(self._process.stdout, self._answers), daemon=True).start()
        self._is_ready = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it can be given a run."""
        return self._process.poll() is None

    @property
    def missing_bytes(self) -> int:
        """How much memory it will still take, as far as is known."""
        return max(free_memory.RUN_BYTES - (free_memory.used_bytes(self.pid) or 0), 0)

    def wait_until_ready(self, given_up: Callable[[], bool]) -> bool:
        """Return once it can train, or ``False``, when it is killed, once ``given_up`` says so.

        Raises ``TrainingFailed`` if it ends instead.
        """
        while not self._is_ready:
            try:
                answer = self._answers.get(timeout=_POLL_SECONDS)
            except Empty:
                if given_up():
                    self.end()
                    return False
                continue
            if answer != READY:
                raise TrainingFailed(
                    "The process for training could not start (exit code {code}). The error "
                    "output of this program says why.",
                    code=self._process.wait(),
                )
            self._is_ready = True
        return True

    def train(self, job: Job) -> dict[str, Any] | None:
        """Train a run; returns the answer, or ``None`` if the process has ended."""
        wanted = {"run": job.run.id, "attempt": job.attempt.number, "owner": job.attempt.owner}
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(wanted) + "\n")
            self._process.stdin.flush()
        except OSError:
            return None
        return self._answers.get()

    def end(self) -> int:
        """Kill it if it is alive; returns the exit code."""
        self._process.kill()
        code = self._process.wait()
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        return code


def _read(answers: IO[str], into: SimpleQueue[dict[str, Any] | None]) -> None:
    with answers:
        for line in answers:
            # Killed in the middle of a line.
            if line.endswith("\n"):
                into.put(json.loads(line))
    into.put(None)


class ProcessExecutor:
    """Trains up to as many runs as the settings say, as far as cores and memory go.

    The slots of a home are shared by all its programs. A process is kept for the next run of its
    slot, which then starts at once.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._shares = place_shares(store.settings)
        self.places = len(self._shares)
        self._machine = place_machine(store.settings)
        # By slot; who holds a slot is the only one that uses its process.
        self._processes: dict[int, TrainingProcess] = {}

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The ids of the processes of all places that are alive."""
        return tuple(process.pid for process in self._alive().values())

    def _alive(self) -> dict[int, TrainingProcess]:
        # A copy first: other threads start processes.
        return {slot: one for slot, one in self._processes.copy().items() if one.is_alive()}

    def reserve(self) -> LocalPlace | None:
        for slot in range(self.places):
            lock = locks.acquire(self._store.slot_path(slot), 0)
            if lock is None:
                continue
            # The first run of a home starts in any case, as it always did.
            if slot == 0 or self._fits_in_memory(slot):
                return LocalPlace(lock, _owner(slot))
            lock.release()
        return None

    def _fits_in_memory(self, slot: int) -> bool:
        processes = self._alive()
        if slot in processes:
            return True
        starting = sum(process.missing_bytes for process in processes.values())
        return not lacks_memory(free_memory.RUN_BYTES + starting)

    def train(self, job: Job) -> Ending:
        slot = next(n for n in range(self.places) if _owner(n) == job.attempt.owner)
        job.sink.describe(machine=self._machine)
        while True:
            process = self._process(slot)
            if not process.wait_until_ready(lambda: _is_over(job)):
                # Nothing was trained, so there is nothing to save.
                return Ending(RunState.STOPPED)
            answer = process.train(job)
            if answer is not None:
                return _ending(answer)
            code = process.end()
            # It ended a moment ago, because it had nothing to do.
            if code != IDLE:
                return self._interrupted(job, code)

    def _process(self, slot: int) -> TrainingProcess:
        process = self._processes.get(slot)
        if process is None or not process.is_alive():
            if process is not None:
                process.end()
            process = TrainingProcess(self._store.settings, self._shares[slot])
            self._processes[slot] = process
        return process

    def _interrupted(self, job: Job, code: int) -> Ending:
        folder = self._store.folder(job.run.id)
        remove_leftovers(folder)
        remove_leftovers(folder / SNAPSHOTS)
        log.error("the process that trained run %s ended with exit code %s", job.run.id, code)
        return Ending(RunState.INTERRUPTED, describe_exit(code))


def describe_exit(code: int) -> str:
    """Return what the exit code of a process that trained says, and what to do."""
    if code < 0 and -code not in (signal.SIGTERM, _KILL):
        return (
            f"The process that trained this run crashed (signal {-code}), most likely in "
            "TensorFlow's own code. Resume it from its last checkpoint; if it crashes again, "
            "choose float32 as the precision, or a smaller batch size."
        )
    free = free_memory.available_bytes()
    reason = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    now = "" if free is None else f" ({free / 1e9:.1f} GB are free now)"
    return (
        f"The process that trained this run {reason}. Usually that means that memory ran out{now}. "
        "Resume it from its last checkpoint."
    )


def _owner(slot: int) -> str:
    """Return the owner of a run in a slot: this process, which holds its lock."""
    return f"{this_process()}, place {slot + 1}"


def _is_over(job: Job) -> bool:
    """Whether the run is to stop, or has ended for another reason."""
    try:
        run = job.store.get(job.run.id)
    except RunNotFound:
        return True
    return run.requested == Action.STOP or not run.state.active


def _ending(answer: dict[str, Any]) -> Ending:
    """Raises ``LeaseLost`` where that ended the training."""
    if "lost" in answer:
        raise LeaseLost(answer["lost"])
    return Ending(RunState(answer["state"]), answer["message"], answer["stopped_early"])
