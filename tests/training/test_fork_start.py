"""A fork starts from its parent's weights, also if the parent is deleted."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.errors import ArtifactMissing, TransitionRefused
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Augmentation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.forking import ForkChanges, fork_experiment
from cifarviz.runs import locks
from cifarviz.runs.artifacts import FolderArtifacts, load_arrays, start_path
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import snapshot_epochs, snapshot_path
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import epochs_to_fork
from cifarviz.training.checkpoint import restore_start
from cifarviz.training.fork_start import carries_optimizer
from tests import stored_runs
from tests.waiting import wait_until

TrainRun = Callable[..., Run]
MakeExperiment = Callable[..., Experiment]


def history(store: RunStore, run: Run) -> list[tuple[float | None, ...]]:
    """Everything about the epochs but how long they took."""
    return [tuple(epoch)[:-1] for epoch in store.epochs(run.id)]


def fork(worker: Worker, parent: Run, epoch: int, **changed: Any) -> Run:
    made = fork_experiment(parent.experiment, epoch, ForkChanges(**{"epochs": 2, **changed}))
    return worker.wait(worker.fork(parent.id, epoch, made, "fork").id)


def test_an_unchanged_fork_continues_like_its_parent(worker: Worker, trained: TrainRun) -> None:
    """In float32, to the last digit, where the optimiser's state is carried over."""
    augmented = {"augmentation": Augmentation(flip=True, shift=1)}
    whole = trained(epochs=4, **augmented)
    half = trained(epochs=2, **augmented)
    assert carries_optimizer(half, worker.store.folder(half.id), half.experiment, 2)
    made = fork(worker, half, 2)
    store = worker.store
    assert (made.state, made.message) == (RunState.FINISHED, None)
    assert (made.parent, made.parent_epoch, made.epochs_done) == (half.id, 2, 4)
    assert history(store, made) == history(store, whole)[2:]
    steps = -(-90 // 16)
    points, all_points = store.batch_points(made.id), store.batch_points(whole.id)
    assert points.steps.tolist() == list(range(2 * steps + 1, 4 * steps + 1))
    assert np.array_equal(points.loss, all_points.loss[2 * steps :])
    folder = store.folder(made.id)
    assert not start_path(folder).exists()
    # It can be looked at, and forked, from where it began on.
    assert list(epochs_to_fork(folder, made)) == [2, 3, 4]
    assert snapshot_epochs(folder, "weights") == [2, 3, 4]


def test_a_fork_from_an_epoch_starts_there_with_the_changed_settings(
    worker: Worker, trained: TrainRun
) -> None:
    parent = trained(epochs=3)
    store, folder = worker.store, worker.store.folder(parent.id)
    assert not carries_optimizer(parent, folder, parent.experiment, 1)
    made = fork(
        worker,
        parent,
        1,
        learning_rate=1e-7,
        dropout=0.0,
        train_images=50,
        augmentation=Augmentation(shift=2, flip=True),
    )
    assert made.state is RunState.FINISHED, made.message
    assert [epoch.epoch for epoch in store.epochs(made.id)] == [2, 3]
    assert made.train_images == 50
    [learning_rate] = {epoch.learning_rate for epoch in store.epochs(made.id)}
    assert learning_rate == pytest.approx(1e-7)
    # With so small a rate it says what its parent said after epoch 1; batch statistics do move.
    began = load_arrays(snapshot_path(store.folder(made.id), "weights", 1))[0]
    before = load_arrays(snapshot_path(folder, "weights", 1))[0]
    trainable = [name for name in began if name.endswith(("kernel", "bias", "gamma", "beta"))]
    assert all(np.array_equal(began[name], before[name]) for name in trainable)
    ended = load_arrays(snapshot_path(store.folder(made.id), "weights", 3))[0]
    assert all(np.allclose(ended[name], before[name], atol=1e-5) for name in trainable)


def test_dropout_can_be_added_to_a_network_without_it(
    worker: Worker, make_experiment: MakeExperiment
) -> None:
    base = make_experiment(epochs=1)
    plain = [layer for layer in base.architecture.layers if layer.type != "dropout"]
    network = {**dict(base.architecture), "layers": plain}
    parent = worker.wait(worker.submit(make_experiment(epochs=1, architecture=network), "p").id)
    made = fork(worker, parent, 1, epochs=1, dropout=0.4)
    assert made.state is RunState.FINISHED, made.message
    assert [layer.type for layer in made.experiment.architecture.layers][-2:] == [
        "dropout",
        "dense",
    ]
    image = np.full((1, 32, 32, 3), 90, np.uint8)
    said = [
        open_checkpoint(worker.store, run, 1).probabilities(image)
        for run in (parent, worker.store.get(made.id))
    ]
    np.testing.assert_array_equal(said[0], said[1])


def test_a_queued_fork_trains_after_its_parent_is_deleted(
    worker: Worker, trained: TrainRun
) -> None:
    parent = trained(epochs=1)
    slot = locks.acquire(worker.store.slot_path())
    assert slot is not None
    made = fork_experiment(parent.experiment, 1, ForkChanges(epochs=1))
    waiting = worker.fork(parent.id, 1, made, "fork")
    assert start_path(worker.store.folder(waiting.id)).exists()
    worker.store.delete(parent.id)
    slot.release()
    ended = worker.wait(waiting.id)
    assert (ended.state, ended.epochs_done) == (RunState.FINISHED, 2)


def test_a_fork_without_its_initial_weights_fails_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match="Start it again from the run"):
        restore_start(FolderArtifacts(tmp_path), keras.Model(), keras.optimizers.SGD(), 6)


def test_forking_an_epoch_without_weights_is_refused_before_storing_anything(
    worker: Worker,
) -> None:
    parent = stored_runs.store_run(
        worker.store, stored_runs.experiment(), epochs=2, checkpoints={"best": {}}
    )
    made = fork_experiment(parent.experiment, 7, ForkChanges(epochs=1))
    with pytest.raises(ArtifactMissing, match=r"for epoch 7\. Choose one of these epochs: 2"):
        worker.fork(parent.id, 7, made, "fork")
    assert [run.id for run in worker.store.all()] == [parent.id]
    assert [folder.name for folder in worker.settings.runs.iterdir()] == [parent.id]


def test_a_stopped_and_resumed_fork_ends_like_an_uninterrupted_one(
    worker: Worker, trained: TrainRun
) -> None:
    parent = trained(epochs=1)
    straight = fork(worker, parent, 1, epochs=2)
    made = fork_experiment(parent.experiment, 1, ForkChanges(epochs=2))
    run = worker.fork(parent.id, 1, made, "fork")
    wait_until(lambda: worker.store.epochs(run.id))
    with suppress(TransitionRefused):
        # It may have come to its end by itself, and is compared all the same.
        worker.store.request(run.id, Action.STOP)
    if worker.wait(run.id).state is RunState.STOPPED:
        worker.resume(run.id)
    assert history(worker.store, worker.wait(run.id)) == history(worker.store, straight)
