"""``data status`` and ``data fetch`` show and fetch the data sets."""

import io
import tarfile
from pathlib import Path

import pytest

from cifarviz.datasets.registry import all_datasets
from tests.cli.conftest import Call


def test_status_of_an_empty_home_lists_samples_only(call: Call) -> None:
    statuses = call("data", "status", "--json").json
    assert [status["name"] for status in statuses] == [info.name for info in all_datasets()]
    for info, status in zip(all_datasets(), statuses, strict=True):
        sample = (5000, 1000) if info.has_sample else (0, 0)
        assert (status["sample_train"], status["sample_test"]) == sample
        assert (status["full_available"], status["verified"]) == (False, False)
        assert "not on this machine" in status["problem"]
        assert status["name"] in call("data", "status").out


def test_fetching_from_a_folder_without_data_is_refused(call: Call, tmp_path: Path) -> None:
    result = call("data", "fetch", "cifar10", "--from", tmp_path)
    assert result.code == 1
    assert str(tmp_path) in result.err
    assert result.out == ""
    assert not call("data", "status", "--json").json[0]["full_available"]


def test_an_archive_with_wrong_content_is_refused_and_not_stored(
    call: Call, tmp_path: Path
) -> None:
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for number in range(1, 7):
            name = f"data_batch_{number}.bin" if number < 6 else "test_batch.bin"
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = 3073 * 10_000
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    result = call("data", "fetch", "cifar10", "--from", path)
    assert result.code == 1
    assert not call("data", "status", "--json").json[0]["full_available"]


@pytest.mark.parametrize(("dataset", "source"), [("fashion-mnist", "npm"), ("cifar10", "debian")])
def test_a_source_that_a_data_set_lacks_is_refused_in_one_line(
    call: Call, dataset: str, source: str
) -> None:
    result = call("data", "fetch", dataset, "--from", source)
    assert result.code == 1
    assert f"is not available from “{source}”" in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_a_fashion_mnist_folder_with_a_missing_file_is_refused(call: Call, tmp_path: Path) -> None:
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3"):
        (tmp_path / f"{name}-ubyte.gz").write_bytes(b"")
    result = call("data", "fetch", "fashion-mnist", "--from", tmp_path)
    assert result.code == 1
    assert str(tmp_path) in result.err
    assert not call("data", "status", "--json").json[1]["full_available"]


def test_an_unknown_data_set_is_refused(call: Call) -> None:
    result = call("data", "fetch", "imagenet")
    assert result.code == 2
    assert "imagenet" in result.err
