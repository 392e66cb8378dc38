"""Packing a run as one file and unpacking it in another home."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifarviz.errors import RunError
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import load_predictions, snapshot_path
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import load_maps
from tests import stored_runs
from tests.runs.full_run import ARRAYS, MODEL


def test_an_unpacked_run_equals_the_packed_run(
    store: RunStore, run: Run, elsewhere: RunStore, tmp_path: Path
) -> None:
    pack(store, run.id, tmp_path / "run.zip")
    came = unpack(elsewhere, tmp_path / "run.zip", origin="imported")
    assert came.progress is not None
    assert (came.progress.step, came.progress.steps_per_epoch) == (30, 10)
    assert came == replace(
        run,
        origin="imported",
        experiment_json=came.experiment_json,
        progress=came.progress,
        attempt=0,
    )
    assert came.experiment == run.experiment
    assert elsewhere.epochs(came.id) == store.epochs(run.id)
    for before, after in zip(
        vars(store.batch_points(run.id)).values(),
        vars(elsewhere.batch_points(came.id)).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)
    here, there = store.folder(run.id), elsewhere.folder(came.id)
    for path, expected in (
        (checkpoint_path(here, "last"), ARRAYS),
        (snapshot_path(here, "weights", 1), MODEL),
    ):
        arrays, facts = load_arrays(there / path.relative_to(here))
        assert facts == load_arrays(path)[1]
        assert arrays.keys() == expected.keys()
        assert all(np.array_equal(arrays[name], value) for name, value in expected.items())
    assert [one.name for one in load_maps(there, 1, 7)] == ["conv2d_1", "dense_1"]
    assert load_predictions(there, 2, 10).predictions.probabilities.shape == (10, 10)
    assert not (there / "notes.txt").exists()


def test_half_stores_float16_weights_without_the_optimizer(
    store: RunStore, run: Run, elsewhere: RunStore, tmp_path: Path
) -> None:
    pack(store, run.id, tmp_path / "run.zip", half=True, keep=lambda name: "answers" not in name)
    came = unpack(elsewhere, tmp_path / "run.zip", origin="imported")
    arrays, facts = load_arrays(checkpoint_path(elsewhere.folder(came.id), "last"))
    assert facts == {"format": 1}
    assert set(arrays) == set(MODEL)
    kernel = arrays["model/002/conv2d_1/kernel"]
    assert kernel.dtype == np.float32
    np.testing.assert_array_equal(kernel, ARRAYS["model/002/conv2d_1/kernel"].astype(np.float16))
    seed = "model/004/dropout_1/seed_generator_state"
    np.testing.assert_array_equal(arrays[seed], ARRAYS[seed])
    assert not snapshot_path(elsewhere.folder(came.id), "predictions", 2).exists()


def test_unpacking_reports_how_far_it_is(
    store: RunStore, run: Run, elsewhere: RunStore, tmp_path: Path
) -> None:
    pack(store, run.id, tmp_path / "run.zip")
    reports: list[tuple[int, int]] = []
    unpack(
        elsewhere, tmp_path / "run.zip", origin="imported",
        report=lambda done, total: reports.append((done, total)),
    )  # fmt: skip
    assert len(reports) > 3
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    assert reports[-1][0] == reports[-1][1] > 0
    assert len({total for _, total in reports}) == 1


def test_an_imported_run_gets_another_id_if_its_own_is_taken(
    store: RunStore, run: Run, tmp_path: Path
) -> None:
    pack(store, run.id, tmp_path / "run.zip")
    twin = unpack(store, tmp_path / "run.zip", origin="imported")
    assert twin.id != run.id
    assert twin.name == run.name
    assert len(store.all()) == 2
    assert store.epochs(twin.id) == store.epochs(run.id)


def test_an_active_run_is_not_packed(store: RunStore, tmp_path: Path) -> None:
    active = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING)
    with (
        stored_runs.hold_lock(store, active),
        pytest.raises(RunError, match="Stop it or let it finish"),
    ):
        pack(store, active.id, tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists()
