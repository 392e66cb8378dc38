"""A damaged record is listed as damaged and does not affect other runs."""

import sqlite3
from contextlib import closing

import pytest

from cifarviz.errors import CifarvizError, RunDamaged, TransitionRefused
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import stored_checkpoints
from tests import stored_runs
from tests.runs.held_run import PROGRESS, points

DAMAGES = {
    "milliseconds": ("UPDATE runs SET started = 1764329000000.0", "Its “started” is 17643290000"),
    "infinite time": ("UPDATE runs SET created = 9e999", "Its “created” is inf"),
    "negative time": ("UPDATE runs SET ended = -1", "Its “ended” is -1"),
    "time as text": ("UPDATE runs SET created = 'yesterday'", "Its “created” is “yesterday”"),
    "state": ("UPDATE runs SET state = 'archived'", "Its “state” is “archived”"),
    "name": ("UPDATE runs SET name = x'ff00'", "Its “name” is b"),
    "no name": ("UPDATE runs SET name = '  '", "Its “name” is “  ”"),
    "seconds": ("UPDATE runs SET seconds = 'long'", "Its “seconds” is “long”"),
    "images": ("UPDATE runs SET train_images = -3", "Its “train_images” is -3"),
    "exact losses": ("UPDATE runs SET exact_loss_from = 0", "Its “exact_loss_from” is 0, but"),
    "scaling": ("UPDATE runs SET scaling = '{}'", "Its “scaling” is “{}”"),
    "no JSON": ("UPDATE runs SET experiment = 'nothing'", "not valid JSON"),
    "experiment": ("UPDATE runs SET experiment = '{\"format\": 4}'", "architecture"),
    "newer": ("UPDATE runs SET experiment = '{\"format\": 99}'", "format 99"),
    "deep": (f"UPDATE runs SET experiment = '{'[' * 5000}'", "not valid JSON"),
    "heartbeat": ("UPDATE runs SET heartbeat = 1e18", "Its “heartbeat” is 1e+18"),
    "loss": ("UPDATE epochs SET loss = 1e300", "an invalid epoch"),
    "text loss": ("UPDATE epochs SET loss = 'low'", "an invalid epoch"),
    "accuracy": ("UPDATE epochs SET val_accuracy = 7", "an invalid epoch"),
    "gap": ("DELETE FROM epochs WHERE epoch = 2", "2 epochs are not consecutive"),
    "beginning": ("UPDATE epochs SET epoch = epoch + 500", "are not consecutive"),
    "count": ("UPDATE batches SET count = count + 1", "differ in number"),
    "no blob": ("UPDATE batches SET loss = 5", "differ in number"),
    "step": ("UPDATE batches SET first_step = -1", "differ in number"),
}  # fmt: skip


def damage(store: RunStore, run: Run, statement: str) -> None:
    """Run an UPDATE or DELETE on the rows of this run alone."""
    column = "run" if " epochs" in statement or " batches" in statement else "id"
    word = "AND" if "WHERE" in statement else "WHERE"
    with closing(sqlite3.connect(store.database.path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"{statement} {word} {column} = ?", (run.id,))


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_record_is_listed_with_its_problem_and_can_be_deleted(
    store: RunStore, run: Run, kind: str
) -> None:
    sound = stored_runs.store_run(store, stored_runs.experiment(), name="sound")
    statement, words = DAMAGES[kind]
    damage(store, run, statement)
    found = {one.id: one for one in store.all()}
    assert found[sound.id].damage is None
    assert words in str(found[run.id].damage)
    assert store.get(run.id) == found[run.id]
    assert store.active() == []
    assert found[run.id].epochs_done == 0
    assert stored_checkpoints(store, found[run.id]) == ()
    assert len(store.histories([run.id, sound.id])[sound.id]) == 3
    store.batch_points(run.id)
    with pytest.raises(CifarvizError):
        found[run.id].experiment  # noqa: B018
    assert store.delete(run.id).id == run.id
    assert [one.id for one in store.all()] == [sound.id]
    assert not store.folder(run.id).exists()


def test_using_a_damaged_run_is_refused_with_a_message(store: RunStore, run: Run) -> None:
    damage(store, run, DAMAGES["milliseconds"][0])
    with pytest.raises(RunDamaged, match=rf"“mine” is damaged: .* runs delete {run.id}"):
        store.get(run.id).experiment  # noqa: B018


def test_batches_with_inconsistent_values_are_left_out(store: RunStore, run: Run) -> None:
    store.record(run.id, PROGRESS, points(31, 5))
    with closing(sqlite3.connect(store.database.path)) as connection, connection:
        connection.execute("UPDATE batches SET count = 10 WHERE first_step = 31")
    assert store.batch_points(run.id).steps.tolist() == list(range(1, 31))


def test_an_unknown_state_does_not_block_the_queue(store: RunStore) -> None:
    made = stored_runs.experiment()
    runs = [stored_runs.store_run(store, made, state=RunState.QUEUED, epochs=0) for _ in range(2)]
    with stored_runs.hold_lock(store, runs[0]), stored_runs.hold_lock(store, runs[1]):
        with store.database.connect(write=True) as connection:
            connection.execute("UPDATE runs SET state = 'queued'")
        damage(store, runs[0], "UPDATE runs SET state = 'archived'")
        assert [run.id for run in store.active()] == [runs[1].id]
        assert store.is_next(runs[1].id)
        # The run has an owner, whatever its state is.
        with pytest.raises(TransitionRefused, match="Another process is training"):
            store.delete(runs[0].id)


def test_an_unknown_action_is_ignored(store: RunStore, run: Run) -> None:
    with store.database.connect(write=True) as connection:
        connection.executemany(
            "INSERT INTO controls(run, action, asked) VALUES (?, ?, 1)",
            [(run.id, "pause"), (run.id, "dance")],
        )
    assert store.get(run.id).requested is None
    assert store.take_request(run.id) is Action.PAUSE
    assert store.take_request(run.id) is None


@pytest.mark.parametrize("state", ["finished", "queued", "running"])
@pytest.mark.parametrize("run_id", ["../../precious", "x" * 300, "ab\0", "", b"", b"\xff", None])
def test_a_damaged_id_leads_to_no_other_folder(
    store: RunStore, run: Run, run_id: object, state: str
) -> None:
    precious = store.settings.home.parent / "precious"
    precious.mkdir()
    store.folder(run.id).rename(store.settings.runs / "kept")
    with closing(sqlite3.connect(store.database.path)) as connection, connection:
        connection.execute("UPDATE runs SET id = ?, state = ?", (run_id, state))
    assert store.active() == store.orphans() == []
    (damaged,) = store.all()
    assert "Its “id” is" in str(damaged.damage)
    assert store.get(damaged.id) == damaged
    assert store.folder(damaged.id).parent == store.settings.runs
    store.delete(damaged.id)
    assert store.all() == []
    assert precious.is_dir()
    assert (store.settings.runs / "kept").is_dir()


def test_a_run_that_became_active_is_not_deleted(
    store: RunStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state counts that it has when it would be deleted, not that of a look before."""
    look = store._check_locks

    def and_then_it_is_resumed() -> dict[str, str]:
        orphans = look()
        with store.database.connect(write=True) as connection:
            connection.execute("UPDATE runs SET state = 'queued' WHERE id = ?", (run.id,))
        return orphans

    monkeypatch.setattr(store, "_check_locks", and_then_it_is_resumed)
    with pytest.raises(TransitionRefused, match="stop it before"):
        store.delete(run.id)
    assert store.folder(run.id).is_dir()
    assert len(store.epochs(run.id)) == 3
