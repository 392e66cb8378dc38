"""Evaluate's Ensemble view: training members and their progress."""

from collections.abc import Iterator
from urllib.parse import parse_qsl

import pytest

from cifarviz.experiment.address import preset_draft
from cifarviz.experiment.choices import Data
from cifarviz.experiment.draft import Draft, make_draft
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.ui import cache
from tests import stored_runs
from tests.components import live_items
from tests.pages import train_page
from tests.pages.app_page import walk, widget
from tests.pages.ensemble_view import button, ids, opened, page_text, seeded
from tests.pages.evaluate_page import metrics


@pytest.fixture
def store(store: RunStore) -> Iterator[RunStore]:
    """An empty home of this test's own, and nothing left at work in it."""
    yield store
    for run in store.active():
        store.request(run.id, "stop")  # type: ignore[arg-type]
        cache.worker().wait(run.id, 30)


def test_the_plan_is_shown_before_training(store: RunStore) -> None:
    app = opened()
    assert "Trains 4 networks one after another, 15 epochs each" in page_text(app)
    assert "embedded sample of CIFAR-10 (5,000 training images)" in page_text(app)
    assert "from seeds 1, 2, 3 and 4" in page_text(app)
    assert "The full set is not on this machine yet" in page_text(app)
    widget(app, "number_input", "team-count").set_value(2).run()
    widget(app, "number_input", "team-first").set_value(7).run()
    assert "from seeds 7 and 8" in page_text(app)
    assert (app.query_params["count"], app.query_params["first"]) == ("2", "7")
    widget(app, "radio", "team-way").set_value("as-published").run()
    assert "Trains one network for 60 epochs" in page_text(app)
    assert "after epochs 15, 30, 45 and 60" in page_text(app)
    assert not app.exception


def test_members_are_trained_from_a_changed_preset(store: RunStore) -> None:
    mine = preset_draft("cifar10-ensemble")
    mine = mine.with_value("epochs", 1).with_value(
        "data", {**mine.section("data"), "variant": "sample", "train_images": 200}
    )
    link = _link_to_the_ensemble(mine)
    app = opened(**link, count=2)
    assert "number of epochs 15 → 1" in page_text(app)
    assert "Trains 2 networks one after another, 1 epoch each" in page_text(app)
    assert "(200 training images)" in page_text(app)
    button(app, "Train 2 members").click().run()
    made = store.all()
    assert {run.experiment.epochs for run in made} == {1}
    assert {run.experiment.data.train_images for run in made} == {200}
    assert {run.experiment.seed for run in made} == {1, 2}
    assert made[0].name.startswith("200 images · 1 epoch · Four networks voting · ")
    assert "changes" not in app.query_params
    assert not app.exception


def test_a_variant_keeps_the_changes_of_the_user(
    store: RunStore,
) -> None:
    preset = PRESETS["cifar10-ensemble"]
    mine = make_draft(preset.variants[0].experiment, preset.name)
    assert "changes" not in _link_to_the_ensemble(mine)
    app = opened(**_link_to_the_ensemble(mine.with_value("batch_size", 50)))
    assert "Trains 4 networks one after another, 15 epochs each" in page_text(app)
    assert "Changes from the preset:** batch size 100 → 50" in page_text(app)
    widget(app, "radio", "team-way").set_value("as-published").run()
    assert "Trains one network for 60 epochs" in page_text(app)
    assert "Changes from the preset:** batch size 100 → 50" in page_text(app)
    button(app, "As published").click().run()
    assert "Changes from the preset" not in page_text(app)
    assert not app.exception


def test_changes_that_cannot_be_trained_are_reported(store: RunStore) -> None:
    app = opened(**_link_to_the_ensemble(preset_draft("cifar10-ensemble").with_value("epochs", 0)))
    assert "This cannot be trained yet. The number of epochs must be" in page_text(app)
    assert not [button for button in app.button if button.key == "train-members"]
    assert not app.exception


def _link_to_the_ensemble(draft: Draft) -> dict[str, str]:
    """What the link on the Train page has in its address for this draft."""
    page = train_page.linked(draft)
    (link,) = [
        link.proto
        for link in walk(page._tree)
        if link.type == "page_link" and "ensemble" in link.proto.label.lower()
    ]
    named = dict(parse_qsl(link.query_string))
    assert named.pop("view") == "ensemble"
    return named


def test_members_are_queued_and_vote_when_they_finish(store: RunStore) -> None:
    template = stored_runs.store_run(
        store, seeded(9, epochs=1, data=Data(train_images=64)), name="tiny"
    )
    app = opened(template=template.id, count=2, first=3)
    button(app, "Train 2 members").click().run()
    made = sorted(
        (run for run in store.all() if run.id != template.id), key=lambda run: run.experiment.seed
    )
    assert [run.name for run in made] == [
        "tiny, seed 3 (member 1 of 2)",
        "tiny, seed 4 (member 2 of 2)",
    ]
    assert [run.experiment.seed for run in made] == [3, 4]
    assert app.query_params["members"] == ",".join(ids(made))
    assert "template" not in app.query_params
    for run in made:
        assert cache.worker().wait(run.id, 60).state is RunState.FINISHED
    app.run()
    assert "Ensemble, by sum" in metrics(app)
    assert not app.exception


def test_progress_of_members_is_shown_and_they_can_be_stopped(store: RunStore) -> None:
    done = stored_runs.store_run(store, seeded(1), name="done")
    waits = stored_runs.store_run(store, seeded(2), name="waits", state=RunState.RUNNING, epochs=1)
    with stored_runs.hold_lock(store, waits):
        app = opened(done.id, waits.id)
        assert "1 of 2 runs finished. The result appears when all have." in page_text(app)
        line = live_items(app, f"member-{waits.id}")[waits.id]
        assert line["title"] == "waits"
        assert line["text"].startswith("epoch 1 of 3")
        assert line["share"] == pytest.approx(1 / 3)
        button(app, "Stop").click().run()
        assert store.get(waits.id).requested == "stop"
        assert button(app, "Stopping …").disabled
    assert not app.exception
