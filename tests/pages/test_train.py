"""Train: setting an experiment up, its address, pressing Train, and watching a run."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.data import library
from cifarviz.experiment.address import pack_changes, preset_draft, unpack_changes
from cifarviz.experiment.choices import NoValidation
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.worker import Worker
from scripts.app_server import ROOT
from tests import stored_runs

VGG = preset_draft("cifar10-vgg", 1)
SAMPLE = {"dataset": "cifar10", "variant": "sample", "train_images": None}


@pytest.fixture
def store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    return RunStore(settings)


def opened(**address: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/train.py")
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def linked(draft: Draft, **address: str) -> AppTest:
    """The page opened by a link that holds this draft."""
    packed = pack_changes(draft)
    changes = {} if packed is None else {"changes": packed}
    return opened(preset=draft.preset, **changes, **address)


def address_of(app: AppTest) -> Mapping[str, str]:
    pairs = app.query_params.items()
    return {name: value if isinstance(value, str) else value[0] for name, value in pairs}


def drafted(app: AppTest) -> Draft:
    """The draft that the address holds now."""
    address = address_of(app)
    if "changes" not in address:
        return preset_draft(address["preset"], 1)
    return unpack_changes(address["preset"], address["changes"], 1)


def said(app: AppTest) -> str:
    found = [*app.error, *app.warning, *app.info, *app.subheader, *app.markdown, *app.caption]
    # A backslash only keeps Markdown from reading a sign as its own.
    return "\n".join(one.value.replace("\\", "") for one in found)


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def labels(app: AppTest) -> list[str]:
    return [one.label for one in app.button]


def links(app: AppTest) -> list[str]:
    return [one.proto.label for one in walk(app._tree) if one.type == "page_link"]


def kinds(app: AppTest) -> list[str]:
    return [layer.type for layer in drafted(app).layers]


def walk(node: Any) -> Iterator[Any]:
    for child in getattr(node, "children", {}).values():
        yield child
        yield from walk(child)


# Setup


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
    assert f"Published in {PRESETS[preset].published['year']}" in said(app)
    assert f"**{network.parameters:,} parameters**" in said(app)
    edits = [one for one in app.button if (one.key or "").endswith("-edit")]
    assert len(edits) == len(network.layers)
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
    assert "Smoothing needs one-hot labels" in said(app)
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


# Watch


def test_without_runs_watch_says_what_to_do(store: RunStore) -> None:
    app = opened(view="watch")
    assert "Nothing has been trained here yet" in said(app)
    assert "Set up a run" in labels(app)
    assert not app.exception


def test_the_run_at_work_is_shown_first_and_can_be_steered(store: RunStore) -> None:
    working = stored_runs.store_run(
        store, stored_runs.experiment(), name="at work", state=RunState.RUNNING, epochs=1
    )
    with stored_runs.held(store, working):
        _revive(store, working.id)
        stored_runs.store_run(store, stored_runs.experiment(), name="older")
        app = opened(view="watch")
        assert address_of(app)["run"] == working.id
        assert ":blue-badge[running] epoch 1 of 3" in said(app)
        assert "##### 1 of 3" in said(app)
        press(app, f"stop-{working.id}")
        assert store.get(working.id).requested == Action.STOP
        assert app.button(key=f"stop-{working.id}").label == "Stopping …"
        assert app.button(key=f"stop-{working.id}").disabled
        assert ":orange-badge[stopping] epoch 1 of 3" in said(app)
        assert "running" not in said(app)
        assert not app.exception


def test_a_queued_run_says_for_whom_it_waits_and_can_be_taken_out(store: RunStore) -> None:
    made = stored_runs.experiment()
    first = stored_runs.store_run(store, made, name="first", state=RunState.RUNNING, epochs=1)
    second = stored_runs.store_run(store, made, name="second", state=RunState.QUEUED, epochs=0)
    with stored_runs.held(store, first), stored_runs.held(store, second):
        _revive(store, first.id)
        _revive(store, second.id, RunState.QUEUED)
        app = opened(view="watch", run=second.id)
        assert "waiting for “first”" in said(app)
        app = opened(view="watch", run=first.id)
        assert "**second** :gray-badge[queued] waiting for “first”" in said(app)
        press(app, f"stop-{second.id}")
        assert store.get(second.id).state is RunState.STOPPED
        assert "**second**" not in said(app)
        assert "A new run waits for “first”" in said(opened(view="setup"))
        assert not app.exception


@pytest.mark.parametrize(
    ("state", "words", "resumable"),
    [
        (RunState.FINISHED, "All 3 epochs are done", False),
        (RunState.STOPPED, "After 3 of 3 epochs; what it learned until then is kept", True),
        (RunState.FAILED, "The loss was no longer a number.", True),
        (RunState.INTERRUPTED, "3 of 3 epochs", True),
    ],
)
def test_an_ended_run_says_what_happened_and_what_next(
    store: RunStore, state: RunState, words: str, resumable: bool
) -> None:
    message = "The loss was no longer a number." if state is RunState.FAILED else None
    run = stored_runs.store_run(
        store,
        stored_runs.experiment(),
        state=state,
        message=message,
        checkpoints={"last": {"weights": np.zeros(1)}},
    )
    app = opened(view="watch", run=run.id)
    assert words in said(app)
    assert ("Resume" in labels(app)) is resumable
    assert "Train again with changes" in labels(app)
    links = [one.proto.label for one in walk(app._tree) if one.type == "page_link"]
    assert {"Look inside", "Evaluate", "All runs"} <= set(links)
    assert not app.error
    assert not app.exception


def test_what_failed_before_it_learned_is_to_be_changed_and_not_looked_into(
    store: RunStore,
) -> None:
    run = stored_runs.store_run(
        store, stored_runs.experiment(), state=RunState.FAILED, epochs=0, message="It broke."
    )
    app = opened(view="watch", run=run.id)
    links = [one.proto.label for one in walk(app._tree) if one.type == "page_link"]
    assert "All runs" in links
    assert "Look inside" not in links
    kinds = {button.label: button.proto.type for button in app.button}
    assert (kinds["Train again with changes"], kinds["Resume"]) == ("primary", "secondary")
    assert "Time left" not in said(app)
    assert not app.exception


def test_a_resume_that_cannot_be_says_why(store: RunStore) -> None:
    made = PRESETS["cifar10-starter"].experiment  # on the full set, which is not here
    run = stored_runs.store_run(store, made, state=RunState.STOPPED)
    app = opened(view="watch", run=run.id)
    press(app, "resume-run")
    assert ["Fetch it on the Start page" in error.value for error in app.error] == [True]
    assert store.get(run.id).state is RunState.STOPPED
    assert not app.exception


def test_a_run_without_validation_has_training_curves_only(store: RunStore) -> None:
    made = stored_runs.experiment(validation=NoValidation())
    run = stored_runs.store_run(store, made, validated=False)
    app = opened(view="watch", run=run.id)
    sent = [one.proto.bytes for one in walk(app._tree) if one.type == "bidi_component"]
    assert len(sent) == 2
    assert all(b'"Training"' in figure and b'"Validation"' not in figure for figure in sent)
    assert "The epoch with the lowest" not in said(app)
    assert not app.exception


def test_a_run_of_another_version_is_a_sentence(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET experiment = ?", ('{"format": 99}',))
    for view in ("watch", "setup"):
        app = opened(view=view, run=run.id)
        assert len(app.error) == 1
        assert "format 99" in app.error[0].value
        assert not app.exception


def _revive(store: RunStore, run_id: str, state: RunState = RunState.RUNNING) -> None:
    """Back to what it was before it was found cut off, now that it is held."""
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET state = ?, ended = NULL WHERE id = ?", (state, run_id))
