"""``data import``, ``list`` and ``delete``, and training on what was imported."""

import json
from pathlib import Path

from cifarviz.datasets.own import plain_name
from tests.cli.conftest import Call
from tests.picture_sources import cifar100, fruits, write_folder, write_tar


def test_from_a_folder_of_pictures_to_a_trained_network(call: Call, tmp_path: Path) -> None:
    folder = write_folder({**fruits(12), "apple/notes.txt": b"hello"}, tmp_path / "fruits")
    options = ["--name", "fruits", "--title", "My fruits", "--size", 16, "--test-share", 0.25]
    result = call("data", "import", folder, *options, "--json")
    assert result.code == 0
    report = result.json
    assert (report["name"], report["images"], report["test_images"]) == ("fruits", 36, 9)
    assert report["classes"] == [
        {"name": name, "train": 9, "test": 3} for name in ("apple", "pear", "plum")
    ]
    assert report["image_shape"] == [16, 16, 3]
    assert report["skipped"] == [
        {"file": "apple/notes.txt", "reason": "it is no PNG, JPEG, WebP, BMP or GIF"}
    ]
    assert report["duplicates"] == []
    assert [row["name"] for row in call("data", "list", "--json").json if row["own"]] == ["fruits"]
    assert "3        27 + 9" in call("data", "list").out
    assert call("data", "status", "--json").json[-1]["verified"]

    arguments = ["--dataset", "fruits", "--epochs", 2, "--batch-size", 8]
    result = call("train", "cifar10-starter", *arguments, "--json")
    assert result.code == 0
    assert "Fitted to My fruits" in result.err
    assert "number of units: 10 → 3" in result.err
    run = result.json["run"]
    evaluation = call("evaluate", run, "--json").json
    assert len(evaluation["confusion"]) == 3

    assert call("data", "delete", "fruits", "--json").json["name"] == "fruits"
    assert not any(row["own"] for row in call("data", "list", "--json").json)
    # Its run is still listed with all it has.
    assert call("runs", "--json").json[0]["state"] == "finished"
    assert "The images of My fruits are not on this machine" in call("evaluate", run).err
    call("runs", "delete", run)
    assert call("data", "delete", "fruits").code == 0
    assert "There is no data set called “fruits”" in call("data", "delete", "fruits").err


def test_a_hundred_classes_are_trained_on(call: Call, tmp_path: Path) -> None:
    path = write_tar(cifar100(), tmp_path / "cifar-100-binary.tar.gz")
    result = call("data", "import", path, "--name", "hundred", "--grey")
    assert result.code == 0
    assert "thing 99  2                1" in result.out
    assert "Train on it with" in result.err
    result = call("train", "cifar10-starter", "--dataset", "hundred", "--epochs", 1, "--json")
    assert result.code == 0


def test_what_cannot_be_imported_is_said_in_a_line(call: Call, tmp_path: Path) -> None:
    folder = write_folder(fruits(), tmp_path / "fruits")
    (tmp_path / "empty").mkdir()
    for arguments in (
        [tmp_path / "none", "--name", "mine"],
        [tmp_path / "empty", "--name", "mine"],
        [folder, "--name", "../mine"],
        [folder, "--name", "mine", "--size", 500],
    ):
        result = call("data", "import", *arguments)
        assert result.code in (1, 2)
        assert len(result.err.strip().splitlines()) == 1
        assert result.out == ""


def test_a_name_may_be_typed_as_a_title(call: Call, tmp_path: Path) -> None:
    folder = write_folder(fruits(), tmp_path / "fruits")
    made = json.loads(call("data", "import", folder, "--name", "My Fruits", "--json").out)
    assert made["name"] == "my-fruits"
    listed = json.loads(call("data", "list", "--json").out)
    assert "My Fruits" in [row["title"] for row in listed]
    assert plain_name("Mes étés") == "mes-etes"
