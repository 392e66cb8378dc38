"""The value and the state of a trial, by what its study is to reach."""

from collections.abc import Sequence
from typing import Literal

from cifarviz.experiment.study import Study
from cifarviz.runs.records import Epoch
from cifarviz.runs.states import RunState
from cifarviz.runs.studies import StoredTrial

TrialState = Literal["waiting", "running", "finished", "pruned", "failed", "stopped"]


def epoch_values(study: Study, epochs: Sequence[Epoch]) -> list[tuple[int, float]]:
    """Return the value of each epoch that counts, with its number."""
    found: list[tuple[int, float]] = []
    seconds = 0.0
    for epoch in epochs:
        seconds += epoch.seconds
        value = epoch.val_accuracy if study.goal == "accuracy" else epoch.val_loss
        if study.within_seconds is not None and seconds > study.within_seconds:
            break
        if value is not None:
            found.append((epoch.epoch, value))
    return found


def best_value(study: Study, epochs: Sequence[Epoch]) -> float | None:
    """Return the best value of a trial's epochs; ``None`` before the first."""
    values = [value for _, value in epoch_values(study, epochs)]
    if not values:
        return None
    return max(values) if study.higher_is_better else min(values)


def best_trial(study: Study, trials: Sequence[StoredTrial]) -> StoredTrial | None:
    """Return the trial with the best value; the first of equals, ``None`` if none has one."""
    sign = 1 if study.higher_is_better else -1
    judged = [
        (sign * value, trial)
        for trial in trials
        if (value := best_value(study, trial.epochs)) is not None
    ]
    return max(judged, key=lambda pair: pair[0])[1] if judged else None


def trial_state(study: Study, trial: StoredTrial) -> TrialState:
    """Return the state of a trial in its study."""
    state = trial.run.state
    if state is RunState.QUEUED:
        return "waiting"
    if state.active:
        return "running"
    if state is RunState.FINISHED:
        return "finished"
    if state is RunState.FAILED:
        return "failed"
    if trial.pruned_after is not None:
        return "pruned"
    limit = study.within_seconds
    return "finished" if limit is not None and trial.run.seconds > limit else "stopped"
