"""The value and the state of a run as a trial: of a study, or compared by hand."""

from collections.abc import Mapping, Sequence
from math import isfinite
from types import MappingProxyType

from cifarviz.experiment.study import Goal, Study, TrialState
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.studies import StoredTrial

EpochValues = tuple[tuple[int, float], ...]
"""Epochs, from 1, with the validation accuracy (0 to 1) or loss (nats) after each."""

_STATES: Mapping[RunState, TrialState] = MappingProxyType(
    {
        RunState.QUEUED: "waiting",
        RunState.RUNNING: "running",
        RunState.PAUSED: "running",
        RunState.STOPPING: "running",
        RunState.FINISHED: "finished",
        RunState.FAILED: "failed",
        RunState.STOPPED: "stopped",
        RunState.INTERRUPTED: "stopped",
    }
)


def run_state(run: Run) -> TrialState:
    """Return the state of a run as a trial; whether it was pruned, only its study knows."""
    return _STATES[run.state]


def epoch_values(history: Sequence[Epoch], goal: Goal, seconds: float | None = None) -> EpochValues:
    """Return the validation accuracy or loss after each epoch that has one.

    With ``seconds``, only of epochs that ended within so many seconds of training.
    """
    values, elapsed = [], 0.0
    for epoch in history:
        elapsed += epoch.seconds
        value = epoch.val_accuracy if goal == "accuracy" else epoch.val_loss
        if value is not None and (seconds is None or elapsed <= seconds):
            values.append((epoch.epoch, value))
    return tuple(values)


def best_value(values: EpochValues, goal: Goal) -> float | None:
    """Return the highest accuracy or the lowest loss; ``None`` without any finite value."""
    finite = [value for _, value in values if isfinite(value)]
    return (max if goal == "accuracy" else min)(finite, default=None)


def study_values(study: Study, epochs: Sequence[Epoch]) -> EpochValues:
    """Return ``epoch_values`` by what a study is to reach."""
    return epoch_values(epochs, study.goal, study.within_seconds)


def study_value(study: Study, epochs: Sequence[Epoch]) -> float | None:
    """Return the best of ``study_values``."""
    return best_value(study_values(study, epochs), study.goal)


def best_trial(study: Study, trials: Sequence[StoredTrial]) -> StoredTrial | None:
    """Return the trial with the best value; the first of equals, ``None`` if none has one."""
    sign = 1 if study.higher_is_better else -1
    judged = [
        (sign * value, trial)
        for trial in trials
        if (value := study_value(study, trial.epochs)) is not None
    ]
    return max(judged, key=lambda pair: pair[0])[1] if judged else None


def trial_state(study: Study, trial: StoredTrial) -> TrialState:
    """Return the state of a trial in its study."""
    state = run_state(trial.run)
    if state != "stopped":
        return state
    if trial.pruned_after is not None:
        return "pruned"
    limit = study.within_seconds
    return "finished" if limit is not None and trial.run.seconds > limit else "stopped"
