"""A backup has all of a home, is consistent while a run trains, and is restored elsewhere."""

import resource
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.own import datasets_in
from cifarviz.errors import (
    StorageFull,
)
from cifarviz.executors.worker import Worker
from cifarviz.experiment.parameters import Choices
from cifarviz.experiment.study import Study
from cifarviz.people.accounts import Account
from cifarviz.people.person import acting_as
from cifarviz.runs.archive import run_file_names
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.backup import INDEX, MANIFEST, back_up
from cifarviz.runs.guessing import guess, guess_total, load_game, start_game
from cifarviz.runs.members import (
    Member,
    class_members,
    join_class,
    join_with_account,
    remove_member,
)
from cifarviz.runs.pins import load_preference, save_preference
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.restore import restore
from cifarviz.runs.run_json import load_run_json
from cifarviz.runs.series import all_series, save_series
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.studies import add_trial, all_studies, create_study, stored_trials
from cifarviz.settings import Settings
from scripts.make_fixtures import experiment as small_experiment
from tests import stored_runs
from tests.runs.test_archive_dataset import take
from tests.waiting import wait_until

STUDY = Study.make(
    base=stored_runs.experiment(),
    parameters=[Choices(key="optimizer", values=("adam", "sgd")).model_dump()],
)


def known(store: RunStore) -> dict[str, tuple[Run, list[Epoch], list[int]]]:
    """What a home has of its runs, without when they were last heard of."""
    return {
        run.id: (
            replace(run, progress=None),
            store.epochs(run.id),
            store.batch_points(run.id).steps.tolist(),
        )
        for run in store.all()
    }


def contents(store: RunStore, run_id: str) -> dict[str, bytes]:
    folder = store.folder(run_id)
    return {name: (folder / name).read_bytes() for name in run_file_names(folder)}


def test_all_of_a_home_comes_back(
    store: RunStore, elsewhere: RunStore, run: Run, tmp_path: Path
) -> None:
    other = stored_runs.store_run(store, stored_runs.experiment(), name="other")
    store.star(run.id, True)
    store.remark(other.id, "worth a look")
    save_series(store, "lab", "Same again", [(run.id, "a"), (other.id, "b")])
    record = create_study(store, STUDY, "What is best?")
    add_trial(store, record.id, other.id, {"optimizer": "sgd"}, "sgd")
    save_preference(store, "pins cifar10", [3, 1, 4])
    ada = join_class(store, "Ada")
    game = start_game(store, "cifar10", "mine", [5, 7], [0, 1], [0, 0], [0.9, 0.5])
    guess(store, game.id, 0, 0)
    with acting_as(ada.person):
        guess(store, game.id, 0, 4)
    fruit = take(store.settings, tmp_path)
    (store.settings.home / "processor.json").write_text("{}")
    (store.settings.home / "cookie.key").write_text("secret")

    made = back_up(store.settings, tmp_path / "backup.zip")
    assert (made.runs, made.datasets, made.notes) == (2, (fruit.name,), ())
    assert made.missing == ()
    done = restore(elsewhere.settings, made.path)
    assert set(done.runs) == {run.id, other.id}
    assert (done.here, done.datasets, done.notes) == ((), (fruit.name,), ())
    assert done.left_out == ()
    assert known(elsewhere) == known(store)
    assert contents(elsewhere, run.id) == contents(store, run.id)
    assert load_run_json(elsewhere.folder(run.id)).epochs == store.epochs(run.id)
    assert all_series(elsewhere, "lab") == all_series(store, "lab")
    assert all_studies(elsewhere) == all_studies(store)
    assert len(stored_trials(elsewhere, record.id)) == 1
    assert load_preference(elsewhere, "pins cifar10") == [3, 1, 4]
    assert class_members(elsewhere) == [ada]
    assert (load_game(elsewhere), guess_total(elsewhere, game)) == (game, 2)
    original, copy = (load(home.settings, fruit.name) for home in (store, elsewhere))
    assert (original.train.images == copy.train.images).all()
    # A second time nothing is new.
    again = restore(elsewhere.settings, made.path)
    assert (again.runs, set(again.here), again.datasets) == ((), {run.id, other.id}, ())
    assert not list(tmp_path.rglob("*.part"))


def load(settings: Settings, name: str) -> Dataset:
    return library.load(name, "full", settings)


def test_only_runs_and_data_are_in_it(store: RunStore, run: Run, backup: Path) -> None:
    folder = store.folder(run.id)
    expected = {f"runs/{run.id}/{name}" for name in run_file_names(folder)}
    with zipfile.ZipFile(backup) as file:
        assert set(file.namelist()) == expected | {MANIFEST, INDEX}
    assert "notes.txt" in {path.name for path in folder.iterdir()}


def test_rows_of_other_tables_are_not_in_it(store: RunStore, run: Run, tmp_path: Path) -> None:
    with closing(sqlite3.connect(store.database.path)) as connection, connection:
        connection.execute("CREATE TABLE codes (name TEXT, code TEXT)")
        connection.execute("INSERT INTO codes VALUES ('Ada', 'a-secret-code')")
        connection.execute("UPDATE runs SET lease_owner = 'process 4711'")
    back_up(store.settings, tmp_path / "backup.zip")
    content = (tmp_path / "backup.zip").read_bytes()
    assert b"a-secret-code" not in content
    assert b"process 4711" not in content
    assert run.id.encode() in content


def own(store: RunStore, run: Run, owner: Member) -> None:
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET owner = ? WHERE id = ?", (owner.id, run.id))


def test_what_has_an_owner_keeps_it(
    store: RunStore, elsewhere: RunStore, run: Run, tmp_path: Path
) -> None:
    ada = join_with_account(store, Account("https://school.example", "1", "Ada"))
    save_series(store, "lab", "Same again", [(run.id, "a")])
    own(store, run, ada)
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET shown = 1")
        connection.execute("UPDATE series SET owner = ?, shown = 1", (ada.id,))
    with acting_as(ada.person):
        take(store.settings, tmp_path)
    # Another one was removed, who had her name.
    old = join_class(store, "Bob")
    remove_member(store, old.id)
    bob = join_class(store, "bob")
    other = stored_runs.store_run(store, stored_runs.experiment())
    own(store, other, bob)
    back_up(store.settings, tmp_path / "backup.zip")
    restore(elsewhere.settings, tmp_path / "backup.zip")
    assert class_members(elsewhere) == [ada, bob]
    mine = elsewhere.get(run.id)
    assert (mine.owner, mine.shown, elsewhere.get(other.id).owner) == (ada.id, True, bob.id)
    assert all_series(elsewhere, "lab")[0].owner == ada.id
    assert load_run_json(elsewhere.folder(run.id)).columns["owner"] == ada.id
    [fruit] = datasets_in(elsewhere.settings.datasets, deleted=True)
    assert fruit.owner == ada.id


@pytest.mark.parametrize("same", ["name", "id"])
def test_nothing_becomes_another_persons(
    store: RunStore, elsewhere: RunStore, run: Run, tmp_path: Path, same: str
) -> None:
    eve = join_class(store, "Eve")
    own(store, run, eve)
    save_series(store, "lab", "Same again", [(run.id, "a")])
    game = start_game(store, "cifar10", "mine", [5, 7], [0, 1], [0, 0], [0.9, 0.5])
    with acting_as(eve.person):
        take(store.settings, tmp_path)
        guess(store, game.id, 0, 4)
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE series SET owner = ?", (eve.id,))
    back_up(store.settings, tmp_path / "backup.zip")
    other = join_class(elsewhere, "eve" if same == "name" else "Mallory")
    if same == "id":
        with elsewhere.database.connect(write=True) as connection:
            connection.execute("UPDATE people SET id = ?", (eve.id,))
    done = restore(elsewhere.settings, tmp_path / "backup.zip")
    assert [member.name for member in class_members(elsewhere)] == [other.name]
    assert elsewhere.get(run.id).owner is None
    assert all_series(elsewhere, "lab")[0].owner is None
    [fruit] = datasets_in(elsewhere.settings.datasets, deleted=True)
    assert fruit.owner is None
    assert guess_total(elsewhere, game) == 0
    assert done.left_out == (
        "1 guess of the class left out: damaged, or of somebody who was not restored.",
    )


def test_tensorboard_files_are_said_to_be_left_out(
    store: RunStore, run: Run, tmp_path: Path
) -> None:
    store.tensorboard_folder(run.id).mkdir(parents=True)
    made = back_up(store.settings, tmp_path / "backup.zip")
    assert made.notes == (
        f"TensorBoard files of 1 run are not in it: copy {store.settings.tensorboard_dir} "
        "yourself if you need them.",
    )


def test_a_run_in_training_is_backed_up_and_ends_as_the_original(
    settings: Settings, elsewhere: RunStore, tmp_path: Path
) -> None:
    # Long enough to be in the middle of it when the backup is made.
    made = small_experiment().model_copy(update={"epochs": 25})
    worker = Worker(settings, "command line")
    run = worker.submit(made, "mine")
    wait_until(lambda: len(worker.store.epochs(run.id)) >= 2)
    back_up(settings, tmp_path / "backup.zip")
    assert worker.store.get(run.id).state is RunState.RUNNING

    restore(elsewhere.settings, tmp_path / "backup.zip")
    copied = elsewhere.get(run.id)
    assert copied.state is RunState.INTERRUPTED
    assert "backup was made while this run trained" in str(copied.message)
    assert 2 <= copied.epochs_done < 25
    _, position = load_arrays(checkpoint_path(elsewhere.folder(run.id), "last"))
    assert position["epochs_done"] in (copied.epochs_done, copied.epochs_done - 1)
    worker.wait(run.id)
    other = Worker(elsewhere.settings, "command line")
    assert other.wait(other.resume(run.id).id).state is RunState.FINISHED
    assert history(elsewhere, run.id) == history(worker.store, run.id)
    for values in zip(*(points(store, run.id) for store in (elsewhere, worker.store)), strict=True):
        assert np.array_equal(*values)
    assert weights(elsewhere, run.id).keys() == weights(worker.store, run.id).keys()
    for name, value in weights(elsewhere, run.id).items():
        assert np.array_equal(value, weights(worker.store, run.id)[name]), name


def history(store: RunStore, run_id: str) -> list[tuple[float | None, ...]]:
    return [tuple(epoch)[:-1] for epoch in store.epochs(run_id)]


def points(store: RunStore, run_id: str) -> tuple[np.ndarray, ...]:
    found = store.batch_points(run_id)
    return found.steps, found.loss, found.accuracy


def weights(store: RunStore, run_id: str) -> dict[str, np.ndarray]:
    return load_arrays(checkpoint_path(store.folder(run_id), "last"))[0]


def test_nothing_begins_by_itself_where_it_is_restored(
    store: RunStore, elsewhere: RunStore, tmp_path: Path
) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0)
    with stored_runs.hold_lock(store, run):
        back_up(store.settings, tmp_path / "backup.zip")
    restore(elsewhere.settings, tmp_path / "backup.zip")
    assert elsewhere.get(run.id).state is RunState.STOPPED
    assert elsewhere.queue() == []
    assert store.get(run.id).state is RunState.QUEUED


def test_a_file_system_without_links_is_copied(
    store: RunStore, elsewhere: RunStore, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr("os.link", refuse)
    back_up(store.settings, tmp_path / "backup.zip")
    restore(elsewhere.settings, tmp_path / "backup.zip")
    assert contents(elsewhere, run.id) == contents(store, run.id)


@contextmanager
def limited_files(size: int) -> Iterator[None]:
    """No file may grow larger, which is what a full disk is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("share", [0.05, 0.99])
def test_a_full_disk_is_said_and_nothing_is_left(
    store: RunStore, backup: Path, tmp_path: Path, share: float
) -> None:
    size = int(share * backup.stat().st_size)
    backup.unlink()
    before = set(tmp_path.rglob("*"))
    with limited_files(size), pytest.raises(StorageFull, match="is full or read-only"):
        back_up(store.settings, tmp_path / "backup.zip")
    assert set(tmp_path.rglob("*")) - before <= set(store.settings.home.glob("runs.sqlite3-*"))


def test_a_disk_that_gets_full_leaves_nothing_of_a_restore(
    elsewhere: RunStore, backup: Path
) -> None:
    with limited_files(30_000), pytest.raises(StorageFull):
        restore(elsewhere.settings, backup)
    assert elsewhere.all() == []
    assert not list(elsewhere.settings.runs.glob("*"))
    assert not list(elsewhere.settings.home.glob(".*"))
