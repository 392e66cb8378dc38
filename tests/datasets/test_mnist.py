"""MNIST's four published IDX files, here with generated pixels."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from cifarviz import api
from cifarviz.cli.app import main
from cifarviz.data import library
from cifarviz.data.fetch import fetch
from cifarviz.datasets.mnist import MNIST
from cifarviz.errors import DatasetDamaged, DatasetNotFound
from cifarviz.experiment.architecture import Architecture
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.settings import Settings

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", 60_000),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 10_000),
}
SMALL = Architecture(
    input_shape=(28, 28, 1),
    classes=10,
    layers=(
        Conv2D(filters=4, strides=2),
        MaxPool2D(),
        Flatten(),
        Dense(units=10, activation="softmax"),
    ),
)


def write_files(folder: Path, *, zipped: bool) -> Path:
    """Write files as they are published: 60,000 and 10,000 grey images of 28 × 28 pixels.

    A digit is a bar in one of ten places.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for images_name, labels_name, count in FILES.values():
        labels = (np.arange(count) * 7 % 10).astype(np.uint8)
        images = np.zeros((count, 28, 28), np.uint8)
        for label in range(10):
            images[labels == label, 2 * label + 4] = 250
        for name, values in ((images_name, images), (labels_name, labels)):
            head = bytes((0, 0, 8, values.ndim)) + np.array(values.shape, ">u4").tobytes()
            content = head + values.tobytes()
            path = folder / (f"{name}.gz" if zipped else name)
            path.write_bytes(gzip.compress(content, 1) if zipped else content)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("published"), zipped=True)


def test_it_has_the_published_facts() -> None:
    assert MNIST.shapes["train_images"] == (60_000, 28, 28, 1)
    assert MNIST.classes == tuple("0123456789")
    for archives in (MNIST.official, *MNIST.mirrors):
        assert [one.file_name for one in archives] == [
            "train-images-idx3-ubyte.gz",
            "train-labels-idx1-ubyte.gz",
            "t10k-images-idx3-ubyte.gz",
            "t10k-labels-idx1-ubyte.gz",
        ]
        assert all(one.md5 is not None and len(one.md5) == 32 for one in archives)


def test_it_is_fetched_trained_and_evaluated(files: Path, tmp_path: Path) -> None:
    home = api.open_home(tmp_path / "home")
    status = fetch("mnist", home.settings, str(files))
    assert status.verified
    assert "MNIST has no published fingerprints" in status.notes[0]
    data = api.load_data("mnist", home=home)
    assert (len(data.train), len(data.test), data.variant) == (60_000, 10_000, "full")
    experiment = api.preset(
        "fashion-mnist-cnn",
        dataset="mnist",
        architecture=SMALL,
        epochs=1,
        batch_size=32,
        train_images=2_000,
        precision="float32",
        early_stopping=None,
    )
    run = home.train(experiment, "digits")
    assert run.state == "finished", run.message
    assert home.evaluate(run).accuracy > 0.5


@pytest.mark.parametrize("below", ["", "MNIST/raw"])
def test_the_command_takes_plain_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, below: str
) -> None:
    write_files(tmp_path / "mine" / below, zipped=False)
    with pytest.raises(SystemExit) as ended:
        main(["data", "fetch", "mnist", "--from", str(tmp_path / "mine"), "--json"])
    assert not ended.value.code
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["full_available"], found["sample_train"]) == ("mnist", True, 0)


def test_a_file_that_is_cut_off_is_refused(files: Path, settings: Settings, tmp_path: Path) -> None:
    for file in files.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(gzip.decompress(labels.read_bytes())[:-1]))
    with pytest.raises(DatasetDamaged, match="is truncated"):
        fetch("mnist", settings, str(tmp_path))
    with pytest.raises(DatasetNotFound, match="not on this machine"):
        library.load("mnist", "full", settings)
