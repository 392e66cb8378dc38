"""A lost or damaged index is rebuilt, and what cannot be brought back is named."""

import json
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from cifarviz.datasets.own import DESCRIPTION
from cifarviz.errors import IndexDamaged, StoreError, TransitionRefused, UnknownFormat
from cifarviz.people.person import acting_as
from cifarviz.runs.guessing import guess, guess_total, load_game, start_game
from cifarviz.runs.index_copy import COPY, copy_index
from cifarviz.runs.members import class_members, join_class
from cifarviz.runs.pins import load_preference, save_preference
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.repair import repair
from cifarviz.runs.run_json import run_json_path
from cifarviz.runs.series import all_series, save_series
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.unlisted import unlisted_folders, unlisted_message
from cifarviz.settings import Settings
from scripts.app_server import ROOT
from tests import stored_runs
from tests.runs.full_run import store_full_run
from tests.runs.test_archive_dataset import take

_PAGE = 4096
RUNS = 6


@pytest.fixture
def runs(store: RunStore) -> list[Run]:
    """Runs that are members of a series, in a home with pinned images."""
    made = [store_full_run(store) for _ in range(RUNS)]
    save_series(store, "lab", "Same again", [(run.id, str(n)) for n, run in enumerate(made)])
    save_preference(store, "pins cifar10", [3, 1, 4])
    return made


def known(store: RunStore) -> dict[str, tuple[Run, list[Epoch]]]:
    runs = [replace(run, progress=None) for run in store.all()]
    return {run.id: (run, store.epochs(run.id)) for run in runs}


def index(settings: Settings) -> Path:
    return settings.home / "runs.sqlite3"


def remove_index(settings: Settings) -> None:
    for path in settings.home.glob("runs.sqlite3*"):
        path.unlink()


def zero_header(content: bytearray) -> None:
    content[:100] = bytes(100)


def cut_end(content: bytearray) -> None:
    del content[len(content) - 2 * _PAGE - 100 :]


def zero_runs_page(content: bytearray) -> None:
    """Overwrite the pages that list the runs, as a disk does that lost a block."""
    for start in range(_PAGE, len(content), _PAGE):
        if b'"preset"' in content[start : start + _PAGE]:
            content[start : start + _PAGE] = bytes(_PAGE)


def overwrite_middle(content: bytearray) -> None:
    """Overwrite half of the pages, but not the first."""
    start = max(1, len(content) // _PAGE // 4) * _PAGE
    content[start : 3 * start] = b"x" * (2 * start)


def misspell_a_table(content: bytearray) -> None:
    at = content.index(b"CREATE TABLE controls")
    content[at : at + 6] = b"\xff\xfeEATE"


def say_full(content: bytearray) -> None:
    """Have SQLite speak of “full”, as it does of a disk."""
    at = content.index(b"CREATE TABLE controls")
    content[at : at + 6] = b"full  "


def replace_all(content: bytearray) -> None:
    content[:] = b"not a database at all " * 1000


DAMAGES = [zero_header, cut_end, zero_runs_page, misspell_a_table, say_full, replace_all]


def test_a_whole_home_is_left_as_it_is(store: RunStore, runs: list[Run]) -> None:
    before = known(store)
    report = repair(store.settings)
    assert (report.is_whole, report.runs, report.relisted) == (True, RUNS, ())
    assert known(store) == before
    assert not list(store.settings.home.glob("*damaged*"))


@pytest.mark.parametrize("content", [None, b""])
def test_a_lost_index_is_said_and_made_anew(
    store: RunStore, runs: list[Run], content: bytes | None
) -> None:
    before = known(store)
    remove_index(store.settings)
    if content is not None:
        index(store.settings).write_bytes(content)
    store = RunStore(store.settings)
    assert store.all() == []
    assert {folder.name for folder in unlisted_folders(store)} == before.keys()
    assert f"The files of {RUNS} runs are in" in str(unlisted_message(store))
    assert "repair” to list them again" in str(unlisted_message(store))

    report = repair(store.settings)
    assert known(store) == before
    assert unlisted_message(store) is None
    # Only the index had these, which is said.
    assert {run.missing for run in report.relisted} == {
        "loss and accuracy of 30 of its 30 training steps."
    }
    assert "series, studies, members and guesses of a class, pinned images" in report.lost[0]
    assert not report.is_whole
    assert repair(store.settings).is_whole


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_what_can_be_read_of_a_damaged_index_is_salvaged(
    store: RunStore, runs: list[Run], damage: Callable[[bytearray], None]
) -> None:
    before = known(store)
    content = bytearray(index(store.settings).read_bytes())
    damage(content)
    index(store.settings).write_bytes(content)
    with pytest.raises(IndexDamaged, match="repair” makes the list anew"):
        RunStore(store.settings).all()

    content = bytearray(index(store.settings).read_bytes())
    report = repair(store.settings)
    assert report.damage
    assert report.damaged_file is not None
    assert report.damaged_file.read_bytes() == content
    store = RunStore(store.settings)
    assert known(store) == before
    salvaged = report.salvaged or {}
    if damage is replace_all:
        assert not any(table.rows for table in salvaged.values())
        assert len(report.relisted) == RUNS
        assert any("pinned images" in sentence for sentence in report.lost)
    else:
        assert salvaged["preferences"].rows
        assert load_preference(store, "pins cifar10") == [3, 1, 4]
    if damage in (zero_header, misspell_a_table, say_full):
        assert all(len(store.batch_points(run.id)) == 30 for run in runs)
        assert len(all_series(store, "lab")[0].run_ids) == RUNS
    assert repair(store.settings).is_whole
    with closing(sqlite3.connect(index(store.settings))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("damage", [zero_header, cut_end, overwrite_middle])
def test_nothing_is_said_of_what_an_index_of_an_earlier_version_never_had(
    settings: Settings, damage: Callable[[bytearray], None]
) -> None:
    shutil.copytree(ROOT / "tests/fixtures/full-format-5/home", settings.home)
    with closing(sqlite3.connect(index(settings))) as connection, connection:
        connection.execute("UPDATE runs SET origin = 'recorded'")
    content = bytearray(index(settings).read_bytes())
    damage(content)
    index(settings).write_bytes(content)
    report = repair(settings)
    assert report.damage
    assert {"runs", "series"} <= (report.salvaged or {}).keys()
    assert {"people", "guesses"}.isdisjoint(report.salvaged or {})
    assert not any("members of the class" in sentence for sentence in report.lost)
    assert not any("guesses" in sentence for sentence in report.lost)
    # As after a migration.
    assert all(run.shown for run in RunStore(settings).all())


def test_a_file_that_lacks_a_part_of_its_last_page_is_damaged(
    store: RunStore, runs: list[Run]
) -> None:
    """SQLite reads the part as zeros, and finds nothing wrong."""
    before = known(store)
    content = index(store.settings).read_bytes()
    index(store.settings).write_bytes(content[:-10])
    report = repair(store.settings)
    assert report.damage == "the file is cut"
    assert known(RunStore(store.settings)) == before


@pytest.mark.parametrize("damage", [None, replace_all])
def test_what_only_the_index_had_is_taken_from_its_copy(
    store: RunStore, runs: list[Run], damage: Callable[[bytearray], None] | None
) -> None:
    ada = join_class(store, "Ada")
    game = start_game(store, "cifar10", "mine", [5, 7], [0, 1], [0, 0], [0.9, 0.5])
    with acting_as(ada.person):
        guess(store, game.id, 0, 4)
    copy_index(store.settings, store.database)
    before, series = known(store), all_series(store, "lab")
    store.delete(runs[0].id)
    del before[runs[0].id]
    content = bytearray(index(store.settings).read_bytes())
    remove_index(store.settings)
    if damage is not None:
        damage(content)
        index(store.settings).write_bytes(content)
    report = repair(store.settings)
    assert [run.missing for run in report.relisted if run.missing] == []
    assert not report.is_whole
    assert "later series" in report.lost[0] or "completed from a copy of" in report.lost[-1]
    store = RunStore(store.settings)
    # The run that was deleted since is not brought back.
    assert known(store) == before
    assert all(len(store.batch_points(run.id)) == 30 for run in runs[1:])
    assert all_series(store, "lab")[0].run_ids == series[0].run_ids[1:]
    assert load_preference(store, "pins cifar10") == [3, 1, 4]
    assert class_members(store) == [ada]
    assert (load_game(store), guess_total(store, game)) == (game, 1)
    assert repair(store.settings).is_whole


def test_a_study_or_preference_that_is_no_json_is_named_or_taken_from_the_copy(
    store: RunStore, runs: list[Run]
) -> None:
    """SQLite finds nothing wrong with bytes in a value."""
    garble = "UPDATE preferences SET value = x'00ff'"
    with store.database.connect(write=True) as connection:
        connection.execute(garble)
    assert repair(store.settings).lost == (
        "The preference “pins cifar10” could not be read, and was removed.",
    )
    assert repair(store.settings).is_whole
    save_preference(store, "pins cifar10", [2, 7])
    copy_index(store.settings, store.database)
    with store.database.connect(write=True) as connection:
        connection.execute(garble)
    assert repair(store.settings).is_whole
    assert load_preference(store, "pins cifar10") == [2, 7]


def test_a_record_without_a_readable_id_is_replaced_by_the_folders(
    store: RunStore, runs: list[Run]
) -> None:
    before = known(store)
    content = bytearray(index(store.settings).read_bytes())
    zero_header(content)
    at = content.index(runs[0].id.encode() + b"mine")
    content[at : at + 2] = b"\x00/"
    index(store.settings).write_bytes(content)
    repair(store.settings)
    assert known(RunStore(store.settings)) == before
    assert repair(store.settings).is_whole


def test_the_copy_is_at_most_one_a_minute_and_never_of_a_damaged_index(
    store: RunStore, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.settings.home / COPY
    copy_index(store.settings, store.database)
    first = path.read_bytes()
    store.star(runs[0].id, True)
    copy_index(store.settings, store.database)
    assert path.read_bytes() == first
    later = time.time() + 61
    monkeypatch.setattr("time.time", lambda: later)
    copy_index(store.settings, store.database)
    second = path.read_bytes()
    assert second != first
    later += 61
    content = bytearray(index(store.settings).read_bytes())
    zero_runs_page(content)
    index(store.settings).write_bytes(content)
    copy_index(store.settings, store.database)
    assert path.read_bytes() == second
    assert not list(store.settings.home.glob(".*.part"))


def test_a_damaged_record_is_made_of_the_folder_and_its_steps_stay(
    store: RunStore, run: Run
) -> None:
    before = known(store)
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET experiment = 'nothing', name = x'ff'")
        connection.execute("DELETE FROM epochs WHERE epoch = 2")
    assert store.get(run.id).damage is not None
    report = repair(store.settings)
    assert [found.missing for found in report.relisted] == [None]
    assert report.is_whole
    assert known(store) == before
    assert len(store.batch_points(run.id)) == 30


def test_a_deleted_run_is_not_brought_back(store: RunStore, run: Run) -> None:
    other = stored_runs.store_run(store, stored_runs.experiment())
    folder = store.folder(run.id)
    files = {path: path.read_bytes() for path in folder.glob("*.npz")}
    store.delete(run.id)
    # The process was killed before all files were removed.
    folder.mkdir()
    for path, content in files.items():
        path.write_bytes(content)
    stored_runs.add_checkpoint(store, other)
    assert unlisted_message(store) is None
    assert repair(store.settings).is_whole
    assert [found.id for found in store.all()] == [other.id]


def cut(folder: Path) -> None:
    path = run_json_path(folder)
    path.write_bytes(path.read_bytes()[:-200])


def name_other_run(folder: Path) -> None:
    facts = json.loads(run_json_path(folder).read_text())
    facts["run"]["id"] = "0badcafe"
    run_json_path(folder).write_text(json.dumps(facts))


def claim_too_much(folder: Path) -> None:
    facts = json.loads(run_json_path(folder).read_text())
    facts["run"]["train_images"] = 10**9
    run_json_path(folder).write_text(json.dumps(facts))


@pytest.mark.parametrize("change", [cut, name_other_run, claim_too_much])
def test_a_folder_without_usable_facts_is_named_and_the_others_are_listed(
    store: RunStore, runs: list[Run], change: Callable[[Path], None]
) -> None:
    folder = store.folder(runs[0].id)
    change(folder)
    content = run_json_path(folder).read_bytes()
    remove_index(store.settings)
    report = repair(store.settings)
    assert len(report.relisted) == RUNS - 1
    assert list(report.not_relisted or {}) == [folder]
    assert not report.is_whole
    assert run_json_path(folder).read_bytes() == content
    # Said again, as long as it is so.
    assert not repair(store.settings).is_whole


def test_folders_of_an_earlier_version_are_named(store: RunStore, run: Run) -> None:
    run_json_path(store.folder(run.id)).unlink()
    remove_index(store.settings)
    assert "The files of 1 run are" in str(unlisted_message(RunStore(store.settings)))
    report = repair(store.settings)
    assert "an earlier version" in str(report.not_relisted)


def test_a_run_that_was_training_is_interrupted_and_a_waiting_one_waits(store: RunStore) -> None:
    waiting, training = (
        stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0)
        for _ in range(2)
    )
    with stored_runs.hold_lock(store, training):
        store.transition(training.id, RunState.RUNNING)
        stored_runs.advance_run(store, training, 10, epoch=True)
    remove_index(store.settings)
    repair(store.settings)
    found = {run.id: run for run in RunStore(store.settings).all()}
    assert found[training.id].state is RunState.INTERRUPTED
    assert found[training.id].epochs_done == 1
    assert (found[waiting.id].state, found[waiting.id].orphaned) == (RunState.QUEUED, True)


def test_a_repair_is_refused_while_a_run_trains_or_waits(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.QUEUED, epochs=0)
    with stored_runs.hold_lock(store, run), pytest.raises(TransitionRefused, match="trains or"):
        repair(store.settings)
    with closing(store.database.path.open("r+b")) as file:
        file.write(bytes(100))
    with stored_runs.hold_lock(store, run), pytest.raises(TransitionRefused):
        repair(store.settings)


@pytest.mark.parametrize("damaged", [False, True])
def test_the_index_of_a_later_version_is_refused(store: RunStore, run: Run, damaged: bool) -> None:
    with closing(sqlite3.connect(index(store.settings))) as connection:
        connection.execute("PRAGMA user_version = 99")
    if damaged:
        content = bytearray(index(store.settings).read_bytes())
        zero_runs_page(content)
        index(store.settings).write_bytes(content)
    before = index(store.settings).read_bytes()
    with pytest.raises(UnknownFormat, match="format 99"):
        repair(store.settings)
    assert index(store.settings).read_bytes() == before


def test_missing_and_cut_weights_are_named(store: RunStore, runs: list[Run]) -> None:
    path = store.folder(runs[0].id) / "checkpoint-last.npz"
    path.write_bytes(path.read_bytes()[:1000])
    shutil.rmtree(store.folder(runs[1].id))
    problems = " ".join(repair(store.settings).problems)
    assert f"checkpoint-last.npz of “{runs[0].name}” ({runs[0].id}) is damaged" in problems
    assert f"The weights of “{runs[1].name}” ({runs[1].id}) are gone" in problems


def remove_facts(folder: Path) -> None:
    run_json_path(folder).unlink()


def link_elsewhere(folder: Path) -> None:
    path = run_json_path(folder)
    path.unlink()
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize("change", [cut, name_other_run, remove_facts, link_elsewhere])
def test_facts_that_a_next_repair_could_not_use_are_written_again(
    store: RunStore, run: Run, change: Callable[[Path], None]
) -> None:
    before = known(store)
    change(store.folder(run.id))
    report = repair(store.settings)
    assert (report.rewritten, report.is_whole) == (((run.id, run.name),), True)
    remove_index(store.settings)
    repair(store.settings)
    assert known(RunStore(store.settings)) == before


def test_an_index_that_cannot_be_opened_is_said(store: RunStore, run: Run) -> None:
    remove_index(store.settings)
    index(store.settings).mkdir()
    with pytest.raises(StoreError, match="cannot be read or written just now"):
        repair(store.settings)


def test_damaged_data_sets_are_named(store: RunStore, tmp_path: Path) -> None:
    apples, berries, cherries = (
        store.settings.datasets / take(store.settings, tmp_path, count=count, name=name).name
        for count, name in ((8, "apples"), (9, "berries"), (10, "cherries"))
    )
    assert repair(store.settings).is_whole
    (apples / "train_images.npy").unlink()
    for path in (berries / "train_images.npy", cherries / DESCRIPTION):
        path.write_bytes(path.read_bytes()[:-50])
    problems = " ".join(repair(store.settings).problems)
    assert problems.count("Import the same pictures again") == 2
    assert f"{cherries} is not shown: its dataset.json cannot be read" in problems
