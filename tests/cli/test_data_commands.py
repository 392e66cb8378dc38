"""``data status`` and ``data fetch``."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., Any]


def test_status_of_an_empty_home(call: Call) -> None:
    [found] = call("data", "status", "--json").json
    assert (found["name"], found["sample_train"], found["sample_test"]) == ("cifar10", 5000, 1000)
    assert (found["full_available"], found["verified"]) == (False, False)
    assert "not on this machine" in found["problem"]
    assert "cifar10" in call("data", "status").out


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


def test_a_data_set_nobody_knows(call: Call) -> None:
    answer = call("data", "fetch", "imagenet")
    assert answer.code == 2
    assert "imagenet" in answer.err
