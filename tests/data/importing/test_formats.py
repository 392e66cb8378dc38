"""Each format gives the pictures, labels and splits that were written."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.data.image_set import Dataset
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.data.importing.report import ImportReport
from cifarviz.errors import ImportRefused
from cifarviz.settings import Settings
from tests.picture_sources import (
    FRUITS,
    cifar100,
    fruits,
    idx,
    mnist,
    picture,
    table,
    write_folder,
    write_tar,
    write_zip,
)


def import_from(
    path: Path, settings: Settings, name: str = "mine", **options: Any
) -> tuple[ImportReport, Dataset]:
    with prepare_import(path, name, settings, ImportOptions(**options)) as prepared:
        prepared.store(settings)
    return prepared.report, library.load(name, "full", settings)


@pytest.mark.parametrize("count", [6, 150])
def test_a_folder_a_zip_and_a_tar_give_the_same_data_set(
    count: int, settings: Settings, tmp_path: Path
) -> None:
    # Of many, several are read at once.
    files = fruits(count)
    sources = [
        write_folder(files, tmp_path / "folder"),
        write_zip({f"my fruit/{name}": content for name, content in files.items()}, tmp_path / "z"),
        write_tar(
            {f"./my fruit/{name}": content for name, content in files.items()}, tmp_path / "t"
        ),
    ]
    made = [
        import_from(path, settings, name)[1]
        for path, name in zip(sources, ("a", "b", "c"), strict=True)
    ]
    assert made[0].info.classes == ("apple", "pear", "plum")
    assert made[0].info.image_shape == (32, 32, 3)
    tested = round(0.2 * count)
    assert len(made[0].train) == 3 * (count - tested)
    assert np.bincount(made[0].test.labels).tolist() == [tested] * 3
    for fruit, color in enumerate(FRUITS.values()):
        pixels = made[0].train.images[made[0].train.labels == fruit]
        assert np.abs(pixels.mean((0, 1, 2)) - color).max() < 12
    for other in made[1:]:
        assert other.info.fingerprints == made[0].info.fingerprints


@pytest.mark.parametrize("outer", ["", "data/"])
@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (("train", "test"), {"train": 9, "test": 9}),
        (("Training", "val"), {"train": 9, "test": 9}),
        # Validation images are chosen from the training images, so here they join them.
        (("train", "test", "val"), {"train": 18, "test": 9}),
        # Without others, a part becomes test images.
        (("train",), {"train": 6, "test": 3}),
    ],
)
def test_folders_for_training_and_test_above_the_classes(
    folders: tuple[str, ...],
    expected: dict[str, int],
    outer: str,
    settings: Settings,
    tmp_path: Path,
) -> None:
    files = {
        f"{outer}{folder}/{name}".replace("/0", f"/{place}0"): picture(100 * place + number, color)
        for place, folder in enumerate(folders)
        for number, (name, color) in enumerate(
            (f"{fruit}/0{n}.png", color) for fruit, color in FRUITS.items() for n in range(3)
        )
    }
    report, made = import_from(write_zip(files, tmp_path / "z"), settings)
    assert made.info.classes == tuple(FRUITS)
    assert {"train": len(made.train), "test": len(made.test)} == expected
    assert report.counts["leaks"] == 0


def test_a_table_beside_pictures(settings: Settings, tmp_path: Path) -> None:
    names = [f"images/{number}.png" for number in range(8)]
    files = {name: picture(number, (9, 9, 9)) for number, name in enumerate(names)}
    rows = [("filename", "split", "class")]
    rows += [
        (
            f"{number}.png" if number % 2 else name,
            "train" if number < 6 else "test",
            "ab"[number % 2],
        )
        for number, name in enumerate(names[:-1])
    ]
    rows += [("gone.png", "train", "a"), (names[0], "train", "b"), (names[7], "test", "")]
    path = write_folder({**files, "labels.csv": table(rows)}, tmp_path / "folder")
    report, made = import_from(path / "labels.csv", settings)
    assert (len(made.train), len(made.test)) == (6, 1)
    assert made.train.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert {item.file: item.reason for item in report.skipped} == {
        "gone.png": "labels.csv names it, but it is not there",
        "images/0.png": "labels.csv names it again",
        "images/7.png": "labels.csv gives it no label",
    }


def test_a_table_of_something_else_is_no_obstacle(settings: Settings, tmp_path: Path) -> None:
    files = {**fruits(), "weather.csv": table([("day", "rain"), ("1", "2")])}
    report, _ = import_from(write_folder(files, tmp_path / "folder"), settings)
    assert [item.file for item in report.skipped] == ["weather.csv"]


def test_a_table_of_boxes_or_in_another_encoding_is_no_obstacle(
    settings: Settings, tmp_path: Path
) -> None:
    boxes = table([("image", "x", "y", "w", "h"), ("apple/000.png", "1", "2", "3", "4")])
    files = {**fruits(), "boxes.csv": boxes, "notes.csv": "Größe;Farbe\n1;grün\n".encode("latin-1")}
    report, made = import_from(write_folder(files, tmp_path / "folder"), settings)
    assert made.info.classes == tuple(FRUITS)
    assert {item.file for item in report.skipped} == {"boxes.csv", "notes.csv"}


def test_a_name_that_several_files_have_is_not_guessed(settings: Settings, tmp_path: Path) -> None:
    files = {f"{folder}/1.png": picture(n, (9, 9, 9)) for n, folder in enumerate("xy")}
    files |= {f"x/{n}.png": picture(n, (9, 9, 9)) for n in range(10, 14)}
    rows = [("file", "label"), ("1.png", "a"), ("x\\10.png", "a"), ("11.png", "b")]
    rows += [("12.png", "a"), ("13.png", "b")]
    path = write_folder({**files, "labels.csv": table(rows)}, tmp_path / "folder")
    report, made = import_from(path, settings)
    assert made.info.classes == ("a", "b")
    reasons = {item.file: item.reason for item in report.skipped}
    assert reasons["1.png"] == "labels.csv names it, but several files have this name"


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("kind", ["bytes", "shares", "channels first", "one-hot", "named"])
def test_arrays_named_as_in_keras(kind: str, settings: Settings, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (30, 24, 20, 3), np.uint8)
    labels = (np.arange(30) % 3).reshape(-1, 1)
    arrays = {"x_train": images[:20], "y_train": labels[:20]}
    arrays |= {"x_test": images[20:], "y_test": labels[20:]}
    if kind == "shares":
        arrays |= {name: arrays[name].astype(np.float32) / 255 for name in ("x_train", "x_test")}
    if kind == "channels first":
        arrays |= {name: arrays[name].transpose(0, 3, 1, 2) for name in ("x_train", "x_test")}
    if kind == "one-hot":
        arrays |= {name: np.eye(3)[arrays[name].ravel()] for name in ("y_train", "y_test")}
    if kind == "named":
        arrays["class_names"] = np.array(["zebra", "cat", "owl"])
    _, made = import_from(npz(tmp_path / "mine.npz", **arrays), settings)
    # Arrays keep their size.
    assert made.info.image_shape == (24, 20, 3)
    np.testing.assert_array_equal(made.train.images, images[:20])
    np.testing.assert_array_equal(made.test.images, images[20:])
    found = [made.info.classes[label] for label in made.train.labels]
    names = ("zebra", "cat", "owl") if kind == "named" else ("0", "1", "2")
    assert found == [names[label] for label in labels[:20].ravel()]


@pytest.mark.parametrize("prefix", ["", "emnist-letters-"])
def test_the_published_files_of_mnist(prefix: str, settings: Settings, tmp_path: Path) -> None:
    files = mnist(prefix=prefix)
    if prefix:
        codes = "".join(f"{label} {ord('A') + label} {ord('a') + label}\n" for label in range(10))
        files[f"{prefix}mapping.txt"] = codes.encode()
    _, made = import_from(write_folder(files, tmp_path / "folder"), settings)
    assert made.info.image_shape == (28, 28, 1)
    assert (len(made.train), len(made.test)) == (40, 20)
    expected = np.random.default_rng(1).integers(0, 256, (40, 28, 28), np.uint8)
    if prefix:
        assert made.info.classes[:3] == ("Aa", "Bb", "Cc")
        # Its rows and columns are exchanged in the files.
        expected = expected.transpose(0, 2, 1)
    else:
        assert made.info.classes == tuple("0123456789")
    np.testing.assert_array_equal(made.train.images[..., 0], expected)
    assert made.train.labels.tolist() == [n % 10 for n in range(40)]


def test_the_published_files_of_cifar_100(settings: Settings, tmp_path: Path) -> None:
    path = write_tar(cifar100(), tmp_path / "cifar-100-binary.tar.gz")
    _, made = import_from(path, settings)
    assert made.info.image_shape == (32, 32, 3)
    # Numbers in names are sorted by their value.
    assert made.info.classes == tuple(f"thing {number}" for number in range(100))
    assert made.train.labels.tolist() == [n % 100 for n in range(200)]
    planes = np.random.default_rng(2).integers(0, 256, (200, 3072), np.uint8)
    expected = planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(made.train.images, expected)


def test_the_binary_files_of_cifar_10(settings: Settings, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    records = random.integers(0, 256, (40, 3073), np.uint8)
    records[:, 0] = np.arange(40) % 4
    files = {
        "data_batch_1.bin": records[:20].tobytes(),
        "data_batch_2.bin": records[20:30].tobytes(),
        "test_batch.bin": records[30:].tobytes(),
        "batches.meta.txt": b"airplane\nautomobile\nbird\ncat\n",
    }
    _, made = import_from(write_folder(files, tmp_path / "folder"), settings)
    assert made.info.classes == ("airplane", "automobile", "bird", "cat")
    assert (len(made.train), len(made.test)) == (30, 10)
    np.testing.assert_array_equal(
        made.train.images[0], records[0, 1:].reshape(3, 32, 32).transpose(1, 2, 0)
    )


@pytest.mark.parametrize(
    ("options", "shape"),
    [({}, (32, 32, 3)), ({"side": 48}, (48, 48, 3)), ({"side": 16, "grey": True}, (16, 16, 1))],
)
@pytest.mark.parametrize("mode", ["crop", "stretch", "pad"])
def test_size_colour_and_fitting_are_the_persons_choice(
    options: dict[str, Any],
    shape: tuple[int, int, int],
    mode: str,
    settings: Settings,
    tmp_path: Path,
) -> None:
    _, made = import_from(
        write_folder(fruits(2), tmp_path / "folder"), settings, mode=mode, **options
    )
    assert made.info.image_shape == shape


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no pictures that cifarviz can read"),
        ({"notes.txt": b"hello"}, "holds no pictures that cifarviz can read"),
        ({"a/1.png": b"junk", "b/2.png": b""}, "None of the 2 files could be taken"),
        ({"only/1.png": picture(1, (9, 9, 9))}, "All pictures are of one class, “only”"),
        ({"1.png": picture(1, (9, 9, 9))}, "not in the folder of a class"),
        (
            {"a/1.png": picture(1, (9, 9, 9)), "b/1.png": picture(2, (9, 9, 9))},
            "2 training and 0 test images",
        ),
        (
            {f"class {n}/1.png": picture(n, (9, 9, 9)) for n in range(120)},
            "There are more than 100 classes",
        ),
        ({"train-images-idx3-ubyte": b"\0\0\x08\x03junk"}, "is not an IDX file"),
        ({"train-images-idx3-ubyte.gz": b"junk"}, "cannot be unpacked"),
        (
            {"train-images-idx3-ubyte": idx(np.zeros((2, 28, 28)), zipped=False)},
            "“train-labels-idx1-ubyte” is missing",
        ),
        ({**mnist(), **mnist(prefix="k")}, "several data sets"),
        ({"data_batch_1.bin": b"x" * 5000}, "not a multiple of the 3,073 bytes of a record"),
        ({"train.bin": b""}, "its 0 bytes are not a multiple"),
        ({"a.npz": b"junk"}, "cannot be read as a .npz file"),
        ({"a.npz": b"", "b.npz": b""}, "holds 2 .npz files"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:30],
)
def test_what_is_no_data_set_is_refused_and_leaves_nothing(
    files: dict[str, bytes], message: str, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    path = write_folder(files, tmp_path / "folder")
    with pytest.raises(ImportRefused, match=message), prepare_import(path, "mine", settings):
        pass
    assert list(settings.datasets.iterdir()) == []


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3)}, "needs arrays called x_train and y_train"),
        ({"x_train": np.zeros((4, 8)), "y_train": np.zeros(4)}, "must be images of shape"),
        ({"x_train": np.zeros((4, 8, 8, 7)), "y_train": np.zeros(4)}, "must be images of shape"),
        (
            {"x_train": np.zeros((4, 8, 8)), "y_train": np.zeros(3, int)},
            "4 images, but there are 3",
        ),
        ({"x_train": np.full((4, 8, 8), 1e9), "y_train": np.zeros(4)}, "must be from 0 to 255"),
        ({"x_train": np.full((4, 8, 8), np.nan), "y_train": np.zeros(4)}, "must be from 0"),
        ({"x_train": np.zeros((4, 8, 8), complex), "y_train": np.zeros(4)}, "must hold numbers"),
        (
            {"x_train": np.zeros((4, 8, 8)), "y_train": np.zeros((4, 2, 2))},
            "a label for each image",
        ),
        ({"x_train": np.array([{}]), "y_train": np.zeros(1)}, "cannot be read as a .npz file"),
        # Coarse and fine labels are no one-hot labels.
        (
            {
                "x_train": np.zeros((4, 8, 8)),
                "y_train": np.array([[3, 17], [5, 2], [0, 1], [1, 1]]),
            },
            "a label for each",
        ),
        (
            {"x_train": np.zeros((4, 8, 8)), "y_train": np.zeros(4), "classes": np.array(10)},
            "All pictures are of one class",
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:30],
)
def test_arrays_that_are_no_data_set_are_refused(
    arrays: dict[str, np.ndarray], message: str, settings: Settings, tmp_path: Path
) -> None:
    path = npz(tmp_path / "mine.npz", **arrays)
    with pytest.raises(ImportRefused, match=message), prepare_import(path, "mine", settings):
        pass


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "png", "npz"])
def test_damaged_files_are_refused(ending: str, settings: Settings, tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04junk", b"\x1f\x8bjunk", b"junk" * 1000):
        path = tmp_path / f"mine.{ending}"
        path.write_bytes(content)
        with pytest.raises(ImportRefused), prepare_import(path, "mine", settings):
            pass
    whole = io.BytesIO()
    np.savez(whole, x_train=np.zeros((4, 8, 8), np.uint8), y_train=np.arange(4) % 2)
    path.write_bytes(whole.getvalue()[:-40])
    with pytest.raises(ImportRefused), prepare_import(path, "mine", settings):
        pass
