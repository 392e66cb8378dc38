"""Setup of data and training: every choice takes effect or explains why not."""

from dataclasses import replace
from pathlib import Path

import pytest

from cifarviz.data import library
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.experiment.choices import Augmentation
from cifarviz.experiment.dataset_fitting import fit_draft
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.pages.app_page import walk, widget
from tests.pages.train_page import SAMPLE, VGG, current_draft, linked, opened, page_text, press
from tests.picture_sources import fruits, write_folder


def test_every_training_choice_reaches_the_experiment(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE), part="training")
    widget(app, "selectbox", "1-optimizer-kind").select("sgd").run()
    widget(app, "text_input", "1-optimizer-sgd-learning_rate").set_value("1e-2").run()
    widget(app, "toggle", "1-optimizer-sgd-nesterov").set_value(True).run()
    widget(app, "selectbox", "1-schedule-kind").select("cosine").run()
    widget(app, "text_input", "1-schedule-cosine-warmup_epochs").set_value("2").run()
    widget(app, "text_input", "1-batch_size").set_value("64").run()
    widget(app, "text_input", "1-epochs").set_value("5").run()
    widget(app, "text_input", "1-seed").set_value("3").run()
    widget(app, "text_input", "1-l2").set_value("0.001").run()
    widget(app, "selectbox", "1-precision").select("bfloat16").run()
    widget(app, "selectbox", "1-labels").select("one_hot").run()
    widget(app, "text_input", "1-label_smoothing").set_value("0.1").run()
    settings = current_draft(app).settings
    assert settings["optimizer"] == {
        "kind": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.9,
        "nesterov": True,
    }
    assert settings["schedule"]["warmup_epochs"] == 2
    assert settings["loss"] == {"labels": "one_hot", "label_smoothing": 0.1}
    single = {name: settings[name] for name in ("batch_size", "epochs", "seed", "l2", "precision")}
    assert single == {
        "batch_size": 64,
        "epochs": 5,
        "seed": 3,
        "l2": 0.001,
        "precision": "bfloat16",
    }
    assert not app.button(key="train").disabled
    assert not app.exception


def test_unequal_classes_are_reported_with_what_helps(settings: Settings, tmp_path: Path) -> None:
    pictures = write_folder(fruits(40), tmp_path / "pictures")
    for path in sorted((pictures / "apple").iterdir())[10:]:
        path.unlink()
    with prepare_import(pictures, "fruit", settings, ImportOptions(title="Fruit")) as prepared:
        prepared.store(settings)
    app = linked(fit_draft(VGG, "fruit"), part="data")
    text = page_text(app)
    assert "The classes of this data set are unequal:" in text
    assert "and apple has 8." in text
    assert "favours the common classes; class weights or resampling" in text


def test_every_data_choice_reaches_the_experiment(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE), part="data")
    widget(app, "text_input", "1-data-train_images").set_value("1,000").run()
    widget(app, "selectbox", "1-preprocessing-kind").select("divide").run()
    widget(app, "text_input", "1-preprocessing-divide-divisor").set_value("225").run()
    widget(app, "toggle", "1-augmentation--flip").set_value(True).run()
    widget(app, "text_input", "1-augmentation--shift").set_value("2").run()
    assert "1,000 training images · 1,500 validation images" in page_text(app)
    widget(app, "text_input", "1-data-wrong_labels").set_value("1.2").run()
    assert "share of wrong labels must be a number from 0 to 1, not 1.2" in page_text(app)
    assert app.button(key="train").disabled
    widget(app, "text_input", "1-data-wrong_labels").set_value("0.25").run()
    widget(app, "text_input", "1-data-wrong_labels_seed").set_value("8").run()
    assert "favours the common classes" not in page_text(app)
    widget(app, "selectbox", "1-data-class_balance").select("class_weights").run()
    assert "The losses shown are not weighted." in page_text(app)
    assert (
        "1,000 training images · 250 of them with a wrong label · 1,500 validation images"
        in page_text(app)
    )
    widget(app, "selectbox", "1-validation-kind").select("test").run()
    assert "too optimistic" in page_text(app)
    settings = current_draft(app).settings
    assert settings["data"]["train_images"] == 1000
    assert settings["data"]["wrong_labels"] == 0.25
    assert settings["data"]["wrong_labels_seed"] == 8
    assert settings["data"]["class_balance"] == "class_weights"
    assert settings["preprocessing"] == {"kind": "divide", "divisor": 225.0}
    assert settings["augmentation"] == dict(Augmentation(flip=True, shift=2))
    assert settings["validation"] == {"kind": "test"}
    assert not app.exception


def test_label_smoothing_is_off_with_integer_labels_with_the_reason(store: RunStore) -> None:
    app = opened(part="training")
    assert widget(app, "text_input", "1-label_smoothing-off").disabled
    assert "only one-hot labels can be smoothed" in page_text(app)
    assert "`0\u00a00\u00a00\u00a01\u00a00\u00a00\u00a00\u00a00\u00a00\u00a00`" in page_text(app)
    assert not app.exception


def test_a_batch_size_larger_than_the_data_is_reported(store: RunStore) -> None:
    draft = VGG.with_value("data", {**SAMPLE, "train_images": 20})
    app = linked(draft)
    assert "The batch size 32 is larger than the 20 training images" in page_text(app)
    assert app.button(key="train").disabled
    assert not app.exception


def test_with_the_full_set_the_sample_is_a_normal_choice(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = replace(library.status("cifar10", store.settings), full_available=True)
    monkeypatch.setattr(library, "status", lambda *_: status)
    app = opened(preset="cifar10-vgg", part="data")
    assert "full set is not here" not in page_text(app)
    assert widget(app, "text_input", "run-name").placeholder == "Overfitting and feature maps"
    widget(app, "selectbox", "1-data-sample-full").select("sample").run()
    assert "embedded sample instead of full set" in page_text(app)
    name = widget(app, "text_input", "run-name").placeholder
    assert name == "Overfitting and feature maps · sample"
    press(app, "undo-changes")
    assert current_draft(app).settings["data"]["variant"] == "full"
    assert not app.exception


def test_the_page_explains_what_train_trains_of_an_ensemble() -> None:
    app = opened(preset="cifar10-ensemble")
    assert "Train trains one network of the ensemble’s 4" in page_text(app)
    press(app, "variant-as-published")
    assert "Its predictions after several epochs vote" in page_text(app)
    assert "Train trains" not in page_text(opened(preset="cifar10-vgg"))
    assert not app.exception


def test_terms_are_explained_next_to_their_controls(store: RunStore) -> None:
    app = opened(preset="cifar10-dropout")
    protos = [getattr(element, "proto", None) for element in walk(app._tree)]
    helps = " ".join(getattr(proto, "help", "") or "" for proto in protos).lower()
    for word in ("channel", "relu", "padding", "dropout", "pooling", "softmax"):
        assert word in helps
