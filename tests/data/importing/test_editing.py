"""Imported data sets: their texts are changed, pictures deleted, all of it exported and read."""

import json
from pathlib import Path

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.importing import editing
from cifarviz.data.importing.editing import PictureSelection, delete_pictures, edit_texts
from cifarviz.data.importing.export import export_dataset
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.datasets import own
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ImportRefused
from cifarviz.settings import Settings
from tests.picture_sources import fruits, write_folder


def take(path: Path, settings: Settings, name: str = "mine", **options: object) -> DatasetInfo:
    chosen = ImportOptions(**{"side": 16, **options})  # type: ignore[arg-type]
    with prepare_import(path, name, settings, chosen) as prepared:
        return prepared.store(settings)


@pytest.fixture
def mine(settings: Settings, tmp_path: Path) -> DatasetInfo:
    """18 training and 6 test images of three classes, of which one picture was skipped."""
    files = {**fruits(8), "pear/Ada Lovelace.txt": b"x"}
    folder = write_folder(files, tmp_path / "pictures")
    return take(folder, settings, title="Mine", source="My camera", licence="CC0")


def test_texts_are_changed_and_nothing_else(settings: Settings, mine: DatasetInfo) -> None:
    before = json.loads((settings.datasets / "mine/dataset.json").read_text())
    edit_texts("mine", settings, title="Fruit", licence="CC BY 4.0")
    info = find_dataset("mine")
    assert (info.title, info.citation, info.terms) == ("Fruit", "My camera", "CC BY 4.0")
    assert info.fingerprint == mine.fingerprint
    after = json.loads((settings.datasets / "mine/dataset.json").read_text())
    assert after == before | {"title": "Fruit", "terms": "CC BY 4.0"}
    assert library.status("mine", settings).verified
    for wrong in ({"title": " "}, {"source": "two\nlines"}, {"licence": "x" * 201}):
        with pytest.raises(ImportRefused):
            edit_texts("mine", settings, **wrong)
    with pytest.raises(ImportRefused, match="only imported data sets can be changed"):
        edit_texts("cifar10", settings, title="x")


def test_deleted_pictures_are_gone_and_the_others_keep_their_order(
    settings: Settings, mine: DatasetInfo
) -> None:
    before = library.load("mine", "full", settings)
    chosen = PictureSelection(frozenset({0, 7}), frozenset({5}))
    deleted = delete_pictures("mine", chosen, settings, used=False)
    assert (deleted.train.tolist(), deleted.test.tolist()) == ([0, 7], [5])
    after = library.load("mine", "full", settings)
    left = np.delete(np.arange(18), [0, 7])
    assert np.array_equal(after.train.images, before.train.images[left])
    assert np.array_equal(after.train.labels, before.train.labels[left])
    assert len(after.test) == 5
    assert after.info == deleted.info == find_dataset("mine")
    assert after.info.fingerprint != mine.fingerprint
    assert (after.info.citation, after.info.terms) == ("My camera", "CC0")
    assert library.verify("mine", settings).verified
    # Nor is a name of a file left, or a second copy.
    assert "Lovelace" not in (settings.datasets / "mine/dataset.json").read_text()
    assert [path.name for path in settings.datasets.iterdir()] == ["mine"]


@pytest.mark.parametrize("used", [False, True])
def test_a_class_goes_with_its_pictures_unless_runs_know_its_name(
    used: bool, settings: Settings, mine: DatasetInfo
) -> None:
    before = library.load("mine", "full", settings)
    chosen = PictureSelection(classes=frozenset({"apple"}))
    info = delete_pictures("mine", chosen, settings, used=used).info
    after = library.load("mine", "full", settings)
    assert info.classes == (mine.classes if used else ("pear", "plum"))
    left = before.train.labels != 0
    assert np.array_equal(after.train.images, before.train.images[left])
    assert np.array_equal(after.train.labels, before.train.labels[left] - (0 if used else 1))
    assert library.verify("mine", settings).verified


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (PictureSelection(), "No picture was chosen"),
        (PictureSelection(train=frozenset({18})), "training images 0 to 17, and no training image"),
        (PictureSelection(classes=frozenset({"kiwi"})), "no class “kiwi”. Its classes are: apple"),
        (PictureSelection(classes=frozenset({"pear", "plum"})), "Delete the whole data set"),
        (PictureSelection(test=frozenset(range(6))), "Delete the whole data set"),
        (PictureSelection(train=frozenset(range(6))), "Delete the whole class instead"),
    ],
)
def test_what_would_leave_no_data_set_is_refused(
    chosen: PictureSelection, message: str, settings: Settings, mine: DatasetInfo
) -> None:
    with pytest.raises(ImportRefused, match=message):
        delete_pictures("mine", chosen, settings, used=False)
    assert find_dataset("mine") == mine
    assert library.verify("mine", settings).verified


def test_a_replacement_that_was_killed_is_finished(
    settings: Settings, mine: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings.datasets / "mine"
    for is_complete in (False, True):
        # As a kill between the two renames, and after both, would leave it.
        monkeypatch.setattr(own, "_folders", [])
        folder.rename(own.replaced_folder(folder))
        if is_complete:
            library_folder = own.replaced_folder(folder)
            folder.mkdir()
            for path in library_folder.iterdir():
                (folder / path.name).write_bytes(path.read_bytes())
        assert editing.find_own_dataset("mine", settings) == mine
        assert [path.name for path in settings.datasets.iterdir()] == ["mine"]


def test_an_exported_set_is_read_again_to_the_same_fingerprint(
    settings: Settings, mine: DatasetInfo, tmp_path: Path
) -> None:
    path = tmp_path / "mine.npz"
    with path.open("wb") as file:
        export_dataset("mine", settings, file)
    again = take(path, settings, "again", side=32)
    assert again.fingerprints == mine.fingerprints
    assert (again.title, again.citation, again.terms) == ("Mine", "My camera", "CC0")
    other = take(path, settings, "other", side=32, title="Other", licence="CC BY 4.0")
    assert (other.title, other.citation, other.terms) == ("Other", "My camera", "CC BY 4.0")


def test_names_of_files_are_stored_unless_they_are_to_be_dropped(
    settings: Settings, mine: DatasetInfo, tmp_path: Path
) -> None:
    assert "Ada Lovelace" in (settings.datasets / "mine/dataset.json").read_text()
    folder = write_folder({**fruits(8), "pear/Ada Lovelace.txt": b"x"}, tmp_path / "named")
    with prepare_import(folder, "nameless", settings, ImportOptions(drop_names=True)) as prepared:
        # The person who imports still sees what was skipped.
        assert prepared.report.skipped[0].file == "pear/Ada Lovelace.txt"
        prepared.store(settings)
    for path in (settings.datasets / "nameless").iterdir():
        assert b"Lovelace" not in path.read_bytes()
    report = json.loads((settings.datasets / "nameless/dataset.json").read_text())["report"]
    assert report["skipped_count"] == 1
