"""The export formats of runs on the Runs page."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.data.importing.editing import delete_dataset
from cifarviz.data.importing.importer import prepare_import
from cifarviz.experiment.choices import Data
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.pages.app_page import widget
from tests.pages.conftest import Arrays
from tests.pages.runs_page import opened, page_texts, press
from tests.picture_sources import fruits, write_folder
from tests.stored_runs import add_checkpoint


def _files(app: AppTest) -> dict[str, Any]:
    """The download buttons: each one's label and its help."""
    return {one.proto.label: one.proto.help for one in app.get("download_button")}


def _sentences(app: AppTest) -> list[str]:
    return [one.value for one in app.caption]


def test_a_run_offers_all_export_formats(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    add_checkpoint(store, run, "last")
    add_checkpoint(store, run, "best")
    app = opened(run.id)
    assert list(_files(app)) == [
        "Report",
        "Keras script",
        "Notebook",
        "Keras model",
        "Weights only",
        "Packed run",
    ]
    # Each says what it is, and where the images come from.
    assert set(_files(app).values()) <= set(_sentences(app))
    assert "A .zip with" in _files(app)["Keras script"]
    assert app.selectbox[0].options == ["Last epoch", "Best epoch (3)"]
    assert not app.exception


def test_the_default_weights_are_exported_first(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), epochs=2)
    stored_runs.raise_validation_loss(store, run, 2)
    for which in ("last", "best"):
        add_checkpoint(store, run, which)
    run = store.get(run.id)
    assert (run.best_epoch, run.epochs_done) == (1, 2)
    app = opened(run.id)
    box = widget(app, "selectbox", f"export-weights-{run.id}-None")
    assert (box.options[0], box.value) == ("Last epoch", "last")
    # In the session that has seen the other choice already, too.
    press(app, "Use epoch 1’s weights")
    box = widget(app, "selectbox", f"export-weights-{run.id}-best")
    assert (box.options, box.value) == (["Best epoch (1)", "Last epoch"], "best")
    press(app, "Use the last epoch’s weights")
    assert widget(app, "selectbox", f"export-weights-{run.id}-None").value == "last"
    assert not app.exception


def test_the_code_of_a_run_on_the_full_set_has_no_images(store: RunStore) -> None:
    made = stored_runs.experiment(data=Data(variant="full"), mirrored_answers=True)
    run = stored_runs.store_run(store, made)
    add_checkpoint(store, run)
    files = _files(opened(run.id))
    assert "Keras downloads the images." in files["Notebook"]
    assert "mirrored image" in files["Keras model"]


def test_a_run_without_weights_has_no_network_to_export(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    app = opened(run.id)
    assert list(_files(app)) == ["Report", "Keras script", "Notebook", "Packed run"]
    assert "has no weights: their files were removed" in " ".join(page_texts(app))


def test_several_runs_share_a_report_and_unstarted_runs_have_none(store: RunStore) -> None:
    runs = [stored_runs.store_run(store, stored_runs.experiment(), name=str(n)) for n in range(2)]
    assert list(_files(opened(*(run.id for run in runs)))) == ["Report"]
    fresh = stored_runs.store_run(store, stored_runs.experiment(), epochs=0)
    assert _files(opened(fresh.id)) == {}


def test_the_buttons_download_the_named_files(
    store: RunStore, weights: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def remember(self: Any, label: str, data: Any, **more: Any) -> None:
        given[more["file_name"]] = data

    monkeypatch.setattr("streamlit.delta_generator.DeltaGenerator.download_button", remember)
    run = stored_runs.store_run(
        store, stored_runs.experiment(), checkpoints={"last": weights, "best": weights}
    )
    assert not opened(run.id).exception
    made = {name: make() for name, make in given.items()}
    assert list(made) == [
        f"run-{run.id}.html",
        f"run-{run.id}-script.zip",
        f"run-{run.id}-notebook.zip",
        f"run-{run.id}-last.keras",
        f"run-{run.id}-last.weights.h5",
        f"run-{run.id}.zip",
    ]
    with zipfile.ZipFile(io.BytesIO(made[f"run-{run.id}.zip"])) as packed:
        assert {"run.json", "files/checkpoint-last.npz"} <= set(packed.namelist())
    assert made[f"run-{run.id}.html"].startswith(b"<!doctype html>")
    assert made[f"run-{run.id}-last.keras"][:2] == b"PK"
    assert made[f"run-{run.id}-last.weights.h5"][1:4] == b"HDF"
    for code in ("script", "notebook"):
        assert b"cifar10-sample.npz" in made[f"run-{run.id}-{code}.zip"]


def test_pictures_of_ones_own_are_exported_only_where_that_is_ticked(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: dict[str, Any] = {}
    names: dict[str, str] = {}

    def remember(self: Any, label: str, data: Any, **more: Any) -> None:
        given[label] = data
        names[label] = more["file_name"]

    monkeypatch.setattr("streamlit.delta_generator.DeltaGenerator.download_button", remember)
    pictures = write_folder(fruits(20), tmp_path / "pictures")
    with prepare_import(pictures, "fruits", store.settings) as prepared:
        experiment = fit_experiment(stored_runs.experiment(), prepared.store(store.settings))
    weights = stored_runs.weights(experiment)
    run = stored_runs.store_run(store, experiment, checkpoints={"last": weights})
    app = opened(run.id)
    image = b'<img src="data:image'
    assert image not in given["Report"]()
    assert "data/train_images.npy" not in packed_names(given["Packed run"]())
    (ticked,) = [one for one in app.checkbox if "pictures" in one.label]
    ticked.check().run()
    assert image in given["Report"]()
    assert "data/train_images.npy" in packed_names(given["Packed run"]())
    assert names["Packed run"] == f"run-{run.id}-with-pictures.zip"
    # Nothing can be included once they are deleted, and the page says what is missing.
    delete_dataset("fruits", store.settings, used=True)
    app = opened(run.id)
    assert not [one for one in app.checkbox if "pictures" in one.label]
    assert "are not on this machine. They were deleted, or not packed" in " ".join(page_texts(app))
    assert not app.exception


def packed_names(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return packed.namelist()


def test_published_pictures_have_no_box_to_tick(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    assert not [one for one in opened(run.id).checkbox if "pictures" in one.label]
