"""Train's learning-rate finder: under way, found, used, out of date, and its problems."""

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.data.image_set import Dataset
from cifarviz.errors import TrainingFailed
from cifarviz.experiment.address import preset_draft
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.experiment import Experiment
from cifarviz.people.person import Person, acting_as
from cifarviz.runs import locks
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.training.range_test import RangeTest, rising_rates
from cifarviz.ui import cache
from tests import stored_runs
from tests.components import chart, component_keys
from tests.pages.app_page import widget
from tests.pages.train_page import (
    current_draft,
    labels,
    linked,
    page_text,
    press,
)
from tests.waiting import wait_until

DRAFT = preset_draft("fashion-mnist-cnn", 1).with_value(
    "data", {**preset_draft("fashion-mnist-cnn", 1).section("data"), "variant": "sample"}
)
OnProgress = Callable[[RangeTest], None]


class FakeSearch:
    """Stands in for the training: a made-up curve, half of it at once, the rest on ``go_on``."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.error: Exception | None = None
        self.experiments: list[Experiment] = []

    def __call__(
        self, runs: RunStore, experiment: Experiment, data: Dataset, on_progress: OnProgress
    ) -> RangeTest:
        self.experiments.append(experiment)
        rates = rising_rates(experiment.optimizer, 200)
        fall = np.exp(-(np.log10(rates / 1e-3) ** 2))
        losses = (2.3 - fall).astype(np.float32)
        test = RangeTest(rates).extended(losses[:100], 1.0)
        while not self.go_on.wait(0.02):
            on_progress(test)
        if self.error is not None:
            raise self.error
        return test.extended(losses[100:], 2.0)


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSearch]:
    fake = FakeSearch()
    monkeypatch.setattr(cache, "find_learning_rate", fake)
    yield fake
    fake.go_on.set()


def opened_training(draft: Draft = DRAFT) -> AppTest:
    return linked(draft, part="training")


def end_search(app: AppTest, search: FakeSearch) -> AppTest:
    search.go_on.set()

    def is_over() -> bool:
        app.run()
        return "cancel-rate" not in [button.key for button in app.button]

    wait_until(is_over)
    return app


def test_it_is_watched_found_and_used(store: RunStore, search: FakeSearch) -> None:
    app = opened_training()
    assert "rate-finder-chart" not in component_keys(app)
    press(app, "find-rate")
    wait_until(lambda: "Step 100 of at most 200" in page_text(app.run()))
    assert "find-rate" not in [button.key for button in app.button]
    drawn = chart(app, "rate-finder-chart")
    assert [trace["name"] for trace in drawn["data"]] == ["Each batch", "Smoothed"]

    end_search(app, search)
    assert "**Range test** · Adam, batches of 32, 200 steps in 2 s" in page_text(app)
    names = [trace["name"] for trace in chart(app, "rate-finder-chart")["data"]]
    assert names[2].startswith("Steepest: ")
    assert names[3].startswith("Suggested: ")
    assert "Suggested is a third of the rate with the lowest loss" in page_text(app)
    assert "misleads" in page_text(app)

    suggested = float(names[3].removeprefix("Suggested: "))
    assert app.button(key="use-rate").label == names[3].replace("Suggested:", "Use")
    press(app, "use-rate")
    assert current_draft(app).section("optimizer")["learning_rate"] == suggested
    assert app.button(key="use-rate").disabled
    assert app.button(key="use-rate").label.endswith("is used")
    # The rate plays no part in the test, so that it is up to date still.
    assert "Out of date" not in page_text(app)
    assert "find-rate" not in [button.key for button in app.button]
    assert store.all() == []
    assert not app.exception


def test_after_other_settings_it_is_out_of_date(store: RunStore, search: FakeSearch) -> None:
    search.go_on.set()
    app = opened_training()
    press(app, "find-rate")
    end_search(app, search)
    widget(app, "text_input", "1-epochs").input("7").run()
    assert "Out of date" not in page_text(app)
    widget(app, "text_input", "1-batch_size").input("64").run()
    assert "Out of date: settings have changed since (batch size 32 → 64)." in page_text(app)
    assert not app.button(key="use-rate").disabled
    press(app, "find-rate")
    end_search(app, search)
    assert [experiment.batch_size for experiment in search.experiments] == [32, 64]
    assert "batches of 64" in page_text(app)
    assert "Out of date" not in page_text(app)
    # The first is still known.
    widget(app, "text_input", "1-batch_size").input("32").run()
    assert "batches of 32" in page_text(app)
    assert "Out of date" not in page_text(app)
    assert not app.exception


def test_two_sessions_with_the_same_settings_share_one_search(
    store: RunStore, search: FakeSearch
) -> None:
    first, second = opened_training(), opened_training(DRAFT.with_value("epochs", 3))
    press(first, "find-rate")
    press(second, "find-rate")
    for app in (first, second):
        end_search(app, search)
        assert app.button(key="use-rate").label.startswith("Use ")
        assert not app.exception
    assert len(search.experiments) == 1


def test_it_is_cancelled_and_started_again(store: RunStore, search: FakeSearch) -> None:
    app = opened_training()
    press(app, "find-rate")
    press(app, "cancel-rate")
    wait_until(lambda: "Find the learning rate" in labels(app.run()))
    assert "rate-finder-chart" not in component_keys(app)
    press(app, "find-rate")
    end_search(app, search)
    assert len(search.experiments) == 2
    assert app.button(key="use-rate").label.startswith("Use ")
    assert not app.exception


@pytest.mark.parametrize("kind", [TrainingFailed, RuntimeError])
def test_a_failure_is_shown_and_it_can_be_tried_again(
    store: RunStore, search: FakeSearch, kind: type[Exception]
) -> None:
    search.error = kind("There was not enough memory")
    app = opened_training()
    press(app, "find-rate")
    end_search(app, search)
    assert "There was not enough memory" in [error.value for error in app.error]
    search.error = None
    press(app, "find-rate")
    end_search(app, search)
    assert not app.error
    assert app.button(key="use-rate").label.startswith("Use ")
    assert not app.exception


def test_it_waits_for_no_run_but_names_it(store: RunStore, search: FakeSearch) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=0)
    slot = locks.acquire(store.slot_path())
    assert slot is not None
    with stored_runs.hold_lock(store, run):
        app = opened_training()
        assert app.button(key="find-rate").disabled
        assert f"“{run.name}” trains now. Wait until it has ended" in page_text(app)
    slot.release()
    store.transition(run.id, RunState.FINISHED)
    app.run()
    assert not app.button(key="find-rate").disabled
    assert not app.exception


def test_the_runs_of_others_go_first(store: RunStore, search: FakeSearch) -> None:
    with acting_as(Person("ada00000", "Ada", "student")):
        experiment = stored_runs.experiment()
        run = stored_runs.store_run(store, experiment, state=RunState.QUEUED, epochs=0)
    with stored_runs.hold_lock(store, run):
        app = opened_training()
        assert app.button(key="find-rate").disabled
        assert "Somebody else’s run trains or waits, and goes first." in page_text(app)
    store.stop_all([run.id])
    assert not app.run().button(key="find-rate").disabled


def test_another_search_is_waited_for(store: RunStore, search: FakeSearch) -> None:
    slot = locks.acquire(store.slot_path())
    assert slot is not None
    app = opened_training()
    slot.release()
    assert app.button(key="find-rate").disabled
    assert "Another learning rate is being found now." in page_text(app)


def test_settings_must_be_valid_first(store: RunStore, search: FakeSearch) -> None:
    app = opened_training(DRAFT.with_value("batch_size", "many"))
    assert app.button(key="find-rate").disabled
    assert "Correct the settings first to find a learning rate." in page_text(app)


def test_another_preset_begins_without_the_curve(store: RunStore, search: FakeSearch) -> None:
    search.go_on.set()
    app = opened_training()
    press(app, "find-rate")
    end_search(app, search)
    widget(app, "selectbox", "1-preset").select("cifar10-starter").run()
    assert "rate-finder-chart" not in component_keys(app)
    assert "Find the learning rate" in labels(app)
    assert not app.exception
