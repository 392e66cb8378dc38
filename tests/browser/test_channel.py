"""Watch updates through the live channel without script runs, also after reconnecting."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, WebSocket, WebSocketRoute, expect

from cifarviz.runs.records import BatchPoints, Epoch, Progress, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests import stored_runs

BASE = "class/demo"
DRAWN = (
    "e => Math.max(0, ...(e._fullData ?? []).map(t => /batches/i.test(t.name) ? t.x.length : 0))"
)


class Training:
    """A run with the lock and the stored data of an active worker."""

    def __init__(self, store: RunStore) -> None:
        self.store, self.step = store, 0
        self._locks = ExitStack()
        self.run: Run = stored_runs.store_run(
            store, stored_runs.experiment(epochs=4), name="mine", state=RunState.RUNNING, epochs=0
        )
        self._locks.enter_context(stored_runs.hold_lock(store, self.run))
        with store.database.connect(write=True) as connection:
            connection.execute("DELETE FROM batches WHERE run = ?", (self.run.id,))

    def train(self, steps: int) -> None:
        numbers = np.arange(self.step + 1, self.step + steps + 1)
        values = (1 / numbers).astype(np.float32)
        self.step += steps
        progress = Progress("training", 1 + self.step // 100, self.step, 100, 640.0, 9.0, 0.0)
        self.store.record(self.run.id, progress, BatchPoints(numbers, values, values))

    def end_epoch(self, epoch: int) -> None:
        progress = Progress("training", epoch + 1, 100 * epoch, 100, 640.0, 9.0, 0.0)
        self.store.record(self.run.id, progress, epoch=Epoch(epoch, 1.0, 0.5, 1.1, 0.4, 0.001, 2.0))

    def end(self) -> None:
        self.store.transition(self.run.id, RunState.FINISHED)
        self._locks.close()


@pytest.fixture(scope="module")
def server(app_server: Callable[..., AppServer]) -> AppServer:
    return app_server(environment={"STREAMLIT_SERVER_BASE_URL_PATH": BASE, "CIFARVIZ_WARM_UP": "0"})


@pytest.fixture
def training(server: AppServer) -> Iterator[Training]:
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))
    training = Training(store)
    yield training
    if store.get(training.run.id).state.active:
        training.end()


def _watch(page: Page, server: AppServer, training: Training) -> None:
    page.goto(f"{server.url}/train?view=watch&run={training.run.id}")
    expect(page.get_by_role("heading", name="mine")).to_be_visible()


def _expect_points(page: Page, count: int) -> None:
    chart = page.get_by_role("figure", name="Loss")
    page.wait_for_function(f"([e, n]) => ({DRAWN})(e) >= n", arg=[chart.element_handle(), count])


def test_points_and_metrics_update_without_a_script_run(
    server: AppServer, training: Training, page: Page
) -> None:
    messages: list[int] = []

    def count(socket: WebSocket) -> None:
        if "_stcore" in socket.url:
            socket.on("framesent", lambda _: messages.append(1))

    page.on("websocket", count)
    training.train(5)
    _watch(page, server, training)
    _expect_points(page, 5)
    settle(page)
    messages.clear()
    training.train(20)
    _expect_points(page, 25)
    training.train(75)
    training.end_epoch(1)
    _expect_points(page, 100)
    main = page.get_by_test_id("stMainBlockContainer")
    expect(main.get_by_text("2 of 4", exact=True)).to_be_visible()
    expect(main.get_by_text("640")).to_be_visible()
    expect(main.get_by_text("too early to say")).to_be_visible()
    expect(page.get_by_test_id("stSidebar").get_by_text("epoch 2 of 4")).to_be_visible()
    assert not messages


def test_the_page_reruns_when_the_run_has_ended(
    server: AppServer, training: Training, page: Page
) -> None:
    training.train(5)
    _watch(page, server, training)
    main = page.get_by_test_id("stMainBlockContainer")
    expect(main.get_by_role("button", name="Pause")).to_be_visible()
    training.end_epoch(1)
    training.end()
    expect(main.get_by_role("button", name="Train again with changes")).to_be_visible()
    expect(main.get_by_role("button", name="Pause")).to_have_count(0)


def test_the_page_reconnects_to_a_restarted_server_from_the_last_point(
    app_server: Callable[..., AppServer], page: Page, tmp_path: Path
) -> None:
    server = app_server(home=tmp_path / "home", environment={"CIFARVIZ_WARM_UP": "0"})
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))
    training = Training(store)
    opened: list[str] = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    training.train(30)
    _watch(page, server, training)
    _expect_points(page, 30)
    server.stop()
    training.train(10)
    opened.clear()
    server.start()
    _expect_points(page, 40)
    again = next(url for url in opened if f"/live/{training.run.id}" in url)
    assert parse_qs(urlsplit(again).query)["after"][0].startswith("30.")
    training.end()


def test_without_a_socket_the_page_polls_and_shows_a_notice(
    server: AppServer, training: Training, page: Page
) -> None:
    def refuse(route: WebSocketRoute) -> None:
        route.close(code=1011)

    page.route_web_socket(lambda url: "/live/" in url, refuse)
    training.train(5)
    _watch(page, server, training)
    words = page.get_by_test_id("stMainBlockContainer").get_by_text("Live updates do not reach")
    expect(words.first).to_be_visible()
    training.train(20)
    _expect_points(page, 25)
