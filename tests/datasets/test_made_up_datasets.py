"""Data sets of any size and number of classes can be fetched, trained and exported."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifarviz import api
from cifarviz.data import cache, library, statistics
from cifarviz.data.fetch import fetch
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import DatasetDamaged, DatasetNotFound, ExperimentInvalid
from cifarviz.experiment.choices import Data
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.experiment.lab import lab_experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.export.code.program import script
from cifarviz.export.report.contents import gather
from cifarviz.export.report.page import report
from cifarviz.figures.confusion_matrix import confusion_matrix, confusion_matrix_figure
from cifarviz.figures.theme import class_color
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.made_up_datasets import BOTH, MANY, WIDE, fetch_into, register, write

Trained = tuple[api.Home, Run, DatasetInfo]


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, *BOTH)


@pytest.fixture(scope="module", params=BOTH, ids=lambda info: info.name)
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trained]:
    """A home with the data set and a run of one epoch on it."""
    info = request.param
    folder = tmp_path_factory.mktemp(info.name)
    with pytest.MonkeyPatch.context() as monkeypatch:
        register(monkeypatch, *BOTH)
        monkeypatch.setenv("KERAS_HOME", str(folder))
        home = api.open_home(folder / "home")
        fetch_into(home.settings, info, folder)
        experiment = api.preset(
            "cifar10-starter", dataset=info.name, epochs=1, batch_size=32, precision="float32"
        )
        yield home, home.train(experiment, "first"), info


@pytest.mark.parametrize("info", BOTH, ids=lambda info: info.name)
def test_arrays_of_a_folder_are_fetched_and_counted(
    info: DatasetInfo, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(DatasetNotFound, match=f"data fetch {info.name} --from PATH"):
        library.load(info.name, "full", settings)
    with pytest.raises(DatasetNotFound, match="has no embedded sample"):
        library.load(info.name, "sample", settings)
    assert library.available_variants(info, settings) == ()
    fetch_into(settings, info, tmp_path)
    status = library.status(info.name, settings)
    assert (status.sample_train, status.verified) == (0, True)
    data = library.load(info.name, "full", settings)
    assert data.train.images.shape[1:] == info.image_shape
    counts = statistics.class_counts(data.train.labels, len(info.classes))
    assert counts.sum() == info.train_images
    assert library.verify(info.name, settings).verified


def test_a_changed_byte_is_found_without_published_fingerprints(
    settings: Settings, tmp_path: Path
) -> None:
    fetch_into(settings, MANY, tmp_path)
    path = library.full_folder(MANY, settings) / "test_images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    found = library.verify(MANY.name, settings)
    assert not found.verified
    assert "not those of the fetched Hundred Marks" in found.notes[0]


def test_stored_images_of_another_size_are_not_loaded(settings: Settings, tmp_path: Path) -> None:
    fetch_into(settings, MANY, tmp_path)
    other = replace(MANY, train_images=MANY.train_images + 1)
    with pytest.raises(DatasetDamaged, match="has another image size or number of images"):
        library.load(other, "full", settings)


def test_files_of_another_data_set_are_refused(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    fetch_into(settings, MANY, tmp_path)
    known = cache.read_fingerprints(library.full_folder(MANY, settings))
    twin = replace(MANY, name="twin", title="Twin")
    register(monkeypatch, replace(MANY, fingerprints=known), twin)
    with pytest.raises(DatasetDamaged, match="holds Hundred Marks, not Twin"):
        fetch(twin, settings, str(tmp_path / MANY.name))


def test_labels_beyond_the_classes_are_refused(settings: Settings, tmp_path: Path) -> None:
    folder = write(WIDE, tmp_path)
    np.save(folder / "test_labels.npy", np.full(WIDE.test_images, 3, np.uint8))
    with pytest.raises(DatasetDamaged, match="must be from 0 to 2 for the 3 classes"):
        fetch(WIDE, settings, str(folder))


def test_more_than_256_classes_have_wider_labels(settings: Settings, tmp_path: Path) -> None:
    classes = tuple(f"kind {n}" for n in range(300))
    info = replace(MANY, name="kinds", title="Kinds", classes=classes)
    fetch_into(settings, info, tmp_path)
    labels = library.load(info, "full", settings).train.labels
    assert (labels.dtype, labels.max()) == (np.dtype(np.uint16), 299)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("info", BOTH, ids=lambda info: info.name)
def test_every_preset_can_be_fitted(info: DatasetInfo, preset: str) -> None:
    fitted = fit_experiment(PRESETS[preset].experiment, info)
    network = fitted.architecture
    assert network.input_shape == info.image_shape
    assert network.trace().rows[-1].output_shape == (len(info.classes),)
    assert fitted.data.variant == "full"
    assert fitted.optimizer == PRESETS[preset].experiment.optimizer


def test_the_data_set_of_a_preset_leaves_it_as_it_is() -> None:
    experiment = PRESETS["cifar10-fast"].experiment
    assert fit_experiment(experiment, "cifar10") == experiment


def test_a_missing_sample_is_refused() -> None:
    with pytest.raises(ExperimentInvalid, match="Three Fruits has no embedded sample"):
        Data.make(dataset=WIDE.name, variant="sample")


def test_the_lab_has_a_network_for_each() -> None:
    for info in BOTH:
        made = lab_experiment(Data(dataset=info.name, variant="full"), epochs=1, seed=1)
        assert made.architecture.classes == len(info.classes)


def test_it_is_trained_and_evaluated(trained: Trained) -> None:
    home, run, info = trained
    assert run.state == "finished", run.message
    (epoch,) = home.store.epochs(run.id)
    # Random pixels: about as much as guessing costs, or less.
    assert 0 < epoch.loss < 2 * math.log(len(info.classes))
    evaluation = home.evaluate(run)
    assert evaluation.confusion.shape == (len(info.classes),) * 2
    assert evaluation.confusion.sum() == info.test_images


def test_the_confusion_matrix_can_be_read(trained: Trained) -> None:
    home, run, info = trained
    found = home.evaluate(run)
    figure = confusion_matrix_figure(confusion_matrix(info.classes, found.confusion))
    numbered = any(trace.mode == "text" for trace in figure.data if trace.type == "scatter")
    assert numbered == (len(info.classes) <= 25)
    assert list(figure.data[0].x) == list(info.classes)


def test_a_report_holds_all_classes(trained: Trained) -> None:
    from cifarviz.analysis.trained_model import open_checkpoint

    home, run, info = trained
    store = home.store
    contents = gather(
        store,
        [run],
        lambda run, which: open_checkpoint(store, run, which),
        lambda run: library.load(info.name, "full", store.settings),
    )
    text = report(contents)
    assert contents[0].problem is None
    assert all(name in text for name in info.classes)


def test_the_script_reads_the_arrays(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, run, info = trained
    source = script(run)
    compile(source, "train.py", "exec")
    assert f"the folder `{info.name}`" in " ".join(source.replace("#", " ").split())
    # The lines up to the training, run where the folder was copied to.
    (tmp_path / info.name).symlink_to(library.full_folder(info, home.settings))
    begin = source[: source.index("def " if "def " in source else "model = ")]
    scope: dict[str, object] = {"__file__": str(tmp_path / "train.py")}
    exec(compile(begin, "train.py", "exec"), scope)
    assert scope["train_images"].shape[1:] == info.image_shape  # type: ignore[attr-defined]
    assert "training images of" in capsys.readouterr().out


def test_a_packed_run_comes_back(trained: Trained, settings: Settings, tmp_path: Path) -> None:
    home, run, _ = trained
    pack(home.store, run.id, tmp_path / "run.zip")
    other = RunStore(settings)
    back = unpack(other, tmp_path / "run.zip", origin="test")
    assert back.experiment == run.experiment
    assert other.epochs(back.id) == home.store.epochs(run.id)


def test_each_class_has_a_colour_of_its_own() -> None:
    colors = [class_color(label) for label in range(100)]
    assert len(set(colors)) == 100
    channels = [[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors]
    apart = np.linalg.norm(np.array(channels)[:, None] - np.array(channels)[None], axis=2)
    assert apart[~np.eye(100, dtype=bool)].min() > 16
