"""The WebSocket of a real server, for programs and browsers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from cifarviz.live.server import GONE, POLICY_VIOLATION
from cifarviz.runs.records import BatchPoints, Progress, Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT, AppServer
from tests import stored_runs

BASE = "class/demo"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def store(home: Path) -> RunStore:
    return RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))


@pytest.fixture(scope="module")
def run(store: RunStore) -> Iterator[Run]:
    run = stored_runs.store_run(
        store, stored_runs.experiment(epochs=4), state=RunState.RUNNING, epochs=0
    )
    with store.database.connect(write=True) as connection:
        connection.execute("DELETE FROM batches")
    with stored_runs.hold_lock(store, run):
        yield run


@pytest.fixture(scope="module")
def server(home: Path, run: Run) -> Iterator[AppServer]:
    environment = {"STREAMLIT_SERVER_BASE_URL_PATH": BASE, "CIFARVIZ_WARM_UP": "0"}
    with AppServer(ROOT / "app.py", home, home / "log", environment) as server:
        yield server


def _open(server: AppServer, path: str) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}/{BASE}/live/{path}")


def _next(socket: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(socket.recv(timeout=30)))


def _read_on(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=30)


def _train(store: RunStore, run: Run, first: int, count: int) -> None:
    steps = np.arange(first, first + count)
    values = steps.astype(np.float32)
    progress = Progress("training", 1, first + count - 1, 100, None, None, 0.0)
    store.record(run.id, progress, BatchPoints(steps, values, values))


def test_points_are_sent_as_stored_and_continue_after_a_reconnect(
    server: AppServer, store: RunStore, run: Run
) -> None:
    with _open(server, run.id) as socket:
        assert _next(socket)["points"]["steps"] == []
        _train(store, run, 1, 3)
        message = _next(socket)
        assert message["points"]["steps"] == [1, 2, 3]
    _train(store, run, 4, 2)
    with _open(server, f"{run.id}?after={message['position']}") as socket:
        assert _next(socket)["points"] == {
            "after": 3, "stride": 1, "steps": [4, 5], "loss": [4, 5], "accuracy": [4, 5],
        }  # fmt: skip


def test_a_socket_for_an_unknown_feed_is_closed_with_a_reason(server: AppServer) -> None:
    with _open(server, "00000000") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == GONE
        assert "00000000" in closed.value.rcvd.reason


def test_a_socket_that_sends_data_is_closed(server: AppServer, run: Run) -> None:
    with _open(server, run.id) as socket:
        socket.send("x" * 100)
        with pytest.raises(ConnectionClosed) as closed:
            _read_on(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == POLICY_VIOLATION


def test_the_status_names_the_run_in_training(server: AppServer, run: Run) -> None:
    with _open(server, "status") as socket:
        assert _next(socket)["items"]["current"]["title"] == run.name
