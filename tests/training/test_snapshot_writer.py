"""Snapshots that a run saves during training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.data import library
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import EarlyStopping, NoValidation, TestValidation
from cifarviz.experiment.optimizers import Adam
from cifarviz.runs.artifacts import FolderArtifacts, checkpoint_path, load_arrays
from cifarviz.runs.layer_histograms import load_histograms
from cifarviz.runs.pins import save_preference
from cifarviz.runs.recorded import ORIGIN
from cifarviz.runs.snapshots import (
    load_predictions,
    save_weights,
    snapshot_bytes,
    snapshot_epochs,
    snapshot_path,
)
from cifarviz.runs.stored_maps import load_maps, map_image_indices
from cifarviz.settings import Settings
from cifarviz.training import snapshot_writer
from tests import stored_runs
from tests.training.conftest import MakeExperiment, TrainRun


def weights_of(path: Path) -> dict[str, np.ndarray]:
    arrays, _facts = load_arrays(path)
    return {name: value for name, value in arrays.items() if name.startswith("model/")}


def test_saved_predictions_match_the_saved_weights(
    worker: Worker, trained: TrainRun, make_experiment: MakeExperiment
) -> None:
    run = trained(epochs=3)
    folder = worker.store.folder(run.id)
    assert snapshot_epochs(folder, "weights") == [0, 1, 2, 3]
    assert snapshot_epochs(folder, "predictions") == [1, 2, 3]

    images = library.load("cifar10", "sample", worker.settings).train
    for epoch in worker.store.epochs(run.id):
        answers = load_predictions(folder, epoch.epoch, 10)
        assert answers.split == "train"
        places = np.searchsorted(images.indices, answers.indices)
        np.testing.assert_array_equal(images.indices[places], answers.indices)
        arrays = weights_of(snapshot_path(folder, "weights", epoch.epoch))
        assert run.scaling is not None
        model = TrainedModel(run.experiment.architecture, run.scaling, arrays)
        fresh = model.probabilities(images.images[places])
        np.testing.assert_allclose(answers.predictions.probabilities, fresh, rtol=1e-2, atol=1e-6)
        hits = answers.predictions.probabilities.argmax(axis=1) == images.labels[places]
        assert hits.mean() == pytest.approx(epoch.val_accuracy)


def test_the_newest_snapshot_equals_the_last_checkpoint(
    worker: Worker, trained: TrainRun, make_experiment: MakeExperiment
) -> None:
    run = trained(epochs=2)
    folder = worker.store.folder(run.id)
    newest = weights_of(snapshot_path(folder, "weights", 2))
    last = weights_of(checkpoint_path(folder, "last"))
    assert all(np.array_equal(newest[name], value) for name, value in last.items())


def test_saved_maps_match_the_saved_weights(
    worker: Worker, trained: TrainRun, make_experiment: MakeExperiment
) -> None:
    pinned = (231, 9_999, 1)  # the second is not in the sample
    save_preference(worker.store, "pins cifar10", list(pinned))
    run = trained(epochs=1, precision="bfloat16")
    folder = worker.store.folder(run.id)
    assert snapshot_epochs(folder, "maps") == [0, 1]
    test = library.load("cifar10", "sample", worker.settings).test
    for epoch in (0, 1):
        assert map_image_indices(folder, epoch) == (231, 1)
        arrays = weights_of(snapshot_path(folder, "weights", epoch))
        assert run.scaling is not None
        model = TrainedModel(run.experiment.architecture, run.scaling, arrays)
        fresh = model.observe(test.having([231]).images[0])
        for kept, exact in zip(load_maps(folder, epoch, 231), fresh, strict=True):
            assert kept.name == exact.name
            places = (0, 1) if exact.values.ndim == 3 else ()
            span = np.ptp(exact.values, axis=places) if places else np.float32(0)
            assert (np.abs(kept.values - exact.values) <= span / 510 + 1e-4).all()


def test_without_pinned_images_no_maps_are_saved(
    worker: Worker, trained: TrainRun, make_experiment: MakeExperiment
) -> None:
    save_preference(worker.store, "pins cifar10", [])
    run = trained(epochs=1)
    folder = worker.store.folder(run.id)
    assert snapshot_epochs(folder, "maps") == []
    assert snapshot_epochs(folder, "weights") == [0, 1]


@pytest.mark.parametrize(
    "fields",
    [
        {"best_only": True},
        {"early_stopping": EarlyStopping(patience=4, restore_best_weights=True)},
    ],
)
def test_final_weights_without_a_checkpoint_are_saved_as_a_snapshot(
    worker: Worker, trained: TrainRun, fields: dict[str, object]
) -> None:
    run = trained(epochs=5, optimizer=Adam(learning_rate=0.03), **fields)
    assert run.best_epoch != 5  # or the test would say little
    folder = worker.store.folder(run.id)
    # Before training, ever more rarely, and the last.
    assert snapshot_epochs(folder, "weights") == [0, 1, 2, 3, 4, 5]
    assert run.scaling is not None
    arrays = weights_of(snapshot_path(folder, "weights", 5))
    model = TrainedModel(run.experiment.architecture, run.scaling, arrays)
    answers = load_predictions(folder, 5, 10)
    images = library.load("cifar10", "sample", worker.settings).train.having(answers.indices)
    said = model.probabilities(images.images)
    np.testing.assert_allclose(answers.predictions.probabilities, said, rtol=1e-2, atol=1e-6)


def test_with_test_validation_predictions_are_for_the_test_images(
    worker: Worker, trained: TrainRun, make_experiment: MakeExperiment
) -> None:
    run = trained(epochs=1, validation=TestValidation())
    answers = load_predictions(worker.store.folder(run.id), 1, 10)
    test = library.load("cifar10", "sample", worker.settings).test
    assert answers.split == "test"
    np.testing.assert_array_equal(answers.indices, test.indices)


def test_without_validation_only_weights_are_saved(
    worker: Worker, trained: TrainRun, make_experiment: MakeExperiment
) -> None:
    run = trained(epochs=1, validation=NoValidation())
    folder = worker.store.folder(run.id)
    assert snapshot_epochs(folder, "weights") == [0, 1]
    assert snapshot_epochs(folder, "predictions") == []


def test_an_error_saving_snapshots_does_not_stop_a_run(
    worker: Worker,
    trained: TrainRun,
    make_experiment: MakeExperiment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(snapshot_writer, "save_weights", refuse)
    run = trained(epochs=2)
    assert run.state == "finished"
    assert snapshot_epochs(worker.store.folder(run.id), "predictions") == []


def test_snapshots_stay_within_their_budgets(
    settings: Settings, make_experiment: MakeExperiment
) -> None:
    small = Worker(replace(settings, run_budget=60_000, snapshots_budget=70_000), "dashboard")
    runs = [
        small.wait(small.submit(make_experiment(epochs=6, seed=seed), "small").id)
        for seed in (1, 2)
    ]
    folders = [small.store.folder(run.id) for run in runs]
    sizes = [sum(path.stat().st_size for path in folder.glob("snapshots/*")) for folder in folders]
    assert [run.state for run in runs] == ["finished", "finished"]
    assert 0 < sizes[1] <= 60_000
    assert sizes[0] < sizes[1]
    assert sum(sizes) <= 70_000


def test_snapshots_of_the_recorded_run_are_never_removed(
    settings: Settings, make_experiment: MakeExperiment
) -> None:
    worker = Worker(replace(settings, snapshots_budget=70_000), "dashboard")
    store = worker.store
    recorded = stored_runs.store_run(store, stored_runs.experiment())
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET origin = ? WHERE id = ?", (ORIGIN, recorded.id))
    old = stored_runs.store_run(store, stored_runs.experiment())
    folders = [store.folder(run.id) for run in (recorded, old)]
    for folder in folders:
        for epoch in range(4):
            save_weights(
                FolderArtifacts(folder), epoch, {"model/kernel": np.zeros(4_000, np.float32)}
            )
    whole = snapshot_bytes(folders[0])
    run = worker.wait(worker.submit(make_experiment(epochs=1), "new").id)
    assert snapshot_bytes(folders[0]) == whole
    assert snapshot_bytes(folders[1]) == 0
    # Its room still counts.
    assert whole + snapshot_bytes(store.folder(run.id)) <= 70_000


def test_histograms_are_saved_after_each_epoch(worker: Worker, trained: TrainRun) -> None:
    run = trained(epochs=5)
    folder = worker.store.folder(run.id)
    assert snapshot_epochs(folder, "histograms") == [0, 1, 2, 3, 4, 5]
    found = load_histograms(folder, 4)
    kernels = {
        name.split("/")[2]: value
        for name, value in weights_of(snapshot_path(folder, "weights", 4)).items()
        if name.endswith(("kernel", "gamma"))
    }
    assert [layer.name for layer in found["weights"]] == list(kernels)
    assert [layer.name for layer in found["gradients"]] == list(kernels)
    assert [layer.name for layer in found["activations"]] == list(kernels)[:-1]
    for layer in found["weights"]:
        assert layer.low <= kernels[layer.name].min() <= kernels[layer.name].max() <= layer.high
    assert all(layer.norm > 0 for layer in found["gradients"])


def test_histograms_that_fail_leave_all_other_snapshots(
    worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("too little memory for the gradients")

    monkeypatch.setattr(snapshot_writer, "to_samples", fail)
    run = trained(epochs=2)
    folder = worker.store.folder(run.id)
    assert snapshot_epochs(folder, "weights") == [0, 1, 2]
    assert snapshot_epochs(folder, "predictions") == [1, 2]
    assert not snapshot_epochs(folder, "histograms")


def test_snapshots_do_not_change_what_is_learned(
    settings: Settings, make_experiment: MakeExperiment
) -> None:
    found = []
    for budget in (0, 100_000_000):
        own = replace(settings, home=settings.home / str(budget), run_budget=budget)
        worker = Worker(own, "dashboard")
        run = worker.wait(worker.submit(make_experiment(epochs=2, precision="float32"), "a").id)
        folder = worker.store.folder(run.id)
        assert bool(snapshot_epochs(folder, "histograms")) == bool(budget)
        arrays, _facts = load_arrays(checkpoint_path(folder, "last"))
        found.append(arrays)
    assert found[0].keys() == found[1].keys()
    for name, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][name], err_msg=name)
