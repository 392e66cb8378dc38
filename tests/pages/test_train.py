"""Train: presets, estimates and starting a run."""

from typing import Any

import pytest

from cifarviz.executors.worker import Worker
from cifarviz.experiment.address import preset_draft
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.ui.queueing import queue_once
from cifarviz.ui.train.view import format_published
from tests import stored_runs
from tests.components import chart
from tests.pages.app_page import address_of, walk, widget
from tests.pages.train_page import (
    SAMPLE,
    VGG,
    current_draft,
    labels,
    linked,
    links,
    opened,
    page_text,
    press,
)


def test_a_new_home_can_train_on_the_sample_at_once(store: RunStore) -> None:
    app = opened()
    assert not app.button(key="train").disabled
    assert "Rough estimate" in page_text(app)
    assert widget(app, "text_input", "run-name").placeholder == "A first network · sample"
    # The sample is used for want of the full set: nobody's change, and nothing to undo.
    assert "No changes from" in page_text(app)
    assert "Undo all changes" not in labels(app)
    assert "changes" not in app.query_params
    assert "The full set is not on this machine yet, so the embedded sample is used." in page_text(
        app
    )
    assert "Get the full set" in links(app)
    assert not app.exception


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_shows_its_story_and_layers(store: RunStore, preset: str) -> None:
    app = opened(preset=preset)
    network = PRESETS[preset].experiment.architecture
    assert PRESETS[preset].story in page_text(app)
    assert format_published(PRESETS[preset]) in page_text(app)
    assert all(note in page_text(app) for note in PRESETS[preset].notes)
    assert "No changes from the preset." in page_text(app)
    assert f"**{network.parameters:,} parameters**" in page_text(app)
    edits = [one for one in app.button if (one.key or "").endswith("-edit")]
    assert len(edits) == len(network.layers)
    assert not app.exception


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("part", ["data", "training"])
def test_every_tab_of_a_preset_opens(store: RunStore, preset: str, part: str) -> None:
    app = opened(preset=preset, part=part)
    assert not app.exception
    if part == "training":
        assert chart(app, "learning-rate")["data"]


def test_an_ensemble_can_be_trained_in_its_published_variant_or_from_seeds(store: RunStore) -> None:
    app = opened(preset="cifar10-ensemble")
    (real,) = [
        one
        for one in walk(app._tree)
        if one.type == "page_link" and "Real ensemble" in one.proto.label
    ]
    assert "4 members from 4 seeds" in real.proto.label
    assert "view=ensemble" in real.proto.query_string
    press(app, "variant-as-published")
    assert "number of epochs 15 → 60" in page_text(app)
    assert app.button(key="variant-as-published").disabled
    # The address holds it: a reload shows the same.
    again = opened(**address_of(app))
    assert current_draft(again).settings["test_epochs"] == [15, 30, 45, 60]
    assert again.button(key="variant-as-published").disabled
    press(again, "undo-changes")
    assert current_draft(again).settings["epochs"] == 15
    assert not app.exception
    assert not again.exception


def test_the_layer_table_explains_its_terms(store: RunStore) -> None:
    app = opened(preset="cifar10-dropout")
    words = " ".join(one.help for one in app.caption if one.help).lower()
    for word in ("channel", "relu", "padding", "dropout", "pooling", "softmax"):
        assert word in words
    assert not app.exception


def test_choosing_a_preset_replaces_the_draft_and_the_address(store: RunStore) -> None:
    app = opened(preset="cifar10-starter")
    widget(app, "selectbox", "1-preset").select("cifar10-vgg").run()
    assert address_of(app)["preset"] == "cifar10-vgg"
    assert f"{814_122:,}" in page_text(app)
    assert not app.exception


def test_undo_restores_the_preset(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE).with_value("epochs", 4))
    press(app, "undo-changes")
    assert current_draft(app).settings["epochs"] == 30
    assert not app.exception


def test_the_estimate_names_the_number_of_runs_it_is_based_on(store: RunStore) -> None:
    sample = PRESETS["cifar10-vgg"].experiment.model_copy(
        update={"data": stored_runs.experiment().data}
    )
    for speed in (600.0, 620.0):
        run = stored_runs.store_run(store, sample)
        store.describe(run.id, precision="bfloat16", images_per_second=speed)
    app = linked(VGG.with_value("data", SAMPLE))
    assert "Based on 2 runs of a network of this size" in page_text(app)
    assert not app.exception


def test_pressing_train_twice_opens_the_run_queued_first(store: RunStore) -> None:
    draft = preset_draft("cifar10-starter", 1)
    draft = draft.with_value("data", {**SAMPLE, "train_images": 64}).with_value("epochs", 500)
    app = linked(draft)
    link = address_of(app)

    def pressed(name: str = "") -> str:
        app.switch_page("pages/train.py")
        app.query_params.clear()
        app.query_params.update(link)
        app.run()
        if name:
            widget(app, "text_input", "run-name").set_value(name).run()
        press(app, "train")
        assert not app.exception
        return address_of(app)["run"]

    first = pressed()
    try:
        assert pressed() == first
        assert len(store.all()) == 1
        # With a name of its own it is meant as a second one.
        assert pressed("another") != first
    finally:
        for run in store.active()[::-1]:
            store.request(run.id, Action.STOP)
    again = pressed()
    assert again != first
    store.request(again, Action.STOP)
    for run in store.active():
        Worker(store.settings, "test").wait(run.id, 60)


def test_pressing_train_queues_the_run_and_watches_it(store: RunStore) -> None:
    draft = preset_draft("cifar10-starter", 1)
    for layer in draft.layers[:5]:
        draft = draft.without_layer(layer.id)
    draft = draft.with_value("data", {**SAMPLE, "train_images": 64}).with_value("epochs", 1)
    draft = draft.with_value("validation", {"kind": "none"}).with_value("batch_size", 32)
    app = linked(draft)
    widget(app, "text_input", "run-name").set_value("my *first* run").run()
    press(app, "train")
    (run,) = store.all()
    address = address_of(app)
    assert (address["view"], address["run"]) == ("watch", run.id)
    assert run.name == "my *first* run"
    assert not app.exception
    ended = Worker(store.settings, "test").wait(run.id, 90)
    assert ended.state is RunState.FINISHED, ended.message
    app.run()
    assert "1 epoch is done." in page_text(app)
    assert "my *first* run" in page_text(app)
    assert not app.exception


def test_a_run_that_another_person_queues_meanwhile_has_another_name(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = linked(preset_draft("cifar10-starter"))
    name = widget(app, "text_input", "run-name").placeholder

    def queue_second(*arguments: Any) -> Any:
        stored_runs.store_run(store, stored_runs.experiment(), name=name)
        return queue_once(*arguments)

    monkeypatch.setattr("cifarviz.ui.train.view.queue_once", queue_second)
    press(app, "train")
    assert not app.exception
    queued = store.get(address_of(app)["run"])
    store.stop_all([queued.id])
    assert queued.name.startswith(name)
    assert queued.name != name
    Worker(store.settings, "test").wait(queued.id, 90)
