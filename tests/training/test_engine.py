"""The history of a run is reproducible, also after any interruption."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.errors import StorageFull
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Augmentation, Data, Loss, NoValidation, TestValidation
from cifarviz.experiment.optimizers import SGD
from cifarviz.experiment.preprocessing import Standardize
from cifarviz.runs.artifacts import FolderArtifacts, checkpoint_path, load_arrays
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training import engine, recorder
from cifarviz.training.checkpoint import save_last
from cifarviz.training.step import ValidationStep
from tests.waiting import wait_until

TrainRun = Callable[..., Run]


def history(store: RunStore, run: Run) -> list[tuple[float | None, ...]]:
    """Everything about the epochs but how long they took."""
    return [tuple(epoch)[:-1] for epoch in store.epochs(run.id)]


def test_a_run_trains_validates_and_saves_its_weights(worker: Worker, trained: TrainRun) -> None:
    run = trained(epochs=4)
    assert (run.state, run.epochs_done, run.message) == (RunState.FINISHED, 4, None)
    epochs = worker.store.epochs(run.id)
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3, 4]
    assert epochs[-1].loss < epochs[0].loss
    assert run.train_images == 90
    assert run.validation_images == 100
    assert run.precision == "float32"
    assert run.images_per_second is not None
    assert run.images_per_second > 0
    assert run.best_epoch == min(epochs, key=lambda epoch: epoch.val_loss or 9).epoch


def test_the_last_checkpoint_reproduces_the_last_validation(
    worker: Worker, trained: TrainRun, settings: Settings
) -> None:
    run = trained(preprocessing=Standardize(), validation=TestValidation())
    model = open_checkpoint(worker.store, run, "last")
    test = library.load("cifar10", "sample", settings).test
    hits = model.probabilities(test.images).argmax(axis=1) == test.labels
    assert worker.store.epochs(run.id)[-1].val_accuracy == pytest.approx(hits.mean(), abs=1e-9)


def test_the_best_checkpoint_is_that_of_the_best_epoch(worker: Worker, trained: TrainRun) -> None:
    run = trained(epochs=6, optimizer=SGD(learning_rate=0.3))
    _arrays, facts = load_arrays(checkpoint_path(worker.store.folder(run.id), "best"))
    assert facts["epoch"] == run.best_epoch


def test_batch_points_are_the_batches_own_and_add_up_to_the_epoch(
    worker: Worker, trained: TrainRun
) -> None:
    run = trained(data=Data(variant="sample", train_images=96), epochs=2)
    points = worker.store.batch_points(run.id)
    assert points.steps.tolist() == list(range(1, 13))
    for epoch in worker.store.epochs(run.id):
        own = slice((epoch.epoch - 1) * 6, epoch.epoch * 6)
        assert points.loss[own].mean() == pytest.approx(epoch.loss, rel=1e-5)
        assert points.accuracy[own].mean() == pytest.approx(epoch.accuracy, rel=1e-5)
    # A running mean would wander less and less; a batch's own accuracy is a number of images.
    assert np.allclose(points.accuracy * 16, np.round(points.accuracy * 16))


def test_the_same_seed_gives_the_same_history_and_another_seed_another(
    worker: Worker, trained: TrainRun
) -> None:
    augmentation = Augmentation(flip=True, shift=2)
    one, same, other = (trained(seed=seed, augmentation=augmentation) for seed in (5, 5, 6))
    assert history(worker.store, one) == history(worker.store, same)
    assert history(worker.store, one) != history(worker.store, other)


def test_a_stopped_and_resumed_run_ends_like_an_uninterrupted_one(
    worker: Worker, trained: TrainRun, make_experiment: Callable
) -> None:
    fields = {"epochs": 40, "augmentation": Augmentation(flip=True, shift=2)}
    whole = trained(**fields)
    run = worker.submit(make_experiment(**fields), "cut")
    wait_until(lambda: len(worker.store.batch_points(run.id)) > 0)
    worker.store.request(run.id, Action.STOP)
    stopped = worker.wait(run.id)
    assert stopped.state is RunState.STOPPED
    assert stopped.message is None
    assert stopped.epochs_done < 40
    resumed = worker.wait(worker.resume(run.id).id)
    assert resumed.state is RunState.FINISHED, resumed.message
    assert history(worker.store, resumed) == history(worker.store, whole)
    np.testing.assert_array_equal(
        worker.store.batch_points(resumed.id).loss, worker.store.batch_points(whole.id).loss
    )
    last = checkpoint_path(worker.store.folder(resumed.id), "last")
    for name, array in load_arrays(last)[0].items():
        other = load_arrays(checkpoint_path(worker.store.folder(whole.id), "last"))[0][name]
        np.testing.assert_array_equal(array, other, err_msg=name)


def test_a_run_of_a_killed_process_resumes_to_the_same_end(
    worker: Worker, trained: TrainRun, make_experiment: Callable
) -> None:
    experiment = make_experiment(epochs=6)
    # The end comes with the epoch's own history written, and its checkpoint not yet.
    script = """
import os, signal, sys
from cifarviz.experiment.experiment import Experiment
from cifarviz.settings import Settings
from cifarviz.training import engine
from cifarviz.executors.worker import Worker

def killed(artifacts, *state):
    if len(worker.store.epochs(artifacts.folder.name)) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    save_last(artifacts, *state)

save_last, engine.save_last = engine.save_last, killed
worker = Worker(Settings.from_environment(), "command line")
run = worker.submit(Experiment.from_json(sys.stdin.read()), "killed")
print(run.id, flush=True)
worker.wait(run.id)
"""
    root = Path(__file__).parents[2]
    process = subprocess.run(
        [sys.executable, "-c", script],
        input=experiment.to_json(),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
        text=True,
        check=False,
    )
    assert process.returncode == -signal.SIGKILL
    run_id = process.stdout.strip()
    cut_off = worker.store.get(run_id)
    assert cut_off.state is RunState.INTERRUPTED
    assert cut_off.epochs_done == 3
    resumed = worker.wait(worker.resume(run_id).id)
    assert resumed.state is RunState.FINISHED
    assert history(worker.store, resumed) == history(worker.store, trained(epochs=6))
    # What was lost with the process counts for the run alone.
    assert sum(one.seconds for one in worker.store.epochs(run_id)) <= resumed.seconds


def test_a_run_stopped_during_validation_can_be_resumed(
    worker: Worker,
    trained: TrainRun,
    make_experiment: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fields = {"validation": TestValidation(), "epochs": 2}
    whole = trained(**fields)
    measured = ValidationStep.__call__
    seen: list[int] = []

    def stopping(step: ValidationStep, first: int) -> tuple[float, int, np.ndarray]:
        seen.append(first)
        if len(seen) == 1:
            worker.store.request(worker.store.active()[0].id, Action.STOP)
        return measured(step, first)

    with monkeypatch.context() as patch:
        patch.setattr(ValidationStep, "__call__", stopping)
        patch.setattr(recorder, "POLL_SECONDS", 0)
        stopped = trained(**fields)
    assert seen == [0]
    assert (stopped.state, stopped.epochs_done) == (RunState.STOPPED, 0)
    resumed = worker.wait(worker.resume(stopped.id).id)
    assert history(worker.store, resumed) == history(worker.store, whole)


def test_a_paused_run_continues_unchanged(
    worker: Worker,
    trained: TrainRun,
    make_experiment: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = trained(epochs=40)
    run = worker.submit(make_experiment(epochs=40), "paused")
    wait_until(lambda: len(worker.store.batch_points(run.id)) > 0)
    worker.store.request(run.id, Action.PAUSE)
    wait_until(lambda: worker.store.get(run.id).state is RunState.PAUSED)
    steps = len(worker.store.batch_points(run.id))
    take, polled = RunStore.take_request, []

    def take_counted(*arguments: Any, **options: Any) -> Action | None:
        polled.append(arguments)
        return take(*arguments, **options)

    monkeypatch.setattr(RunStore, "take_request", take_counted)
    wait_until(lambda: len(polled) >= 3)
    assert len(worker.store.batch_points(run.id)) == steps
    worker.store.request(run.id, Action.RESUME)
    assert history(worker.store, worker.wait(run.id)) == history(worker.store, whole)


def test_a_paused_run_can_be_stopped(worker: Worker, make_experiment: Callable) -> None:
    run = worker.submit(make_experiment(epochs=200), "paused")
    wait_until(lambda: len(worker.store.batch_points(run.id)) > 0)
    worker.store.request(run.id, Action.PAUSE)
    wait_until(lambda: worker.store.get(run.id).state is RunState.PAUSED)
    worker.store.request(run.id, Action.STOP)
    assert worker.wait(run.id).state is RunState.STOPPED


def test_without_validation_the_best_epoch_has_the_lowest_training_loss(
    worker: Worker, trained: TrainRun
) -> None:
    run = trained(validation=NoValidation())
    epochs = worker.store.epochs(run.id)
    assert {(epoch.val_loss, epoch.val_accuracy) for epoch in epochs} == {(None, None)}
    assert run.validation_images is None
    assert run.best_epoch == min(epochs, key=lambda epoch: epoch.loss).epoch
    assert checkpoint_path(worker.store.folder(run.id), "best").exists()


def test_integer_and_one_hot_labels_learn_the_same(worker: Worker, trained: TrainRun) -> None:
    """To within rounding: the two losses are the same sum, added up in another order.

    In float32 each epoch's losses agree to 1 in 10,000, and at most one answer changes.
    """
    integer, one_hot = (
        trained(loss=Loss(labels=labels), epochs=5) for labels in ("integer", "one_hot")
    )
    pairs = zip(worker.store.epochs(integer.id), worker.store.epochs(one_hot.id), strict=True)
    for a, b in pairs:
        assert a.loss == pytest.approx(b.loss, rel=1e-4)
        assert a.val_loss == pytest.approx(b.val_loss, rel=1e-4)
        assert a.accuracy == pytest.approx(b.accuracy, abs=1.5 / 90)
        assert a.val_accuracy == pytest.approx(b.val_accuracy, abs=1.5 / 100)


def test_an_l2_penalty_changes_the_weights_but_is_not_in_the_first_loss(
    worker: Worker, trained: TrainRun
) -> None:
    free, bound = trained(l2=0.0), trained(l2=0.1)
    first = [worker.store.batch_points(run.id).loss[0] for run in (free, bound)]
    assert first[0] == first[1]
    assert history(worker.store, free) != history(worker.store, bound)


def test_bfloat16_trains_with_float32_weights(worker: Worker, trained: TrainRun) -> None:
    run = trained(precision="bfloat16")
    assert (run.state, run.precision) == (RunState.FINISHED, "bfloat16")
    arrays, _facts = load_arrays(checkpoint_path(worker.store.folder(run.id), "last"))
    kinds = {array.dtype for name, array in arrays.items() if name.endswith("kernel")}
    assert kinds == {np.dtype("float32")}


def test_a_nan_loss_fails_the_run_with_a_message(worker: Worker, trained: TrainRun) -> None:
    run = trained(optimizer=SGD(learning_rate=100.0), epochs=50)
    assert run.state is RunState.FAILED
    assert "Lower the learning rate" in (run.message or "")


def test_a_full_disk_fails_the_run_with_a_message_and_keeps_its_history(
    worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save_last

    def full(artifacts: FolderArtifacts, *state: Any) -> None:
        if len(worker.store.epochs(artifacts.folder.name)) == 2:
            raise StorageFull("The disk is full.")
        saved(artifacts, *state)

    monkeypatch.setattr(engine, "save_last", full)
    run = trained(epochs=4)
    assert (run.state, run.message) == (RunState.FAILED, "The disk is full.")
    assert run.epochs_done == 2
    monkeypatch.undo()
    assert worker.wait(worker.resume(run.id).id).state is RunState.FINISHED


def test_an_unexpected_error_fails_the_run_with_a_message(
    worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("a wire came loose")

    monkeypatch.setattr(engine, "make_trainable", broken)
    run = trained()
    assert run.state is RunState.FAILED
    assert "a wire came loose" in (run.message or "")
