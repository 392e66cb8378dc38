"""The states of a run and the moves between them.

::

    queued ──► running ◄──► paused
      │           │            │
      │           ├► stopping ◄┤
      │           │     │      │
      ▼           ▼     ▼      ▼
    stopped    finished · failed · stopped

A run that had begun and whose process died is *interrupted*: it says it is active, and nobody
holds its lock. One that only waited stays queued, for whoever takes it up. Stopped, failed and
interrupted runs can be queued again; a finished one has nothing left to do.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from cifarviz.errors import TransitionRefused


class RunState(StrEnum):
    """Where a run is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def active(self) -> bool:
        """Whether a process is (or should be) looking after the run."""
        return self in ACTIVE

    @property
    def resumable(self) -> bool:
        """Whether the run can be queued again."""
        return RunState.QUEUED in TRANSITIONS[self]


class Action(StrEnum):
    """What a person can ask of a run that is under way."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


ACTIVE = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.PAUSED, RunState.STOPPING})

TRANSITIONS: Mapping[RunState, frozenset[RunState]] = MappingProxyType(
    {
        RunState.QUEUED: frozenset({RunState.RUNNING, RunState.STOPPED, RunState.FAILED}),
        RunState.RUNNING: frozenset(
            {
                RunState.PAUSED,
                RunState.STOPPING,
                RunState.FINISHED,
                RunState.FAILED,
                RunState.INTERRUPTED,
            }
        ),
        RunState.PAUSED: frozenset(
            {RunState.RUNNING, RunState.STOPPING, RunState.FAILED, RunState.INTERRUPTED}
        ),
        RunState.STOPPING: frozenset({RunState.STOPPED, RunState.FAILED, RunState.INTERRUPTED}),
        RunState.STOPPED: frozenset({RunState.QUEUED}),
        RunState.FAILED: frozenset({RunState.QUEUED}),
        RunState.INTERRUPTED: frozenset({RunState.QUEUED}),
        RunState.FINISHED: frozenset(),
    }
)

# A second request for what is already happening is harmless, so it is not an error.
_ALLOWED: Mapping[Action, frozenset[RunState]] = MappingProxyType(
    {
        Action.PAUSE: frozenset({RunState.RUNNING, RunState.PAUSED}),
        Action.RESUME: frozenset({RunState.PAUSED, RunState.RUNNING}),
        Action.STOP: ACTIVE,
    }
)


def check_transition(name: str, current: RunState, to: RunState) -> None:
    """Raise ``TransitionRefused`` unless a run may go from ``current`` to ``to``."""
    if to in TRANSITIONS[current]:
        return
    if to is RunState.QUEUED and current is RunState.FINISHED:
        raise TransitionRefused(
            f"“{name}” has finished all its epochs, so there is nothing to resume. "
            "Train a new run with more epochs instead."
        )
    raise TransitionRefused(f"“{name}” is {current}, so it cannot become {to}.")


def check_action(name: str, current: RunState, action: Action) -> None:
    """Raise ``TransitionRefused`` unless ``action`` makes sense for a run that is ``current``."""
    if current not in _ALLOWED[action]:
        wanted = " or ".join(sorted(_ALLOWED[action]))
        raise TransitionRefused(
            f"“{name}” is {current}: only a run that is {wanted} can be asked to {action}."
        )
