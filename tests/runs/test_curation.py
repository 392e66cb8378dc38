"""Names, stars, notes and preferred weights of runs."""

from dataclasses import replace

import numpy as np
import pytest

from cifarviz.errors import ArtifactMissing, ExperimentInvalid, RunNotFound
from cifarviz.executors.worker import Worker
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.curation import validate_name
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import save_weights, snapshot_bytes, snapshot_epochs
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import default_weights, stored_checkpoints
from cifarviz.settings import Settings
from tests import stored_runs
from tests.hostile_names import HOSTILE, REFUSED


def test_stars_and_remarks_are_stored_separately_from_system_notes(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    assert (run.starred, run.remark, run.preferred) == (False, None, None)
    store.describe(run.id, note="The disk was full.")
    store.star(run.id, True)
    store.remark(run.id, "  the one for Monday\n")
    found = RunStore(store.settings).get(run.id)
    assert (found.starred, found.remark, found.note) == (
        True,
        "the one for Monday",
        "The disk was full.",
    )
    store.star(run.id, False)
    store.remark(run.id, " ")
    found = store.get(run.id)
    assert (found.starred, found.remark) == (False, None)


def test_invalid_changes_to_a_run_are_refused(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    with pytest.raises(ExperimentInvalid, match="at most 500 characters; this one has 501"):
        store.remark(run.id, "x" * 501)
    with pytest.raises(RunNotFound):
        store.star("nobody", True)
    with pytest.raises(ArtifactMissing, match="has no such weights"):
        store.prefer(run.id, "best")


def test_the_last_weights_are_the_default_unless_the_user_prefers_others(
    store: RunStore,
) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(), checkpoints={"last": {}, "best": {}}
    )
    assert default_weights(store, run) == "last"
    assert stored_checkpoints(store, run) == ("last", "best")
    store.prefer(run.id, "best")
    assert default_weights(store, store.get(run.id)) == "best"
    assert stored_checkpoints(store, store.get(run.id)) == ("best", "last")
    (store.folder(run.id) / "checkpoint-best.npz").unlink()
    assert default_weights(store, store.get(run.id)) == "last"
    assert stored_checkpoints(store, store.get(run.id)) == ("last",)
    store.prefer(run.id, None)
    assert store.get(run.id).preferred is None


def test_snapshots_of_starred_runs_are_removed_last(settings: Settings) -> None:
    store = RunStore(settings)
    old, new = (stored_runs.store_run(store, stored_runs.experiment()) for _ in range(2))
    store.star(old.id, True)
    for run in (old, new):
        for epoch in (1, 2, 3):
            save_weights(
                FolderArtifacts(store.folder(run.id)), epoch, {"w": np.zeros(1000, np.float32)}
            )
    one = snapshot_bytes(store.folder(old.id))

    def thinned(budget: int) -> tuple[int, int]:
        Worker(replace(settings, snapshots_budget=budget), "dashboard")._thin_snapshots()
        kept = [snapshot_epochs(store.folder(run.id), "weights") for run in (old, new)]
        return len(kept[0]), len(kept[1])

    assert thinned(one) == (3, 0)
    assert thinned(one // 2)[0] < 3


@pytest.mark.parametrize("name", HOSTILE)
def test_any_visible_name_is_valid(name: str) -> None:
    assert validate_name(f"  {name}\n") == name


@pytest.mark.parametrize("name", REFUSED)
def test_invisible_names_are_refused(name: str) -> None:
    with pytest.raises(ExperimentInvalid, match="A run's name"):
        validate_name(name)


def test_a_note_may_have_lines_but_no_control_characters(store: RunStore, run: Run) -> None:
    store.remark(run.id, "two\nlines")
    assert store.get(run.id).remark == "two\nlines"
    with pytest.raises(ExperimentInvalid, match=r"\\x1b"):
        store.remark(run.id, "\x1b[31mred")
