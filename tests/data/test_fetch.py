import errno
import multiprocessing
import resource
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import filelock
import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.fetch import FetchProgress, fetch
from cifarviz.errors import DatasetDamaged, DatasetNotFound, FetchCancelled, StorageFull


def kept(settings):
    """Name everything below the folder for data."""
    return (
        sorted(path.name for path in settings.datasets.rglob("*")) if settings.home.exists() else []
    )


def test_a_named_folder_is_decoded_and_kept(toy, settings, tmp_path):
    status = fetch(toy.info, settings, str(toy.binary(tmp_path / "mine")))
    assert status.full_available
    assert status.verified
    assert status.problem is None
    assert status.bytes > toy.info.nbytes
    full = library.load(toy.info, "full", settings)
    np.testing.assert_array_equal(full.train.images, toy.arrays["train_images"])
    np.testing.assert_array_equal(full.test.labels, toy.arrays["test_labels"])
    assert kept(settings) == [
        "cifar10",
        "test_images.npy",
        "test_labels.npy",
        "train_images.npy",
        "train_labels.npy",
        "verified.json",
    ]


def test_auto_asks_the_named_folder_first(toy, settings, tmp_path):
    toy.python(settings.keras_home / "datasets" / "cifar-10-batches-py")
    named = replace(settings, data_dir=toy.png(tmp_path / "mine"))
    reports: list[FetchProgress] = []
    fetch(toy.info, named, on_progress=reports.append)
    assert "CIFARVIZ_DATA_DIR" in reports[-1].source
    assert not reports[-1].notes


@pytest.mark.parametrize(
    "below", ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"]
)
def test_auto_finds_the_keras_cache_under_both_names(below, toy, settings):
    toy.python(settings.keras_home / "datasets" / below)
    assert fetch(toy.info, settings).full_available


def test_a_named_folder_without_data_is_passed_over_and_said(toy, settings, tmp_path):
    (tmp_path / "empty").mkdir()
    toy.python(settings.keras_home / "datasets" / "cifar-10-batches-py")
    reports: list[FetchProgress] = []
    status = fetch(
        toy.info, replace(settings, data_dir=tmp_path / "empty"), on_progress=reports.append
    )
    assert status.full_available
    assert len(status.notes) == 1
    assert "CIFARVIZ_DATA_DIR" in status.notes[0]
    assert "holds no CIFAR-10" in status.notes[0]
    assert reports[-1].notes == status.notes


def test_a_path_without_data_is_refused(toy, settings, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetNotFound, match=r"holds no CIFAR-10"):
        fetch(toy.info, settings, str(tmp_path / "empty"))


@pytest.mark.parametrize("source", ["nowhere/at/all", "", "~nobody-of-this-name/x", "x\0y"])
def test_a_path_that_is_not_there_is_refused_with_the_sources(source, settings):
    with pytest.raises(DatasetNotFound, match=r"no file or folder.*auto, keras, official, npm\."):
        fetch("cifar10", settings, source)
    with pytest.raises(DatasetNotFound, match=r"no file or folder.*keras, official, debian\."):
        fetch("fashion-mnist", settings, source)


def test_no_source_answers_and_each_says_why(toy, settings, tmp_path):
    named = replace(settings, data_dir=tmp_path / "gone")
    with pytest.raises(DatasetNotFound) as caught:
        fetch(toy.info, named)
    message = str(caught.value)
    assert "CIFARVIZ_DATA_DIR" in message
    assert "Keras cache" in message
    assert message.count("There is no file or folder") == 2


def test_what_is_not_the_published_set_is_refused_and_nothing_kept(toy, settings, tmp_path):
    file = toy.binary(tmp_path / "mine") / "test_batch.bin"
    file.write_bytes(file.read_bytes()[::-1])
    with pytest.raises(DatasetDamaged, match="fingerprint"):
        fetch(toy.info, settings, str(tmp_path / "mine"))
    assert kept(settings) == []
    assert not library.status(toy.info, settings).full_available


def test_what_is_here_already_is_not_fetched_again(toy, settings, tmp_path):
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


def test_progress_counts_bytes_and_goes_through_the_stages(toy, settings, tmp_path):
    reports: list[FetchProgress] = []
    fetch(toy.info, settings, str(toy.binary(tmp_path / "mine")), on_progress=reports.append)
    stages = list(dict.fromkeys(report.stage for report in reports))
    assert stages == ["looking", "decoding", "verifying", "writing", "done"]
    written = [report for report in reports if report.stage == "writing"]
    assert written[0].done_bytes == 0
    assert written[-1].done_bytes == written[-1].total_bytes == toy.info.nbytes


@pytest.mark.parametrize("stage", ["looking", "decoding", "verifying", "writing"])
def test_cancelled_at_any_stage_nothing_is_kept(stage, toy, settings, tmp_path):
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
    assert [name for name in kept(settings) if name.endswith((".part", ".json"))] == []
    assert fetch(toy.info, settings, str(tmp_path / "mine")).full_available


def test_two_threads_fetch_once_and_the_second_says_it_waits(toy, settings, tmp_path):
    mine = str(toy.binary(tmp_path / "mine"))
    reports: dict[str, list[FetchProgress]] = {"first": [], "second": []}
    first_is_in, second_waits = threading.Event(), threading.Event()

    def first(report):
        reports["first"].append(report)
        if report.stage == "decoding":
            first_is_in.set()
            assert second_waits.wait(10)

    def second(report):
        reports["second"].append(report)
        if report.stage == "waiting":
            second_waits.set()

    results = []

    def run(on_progress):
        results.append(fetch(toy.info, settings, mine, on_progress))

    one = threading.Thread(target=run, args=(first,))
    one.start()
    assert first_is_in.wait(10)
    two = threading.Thread(target=run, args=(second,))
    two.start()
    one.join(20)
    two.join(20)
    assert [status.full_available for status in results] == [True, True]
    stages = [report.stage for report in reports["second"]]
    assert "waiting" in stages
    assert "decoding" not in stages
    assert reports["second"][-1].stage == "done"


def _fetch_in_another_process(info, settings, source, queue):
    fetch(info, settings, source, lambda report: queue.put(report.stage))
    queue.put("returned")


def test_another_process_waits_too(toy, settings, tmp_path):
    mine = str(toy.binary(tmp_path / "mine"))
    settings.locks.mkdir(parents=True)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    with library.fetch_lock(toy.info, settings):
        other = context.Process(
            target=_fetch_in_another_process, args=(toy.info, settings, mine, queue)
        )
        other.start()
        assert queue.get(timeout=30) == "waiting"
        assert not library.status(toy.info, settings).full_available
    stages = list(iter(lambda: queue.get(timeout=30), "returned"))
    other.join(10)
    assert stages[-1] == "done"
    assert library.status(toy.info, settings).full_available


def test_waiting_can_be_called_off(toy, settings):
    settings.locks.mkdir(parents=True)
    asked = time.monotonic()
    with library.fetch_lock(toy.info, settings), pytest.raises(FetchCancelled):
        fetch(toy.info, settings, cancelled=lambda: time.monotonic() - asked > 0.3)
    assert time.monotonic() - asked < 1.3


def test_the_lock_is_free_after_a_failure(toy, settings, tmp_path):
    with pytest.raises(DatasetNotFound):
        fetch(toy.info, settings, str(tmp_path))
    lock = library.fetch_lock(toy.info, settings)
    lock.acquire(timeout=0)
    lock.release()
    assert isinstance(lock, filelock.BaseFileLock)


def test_leftovers_of_a_killed_fetch_are_cleared(toy, settings, tmp_path):
    leftover = settings.datasets / ".cifar10-abc" / "download.tar.gz"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half")
    fetch(toy.info, settings, str(toy.binary(tmp_path / "mine")))
    assert not leftover.parent.exists()


def test_a_disk_with_too_little_room_is_said_before_anything_is_fetched(
    toy, settings, tmp_path, monkeypatch
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
    with pytest.raises(StorageFull, match=r"too full.*are needed.*are free"):
        fetch(toy.info, settings, str(toy.binary(tmp_path / "mine")))
    assert kept(settings) == []


def test_a_disk_that_fills_up_while_writing(toy, settings, tmp_path):
    mine = str(toy.binary(tmp_path / "mine"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageFull, match="can be written"):
            fetch(toy.info, settings, mine)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert kept(settings) == ["cifar10"]
    assert not library.status(toy.info, settings).full_available
    assert fetch(toy.info, settings, mine).full_available


def test_a_home_that_is_a_file(toy, settings, tmp_path):
    settings.home.write_text("in the way")
    with pytest.raises(StorageFull, match="CIFARVIZ_HOME"):
        fetch(toy.info, settings, str(toy.binary(tmp_path / "mine")))


def test_a_read_only_home_is_said(toy, settings, tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    mine = str(toy.binary(tmp_path / "mine"))
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageFull, match="Read-only"):
        fetch(toy.info, settings, mine)


@pytest.mark.parametrize(
    ("name", "source", "sources"),
    [
        ("fashion-mnist", "npm", "auto, keras, official, debian"),
        ("cifar10", "debian", "auto, keras, official, npm"),
    ],
)
def test_a_source_this_data_set_does_not_have(name, source, sources, settings):
    with pytest.raises(DatasetNotFound, match=rf"cannot be had from “{source}”\. .*{sources}"):
        fetch(name, settings, source)
    assert kept(settings) == []


def test_two_data_sets_are_kept_beside_each_other(toy, fashion, settings, tmp_path):
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
