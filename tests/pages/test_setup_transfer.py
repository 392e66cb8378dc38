"""Set up starts the first layers with what another run has learned, and freezes them."""

import pytest

from cifarviz.experiment.changes import changes
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.experiment.draft import make_draft
from cifarviz.experiment.draft_transfer import freezable_layers, frozen_layers, with_frozen_layers
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.layers.residual import residual
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.pages.app_page import opened_by_link, widget
from tests.pages.train_page import (
    SAMPLE,
    VGG,
    current_draft,
    kinds,
    linked,
    opened,
    page_text,
    press,
)

LAYERS = (
    Conv2D(filters=6), BatchNorm(), MaxPool2D(), Conv2D(filters=8), MaxPool2D(), Flatten(),
    Dense(units=20), Dense(units=10, activation="softmax"),
)  # fmt: skip


@pytest.fixture
def source(store: RunStore) -> Run:
    """A run with weights of its best epoch."""
    made = stored_runs.experiment(*LAYERS)
    return stored_runs.store_run(
        store, made, name="learned", checkpoints={"best": stored_runs.weights(made)}
    )


def test_without_a_suitable_run_all_weights_are_random(store: RunStore) -> None:
    grey = fit_experiment(stored_runs.experiment(*LAYERS), "fashion-mnist")
    stored_runs.store_run(store, grey, checkpoints={"best": stored_runs.weights(grey)})
    app = linked(VGG.with_value("data", SAMPLE))
    assert "Once you have trained a network on images with 3 channels" in page_text(app)


def test_a_run_gives_its_network_and_its_layers_before_the_head_are_frozen(source: Run) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    widget(app, "selectbox", "1-transfer-run").select(source.id).run()
    draft = current_draft(app)
    assert kinds(app) == [layer.type for layer in LAYERS]
    assert draft.settings["transfer"] == {"run": source.id, "layers": 5, "checkpoint": "best"}
    frozen = [layer.fields.get("frozen") for layer in draft.layers]
    assert frozen == [True, True, None, True, None, None, False, False]
    text = page_text(app)
    assert "the network and the preprocessing are those of this run now" in text
    assert "Taken from “learned”: 3 layers with" in text
    assert "Fresh: 2 layers with" in text
    assert "6 filters 3×3, same padding, ReLU, frozen" in text
    assert not app.button(key="train").disabled
    # Fewer layers, of which the first is frozen.
    widget(app, "selectbox", "1-transfer-layers-8").select(2).run()
    widget(app, "selectbox", "1-frozen-5").select(1).run()
    draft = current_draft(app)
    assert draft.settings["transfer"]["layers"] == 2
    assert [layer.fields.get("frozen") for layer in draft.layers[:4]] == [True, False, None, False]
    assert "Taken from “learned”: 2 layers with" in page_text(app)
    # And back.
    widget(app, "selectbox", "1-transfer-run").select("").run()
    assert current_draft(app).settings["transfer"] is None
    assert not any(layer.fields.get("frozen") for layer in current_draft(app).layers)
    assert current_draft(app).plain()["layers"] == VGG.plain()["layers"]
    assert current_draft(app).section("preprocessing") == VGG.section("preprocessing")
    assert not app.exception


def test_layers_that_fit_stay_as_they_are(source: Run) -> None:
    app = opened(run=source.id)
    press(app, "layer-1-8-edit")
    press(app, "layer-1-7-edit")
    widget(app, "text_input", "layer-1-7-units").set_value("30").run()
    widget(app, "selectbox", "1-transfer-run").select(source.id).run()
    assert current_draft(app).layers[6].fields["units"] == 30
    widget(app, "selectbox", "1-transfer-layers-8").select(7).run()
    assert "Layer 7 (dense_1) cannot start with the weights of “learned”" in page_text(app)
    assert app.button(key="train").disabled
    assert not app.exception


def test_a_run_that_was_deleted_is_reported(store: RunStore, source: Run) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    widget(app, "selectbox", "1-transfer-run").select(source.id).run()
    store.delete(source.id)
    app.run()
    assert f"There is no run “{source.id}” here" in page_text(app)
    assert app.button(key="train").disabled
    widget(app, "selectbox", "1-transfer-run").select("").run()
    assert not app.button(key="train").disabled
    assert not app.exception


def test_runs_says_where_a_run_begins_and_offers_to_unfreeze(store: RunStore, source: Run) -> None:
    base = stored_runs.experiment(*LAYERS)
    made = stored_runs.experiment(
        *base.architecture.with_frozen(5).layers, transfer={"run": source.id, "layers": 5}
    )
    run = stored_runs.store_run(
        store, made, name="child", checkpoints={"last": stored_runs.weights(made)}
    )
    app = opened_by_link("runs", run=run.id)
    assert "begins with the first 5 layers of “learned”" in page_text(app)
    next(button for button in app.button if button.label == "Fork").click().run()
    assert app.checkbox(key="fork-unfreeze").label == "Unfreeze all layers"
    app = opened_by_link("runs", run=source.id)
    next(button for button in app.button if button.label == "Fork").click().run()
    assert [box.key for box in app.checkbox if str(box.key).startswith("fork")] == []
    store.delete(source.id)
    assert "of a deleted run" in page_text(opened_by_link("runs", run=run.id))
    assert not app.exception


def test_a_block_counts_as_frozen_with_the_layers_inside_it(store: RunStore) -> None:
    layers = [Conv2D(filters=6), residual(6), Flatten(), Dense(units=10, activation="softmax")]
    draft = make_draft(stored_runs.experiment(*layers), "cifar10-vgg")
    frozen = with_frozen_layers(draft, 2)
    assert (freezable_layers(frozen), frozen_layers(frozen)) == ((1, 2, 4), 2)
    (first, *_), _ = frozen.layers[1].branches
    assert frozen_layers(frozen.with_layer_field(first.id, "frozen", False)) is None
    assert frozen_layers(with_frozen_layers(frozen, 0)) == 0
    assert [change.short for change in changes(draft, frozen)] == ["2 layers frozen"]
    assert [change.short for change in changes(frozen, draft)] == ["2 layers unfrozen"]
