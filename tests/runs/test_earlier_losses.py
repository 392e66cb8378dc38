"""Losses computed by an earlier version are marked, also in packed runs."""

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from cifarviz.experiment.choices import Loss
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.earlier_losses import PLAIN, has_exact_loss, losses_text
from cifarviz.runs.recorded import restore_recorded_run
from cifarviz.runs.records import Fork, Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs

CLIPPED = "validation loss clipped at 16.1 per image"
SMOOTHED = Loss(labels="one_hot", label_smoothing=0.1)


@pytest.mark.parametrize(
    ("loss", "validated", "until", "words"),
    [
        (Loss(), True, None, CLIPPED),
        (Loss(), False, None, PLAIN),
        (SMOOTHED, True, None, f"{CLIPPED}, label smoothing 0.1 included"),
        (SMOOTHED, False, None, "label smoothing 0.1 included"),
        (Loss(), True, 2, f"{CLIPPED} up to epoch 2"),
        (SMOOTHED, True, 0, PLAIN),
        # One that did not get as far as was planned when it was resumed.
        (Loss(), True, 3, CLIPPED),
    ],
)
def test_the_label_describes_how_losses_were_computed(
    store: RunStore, loss: Loss, validated: bool, until: int | None, words: str
) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(loss=loss), validated=validated)
    assert losses_text(run) == PLAIN
    assert losses_text(stored_runs.mark_earlier_losses(store, run, until)) == words


def test_each_epoch_has_exact_losses_or_not(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    resumed = stored_runs.mark_earlier_losses(store, run, 2)
    assert [has_exact_loss(resumed, epoch) for epoch in (1, 2, 3)] == [False, False, True]
    earlier = stored_runs.mark_earlier_losses(store, run)
    assert not any(has_exact_loss(earlier, epoch) for epoch in (1, 2, 3))


def test_a_fork_has_exact_losses_of_its_own(store: RunStore) -> None:
    parent = stored_runs.mark_earlier_losses(
        store, stored_runs.store_run(store, stored_runs.experiment())
    )
    fork = store.create("abcdef01", parent.experiment, "fork", "dashboard", Fork(parent.id, 2))
    assert fork.exact_loss_from == 3
    assert losses_text(fork) == PLAIN


def test_a_run_that_never_started_has_no_earlier_losses(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), epochs=0)
    assert losses_text(stored_runs.mark_earlier_losses(store, run)) == PLAIN


def test_a_packed_run_keeps_the_first_epoch_with_exact_losses(
    store: RunStore, elsewhere: RunStore, tmp_path: Path
) -> None:
    for until in (None, 2, 0):
        run = stored_runs.store_run(store, stored_runs.experiment())
        stored_runs.mark_earlier_losses(store, run, until)
        pack(store, run.id, tmp_path / "run.zip")
        came = unpack(elsewhere, tmp_path / "run.zip", origin="imported")
        assert came.exact_loss_from == (None if until is None else until + 1)


def test_a_run_packed_by_an_earlier_version_has_earlier_losses(
    store: RunStore, run: Run, elsewhere: RunStore, tmp_path: Path
) -> None:
    pack(store, run.id, tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as file:
        members = {name: file.read(name) for name in file.namelist()}
    facts = json.loads(members["run.json"])
    assert facts["format"] == 2
    members["run.json"] = json.dumps(facts | {"format": 1}).encode()
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    came = unpack(elsewhere, tmp_path / "old.zip", origin="imported")
    assert came.exact_loss_from is None
    assert losses_text(came) == CLIPPED


def test_the_recorded_run_has_earlier_losses(store: RunStore) -> None:
    assert losses_text(restore_recorded_run(store)).startswith(CLIPPED)


def test_runs_of_an_earlier_home_have_earlier_losses(settings: Settings) -> None:
    store = RunStore(settings)
    stored_runs.store_run(store, stored_runs.experiment())
    # As version 4 had it.
    with closing(sqlite3.connect(store.database.path)) as connection:
        later = {
            "runs": "exact_loss_from attempt lease_owner lease_expires data_fingerprint received "
            "owner shown gives_way gave_way_to",
            "series": "settings owner shown",
            "series_runs": "parameters pruned_after",
        }
        for table, columns in later.items():
            for column in columns.split():
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        for table in ("people", "guesses"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 4")
        connection.commit()
    opened = RunStore(settings)
    [run] = opened.all()
    assert losses_text(run) == CLIPPED
    new = stored_runs.store_run(opened, stored_runs.experiment())
    assert losses_text(new) == PLAIN
