"""One press clears what a class left behind, and nothing of the teacher's."""

from pathlib import Path

import pytest

from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.datasets.registry import all_datasets
from cifarviz.errors import AccessRefused
from cifarviz.people.person import acting_as
from cifarviz.runs import clearing
from cifarviz.runs.clearing import clear_class, left_behind
from cifarviz.runs.members import class_members, join_class, load_class
from cifarviz.runs.pins import load_preference, unpin
from cifarviz.runs.records import Run
from cifarviz.runs.series import all_series, save_series
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.picture_sources import fruits, write_folder
from tests.runs.test_run_data import import_fruits


def test_a_class_is_cleared_and_the_teacher_keeps_all(store: RunStore, tmp_path: Path) -> None:
    own = stored_runs.store_run(store, stored_runs.experiment())
    save_series(store, "lab", "Mine", [(own.id, "1")])
    ada = join_class(store, "Ada").person
    with acting_as(ada):
        stored_runs.store_run(store, stored_runs.experiment())
        queued = stored_runs.store_run(
            store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0
        )
        save_series(store, "lab", "Ada's", [(queued.id, "1")])
        unpin(store, CIFAR10, 1)
        import_fruits(store.settings, write_folder(fruits(8), tmp_path / "pictures"))
    code = load_class(store).id
    found = left_behind(store)
    assert (found.people, found.runs, found.datasets) == (1, 2, 1)
    assert found.size > 0
    assert clear_class(store) == found
    assert [run.id for run in store.all()] == [own.id]
    assert [series.title for series in all_series(store, "lab")] == ["Mine"]
    assert class_members(store) == []
    assert "fruits" not in {info.name for info in all_datasets()}
    assert load_preference(store, f"pins cifar10 {ada.id}") is None
    assert load_class(store).id != code
    assert left_behind(store)[:3] == (0, 0, 0)


def test_only_the_teacher_clears_a_class(store: RunStore) -> None:
    ada = join_class(store, "Ada").person
    with acting_as(ada):
        run = stored_runs.store_run(store, stored_runs.experiment())
        with pytest.raises(AccessRefused):
            clear_class(store)
    assert store.get(run.id) == run


def _begin(store: RunStore) -> Run:
    with acting_as(join_class(store, "Ada").person):
        return stored_runs.store_run(
            store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0
        )


def test_a_run_that_trains_is_stopped_and_then_deleted(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _begin(store)

    def end(_seconds: float) -> None:
        assert store.get(run.id).requested == "stop"
        store.transition(run.id, RunState.STOPPING)
        store.transition(run.id, RunState.STOPPED)

    monkeypatch.setattr("time.sleep", end)
    with stored_runs.hold_lock(store, run):
        store.transition(run.id, RunState.RUNNING)
        clear_class(store)
    assert not store.all()


def test_a_run_that_does_not_end_stays(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing, "_STOP_SECONDS", 0.2)
    run = _begin(store)
    with stored_runs.hold_lock(store, run):
        store.transition(run.id, RunState.RUNNING)
        clear_class(store)
        assert store.get(run.id).requested == "stop"
