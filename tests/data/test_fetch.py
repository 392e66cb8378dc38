"""Fetched data is checked and stored completely, or not at all."""

from dataclasses import replace

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.fetch import FetchProgress, fetch
from cifarviz.errors import DatasetDamaged, FetchCancelled


def test_a_named_folder_is_decoded_and_stored(toy, settings, tmp_path, stored):
    status = fetch(toy.info, settings, str(toy.binary(tmp_path / "mine")))
    assert status.full_available
    assert status.verified
    assert status.problem is None
    assert status.bytes > toy.info.nbytes
    full = library.load(toy.info, "full", settings)
    np.testing.assert_array_equal(full.train.images, toy.arrays["train_images"])
    np.testing.assert_array_equal(full.test.labels, toy.arrays["test_labels"])
    assert stored(settings) == [
        "cifar10",
        "test_images.npy",
        "test_labels.npy",
        "train_images.npy",
        "train_labels.npy",
        "verified.json",
    ]


def test_two_data_sets_are_stored_separately(toy, fashion, settings, tmp_path):
    # One folder for both, as CIFARVIZ_DATA_DIR may name one.
    toy.python(tmp_path / "mine" / "cifar-10-batches-py")
    fashion.idx(tmp_path / "mine" / "fashion-mnist")
    named = replace(settings, data_dir=tmp_path / "mine")
    for info in (toy.info, fashion.info):
        assert fetch(info, named).notes == ()
    for one in (toy, fashion):
        full = library.load(one.info, "full", settings)
        np.testing.assert_array_equal(full.train.images, one.arrays["train_images"])
        assert full.train.images.shape == (50, *one.info.image_shape)


def test_a_modified_data_set_is_refused_and_not_stored(toy, settings, tmp_path, stored):
    file = toy.binary(tmp_path / "mine") / "test_batch.bin"
    file.write_bytes(file.read_bytes()[::-1])
    with pytest.raises(DatasetDamaged, match="fingerprint"):
        fetch(toy.info, settings, str(tmp_path / "mine"))
    assert stored(settings) == []
    assert not library.status(toy.info, settings).full_available


def test_a_stored_data_set_is_not_fetched_again(toy, settings, tmp_path):
    mine = toy.binary(tmp_path / "mine")
    path = fetch(toy.info, settings, str(mine)).path / "train_images.npy"
    before = path.stat().st_mtime_ns
    reports: list[FetchProgress] = []
    assert fetch(toy.info, settings, str(mine), on_progress=reports.append).full_available
    assert path.stat().st_mtime_ns == before
    assert "decoding" not in {report.stage for report in reports}


@pytest.mark.parametrize("damage", ["cut", "missing", "flipped", "no marker", "bad marker"])
def test_a_damaged_cache_is_mended_by_fetching_again(damage, toy, settings, tmp_path):
    mine = str(toy.binary(tmp_path / "mine"))
    folder = fetch(toy.info, settings, mine).path
    images = folder / "train_images.npy"
    if damage == "cut":
        images.write_bytes(images.read_bytes()[:-1])
    elif damage == "missing":
        images.unlink()
    elif damage == "flipped":
        content = bytearray(images.read_bytes())
        content[-1] ^= 255
        images.write_bytes(content)
    elif damage == "no marker":
        (folder / "verified.json").unlink()
    else:
        (folder / "verified.json").write_text("{")
    if damage != "flipped":
        assert library.status(toy.info, settings).problem
    assert fetch(toy.info, settings, mine).full_available
    full = library.load(toy.info, "full", settings)
    np.testing.assert_array_equal(full.train.images, toy.arrays["train_images"])


def test_a_damaged_cache_of_grey_images_is_mended(fashion, settings, tmp_path):
    mine = str(fashion.idx(tmp_path / "mine"))
    images = fetch(fashion.info, settings, mine).path / "train_images.npy"
    content = bytearray(images.read_bytes())
    content[-1] ^= 255
    images.write_bytes(content)
    status = fetch(fashion.info, settings, mine)
    assert "fingerprint" in status.notes[0]
    full = library.load(fashion.info, "full", settings)
    np.testing.assert_array_equal(full.train.images, fashion.arrays["train_images"])


def test_progress_counts_bytes_and_goes_through_the_stages(toy, settings, tmp_path):
    reports: list[FetchProgress] = []
    fetch(toy.info, settings, str(toy.binary(tmp_path / "mine")), on_progress=reports.append)
    stages = list(dict.fromkeys(report.stage for report in reports))
    assert stages == ["looking", "decoding", "verifying", "writing", "done"]
    written = [report for report in reports if report.stage == "writing"]
    assert written[0].done_bytes == 0
    assert written[-1].done_bytes == written[-1].total_bytes == toy.info.nbytes


@pytest.mark.parametrize("stage", ["looking", "decoding", "verifying", "writing"])
def test_nothing_is_stored_after_cancelling_at_any_stage(stage, toy, settings, tmp_path, stored):
    reached = []

    def on_progress(report):
        if report.stage == stage:
            reached.append(report)

    with pytest.raises(FetchCancelled):
        fetch(
            toy.info,
            settings,
            str(toy.binary(tmp_path / "mine")),
            on_progress,
            lambda: bool(reached),
        )
    assert not library.status(toy.info, settings).full_available
    assert [name for name in stored(settings) if name.endswith((".part", ".json"))] == []
    assert fetch(toy.info, settings, str(tmp_path / "mine")).full_available
