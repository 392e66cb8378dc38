"""Packed runs on imported data sets: with their images or without, into homes with others."""

import io
import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.importing.editing import PictureSelection, delete_dataset
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.own import datasets_in
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import CifarvizError, DatasetNotFound
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.runs import archive
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.own_pictures import delete_own_pictures
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import is_data_unchanged
from cifarviz.runs.snapshots import snapshot_epochs
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import save_maps
from cifarviz.settings import Settings
from tests import stored_runs
from tests.picture_sources import fruits, write_folder
from tests.runs.full_run import Output

NAME = "fruits"


def take(settings: Settings, folder: Path, count: int = 8, name: str = NAME) -> DatasetInfo:
    """Import pictures; the same count makes the same data set."""
    pictures = write_folder(fruits(count), folder / f"pictures-{count}")
    options = ImportOptions(title="Fruits", side=16, source="My garden.", licence="Free to use.")
    with prepare_import(pictures, name, settings, options) as prepared:
        return prepared.store(settings)


@pytest.fixture
def fruit_run(store: RunStore, tmp_path: Path) -> Run:
    """A run on imported pictures, with weights and feature maps."""
    made = fit_experiment(stored_runs.experiment(batch_size=1), take(store.settings, tmp_path))
    arrays = stored_runs.weights(made)
    run = stored_runs.store_run(store, made, name="fruit run", checkpoints={"last": arrays})
    store.describe(run.id, train_images=10)
    layers = [
        Output(row.name, row.type, *row.output_shape)
        for row in made.architecture.trace().rows
        if row.output_shape is not None
    ]
    save_maps(FolderArtifacts(store.folder(run.id)), 1, np.array([0, 1]), layers)
    return store.get(run.id)


@pytest.fixture
def packed(store: RunStore, fruit_run: Run, tmp_path: Path) -> Callable[[bool], Path]:
    """Pack the run, with pictures or without."""

    def make(with_pictures: bool) -> Path:
        path = tmp_path / f"{with_pictures}.zip"
        pack(store, fruit_run.id, path, with_pictures=with_pictures)
        return path

    return make


def taken_in(store: RunStore, path: Path | io.BytesIO) -> tuple[Run, str]:
    """Unpack a run; returns it, and what was said about its data set."""
    notices: list[str] = []
    run = unpack(store, path, origin="imported", notify=notices.append)
    (notice,) = notices
    return run, notice


def left_in(store: RunStore) -> list[str]:
    return sorted(path.name for path in store.settings.datasets.glob("*"))


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(members: dict[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer


def test_a_packed_run_holds_no_pictures_unless_asked(packed: Callable[[bool], Path]) -> None:
    without, with_them = members_of(packed(False)), members_of(packed(True))
    assert set(with_them) - set(without) == {
        "data/train_images.npy",
        "data/train_labels.npy",
        "data/test_images.npy",
        "data/test_labels.npy",
        "files/snapshots/maps-0001.npz",
    }
    description = json.loads(without["dataset.json"])
    assert description["title"] == "Fruits"
    assert (description["citation"], description["terms"]) == ("My garden.", "Free to use.")
    # Names of files are in the report of the import, which stays at home.
    assert "report" not in description
    assert not any(b"apple/0" in content or b".jpg" in content for content in with_them.values())


def test_a_run_packed_with_pictures_brings_its_data_set(
    packed: Callable[[bool], Path], store: RunStore, elsewhere: RunStore, fruit_run: Run
) -> None:
    run, notice = taken_in(elsewhere, packed(True))
    assert notice == "The run’s data set, Fruits, was imported with it."
    assert run.experiment == fruit_run.experiment
    assert left_in(elsewhere) == [NAME]
    assert library.verify(NAME, elsewhere.settings).verified
    here = library.load(NAME, "full", store.settings)
    there = library.load(NAME, "full", elsewhere.settings)
    assert there.info == here.info
    np.testing.assert_array_equal(there.test.images, here.test.images)
    assert snapshot_epochs(elsewhere.folder(run.id), "maps") == [1]
    # A second run on it finds it there.
    again, notice = taken_in(elsewhere, packed(True))
    assert notice == "The run was trained on Fruits, which is here already, as “fruits”."
    assert again.experiment.data.dataset == NAME
    assert left_in(elsewhere) == [NAME]


def test_without_pictures_a_run_comes_and_finds_them_later(
    packed: Callable[[bool], Path], elsewhere: RunStore, tmp_path: Path
) -> None:
    run, notice = taken_in(elsewhere, packed(False))
    assert "packed without the images of Fruits" in notice
    assert (run.damage, run.epochs_done) == (None, 3)
    assert find_dataset(NAME).classes == ("apple", "pear", "plum")
    assert snapshot_epochs(elsewhere.folder(run.id), "maps") == []
    with pytest.raises(DatasetNotFound, match=r"not on this machine\. .* packed with them"):
        library.load(NAME, "full", elsewhere.settings)
    # The same pictures, under another name, are its data set; others are not.
    assert take(elsewhere.settings, tmp_path, 9, "others").name == "others"
    assert take(elsewhere.settings, tmp_path, name="mine").name == NAME
    assert left_in(elsewhere) == [NAME, "others"]
    assert len(library.load(NAME, "full", elsewhere.settings).train) > 0
    assert elsewhere.get(run.id).experiment.data.dataset == NAME


def test_a_run_is_packed_and_taken_in_after_pictures_of_it_were_deleted(
    store: RunStore, elsewhere: RunStore, fruit_run: Run, tmp_path: Path
) -> None:
    info = find_dataset(NAME)
    store.describe(fruit_run.id, train_images=info.train_images, data_fingerprint=info.fingerprint)
    delete_own_pictures(store, NAME, PictureSelection(train=frozenset({0, 3})))
    pack(store, fruit_run.id, tmp_path / "changed.zip", with_pictures=True)
    run, _ = taken_in(elsewhere, tmp_path / "changed.zip")
    assert run.train_images == info.train_images > find_dataset(NAME).train_images
    assert not is_data_unchanged(run, "train")
    assert is_data_unchanged(run, "test")


def test_a_file_with_pictures_fills_a_description_and_undoes_a_deletion(
    packed: Callable[[bool], Path], store: RunStore, elsewhere: RunStore
) -> None:
    with_them = packed(True)
    taken_in(elsewhere, packed(False))
    delete_dataset(NAME, store.settings, used=True)
    for home in (elsewhere, store):
        _, notice = taken_in(home, with_them)
        assert "imported with it" in notice
        assert library.status(NAME, home.settings).verified
        assert left_in(home) == [NAME]
        assert {run.experiment.data.dataset for run in home.all()} == {NAME}


def test_imports_at_once_share_one_data_set(
    packed: Callable[[bool], Path], elsewhere: RunStore
) -> None:
    files = [packed(True), packed(False), packed(True), packed(False)]
    with ThreadPoolExecutor(len(files)) as pool:
        runs = [run for run, _ in pool.map(lambda path: taken_in(elsewhere, path), files)]
    assert len({run.id for run in runs}) == len(files)
    assert {run.experiment.data.dataset for run in runs} == {NAME}
    assert left_in(elsewhere) == [NAME]
    assert library.verify(NAME, elsewhere.settings).verified
    assert [run.damage for run in elsewhere.all()] == [None] * len(files)


@pytest.mark.parametrize("with_pictures", [True, False])
def test_another_data_set_of_its_name_is_left_alone(
    with_pictures: bool, packed: Callable[[bool], Path], elsewhere: RunStore, tmp_path: Path
) -> None:
    before = take(elsewhere.settings, tmp_path, 9)
    run, notice = taken_in(elsewhere, packed(with_pictures))
    assert "It is called “fruits-2” here, since another data set has its name." in notice
    assert run.experiment.data.dataset == "fruits-2"
    assert left_in(elsewhere) == [NAME, "fruits-2"]
    infos = {info.name: info for info in datasets_in(elsewhere.settings.datasets, deleted=True)}
    assert infos[NAME] == before
    assert infos["fruits-2"].title == "Fruits 2"
    # The next run on it is one on the same data set.
    again, _ = taken_in(elsewhere, packed(with_pictures))
    assert again.experiment.data.dataset == "fruits-2"


def test_an_equal_data_set_of_another_name_is_used(
    packed: Callable[[bool], Path], elsewhere: RunStore, tmp_path: Path
) -> None:
    take(elsewhere.settings, tmp_path, name="my-own")
    run, notice = taken_in(elsewhere, packed(False))
    assert notice.endswith("here already, as “my-own”.")
    assert run.experiment.data.dataset == "my-own"
    assert left_in(elsewhere) == ["my-own"]


def test_missing_or_damaged_pictures_are_not_packed(
    store: RunStore, fruit_run: Run, tmp_path: Path
) -> None:
    images = store.settings.datasets / NAME / "test_images.npy"
    content = bytearray(images.read_bytes())
    content[-1] ^= 255
    images.write_bytes(bytes(content))
    path = tmp_path / "run.zip"
    with pytest.raises(CifarvizError, match="fingerprint differs"):
        pack(store, fruit_run.id, path, with_pictures=True)
    delete_dataset(NAME, store.settings, used=True)
    with pytest.raises(DatasetNotFound, match="not on this machine"):
        pack(store, fruit_run.id, path, with_pictures=True)
    assert not path.exists()
    pack(store, fruit_run.id, path)


Change = Callable[[dict[str, bytes]], None]


def described(**values: object) -> Change:
    """Change values of the description."""

    def apply(members: dict[str, bytes]) -> None:
        content = json.loads(members["dataset.json"]) | values
        members["dataset.json"] = json.dumps(content).encode()

    return apply


def named(name: object) -> Change:
    def apply(members: dict[str, bytes]) -> None:
        content = json.loads(members["run.json"])
        content["experiment"]["data"]["dataset"] = name
        members["run.json"] = json.dumps(content).encode()

    return apply


def array(name: str, values: np.ndarray) -> Change:
    def apply(members: dict[str, bytes]) -> None:
        buffer = io.BytesIO()
        np.save(buffer, values)
        members[f"data/{name}.npy"] = buffer.getvalue()

    return apply


def member(name: str, content: bytes | None) -> Change:
    def apply(members: dict[str, bytes]) -> None:
        if content is None:
            del members[name]
        else:
            members[name] = content

    return apply


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (member("dataset.json", None), "it has images, but no “dataset.json”"),
        (member("dataset.json", b"[" * 100_000), "“dataset.json” is not JSON"),
        (member("dataset.json", b'{"format": 1, "format": 1}'), "“dataset.json” is not JSON"),
        (member("dataset.json", b" " * 300_000), "“dataset.json” is too large"),
        (member("dataset.json", b"[]"), "another format"),
        (described(format=2), "another format"),
        (described(classes=["a"]), "two classes or more"),
        (described(classes=[f"c{n}" for n in range(101)]), "more than 100 classes"),
        (described(classes=["a", "b", "\x1b[31m"]), "cannot be shown"),
        (described(classes=["a", "b", 3]), "wrong kind"),
        (described(title="x" * 201), "wrong kind, or too long"),
        (described(title=" "), "no title"),
        (described(title="\u202ex"), "cannot be shown"),
        (described(train_images=200_000), "more than 200,000 images"),
        (described(train_images=True), "wrong kind"),
        (described(train_images=-1), "needs training and test images"),
        (described(train_images=190_000, image_shape=[96, 96, 3]), "more than 2 GB"),
        (described(image_shape=[97, 16, 3]), "8 to 96 pixels"),
        (described(image_shape=[16, 16, 4]), "1 or 3"),
        (described(image_shape=[24, 24, 3]), "network takes 16×16"),
        (described(fingerprints=None), "a value is missing"),
        (described(fingerprints=dict.fromkeys(
            ("train_images", "train_labels", "test_images", "test_labels"), "../x"
        )), "not a SHA-256"),
        (described(train_images=19), "images and labels are not those"),
        (named("../outside"), "no name of an imported data set"),
        (named(["fruits"]), "no name of an imported data set"),
        (named(None), "no name of an imported data set"),
        (member("data/test_labels.npy", None), "“data/test_labels.npy” is missing"),
        (member("data/more.npy", b"x"), "a run has no file “data/more.npy”"),
        (member("data/../../x.npy", b"x"), "a run has no file"),
        (member("data/train_images.npy", b"\x93NUMPY"), "images and labels are not those"),
        (member("data/train_images.npy", bytes(10**6)), "unpacks to 1,000,000 bytes"),
        (array("test_images", np.zeros((3, 16, 16, 3), np.uint8)), "images and labels are not"),
        (array("test_images", np.array([print], object)), "images and labels are not"),
        (array("test_labels", np.full(6, 9, np.uint8)), "images and labels are not those"),
    ],
)  # fmt: skip
def test_a_made_up_data_set_is_refused_and_leaves_nothing(
    change: Change, words: str, packed: Callable[[bool], Path], elsewhere: RunStore
) -> None:
    members = members_of(packed(True))
    change(members)
    with pytest.raises(CifarvizError, match=words) as caught:
        unpack(elsewhere, zipped(members), origin="imported")
    assert len(str(caught.value)) < 500
    assert elsewhere.all() == []
    assert left_in(elsewhere) == []
    assert list(elsewhere.settings.runs.glob("*")) == []


def test_a_run_whose_data_set_is_not_described_is_refused(
    packed: Callable[[bool], Path], elsewhere: RunStore
) -> None:
    members = members_of(packed(False))
    del members["dataset.json"]
    named("pears")(members)
    with pytest.raises(CifarvizError, match="trained on “pears”, an imported data set that it doe"):
        unpack(elsewhere, zipped(members), origin="imported")


@pytest.mark.parametrize("described_before", [True, False])
def test_a_failure_takes_the_data_set_back(
    described_before: bool,
    packed: Callable[[bool], Path],
    elsewhere: RunStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if described_before:
        taken_in(elsewhere, packed(False))
    before = left_in(elsewhere)

    def fail(*arguments: Any, **values: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "insert_run", fail)
    with pytest.raises(KeyboardInterrupt):
        taken_in(elsewhere, packed(True))
    assert left_in(elsewhere) == before
    assert not library.status(find_dataset(NAME), elsewhere.settings).full_available
    assert [run.damage for run in elsewhere.all()] == [None] * len(before)


def test_two_homes_keep_their_own_data_set_of_one_name(settings: Settings, tmp_path: Path) -> None:
    homes = [replace(settings, home=tmp_path / name) for name in ("a", "b")]
    infos = [take(home, tmp_path, count) for home, count in zip(homes, (8, 9), strict=True)]
    stores = [RunStore(home) for home in homes]
    for _ in range(2):
        for home, store, info in zip(homes, stores, infos, strict=True):
            assert library.load(NAME, "full", home).info == info
            store.all()
            assert find_dataset(NAME) == info
