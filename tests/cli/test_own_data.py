"""``data derive``, ``edit``, ``export`` and ``delete`` of pictures."""

from pathlib import Path

from tests.cli.conftest import Call
from tests.picture_sources import fruits, write_folder


def test_a_part_of_the_sample_is_made_exported_and_read_again(call: Call, tmp_path: Path) -> None:
    classes = ["--class", "pet=cat,dog", "--class", "ship", "--class", "car=automobile"]
    arguments = ["cifar10", "--name", "mix", "--title", "Mixed", *classes, "--images", 40]
    result = call("data", "derive", *arguments, "--json")
    assert result.code == 0
    assert "so the sample is used" in result.err
    report = result.json
    assert (report["name"], report["title"], report["images"]) == ("mix", "Mixed", 520)
    assert report["classes"][1] == {"name": "pet", "train": 40, "test": 200}
    [row] = [row for row in call("data", "list", "--json").json if row["own"]]
    assert row["derived_from"] == "CIFAR-10 (embedded sample)"
    assert row["licence"].startswith("The authors state no licence")

    path = tmp_path / "mix.npz"
    assert call("data", "export", "mix", "--output", tmp_path).code == 0
    assert "exists already" in call("data", "export", "mix", "--output", path).err
    assert call("data", "export", "mix", "--output", path, "--overwrite").code == 0
    assert "must end in .npz" in call("data", "export", "mix", "--output", tmp_path / "x.zip").err
    again = call("data", "import", path, "--name", "again", "--json").json
    assert again["title"] == "Mixed"
    assert again["classes"] == report["classes"]

    # All classes of a data set of one's own.
    result = call("data", "derive", "mix", "--name", "few", "--images", 5)
    assert result.code == 0
    assert "Made few" in result.err
    result = call("data", "delete", "mix", "--class", "ship", "--json")
    assert result.json["classes"] == ["car", "pet"]
    assert "Data sets made of it keep their own copies: few" in result.err


def test_what_cannot_be_derived_is_said_in_a_line(call: Call) -> None:
    for arguments in (
        ["cifar10", "--name", "x", "--class", "cat"],
        ["cifar10", "--name", "x", "--class", "cat", "--class", "dgo"],
        ["cifar10", "--name", "x", "--images", 501, "--variant", "sample"],
        ["none", "--name", "x"],
        ["cifar10", "--name", "x", "--variant", "full"],
    ):
        result = call("data", "derive", *arguments)
        assert result.code in (1, 2)
        assert "Traceback" not in result.err
        assert result.out == ""


def test_pictures_are_deleted_and_their_run_says_so(call: Call, tmp_path: Path) -> None:
    folder = write_folder(fruits(12), tmp_path / "fruits")
    options = ["--name", "fruits", "--size", 16, "--drop-names", "--source", "Me"]
    assert call("data", "import", folder, *options).code == 0
    arguments = ["--dataset", "fruits", "--epochs", 1, "--batch-size", 8]
    run = call("train", "cifar10-starter", *arguments, "--json").json["run"]
    assert call("evaluate", run).code == 0

    edited = call("data", "edit", "fruits", "--licence", "CC0", "--json").json
    assert (edited["source"], edited["licence"]) == ("Me", "CC0")
    assert call("data", "edit", "fruits").code == 2
    assert call("evaluate", run).code == 0

    chosen = ["--picture", "train:0", "--picture", "test:1"]
    deleted = call("data", "delete", "fruits", *chosen, "--json").json
    assert deleted["deleted"] == 2
    assert deleted["train_images"] + deleted["test_images"] == 34
    assert "have changed since" in call("evaluate", run).err
    assert call("runs", "--json").json[0]["state"] == "finished"
    assert "train:NUMBER" in call("data", "delete", "fruits", "--picture", "7").err
    # The class keeps its name, which the run knows.
    kept = call("data", "delete", "fruits", "--class", "pear", "--json").json
    assert kept["classes"] == ["apple", "pear", "plum"]
    assert call("data", "delete", "cifar10").code == 2
