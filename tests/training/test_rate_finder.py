"""The learning-rate finder trains with rising rates, and leaves nothing behind."""

import numpy as np
import pytest

from cifarviz.data.library import load
from cifarviz.errors import ExperimentInvalid, TransitionRefused
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.experiment import Data, Experiment
from cifarviz.experiment.optimizers import OPTIMIZERS
from cifarviz.experiment.transfer import Transfer
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.people.person import TEACHER, Person, acting_as
from cifarviz.runs import locks
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.local_places import has_runs_of_others
from cifarviz.training.range_test import STEPS, RangeTest
from cifarviz.training.rate_finder import find_learning_rate, make_range_test
from tests import stored_runs
from tests.training.conftest import LAYERS, MakeExperiment, TrainRun
from tests.training.in_memory import made_up_data


@pytest.fixture
def experiment(make_experiment: MakeExperiment) -> Experiment:
    return make_experiment(data=Data(dataset="cifar10", variant="full"))


class _Stop(Exception):
    pass


def test_it_finds_a_rate_for_images_that_can_be_learned(experiment: Experiment) -> None:
    seen: list[RangeTest] = []
    test = make_range_test(experiment, made_up_data(), seen.append, steps=120)
    assert test.planned == 120
    assert len(test.losses) <= 120
    assert np.isfinite(test.losses).all()
    assert (np.diff(test.rates) > 0).all()
    assert test.suggested is not None
    assert test.steepest is not None
    assert test.rates[0] < test.suggested < test.rates[-1]
    assert test.seconds > 0
    # It is drawn while it grows.
    counts = [len(one.losses) for one in seen]
    assert counts == sorted(counts)
    assert counts[-1] == len(test.losses)
    assert len(set(counts)) > 3


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_optimizer_has_one(make_experiment: MakeExperiment, kind: str) -> None:
    experiment = make_experiment(
        data=Data(dataset="cifar10", variant="full"), optimizer=OPTIMIZERS[kind]()
    )
    test = make_range_test(experiment, made_up_data(), steps=60)
    assert np.isfinite(test.losses).all()


def test_it_is_the_same_each_time_and_another_with_another_seed(experiment: Experiment) -> None:
    first, second = (make_range_test(experiment, made_up_data(), steps=40) for _ in range(2))
    assert np.array_equal(first.losses, second.losses)
    other = experiment.model_copy(update={"seed": 6})
    assert not np.array_equal(make_range_test(other, made_up_data(), steps=40).losses, first.losses)


def test_rate_epochs_and_schedule_of_the_experiment_play_no_part(experiment: Experiment) -> None:
    other = experiment.model_copy(
        update={
            "epochs": 1,
            "optimizer": experiment.optimizer.model_copy(update={"learning_rate": 50.0}),
        }
    )
    first, second = (make_range_test(one, made_up_data(), steps=30) for one in (experiment, other))
    assert np.array_equal(first.losses, second.losses)


def test_a_diverging_loss_ends_it_early(make_experiment: MakeExperiment) -> None:
    layers = (Flatten(), Dense(units=10, activation="softmax"))
    experiment = make_experiment(
        data=Data(dataset="cifar10", variant="full"),
        architecture=Architecture(input_shape=(32, 32, 3), classes=10, layers=layers),
        optimizer=OPTIMIZERS["sgd"](),
    )
    test = make_range_test(experiment, made_up_data(), steps=200)
    assert test.diverged
    assert len(test.losses) < 200
    assert test.suggested is not None


def test_without_a_number_of_steps_it_has_one_that_fits_this_computer(
    experiment: Experiment,
) -> None:
    planned = 0

    def on_progress(test: RangeTest) -> None:
        nonlocal planned
        planned = test.planned
        if planned:
            raise _Stop

    with pytest.raises(_Stop):
        make_range_test(experiment, made_up_data(), on_progress)
    assert planned in STEPS


def test_more_steps_than_an_epoch_has_take_the_next_epochs_images(experiment: Experiment) -> None:
    few = experiment.model_copy(
        update={"data": Data(dataset="cifar10", variant="full", train_images=20)}
    )
    test = make_range_test(few, made_up_data(), steps=25)
    assert test.planned == 25
    assert len(test.losses) > 15


def test_resampled_classes_are_trained_on(experiment: Experiment) -> None:
    data = Data(dataset="cifar10", variant="full", class_balance="resampling")
    resampled = experiment.model_copy(update={"data": data})
    usual, other = (
        make_range_test(one, made_up_data(), steps=20) for one in (experiment, resampled)
    )
    assert not np.array_equal(usual.losses, other.losses)


def test_images_that_do_not_fit_are_refused(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(data=Data(dataset="cifar10", variant="full", train_images=5_000))
    with pytest.raises(ExperimentInvalid):
        make_range_test(experiment, made_up_data())


def test_it_takes_the_place_of_a_run_and_stores_nothing(
    experiment: Experiment, settings: Settings
) -> None:
    store = RunStore(settings)
    before = _files(settings)
    held: list[bool] = []

    def on_progress(test: RangeTest) -> None:
        held.append(locks.is_held(store.slot_path()))

    find_learning_rate(store, experiment, made_up_data(), on_progress, steps=20)
    assert all(held)
    assert held
    assert not locks.is_held(store.slot_path())
    assert store.all() == []
    assert _files(settings) == before


def test_in_a_class_the_runs_of_others_go_first(experiment: Experiment, settings: Settings) -> None:
    store = RunStore(settings)
    ada, ben = (Person(f"{name}00000", name, "student") for name in ("ada", "ben"))
    with acting_as(ada):
        run = stored_runs.store_run(store, experiment, state=RunState.QUEUED, epochs=0)
    with stored_runs.hold_lock(store, run):
        # It waits, and the place is free for a moment.
        for person in (ben, TEACHER):
            with acting_as(person), pytest.raises(TransitionRefused, match="goes first"):
                find_learning_rate(store, experiment, made_up_data(), steps=20)
        with acting_as(ada):
            assert not has_runs_of_others(store)
    # Its process has ended, so that it holds nobody up.
    assert not has_runs_of_others(store)


def test_a_cancelled_one_frees_the_place(experiment: Experiment, settings: Settings) -> None:
    store = RunStore(settings)

    def cancel(test: RangeTest) -> None:
        raise _Stop

    with pytest.raises(_Stop):
        find_learning_rate(store, experiment, made_up_data(), cancel, steps=20)
    assert not locks.is_held(store.slot_path())


def test_it_is_refused_while_a_run_trains(experiment: Experiment, settings: Settings) -> None:
    store = RunStore(settings)
    slot = locks.acquire(store.slot_path())
    assert slot is not None
    with pytest.raises(TransitionRefused, match="Wait until it has ended, or stop it"):
        find_learning_rate(store, experiment, made_up_data(), steps=20)
    slot.release()


def _files(settings: Settings) -> set[str]:
    """Everything in a home but its database's and its locks' files."""
    found = {path.relative_to(settings.home).as_posix() for path in settings.home.rglob("*")}
    return {name for name in found if not name.startswith(("runs.sqlite3", "locks"))}


def test_first_layers_start_with_the_weights_of_a_run(
    make_experiment: MakeExperiment, trained: TrainRun, settings: Settings
) -> None:
    source = trained(epochs=1)
    experiment = make_experiment(transfer=Transfer(run=source.id, layers=len(LAYERS)))
    store, data = RunStore(settings), load("cifar10", "sample", settings)
    tests = [
        find_learning_rate(store, one, data, steps=20)
        for one in (experiment, experiment.model_copy(update={"transfer": None}))
    ]
    assert tests[0].losses[0] != tests[1].losses[0]
    assert [run.id for run in store.all()] == [source.id]
