"""The states of a run and the moves between them.

::

    queued ──► running ◄──► paused
      │           │            │
      │           ├► stopping ◄┤
      │           │     │      │
      ▼           ▼     ▼      ▼
    stopped    finished · failed · stopped

A run whose process died after it had begun is *interrupted*: its record is active, but it
has no owner. A queued run stays queued, and another process may train it.
Stopped, failed and interrupted runs can be queued again; a finished run cannot. A run that gives
way to a shorter one goes from *stopping* to *queued* by itself (``RunStore.queue_again``).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from cifarviz.errors import TransitionRefused


class RunState(StrEnum):
    """The state of a run."""

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
        """Whether the run should have an owner."""
        return self in ACTIVE

    @property
    def resumable(self) -> bool:
        """Whether the run can be queued again."""
        return RunState.QUEUED in TRANSITIONS[self]


class Action(StrEnum):
    """What the user can request of an active run."""

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

# A repeated request is harmless, so it is no error.
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
            "“{run_name}” has finished all its epochs, so it cannot be resumed. Train a new run "
            "with more epochs instead.",
            run_name=name,
        )
    raise TransitionRefused(
        "“{run_name}” is {state}, so it cannot become {to}.", run_name=name, state=current, to=to
    )


def check_action(name: str, current: RunState, action: Action) -> None:
    """Raise ``TransitionRefused`` unless ``action`` is allowed for a run in state ``current``."""
    if current not in _ALLOWED[action]:
        raise TransitionRefused(
            "“{run_name}” is {state}: you can only {action} a run that is {allowed}.",
            run_name=name,
            state=current,
            action=action,
            allowed=" or ".join(sorted(_ALLOWED[action])),
        )
