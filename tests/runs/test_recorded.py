"""The recorded run that comes with cifarviz, and hiding it."""

from pathlib import Path

import numpy as np
import pytest

from cifarviz.data import sample
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.errors import ArchiveDamaged
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs import recorded
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.recorded import (
    ORIGIN,
    RECORDED_RUN,
    find_recorded_run,
    hide_recorded_run,
    is_recorded_run_hidden,
    recorded_series,
    restore_recorded_run,
    unpack_recorded_once,
)
from cifarviz.runs.snapshots import load_predictions, snapshot_epochs, snapshot_path
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import map_image_indices
from cifarviz.settings import Settings
from tests import stored_runs


def test_the_recorded_run_is_the_published_experiment_with_all_files(store: RunStore) -> None:
    unpack_recorded_once(store)
    (run,) = store.all()
    preset = PRESETS["cifar10-vgg"].experiment
    assert run.origin == ORIGIN
    assert run.experiment == preset
    assert run.state == "finished"
    history = store.epochs(run.id)
    assert [epoch.epoch for epoch in history] == list(range(1, 31))
    assert len(store.batch_points(run.id)) == 30 * -(-35_000 // 32)
    # It overfits, as it is there to show.
    assert history[-1].accuracy > 0.97
    losses = [epoch.val_loss or 0.0 for epoch in history]
    assert int(np.argmin(losses)) + 1 == run.best_epoch in range(6, 12)
    assert losses[-1] > 1.5 * min(losses)

    folder = store.folder(run.id)
    assert snapshot_epochs(folder, "predictions") == list(range(1, 31))
    answers = load_predictions(folder, 30, 10)
    assert (answers.split, len(answers.indices)) == ("train", 15_000)
    kept = snapshot_epochs(folder, "maps")
    assert kept == [0, 1, 2, 3, 4, 6, 8, 9, 11, 16, 23, 30]
    for epoch in kept:
        assert len(map_image_indices(folder, epoch)) == 4
        assert set(map_image_indices(folder, epoch)) <= set(pinned_images(store, CIFAR10))
    assert {0, 1, 9} <= set(snapshot_epochs(folder, "weights"))
    for path in (checkpoint_path(folder, "last"), snapshot_path(folder, "weights", 0)):
        arrays, _ = load_arrays(path)
        counted = [one.size for one in arrays.values() if one.dtype == np.float32]
        assert sum(counted) == preset.architecture.parameters


def test_the_recorded_predictions_match_the_history(store: RunStore) -> None:
    run = restore_recorded_run(store)
    train = sample.read(CIFAR10).train
    for epoch in (1, 9, 30):
        answers = load_predictions(store.folder(run.id), epoch, 10)
        # Of those images whose labels come with cifarviz, a tenth of all.
        _, ours, theirs = np.intersect1d(train.indices, answers.indices, return_indices=True)
        hits = answers.predictions.probabilities[theirs].argmax(axis=1) == train.labels[ours]
        assert len(ours) > 1_000
        expected = store.epochs(run.id)[epoch - 1].val_accuracy or 0.0
        assert hits.mean() == pytest.approx(expected, abs=0.04)


def test_a_hidden_recorded_run_stays_hidden_until_it_is_restored(
    store: RunStore, settings: Settings
) -> None:
    assert not is_recorded_run_hidden(store)
    unpack_recorded_once(store)
    run = find_recorded_run(store)
    assert run is not None
    hide_recorded_run(store)
    assert store.all() == []
    assert not store.folder(run.id).exists()
    unpack_recorded_once(RunStore(settings))
    assert store.all() == []
    assert is_recorded_run_hidden(store)
    assert restore_recorded_run(store).id == run.id
    assert restore_recorded_run(store).id == run.id
    assert len(store.all()) == 1
    assert not is_recorded_run_hidden(store)


def test_a_deleted_recorded_run_can_be_restored(store: RunStore) -> None:
    run = restore_recorded_run(store)
    store.delete(run.id)
    unpack_recorded_once(store)
    assert find_recorded_run(store) is None
    assert is_recorded_run_hidden(store)


def test_a_home_works_without_the_recorded_run(store: RunStore, tmp_path: Path) -> None:
    mine = stored_runs.store_run(store, stored_runs.experiment())
    (tmp_path / "broken.zip").write_bytes(RECORDED_RUN.read_bytes()[:10_000])
    unpack_recorded_once(store, tmp_path / "broken.zip")
    unpack_recorded_once(store, tmp_path / "missing.zip")
    assert [run.id for run in store.all()] == [mine.id]


def damage(store: RunStore, run_id: str) -> None:
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET experiment = '{' WHERE id = ?", (run_id,))


def test_a_damaged_recorded_run_is_unpacked_again(store: RunStore) -> None:
    run = restore_recorded_run(store)
    damage(store, run.id)
    restored = restore_recorded_run(store)
    assert restored.experiment == run.experiment
    assert [run.id for run in store.all()] == [restored.id]


def test_a_damaged_run_of_a_series_is_replaced(store: RunStore) -> None:
    series = recorded_series(store, "duel")
    assert series is not None
    damage(store, series.run_ids[0])
    assert recorded_series(store, "duel") is None
    restored = recorded_series(store, "duel", restore=True)
    assert restored is not None
    assert (restored.id, restored.labels) == (series.id, series.labels)
    assert restored.run_ids[0] != restored.run_ids[1] == series.run_ids[1]
    assert [run.damage for run in store.all()] == [None, None]


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"runs": [["missing.zip", "a"]]}'])
def test_missing_or_damaged_recordings_are_reported(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    monkeypatch.setattr(recorded, "RECORDED_SERIES", tmp_path)
    (tmp_path / "duel").mkdir()
    if content is not None:
        (tmp_path / "duel" / "series.json").write_text(content)
    with pytest.raises(ArchiveDamaged, match="missing or damaged"):
        recorded_series(store, "duel")
    assert store.all() == []
