"""Runs as trials: what sets them apart, and their results."""

import pytest

from cifarviz.analysis.trials import Trials, trials_of_runs
from cifarviz.experiment.choices import Data, NoValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.study import Goal
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState
from tests.made_trials import made_trials
from tests.stored_runs import experiment, run_record


def epochs(*accuracies: float | None, seconds: float = 10.0) -> list[Epoch]:
    return [
        Epoch(
            number,
            1.0,
            0.5,
            None if accuracy is None else 2 - accuracy,
            accuracy,
            0.001,
            seconds,
        )
        for number, accuracy in enumerate(accuracies, 1)
    ]


def compared(*experiments: Experiment, goal: Goal = "accuracy") -> Trials:
    runs = [
        run_record(one, id=f"r{number}", name=f"run {number}")
        for number, one in enumerate(experiments, 1)
    ]
    histories = {run.id: epochs(0.3, 0.3 + place / 10) for place, run in enumerate(runs)}
    return trials_of_runs(runs, histories, goal)


def adam(rate: float) -> dict[str, object]:
    return {"kind": "adam", "learning_rate": rate}


def test_numbers_stay_numbers_and_choices_become_their_names() -> None:
    trials = compared(
        experiment(optimizer=adam(0.0001), batch_size=16),
        experiment(optimizer=adam(0.01), batch_size=64),
        experiment(optimizer={"kind": "sgd", "learning_rate": 0.01}, batch_size=32),
    )
    assert [(each.label, each.kind, each.log) for each in trials.parameters] == [
        ("optimiser", "category", False),
        ("learning rate", "number", True),
        ("batch size", "number", False),
    ]
    assert [dict(trial.values) for trial in trials.trials] == [
        {"optimizer": "Adam", "optimizer.learning_rate": 0.0001, "batch_size": 16},
        {"optimizer": "Adam", "optimizer.learning_rate": 0.01, "batch_size": 64},
        {"optimizer": "SGD with momentum", "optimizer.learning_rate": 0.01, "batch_size": 32},
    ]
    assert trials.notes == ()


def test_the_best_is_the_highest_accuracy_or_the_lowest_loss_of_any_epoch() -> None:
    runs = [run_record(experiment(seed=seed), id=str(seed)) for seed in (1, 2, 3)]
    histories = {"1": epochs(0.4, 0.7, 0.5), "2": epochs(0.6), "3": []}
    trials = trials_of_runs(runs, histories)
    assert [trial.value for trial in trials.trials] == [0.7, 0.6, None]
    assert trials.best is trials.trials[0]
    loss = trials_of_runs(runs, histories, "loss")
    assert loss.trials[1].value == pytest.approx(1.4)
    assert loss.best is loss.trials[0]
    assert sorted(loss.trials, key=loss.rank)[-1].value is None


def test_only_epochs_within_the_time_count() -> None:
    runs = [run_record(experiment(seed=seed), id=str(seed)) for seed in (1, 2)]
    histories = {"1": epochs(0.4, 0.7, seconds=20), "2": epochs(0.5, 0.6, seconds=10)}
    trials = trials_of_runs(runs, histories, seconds=25)
    assert [trial.value for trial in trials.trials] == [0.4, 0.6]
    assert trials.best is trials.trials[1]


def test_finished_trials_come_before_better_ones_that_are_not() -> None:
    runs = [
        run_record(experiment(seed=1), id="done"),
        run_record(experiment(seed=2), id="stopped", state=RunState.STOPPED),
    ]
    histories = {"done": epochs(0.4), "stopped": epochs(0.6)}
    trials = trials_of_runs(runs, histories)
    assert [trial.state for trial in trials.trials] == ["finished", "stopped"]
    assert trials.best is trials.trials[0]
    assert trials_of_runs(runs[1:], histories).best is not None


def test_the_seed_is_a_parameter_only_if_nothing_else_differs() -> None:
    only = compared(experiment(seed=1), experiment(seed=2))
    assert [each.key for each in only.parameters] == ["seed"]
    more = compared(experiment(seed=1), experiment(seed=2, batch_size=64))
    assert [each.key for each in more.parameters] == ["batch_size"]
    assert compared(experiment(), experiment()).parameters == ()


def test_settings_that_only_steer_what_is_stored_are_no_parameters() -> None:
    trials = compared(experiment(), experiment(tensorboard=True, test_epochs=(1,)))
    assert trials.parameters == ()


def network(first: float, second: float, units: int = 10) -> Experiment:
    layers = (Flatten(), Dropout(rate=first), Dense(units=units), Dropout(rate=second))
    return experiment(*layers, Dense(units=10, activation="softmax"))


def test_settings_of_layers_that_change_together_are_one_parameter() -> None:
    trials = compared(network(0.1, 0.2), network(0.3, 0.4), network(0.3, 0.4, units=20))
    assert [each.label for each in trials.parameters] == [
        "layer 2 (dropout), dropout rate (and 1 more)",
        "layer 3 (dense), number of units",
    ]
    first, second = trials.parameters
    assert [trial.values[first.key] for trial in trials.trials] == [0.1, 0.3, 0.3]
    assert [trial.values[second.key] for trial in trials.trials] == [10, 10, 20]


def test_networks_with_little_in_common_are_compared_by_their_size() -> None:
    small = experiment(Flatten(), Dense(units=10, activation="softmax"))
    large = network(0.1, 0.2, units=64)
    trials = compared(small, large, experiment())
    assert [each.label for each in trials.parameters] == [
        "number of parameters",
        "number of layers",
    ]
    assert trials.parameters[0].log
    counts = [each.architecture.parameters for each in (small, large, experiment())]
    assert [trial.values["layers.parameters"] for trial in trials.trials] == counts


def test_runs_that_cannot_be_compared_are_left_out_with_a_sentence() -> None:
    unvalidated = experiment(validation=NoValidation())
    runs = [
        run_record(experiment(), id="a", name="first"),
        run_record(unvalidated, id="b", name="blind"),
        run_record(experiment(), id="c", name="broken", damage="Its epochs are gone."),
    ]
    trials = trials_of_runs(runs, {"a": epochs(0.5), "b": epochs(None)})
    assert [trial.run_id for trial in trials.trials] == ["a"]
    assert trials.notes == (
        "Left out, as they have no validation images: “blind”.",
        "Left out, as their settings cannot be read: “broken”.",
    )


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (experiment(data=Data(variant="full")), "not validated on the same images"),
        (experiment(data=Data(train_images=500)), "learned from different images"),
        (experiment(epochs=9), "different numbers of epochs"),
    ],
)
def test_what_makes_a_comparison_hard_is_said(other: Experiment, words: str) -> None:
    assert any(words in note for note in compared(experiment(), other).notes)


def test_precisions_that_runs_chose_are_named_and_no_setting() -> None:
    runs = [
        run_record(experiment(), id=precision, precision=precision)
        for precision in ("float32", "bfloat16")
    ]
    trials = trials_of_runs(runs, {})
    assert trials.parameters == ()
    assert any("bfloat16" in note for note in trials.notes)


def test_forks_are_named_as_such() -> None:
    runs: list[Run] = [
        run_record(experiment(), id="a"),
        run_record(experiment(batch_size=64), id="b", parent="a", parent_epoch=1),
    ]
    assert any("forks" in note for note in trials_of_runs(runs, {}).notes)


def test_settings_that_always_changed_together_cannot_be_told_apart() -> None:
    first = experiment(batch_size=16, l2=0.0)
    second = experiment(batch_size=64, l2=0.01)
    assert compared(first, second, first).notes == (
        "Batch size always changed together with L2 penalty: their effects cannot be told apart.",
    )
    assert compared(first, second, experiment(batch_size=64, l2=0.0)).notes == ()


def test_made_trials_are_what_other_tests_need() -> None:
    trials = made_trials(10)
    assert len(trials.finished) == 8
    assert {trial.state for trial in trials.trials} == {"finished", "pruned"}
