"""Trials: runs compared by the settings they differ in, of a study or chosen by hand."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from cifarviz.errors import CifarvizError
from cifarviz.experiment.changes import LAYER_KEYS, NOT_APPLICABLE, Difference, differences
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.study import Goal, TrialState
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.trial_values import (
    EpochValues,
    best_value,
    epoch_values,
    run_state,
)

TrialValue = float | int | str | bool | None


@dataclass(frozen=True)
class TrialParameter:
    """A setting that differs between trials; ``log`` if its numbers belong on a log axis."""

    key: str
    label: str
    kind: Literal["number", "category"]
    log: bool = False


@dataclass(frozen=True)
class Trial:
    """A run as a trial, numbered from 1; ``values`` are those of the parameters, by their keys.

    A missing value is ``None``: the experiment has no such setting. ``value`` is the best of
    ``epoch_values``, ``None`` before the first. ``seconds`` is training time.
    """

    number: int
    run_id: str
    name: str
    state: TrialState
    values: Mapping[str, TrialValue]
    value: float | None
    epoch_values: EpochValues = ()
    seconds: float = 0.0
    message: str | None = None


@dataclass(frozen=True)
class Trials:
    """Trials with what they are compared by: validation accuracy or loss.

    ``seconds``: only epochs that ended within so many seconds of training count. ``notes`` are
    sentences on what was left out, and on what makes the trials hard to compare.
    """

    title: str
    parameters: tuple[TrialParameter, ...]
    trials: tuple[Trial, ...]
    goal: Goal = "accuracy"
    seconds: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def finished(self) -> tuple[Trial, ...]:
        """The finished trials that have a value."""
        return tuple(
            trial
            for trial in self.trials
            if trial.state == "finished" and trial.value is not None and isfinite(trial.value)
        )

    @property
    def best(self) -> Trial | None:
        """The best finished trial; while none has finished, the best of all that have a value."""
        measured = self.finished or [
            trial for trial in self.trials if trial.value is not None and isfinite(trial.value)
        ]
        return min(measured, key=self.rank, default=None)

    def rank(self, trial: Trial) -> tuple[float, int]:
        """Return a key that sorts trials from best to worst, those without a value last."""
        if trial.value is None or not isfinite(trial.value):
            return float("inf"), trial.number
        return (-trial.value if self.goal == "accuracy" else trial.value), trial.number

    def parameter(self, key: str) -> TrialParameter | None:
        """Return the parameter with this key, if there is one."""
        return next((parameter for parameter in self.parameters if parameter.key == key), None)


# Settings that steer what is stored and shown, not how the network learns.
_WITHOUT_EFFECT = frozenset({"tensorboard", "test_epochs", "best_only"})
_SEEDS = frozenset({"seed", "data.wrong_labels_seed"})
_DECADE = 10.0
# With more settings of layers, the network is described by its size.
_MOST_LAYER_SETTINGS = 4


def trials_of_runs(
    runs: Sequence[Run],
    histories: Mapping[str, Sequence[Epoch]],
    goal: Goal = "accuracy",
    seconds: float | None = None,
) -> Trials:
    """Return ``runs`` as trials, in their order; the parameters are what they differ in.

    Runs without validation images, and those whose settings cannot be read, are left out.
    """
    compared, notes = _comparable(runs, histories)
    rows = [
        row
        for row in differences([experiment for _, experiment in compared])
        if row.key not in _WITHOUT_EFFECT
    ]
    rows = [row for row in rows if row.key not in _SEEDS] or rows
    rows = [row for row in rows if not _is_implied(row)]
    rows = _summarised_layers(rows, [experiment for _, experiment in compared])
    settings = [_setting(row) for row in rows]
    trials = []
    for place, (run, _) in enumerate(compared):
        values = epoch_values(histories.get(run.id, ()), goal, seconds)
        trials.append(
            Trial(
                number=place + 1,
                run_id=run.id,
                name=run.name,
                state=run_state(run),
                values={parameter.key: column[place] for parameter, column in settings},
                value=best_value(values, goal),
                epoch_values=values,
                seconds=run.seconds,
                message=run.message,
            )
        )
    return Trials(
        title="1 run" if len(trials) == 1 else f"{len(trials)} runs",
        parameters=tuple(parameter for parameter, _ in settings),
        trials=tuple(trials),
        goal=goal,
        seconds=seconds,
        notes=(*notes, *_caveats(rows, [run for run, _ in compared])),
    )


def _is_implied(row: Difference) -> bool:
    """Whether the setting differs only in being there, as the momentum that one optimiser has."""
    section, _, name = row.key.partition(".")
    present = [text for text in row.values if text != NOT_APPLICABLE]
    return bool(name) and section != LAYER_KEYS.rstrip(".") and len(set(present)) < 2


def _comparable(
    runs: Sequence[Run], histories: Mapping[str, Sequence[Epoch]]
) -> tuple[list[tuple[Run, Experiment]], list[str]]:
    """Return the runs that can be compared with their experiments, and who was left out."""
    compared, unreadable, unvalidated = [], [], []
    for run in runs:
        try:
            experiment = run.experiment
        except CifarvizError:
            unreadable.append(run.name)
            continue
        history = histories.get(run.id, ())
        if history and not any(epoch.val_loss is not None for epoch in history):
            unvalidated.append(run.name)
        else:
            compared.append((run, experiment))
    notes = []
    if unvalidated:
        notes.append(f"Left out, as they have no validation images: {_names(unvalidated)}.")
    if unreadable:
        notes.append(f"Left out, as their settings cannot be read: {_names(unreadable)}.")
    return compared, notes


_MOST_NAMED = 5


def _names(names: Sequence[str]) -> str:
    shown = [f"“{name}”" for name in names[:_MOST_NAMED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _caveats(rows: Sequence[Difference], runs: Sequence[Run]) -> list[str]:
    """Return sentences on what makes runs with these differences hard to compare."""
    keys = {row.key for row in rows}
    notes = []
    if keys & {"data.dataset", "data.variant"} or any(key.startswith("validation") for key in keys):
        notes.append(
            "They were not validated on the same images, so their results are hard to compare."
        )
    elif any(key.startswith("data.") for key in keys):
        notes.append("They learned from different images, which alone makes a difference.")
    if "epochs" in keys:
        notes.append(
            "They trained for different numbers of epochs: those with fewer had less time to "
            "become good."
        )
    if len({run.precision for run in runs if run.precision}) > 1 and "precision" not in keys:
        notes.append("Some chose to train in bfloat16 and some in float32, as was faster.")
    if any(run.parent is not None for run in runs):
        notes.append("Some are forks, which continue another run and so had a start.")
    for together in _tied(rows):
        notes.append(
            f"{together[0][:1].upper()}{together[0][1:]} always changed together with "
            f"{' and '.join(together[1:])}: their effects cannot be told apart."
        )
    return notes


def _tied(rows: Sequence[Difference]) -> list[list[str]]:
    """Return the labels of settings that always changed together, a list a group."""
    groups: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for row in rows:
        groups[_pattern(row)].append(row.setting)
    # A value of its own for each run ties settings that were all chosen freely.
    return [
        labels
        for pattern, labels in groups.items()
        if len(labels) > 1 and len(set(pattern)) < len(pattern)
    ]


def _pattern(row: Difference) -> tuple[int, ...]:
    """Return which experiments share a value: equal for settings that always change together."""
    first = {value: place for place, value in reversed(list(enumerate(row.values)))}
    return tuple(first[value] for value in row.values)


def _summarised_layers(
    rows: Sequence[Difference], experiments: Sequence[Experiment]
) -> list[Difference]:
    """Join settings of layers that always change together; many become the network's size."""
    others = [row for row in rows if not row.key.startswith(LAYER_KEYS)]
    joined: dict[tuple[int, ...], list[Difference]] = defaultdict(list)
    for row in rows:
        if row.key.startswith(LAYER_KEYS):
            joined[_pattern(row)].append(row)
    count = len(rows) - len(others)
    has_other_layers = any(row.key == f"{LAYER_KEYS}count" for row in rows)
    if max(len(joined), count if has_other_layers else 0) > _MOST_LAYER_SETTINGS:
        sizes = tuple(experiment.architecture.parameters for experiment in experiments)
        counts = tuple(experiment.architecture.layer_count for experiment in experiments)
        network = [
            Difference(
                "number of parameters", tuple(map(str, sizes)), f"{LAYER_KEYS}parameters", sizes
            ),
            Difference("number of layers", tuple(map(str, counts)), f"{LAYER_KEYS}count", counts),
        ]
        return others + [row for row in network if len(set(row.values)) > 1]
    for first, *more in joined.values():
        label = f"{first.setting} (and {len(more)} more)" if more else first.setting
        others.append(Difference(label, first.values, first.key, first.raw))
    return others


def _setting(row: Difference) -> tuple[TrialParameter, tuple[TrialValue, ...]]:
    """Return a difference as a parameter with the value of each experiment."""
    missing = [text == NOT_APPLICABLE for text in row.values]
    present = [raw for raw, absent in zip(row.raw, missing, strict=True) if not absent]
    if not all(isinstance(raw, (int, float)) and not isinstance(raw, bool) for raw in present):
        return TrialParameter(row.key, row.setting, "category"), row.values
    numbers = tuple(None if absent else raw for raw, absent in zip(row.raw, missing, strict=True))
    is_log = min(present) > 0 and max(present) / min(present) >= _DECADE
    return TrialParameter(row.key, row.setting, "number", log=is_log), numbers
