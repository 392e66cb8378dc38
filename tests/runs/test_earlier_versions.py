"""Homes and packed runs written by earlier versions open without loss."""

import shutil
from pathlib import Path

import pytest

from cifarviz.runs.archive import unpack
from cifarviz.runs.artifacts import load_arrays
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import load_predictions, snapshot_epochs
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import load_maps
from cifarviz.settings import Settings

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures").glob("format-*"))


def is_whole(store: RunStore, run: Run) -> None:
    """What ``scripts/make_fixtures.py`` has trained."""
    assert (run.name, run.state, run.damage) == ("of this version", RunState.FINISHED, None)
    assert [epoch.epoch for epoch in store.epochs(run.id)] == [1, 2]
    assert store.batch_points(run.id).steps.tolist() == [1, 2, 3, 4]
    folder = store.folder(run.id)
    kernels = {
        load_arrays(path)[0]["model/002/conv2d_1/kernel"].shape
        for path in folder.rglob("*.npz")
        if path.name.startswith(("checkpoint", "weights"))
    }
    assert kernels == {(3, 3, 3, 4)}
    assert snapshot_epochs(folder, "weights") == [0, 1, 2]
    assert load_predictions(folder, 2, 10).predictions.probabilities.shape == (10, 10)
    assert len(load_maps(folder, 2, 1)) == 5


def test_fixtures_of_earlier_versions_exist() -> None:
    assert FIXTURES


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.name)
def test_a_home_of_an_earlier_version_opens_without_loss(fixture: Path, settings: Settings) -> None:
    shutil.copytree(fixture / "home", settings.home)
    store = RunStore(settings)
    [run] = store.all()
    is_whole(store, run)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.name)
def test_a_packed_run_of_an_earlier_version_is_imported_without_loss(
    fixture: Path, store: RunStore
) -> None:
    is_whole(store, unpack(store, fixture / "run.zip", origin="imported"))
