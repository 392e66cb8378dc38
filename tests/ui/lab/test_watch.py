"""The progress of a series is read from the store, outside of any page."""

import json
from typing import Any

import pytest

from cifarviz.experiment.lab import LAB_TITLES, LabKind
from cifarviz.live.feeds import NOT_BEGUN, PageFeed
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series, save_series
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.lab.watch import PROGRESS, SeriesFeed
from tests import stored_runs


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


def stored(store: RunStore, kind: LabKind, *states: RunState) -> tuple[Series, list[Run]]:
    runs = [
        stored_runs.store_run(
            store, stored_runs.experiment(), state=state, epochs=3 * (state is RunState.FINISHED)
        )
        for state in states
    ]
    labelled = [(run.id, "abc"[number]) for number, run in enumerate(runs)]
    return save_series(store, kind, "a against b", labelled), runs


def curves(message: dict[str, Any], name: str = "loss") -> str:
    return json.dumps(message["figures"][name])


def test_numbers_and_curves_grow_without_a_new_mark(store: RunStore) -> None:
    series, [_, run] = stored(store, "duel", RunState.FINISHED, RunState.RUNNING)
    feed = SeriesFeed(store, "duel", series, None)
    with stored_runs.hold_lock(store, run):
        begun = feed.message()
        stored_runs.advance_run(store, run, 5)
        later = feed.message()
        line = later["items"][f"run-{run.id}"]
        assert later["items"][PROGRESS]["share"] == pytest.approx((1 + 5 / 30) / 2)
        assert line["text"].split(",")[0] == "epoch 1 of 3"
        assert {metric["value"] for metric in line["metrics"]} == {"–"}
        # Curves are of epochs: within an epoch they are the same, and not sent again.
        assert later["figures"] == begun["figures"]
        stored_runs.advance_run(store, run, 5, epoch=True)
        ended = feed.message()
    metrics = {
        metric["label"]: metric["value"] for metric in ended["items"][f"run-{run.id}"]["metrics"]
    }
    assert metrics["Training accuracy"] == "50.0%"
    assert metrics["Validation accuracy"] == "33.3%"
    assert metrics["Gap"] == "16.7 points"
    for name in ("accuracy", "loss"):
        assert curves(ended, name) != curves(begun, name)
    # Under the loss are the learning rates that were used.
    assert curves(ended, "loss").count("Learning rate, %{text}") == 2
    assert "Learning rate" not in curves(ended, "accuracy")
    assert begun["mark"] == later["mark"] == ended["mark"]


def test_the_mark_changes_with_states_and_deletion(
    store: RunStore,
) -> None:
    series, [first, second] = stored(store, "duel", RunState.FINISHED, RunState.RUNNING)
    feed = SeriesFeed(store, "duel", series, None)
    seen = []
    with stored_runs.hold_lock(store, second):
        seen.append(feed.message()["mark"])
        store.transition(second.id, RunState.STOPPING)
        seen.append(feed.message()["mark"])
        store.transition(second.id, RunState.STOPPED)
    over = feed.message()
    seen.append(over["mark"])
    assert over["items"][PROGRESS] == {
        "color": "gray",
        "text": "1 of 2 runs finished. Ended early: 1.",
        "share": 1.0,
    }
    store.transition(second.id, RunState.QUEUED)
    seen.append(feed.message()["mark"])
    store.transition(second.id, RunState.STOPPED)
    store.delete(first.id)
    seen.append(feed.message()["mark"])
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("kind", LAB_TITLES)
def test_each_experiment_can_be_sent_before_its_first_epoch(store: RunStore, kind: LabKind) -> None:
    series, [_, run] = stored(store, kind, RunState.QUEUED, RunState.RUNNING)
    feed = PageFeed(SeriesFeed(store, kind, series, None).message)
    with stored_runs.hold_lock(store, run):
        assert feed.refresh()
        first, position = feed.message(NOT_BEGUN)
        assert first["figures"]
        stored_runs.advance_run(store, run, 1)
        assert feed.refresh()
        assert feed.message(position)[0].keys() == {"mark", "items"}
