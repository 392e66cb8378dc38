"""Every value that the version of format 5 stored is read as it was written.

What is expected comes from the fixture's own bytes, by ``sqlite3`` and NumPy, with the names that
tables, columns, files and arrays have on the disk. These names stay, whatever they are called in
the program; so do not rename them here.
"""

import io
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.archive import unpack
from cifarviz.runs.pins import pinned_images
from cifarviz.runs.recorded import is_recorded_run_hidden
from cifarviz.runs.records import Run
from cifarviz.runs.run_json import load_run_json
from cifarviz.runs.series import all_series, series_runs
from cifarviz.runs.snapshots import load_predictions, load_weights, snapshot_epochs
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import load_maps, map_image_indices
from cifarviz.runs.stored_predictions import load_checkpoint_predictions, load_epoch_predictions
from cifarviz.runs.stored_weights import epochs_to_fork, stored_checkpoints
from cifarviz.settings import Settings

FIXTURE = Path(__file__).parents[1] / "fixtures" / "full-format-5"
PLAIN, FULL, FORK, FAILED = "c7a3bf33", "e4f0716c", "133b82d7", "6a0c39c8"
CLASSES = 10
# Columns whose value is an attribute of the same name; the others are compared by themselves.
SAME = (
    "id", "name", "state", "origin", "machine", "created", "started", "ended", "seconds",
    "train_images", "validation_images", "images_per_second", "precision", "precision_reason",
    "message", "note", "stopped_early", "remark", "preferred", "parent", "parent_epoch",
    "exact_loss_from",
)  # fmt: skip
# What the home of a run knows and a packed run does not say.
ONLY_AT_HOME = ("origin", "starred", "queued", "phase", "current_rate", "seconds_left")
KINDS = {
    "checkpoint-best", "checkpoint-last", "test-probabilities-best", "test-probabilities-epoch",
    "snapshots/answers", "snapshots/maps", "snapshots/memory", "snapshots/weights",
}  # fmt: skip

Arrays = Mapping[str, np.ndarray]
Rows = list[dict[str, Any]]


def stored(query: str, *values: object) -> Rows:
    """Rows of the fixture's database, by the columns' names on the disk."""
    path = FIXTURE / "home" / "runs.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, values)]


def stored_run(run_id: str) -> dict[str, Any]:
    [row] = stored("SELECT * FROM runs WHERE id = ?", run_id)
    return row


def arrays_in(content: bytes | Path) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and facts of a stored file, by NumPy alone."""
    with np.load(io.BytesIO(content) if isinstance(content, bytes) else content) as file:
        arrays = {name: file[name] for name in file.files}
    return arrays, json.loads(arrays.pop("__facts__").tobytes())


def same(found: Arrays, expected: Arrays) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
        assert found[name].dtype == values.dtype


@pytest.fixture
def home(settings: Settings) -> RunStore:
    shutil.copytree(FIXTURE / "home", settings.home)
    return RunStore(settings)


def with_added_fields(experiment: str) -> dict[str, Any]:
    """A stored experiment with the fields that were added since: what they mean for old runs."""
    fields = json.loads(experiment)
    fields["data"]["class_balance"] = "none"
    fields["augmentation"] |= {"alternating_flip": False, "cutout": 0} | dict.fromkeys(
        ("rotation", "zoom", "brightness", "contrast", "saturation", "hue", "mixup", "cutmix"), 0.0
    )
    for layer in fields["architecture"]["layers"]:
        if layer["type"] in ("conv2d", "depthwise_conv2d", "dense", "batch_norm"):
            layer["frozen"] = False
        if "conv2d" in layer["type"]:
            layer["dilation"] = 1
    return {**fields, "prediction_shift": 0, "transfer": None}


PLACES = {
    "at home": (None, PLAIN),
    "at home, full": (None, FULL),
    "at home, a fork": (None, FORK),
    "packed": ("run.zip", PLAIN),
    "packed, full": ("full-run.zip", FULL),
}


def opened(settings: Settings, archive: str | None, run_id: str) -> tuple[RunStore, Run, str]:
    if archive is not None:
        store = RunStore(settings)
        return store, unpack(store, FIXTURE / archive, origin="imported"), run_id
    shutil.copytree(FIXTURE / "home", settings.home)
    store = RunStore(settings)
    return store, store.get(run_id), run_id


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, settings: Settings) -> tuple[RunStore, Run, str]:
    """A home, a run in it that the fixture has, and the run's id in the fixture."""
    return opened(settings, *PLACES[request.param])


def files_of(run_id: str) -> dict[str, Path]:
    folder = FIXTURE / "home" / "runs" / run_id
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.npz")}


def test_the_fixture_has_every_kind_of_file() -> None:
    kinds = {name.removesuffix(".npz").rstrip("0123456789").rstrip("-") for name in files_of(FULL)}
    assert kinds == KINDS
    with zipfile.ZipFile(FIXTURE / "full-run.zip") as file:
        members = {name.removeprefix("files/") for name in file.namelist()}
    assert members == {"run.json", "batches.npz", *files_of(FULL)}


def test_facts_of_a_run_are_read_as_stored(place: tuple[RunStore, Run, str]) -> None:
    _store, run, run_id = place
    expected = stored_run(run_id)
    imported = run.origin == "imported"
    for name in SAME:
        if not (imported and name in ONLY_AT_HOME):
            assert getattr(run, name) == expected[name], name
    assert run.damage is None
    assert run.starred == (bool(expected["starred"]) and not imported)
    assert json.loads(run.experiment.to_json()) == with_added_fields(expected["experiment"])
    scaling = json.loads(expected["scaling"])
    assert run.scaling is not None
    assert [*run.scaling.scale] == scaling["scale"]
    assert [*run.scaling.offset] == scaling["offset"]
    assert run.progress is not None
    assert run.progress.step == expected["step"]
    assert run.progress.steps_per_epoch == expected["steps_per_epoch"]
    if not imported:
        assert run.progress.heartbeat == expected["heartbeat"]
        assert run.progress.images_per_second == expected["current_rate"]


def test_epochs_and_batches_are_read_as_stored(place: tuple[RunStore, Run, str]) -> None:
    store, run, run_id = place
    epochs = stored("SELECT * FROM epochs WHERE run = ? ORDER BY epoch", run_id)
    found = store.epochs(run.id)
    assert [
        {
            "run": run_id,
            "epoch": one.epoch,
            "loss": one.loss,
            "accuracy": one.accuracy,
            "val_loss": one.val_loss,
            "val_accuracy": one.val_accuracy,
            "learning_rate": one.learning_rate,
            "seconds": one.seconds,
        }
        for one in found
    ] == epochs
    rows = stored("SELECT * FROM batches WHERE run = ? ORDER BY first_step", run_id)
    points = store.batch_points(run.id)
    steps = [row["first_step"] + place for row in rows for place in range(row["count"])]
    assert points.steps.tolist() == steps
    for name, values in (("loss", points.loss), ("accuracy", points.accuracy)):
        assert values.tobytes() == b"".join(row[name] for row in rows)
    monitored = "val_accuracy" if stored_run(run_id)["monitor"] == "accuracy" else "val_loss"
    pick = max if monitored == "val_accuracy" else min
    assert run.best_epoch == pick(epochs, key=lambda row: row[monitored])["epoch"]


def test_weights_are_read_as_stored(place: tuple[RunStore, Run, str]) -> None:
    store, run, run_id = place
    folder, files = store.folder(run.id), files_of(run_id)
    assert set(stored_checkpoints(store, run)) == {"best", "last"}
    weights = [name for name in files if "weights-" in name]
    assert snapshot_epochs(folder, "weights") == sorted(int(name[-8:-4]) for name in weights)
    for name in ("checkpoint-best.npz", "checkpoint-last.npz", *weights):
        expected, expected_facts = arrays_in(files[name])
        which = int(name[-8:-4]) if name in weights else name.split("-")[1].removesuffix(".npz")
        found, facts = load_weights(folder, which)  # type: ignore[arg-type]
        same(found, expected)
        assert facts == expected_facts
        assert expected["model/002/conv2d_1/kernel"].shape == (3, 3, 3, 4)
    assert any(name.startswith("optimizer/") for name in load_weights(folder, "last")[0])


def test_feature_maps_are_read_as_stored(place: tuple[RunStore, Run, str]) -> None:
    store, run, run_id = place
    folder, files = store.folder(run.id), files_of(run_id)
    names = [name for name in files if "maps-" in name]
    assert names
    for name in names:
        epoch = int(name[-8:-4])
        expected, facts = arrays_in(files[name])
        assert map_image_indices(folder, epoch) == (1,) == tuple(expected["indices"])
        layers = load_maps(folder, epoch, 1)
        assert [[layer.name, layer.type] for layer in layers] == facts["layers"]
        for number, layer in enumerate(layers):
            if f"{number}/values" in expected:
                np.testing.assert_array_equal(layer.values, expected[f"{number}/values"][0])
                continue
            lowest, highest = expected[f"{number}/range"][:, 0]
            steps = expected[f"{number}/bytes"][0] / 255
            np.testing.assert_allclose(
                layer.values, lowest + steps * (highest - lowest), rtol=1e-5, atol=1e-6
            )


@pytest.mark.parametrize(
    ("file_name", "kind"), [("answers", "predictions"), ("memory", "train_predictions")]
)
def test_predictions_after_each_epoch_are_read_as_stored(
    file_name: str, kind: Any, place: tuple[RunStore, Run, str]
) -> None:
    store, run, run_id = place
    folder, files = store.folder(run.id), files_of(run_id)
    names = [name for name in files if name.startswith(f"snapshots/{file_name}-")]
    assert bool(names) == (file_name == "answers" or run_id == FULL)
    assert snapshot_epochs(folder, kind) == sorted(int(name[-8:-4]) for name in names)
    for name in names:
        expected, facts = arrays_in(files[name])
        found = load_predictions(folder, int(name[-8:-4]), CLASSES, kind)
        assert found.split == facts["split"] == "train"
        np.testing.assert_array_equal(found.indices, expected["indices"])
        np.testing.assert_array_equal(
            found.predictions.log_probabilities, expected["log_probabilities"].astype(np.float32)
        )


@pytest.mark.parametrize("where", ["at home, full", "packed, full"])
def test_predictions_of_the_test_images_are_read_as_stored(where: str, settings: Settings) -> None:
    store, run, _ = opened(settings, *PLACES[where])
    folder, files = store.folder(run.id), files_of(FULL)
    test = library.load("cifar10", "sample", store.settings).test

    expected, facts = arrays_in(files["test-probabilities-best.npz"])
    np.testing.assert_array_equal(expected["indices"], test.indices)
    best = load_checkpoint_predictions(folder, "best", tuple(facts["checkpoint"]), test, CLASSES)
    assert best is not None
    np.testing.assert_array_equal(best.log_probabilities, expected["log_probabilities"])
    # They are what the network says whose weights lie beside them.
    asked = open_checkpoint(store, run, "best").predictions(test.images)
    np.testing.assert_allclose(asked.log_probabilities, best.log_probabilities, atol=1e-4)

    expected, _ = arrays_in(files["test-probabilities-epoch-0001.npz"])
    after = load_epoch_predictions(folder, 1, test, CLASSES)
    np.testing.assert_array_equal(after.log_probabilities, expected["log_probabilities"])
    assert run.experiment.test_epochs == (1,)


def test_preferences_and_series_are_read_as_stored(home: RunStore) -> None:
    assert {run.id: run.name for run in home.all()} == {
        row["id"]: row["name"] for row in stored("SELECT id, name FROM runs")
    }
    [series] = all_series(home, "duel")
    [expected] = stored("SELECT * FROM series")
    members = stored("SELECT * FROM series_runs ORDER BY position")
    assert (series.id, series.title) == (expected["id"], expected["title"])
    assert (series.made, series.count) == (expected["made"], expected["runs"])
    assert series.run_ids == tuple(row["run"] for row in members) == (PLAIN, FORK)
    assert series.labels == tuple(row["label"] for row in members)
    assert [run.id for run in series_runs(home, series)] == [PLAIN, FORK]

    preferences = {row["name"]: row["value"] for row in stored("SELECT * FROM preferences")}
    assert preferences == {"pins cifar10": "[1]", "recorded run": '"hidden"'}
    assert pinned_images(home, CIFAR10) == (1,)
    assert is_recorded_run_hidden(home)

    fork, failed = home.get(FORK), home.get(FAILED)
    assert (fork.parent, fork.parent_epoch, fork.epochs_done) == (PLAIN, 2, 3)
    assert (failed.state, failed.epochs_done) == (RunState.FAILED, 0)
    assert (failed.message, failed.note) == (
        "The loss is no longer a number.",
        "TensorBoard's folder broke.",
    )
    full = home.get(FULL)
    assert full.experiment.tensorboard
    assert full.experiment.data.wrong_labels == 0.25
    assert len(list(home.tensorboard_folder(FULL).rglob("events.out.tfevents.*"))) == 2


def test_precision_timings_are_read_as_stored(
    home: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cifarviz.training import precision

    [(key, times)] = json.loads((FIXTURE / "home" / "precision.json").read_text()).items()
    # The key is about the machine that it was timed on.
    monkeypatch.setattr(precision, "timing_key", lambda experiment: key)
    timing = precision.TimingsFile(home.settings.home / "precision.json").find(
        home.get(PLAIN).experiment
    )
    assert timing is not None
    assert {"float32": timing.float32, "bfloat16": timing.bfloat16} == times


def test_a_stored_run_resumes_with_its_weights_and_optimiser(home: RunStore) -> None:
    parent = home.get(PLAIN)
    assert set(epochs_to_fork(home.folder(PLAIN), parent)) >= {1, 2}
    worker = Worker(home.settings, "command line")
    longer = Experiment(**parent.experiment.model_dump() | {"epochs": 3})
    fork = worker.wait(worker.fork(PLAIN, 2, longer, "again").id)
    assert (fork.state, fork.message) == (RunState.FINISHED, None)
    # The fork in the fixture was made so: equal to what float32 and other processors allow.
    [again], [before] = home.epochs(fork.id), home.epochs(FORK)
    assert again.loss == pytest.approx(before.loss, rel=1e-3)
    assert again.val_loss == pytest.approx(before.val_loss, rel=1e-3)


def test_changing_a_run_updates_its_run_json(home: RunStore) -> None:
    home.rename(FULL, "another name")
    columns, epochs, _ = load_run_json(home.folder(FULL))
    expected = stored_run(FULL)
    for name in SAME:
        assert columns[name] == (expected[name] if name != "name" else "another name"), name
    assert epochs == home.epochs(FULL)
