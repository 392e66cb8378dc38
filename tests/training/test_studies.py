"""Studies: trials in the queue, ended early, gone on with by whoever comes next."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifarviz.errors import ExperimentInvalid, RunError, RunNotFound
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.parameters import Choices, Range
from cifarviz.experiment.study import Study
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.studies import (
    StoredTrial,
    acquire_study,
    all_studies,
    delete_study,
    find_study,
    get_study,
    is_searching,
    stored_trials,
    trial_of_run,
)
from cifarviz.runs.trial_values import best_trial, study_value, study_values, trial_state
from cifarviz.settings import Settings
from cifarviz.training.study_driver import (
    Studies,
    stop_study,
)
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
RATE = Range(key="learning_rate", low=1e-4, high=1e-1, log=True)


@pytest.fixture
def make_study(make_experiment: Callable) -> Callable[..., Study]:
    """A study of the learning rate of a tiny experiment, with any field replaced."""

    def make(*parameters: Range | Choices, base: Any = None, **fields: Any) -> Study:
        plain = [parameter.model_dump() for parameter in parameters or (RATE,)]
        return Study.make(
            base=base or make_experiment(epochs=2), parameters=plain, **{"trials": 3, **fields}
        )

    return make


def _trials(worker: Worker, study_id: str) -> list[StoredTrial]:
    return stored_trials(worker.store, study_id)


def test_trials_are_runs_with_the_settings_that_were_tried(
    worker: Worker, make_study: Callable
) -> None:
    study = make_study(RATE, Choices(key="flip", values=(True, False)))
    studies = Studies(worker)
    record = studies.start(study, "Rates")
    assert is_searching(worker.store, record.id)
    assert studies.wait(record.id, 60)
    ended = get_study(worker.store, record.id)
    assert (ended.state, ended.message) == ("finished", "All trials have ended.")
    assert not is_searching(worker.store, record.id)
    first, *others = _trials(worker, record.id)
    assert first.settings == {"learning_rate": 0.001, "flip": False}, "the base itself"
    assert first.run.trained_experiment == study.base
    for trial in others:
        experiment = trial.run.experiment
        assert experiment.optimizer.learning_rate == trial.settings["learning_rate"]
        assert experiment.augmentation.flip == trial.settings["flip"]
    names = [f"Rates, trial {number}" for number in (1, 2, 3)]
    assert [trial.run.name for trial in (first, *others)] == names
    best = best_trial(study, [first, *others])
    assert best is not None
    assert study_value(study, best.epochs) == max(
        epoch.val_accuracy or 0 for trial in (first, *others) for epoch in trial.epochs
    )
    found = trial_of_run(worker.store, others[0].run.id)
    assert str(found) == "trial 2 of “Rates”"
    assert found is not None
    assert found.study_id == record.id
    assert trial_of_run(worker.store, "unknown") is None
    assert find_study(worker.store, record.id[:5]) == ended
    assert {trial.run.precision for trial in (first, *others)} == {"float32"}


def test_more_trials_can_be_added(worker: Worker, make_study: Callable) -> None:
    studies = Studies(worker)
    record = studies.start(make_study(trials=1), "More")
    assert studies.wait(record.id, 60)
    studies.resume(record.id, more_trials=2)
    assert studies.wait(record.id, 60)
    trials = _trials(worker, record.id)
    assert [trial.number for trial in trials] == [1, 2, 3]
    assert len({trial.settings["learning_rate"] for trial in trials}) == 3


@pytest.fixture
def make_halving(make_study: Callable, make_experiment: Callable) -> Callable[[int], Study]:
    """A study of so many epochs that ends its second trial early."""

    def make(epochs: int) -> Study:
        # Rates far too low learn nothing, and are worse than the base after the first epoch.
        return make_study(
            Choices(key="learning_rate", values=(1e-9, 2e-9)),
            base=make_experiment(
                epochs=epochs,
                validation={"kind": "split", "fraction": 0.2, "seed": 1},
                data=Data(variant="sample", train_images=300),
            ),
            goal="loss",
            pruner="halving",
            sampler="grid",
            trials=2,
        )

    return make


def test_a_bad_trial_ends_early_and_stays_so(
    worker: Worker, make_halving: Callable[[int], Study]
) -> None:
    study = make_halving(40)
    studies = Studies(worker)
    record = studies.start(study, "Pruned")
    assert studies.wait(record.id, 120)
    pruned = [trial for trial in _trials(worker, record.id) if trial.pruned_after]
    assert pruned
    for trial in pruned:
        assert trial_state(study, trial) == "pruned"
        assert trial.run.state is RunState.STOPPED
        assert (trial.pruned_after or 0) <= trial.run.epochs_done < 40


def test_a_trial_that_ends_before_it_can_be_stopped_is_a_finished_one(
    worker: Worker, make_halving: Callable[[int], Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(worker.store, "stop_all", asked.extend)
    studies = Studies(worker)
    record = studies.start(make_halving(4), "Too fast")
    assert studies.wait(record.id, 120)
    assert asked, "a trial should have been stopped"
    for trial in _trials(worker, record.id):
        assert trial_state(record.study, trial) == "finished"
        assert trial.pruned_after is None


def test_a_study_is_stopped_with_its_trial_and_gone_on_with(
    worker: Worker, make_study: Callable, make_experiment: Callable
) -> None:
    studies = Studies(worker)
    record = studies.start(make_study(base=make_experiment(epochs=200), trials=2), "Long")
    wait_until(lambda: any(trial.epochs for trial in _trials(worker, record.id)))
    with pytest.raises(RunError, match="already going on"):
        studies.resume(record.id)
    stop_study(worker.store, record.id)
    assert studies.wait(record.id, 30)
    [trial] = _trials(worker, record.id)
    assert trial_state(record.study, trial) == "stopped"
    assert get_study(worker.store, record.id).message == "Stopped by you."
    # The trial that was stopped with the study goes on with it.
    done = trial.run.epochs_done
    studies.resume(record.id)
    wait_until(lambda: worker.store.get(trial.run.id).epochs_done > done)
    stop_study(worker.store, record.id)
    assert studies.wait(record.id, 30)
    assert [one.number for one in _trials(worker, record.id)] == [1]
    assert get_study(worker.store, record.id).seconds > 0


def test_a_study_ends_after_its_minutes(
    worker: Worker, make_study: Callable, make_experiment: Callable
) -> None:
    studies = Studies(worker)
    base = make_experiment(epochs=400)
    record = studies.start(make_study(base=base, trials=5, minutes=0.05), "Short")
    assert studies.wait(record.id, 60)
    ended = get_study(worker.store, record.id)
    assert (ended.state, ended.message) == ("finished", "0.05 minutes are over.")
    assert not worker.store.active()


def test_only_epochs_within_the_time_count(
    worker: Worker, make_study: Callable, make_experiment: Callable
) -> None:
    studies = Studies(worker)
    study = make_study(base=make_experiment(epochs=400), trials=1, within_seconds=2.0)
    record = studies.start(study, "Within")
    assert studies.wait(record.id, 60)
    [trial] = _trials(worker, record.id)
    assert trial_state(study, trial) == "finished"
    assert trial.run.epochs_done < 400
    counted = len(study_values(study, trial.epochs))
    assert sum(epoch.seconds for epoch in trial.epochs[:counted]) <= 2.0


def test_values_that_do_not_go_together_are_left_out(worker: Worker, make_study: Callable) -> None:
    # After a pooling window of 32 pixels, the next one does not fit.
    study = make_study(
        Choices(key="layers.1.pool_size", values=(32, 2)), sampler="grid", try_base=False
    )
    studies = Studies(worker)
    record = studies.start(study, "Fits")
    assert studies.wait(record.id, 60)
    assert [t.settings for t in _trials(worker, record.id)] == [{"layers.1.pool_size": 2}]


def test_a_trial_that_diverges_does_not_end_the_study(worker: Worker, make_study: Callable) -> None:
    rates = Choices(key="learning_rate", values=(90.0, 95.0, 99.0, 100.0, 0.001))
    study = make_study(
        Choices(key="optimizer", values=("sgd", "adam")),
        rates,
        sampler="grid",
        trials=5,
        try_base=False,
    )
    studies = Studies(worker)
    record = studies.start(study, "Diverging")
    assert studies.wait(record.id, 90)
    trials = _trials(worker, record.id)
    assert len(trials) == 5
    assert [trial_state(study, trial) for trial in trials][:4] == ["failed"] * 4
    assert get_study(worker.store, record.id).state == "finished"


def test_a_study_that_cannot_train_says_why(worker: Worker, make_study: Callable) -> None:
    base = make_study().base
    study = make_study(base=base.model_copy(update={"data": Data(variant="full")}))
    studies = Studies(worker)
    record = studies.start(study, "No data")
    assert studies.wait(record.id, 30)
    ended = get_study(worker.store, record.id)
    assert ended.state == "stopped"
    assert "data fetch" in (ended.message or "")


def test_deleted_runs_and_studies(worker: Worker, make_study: Callable) -> None:
    studies = Studies(worker)
    record = studies.start(make_study(trials=2), "Deleted")
    assert studies.wait(record.id, 60)
    first, second = _trials(worker, record.id)
    worker.store.delete(first.run.id)
    assert [trial.number for trial in _trials(worker, record.id)] == [2]
    studies.resume(record.id, more_trials=1)
    assert studies.wait(record.id, 60)
    assert [trial.number for trial in _trials(worker, record.id)] == [2, 3]
    delete_study(worker.store, record.id)
    assert all_studies(worker.store) == []
    assert worker.store.get(second.run.id).state is RunState.FINISHED
    with pytest.raises(RunNotFound):
        get_study(worker.store, record.id)


def test_too_many_trials_are_refused(worker: Worker, make_study: Callable) -> None:
    studies = Studies(worker)
    record = studies.start(make_study(trials=1), "Many")
    assert studies.wait(record.id, 60)
    with pytest.raises(ExperimentInvalid, match="from 1 to 1,000"):
        studies.resume(record.id, more_trials=5000)
    lock = acquire_study(worker.store, record.id)
    assert lock is not None, "the lock was given back"
    lock.release()


def test_a_trial_that_a_person_stops_is_no_result(
    worker: Worker, make_study: Callable, make_experiment: Callable
) -> None:
    studies = Studies(worker)
    record = studies.start(make_study(base=make_experiment(epochs=300), trials=1), "Stopped")
    wait_until(lambda: any(trial.epochs for trial in _trials(worker, record.id)))
    [trial] = _trials(worker, record.id)
    worker.store.request(trial.run.id, Action.STOP)
    assert studies.wait(record.id, 30)
    assert trial_state(record.study, _trials(worker, record.id)[0]) == "stopped"
    assert get_study(worker.store, record.id).state == "finished"


def test_a_killed_study_goes_on_with_its_trials(
    settings: Settings, worker: Worker, make_study: Callable, make_experiment: Callable
) -> None:
    program = (
        "import sys, time\n"
        "from cifarviz.executors.worker import Worker\n"
        "from cifarviz.experiment.study import Study\n"
        "from cifarviz.settings import Settings\n"
        "from cifarviz.training.study_driver import Studies\n"
        "studies = Studies(Worker(Settings.from_environment(), 'command line'))\n"
        "print(studies.start(Study.from_json(sys.argv[1]), 'Killed').id, flush=True)\n"
        "time.sleep(600)\n"
    )
    study = make_study(base=make_experiment(epochs=40), trials=2)
    process = subprocess.Popen(
        [sys.executable, "-c", program, study.to_json()],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    study_id = process.stdout.readline().strip()
    # The new process loads TensorFlow first.
    wait_until(lambda: any(len(one.epochs) > 1 for one in _trials(worker, study_id)), seconds=180)
    assert is_searching(worker.store, study_id)
    process.kill()
    process.wait()
    assert not is_searching(worker.store, study_id)
    before = _trials(worker, study_id)
    assert before[-1].run.state is RunState.INTERRUPTED
    studies = Studies(worker)
    studies.resume(study_id)
    assert studies.wait(study_id, 120)
    after = _trials(worker, study_id)
    assert [trial.run.state for trial in after] == [RunState.FINISHED] * 2
    assert after[0].epochs[0] == before[0].epochs[0]
    assert [epoch.epoch for epoch in after[0].epochs] == list(range(1, 41))
