"""All runs that train at once are shown: in the sidebar, on Runs, and on Watch."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz import processor
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT
from tests.components import live_items, live_texts
from tests.stored_runs import experiment, hold_lock, store_run

SHARE = processor.machine_name(77)


@pytest.fixture
def active(settings: Settings) -> Iterator[list[Run]]:
    """Two runs in training, with 30 s left each, and one that waits."""
    store = RunStore(settings)
    states = {"one": RunState.RUNNING, "two": RunState.RUNNING, "three": RunState.QUEUED}
    with ExitStack() as held:
        for name, state in states.items():
            run = store_run(store, experiment(), name=name, state=state, epochs=1)
            held.enter_context(hold_lock(store, run))
            if state is RunState.RUNNING:
                store.describe(run.id, machine=SHARE)
        yield store.active()


def opened(page: str = "") -> AppTest:
    """Start with the sidebar, or another page without it."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    if page:
        app.switch_page(f"pages/{page}.py")
    return app.run()


def test_the_sidebar_shows_both_with_their_places_and_how_many_wait(active: list[Run]) -> None:
    items = live_items(opened(), "status")
    assert [item["title"] for item in items.values()] == ["one", "two"]
    assert all(item["text"] == "epoch 1 of 3, about 30 s left" for item in items.values())
    first, second = (item["note"] for item in items.values())
    assert first == "this computer, 77 cores"
    assert second.splitlines()[0] == first
    # Nothing is known of the run that waits.
    assert second.splitlines()[1] == "1 more waiting, all done in at least 30 s"


def test_runs_says_when_the_queue_is_done_and_when_a_run_starts(active: list[Run]) -> None:
    items = live_items(opened("runs"), "runs-under-way")
    assert items["queue"]["text"] == "2 in training, 1 waiting: all done in at least 30 s."
    assert [items[run.id]["title"] for run in active] == ["one", "two", "three"]
    assert items[active[0].id]["text"].endswith(" · this computer, 77 cores")
    waiting = "waiting for “two” and 1 more, starts in about 30 s"
    assert items[active[2].id]["text"] == waiting
    assert waiting in "\n".join(live_texts(opened()))


def test_watch_shows_where_it_trains_and_the_others(active: list[Run]) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page("pages/train.py")
    app.query_params["view"] = "watch"
    app.query_params["run"] = active[0].id
    app.run()
    assert (
        live_items(app, "live-state")["state"]["text"] == "epoch 1 of 3 · this computer, 77 cores"
    )
    assert live_items(app, "queue")["queue"]["text"].startswith("2 in training, 1 waiting")
    assert live_items(app, f"queue-{active[1].id}")[active[1].id]["title"] == "two"
