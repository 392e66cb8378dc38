"""Runs remember the images they were trained on, and refuse others of the same name."""

from pathlib import Path

import pytest

from cifarviz.data.importing.editing import PictureSelection, delete_dataset
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.datasets.own import find_own
from cifarviz.errors import DatasetChanged
from cifarviz.executors.worker import Worker
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.own_pictures import delete_own_pictures
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import find_data_problem, load_evaluation_data, load_training_data
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings
from tests import stored_runs
from tests.picture_sources import fruits, write_folder


def import_fruits(settings: Settings, folder: Path, *, seed: int = 0) -> None:
    options = ImportOptions(title="My fruits", side=16, seed=seed)
    with prepare_import(folder, "fruits", settings, options) as prepared:
        prepared.store(settings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(fruits(8), tmp_path / "pictures")


def stopped_run(settings: Settings) -> tuple[Worker, Run]:
    """Return a worker, and a run on the fruits that was queued and stopped."""
    info = find_own("fruits")
    assert info is not None
    worker = Worker(settings, "command line")
    experiment = fit_experiment(PRESETS["cifar10-starter"].experiment, info)
    return worker, stored_runs.store_run(worker.store, experiment, state=RunState.STOPPED)


def test_a_run_is_resumed_and_forked_only_on_the_images_it_was_trained_on(
    settings: Settings, folder: Path
) -> None:
    import_fruits(settings, folder)
    worker, run = stopped_run(settings)
    assert find_data_problem(run, settings) is None
    assert len(load_training_data(run, settings).train) == 18

    delete_dataset("fruits", settings, used=False)
    import_fruits(settings, folder, seed=1)
    message = "The images of My fruits have changed since"
    assert message in str(find_data_problem(run, settings))
    for refused in (
        lambda: load_training_data(run, settings),
        lambda: worker.resume(run.id),
        lambda: worker.fork(run.id, 1, run.experiment, "a fork"),
    ):
        with pytest.raises(DatasetChanged, match=message):
            refused()
    with pytest.raises(DatasetChanged, match=message):
        load_evaluation_data(run, settings)
    # The same images again are the same data set.
    delete_dataset("fruits", settings, used=False)
    import_fruits(settings, folder)
    assert find_data_problem(run, settings) is None


def test_a_run_without_a_fingerprint_and_one_whose_images_are_gone(
    settings: Settings, folder: Path
) -> None:
    import_fruits(settings, folder)
    worker, run = stopped_run(settings)
    with worker.store.changing(run.id) as connection:
        connection.execute("UPDATE runs SET data_fingerprint = NULL")
    old = worker.store.get(run.id)
    assert find_data_problem(old, settings) is None
    delete_dataset("fruits", settings, used=True)
    assert "are not on this machine" in str(find_data_problem(old, settings))
    built_in = stored_runs.store_run(worker.store, stored_runs.experiment())
    assert find_data_problem(built_in, settings) is None


def test_results_on_test_images_outlive_a_change_of_training_images(
    settings: Settings, folder: Path
) -> None:
    import_fruits(settings, folder)
    worker, run = stopped_run(settings)
    delete_own_pictures(worker.store, "fruits", PictureSelection(train=frozenset({2})))
    assert len(load_evaluation_data(run, settings).test) == 6
    assert "The training images of My fruits have changed" in str(find_data_problem(run, settings))
    with pytest.raises(DatasetChanged, match="results on test images remain"):
        worker.resume(run.id)
    delete_own_pictures(worker.store, "fruits", PictureSelection(test=frozenset({2})))
    with pytest.raises(DatasetChanged, match="train it again"):
        load_evaluation_data(run, settings)
