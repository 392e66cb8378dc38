"""Deleting imported pictures takes what runs stored of them, and their runs know."""

from pathlib import Path

import numpy as np
import pytest

from cifarviz.data.importing.editing import PictureSelection
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ImportRefused
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.own_pictures import delete_own_dataset, delete_own_pictures
from cifarviz.runs.pins import pin, pinned_images, unpin
from cifarviz.runs.run_data import find_data_problem
from cifarviz.runs.snapshots import snapshot_epochs, snapshot_name
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings
from tests import stored_runs
from tests.picture_sources import fruits, write_folder
from tests.runs.test_run_data import import_fruits, stopped_run


@pytest.fixture(autouse=True)
def _imported(settings: Settings, tmp_path: Path) -> None:
    import_fruits(settings, write_folder(fruits(8), tmp_path / "pictures"))


def save_maps(folder: Path) -> None:
    for kind in ("maps", "predictions"):
        FolderArtifacts(folder).save(snapshot_name(kind, 1), {"indices": np.arange(3)}, {})


def test_a_deleted_picture_takes_maps_and_pins_and_its_runs_know(settings: Settings) -> None:
    worker, run = stopped_run(settings)
    store = worker.store
    with store.changing(run.id) as connection:
        connection.execute("UPDATE runs SET data_fingerprint = NULL")
    info = find_dataset("fruits")
    for image in pinned_images(store, info):
        unpin(store, info, image)
    for image in (1, 3, 5):
        pin(store, info, image)
    save_maps(store.folder(run.id))

    # Training pictures leave the maps of test images.
    delete_own_pictures(store, "fruits", PictureSelection(train=frozenset({0})))
    assert snapshot_epochs(store.folder(run.id), "maps") == [1]
    deleted = delete_own_pictures(store, "fruits", PictureSelection(test=frozenset({0, 3})))
    assert snapshot_epochs(store.folder(run.id), "maps") == []
    assert snapshot_epochs(store.folder(run.id), "predictions") == [1]
    assert pinned_images(store, deleted.info) == (0, 3)
    # Also a run of a version that stored no fingerprint.
    assert "have changed since" in str(find_data_problem(store.get(run.id), settings))


def test_a_deleted_data_set_takes_maps_and_pins(settings: Settings) -> None:
    worker, run = stopped_run(settings)
    store = worker.store
    save_maps(store.folder(run.id))
    pin_before = pinned_images(store, find_dataset("fruits"))
    unpin(store, find_dataset("fruits"), pin_before[0])
    info = delete_own_dataset(store, "fruits")
    assert snapshot_epochs(store.folder(run.id), "maps") == []
    assert pinned_images(store, info) == pin_before
    assert "are not on this machine" in str(find_data_problem(store.get(run.id), settings))


def test_nothing_is_deleted_while_a_run_trains_on_it(settings: Settings) -> None:
    worker, run = stopped_run(settings)
    queued = stored_runs.store_run(worker.store, run.experiment, state=RunState.QUEUED, epochs=0)
    with stored_runs.hold_lock(worker.store, queued):
        for delete in (
            lambda: delete_own_dataset(worker.store, "fruits"),
            lambda: delete_own_pictures(
                worker.store, "fruits", PictureSelection(train=frozenset({0}))
            ),
        ):
            with pytest.raises(ImportRefused, match="A run trains on “My fruits”"):
                delete()
