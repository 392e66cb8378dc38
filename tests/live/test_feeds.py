import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cifarviz.errors import RunNotFound
from cifarviz.live.feeds import (
    NOT_BEGUN,
    ActiveFeed,
    ActiveRuns,
    PageFeed,
    RunFeed,
    StatusFeed,
    run_mark,
)
from cifarviz.people.person import TEACHER, Person, acting_as, current_person
from cifarviz.runs.records import BatchPoints, Epoch, Progress, Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


@pytest.fixture
def run(store: RunStore) -> Iterator[Run]:
    run = stored_runs.store_run(
        store, stored_runs.experiment(epochs=5), name="mine", state=RunState.RUNNING, epochs=0
    )
    with store.database.connect(write=True) as connection:
        connection.execute("DELETE FROM batches")
    with stored_runs.hold_lock(store, run):
        yield run


def _floats(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)


def _train(store: RunStore, run: Run, first: int, count: int, epoch: int = 1) -> None:
    steps = np.arange(first, first + count)
    values = (1 / steps).astype(np.float32)
    progress = Progress("training", epoch, first + count - 1, 10, 500.0, 3.0, 0.0)
    store.record(run.id, progress, BatchPoints(steps, values, values))


def _end_epoch(store: RunStore, run: Run, epoch: int) -> None:
    progress = Progress("training", epoch, 10 * epoch, 10, 500.0, 3.0, 0.0)
    store.record(run.id, progress, epoch=Epoch(epoch, 1.0, 0.5, 1.1, 0.4, 0.001, 2.0))


def _feed(store: RunStore, run: Run) -> RunFeed:
    feed = RunFeed(store, run.id, ActiveRuns(store), published=False)
    feed.refresh()
    return feed


def test_each_point_and_epoch_is_sent_once(store: RunStore, run: Run) -> None:
    feed = _feed(store, run)
    _train(store, run, 1, 8)
    assert feed.refresh()
    first, position = feed.message(NOT_BEGUN)
    assert (first["points"]["after"], first["points"]["steps"]) == (0, list(range(1, 9)))
    assert first["epochs"] == {"after": 0, "rows": []}
    assert set(first["figures"]) == {"loss", "accuracy"}
    _train(store, run, 9, 2)
    _end_epoch(store, run, 1)
    assert feed.refresh()
    second, position = feed.message(position)
    assert (second["points"]["after"], second["points"]["steps"]) == (8, [9, 10])
    assert [row["epoch"] for row in second["epochs"]["rows"]] == [1]
    assert "figures" in second
    _train(store, run, 11, 1, epoch=2)
    assert feed.refresh()
    third, position = feed.message(position)
    assert third["points"]["steps"] == [11]
    # The charts but for their points are as they were.
    assert "figures" not in third
    assert "epochs" not in third
    assert not feed.refresh()
    fourth, same = feed.message(position)
    assert same == position
    assert "points" not in fourth
    assert json.loads(json.dumps(fourth, allow_nan=False)) == fourth


def test_many_points_are_sent_as_arrays(store: RunStore, run: Run) -> None:
    _train(store, run, 1, 200)
    message, _position = _feed(store, run).message(NOT_BEGUN)
    assert message["points"]["steps"]["dtype"] == "i4"
    assert message["points"]["loss"]["dtype"] == "f4"


def test_points_of_a_long_run_are_thinned(
    store: RunStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cifarviz.live.feeds.MOST_POINTS", 8)
    feed = _feed(store, run)
    _train(store, run, 1, 8)
    feed.refresh()
    message, position = feed.message(NOT_BEGUN)
    assert (message["points"]["stride"], len(message["points"]["steps"])) == (1, 8)
    _train(store, run, 9, 4)
    feed.refresh()
    message, position = feed.message(position)
    assert (message["points"]["stride"], message["points"]["steps"]) == (2, [10, 12])
    message, _position = feed.message(NOT_BEGUN)
    assert message["points"]["steps"] == [2, 4, 6, 8, 10, 12]
    message, _position = _feed(store, run).message(position)
    assert "points" not in message


def test_a_rewound_run_is_sent_from_the_beginning(store: RunStore, run: Run) -> None:
    feed = _feed(store, run)
    _train(store, run, 1, 10)
    _train(store, run, 11, 5)
    feed.refresh()
    _message, position = feed.message(NOT_BEGUN)
    store.rewind(run.id, step=10, epoch=1)
    steps = np.arange(11, 21)
    progress = Progress("training", 2, 20, 10, None, None, 0.0)
    store.record(run.id, progress, BatchPoints(steps, _floats(9 + steps), _floats(steps)))
    feed.refresh()
    message, _position = feed.message(position)
    assert message["points"]["after"] == 0
    assert len(message["points"]["steps"]["bdata"]) > 0


def test_another_process_continues_from_the_same_position(store: RunStore, run: Run) -> None:
    _train(store, run, 1, 5)
    _message, position = _feed(store, run).message(NOT_BEGUN)
    _train(store, run, 6, 2)
    message, _position = _feed(store, run).message(position)
    assert message["points"]["steps"] == [6, 7]


@pytest.mark.parametrize(
    "position", ["x", "1", "...", "9.9.9.9", "-1.0.0.0", "1e9.0..", "²..", "99999999999999.1.a.b"]
)
def test_an_unknown_position_starts_from_the_beginning(
    store: RunStore, run: Run, position: str
) -> None:
    _train(store, run, 1, 3)
    message, _position = _feed(store, run).message(position)
    assert message["points"]["steps"] == [1, 2, 3]


def test_each_message_has_the_metrics_and_labels(store: RunStore, run: Run) -> None:
    _train(store, run, 1, 5)
    message, _position = _feed(store, run).message(NOT_BEGUN)
    assert message["items"]["state"] == {
        "badge": "running", "color": "blue", "text": "epoch 1 of 5",
    }  # fmt: skip
    metrics = {one["label"]: one["value"] for one in message["items"]["metrics"]["metrics"]}
    assert metrics["Step"] == "5 of 10"
    assert metrics["Images per second"] == "500"
    assert metrics["Time left"] == "3 s"
    assert message["progress"]["step"] == 5
    assert message["stepsPerEpoch"] == 10


def test_the_mark_changes_when_the_page_must_be_redrawn(store: RunStore, run: Run) -> None:
    feed = _feed(store, run)
    before = feed.message(NOT_BEGUN)[0]["mark"]
    assert before == run_mark(store.get(run.id))
    _train(store, run, 1, 5)
    feed.refresh()
    assert feed.message(NOT_BEGUN)[0]["mark"] == before
    store.transition(run.id, RunState.PAUSED)
    feed.refresh()
    assert feed.message(NOT_BEGUN)[0]["mark"] != before


def test_a_deleted_run_has_no_feed(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())
    feed = _feed(store, run)
    store.delete(run.id)
    with pytest.raises(RunNotFound):
        feed.refresh()
    with pytest.raises(RunNotFound):
        RunFeed(store, "00000000", ActiveRuns(store), published=False)


def test_each_active_run_has_an_item(store: RunStore, run: Run) -> None:
    waiting = stored_runs.store_run(
        store, stored_runs.experiment(), name="next", state=RunState.QUEUED, epochs=0
    )
    feeds = [feed(ActiveRuns(store), TEACHER) for feed in (ActiveFeed, StatusFeed)]
    with stored_runs.hold_lock(store, waiting):
        assert all(feed.refresh() for feed in feeds)
        lines, status = (feed.message(NOT_BEGUN)[0] for feed in feeds)
        assert set(lines["items"]) == {run.id, waiting.id, "queue"}
        assert lines["items"]["queue"]["text"] == "1 in training, 1 waiting."
        assert lines["items"][waiting.id]["text"] == "waiting for “mine”"
        assert status["items"]["current"]["note"] == "1 more waiting"
        _train(store, run, 1, 3)
        assert all(feed.refresh() for feed in feeds)
        # Only the words and the bar: no page need be drawn.
        assert [feed.message(NOT_BEGUN)[0]["mark"] for feed in feeds] == [
            lines["mark"], status["mark"],
        ]  # fmt: skip
        store.request(waiting.id, Action.STOP)
        assert all(feed.refresh() for feed in feeds)
        assert feeds[0].message(NOT_BEGUN)[0]["mark"] != lines["mark"]


def test_a_class_shares_one_reading_in_which_each_sees_own_names(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [Person(f"{number:08x}", f"Student {number}", "student") for number in range(3)]
    for person in people:
        with acting_as(person):
            stored_runs.store_run(
                store,
                stored_runs.experiment(),
                name=f"of {person.name}",
                state=RunState.QUEUED,
                epochs=0,
            )
    readings: list[Person] = []
    read = store.active

    def read_once() -> list[Run]:
        readings.append(current_person())
        return read()

    monkeypatch.setattr(store, "active", read_once)
    active = ActiveRuns(store, max_age=60.0)
    for person in people:
        feed = ActiveFeed(active, person)
        assert feed.refresh()
        sent = json.dumps(feed.message(NOT_BEGUN)[0])
        with acting_as(person):
            names = {run.name for run in active.read()[0]}
        assert names == {f"of {person.name}", "somebody else’s run"}
        assert not any(one.id in sent for one in store.all() if one.owner != person.id)
    assert readings == [TEACHER]


def test_without_active_runs_there_is_a_message(settings: Settings, tmp_path: Path) -> None:
    feed = StatusFeed(ActiveRuns(RunStore(settings)), TEACHER)
    feed.refresh()
    assert feed.message(NOT_BEGUN)[0]["items"]["current"]["text"].startswith("Nothing is training")


def test_a_page_feed_sends_its_content_when_it_changes() -> None:
    found = {"items": {"job": {"share": 0.5}}}
    feed = PageFeed(lambda: found)
    assert feed.refresh()
    assert not feed.refresh()
    found = {"items": {"job": {"share": 0.6}}}
    assert feed.refresh()
    assert feed.message(NOT_BEGUN)[0] == found
