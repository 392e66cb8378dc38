"""The trials of a study, as the view of trials shows them."""

from collections.abc import Sequence

from cifarviz.analysis.trials import Trial, TrialParameter, Trials
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.parameters import Choices, Range
from cifarviz.experiment.study import Study
from cifarviz.experiment.tunables import find_tunable, setting_title
from cifarviz.runs.studies import StoredTrial, StudyRecord
from cifarviz.runs.trial_values import study_value, study_values, trial_state


def study_trials(record: StudyRecord, stored: Sequence[StoredTrial]) -> Trials:
    """Return the trials of a study, with its parameters and what it is to reach."""
    study = record.study
    return Trials(
        title=record.title,
        parameters=tuple(_parameter(study, parameter) for parameter in study.parameters),
        trials=tuple(_trial(study, trial) for trial in stored),
        goal=study.goal,
        seconds=study.within_seconds,
    )


def _parameter(study: Study, parameter: Range | Choices) -> TrialParameter:
    try:
        label = find_tunable(study.base, parameter.key).label
    except ExperimentInvalid:
        label = parameter.key
    if isinstance(parameter, Range):
        return TrialParameter(parameter.key, label, "number", log=parameter.log)
    numbers = all(type(value) in (int, float) for value in parameter.values)
    return TrialParameter(parameter.key, label, "number" if numbers else "category")


def _trial(study: Study, trial: StoredTrial) -> Trial:
    run = trial.run
    message = run.message
    if trial.pruned_after is not None:
        message = f"Ended by the study after epoch {trial.pruned_after}."
    return Trial(
        number=trial.number,
        run_id=run.id,
        name=run.name,
        state=trial_state(study, trial),
        values={
            key: setting_title(key, value) if isinstance(value, str) else value
            for key, value in trial.settings.items()
        },
        value=study_value(study, trial.epochs),
        epoch_values=study_values(study, trial.epochs),
        seconds=run.seconds,
        message=message,
    )
