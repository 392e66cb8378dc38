"""Train: links to it, and the draft after returning."""

import pytest

from cifarviz.executors.worker import Worker
from cifarviz.experiment.address import preset_draft
from cifarviz.runs.states import Action
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.pages.app_page import address_of, widget
from tests.pages.train_page import (
    SAMPLE,
    VGG,
    current_draft,
    linked,
    links,
    opened,
    page_text,
    press,
)


def test_a_link_to_the_full_set_works_with_only_the_sample(store: RunStore) -> None:
    app = linked(VGG.with_value("epochs", 3), part="data")
    assert not app.button(key="train").disabled
    assert widget(app, "selectbox", "1-data-sample").value == "sample"
    # Once in the panel, once beside the choice of data.
    assert page_text(app).count("The full set is not on this machine yet") == 2
    assert links(app).count("Get the full set") == 2
    # The link goes on meaning the full set, which is used as soon as it is here.
    widget(app, "text_input", "1-data-train_images").set_value("1,000").run()
    assert current_draft(app).settings["data"]["variant"] == "full"
    assert current_draft(app).settings["data"]["train_images"] == 1000
    assert "1,000 training images · 1,500 validation images" in page_text(app)
    press(app, "undo-changes")
    assert "changes" not in app.query_params
    assert not app.exception


def test_the_draft_is_kept_across_pages_and_views(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE), part="training")
    widget(app, "text_input", "1-epochs").set_value("4").run()
    app.switch_page("pages/start.py")
    app.query_params.clear()
    app.run()
    app.switch_page("pages/train.py")
    app.run()
    assert current_draft(app).settings["epochs"] == 4
    widget(app, "segmented_control", "train-view").set_value("watch").run()
    assert "preset" not in app.query_params
    widget(app, "segmented_control", "train-view").set_value("setup").run()
    assert current_draft(app).settings["epochs"] == 4
    assert not app.exception


def test_train_again_loads_the_settings_of_a_run(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), name="mine")
    app = opened(view="setup", run=run.id)
    assert "run" not in app.query_params
    assert current_draft(app).settings["epochs"] == 3
    assert len(current_draft(app).layers) == 6
    assert not app.exception


def test_train_again_keeps_the_precision_of_the_run(store: RunStore) -> None:
    made = stored_runs.experiment(precision="auto")
    run = stored_runs.store_run(store, made, name="mine")
    assert current_draft(opened(view="setup", run=run.id)).settings["precision"] == "auto"
    store.describe(run.id, precision="float32")
    assert current_draft(opened(view="setup", run=run.id)).settings["precision"] == "float32"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ({"preset": "lenet"}, "There is no preset “lenet”"),
        ({"preset": "cifar10-vgg", "changes": "broken"}, "cannot be read"),
        ({"changes": "abc"}, "but no preset"),
        ({"view": "sideways"}, "has no view “sideways”"),
        ({"part": "cellar"}, "has no tab “cellar”"),
        ({"view": "setup", "run": "zzz"}, "There is no run “zzz”"),
        ({"view": "watch", "run": "zzz"}, "There is no run “zzz”"),
        ({"view": "watch", "run": "a" * 300}, "There is no run"),
    ],
)
def test_an_invalid_address_has_one_message_and_the_page_stays_usable(
    store: RunStore, address: dict[str, str], words: str
) -> None:
    app = opened(**address)
    assert [words in error.value.replace("\\", "") for error in app.error] == [True]
    widget(app, "segmented_control", "train-view").set_value("setup").run()
    assert not app.button(key="train").disabled
    assert not app.error
    assert not app.exception


def test_edited_layers_are_kept_across_views_training_and_pages(
    store: RunStore,
) -> None:
    edited = preset_draft("cifar10-starter", 1).with_value("data", {**SAMPLE, "train_images": 64})
    app = linked(edited.with_value("epochs", 1))
    first = next(layer for layer in current_draft(app).layers if layer.type == "conv2d")
    assert first.fields["filters"] == 32
    press(app, f"layer-{first.id}-edit")
    widget(app, "text_input", f"layer-{first.id}-filters").set_value("16").run()

    def filters() -> object:
        # What the link holds; and what the table of layers says.
        assert "16 filters 3×3" in page_text(app)
        return next(one for one in current_draft(app).layers if one.type == "conv2d").fields[
            "filters"
        ]

    assert filters() == 16
    for view in ("watch", "setup"):
        widget(app, "segmented_control", "train-view").set_value(view).run()
    assert filters() == 16
    app.switch_page("pages/start.py")
    app.query_params.clear()
    app.run()
    app.switch_page("pages/train.py").run()
    assert filters() == 16
    # Train leads to Watch, and back in Set up another run would be of the same network.
    press(app, "train")
    assert address_of(app)["view"] == "watch"
    widget(app, "segmented_control", "train-view").set_value("setup").run()
    assert filters() == 16
    [run] = store.all()
    assert getattr(run.experiment.architecture.layers[0], "filters", None) == 16
    press(app, "undo-changes")
    assert "16 filters 3×3" not in page_text(app)
    assert "changes" not in address_of(app)
    store.request(run.id, Action.STOP)
    Worker(store.settings, "test").wait(run.id, 60)
    assert not app.exception
