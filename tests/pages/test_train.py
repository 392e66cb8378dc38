"""Train: setting an experiment up, its address, and pressing Train."""

from dataclasses import replace

import pytest

from cifarviz.data import library
from cifarviz.experiment.address import preset_draft
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.worker import Worker
from cifarviz.ui.setup.preset_words import published_words
from tests import stored_runs
from tests.pages.train_page import (
    SAMPLE,
    VGG,
    address_of,
    drafted,
    kinds,
    labels,
    linked,
    links,
    opened,
    press,
    said,
    walk,
)


@pytest.fixture
def store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    return RunStore(settings)


def test_a_fresh_machine_can_train_at_once_on_the_sample(store: RunStore) -> None:
    app = opened()
    assert not app.button(key="train").disabled
    assert "A wide guess" in said(app)
    assert app.text_input(key="run-name").placeholder == "A first network · sample"
    # The sample is used for want of the full set: nobody's change, and nothing to undo.
    assert "Nothing is changed" in said(app)
    assert "Undo all changes" not in labels(app)
    assert "changes" not in app.query_params
    assert "The full set is not here yet: the embedded sample is used." in said(app)
    assert "Get the full set" in links(app)
    assert not app.exception


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_shows_its_story_and_layers(store: RunStore, preset: str) -> None:
    app = opened(preset=preset)
    network = PRESETS[preset].experiment.architecture
    assert PRESETS[preset].story in said(app)
    assert published_words(PRESETS[preset]) in said(app)
    assert all(note in said(app) for note in PRESETS[preset].notes)
    assert "Nothing is changed against the preset." in said(app)
    assert f"**{network.parameters:,} parameters**" in said(app)
    edits = [one for one in app.button if (one.key or "").endswith("-edit")]
    assert len(edits) == len(network.layers)
    assert not app.exception


def test_an_ensemble_can_be_trained_as_published_or_for_real(store: RunStore) -> None:
    app = opened(preset="cifar10-ensemble")
    (real,) = [
        one for one in walk(app._tree) if one.type == "page_link" and "real" in one.proto.label
    ]
    assert "4 members from 4 seeds" in real.proto.label
    assert "view=ensemble" in real.proto.query_string
    press(app, "variant-as-published")
    assert "number of epochs 15 → 60" in said(app)
    assert app.button(key="variant-as-published").disabled
    # The address holds it: a reload shows the same.
    again = opened(**address_of(app))
    assert drafted(again).settings["test_epochs"] == [15, 30, 45, 60]
    assert again.button(key="variant-as-published").disabled
    press(again, "undo-changes")
    assert drafted(again).settings["epochs"] == 15
    assert not app.exception
    assert not again.exception


def test_the_words_of_a_network_are_explained_in_its_table(store: RunStore) -> None:
    app = opened(preset="cifar10-dropout")
    words = " ".join(one.help for one in app.caption if one.help).lower()
    for word in ("channel", "relu", "padding", "dropout", "pooling", "softmax"):
        assert word in words
    assert not app.exception


def test_choosing_a_preset_replaces_the_draft_and_the_address(store: RunStore) -> None:
    app = opened(preset="cifar10-starter")
    app.selectbox(key="1-preset").select("cifar10-vgg").run()
    assert address_of(app)["preset"] == "cifar10-vgg"
    assert f"{814_122:,}" in said(app)
    assert not app.exception


def test_moving_and_removing_rows_leaves_other_values_alone(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    press(app, "layer-1-2-edit")
    app.text_input(key="layer-1-2-filters").set_value("48").run()
    press(app, "layer-1-2-down")
    # The form went with its layer, and so did what was typed.
    assert app.text_input(key="layer-1-2-filters").value == "48"
    layers = drafted(app).layers
    assert [layer.type for layer in layers[:3]] == ["conv2d", "max_pool2d", "conv2d"]
    assert layers[2].fields["filters"] == 48
    press(app, "layer-1-1-remove")
    assert app.text_input(key="layer-1-2-filters").value == "48"
    press(app, "layer-1-4-edit")
    assert app.text_input(key="layer-1-4-filters").value == "64"
    assert kinds(app)[:3] == ["max_pool2d", "conv2d", "conv2d"]
    assert [layer.fields.get("filters") for layer in drafted(app).layers[:3]] == [None, 48, 64]
    assert not app.exception


def test_a_copy_has_the_same_values_and_a_life_of_its_own(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    press(app, "layer-1-1-edit")
    app.text_input(key="layer-1-1-filters").set_value("7").run()
    press(app, "layer-1-1-copy")
    press(app, "layer-1-13-edit")
    assert app.text_input(key="layer-1-13-filters").value == "7"
    app.text_input(key="layer-1-13-filters").set_value("9").run()
    press(app, "layer-1-1-edit")
    assert app.text_input(key="layer-1-1-filters").value == "7"
    assert [layer.fields["filters"] for layer in drafted(app).layers[:3]] == [7, 9, 32]
    assert not app.exception


def test_a_new_layer_is_put_where_it_fits_with_its_form_open(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    app.selectbox(key="1-new-layer").select("dropout").run()
    press(app, "add-layer")
    assert kinds(app)[-2:] == ["dropout", "dense"]
    assert app.text_input(key="layer-1-13-rate").value == "0.5"
    assert not app.button(key="train").disabled
    assert not app.exception


def test_what_cannot_work_is_said_and_train_is_not_offered(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    press(app, "layer-1-10-remove")  # Flatten
    assert app.button(key="train").disabled
    assert "Dense layers want a flat vector" in said(app)
    app.selectbox(key="1-new-layer").select("flatten").run()
    press(app, "add-layer")
    assert not app.button(key="train").disabled
    assert not app.exception


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("99", "The kernel size must be a whole number from 1 to 32, not 99."),
        ("3.7", "not 3.7"),
        ("three", "not “three”"),
        ("", "not nothing"),
        ("<b>*", "not “<b>*”"),
        ("9" * 40, "a number of more than 20 digits"),
    ],
)
def test_a_wrong_number_is_one_sentence_and_stays_where_it_is(
    store: RunStore, typed: str, words: str
) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    press(app, "layer-1-1-edit")
    app.text_input(key="layer-1-1-kernel_size").set_value(typed).run()
    assert words in said(app)
    assert app.text_input(key="layer-1-1-kernel_size").value == typed
    assert app.button(key="train").disabled
    # Nor is it lost when the form is closed, or the page reloaded by its address.
    press(app, "layer-1-1-edit")
    press(app, "layer-1-1-edit")
    again = opened(**address_of(app))
    assert words in said(again)
    press(again, "layer-1-1-edit")
    assert again.text_input(key="layer-1-1-kernel_size").value == typed
    assert not app.exception
    assert not again.exception


def test_every_training_choice_reaches_the_experiment(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE), part="training")
    app.selectbox(key="1-optimizer-kind").select("sgd").run()
    app.text_input(key="1-optimizer-sgd-learning_rate").set_value("1e-2").run()
    app.toggle(key="1-optimizer-sgd-nesterov").set_value(True).run()
    app.selectbox(key="1-schedule-kind").select("cosine").run()
    app.text_input(key="1-schedule-cosine-warmup_epochs").set_value("2").run()
    app.text_input(key="1-batch_size").set_value("64").run()
    app.text_input(key="1-epochs").set_value("5").run()
    app.text_input(key="1-seed").set_value("3").run()
    app.text_input(key="1-l2").set_value("0.001").run()
    app.selectbox(key="1-precision").select("bfloat16").run()
    app.selectbox(key="1-labels").select("one_hot").run()
    app.text_input(key="1-label_smoothing").set_value("0.1").run()
    settings = drafted(app).settings
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


def test_every_data_choice_reaches_the_experiment(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE), part="data")
    app.text_input(key="1-data-train_images").set_value("1,000").run()
    app.selectbox(key="1-preprocessing-kind").select("divide").run()
    app.text_input(key="1-preprocessing-divide-divisor").set_value("225").run()
    app.toggle(key="1-augmentation--flip").set_value(True).run()
    app.text_input(key="1-augmentation--shift").set_value("2").run()
    assert "1,000 images to train on, 1,500 to validate" in said(app)
    app.selectbox(key="1-validation-kind").select("test").run()
    assert "too good to be true" in said(app)
    settings = drafted(app).settings
    assert settings["data"]["train_images"] == 1000
    assert settings["preprocessing"] == {"kind": "divide", "divisor": 225.0}
    assert settings["augmentation"] == {"flip": True, "shift": 2}
    assert settings["validation"] == {"kind": "test"}
    assert not app.exception


def test_label_smoothing_is_off_with_integer_labels_and_says_why(store: RunStore) -> None:
    app = opened(part="training")
    assert app.text_input(key="1-label_smoothing-off").disabled
    assert "only one-hot labels can be smoothed" in said(app)
    assert "`0\u00a00\u00a00\u00a01\u00a00\u00a00\u00a00\u00a00\u00a00\u00a00`" in said(app)
    assert not app.exception


def test_a_batch_larger_than_the_data_is_said(store: RunStore) -> None:
    draft = VGG.with_value("data", {**SAMPLE, "train_images": 20})
    app = linked(draft)
    assert "A batch of 32 is larger than the 20 training images" in said(app)
    assert app.button(key="train").disabled
    assert not app.exception


def test_a_link_to_the_full_set_works_where_only_the_sample_is(store: RunStore) -> None:
    app = linked(VGG.with_value("epochs", 3), part="data")
    assert not app.button(key="train").disabled
    assert app.selectbox(key="1-data-sample").value == "sample"
    # Once in the panel, once beside the choice of data.
    assert said(app).count("The full set is not here yet") == 2
    assert links(app).count("Get the full set") == 2
    # The link goes on meaning the full set, which is used as soon as it is here.
    app.text_input(key="1-data-train_images").set_value("1,000").run()
    assert drafted(app).settings["data"]["variant"] == "full"
    assert drafted(app).settings["data"]["train_images"] == 1000
    assert "1,000 images to train on, 1,500 to validate" in said(app)
    press(app, "undo-changes")
    assert "changes" not in app.query_params
    assert not app.exception


def test_with_the_full_set_the_sample_is_a_choice_like_any_other(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = replace(library.status("cifar10", store.settings), full_available=True)
    monkeypatch.setattr(library, "status", lambda *_: status)
    app = opened(preset="cifar10-vgg", part="data")
    assert "full set is not here" not in said(app)
    assert app.text_input(key="run-name").placeholder == "Overfitting and feature maps"
    app.selectbox(key="1-data-sample-full").select("sample").run()
    assert "embedded sample instead of full set" in said(app)
    name = app.text_input(key="run-name").placeholder
    assert name == "Overfitting and feature maps · sample"
    press(app, "undo-changes")
    assert drafted(app).settings["data"]["variant"] == "full"
    assert not app.exception


def test_a_row_says_what_its_buttons_do(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    names = [label for label in labels(app) if "(row 4)" in label]
    assert names == [
        "Change the settings of Conv 64 (row 4)",
        "Move Conv 64 (row 4) up",
        "Move Conv 64 (row 4) down",
        "Duplicate Conv 64 (row 4)",
        "Remove Conv 64 (row 4)",
    ]
    assert len(set(labels(app))) == len(labels(app))
    assert not app.exception


def test_the_draft_survives_other_pages_and_the_other_view(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE), part="training")
    app.text_input(key="1-epochs").set_value("4").run()
    app.switch_page("pages/start.py")
    app.query_params.clear()
    app.run()
    app.switch_page("pages/train.py")
    app.run()
    assert drafted(app).settings["epochs"] == 4
    app.segmented_control(key="train-view").set_value("watch").run()
    assert "preset" not in app.query_params
    app.segmented_control(key="train-view").set_value("setup").run()
    assert drafted(app).settings["epochs"] == 4
    assert not app.exception


def test_undo_brings_the_preset_back(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE).with_value("epochs", 4))
    press(app, "undo-changes")
    assert drafted(app).settings["epochs"] == 30
    assert not app.exception


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ({"preset": "lenet"}, "There is no preset “lenet”"),
        ({"preset": "cifar10-vgg", "changes": "broken"}, "cannot be read"),
        ({"changes": "abc"}, "not the preset"),
        ({"view": "sideways"}, "has no view “sideways”"),
        ({"part": "cellar"}, "has no part “cellar”"),
        ({"view": "setup", "run": "zzz"}, "There is no run “zzz”"),
        ({"view": "watch", "run": "zzz"}, "There is no run “zzz”"),
        ({"view": "watch", "run": "a" * 300}, "There is no run"),
    ],
)
def test_a_bad_address_is_one_sentence_and_the_page_stays_usable(
    store: RunStore, address: dict[str, str], words: str
) -> None:
    app = opened(**address)
    assert [words in error.value.replace("\\", "") for error in app.error] == [True]
    app.segmented_control(key="train-view").set_value("setup").run()
    assert not app.button(key="train").disabled
    assert not app.error
    assert not app.exception


def test_the_estimate_says_on_how_many_runs_it_rests(store: RunStore) -> None:
    sample = PRESETS["cifar10-vgg"].experiment.model_copy(
        update={"data": stored_runs.experiment().data}
    )
    for speed in (600.0, 620.0):
        run = stored_runs.store_run(store, sample)
        store.describe(run.id, precision="float32", images_per_second=speed)
    app = linked(VGG.with_value("data", SAMPLE))
    assert "2 recorded runs of a network of this size" in said(app)
    assert not app.exception


def test_train_again_loads_a_runs_choices(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), name="mine")
    app = opened(view="setup", run=run.id)
    assert "run" not in app.query_params
    assert drafted(app).settings["epochs"] == 3
    assert len(drafted(app).layers) == 6
    assert not app.exception


def test_pressing_train_queues_the_run_and_watches_it(store: RunStore) -> None:
    draft = preset_draft("cifar10-starter", 1)
    for layer in draft.layers[:5]:
        draft = draft.without_layer(layer.id)
    draft = draft.with_value("data", {**SAMPLE, "train_images": 64}).with_value("epochs", 1)
    draft = draft.with_value("validation", {"kind": "none"}).with_value("batch_size", 32)
    app = linked(draft)
    app.text_input(key="run-name").set_value("my *first* run").run()
    press(app, "train")
    (run,) = store.all()
    address = address_of(app)
    assert (address["view"], address["run"]) == ("watch", run.id)
    assert run.name == "my *first* run"
    assert not app.exception
    ended = Worker(store.settings, "test").wait(run.id, 90)
    assert ended.state is RunState.FINISHED, ended.message
    app.run()
    assert "The one epoch is done." in said(app)
    assert "my *first* run" in said(app)
    assert not app.exception
