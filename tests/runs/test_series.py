"""Series of runs are stored and found."""

import pytest

from cifarviz.errors import RunNotFound
from cifarviz.runs.series import (
    all_series,
    find_series,
    find_series_of_run,
    save_series,
    series_runs,
)
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs


def test_a_series_has_its_runs_in_order_with_their_labels(settings: Settings) -> None:
    store = RunStore(settings)
    made = [stored_runs.store_run(store, stored_runs.experiment(), name=name) for name in "abc"]
    labelled = [(run.id, f"with {run.name}") for run in reversed(made)]
    kept = save_series(store, "duel", "A against b", labelled)
    other = save_series(store, "cures", "Cures", [(made[0].id, "none")])
    for store_again in (store, RunStore(settings)):
        found = find_series(store_again, kept.id)
        assert found == kept
        assert (found.kind, found.title, found.count) == ("duel", "A against b", 3)
        assert found.labels == ("with c", "with b", "with a")
        assert [run.name for run in series_runs(store_again, found)] == ["c", "b", "a"]
    assert [one.id for one in all_series(store, "duel")] == [kept.id]
    assert [one.id for one in all_series(store, "cures")] == [other.id]


def test_a_series_counts_deleted_runs_but_does_not_list_them(settings: Settings) -> None:
    store = RunStore(settings)
    made = [stored_runs.store_run(store, stored_runs.experiment(), name=name) for name in "ab"]
    kept = save_series(store, "duel", "A against b", [(run.id, run.name) for run in made])
    store.delete(made[0].id)
    left = find_series(store, kept.id)
    assert (left.run_ids, left.labels, left.count) == ((made[1].id,), ("b",), 2)
    store.delete(made[1].id)
    assert find_series(store, kept.id).run_ids == ()
    assert all_series(store, "duel") == []


def test_a_run_deleted_before_its_series_is_saved_is_left_out(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment())
    kept = save_series(store, "duel", "A against b", [("gone", "a"), (run.id, "b")])
    assert (kept.run_ids, kept.labels, kept.count) == ((run.id,), ("b",), 2)


def test_an_unknown_series_is_refused_with_its_id(settings: Settings) -> None:
    with pytest.raises(RunNotFound, match="There is no series “nope” here"):
        find_series(RunStore(settings), "nope")


def test_a_run_knows_its_series_the_newest_first(settings: Settings) -> None:
    store = RunStore(settings)
    shared, other, alone = (
        stored_runs.store_run(store, stored_runs.experiment(), name=name) for name in "abc"
    )
    first = save_series(store, "duel", "First", [(shared.id, "a"), (other.id, "b")])
    second = save_series(store, "sizes", "Second", [(shared.id, "a")])
    assert find_series_of_run(store, shared.id) == [second, first]
    assert find_series_of_run(store, other.id) == [first]
    assert find_series_of_run(store, alone.id) == []
