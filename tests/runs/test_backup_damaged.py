"""Damaged, hostile and old backups, and backups of a damaged home."""

import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cifarviz.datasets.own import DESCRIPTION, datasets_in
from cifarviz.errors import (
    ArchiveDamaged,
    CifarvizError,
    ImportRefused,
    UnknownFormat,
)
from cifarviz.runs.artifacts import checkpoint_path
from cifarviz.runs.backup import INDEX, MANIFEST, back_up
from cifarviz.runs.pins import save_preference
from cifarviz.runs.records import Run
from cifarviz.runs.restore import restore
from cifarviz.runs.series import save_series
from cifarviz.runs.store import RunStore
from tests.runs.test_archive_dataset import take
from tests.runs.test_backup import contents, known


def rewrite(
    path: Path, change: Callable[[dict[str, bytes]], object], method: int = zipfile.ZIP_STORED
) -> None:
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)


def sql(statement: str) -> Callable[[dict[str, bytes]], None]:
    """A change of the index in a backup."""

    def execute(members: dict[str, bytes]) -> None:
        connection = sqlite3.connect(":memory:")
        connection.deserialize(members[INDEX])
        connection.executescript(statement)
        members[INDEX] = connection.serialize()

    return execute


HOSTILE: dict[str, Callable[[dict[str, bytes]], object]] = {
    "no index": lambda members: members.pop(INDEX),
    "no manifest": lambda members: members.pop(MANIFEST),
    "outside": lambda members: members.update({"../outside.npz": b"x"}),
    "absolute": lambda members: members.update({"/tmp/outside.npz": b"x"}),  # noqa: S108 - refused
    "secret": lambda members: members.update({"cookie.key": b"x"}),
    "program": lambda members: members.update({"runs/0badcafe/run.py": b"x"}),
    "other id": lambda members: members.update({"runs/../../x/checkpoint-last.npz": b"x"}),
    "no database": lambda members: members.update({INDEX: b"x" * 9000}),
    "cut index": lambda members: members.update({INDEX: members[INDEX][:9000]}),
    "no json": lambda members: members.update({MANIFEST: b"["}),
    "another file": lambda members: members.update({MANIFEST: b'{"cifarviz": "run"}'}),
    "trigger": sql("CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END"),
    "view": sql("DROP TABLE preferences; CREATE VIEW preferences AS SELECT 1 AS name, 2 AS value"),
    "computed": sql("ALTER TABLE series ADD COLUMN x AS (zeroblob(900000000))"),
    "data set": lambda members: members.update({"data/fruits/train_images.npy": b"x"}),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_backup_is_refused_and_nothing_is_left(
    elsewhere: RunStore, backup: Path, tmp_path: Path, kind: str
) -> None:
    rewrite(backup, HOSTILE[kind])
    before = {path for path in tmp_path.rglob("*") if "-shm" not in path.name}
    with pytest.raises(ArchiveDamaged, match="This is not a backup made by cifarviz"):
        restore(elsewhere.settings, backup)
    assert elsewhere.all() == []
    after = {path for path in tmp_path.rglob("*") if "-shm" not in path.name}
    assert {path for path in after - before if "locks" not in path.parts} == set()


def test_a_compressed_or_cut_backup_and_one_of_a_later_version_are_refused(
    elsewhere: RunStore, backup: Path, tmp_path: Path
) -> None:
    content = backup.read_bytes()
    rewrite(backup, lambda members: None, zipfile.ZIP_DEFLATED)
    with pytest.raises(ArchiveDamaged, match="is compressed, which no file"):
        restore(elsewhere.settings, backup)
    for cut in (0, 100, len(content) // 2, len(content) - 30):
        backup.write_bytes(content[:cut])
        with pytest.raises(ArchiveDamaged):
            restore(elsewhere.settings, backup)
    # A byte of a file has changed.
    at = content.index(b"checkpoint-last") + 3000
    backup.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with pytest.raises(ArchiveDamaged):
        restore(elsewhere.settings, backup)
    for change in (
        sql("PRAGMA user_version = 99"),
        lambda members: members.update({MANIFEST: b'{"cifarviz": "backup", "format": 9}'}),
    ):
        backup.write_bytes(content)
        rewrite(backup, change)
        with pytest.raises(UnknownFormat):
            restore(elsewhere.settings, backup)
    assert elsewhere.all() == []


@pytest.mark.parametrize(
    ("statement", "left_out"),
    [
        ("UPDATE runs SET experiment = 'nothing'", True),
        ("UPDATE runs SET train_images = 1000000", True),
        ("UPDATE runs SET id = '../../etc'", True),
        ("UPDATE epochs SET epoch = epoch + 5", True),
        ("UPDATE series SET title = x'00'", False),
        ("UPDATE preferences SET value = '['", False),
        ("DELETE FROM epochs WHERE epoch > 1", True),
    ],
)
def test_invalid_records_are_left_out_and_said(
    store: RunStore, elsewhere: RunStore, run: Run, tmp_path: Path, statement: str, left_out: bool
) -> None:
    save_series(store, "lab", "Same again", [(run.id, "a")])
    save_preference(store, "pins cifar10", [1])
    path = tmp_path / "backup.zip"
    back_up(store.settings, path)
    rewrite(path, sql(statement))
    done = restore(elsewhere.settings, path)
    assert (done.runs == ()) == left_out
    if left_out or "series" in statement:
        assert any("left out" in note for note in done.left_out)
    assert all(found.damage is None for found in elsewhere.all())


def test_files_that_do_not_fit_are_left_out_and_said(
    store: RunStore, elsewhere: RunStore, run: Run, backup: Path
) -> None:
    checkpoint = f"runs/{run.id}/checkpoint-last.npz"
    rewrite(backup, lambda members: members.update({checkpoint: b"not an array"}))
    done = restore(elsewhere.settings, backup)
    assert done.runs == (run.id,)
    assert done.left_out[0].startswith("checkpoint-last.npz of “")
    assert not (elsewhere.folder(run.id) / "checkpoint-last.npz").exists()
    assert contents(elsewhere, run.id).items() < contents(store, run.id).items()


def test_another_data_set_of_the_same_name_is_not_replaced(
    store: RunStore, elsewhere: RunStore, tmp_path: Path
) -> None:
    take(store.settings, tmp_path)
    back_up(store.settings, tmp_path / "backup.zip")
    mine = take(elsewhere.settings, tmp_path, count=9)
    with pytest.raises(ImportRefused, match="Another data set is called “fruits” here"):
        restore(elsewhere.settings, tmp_path / "backup.zip")
    assert datasets_in(elsewhere.settings.datasets, deleted=True) == (mine,)


@pytest.mark.parametrize("problem", ["index", "data set", "disk"])
def test_no_data_set_is_left_of_a_restore_that_fails(
    store: RunStore, elsewhere: RunStore, run: Run, tmp_path: Path, problem: str
) -> None:
    path = tmp_path / "backup.zip"
    take(store.settings, tmp_path, name="apples")
    take(store.settings, tmp_path, count=9, name="berries")
    back_up(store.settings, path)
    if problem == "index":
        rewrite(path, lambda members: members.update({INDEX: members[INDEX][:9000]}))
    if problem == "data set":
        take(elsewhere.settings, tmp_path, count=10, name="berries")
    # A file where the folders of runs belong.
    if problem == "disk":
        elsewhere.settings.runs.write_text("")
    before = [item.name for item in elsewhere.settings.datasets.glob("*")]
    with pytest.raises(CifarvizError):
        restore(elsewhere.settings, path)
    assert [item.name for item in elsewhere.settings.datasets.glob("*")] == before
    assert elsewhere.all() == []


def test_a_backup_of_an_earlier_version_is_restored(
    store: RunStore, elsewhere: RunStore, run: Run, backup: Path
) -> None:
    """Version 8 had neither owners nor a class."""
    columns = [
        f"ALTER TABLE {table} DROP COLUMN {column};"
        for table in ("runs", "series")
        for column in ("owner", "shown")
    ]
    rewrite(
        backup,
        sql(f"DROP TABLE people; DROP TABLE guesses; {''.join(columns)} PRAGMA user_version = 8"),
    )
    assert restore(elsewhere.settings, backup).runs == (run.id,)
    assert known(elsewhere) == known(store)


def test_what_is_missing_in_a_backup_is_said(
    store: RunStore, elsewhere: RunStore, run: Run, tmp_path: Path
) -> None:
    """Files that links lead to are not read, wherever they are."""
    secret = tmp_path / "secret"
    secret.write_text("not of this home")
    fruit = take(store.settings, tmp_path)
    apples = take(store.settings, tmp_path, count=9, name="apples")
    weights = checkpoint_path(store.folder(run.id), "last")
    images = store.settings.datasets / fruit.name / "test_images.npy"
    for path in (weights, images):
        path.unlink()
        path.symlink_to(secret)
    (store.settings.datasets / apples.name / DESCRIPTION).write_text("{")
    made = back_up(store.settings, tmp_path / "backup.zip")
    assert made.missing == (
        f"runs/{run.id}/checkpoint-last.npz is a link, and was left out.",
        "data/fruits/test_images.npy is a link, and was left out.",
        f"The data set in {store.settings.datasets / 'apples'} was left out: its dataset.json "
        "cannot be read.",
    )
    assert b"not of this home" not in made.path.read_bytes()
    done = restore(elsewhere.settings, made.path)
    assert (done.runs, done.datasets) == ((run.id,), (fruit.name,))
    assert "some of them are missing" in done.left_out[0]


def test_damaged_pictures_are_left_out_and_the_rest_is_restored(
    store: RunStore, elsewhere: RunStore, run: Run, tmp_path: Path
) -> None:
    fruit = take(store.settings, tmp_path)
    images = store.settings.datasets / fruit.name / "train_images.npy"
    content = images.read_bytes()
    images.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    back_up(store.settings, tmp_path / "backup.zip")
    done = restore(elsewhere.settings, tmp_path / "backup.zip")
    assert (done.runs, done.datasets) == ((run.id,), (fruit.name,))
    assert done.left_out[0].startswith(f"The pictures of {fruit.title} were left out:")
    [left] = datasets_in(elsewhere.settings.datasets, deleted=True)
    assert (left, datasets_in(elsewhere.settings.datasets, deleted=False)) == (fruit, ())
    # What is here of it stays.
    here = elsewhere.settings.datasets / fruit.name / "test_images.npy"
    here.write_bytes(b"here")
    assert restore(elsewhere.settings, tmp_path / "backup.zip").datasets == ()
    assert here.read_bytes() == b"here"
