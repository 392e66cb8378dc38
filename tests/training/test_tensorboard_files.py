"""TensorBoard reads the files of a run; runs continue if writing fails."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.util.tensor_util import make_ndarray

from cifarviz.errors import StorageFull
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import NoValidation
from cifarviz.network.build import build
from cifarviz.runs.artifacts import FolderArtifacts, checkpoint_path, load_arrays
from cifarviz.runs.records import Epoch, Run
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings
from cifarviz.training import engine
from cifarviz.training.checkpoint import save_last
from cifarviz.training.tensorboard_files import TensorBoardFiles, histogram_buckets

TrainRun = Callable[..., Run]


def read(folder: Path) -> dict[str, dict[int, np.ndarray]]:
    """Every tag's values by their step; a step that TensorBoard shows twice is an error."""
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    points: dict[str, dict[int, np.ndarray]] = {}
    for tag in found.Tags()["tensors"]:
        events = found.Tensors(tag)
        points[tag] = {event.step: make_ndarray(event.tensor_proto) for event in events}
        assert len(points[tag]) == len(events), tag
    return points


def plugins(folder: Path) -> dict[str, str]:
    found = EventAccumulator(str(folder))
    found.Reload()
    tags = found.Tags()["tensors"]
    return {tag: found.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags}


def test_tensorboard_has_each_epoch_and_a_histogram_of_each_weight(
    worker: Worker, trained: TrainRun
) -> None:
    run = trained(tensorboard=True)
    assert (run.state, run.note) == (RunState.FINISHED, None)
    folder = worker.store.tensorboard_folder(run.id)
    assert folder == worker.settings.home / "tensorboard" / run.id
    train, validation = read(folder / "train"), read(folder / "validation")
    for epoch in worker.store.epochs(run.id):
        assert train["epoch_loss"][epoch.epoch] == np.float32(epoch.loss)
        assert train["epoch_accuracy"][epoch.epoch] == np.float32(epoch.accuracy)
        assert train["epoch_learning_rate"][epoch.epoch] == np.float32(epoch.learning_rate)
        assert validation["epoch_loss"][epoch.epoch] == np.float32(epoch.val_loss)
        assert validation["epoch_accuracy"][epoch.epoch] == np.float32(epoch.val_accuracy)
    assert validation.keys() == {"epoch_loss", "epoch_accuracy"}
    shown = plugins(folder / "train")
    histograms = {tag for tag, plugin in shown.items() if plugin == "histograms"}
    assert {tag for tag, plugin in shown.items() if plugin == "scalars"} == {
        "epoch_loss",
        "epoch_accuracy",
        "epoch_learning_rate",
    }
    assert histograms == {
        "conv2d_1/kernel/histogram",
        "conv2d_1/bias/histogram",
        "batch_normalization_1/gamma/histogram",
        "batch_normalization_1/beta/histogram",
        "batch_normalization_1/moving_mean/histogram",
        "batch_normalization_1/moving_variance/histogram",
        "dense_1/kernel/histogram",
        "dense_1/bias/histogram",
    }
    last, _facts = load_arrays(checkpoint_path(worker.store.folder(run.id), "last"))
    [kernel] = [array for name, array in last.items() if name.endswith("dense_1/kernel")]
    shapes = train["dense_1/kernel/histogram"]
    assert list(shapes) == [1, 2, 3]
    assert [shape.shape for shape in shapes.values()] == [(30, 3)] * 3
    np.testing.assert_array_equal(shapes[3], histogram_buckets(kernel))


def test_files_and_tags_equal_those_of_the_keras_callback(
    tmp_path: Path, worker: Worker, trained: TrainRun
) -> None:
    run = trained(tensorboard=True, epochs=1)
    assert run.scaling is not None
    model = build(run.experiment.architecture, run.scaling)
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False
    )
    images, labels = np.zeros((4, 32, 32, 3), np.uint8), np.arange(4)
    logs = tmp_path / "logs"
    callback = keras.callbacks.TensorBoard(logs, histogram_freq=1, write_graph=False)
    model.fit(images, labels, validation_data=(images, labels), verbose=0, callbacks=[callback])
    ours = worker.store.tensorboard_folder(run.id)
    assert {one.name for one in ours.iterdir()} == {one.name for one in logs.iterdir()}
    for part in ("train", "validation"):
        # What Keras writes of the validation batches beside is by the step, not by the epoch.
        theirs = {
            tag: plugin
            for tag, plugin in plugins(logs / part).items()
            if not tag.startswith("evaluation_")
        }
        assert plugins(ours / part) == theirs


def test_without_validation_there_is_only_the_training_curve(
    worker: Worker, trained: TrainRun
) -> None:
    run = trained(tensorboard=True, validation=NoValidation(), epochs=1)
    folder = worker.store.tensorboard_folder(run.id)
    assert [one.name for one in folder.iterdir()] == ["train"]


def test_a_resumed_run_shows_no_epoch_twice(
    worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(tensorboard=True, epochs=4)
    cut_off = False

    def full(artifacts: FolderArtifacts, *state: Any) -> None:
        nonlocal cut_off
        # Epoch 2 is in TensorBoard's files by now, and in no checkpoint.
        if len(worker.store.epochs(artifacts.folder.name)) == 2 and not cut_off:
            cut_off = True
            raise StorageFull("The disk is full.")
        save_last(artifacts, *state)

    monkeypatch.setattr(engine, "save_last", full)
    run = trained(tensorboard=True, epochs=4)
    assert run.state is RunState.FAILED
    folder = worker.store.tensorboard_folder(run.id)
    assert list(read(folder / "train")["epoch_loss"]) == [1, 2]
    resumed = worker.wait(worker.resume(run.id).id)
    assert resumed.state is RunState.FINISHED
    assert len(list((folder / "train").iterdir())) == 1
    for part in ("train", "validation"):
        points = read(folder / part)
        expected = read(worker.store.tensorboard_folder(whole.id) / part)
        assert points.keys() == expected.keys()
        for tag, values in points.items():
            assert list(values) == [1, 2, 3, 4]
            for step, value in values.items():
                np.testing.assert_array_equal(value, expected[tag][step])


def test_an_incomplete_record_of_a_killed_process_is_ignored(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense_1")])

    def epoch(number: int) -> Epoch:
        return Epoch(number, 1.0 / number, 0.5, None, None, 0.1, 1.0)

    first = TensorBoardFiles(tmp_path, 1)
    first.write(epoch(1), model)
    first.write(epoch(2), model)
    [file] = (tmp_path / "train").iterdir()
    whole = file.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 700, 40):
        file.write_bytes(whole[:cut])
        again = TensorBoardFiles(tmp_path, 2)
        again.write(epoch(2), model)
        again.write(epoch(3), model)
        shown = read(tmp_path / "train")
        expected = [1, 2, 3] if cut > 40 else [2, 3]
        assert list(shown["epoch_loss"]) == expected
        assert list(shown["dense_1/kernel/histogram"]) == expected
        [file] = (tmp_path / "train").iterdir()


def test_two_files_of_one_run_are_merged_once(tmp_path: Path) -> None:
    """Left by a process that was killed while it copied the earlier file, or after that."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense_1")])
    TensorBoardFiles(tmp_path, 1).write(Epoch(1, 1.0, 0.5, None, None, 0.1, 1.0), model)
    [file] = (tmp_path / "train").iterdir()
    for share in (1.0, 0.6):
        copied = file.read_bytes()[: int(share * file.stat().st_size)]
        number = int(file.name.split(".")[3])
        file.with_name(f"events.out.tfevents.{number + 1:010d}.cifarviz").write_bytes(copied)
        TensorBoardFiles(tmp_path, 2).write(Epoch(2, 0.5, 0.5, None, None, 0.1, 1.0), model)
        [file] = (tmp_path / "train").iterdir()
        assert read(tmp_path / "train")["epoch_loss"] == {1: 1.0, 2: 0.5}


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_queued(
    tmp_path: Path, make_experiment: Callable
) -> None:
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        environ = {
            "CIFARVIZ_HOME": str(tmp_path / "home"),
            "CIFARVIZ_TENSORBOARD_DIR": str(tmp_path / place),
        }
        worker = Worker(Settings.from_environment(environ), "dashboard")
        with pytest.raises(StorageFull) as refused:
            worker.submit(make_experiment(tensorboard=True), "tiny")
        assert str(refused.value) == (
            f"TensorBoard files cannot be written to “{tmp_path / place}”: a file has that name. "
            "Set CIFARVIZ_TENSORBOARD_DIR to a folder you may write to, or switch them off on the "
            "Train page, under Training."
        )
        assert worker.store.all() == []


def test_a_folder_that_fails_later_does_not_stop_the_run(
    worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = trained()
    written = TensorBoardFiles.write

    def broken_before_epoch_2(self: TensorBoardFiles, epoch: Epoch, model: keras.Model) -> None:
        if epoch.epoch == 2:
            for folder in worker.settings.tensorboard_dir.iterdir():
                shutil.rmtree(folder)
                folder.write_text("in the way")
        written(self, epoch, model)

    monkeypatch.setattr(TensorBoardFiles, "write", broken_before_epoch_2)
    run = trained(tensorboard=True)
    assert (run.state, run.epochs_done, run.message) == (RunState.FINISHED, 3, None)
    assert (run.note or "").startswith("TensorBoard files end before epoch 2: “")
    assert (run.note or "").endswith("was removed).")
    histories = [[tuple(e)[:-1] for e in worker.store.epochs(one.id)] for one in (run, quiet)]
    assert histories[0] == histories[1]


def test_a_full_disk_has_its_own_message(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "events.out.tfevents.0000000001.cifarviz").symlink_to("/dev/full")
    files = TensorBoardFiles(tmp_path, 1)
    with pytest.raises(StorageFull, match=r"could not be written \(No space left on device\)"):
        files.write(Epoch(1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0), keras.Sequential())


def test_writing_does_not_import_tensorboard(tmp_path: Path) -> None:
    script = f"""
import sys
sys.modules["tensorboard"] = None  # importing it raises ImportError
import keras
from pathlib import Path
from cifarviz.runs.records import Epoch
from cifarviz.training.tensorboard_files import TensorBoardFiles
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense_1")])
TensorBoardFiles(Path({str(tmp_path)!r}), 1).write(Epoch(1, 1.0, 0.5, 2.0, 0.25, 0.1, 1.0), model)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert read(tmp_path / "validation")["epoch_accuracy"] == {1: 0.25}
    assert read(tmp_path / "train")["dense_1/kernel/histogram"][1][:, 2].sum() == 6


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).normal(size=(5, 7, 11)).astype(np.float32),
        np.arange(10, dtype=np.float32),
        np.full((2, 3), 0.5, np.float32),
        np.zeros(1, np.float32),
        np.empty(0, np.float32),
    ],
)
def test_histograms_have_the_bins_of_tensorboard(values: np.ndarray) -> None:
    theirs = make_ndarray(histogram_pb("weights", values).value[0].tensor)
    np.testing.assert_allclose(histogram_buckets(values), theirs, rtol=1e-12)


def test_weights_that_are_not_finite_do_not_stop_writing() -> None:
    wild = np.array([np.nan, np.inf, -np.inf, 1.0, 2.0], np.float32)
    assert histogram_buckets(wild)[:, 2].sum() == 2
    assert histogram_buckets(wild[:3]).tolist() == [[0.0] * 3] * 30
