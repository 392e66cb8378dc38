"""Trials without runs, whose results depend on their settings."""

import numpy as np

from cifarviz.analysis.trials import (
    Trial,
    TrialParameter,
    Trials,
    TrialValue,
)
from cifarviz.experiment.study import Goal, TrialState
from cifarviz.runs.trial_values import EpochValues, best_value

PARAMETERS = (
    TrialParameter("optimizer.learning_rate", "learning rate", "number", log=True),
    TrialParameter("batch_size", "batch size", "number"),
    TrialParameter("optimizer", "optimiser", "category"),
)


def trial(
    number: int,
    values: dict[str, TrialValue],
    results: EpochValues,
    state: TrialState = "finished",
    goal: Goal = "accuracy",
) -> Trial:
    """Return a trial whose run is ``run-<number>``."""
    return Trial(
        number=number,
        run_id=f"run-{number}",
        name=f"name {number}",
        state=state,
        values=values,
        value=best_value(results, goal),
        epoch_values=results,
        seconds=10.0 * len(results),
    )


def made_trials(count: int, goal: Goal = "accuracy") -> Trials:
    """Return trials that are best at a learning rate of 0.003; each fifth is pruned."""
    random = np.random.default_rng(1)
    trials = []
    for number in range(1, count + 1):
        rate = float(10 ** random.uniform(-4, -1))
        values: dict[str, TrialValue] = {
            "optimizer.learning_rate": rate,
            "batch_size": int(random.choice([16, 32, 64])),
            "optimizer": ("Adam", "SGD", "Lion")[number % 3],
        }
        top = float(0.7 - 0.1 * np.log10(rate / 0.003) ** 2 + random.normal(0, 0.005))
        is_pruned = number % 5 == 0
        results = tuple(
            (epoch, top * epoch / 4 if goal == "accuracy" else 2.5 - top * epoch / 4)
            for epoch in range(1, 2 if is_pruned else 5)
        )
        trials.append(trial(number, values, results, "pruned" if is_pruned else "finished", goal))
    return Trials("made", PARAMETERS, tuple(trials), goal)
